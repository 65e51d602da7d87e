#!/usr/bin/env bash
# Validates template.yaml without an AWS account: SAM's validation, cfn-lint of the transformed template (cycles show only there), and checkov,
# whose exceptions are justified in .checkov.yaml.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=$(scripts/tools.sh scripts/requirements-tools.txt)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# No call leaves the machine, but SAM requires a region.
export AWS_DEFAULT_REGION=us-east-1 SAM_CLI_TELEMETRY=0 AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none

echo "sam validate"
"$tools/bin/sam" validate --lint --template template.yaml
echo "transform, cfn-lint"
"$tools/bin/python" scripts/transform.py template.yaml "$work/plain.json"
"$tools/bin/cfn-lint" "$work/plain.json"
echo "sam deploy --guided asks for no route about missing authorization"
"$tools/bin/python" - <<'PYTHON'
from samcli.commands.deploy.auth_utils import auth_per_resource
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider

routes = auth_per_resource(SamLocalStackProvider.get_stacks("template.yaml")[0])
assert len(routes) > 100 and all(authorized for _, authorized in routes), routes
PYTHON
echo "checkov"
for template in template.yaml "$work/plain.json"; do
    "$tools/bin/checkov" --config-file .checkov.yaml --file "$template"
done
