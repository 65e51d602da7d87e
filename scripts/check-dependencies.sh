#!/usr/bin/env bash
# What is built in: licences, sources and bans as deny.toml has them, and no dependency that nothing uses. The two tools are built into .local/cargo
# once. With ADVISORIES=1 known vulnerabilities are looked up, too: that fetches the RustSec database.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=$PWD/.local/cargo
wanted() {
    [ "$("$tools/bin/$1" --version 2>/dev/null | grep -o '[0-9][0-9.]*' | head -n 1)" = "$2" ] && return
    echo "Building $1 $2 into .local/cargo …" >&2
    cargo install --quiet --locked --root "$tools" "$1@$2"
}
wanted cargo-deny 0.20.2
wanted cargo-machete 0.9.2

"$tools/bin/cargo-deny" --locked check licenses bans sources ${ADVISORIES:+advisories}
"$tools/bin/cargo-machete"
