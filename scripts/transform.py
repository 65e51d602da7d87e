"""Runs the SAM transform as CloudFormation does: converts template.yaml to plain CloudFormation for linting.

Circular references between generated resources, and fixed names that prevent a second stack in the account, show only here.

    python scripts/transform.py template.yaml out.json [Parameter=value …]
"""

import json
import sys

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform


# Name properties that must be unique in an account or region; CloudFormation generates names if they are absent.
NAMES = {
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Events::Rule": "Name",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::RDS::DBCluster": "DBClusterIdentifier",
    "AWS::RDS::DBClusterParameterGroup": "DBClusterParameterGroupName",
    "AWS::RDS::DBInstance": "DBInstanceIdentifier",
    "AWS::RDS::DBSubnetGroup": "DBSubnetGroupName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::Scheduler::Schedule": "Name",
    "AWS::SecretsManager::Secret": "Name",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
}


class NoManagedPolicies:
    """The template uses none, so no account is queried."""

    def load(self):
        return {}


def is_fixed(resource, resources):
    """Whether a resource has a name that does not contain the generated name of another resource."""
    name = resource.get("Properties", {}).get(NAMES.get(resource["Type"]))
    return name is not None and not any(f"${{{other}}}" in json.dumps(name, default=str) for other in resources)


def main(source, target, *overrides):
    with open(source, encoding="utf-8") as file:
        template = yaml_parse(file.read())
    for name, value in (override.split("=", 1) for override in overrides):
        template["Parameters"][name]["Default"] = value
    # As `sam package` does, replace the local folder by an object in a bucket.
    template["Globals"]["Function"]["CodeUri"] = "s3://artefacts/function.zip"
    values = {name: parameter.get("Default", "") for name, parameter in template["Parameters"].items()}
    plain = transform(template, values, NoManagedPolicies())
    with open(target, "w", encoding="utf-8") as file:
        json.dump(plain, file, indent=1, default=str)
    named = [name for name, resource in plain["Resources"].items() if is_fixed(resource, plain["Resources"])]
    if named:
        sys.exit(f"these resources have fixed names, which prevent a second stack: {', '.join(named)}")
    kinds = {resource["Type"] for resource in plain["Resources"].values()}
    print(f"{len(plain['Resources'])} resources of {len(kinds)} types after the transform")


if __name__ == "__main__":
    main(*sys.argv[1:])
