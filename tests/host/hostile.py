#!/usr/bin/env python3
"""Bad input to a real shoald, over its socket: hostile.py PATH_OF_SHOALD. Each is refused with a sentence, and
nothing is lost or left. It runs itself again in namespaces of its own, so that no daemon and no bridge outlives it."""
import atexit
import http.server
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "images"))
import image  # noqa: E402

if os.environ.get("SHOAL_TEST_IS_ALONE") is None:
    os.environ["SHOAL_TEST_IS_ALONE"] = "1"
    os.execvp("unshare", ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, *sys.argv])
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)

PROGRAM = os.path.abspath(sys.argv[1])
work = tempfile.mkdtemp(prefix="shoal-hostile-")
passed = failed = 0


def check(what, ok):
    global passed, failed
    passed += bool(ok)
    failed += not ok
    if not ok:
        print(f"FAILED {what}")


class Daemon:
    def __init__(self, name, data=None, *flags):
        self.root = f"{work}/{name}"
        os.makedirs(self.root, exist_ok=True)
        self.data = data or self.root + "/data"
        with open(self.root + "/log", "a") as log:
            self.process = subprocess.Popen([PROGRAM, f"--data-root={self.data}", f"--exec-root={self.root}/exec", f"--pidfile={self.root}/pid", "--config-file=/dev/null", f"--host=unix://{self.root}/sock", "--group=root", "--bip=10.118.0.1/24", *flags], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        atexit.register(self.process.kill)
        for _ in range(200):
            try:
                if self.ask("GET", "/_ping")[0] == 200:
                    return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(open(self.root + "/log").read())

    def dial(self):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(40)
        s.connect(self.root + "/sock")
        return s

    def raw(self, data, ends=True):
        """All that it answers to these bytes until it ends or has said it all."""
        s = self.dial()
        got = b""
        try:
            s.sendall(data)
            if ends:
                s.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        try:
            while chunk := s.recv(65536):
                got += chunk
        except OSError:
            pass
        s.close()
        return got

    def ask(self, method, path, body=None, kind="application/json"):
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        got = self.raw(f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data, ends=False)
        head, _, rest = got.partition(b"\r\n\r\n")
        if b"chunked" in head.lower():
            rest = unchunk(rest)
        return int(head.split()[1]) if head else 0, rest

    def get(self, path):
        return json.loads(self.ask("GET", path)[1])

    def holds(self):
        """How many of everything there are."""
        what = {p: len(self.get(p)) for p in ("/containers/json?all=1", "/images/json?all=1", "/networks", "/services", "/secrets", "/configs", "/tasks")}
        what["/volumes"] = len(self.get("/volumes")["Volumes"] or [])
        return what

    def stop(self):
        self.process.terminate()
        return self.process.wait(10)


def unchunk(data):
    out = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        n = int(size or b"0", 16)
        out, data = out + data[:n], data[n + 2 :]
    return out


def free_port():
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    port = s.getsockname()[1]
    s.close()
    return port


def sentence(body):
    """What a refusal says, or None if it is none."""
    try:
        return json.loads(body)["message"] or None
    except (ValueError, KeyError, TypeError):
        return None


# ---- JSON ----

SERVICE = {"Name": "s", "Labels": {"a": "b"}, "TaskTemplate": {"ContainerSpec": {"Image": "nosuch", "Args": ["x"], "Env": ["A=1"], "Mounts": [{"Type": "bind", "Source": "/a", "Target": "/b", "ReadOnly": True}], "Healthcheck": {"Test": ["NONE"], "Retries": 1}}, "Resources": {"Limits": {"NanoCPUs": 5}}, "RestartPolicy": {"Condition": "none", "MaxAttempts": 1}, "Placement": {"Constraints": ["node.role==worker"]}, "Networks": [{"Target": "n"}]}, "Mode": {"Replicated": {"Replicas": 1}}, "UpdateConfig": {"Parallelism": 1, "MaxFailureRatio": 0.5}, "EndpointSpec": {"Ports": [{"TargetPort": 80, "PublishMode": "host", "Protocol": "tcp"}]}}
CONTAINER = {"Image": "nosuch", "Cmd": ["x"], "Entrypoint": ["y"], "Env": ["A=1"], "Labels": {"a": "b"}, "Tty": False, "ExposedPorts": {"80/tcp": {}}, "Volumes": {"/v": {}}, "StopTimeout": 1, "HostConfig": {"Binds": ["/a:/b"], "Memory": 5, "PortBindings": {"80/tcp": [{"HostPort": "1"}]}, "RestartPolicy": {"Name": "no", "MaximumRetryCount": 1}, "CapAdd": ["x"], "Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 1}], "LogConfig": {"Type": "json-file", "Config": {"a": "b"}}, "Privileged": False}, "NetworkingConfig": {"EndpointsConfig": {"n": {"Aliases": ["a"], "IPAMConfig": {"IPv4Address": "1.2.3.4"}}}}}
NETWORK = {"Name": "n", "Driver": "bridge", "Internal": False, "Labels": {"a": "b"}, "Options": {"a": "b"}, "IPAM": {"Driver": "default", "Config": [{"Subnet": "10.1.1.0/24"}]}}
BODIES = {
    "/services/create": SERVICE,
    "/services/nosuch/update?version=1": SERVICE,
    "/containers/create": CONTAINER,
    "/containers/nosuch/update": {"Memory": 5, "RestartPolicy": {"Name": "no"}},
    "/containers/nosuch/exec": {"Cmd": ["x"], "Tty": False, "Env": ["A=1"], "User": "u"},
    "/exec/nosuch/start": {"Detach": True, "Tty": False},
    "/networks/create": NETWORK,
    "/networks/nosuch/connect": {"Container": "c", "EndpointConfig": {"Aliases": ["a"]}},
    "/networks/nosuch/disconnect": {"Container": "c", "Force": True},
    "/volumes/create": {"Name": "v", "Driver": "local", "DriverOpts": {"a": "b"}, "Labels": {"a": "b"}},
    "/secrets/create": {"Name": "s", "Data": "eA==", "Labels": {"a": "b"}},
    "/configs/create": {"Name": "s", "Data": "eA==", "Labels": {"a": "b"}},
    "/swarm/init": {"ListenAddr": "x", "AdvertiseAddr": "y", "ForceNewCluster": False, "DefaultAddrPool": ["z"], "SubnetSize": 24, "Spec": {"Name": "default", "Labels": {"a": "b"}, "Raft": {"SnapshotInterval": 1}}},
    "/swarm/join": {"ListenAddr": "x", "RemoteAddrs": ["y"], "JoinToken": "z"},
    "/swarm/update?version=1": {"Name": "default", "Labels": {"a": "b"}, "Orchestration": {"TaskHistoryRetentionLimit": 5}, "Raft": {"SnapshotInterval": 1}, "CAConfig": {"NodeCertExpiry": 5}},
    "/swarm/unlock": {"UnlockKey": "x"},
    "/nodes/nosuch/update?version=1": {"Role": "worker", "Availability": "active", "Labels": {"a": "b"}},
    "/commit?container=nosuch": {"Cmd": ["x"], "Labels": {"a": "b"}},
}
BROKEN = [b"{", b"{bad", b"[", b"]", b"{}{}", b"nul", b'{"Name":', b'{"Name":"x"', b'{"Name":"\\x"}', b'"', b"\xff\xfe", b'{"Name":"\xff"}', b'{"Name":"a\\u0000b"}', b"\0\0", b"[" * 100000, b'{"a":' * 100000, b"1e999999", b"[]", b"5", b'"text"', b"true"]


def paths_of(value, at=()):
    """Every place in a body."""
    if at:
        yield at
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from paths_of(value[key], at + (key,))


def value_at(value, at):
    for key in at:
        value = value[key]
    return value


def with_other(body, at, other):
    copy = json.loads(json.dumps(body))
    value_at(copy, at[:-1])[at[-1]] = other
    return copy


def of_other_types(value):
    others = [5, "text", True, [1], {"a": 1}, -1.5]
    return [o for o in others if type(o) is not type(value) and not (type(value) is float and type(o) is int)]


def broken_json_is_refused_everywhere(d):
    before = d.holds()
    for path in BODIES:
        for bad in BROKEN:
            status, body = d.ask("POST", path, bad)
            check(f"{path} {bad[:20]}: {status} {body[:200]}", status in (400, 404, 503) and sentence(body))
    check("nothing was made of it", d.holds() == before)


def values_of_another_type_are_refused_or_harmless(d):
    before = d.holds()
    asked = refused = 0
    for path, good in BODIES.items():
        for at in paths_of(good):
            for other in of_other_types(value_at(good, at)):
                status, body = d.ask("POST", path, with_other(good, at, other))
                asked += 1
                refused += status in (400, 404, 409, 501, 503)
                check(f"{path} {at} = {other}: {status} {body[:200]}", status and status != 500 and (status < 400 or sentence(body)))
    check(f"most of it is refused: {refused} of {asked}", refused > asked * 0.9)
    left = {k: v - before[k] for k, v in d.holds().items() if v != before[k]}
    check(f"nothing is left of it: {left}", not left)


def the_type_of_a_body_must_be_json(d):
    for path in BODIES:
        status, body = d.ask("POST", path, b"{}", kind="text/plain")
        check(f"{path} as text: {status} {body}", status == 400 and "application/json" in (sentence(body) or "") or status in (404, 503))


# ---- HTTP ----

def requests_that_are_none_are_refused(d):
    head = b"GET /info HTTP/1.1\r\nHost: x\r\n"
    cases = {
        "a header of a mebibyte": (head + b"X: " + b"a" * (1 << 20) + b"\r\n\r\n", b"431"),
        "100,000 headers": (head + b"".join(b"X%d: y\r\n" % i for i in range(100000)) + b"\r\n", b"431"),
        "a target of a mebibyte": (b"GET /" + b"a" * (1 << 20) + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"4"),
        "a chunk without end": (b"POST /volumes/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}", b"4"),
        "a chunk of no size": (b"POST /volumes/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}", b"400"),
        "a length beyond all": (b"POST /volumes/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99999999999999999999\r\n\r\n{}", b"4"),
        "two lengths": (b"POST /volumes/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", b"400"),
        "a length and chunks": (b"POST /volumes/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"400"),
        "another expectation": (b"POST /volumes/create HTTP/1.1\r\nHost: x\r\nExpect: tea\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}", None),
        "a body of five mebibytes": (b"POST /volumes/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5242880\r\n\r\n" + b" " * 5242880, b"413"),
        "TLS": (bytes.fromhex("16030100c8010000c40303") + b"x" * 200, b"400"),
        "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", None),
        "a proxy's request": (b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", b"4"),
    }
    before = d.holds()
    for what, (data, status) in cases.items():
        got = d.raw(data)
        check(f"{what}: {got[:120]}", status is None or got.startswith(b"HTTP/1.1 " + status))
    check("an upgrade where none is: a plain answer", d.raw(head + b"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\nrest").startswith(b"HTTP/1.1 200"))
    after = d.holds()
    check(f"nothing came of it: {after}", {k: v for k, v in after.items() if k != "/volumes"} == {k: v for k, v in before.items() if k != "/volumes"})


def versions_that_are_not_spoken_are_said(d):
    old, new = d.ask("GET", "/v1.10/info"), d.ask("GET", "/v1.99/info")
    check(f"too old: {old}", old == (400, b"client version 1.10 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version"))
    check(f"too new: {new}", new[0] == 400 and (sentence(new[1]) or "").startswith("client version 1.99 is too new. Maximum supported API version is 1."))


def pipelined_requests_are_each_answered(d):
    got = d.raw(b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n" * 200)
    check(f"200 answers: {got.count(b'HTTP/1.1 200')}", got.count(b"HTTP/1.1 200") == 200)


def slow_clients_are_nobody_elses_trouble(d):
    slow = [d.dial() for _ in range(500)]
    for i, s in enumerate(slow):
        s.sendall((b"GET /info HTTP/1.1\r\nX-A: b", b"POST /volumes/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{", b"G")[i % 3])
    began = time.time()
    for _ in range(20):
        check("others are served", d.ask("GET", "/info")[0] == 200)
    check(f"and soon: {time.time() - began:.2f} s for twenty", time.time() - began < 5)
    for s in slow:
        s.close()


# ---- registries ----

class Liar(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    mode = "lie"
    image = image.Image([image.tar([image.entry("f", random.Random(1).randbytes(100000))])])

    def log_message(self, *args):
        pass

    def do_GET(self):
        blobs = self.image.all_blobs()
        name = self.path.rsplit("/", 1)[1]
        if self.path.rstrip("/") == "/v2":
            return self.give(b"{}", "application/json")
        if "/manifests/" in self.path:
            return self.give(self.image.manifest, image.MANIFEST)
        data = blobs.get(name)
        if data is None:
            return self.send_error(404)
        if name == self.image.id:
            return self.give(data, "application/octet-stream")
        if self.mode == "lie":
            return self.give(data[:-1] + b"X", "application/octet-stream")
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2])
        self.close_connection = True

    do_HEAD = do_GET

    def give(self, data, kind):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Docker-Content-Digest", image.digest(data))
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)


def a_registry_that_lies_or_stops_gives_no_image(d):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Liar)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    where = f"127.0.0.1:{server.server_port}"
    before = d.get("/system/df")["LayersSize"]
    for mode in ("lie", "stop"):
        Liar.mode = mode
        status, body = d.ask("POST", f"/images/create?fromImage={where}/x&tag=latest")
        last = json.loads(body.strip().splitlines()[-1])
        check(f"{mode}: {status} {last}", status == 200 and last.get("errorDetail", {}).get("message") == last.get("error") != None)
        check(f"no image of a registry that does {mode}", d.get("/images/json?all=1") == [])
    check("nothing is kept of it", d.get("/system/df")["LayersSize"] == before)
    server.shutdown()


# ---- disks ----

def a_full_disk_is_said_and_leaves_nothing():
    disk = f"{work}/disk"
    os.makedirs(disk)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", disk], check=False).returncode != 0:
        print("skipped: cannot mount a tmpfs")
        return
    try:
        d = Daemon("full", disk + "/data")
        big = image.Image([image.tar([image.entry(f"f{i}", random.Random(i).randbytes(1 << 20)) for i in range(40)])]).archive(["big:1"])
        small = image.Image([image.tar([image.entry("f", b"x" * 1000)])]).archive(["small:1"])
        free = os.statvfs(disk).f_bavail
        status, body = d.ask("POST", "/images/load", big, kind="application/x-tar")
        check(f"a load too large: {status} {body[-300:]}", "no space left" in body.decode().lower())
        for _ in range(50):
            if os.statvfs(disk).f_bavail > free - 512:
                break
            time.sleep(0.1)
        check(f"what was there of it is gone: {os.statvfs(disk).f_bavail} of {free}", os.statvfs(disk).f_bavail > free - 512)
        check("no image of it", d.get("/images/json?all=1") == [])

        with open(disk + "/ballast", "wb") as f:
            try:
                while f.write(b"x" * 65536):
                    pass
            except OSError:
                pass
        try:
            with open(disk + "/ballast2", "wb", buffering=0) as f:
                while f.write(b"x" * 512):
                    pass
        except OSError:
            pass
        made = []
        for i in range(40):
            status, body = d.ask("POST", "/volumes/create", {"Name": f"v{i}"})
            made += [f"v{i}"] if status == 201 else []
            check(f"a volume on a full disk: {status} {body[:200]}", status == 201 or (status >= 500 and sentence(body)))
        status, body = d.ask("POST", "/images/load", small, kind="application/x-tar")
        check(f"a small load: {status} {body[-200:]}", b"rror" in body or status == 200 or sentence(body))
        check("reading goes on", d.ask("GET", "/info")[0] == 200)
        for name in ("ballast", "ballast2"):
            os.unlink(f"{disk}/{name}")
        for _ in range(50):
            status, body = d.ask("POST", "/volumes/create", {"Name": "after"})
            if status == 201:
                break
            time.sleep(0.1)
        if status != 201:
            d.stop()
            d = Daemon("full", disk + "/data")
            status, body = d.ask("POST", "/volumes/create", {"Name": "after"})
        check(f"with room again it goes on: {status} {body}", status == 201)
        d.stop()
        d = Daemon("full", disk + "/data")
        names = {v["Name"] for v in d.get("/volumes")["Volumes"]}
        check(f"what was acknowledged is there: {names} of {made}", set(made) | {"after"} <= names)
        check("what was refused is not", names <= set(made) | {"after"})
        d.stop()
    finally:
        subprocess.run(["umount", "-l", disk], check=False)


d = Daemon("hostile")
status, body = d.ask("POST", "/swarm/init", {"ListenAddr": f"127.0.0.1:{free_port()}", "AdvertiseAddr": "127.0.0.1"})
assert status == 200, body
for test in (broken_json_is_refused_everywhere, values_of_another_type_are_refused_or_harmless, the_type_of_a_body_must_be_json, requests_that_are_none_are_refused, versions_that_are_not_spoken_are_said, pipelined_requests_are_each_answered, slow_clients_are_nobody_elses_trouble, a_registry_that_lies_or_stops_gives_no_image):
    test(d)
    check(f"it lives after {test.__name__}", d.process.poll() is None and d.ask("GET", "/_ping")[0] == 200)
check("it ends well", d.stop() == 0)
check("no sanitizer spoke", "Sanitizer" not in open(d.root + "/log").read())
a_full_disk_is_said_and_leaves_nothing()
subprocess.run(["rm", "-rf", work], check=False)
print(f"{passed} passed, {failed} failed")
sys.exit(failed != 0)
