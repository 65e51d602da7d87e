"""The part of the rehearsal about the web client: publishes it like `make deploy`, and fetches it through the emulated distribution.

MiniStack serves a distribution's files with their headers. It caches nothing, its distributions do not reach execute-api, and their reads of a
bucket count as plain HTTP, so the rule of the bucket that refuses those is taken away.
"""

import functools
import json
import subprocess
import urllib.error
import urllib.request

import boto3


def claims(stack, endpoint, python):
    """Yields claims about the published client, and whether they hold."""
    publish = functools.partial(subprocess.run, [python, "scripts/publish_web.py", "--stack-name", stack], check=True, stdout=subprocess.DEVNULL)
    publish()
    described = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
    host = outputs["WebUrl"].removeprefix("https://")
    bucket = outputs["WebBucketName"]
    yield "the bucket refuses plain HTTP", fetch(endpoint, host, "/")[0] == 403
    drop_tls_rule(bucket)

    page = fetch(endpoint, host, "/")
    yield "the distribution shows the page, to be revalidated", page[0] == 200 and page[1]["cache-control"] == "no-cache"
    wanted = {"content-security-policy": "frame-ancestors 'none'", "referrer-policy": "no-referrer", "x-content-type-options": "nosniff"}
    yield "the page has the headers of the local cloud", {name: page[1][name] for name in wanted} == wanted
    yield "the page's policy names the bucket", outputs["WebMediaOrigin"] in page[2]
    module = page[2].split('<script type="module" src="')[1].split('"')[0]
    status, headers, _ = fetch(endpoint, host, f"/{module}")
    yield "its modules are kept for ever", status == 200 and headers["cache-control"] == "public, max-age=31536000, immutable"
    config = json.loads(fetch(endpoint, host, "/config.json")[2])
    yield "config.json says where API and socket are", config == {"api": "/", "socket": "/ws"}
    yield "what is not there is refused", fetch(endpoint, host, "/missing.js")[0] in (403, 404)

    # Releases of the past: one that was replaced long ago, one that the manifest does not know.
    client = boto3.client("s3")
    for release in ("00000000000000aa", "00000000000000bb"):
        client.put_object(Bucket=bucket, Key=f"assets/{release}/app/main.js", Body=b"")
    manifest = json.loads(client.get_object(Bucket=bucket, Key="manifest.json")["Body"].read())
    manifest["replaced"] = {"00000000000000aa": "2020-01-01T00:00:00+00:00"}
    client.put_object(Bucket=bucket, Key="manifest.json", Body=json.dumps(manifest).encode())
    publish()
    keys = {item["Key"].split("/")[1] for item in client.list_objects_v2(Bucket=bucket, Prefix="assets/")["Contents"]}
    yield "publishing again removes the release of long ago and no other", keys == {manifest["release"], "00000000000000bb"}
    again = json.loads(client.get_object(Bucket=bucket, Key="manifest.json")["Body"].read())
    yield "the age of the other one begins now", "00000000000000bb" in again["replaced"] and manifest["release"] not in again["replaced"]

    configuration = boto3.client("cloudfront").get_distribution_config(Id=outputs["WebDistributionId"])["DistributionConfig"]
    http = next(origin for origin in configuration["Origins"]["Items"] if origin["Id"] == "http")
    (proof,) = http["CustomHeaders"]["Items"]
    resources = boto3.client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    secret = next(resource["PhysicalResourceId"] for resource in resources if resource["LogicalResourceId"] == "EdgeSecret")
    known = boto3.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
    yield "the distribution proves its requests with the generated secret", (proof["HeaderName"], proof["HeaderValue"]) == ("x-conchat-edge", known)


def drop_tls_rule(bucket):
    client = boto3.client("s3")
    policy = json.loads(client.get_bucket_policy(Bucket=bucket)["Policy"])
    kept = [statement for statement in policy["Statement"] if statement["Sid"] != "TlsOnly"]
    client.put_bucket_policy(Bucket=bucket, Policy=json.dumps({**policy, "Statement": kept}))


def fetch(endpoint, host, path):
    """Asks the distribution as a viewer over TLS; returns status, headers and text."""
    request = urllib.request.Request(endpoint + path, headers={"Host": host, "X-Forwarded-Proto": "https"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers, ""
