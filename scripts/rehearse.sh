#!/usr/bin/env bash
# Runs `sam deploy` of template.yaml on MiniStack, an independent AWS emulator: deploys, updates, runs the end-to-end suite against the stack and
# deletes it. Uses the binaries of `make package`, as a deployment does; PROFILE=dev uses those of `make build`.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/mariadb.sh
sam=$(scripts/tools.sh scripts/requirements-sam.txt)
ministack=$(scripts/tools.sh scripts/requirements-rehearse.txt)
cargo build --quiet --workspace --bins --tests --locked
binaries=target/debug
if [ "${PROFILE:-release}" != dev ]; then
    scripts/package.sh
    binaries=.aws-sam/build
fi
exec "$ministack/bin/python" scripts/rehearse.py "$binaries" "$sam/bin"
