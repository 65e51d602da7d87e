"""Servers for the rehearsal of the network path: a Lambda Runtime API for one program, and AWS's services behind TLS, each under its own host name."""

import http.client
import http.server
import json
import queue
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def body(self):
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def reply(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def serve(handler, address, family=socket.AF_INET, tls=None):
    kind = type("Server", (http.server.ThreadingHTTPServer,), {"address_family": family, "daemon_threads": True})
    server = kind(address, handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        # A program that does not trust a certificate ends the handshake, which is no news here.
        server.handle_error = lambda *_: None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


class Program:
    """A function program with a Runtime API of its own."""

    def __init__(self, name, path, environment):
        self.name, self.events, self.answers, self.ready = name, queue.Queue(), queue.Queue(), threading.Event()
        self.lines, program = [], self

        class RuntimeApi(Handler):
            def do_GET(self):
                program.ready.set()
                event = program.events.get()
                deadline = str(int(time.time() * 1000) + 60_000)
                arn = f"arn:aws:lambda:eu-central-1:123456789012:function:{name}"
                headers = [("lambda-runtime-aws-request-id", "r-1"), ("lambda-runtime-deadline-ms", deadline), ("lambda-runtime-invoked-function-arn", arn)]
                self.reply(200, json.dumps(event).encode(), headers)

            def do_POST(self):
                answer = json.loads(self.body() or b"null")
                program.answers.put((self.path.rsplit("/", 1)[1], answer))
                program.ready.set()
                self.reply(202, b"{}")

        self.server = serve(RuntimeApi, ("127.0.0.1", 0))
        port = self.server.server_address[1]
        own = {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}", "AWS_LAMBDA_FUNCTION_NAME": name}
        self.process = subprocess.Popen([path], env=environment | own, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
        self.ready.set()

    def started(self):
        """Whether the program has asked for its first event."""
        return self.ready.wait(30) and self.process.poll() is None and self.answers.empty()

    def invoke(self, event):
        self.events.put(event)
        return self.answers.get(timeout=60)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.server.shutdown()

    def output(self):
        return "\n".join(self.lines)


class Services:
    """The services of AWS. `hosts` maps host names to services; calls to other names are refused and recorded."""

    def __init__(self, hosts, tls, dynamodb):
        self.hosts, self.dynamodb, self.secrets, self.calls, self.answers, self.strange = hosts, dynamodb, {}, [], queue.Queue(), []
        services = self

        class Service(Handler):
            def do(self):
                services.handle(self, self.body())

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do

        for family, address in ((socket.AF_INET, ("127.0.0.1", 443)), (socket.AF_INET6, ("::1", 443))):
            serve(Service, address, family, tls)

    def called(self):
        return {service for service, _, _ in self.calls}

    def handle(self, request, body):
        service = self.hosts.get(request.headers["host"].lower())
        if service is None:
            self.strange.append(request.headers["host"])
            return request.reply(421)
        target = request.headers.get("x-amz-target", "").rsplit(".", 1)[-1]
        self.calls.append((service, request.command, target or urllib.parse.urlsplit(request.path).path))
        if service != "cloudformation" and f"/eu-central-1/{self.signing_name(service)}/aws4_request" not in request.headers.get("authorization", ""):
            self.strange.append(f"{service}: a signature for another region or service")
            return request.reply(403, b"{}")
        return getattr(self, "answer_" + service.replace("-", "_"))(request, target, body)

    @staticmethod
    def signing_name(service):
        return {"media": "s3"}.get(service, service)

    def answer_secretsmanager(self, request, _, body):
        text = self.secrets.get(json.loads(body)["SecretId"])
        if text is None:
            return request.reply(400, b'{"__type":"ResourceNotFoundException","Message":"no such secret"}')
        return request.reply(200, json.dumps({"SecretString": text}).encode())

    def answer_dynamodb(self, request, _, body):
        connection = http.client.HTTPConnection(self.dynamodb)
        passed = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        connection.request("POST", "/", body, passed)
        answer = connection.getresponse()
        return request.reply(answer.status, answer.read(), [("content-type", answer.getheader("content-type", ""))])

    def answer_lambda(self, request, _target, _body):
        return request.reply(202)

    def answer_sqs(self, request, _target, _body):
        return request.reply(200, b'{"MessageId":"m-1"}')

    def answer_execute_api(self, request, _target, _body):
        return request.reply(200)

    def answer_media(self, request, _target, _body):
        return request.reply(200, headers=[("etag", '"e"')])

    def answer_cloudformation(self, request, _target, body):
        self.answers.put(json.loads(body))
        return request.reply(200)


def tls(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
