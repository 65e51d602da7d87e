"""Holds the two committed documents of the API against the schemas of their own standards, every example of a frame against the shape beside it,
and the Markdown files against the repository: links, anchors, named files and named tests exist, and the tables of routes have every route."""

import glob
import itertools
import json
import re
import subprocess
import sys
from pathlib import Path

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


LINK = re.compile(r"\]\(([^)\s]+)\)")
# A file or folder in code style; `{a,b}` stands for both, and `…`, `<…>` and `*` for what is not written out.
NAMED = re.compile(r"`((?:functions|shared|local|scripts|docs|\.ci|\.github|\.sqlx)/[^`\s:]*)`")
ROUTES = re.compile(r"`((?:(?:GET|POST|PUT|PATCH|DELETE) )+)(/[^`?]*)(?:\?[^`]*)?`")
TEST = re.compile(r"`(\w+)((?:::\w+)*)::(\w+)`")


def anchors(text):
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def spelled_out(path):
    """The paths that `{a,b}` stands for."""
    parts = [part[1:-1].split(",") if part.startswith("{") else [part] for part in re.split(r"(\{[^}]*\})", path)]
    return ["".join(choice) for choice in itertools.product(*parts)]


def routes(path, files):
    """Every route of the OpenAPI document is in the first table of one of these files, and no other."""
    with open(path, encoding="utf-8") as file:
        paths = json.load(file)["paths"]
    served = {f"{method.upper()} {route}" for route, item in paths.items() for method in item}
    listed = []
    for file in files:
        table = Path(file).read_text(encoding="utf-8").split("| subject | routes |")[1].split("\n\n")[0]
        listed += [f"{method} {route}" for methods, route in ROUTES.findall(table) for method in methods.split()]
    wrong = [f"{route} stands twice" for route in sorted(set(listed)) if listed.count(route) > 1]
    wrong += [f"{route} is missing" for route in sorted(served - set(listed))]
    wrong += [f"there is no {route}" for route in sorted(set(listed) - served)]
    if wrong:
        sys.exit("\n".join(f"{' and '.join(files)}: {text}" for text in wrong))
    print(f"{' and '.join(files)}: all {len(served)} routes")


def markdown(files):
    tests = None
    wrong, links, named = [], 0, 0
    for file in files:
        text = Path(file).read_text(encoding="utf-8")
        for link in LINK.findall(text):
            if re.match(r"[a-z]+:", link):
                continue
            links += 1
            path, _, anchor = link.partition("#")
            target = Path(file).parent / path if path else Path(file)
            # GitHub's own pages are above the repository.
            if not target.exists() and not path.startswith("../../"):
                wrong.append(f"{file}: {link} leads nowhere")
            elif anchor and anchor not in anchors(target.read_text(encoding="utf-8")):
                wrong.append(f"{file}: {link} names no heading")
        for path in itertools.chain.from_iterable(spelled_out(path) for path in NAMED.findall(text)):
            named += 1
            if not re.search(r"[…<*]", path) and not Path(path).exists():
                wrong.append(f"{file}: there is no {path}")
        if file != "docs/legacy-clients.md":
            continue
        tests = TEST.findall(text)
        for module, _, test in tests:
            places = itertools.product(("functions", "shared"), (f"{module}.rs", f"{module}/mod.rs"))
            sources = itertools.chain.from_iterable(glob.glob(f"{root}/**/{name}", recursive=True) for root, name in places)
            if not any(f"fn {test}(" in Path(source).read_text(encoding="utf-8") for source in sources):
                wrong.append(f"{file}: there is no test {module}::{test}")
    if wrong:
        sys.exit("\n".join(wrong))
    if not tests or links < 50 or named < 50:
        sys.exit(f"only {links} links, {named} files and {len(tests or [])} tests were found in the documents")
    print(f"{len(files)} documents: {links} links, {named} files and {len(tests)} tests that they name exist")


openapi("shared/openapi.json")
asyncapi("shared/asyncapi.json", sys.argv[1] if len(sys.argv) > 1 else None)
routes("shared/openapi.json", ["docs/api.md", "docs/legacy-clients.md"])
markdown(subprocess.run(["git", "ls-files", "*.md"], check=True, capture_output=True, text=True).stdout.split())
