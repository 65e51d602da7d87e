#!/usr/bin/env bash
# Runs `sam build` for this machine's architecture or ARCHITECTURE, then checks that Lambda can start each function and prints the size of its zip.
# The result, .aws-sam/build, is the input of `sam deploy`.
set -euo pipefail
cd "$(dirname "$0")/.."

sam=$(scripts/tools.sh scripts/requirements-sam.txt)
build=$(scripts/tools.sh scripts/requirements-build.txt)
machine=$(uname -m)
[ "$machine" != aarch64 ] || machine=arm64
architecture=${ARCHITECTURE:-$machine}

PATH=$build/bin:$PATH SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=${AWS_DEFAULT_REGION:-us-east-1} \
    "$sam/bin/sam" build --parameter-overrides "Architecture=$architecture"
"$sam/bin/python" scripts/package.py "$architecture"
echo "To deploy: sam deploy … --parameter-overrides Architecture=$architecture …"
