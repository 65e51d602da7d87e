"""The environment that template.yaml gives each function program for a set of parameters: what CloudFormation would resolve, as far as variables need it."""

import pathlib
import re

import yaml

ACCOUNT = "123456789012"


class Tags(yaml.SafeLoader):
    """Reads `!Ref x` as {"Ref": x}."""


def tagged(loader, suffix, node):
    build = {yaml.ScalarNode: loader.construct_scalar, yaml.SequenceNode: loader.construct_sequence, yaml.MappingNode: loader.construct_mapping}
    value = build[type(node)](node, deep=True) if not isinstance(node, yaml.ScalarNode) else loader.construct_scalar(node)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


Tags.add_multi_constructor("!", tagged)


class Template:
    """`resources` overrides what a reference to a resource yields."""

    def __init__(self, file, parameters, region, resources):
        self.sections = yaml.load(pathlib.Path(file).read_text(encoding="utf-8"), Tags)
        self.values = {name: declared.get("Default", "") for name, declared in self.sections["Parameters"].items()}
        unknown = set(parameters) - set(self.values)
        assert not unknown, f"template.yaml has no parameters {unknown}"
        self.values.update(parameters)
        self.values.update({"AWS::Region": region, "AWS::URLSuffix": "amazonaws.com", "AWS::StackName": "conchat", "AWS::AccountId": ACCOUNT})
        self.values.update({"AWS::Partition": "aws", "AWS::NoValue": None})
        self.region, self.resources = region, resources

    def programs(self):
        """The environment of each program, by its name."""
        shared = self.sections["Globals"]["Function"]["Environment"]["Variables"]
        found = {}
        for resource in self.sections["Resources"].values():
            if resource["Type"] == "AWS::Serverless::Function" and resource.get("Metadata", {}).get("BuildProperties"):
                variables = shared | resource["Properties"].get("Environment", {}).get("Variables", {})
                resolved = {name: self.resolve(value) for name, value in variables.items()}
                found[resource["Metadata"]["BuildProperties"]["Binary"]] = {name: str(value) for name, value in resolved.items() if value is not None}
        return found

    def logical_id(self, binary):
        for name, resource in self.sections["Resources"].items():
            if resource.get("Metadata", {}).get("BuildProperties", {}).get("Binary") == binary:
                return name
        raise KeyError(binary)

    def condition(self, name):
        return self.test(self.sections["Conditions"][name])

    def test(self, value):
        [(function, argument)] = value.items()
        if function == "Condition":
            return self.condition(argument)
        if function == "Fn::Equals":
            return self.resolve(argument[0]) == self.resolve(argument[1])
        if function == "Fn::Not":
            return not self.test(argument[0])
        results = [self.test(one) for one in argument]
        return {"Fn::And": all, "Fn::Or": any}[function](results)

    def resolve(self, value):
        if isinstance(value, list):
            return [self.resolve(one) for one in value]
        if not isinstance(value, dict):
            return value
        [(function, argument)] = value.items()
        if function == "Ref":
            return self.reference(argument)
        if function == "Fn::GetAtt":
            return self.resources.get(".".join(argument), f"arn:aws:lambda:{self.region}:{ACCOUNT}:function:{argument[0]}")
        if function == "Fn::If":
            return self.resolve(argument[1] if self.condition(argument[0]) else argument[2])
        if function == "Fn::Join":
            parts = self.resolve(argument[1])
            return argument[0].join(parts.split(",") if isinstance(parts, str) else parts)
        if function == "Fn::Sub":
            return re.sub(r"\$\{([^}]+)\}", lambda match: str(self.reference(match[1])), argument)
        raise NotImplementedError(function)

    def reference(self, name):
        if name in self.values:
            return self.values[name]
        if name in self.resources:
            return self.resources[name]
        resource = self.sections["Resources"].get(name.split(".")[0], {})
        if resource.get("Type") == "AWS::SecretsManager::Secret":
            return f"arn:aws:secretsmanager:{self.region}:{ACCOUNT}:secret:{name}-AbCdEf"
        if resource.get("Type") == "AWS::SQS::Queue":
            return f"https://sqs.{self.region}.amazonaws.com/{ACCOUNT}/{name}"
        return name
