"""Validates both API documents against the schemas of their standards, and every example of a frame against its schema."""

import json
import sys

import jsonschema
from openapi_spec_validator import validate


def openapi(path):
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    validate(document)
    operations = sum(len(item) for item in document["paths"].values())
    print(f"{path}: OpenAPI {document['openapi']}, {operations} operations")


def asyncapi(path, standard):
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    if standard:
        with open(standard, encoding="utf-8") as file:
            jsonschema.Draft7Validator(json.load(file)).validate(document)
    examples = 0
    for name, message in document["components"]["messages"].items():
        shape = {**message["payload"], "components": document["components"]}
        validator = jsonschema.Draft7Validator(shape, format_checker=jsonschema.FormatChecker())
        for example in message["examples"]:
            examples += 1
            for error in validator.iter_errors(example["payload"]):
                sys.exit(f"{path}: the example of {name} does not match its schema: {error.message} at {error.json_path}")
    print(f"{path}: AsyncAPI {document['asyncapi']}{'' if standard else ' (schema not checked: npm is missing)'}, {examples} examples")


openapi("shared/openapi.json")
asyncapi("shared/asyncapi.json", sys.argv[1] if len(sys.argv) > 1 else None)
