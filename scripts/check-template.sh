#!/usr/bin/env bash
# Everything that can be known of template.yaml without an account: SAM's own validation, the transform and a lint of what comes out of it
# (cycles show only there), and checkov, whose skips are argued in .checkov.yaml.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=$(scripts/tools.sh scripts/tools.txt)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# No call leaves the machine; SAM wants a region all the same.
export AWS_DEFAULT_REGION=us-east-1 SAM_CLI_TELEMETRY=0 AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none

echo "sam validate"
"$tools/bin/sam" validate --lint --template template.yaml
echo "transform, cfn-lint"
"$tools/bin/python" scripts/transform.py template.yaml "$work/plain.json"
"$tools/bin/cfn-lint" "$work/plain.json"
echo "sam deploy --guided asks of no route whether it may be open"
"$tools/bin/python" - <<'PYTHON'
from samcli.commands.deploy.auth_utils import auth_per_resource
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider

routes = auth_per_resource(SamLocalStackProvider.get_stacks("template.yaml")[0])
assert len(routes) > 100 and all(said for _, said in routes), routes
PYTHON
echo "checkov"
for template in template.yaml "$work/plain.json"; do
    "$tools/bin/checkov" --config-file .checkov.yaml --file "$template"
done
