#!/usr/bin/env bash
# Builds the functions, deploys the stack, and uploads the web client if the stack hosts it (WebClient=true).
#
#   scripts/deploy.sh dev --region eu-central-1 --parameter-overrides "WebClient=true DatabaseSecretArn=arn:…"
#
# The first argument is a section of samconfig.toml, the others go to `sam deploy`. ARCHITECTURE=x86_64 builds for that processor; the parameter
# Architecture must say the same.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -z "${1:-}" ] || [[ $1 == -* ]]; then
    sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
environment=$1
shift
export ARCHITECTURE=${ARCHITECTURE:-arm64} SAM_CLI_TELEMETRY=${SAM_CLI_TELEMETRY:-0}
if [ "$ARCHITECTURE" != arm64 ] && [[ "$*" != *"Architecture=$ARCHITECTURE"* ]]; then
    echo "Add Architecture=$ARCHITECTURE to --parameter-overrides: the functions are built for it." >&2
    exit 2
fi

tools=$(scripts/tools.sh scripts/requirements-sam.txt)
scripts/package.sh
"$tools/bin/sam" deploy --config-env "$environment" --no-fail-on-empty-changeset "$@"
"$tools/bin/python" scripts/publish_web.py --config-env "$environment" "$@"
