"""Runs the function programs against stand-ins of AWS that answer under the real host names. Started by scripts/rehearse-network.sh.

The environment is what template.yaml gives a deployment with CreateDatabase=true into a VPC. Every name that a program may call is one of botocore's
endpoint rules; names with IPv6 lead to ::1 alone, as in a VPC without NAT. A program that makes another name reaches nothing. All certificates are
signed by an authority of this test, which programs learn as on AWS: AWS_CA_BUNDLE for services, the parameter DatabaseCa for the database.
"""

import datetime
import fcntl
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request

import botocore.session
from botocore.endpoint_provider import EndpointProvider
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from endpoints import SERVICES, host
from stand_ins import Program, Services, tls
from template_environment import Template

PROGRAMS = pathlib.Path(sys.argv[1])
REGION = "eu-central-1"
API = "a1b2c3"
DATABASE = f"conchat.cluster-c1abc.{REGION}.rds.amazonaws.com"
ANSWERS = f"cloudformation-custom-resource-response-eucentral1.s3.{REGION}.amazonaws.com"
ADMIN = {"username": "conchat", "password": "conchat", "dbname": "conchat", "host": DATABASE, "port": 3306}
USER = {"username": "conchat_functions", "password": "a" * 40, "dbname": "conchat", "host": DATABASE, "port": 3306}
EVENT = {
    "RequestType": "Create", "ResponseURL": f"https://{ANSWERS}/answer?signature=x", "StackId": "stack", "RequestId": "r-1", "LogicalResourceId": "Migration",
    "ResourceType": "Custom::Migration", "ServiceToken": "arn", "ResourceProperties": {"ServiceToken": "arn", "Version": "1", "Store": "s"},
}


def main():
    enter_namespace()
    work = pathlib.Path(tempfile.mkdtemp(prefix="network-"))
    running = []
    try:
        rehearse(work, running)
        print("\nThe rehearsal of the network path succeeded.")
    finally:
        for process in reversed(running):
            process.send_signal(signal.SIGINT)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(work, ignore_errors=True)


def rehearse(work, running):
    hosts = service_hosts()
    write_hosts(hosts)
    make_certificates(work, [*hosts, DATABASE])
    dynamodb, tables = start_dynamodb(work, running)
    start_database(work, running)
    parameters = {
        "VpcSubnetIds": "subnet-1,subnet-2", "VpcSecurityGroupIds": "sg-1", "CreateDatabase": "true", "DatabaseCa": str(work / "ca.pem"), "PushInline": "0",
    }
    template = Template("template.yaml", parameters, REGION, tables | {"MediaBucket": "media", "WebSocketApi": API})
    services = Services(hosts, tls(work / "server.pem", work / "server.key"), dynamodb)
    environments = template.programs()
    secret = environments["migrate"]["DATABASE_SECRET_ARN"]
    base, key = base_environment(work), os.urandom(32).hex()

    def secrets():
        named = {arn for environment in environments.values() for name, arn in environment.items() if name.endswith("_SECRET_ARN") and arn}
        services.secrets = dict.fromkeys(named, f"k1:{key}")
        services.secrets |= {secret: json.dumps(ADMIN), environments["migrate"]["DATABASE_USER_SECRET_ARN"]: json.dumps(USER)}

    secrets()
    step("the migration")
    answer, output = migrate(services, base | environments["migrate"])
    check("it succeeds, and its answer reaches CloudFormation", answer["Status"] == "SUCCESS", answer, output)

    step("every program starts")
    programs = {name: Program(name, program_path(template, name), base | environment) for name, environment in environments.items()}
    for name, program in programs.items():
        check(name, program.started(), program.output())

    step("requests, a socket and a message")
    talk(programs)
    check("every service was called under its own name", services.called() == set(hosts.values()), services.called())
    for program in programs.values():
        program.stop()

    step("what is wrong is refused, with a sentence")
    for what, change, expected in mistakes(work, hosts, services, secret):
        secrets()
        variables = change() or {}
        # Without trust in AWS's certificates, CloudFormation gets no answer either: an operator asks by hand.
        answer, output = migrate(services, base | environments["migrate"] | variables, {"direction": "up"} if "AWS_CA_BUNDLE" in variables else EVENT)
        missing = [text for text in expected if text not in answer.get("Reason", "")]
        check(what, answer["Status"] == "FAILED" and not missing, answer, missing)
        check("… and its line counts as a failure", '"code":"failed"' in output, output)
        write_hosts(hosts)
    check("no other name was called", not services.strange, services.strange)


def mistakes(work, hosts, services, secret):
    """What is wrong, how it is made so (returns variables), and what the reason must contain."""

    def database(**changes):
        services.secrets[secret] = json.dumps(ADMIN | changes)

    def text(value):
        services.secrets[secret] = value

    def old_name():
        write_hosts({name.replace(f"secretsmanager.{REGION}.amazonaws.com", f"secretsmanager.{REGION}.api.aws"): of for name, of in hosts.items()})

    alias = f"other.cluster-c1abc.{REGION}.rds.amazonaws.com"
    return [
        ("Secrets Manager has another name", old_name, ["GetSecretValue of", f"calling https://secretsmanager.{REGION}.amazonaws.com", "dns error"]),
        ("there is no such secret", lambda: services.secrets.clear(), ["GetSecretValue of", "ResourceNotFoundException"]),
        ("the secret has another form", lambda: text("conchat:conchat@host"), ["mysql://user:password@host"]),
        ("the secret is one that RDS manages", lambda: text('{"username":"a","password":"b"}'), ["create one of your own"]),
        ("AWS's certificate is signed by another authority", lambda: {"AWS_CA_BUNDLE": str(work / "other-ca.pem")}, ["GetSecretValue of", "UnknownIssuer"]),
        ("no server listens", lambda: database(port=3307), [f"connecting to the database at {DATABASE}:3307", "refused"]),
        ("the database's authority is another", lambda: {"DATABASE_CA": str(work / "other-ca.pem")}, ["DatabaseCa", "UnknownIssuer"]),
        ("the database's authority is not given", lambda: {"DATABASE_CA": ""}, ["DatabaseCa", "UnknownIssuer"]),
        ("the authority's file is missing", lambda: {"DATABASE_CA": "/nowhere.pem"}, ["DatabaseCa", "/nowhere.pem"]),
        ("the certificate is for another name", lambda: database(host=alias), [f"at {alias}:3306", "its certificate is for another name"]),
        ("the password is wrong", lambda: database(password="wrong"), [f"connecting to the database at {DATABASE}:3306", "Access denied"]),
    ]


def talk(programs):
    ann, bob = (request(programs["auth"], "POST", "/api/auth/register", {"username": name, "password": "a long passphrase"}) for name in ("ann", "bob"))
    ready = request(programs["system"], "GET", "/health/ready")
    check("every store is ready", ready["status"] == "ready", ready, programs["system"].output())
    sockets = [open_socket(programs, user["access_token"], f"socket{number}=") for number, user in enumerate((ann, bob))]
    for name, body in (("connect", None), ("send", {"action": "send", "room": "general", "content": "Hello", "client_id": "c-1"})):
        for context in sockets:
            kind, answer = programs[name].invoke(socket_event(context, body))
            check(f"{name}: 200", kind == "response" and answer["statusCode"] == 200, answer, programs[name].output())
    upload = {"purpose": "image", "content_type": "image/png", "size": 70, "file_name": "a.png"}
    url = request(programs["uploads"], "POST", "/api/uploads", upload, ann["access_token"])["url"]
    check("files are sent to the dual-stack name", url.startswith(f"https://media.s3.dualstack.{REGION}.amazonaws.com/"), url)
    direct = request(programs["rooms"], "PUT", f"/api/rooms/direct/{bob['user']['id']}", None, ann["access_token"])
    path = f"/api/rooms/{direct['id']}/messages"
    sent = request(programs["messages"], "POST", path, {"content": "Hello", "client_id": "c-2"}, ann["access_token"])
    check("a message is stored", sent["content"] == "Hello", sent)


def request(program, method, path, body=None, token=None):
    headers = {"content-type": "application/json", "host": "api.example.org"} | ({"authorization": f"Bearer {token}"} if token else {})
    event = {
        "version": "2.0", "routeKey": f"{method} {path}", "rawPath": path, "rawQueryString": "", "headers": headers, "isBase64Encoded": False,
        "requestContext": {
            "accountId": "123456789012", "apiId": API, "domainName": "api.example.org", "requestId": "r-1", "routeKey": f"{method} {path}", "stage": "$default",
            "time": "01/Jan/2026:00:00:00 +0000", "timeEpoch": 1767225600000,
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "rehearsal"},
        },
    } | ({"body": json.dumps(body)} if body is not None else {})
    kind, answer = program.invoke(event)
    check(f"{method} {path}", kind == "response" and answer["statusCode"] < 300, answer, program.output())
    return json.loads(answer["body"])


def open_socket(programs, token, connection):
    event = {
        "type": "REQUEST", "methodArn": f"arn:aws:execute-api:{REGION}:123456789012:{API}/ws/$connect", "headers": {"Authorization": token},
        "queryStringParameters": {}, "requestContext": {"requestId": "r-1", "connectionId": connection},
    }
    kind, answer = programs["authorizer"].invoke(event)
    check("the authorizer admits", kind == "response" and answer["policyDocument"]["Statement"][0]["Effect"] == "Allow", answer)
    return {"connectionId": connection, "connectedAt": int(time.time() * 1000), "requestId": "r-1", "authorizer": answer["context"]}


def socket_event(context, body):
    return {"headers": {}, "requestContext": context, "isBase64Encoded": False} | ({"body": json.dumps(body)} if body else {})


def migrate(services, environment, event=EVENT):
    program = Program("migrate", program_path(None, "migrate"), environment)
    try:
        check("migrate starts", program.started(), program.output())
        kind, answer = program.invoke(event)
        # The line of the invocation is written before its answer; its reader may be a moment late.
        time.sleep(0.2)
        if event is EVENT:
            check("CloudFormation is answered", not services.answers.empty(), answer, program.output())
            return services.answers.get(), program.output()
        return {"Status": "FAILED" if kind == "error" else "SUCCESS", "Reason": str(answer)}, program.output()
    finally:
        program.stop()


def program_path(template, name):
    packaged = PROGRAMS / (template.logical_id(name) if template else "MigrateFunction") / "bootstrap"
    return str(packaged if packaged.exists() else PROGRAMS / name)


def base_environment(work):
    return {
        "AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": "ASIAREHEARSAL0000000", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token",
        "AWS_CA_BUNDLE": str(work / "ca.pem"), "AWS_LAMBDA_FUNCTION_VERSION": "1", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/logs", "AWS_LAMBDA_LOG_STREAM_NAME": "stream", "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    }


def service_hosts():
    """The names that programs may call, and whose they are: dual stack, as AWS's rules have them."""
    loader = botocore.session.get_session().get_component("data_loader")
    partitions = loader.load_data("partitions")
    names = {}
    for service, model in SERVICES.items():
        rules = EndpointProvider(loader.load_service_model(model, "endpoint-rule-set-1"), partitions)
        # A WebSocket API of both protocols keeps its usual name.
        name = host(rules, service, REGION, service != "execute-api", False).replace("{region}", REGION)
        prefix, of = {"s3": ("media.", "media"), "execute-api": (f"{API}.", service)}.get(service, ("", service))
        names[prefix + name] = of
    return names | {ANSWERS: "cloudformation"}


def write_hosts(hosts):
    lines = ["127.0.0.1 localhost", "::1 localhost", f"127.0.0.1 {DATABASE} other.cluster-c1abc.{REGION}.rds.amazonaws.com"]
    lines += [f"{'127.0.0.1' if name == ANSWERS else '::1'} {name}" for name in hosts]
    pathlib.Path("/etc/hosts").write_text("\n".join(lines) + "\n", encoding="utf-8")


def enter_namespace():
    """Brings up the loopback interface, and replaces the files that names are looked up in; both are seen in this namespace alone."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        flags = struct.unpack("16sh", fcntl.ioctl(control, 0x8913, struct.pack("16sh", b"lo", 0)))[1]
        fcntl.ioctl(control, 0x8914, struct.pack("16sh", b"lo", flags | 1))
    for file in ("/etc/hosts", "/etc/resolv.conf"):
        with tempfile.NamedTemporaryFile(delete=False) as own:
            subprocess.run(["mount", "--bind", own.name, file], check=True)
    # Waits for the address ::1.
    for _ in range(50):
        try:
            with socket.create_server(("::1", 0), family=socket.AF_INET6):
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("FAILED: the namespace has no IPv6 loopback address")


def make_certificates(work, names):
    for file in ("ca", "other-ca"):
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{file} of the rehearsal")])
        authority = certificate(name, name, key.public_key()).add_extension(x509.BasicConstraints(True, None), True).sign(key, hashes.SHA256())
        (work / f"{file}.pem").write_bytes(authority.public_bytes(serialization.Encoding.PEM))
        if file == "ca":
            own = ec.generate_private_key(ec.SECP256R1())
            subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "rehearsal")])
            signed = certificate(subject, name, own.public_key())
            signed = signed.add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), False).sign(key, hashes.SHA256())
            (work / "server.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
            form = (serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
            (work / "server.key").write_bytes(own.private_bytes(*form))


def certificate(subject, issuer, key):
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key).serial_number(x509.random_serial_number())
    return builder.not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=1))


def start_dynamodb(work, running):
    """The DynamoDB of the local cloud: its address, and the template's tables there."""
    log = open(work / "local.log", "w+", encoding="utf-8")
    command = ["target/debug/local", "up", "--data", str(work / "cloud"), "--port", "0"]
    running.append(subprocess.Popen(command, stdout=log, stderr=log, env={"PATH": os.environ["PATH"], "HOME": str(work)}))
    text = (work / "local.log").read_text
    url = wait_for(lambda: re.search(r"(?m)^ *HTTP *(http\S+)$", text()), "the local cloud", text)[1]
    state = json.load(urllib.request.urlopen(f"{url}/_local/state"))
    address = next(store["url"] for store in state["stores"] if store["name"] == "DynamoDB").removeprefix("http://")
    connection = http.client.HTTPConnection(address)
    headers = {
        "x-amz-target": "DynamoDB_20120810.ListTables", "content-type": "application/x-amz-json-1.0",
        "authorization": f"AWS4-HMAC-SHA256 Credential=AKIALOCALLOCALLOCAL0/20260101/{REGION}/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
        "x-amz-date": "20260101T000000Z",
    }
    connection.request("POST", "/", "{}", headers)
    names = json.load(connection.getresponse())["TableNames"]
    return address, {kind: next(name for name in names if kind in name) for kind in ("ConnectionsTable", "RoomSocketsTable", "EphemeralTable")}


def start_database(work, running):
    """A MariaDB with TLS: the local cloud's data folder under another server process."""
    data, log = work / "data", open(work / "database.log", "w+", encoding="utf-8")
    text = (work / "database.log").read_text
    first = subprocess.Popen(["target/debug/local", "mysql", "--data", str(data)], stdout=log, stderr=log)
    wait_for(lambda: re.search(r"mysql://\S+", text()), "the database", text)
    first.send_signal(signal.SIGINT)
    first.wait(20)
    unpacked = pathlib.Path(".local/mariadb").absolute()
    found = [shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin:{unpacked}/usr/sbin") for name in ("mariadbd", "mysqld")]
    server = next(filter(None, found))
    libraries = ":".join({str(file.parent) for file in unpacked.rglob("*.so*")}) if server.startswith(str(unpacked)) else ""
    # Beside it is the copy that new folders are made from.
    folder = data / "mysql"
    options = [
        f"--datadir={folder}", "--user=root", "--port=3306", "--bind-address=127.0.0.1", "--socket=tls.sock", "--pid-file=tls.pid", "--skip-name-resolve",
        f"--ssl-cert={work / 'server.pem'}", f"--ssl-key={work / 'server.key'}", "--require-secure-transport=ON", "--character-set-server=utf8mb4",
    ]
    environment = os.environ | ({"LD_LIBRARY_PATH": libraries} if libraries else {})
    running.append(subprocess.Popen([server, "--no-defaults", *options], stdout=log, stderr=log, env=environment))
    wait_for(lambda: accepts(3306), "the database with TLS", text)


def accepts(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            return connection.recv(16)
    except OSError:
        return None


def wait_for(attempt, what, log):
    for _ in range(600):
        if found := attempt():
            return found
        time.sleep(0.1)
    raise SystemExit(f"FAILED: {what} did not start\n{log()}")


def step(text):
    print(f"\n== {text}", flush=True)


def check(what, holds, *details):
    print(f"{'ok' if holds else 'FAILED'}: {what}", flush=True)
    if not holds:
        raise SystemExit("\n".join(str(detail) for detail in details))


if __name__ == "__main__":
    main()
