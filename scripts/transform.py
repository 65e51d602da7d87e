"""The SAM transform, as CloudFormation runs it: template.yaml in, plain CloudFormation out, so that it can be linted.

Circular references between the resources that SAM makes show only here.

    python scripts/transform.py template.yaml out.json
"""

import json
import sys

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform


class NoManagedPolicies:
    """The template names none, so nothing is looked up in an account."""

    def load(self):
        return {}


def main(source, target):
    with open(source, encoding="utf-8") as file:
        template = yaml_parse(file.read())
    # What `sam package` does: a local folder becomes an object in a bucket.
    template["Globals"]["Function"]["CodeUri"] = "s3://artefacts/function.zip"
    values = {name: parameter.get("Default", "") for name, parameter in template["Parameters"].items()}
    plain = transform(template, values, NoManagedPolicies())
    with open(target, "w", encoding="utf-8") as file:
        json.dump(plain, file, indent=1, default=str)
    kinds = {resource["Type"] for resource in plain["Resources"].values()}
    print(f"{len(plain['Resources'])} resources of {len(kinds)} types after the transform")


if __name__ == "__main__":
    main(*sys.argv[1:])
