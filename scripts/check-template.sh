#!/usr/bin/env bash
# Validates template.yaml without an AWS account: SAM's validation, cfn-lint of the transformed template (cycles show only there), and checkov,
# whose exceptions are justified in .checkov.yaml.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=$(scripts/tools.sh scripts/requirements-sam.txt)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# No call leaves the machine, but SAM requires a region.
export AWS_DEFAULT_REGION=us-east-1 SAM_CLI_TELEMETRY=0 AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none

echo "sam validate"
"$tools/bin/sam" validate --lint --template template.yaml
echo "transform, cfn-lint"
"$tools/bin/python" scripts/transform.py template.yaml "$work/plain.json"
# checkov looks at resources whose conditions hold by default, and SAM adds CodeDeploy only if it is asked for.
"$tools/bin/python" scripts/transform.py template.yaml "$work/whole.json" WebClient=true CreateNetwork=true CreateDatabase=true GradualReleases=true
"$tools/bin/cfn-lint" "$work/plain.json" "$work/whole.json" waf.yaml
echo "sam deploy --guided asks for no route about missing authorization"
"$tools/bin/python" - <<'PYTHON'
from samcli.commands.deploy.auth_utils import auth_per_resource
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider

routes = auth_per_resource(SamLocalStackProvider.get_stacks("template.yaml")[0])
assert len(routes) > 100 and all(authorized for _, authorized in routes), routes
PYTHON
echo "checkov"
for template in template.yaml "$work/plain.json" "$work/whole.json" waf.yaml; do
    "$tools/bin/checkov" --config-file .checkov.yaml --file "$template"
done
