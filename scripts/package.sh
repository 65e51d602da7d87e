#!/usr/bin/env bash
# `sam build` with the tools that it needs, for this machine's architecture unless ARCHITECTURE says otherwise; then what each function's zip weighs,
# and whether Lambda's system can start it. What comes out, .aws-sam/build, is what `sam deploy` takes.
set -euo pipefail
cd "$(dirname "$0")/.."

sam=$(scripts/tools.sh scripts/tools.txt)
build=$(scripts/tools.sh scripts/build.txt)
machine=$(uname -m)
[ "$machine" != aarch64 ] || machine=arm64
architecture=${ARCHITECTURE:-$machine}

PATH=$build/bin:$PATH SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=${AWS_DEFAULT_REGION:-us-east-1} \
    "$sam/bin/sam" build --parameter-overrides "Architecture=$architecture"
"$sam/bin/python" scripts/package.py "$architecture"
echo "To deploy it: sam deploy … --parameter-overrides Architecture=$architecture …"
