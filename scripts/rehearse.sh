#!/usr/bin/env bash
# A real `sam deploy` of template.yaml with our own binaries, onto MiniStack: an AWS on this machine that we did not write. Deploys, updates,
# runs the end-to-end suite against what came out, and deletes the stack again. The binaries are those that `make package` leaves, which a deployment
# takes; PROFILE=dev rehearses with those of `make build`.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/mariadb.sh
sam=$(scripts/tools.sh scripts/tools.txt)
ministack=$(scripts/tools.sh scripts/rehearse.txt)
cargo build --quiet --workspace --bins --tests --locked
binaries=target/debug
if [ "${PROFILE:-release}" != dev ]; then
    scripts/package.sh
    binaries=.aws-sam/build
fi
exec "$ministack/bin/python" scripts/rehearse.py "$binaries" "$sam/bin"
