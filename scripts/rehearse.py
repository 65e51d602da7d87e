"""Deploys template.yaml with SAM on MiniStack, tests the stack and deletes it. Started by scripts/rehearse.sh.

Differences between MiniStack and AWS, and their workarounds:

* The HTTP API's routes in SAM's OpenAPI body are ignored: they are created through the API of API Gateway from that body.
* A greedy variable at the end of a path does not match an empty rest: a second route that ends in the slash is created.
* Alarms over several metrics are rejected and omitted (cfn-lint validates them).
* There is no DNS: both APIs are paths of one port. The template's two URLs of the WebSocket API are rewritten, and functions get endpoints.
* An authorizer without identity sources gets the header Authorization: tickets, and tokens in the query or subprotocol, are refused.
* An authorizer that throws "Unauthorized" gives 500 instead of 401; a refusal of $connect is always 403.
* The handshake's response has no subprotocol; frames of any kind and size are accepted; a frame with the action "$connect" runs that route.
* Bodies are decoded leniently before they reach a function, and percent-encoded slashes of a path before route selection.
* The maximum concurrency of an event source mapping is compared as text when a parameter gives it: the template gets the parameter's default.
* A Join inside a condition is not evaluated: conditions get a Select of the list's first item.
* A frame takes 100 ms: messages of fifty concurrent writers in one room arrive too late.

Tests of these features are skipped by name below; they run against the local cloud.
"""

import json
import os
import pathlib
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

import boto3
import pymysql

import rehearse_web

# Functions inherit MiniStack's environment and would use external stores.
WITHHELD = {name: os.environ.pop(name) for name in ("DATABASE_URL", "JWT_SECRET", "VAPID_SECRET") if name in os.environ}
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    PORT = probe.getsockname()[1]
ENDPOINT = f"http://127.0.0.1:{PORT}"
STACK = "conchat-rehearsal"
SERVICES = "apigateway,cloudformation,cloudfront,cloudwatch,dynamodb,events,iam,lambda,logs,monitoring,s3,secretsmanager,sns,sqs,ssm,sts,ec2,rds"
MINISTACK = pathlib.Path(sys.executable).parent
BINARIES, SAM = map(pathlib.Path, sys.argv[1:3])
ARCHITECTURE = "Architecture=" + {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
NEWEST = int(re.search(r"(?m)^      Version: (\d+)$", pathlib.Path("template.yaml").read_text(encoding="utf-8"))[1])
# Rate limits for the suite: hundreds of users share one address.
WIDE = [
    *(f"Rate{what}=100000/10" for what in ("Send", "Change", "Repeat", "Frames", "Act", "Register", "Login", "Connect", "Search", "Upload")),
    "LoginRequestsPerSecond=10000",
    "WebClient=true",
]
SKIPPED = [
    # Unsupported by MiniStack, see above.
    "a_ticket", "in_every_place", "what_is_no_credential", "logging_out_ends", "to_a_hidden_one_is_not_found",
    "a_lean_frame_says_nothing_twice", "binary_and_oversized", "a_frame_that_cannot_be_done", "bodies_that_are_no_json",
    "invalid_uploads_are_refused_with_the_field", "fifty_writers_in_one_room",
]


def main():
    work = pathlib.Path(tempfile.mkdtemp(prefix="rehearsal-"))
    running = []
    try:
        step("a database and MiniStack")
        url = start_database(work, running)
        start_ministack(work, running)
        secrets = make_secrets(url)
        built = build(work)
        step("sam deploy")
        deploy(built, [*secrets, ARCHITECTURE])
        apis = create_routes(work)
        check("the migration ran and every store responds", is_ready(apis["http"]))
        step("sam deploy again, with other parameters")
        deploy(built, [*secrets, ARCHITECTURE, *WIDE])
        apis = create_routes(work)
        check("the stack still responds", is_ready(apis["http"]))
        check("versions of functions have the new parameters", setting_of("SendFunction", "RATE_SEND") == "100000/10")
        check("half a network is refused", is_refused(built, [*secrets, ARCHITECTURE, *WIDE, "VpcSubnetIds=subnet-1"]))
        step("the web client")
        for claim, holds in rehearse_web.claims(STACK, ENDPOINT, str(SAM / "python")):
            check(claim, holds)
        step("sam deploy of the next release with a half-applied migration")
        following = next_release(built)
        interrupt_migration(url)
        check_failed_deployment(following, [*secrets, ARCHITECTURE, *WIDE])
        check("the stack still responds", is_ready(apis["http"]))
        step("sam deploy of the next release after settling the migration")
        settle_migration()
        deploy(following, [*secrets, ARCHITECTURE, *WIDE])
        apis = create_routes(work)
        check("the stack still responds", is_ready(apis["http"]))
        step("the end-to-end suite")
        run_suite(apis)
        step("sam delete")
        sam("delete", "--stack-name", STACK, "--no-prompts", "--region", "us-east-1")
        check("no resource of the stack remains", not functions_left())
        print("\nThe rehearsal succeeded.")
    finally:
        for process in reversed(running):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(work, ignore_errors=True)


def start_database(work, running):
    log = open(work / "database.log", "w+", encoding="utf-8")
    running.append(subprocess.Popen(["target/debug/local", "mysql", "--data", str(work / "data")], stdout=log, stderr=log))
    return wait_for(lambda: re.search(r"mysql://\S+", (work / "database.log").read_text()), "the database's URL")[0]


def start_ministack(work, running):
    log = open(work / "ministack.log", "w", encoding="utf-8")
    environment = dict(os.environ, GATEWAY_PORT=str(PORT), MINISTACK_HOST="127.0.0.1", IOT_MTLS_ENABLED="0", SERVICES=SERVICES)
    # MiniStack's own command listens on all interfaces.
    command = [str(MINISTACK / "hypercorn"), "ministack.app:app", "--bind", f"127.0.0.1:{PORT}"]
    running.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
    wait_for(lambda: responds(f"{ENDPOINT}/_ministack/health"), "MiniStack")


def make_secrets(url):
    """The stack makes its other secrets itself."""
    return [f"DatabaseSecretArn={boto3.client('secretsmanager').create_secret(Name='conchat/database', SecretString=url)['ARN']}"]


def build(work):
    """Creates the output of `sam build`: the template, and a folder with the code of each function."""
    parts = re.split(r"(?m)^(?=  [A-Z][A-Za-z]+:\n    Type: )", pathlib.Path("template.yaml").read_text(encoding="utf-8"))
    for index, part in enumerate(parts):
        if binary := re.search(r"Binary: ([a-z]+)\}", part):
            folder = work / "build" / binary[1]
            folder.mkdir(parents=True)
            packaged = BINARIES / part.split(":", 1)[0].strip() / "bootstrap"
            shutil.copy(packaged if packaged.exists() else BINARIES / binary[1], folder / "bootstrap")
            subprocess.run(["strip", str(folder / "bootstrap")], check=False)
            parts[index] = part.replace("    Properties:\n", f"    Properties:\n      CodeUri: {folder}\n", 1)
    text = "".join(part for part in parts if not ("AWS::CloudWatch::Alarm" in part and "      Metrics:\n" in part))
    host = "${WebSocketApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}"
    for scheme, local in (("https", "http"), ("wss", "ws")):
        text = text.replace(f"{scheme}://{host}/", f"{local}://127.0.0.1:{PORT}/_aws/execute-api/${{WebSocketApi}}/")
    hosts = ",".join(f"{name}.us-east-1.amazonaws.com={ENDPOINT}" for name in ("dynamodb", "lambda", "s3", "secretsmanager", "sqs"))
    endpoints = f"        LOCAL_ENDPOINTS: {hosts}\n"
    text = text.replace('!Equals [!Join ["", !Ref VpcSubnetIds], ""]', '!Equals [!Select [0, !Ref VpcSubnetIds], ""]')
    concurrency = re.search(r"(?m)^  QueueConcurrency:\n    Type: Number\n    Default: (\d+)$", text)[1]
    text = text.replace("MaximumConcurrency: !Ref QueueConcurrency", f"MaximumConcurrency: {concurrency}")
    anchor = "        LOG_LEVEL: !Ref LogLevel\n"
    assert text.count(anchor) == 1, "Globals set LOG_LEVEL once"
    target = work / "build" / "template.yaml"
    target.write_text(text.replace(anchor, anchor + endpoints), encoding="utf-8")
    return target


def deploy(template, parameters):
    try:
        sam(
            "deploy", "--template", str(template), "--stack-name", STACK, "--resolve-s3", "--capabilities", "CAPABILITY_IAM",
            "--no-confirm-changeset", "--no-progressbar", "--no-fail-on-empty-changeset", "--parameter-overrides", *parameters,
        )
    except subprocess.CalledProcessError:
        for event in boto3.client("cloudformation").describe_stack_events(StackName=STACK)["StackEvents"]:
            if "FAILED" in event["ResourceStatus"]:
                print(event["LogicalResourceId"], event["ResourceStatus"], event.get("ResourceStatusReason"), flush=True)
        raise


def is_refused(template, parameters):
    """Whether the rules of the template refuse the parameters before anything changes."""
    try:
        deploy(template, parameters)
    except subprocess.CalledProcessError:
        return boto3.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"] == "UPDATE_COMPLETE"
    return False


def next_release(built):
    """Creates a later release: one more migration and another environment of every function."""
    text = built.read_text(encoding="utf-8")
    for before, after in ((f"      Version: {NEWEST}\n", f"      Version: {NEWEST + 1}\n"), ("LOG_LEVEL: !Ref LogLevel\n", "LOG_LEVEL: warn\n")):
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    target = built.with_name("next.yaml")
    target.write_text(text, encoding="utf-8")
    return target


def interrupt_migration(url):
    """Records a migration that was interrupted by a crash of its server."""
    parts = urllib.parse.urlsplit(url)
    database = pymysql.connect(
        host=parts.hostname, port=parts.port, user=parts.username, password=urllib.parse.unquote(parts.password or ""),
        database=parts.path.strip("/"), autocommit=True,
    )
    with database, database.cursor() as cursor:
        cursor.execute("insert into _sqlx_migrations values (%s, 'of the next release', now(), false, '', -1)", (NEWEST + 1,))


def check_failed_deployment(template, parameters):
    """Checks that the deployment fails at the migration with a reason and rolls back to a working stack."""
    client = boto3.client("cloudformation")
    before = log_levels()
    try:
        deploy(template, parameters)
    except subprocess.CalledProcessError:
        pass
    else:
        raise SystemExit("FAILED: the deployment did not fail")
    events = client.describe_stack_events(StackName=STACK)["StackEvents"]
    why = [event.get("ResourceStatusReason", "") for event in events if (event["LogicalResourceId"], event["ResourceStatus"]) == ("Migration", "UPDATE_FAILED")]
    check("the migration failed once and reported the reason", len(why) == 1 and f"migration {NEWEST + 1} stopped half-way" in why[0])
    status = client.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"]
    check(f"the stack is rolled back: {status}", status == "UPDATE_ROLLBACK_COMPLETE" and log_levels() == before == {"info"})


def log_levels():
    return {function["Environment"]["Variables"]["LOG_LEVEL"] for function in boto3.client("lambda").list_functions()["Functions"]}


def setting_of(function, variable):
    """What callers of a function meet: the environment of the version that its alias points to."""
    resources = boto3.client("cloudformation").describe_stack_resources(StackName=STACK)["StackResources"]
    name = next(resource["PhysicalResourceId"] for resource in resources if resource["LogicalResourceId"] == function)
    configuration = boto3.client("lambda").get_function_configuration(FunctionName=name, Qualifier="live")
    return configuration["Environment"]["Variables"][variable]


def settle_migration():
    """Marks the interrupted migration as not applied, as an operator would after a check."""
    names = [function["FunctionName"] for function in boto3.client("lambda").list_functions()["Functions"]]
    name = next(name for name in names if "MigrateFunction" in name)
    command = json.dumps({"direction": "settle", "version": NEWEST + 1, "applied": False})
    answer = json.load(boto3.client("lambda").invoke(FunctionName=name, Payload=command)["Payload"])
    check("the interrupted migration is settled", answer == {"version": NEWEST})


def create_routes(work):
    """Creates the HTTP API's routes from the OpenAPI body of the transform and returns both base URLs."""
    plain = work / "plain.json"
    subprocess.run([str(SAM / "python"), "scripts/transform.py", "template.yaml", str(plain)], check=True, stdout=subprocess.DEVNULL)
    paths = json.loads(plain.read_text(encoding="utf-8"))["Resources"]["HttpApi"]["Properties"]["Body"]["paths"]
    resources = boto3.client("cloudformation").describe_stack_resources(StackName=STACK)["StackResources"]
    ids = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources}
    gateway, functions = boto3.client("apigatewayv2"), boto3.client("lambda")
    api = ids["HttpApi"]
    present = {route["RouteKey"] for route in gateway.get_routes(ApiId=api)["Items"]}
    integrations = {}
    greedy = "{proxy+}"
    paths |= {path.removesuffix(greedy): operations for path, operations in paths.items() if path.endswith(greedy)}
    for path, operations in paths.items():
        for method, operation in operations.items():
            key = f"{method.upper()} {path}"
            uri = json.dumps(operation.get("x-amazon-apigateway-integration", {}).get("uri", ""))
            # Routes call the alias that a deployment publishes.
            name = next((name for name in ids if f"${{{name}Aliaslive}}" in uri), None)
            if name is None or key in present:
                continue
            if name not in integrations:
                arn = functions.get_alias(FunctionName=ids[name], Name="live")["AliasArn"]
                made = gateway.create_integration(
                    ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=arn, PayloadFormatVersion="2.0"
                )
                integrations[name] = made["IntegrationId"]
            gateway.create_route(ApiId=api, RouteKey=key, Target=f"integrations/{integrations[name]}")
    base = f"127.0.0.1:{PORT}/_aws/execute-api"
    return {"http": f"http://{base}/{api}", "ws": f"ws://{base}/{ids['WebSocketApi']}/ws"}


def run_suite(apis):
    environment = dict(os.environ, **WITHHELD, API_URL=apis["http"], WS_URL=apis["ws"])
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        environment.pop(name, None)
    command = ["cargo", "test", "--workspace", "--locked", "--test", "e2e", "--", "--test-threads", "2"]
    for name in [*SKIPPED, *local_cloud_tests()]:
        command += ["--skip", name]
    subprocess.run(command, env=environment, check=True, timeout=900)


def local_cloud_tests():
    """Tests that inject faults, inspect internals or change the configuration: they start their own local clouds and do not test this stack."""
    shape = re.compile(r"^(?:pub\(\w+\) )?(?:async )?fn (\w+)\((.*?)\n\}\n", re.DOTALL | re.MULTILINE)
    functions = [one for file in pathlib.Path("functions/tests/e2e").rglob("*.rs") for one in shape.findall(file.read_text(encoding="utf-8"))]
    local = found = {"own_world", "cloud", "Wire::to"}
    # Include callers transitively.
    while found:
        found = {name for name, body in functions if any(f"{one}(" in body for one in local)} - local
        local = local | found
    return local & {name for name, body in functions if body.startswith(")")}


def is_ready(base):
    with urllib.request.urlopen(f"{base}/health/ready", timeout=30) as answer:
        checks = json.load(answer)["checks"]
    return bool(checks) and all(check["status"] == "ok" for check in checks)


def functions_left():
    return [function["FunctionName"] for function in boto3.client("lambda").list_functions()["Functions"]]


def sam(*arguments):
    subprocess.run([str(SAM / "sam"), *arguments], check=True, stdout=subprocess.DEVNULL, timeout=300)


def responds(url):
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status < 500
    except OSError:
        return False


def wait_for(what, name):
    for _ in range(1200):
        if found := what():
            return found
        time.sleep(0.1)
    raise SystemExit(f"{name} did not appear within two minutes")


def check(claim, holds):
    if not holds:
        raise SystemExit(f"FAILED: {claim}")
    print(f"ok: {claim}", flush=True)


def step(name):
    print(f"\n== {name}", flush=True)


if __name__ == "__main__":
    os.environ.update(
        AWS_ENDPOINT_URL=ENDPOINT, AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION="us-east-1",
        AWS_REGION="us-east-1", SAM_CLI_TELEMETRY="0",
    )
    main()
