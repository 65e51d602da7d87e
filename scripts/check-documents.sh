#!/usr/bin/env bash
# Validates the API documents: OpenAPI 3.1 with a tool from PyPI, AsyncAPI 3 with the official schema from npm, and every example of a frame
# against its schema.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=$(scripts/tools.sh scripts/documents.txt)
specs=6.11.1
standard=.local/tools/asyncapi-$specs.json
if [ ! -f "$standard" ] && command -v npm >/dev/null; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    npm pack --silent --pack-destination "$work" "@asyncapi/specs@$specs" >/dev/null
    tar -xzf "$work"/asyncapi-specs-*.tgz -C "$work"
    cp "$work/package/schemas/3.0.0-without-\$id.json" "$standard"
fi
[ -f "$standard" ] || standard=
"$tools/bin/python" scripts/check-documents.py $standard
