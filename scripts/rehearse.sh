#!/usr/bin/env bash
# A real `sam deploy` of template.yaml with our own binaries, onto MiniStack: an AWS on this machine that we did not write. Deploys, updates,
# runs the end-to-end suite against what came out, and deletes the stack again. PROFILE=dev rehearses with the binaries of `make build`.
set -euo pipefail
cd "$(dirname "$0")/.."

profile=${PROFILE:-release}
scripts/mariadb.sh
sam=$(scripts/tools.sh scripts/tools.txt)
ministack=$(scripts/tools.sh scripts/rehearse.txt)
cargo build --quiet --workspace --bins --locked --profile "$profile"
cargo build --quiet --workspace --bins --tests --locked
folder=$([ "$profile" = dev ] && echo debug || echo "$profile")
exec "$ministack/bin/python" scripts/rehearse.py "target/$folder" "$sam/bin"
