#!/usr/bin/env bash
# The documents against the schemas of their standards: OpenAPI 3.1 by a tool from PyPI, AsyncAPI 3 by the schema that its makers publish on npm,
# and every example of a frame against the shape beside it. Then what the Markdown files link to and name.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=$(scripts/tools.sh scripts/requirements-documents.txt)
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
