"""Uploads the web client to the bucket of a stack with WebClient=true. `make deploy` runs it after `sam deploy`.

    python scripts/publish_web.py --config-env dev --region eu-central-1

Takes the stack's name like `sam deploy`: from --stack-name or from samconfig.toml. Repeating it changes nothing. Files whose names have a hash come
first, index.html comes last, so that no page refers to a file that is not there yet. Pages that are already open go on loading modules of their
release, which stays for KEPT days after another one has replaced it.
"""

import argparse
import datetime
import json
import pathlib
import sys
import tempfile
import uuid
from urllib.parse import urlsplit

import boto3
import botocore.exceptions
import tomlkit

import web

KEPT = datetime.timedelta(days=14)
# Says which release is current, and when the others were replaced.
MANIFEST = "manifest.json"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--config-env", default="default")
    parser.add_argument("--stack-name")
    parser.add_argument("--region")
    parser.add_argument("--profile")
    # The other options of `sam deploy` are not for this script.
    given, _ = parser.parse_known_args()
    stack_name = given.stack_name or configured(given.config_env, "stack_name")
    if stack_name is None:
        sys.exit(f"samconfig.toml names no stack in [{given.config_env}.global.parameters]: give --stack-name.")
    session = boto3.Session(profile_name=given.profile, region_name=given.region or configured(given.config_env, "region"))
    if session.region_name is None:
        sys.exit("No region is known: give --region, or set AWS_DEFAULT_REGION.")
    try:
        publish(session, stack_name)
    except botocore.exceptions.ClientError as error:
        sys.exit(f"{stack_name}: {error}")


def configured(environment, name):
    sections = tomlkit.parse(pathlib.Path("samconfig.toml").read_text(encoding="utf-8")).get(environment, {})
    for command in ("deploy", "global"):
        value = sections.get(command, {}).get("parameters", {}).get(name)
        if value is not None:
            return str(value)
    return None


def publish(session, stack_name):
    stack = session.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"][0]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
    if "WebUrl" not in outputs:
        print(f"{stack_name} has no web client; WebClient=true adds one.")
        return
    parameters = {parameter["ParameterKey"]: parameter.get("ParameterValue", "") for parameter in stack.get("Parameters", [])}
    url, bucket = outputs["WebUrl"], outputs["WebBucketName"]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        manifest = web.build(folder, outputs["WebConfig"], url, outputs["WebMediaOrigin"])
        removed = upload(session.client("s3"), bucket, folder, manifest)
    # One path, as CloudFront counts; names with a hash never change.
    session.client("cloudfront").create_invalidation(
        DistributionId=outputs["WebDistributionId"],
        InvalidationBatch={"Paths": {"Quantity": 1, "Items": ["/*"]}, "CallerReference": uuid.uuid4().hex},
    )
    print(f"{url}: release {manifest['release']}, {len(manifest['files'])} files; {removed} files of older releases removed")
    origins = [origin.strip() for origin in parameters.get("CorsOrigins", "*").split(",")]
    if "*" not in origins and url not in origins and urlsplit(url).hostname != parameters.get("WebDomainName"):
        allowed = ",".join([*filter(None, origins), url])
        sys.exit(f"CorsOrigins does not have {url}: its sockets and files are refused. Deploy again with CorsOrigins={allowed}.")


def upload(client, bucket, folder, manifest):
    """Uploads what is missing, the page last, and removes releases that were replaced long ago. Returns the number of removed files."""
    present = list_keys(client, bucket)
    replaced = replaced_releases(client, bucket, present, manifest["release"])
    order = sorted(manifest["files"], key=lambda name: (not name.startswith("assets/"), name == "index.html", name))
    for name in order:
        if name not in present or not name.startswith("assets/"):
            file = manifest["files"][name]
            put(client, bucket, name, (folder / name).read_bytes(), file["type"], file["cache"])
    # Written before anything is removed: an interrupted removal goes on next time.
    content = json.dumps({**manifest, "replaced": replaced}, indent=1).encode()
    put(client, bucket, MANIFEST, content, web.TYPES[".json"], web.REVALIDATED)
    oldest = (now() - KEPT).isoformat()
    old = {release for release, since in replaced.items() if since < oldest}
    gone = [key for key in present if release_of(key) in old]
    for start in range(0, len(gone), 1000):
        objects = [{"Key": key} for key in gone[start : start + 1000]]
        refused = client.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True}).get("Errors", [])
        if refused:
            sys.exit(f"{bucket}: {refused[0]['Key']} was not removed: {refused[0]['Message']}")
    return len(gone)


def replaced_releases(client, bucket, present, current):
    """When each other release of the bucket was replaced; one that no manifest names, now."""
    before = json.loads(client.get_object(Bucket=bucket, Key=MANIFEST)["Body"].read()) if MANIFEST in present else {}
    known = before.get("replaced", {})
    others = {release_of(key) for key in present} - {None, current}
    return {release: known.get(release, now().isoformat()) for release in sorted(others)}


def release_of(key):
    parts = key.split("/")
    return parts[1] if parts[0] == "assets" and len(parts) > 2 else None


def list_keys(client, bucket):
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {item["Key"] for page in pages for item in page.get("Contents", [])}


def put(client, bucket, name, content, kind, cache):
    client.put_object(Bucket=bucket, Key=name, Body=content, ContentType=kind, CacheControl=cache)


def now():
    return datetime.datetime.now(datetime.timezone.utc)


if __name__ == "__main__":
    main()
