"""An AWS of our own for tests: moto's server on loopback, with images and public parameters as AWS has them, and a proxy in front of
it that counts calls, makes faults, and can stop a client at any call. `lack()` says why there can be none."""
import http.client
import http.server
import importlib.util
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

REGION = "eu-west-2"
IMAGES = {"noble-amd64": "ami-0000000000000a001", "noble-arm64": "ami-0000000000000a002",
          "debian-amd64": "ami-0000000000000a003", "al2023-x86_64": "ami-0000000000000a004"}
PARAMETERS = {
    "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id": IMAGES["noble-amd64"],
    "/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id": IMAGES["noble-arm64"],
    "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64": IMAGES["al2023-x86_64"]}


def lack():
    for module in ("moto.server", "boto3", "flask"):
        try:
            found = importlib.util.find_spec(module)
        except ImportError:
            found = None
        if not found:
            return f"python has no {module}"
    return None


def image(ami, name, owner, arch, root):
    return {"ami_id": ami, "name": name, "description": name, "owner_id": owner, "public": True, "virtualization_type": "hvm",
            "architecture": arch, "state": "available", "platform": None, "image_type": "machine", "hypervisor": "xen",
            "root_device_name": root, "root_device_type": "ebs", "sriov": "simple", "tags": {}}


def serve(port):
    """In a process of its own: moto, with what AWS publishes and moto does not."""
    from moto.ssm.models import Parameter, SimpleSystemManagerBackend
    usual = SimpleSystemManagerBackend.get_parameter

    def get_parameter(self, name):
        if name not in PARAMETERS:
            return usual(self, name)
        return Parameter(account_id=self.account_id, name=name, value=PARAMETERS[name], parameter_type="String", description="",
                         allowed_pattern=None, keyid=None, last_modified_date=0, version=1, data_type="text", labels=[])
    SimpleSystemManagerBackend.get_parameter = get_parameter
    from moto.server import main
    main(["-H", "127.0.0.1", "-p", str(port)])


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Moto:
    def __init__(self):
        self.port = free_port()
        self.images = tempfile.NamedTemporaryFile("w", suffix=".json")
        json.dump([image(IMAGES["noble-amd64"], "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20260901", "099720109477", "x86_64", "/dev/sda1"),
                   image(IMAGES["noble-arm64"], "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-arm64-server-20260901", "099720109477", "arm64", "/dev/sda1"),
                   image(IMAGES["debian-amd64"], "debian-12-amd64-20260901-1", "136693071363", "x86_64", "/dev/xvda"),
                   image(IMAGES["al2023-x86_64"], "al2023-ami-2023.9-kernel-6.1-x86_64", "137112412989", "x86_64", "/dev/xvda")], self.images)
        self.images.flush()
        self.log = tempfile.TemporaryFile("w+")
        env = {**os.environ, "MOTO_AMIS_PATH": self.images.name, "MOTO_ENABLE_AMI_VALIDATION": "true",
               "MOTO_ENABLE_KEYPAIR_VALIDATION": "true", "MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION": "true"}
        self.process = subprocess.Popen([sys.executable, os.path.abspath(__file__), str(self.port)], env=env, stdout=self.log, stderr=self.log)
        end = time.monotonic() + 60
        while True:
            try:
                self.ask("GET", "/moto-api/data.json")
                return
            except OSError:
                assert self.process.poll() is None and time.monotonic() < end, self.said()
                time.sleep(0.1)

    def said(self):
        self.log.seek(0)
        return self.log.read()[-3000:]

    def ask(self, method, path, body=b"", headers=None):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        c.request(method, path, body, headers or {})
        r = c.getresponse()
        text = r.read()
        c.close()
        return r.status, dict(r.getheaders()), text

    def reset(self):
        self.ask("POST", "/moto-api/reset")

    def check_signatures(self, on):
        self.ask("POST", "/moto-api/reset-auth", b"0" if on else b"1000000000")

    def client(self, service, **keys):
        import boto3
        keys = keys or {"aws_access_key_id": "root", "aws_secret_access_key": "root"}
        return boto3.client(service, region_name=REGION, endpoint_url=f"http://127.0.0.1:{self.port}", **keys)

    def left(self):
        """What is there beyond what an account begins with, in words."""
        ec2 = self.client("ec2")
        found = [f"instance {i['InstanceId']} {i['State']['Name']}" for r in ec2.describe_instances()["Reservations"] for i in r["Instances"]
                 if i["State"]["Name"] != "terminated"]
        found += [f"key {k['KeyName']}" for k in ec2.describe_key_pairs()["KeyPairs"]]
        found += [f"group {g['GroupName']}" for g in ec2.describe_security_groups()["SecurityGroups"] if g["GroupName"] != "default"]
        found += [f"volume {v['VolumeId']}" for v in ec2.describe_volumes()["Volumes"]]
        return found

    def instances(self, **filters):
        wanted = [{"Name": k.replace("_", "-"), "Values": [v]} for k, v in filters.items()]
        return [i for r in self.client("ec2").describe_instances(Filters=wanted)["Reservations"] for i in r["Instances"]]

    def end(self):
        self.process.terminate()
        self.process.wait(10)


def ec2_error(status, code, message="made by the test"):
    body = f"<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors><RequestID>x</RequestID></Response>"
    return status, {"Content-Type": "text/xml"}, body.encode()


class Proxy:
    """`faults` are functions (action, fields, forward) -> answer or None; the first that answers is heard. `calls` is what was called.
    Instances are pending for `pending_looks` looks after their start."""

    def __init__(self, moto):
        self.moto, self.calls, self.faults, self.bodies, self.heads, self.lock = moto, [], [], [], [], threading.Lock()
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, headers, text = proxy.answer(dict(self.headers), body)
                try:
                    self.send_response(status)
                    for k, v in headers.items():
                        if k.lower() in ("content-type", "x-amzn-errortype", "date"):
                            self.send_header(k, v)
                    self.send_header("Content-Length", str(len(text)))
                    self.end_headers()
                    self.wfile.write(text)
                except OSError:
                    pass  # the client was killed

            def log_message(self, *a):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, request, address):
                pass  # a client was killed

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def clear(self):
        self.calls, self.faults, self.bodies, self.heads = [], [], [], []

    def answer(self, headers, body):
        fields = dict(urllib.parse.parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
        action = fields.get("Action") or headers.get("X-Amz-Target", "?").split(".")[-1]
        with self.lock:
            self.calls.append(action)
            self.bodies.append(fields)
            self.heads.append(headers)
        if "Authorization" not in headers:  # AWS goes by the host's name, moto by this
            headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential=none/20260101/{REGION}/sts/aws4_request, SignedHeaders=host, Signature=0"

        def forward():
            return self.moto.ask("POST", "/", body, headers)
        for fault in list(self.faults):
            answer = fault(action, fields, forward)
            if answer:
                return answer
        return forward()

    def end(self):
        self.server.shutdown()
        self.server.server_close()


def times(n, action, answer):
    """The first n calls of an action are answered so."""
    left = [n]

    def fault(called, fields, forward):
        if called != action or left[0] == 0:
            return None
        left[0] -= 1
        return answer
    return fault


def pending(looks):
    """An instance is not yet running for so many looks at it."""
    seen = [0]

    def fault(called, fields, forward):
        if called != "DescribeInstances" or seen[0] >= looks:
            return None
        status, headers, text = forward()
        if b"<name>running</name>" not in text:
            return status, headers, text
        seen[0] += 1
        text = text.replace(b"<name>running</name>", b"<name>pending</name>").replace(b"<code>16</code>", b"<code>0</code>")
        return status, headers, re.sub(rb"<ipAddress>[^<]*</ipAddress>", b"", text)
    return fault


if __name__ == "__main__":
    serve(int(sys.argv[1]))
