"""What the tests of shoal-content share: a runner, the program, and a registry that can lie."""
import http.server
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "images"))
import image  # noqa: E402

PROGRAM = os.environ.get("SHOAL_CONTENT", "build/shoal-content")
tests = []


def test(function):
    """The name of a test is a sentence that is true."""
    tests.append(function)
    return function


def run_all():
    if os.geteuid() != 0:
        print("skipped: needs root\n0 passed, 0 failed")
        return 0
    passed = failed = 0
    for t in tests:
        if len(sys.argv) > 1 and t.__name__ not in sys.argv[1:]:
            continue
        with tempfile.TemporaryDirectory(prefix="shoal-content-") as place:
            try:
                t(Place(place))
                passed += 1
            except Exception:
                failed += 1
                traceback.print_exc(file=sys.stdout)
                print("FAILED " + t.__name__)
    print(f"{passed} passed, {failed} failed")
    return failed != 0


class Event(dict):
    """One event; values that occur more than once are lists in `all`."""

    def __init__(self, lines):
        super().__init__()
        self.all = {}
        for line in lines:
            name, _, value = line.partition("=")
            self.setdefault(name, value)
            self.all.setdefault(name, []).append(value)


class Answer:
    def __init__(self, done, output):
        self.output = output.stdout
        self.status = output.returncode
        self.events = [Event(b.split("\n")) for b in output.stderr.decode(errors="replace").split("\n\n")
                       if b.strip()]
        self.last = self.events[-1] if self.events else Event([])
        self.lines = [e.get("status") for e in self.events if e.get("event") == "progress"]
        if done is not None and done != (self.status == 0):
            raise AssertionError(f"done is {self.status == 0}, not {done}: {output.stderr.decode()[-2000:]}")

    @property
    def text(self):
        return self.last.get("text", "")


class Place:
    """A data root of its own."""

    def __init__(self, path):
        self.path = path
        self.root = os.path.join(path, "root")
        self.certs = os.path.join(path, "certs.d")

    def ask(self, op, done=True, stdin=b"", timeout=60, **values):
        words = []
        for name, value in values.items():
            for v in value if isinstance(value, list) else [value]:
                words.append(f"{name}={v}")
        output = subprocess.run([PROGRAM, "--root", self.root, "--certs-dir", self.certs, "ask", op] + words,
                                input=stdin, capture_output=True, timeout=timeout)
        return Answer(done, output)

    def layer(self, diff_id, path=""):
        return os.path.join(self.root, "layers", diff_id.split(":")[-1], "diff", path)

    def layers(self):
        return sorted(os.listdir(os.path.join(self.root, "layers")))

    def left_over(self):
        return os.listdir(os.path.join(self.root, "image/tmp"))


class Client:
    """The program as shoald runs it: a socket, records, descriptors. source: wire/record.h."""

    def __init__(self, place, idle_ms=30000):
        ours, theirs = socket.socketpair()
        self.socket, self.buffer = ours, b""
        self.process = subprocess.Popen(
            [PROGRAM, "--root", place.root, "--idle-ms", str(idle_ms), "--fd", str(theirs.fileno())],
            pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        theirs.close()
        ours.settimeout(60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        check(self.process.wait(30) == 0)

    def send(self, op, ticket, fds=(), **values):
        fields = [("op", op), ("ticket", ticket)] + ([("stream", "1")] if fds else [])
        for name, value in values.items():
            fields += [(name, v) for v in (value if isinstance(value, list) else [value])]
        body = b""
        for name, value in fields:
            value = value if isinstance(value, bytes) else str(value).encode()
            body += bytes([len(name)]) + name.encode() + struct.pack(">I", len(value)) + value
        socket.send_fds(self.socket, [struct.pack(">I", len(body)) + body], list(fds))

    def event(self):
        while len(self.buffer) < 4 or len(self.buffer) < 4 + struct.unpack(">I", self.buffer[:4])[0]:
            data = self.socket.recv(1 << 16)
            check(data, "the program is gone")
            self.buffer += data
        length = struct.unpack(">I", self.buffer[:4])[0]
        body, self.buffer = self.buffer[4:4 + length], self.buffer[4 + length:]
        lines, at = [], 0
        while at < len(body):
            end = at + 1 + body[at]
            size = struct.unpack(">I", body[end:end + 4])[0]
            lines.append(body[at + 1:end].decode() + "=" + body[end + 4:end + 4 + size].decode(errors="replace"))
            at = end + 4 + size
        return Event(lines)

    def last(self, ticket):
        """The end of a ticket; events of others are passed over."""
        while True:
            e = self.event()
            if e.get("ticket") == str(ticket) and e["event"] in ("done", "failed"):
                return e


def check(condition, *what):
    if not condition:
        raise AssertionError(" ".join(str(w) for w in what) or "not true")


class Registry:
    """A registry in this process. `lie(handler, method, path)` may answer instead: it returns True then."""

    def __init__(self, lie=None):
        self.blobs, self.manifests, self.requests = {}, {}, []
        self.lie = lie
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self, status, body=b"", **headers):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                if "Content_Length" not in headers:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def handle_any(self):
                length = int(self.headers.get("Content-Length", 0))
                self.body = self.rfile.read(length) if length else b""
                registry.requests.append((self.command, self.path, dict(self.headers)))
                try:
                    if not (registry.lie and registry.lie(self, self.command, self.path)):
                        registry.serve(self)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            do_GET = do_HEAD = do_POST = do_PUT = handle_any

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.host = "127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def add(self, what, repository="a/b", tag="1"):
        self.blobs.update(what.all_blobs())
        self.manifests[f"{repository}:{tag}"] = self.manifests[f"{repository}:{what.digest}"] = \
            (image.MANIFEST, what.manifest)
        return f"{self.host}/{repository}:{tag}"

    def add_text(self, text, kind=image.MANIFEST, repository="a/b", tag="1"):
        self.manifests[f"{repository}:{tag}"] = self.manifests[f"{repository}:{image.digest(text)}"] = (kind, text)
        return f"{self.host}/{repository}:{tag}"

    def serve(self, h):
        blob = re.match(r"/v2/(.+)/blobs/(sha256:[0-9a-f]+)$", h.path)
        manifest = re.match(r"/v2/(.+)/manifests/(.+)$", h.path)
        if blob and blob[2] in self.blobs:
            return self.send_blob(h, self.blobs[blob[2]])
        if manifest and f"{manifest[1]}:{manifest[2]}" in self.manifests:
            kind, body = self.manifests[f"{manifest[1]}:{manifest[2]}"]
            return h.answer(200, body, Content_Type=kind, Docker_Content_Digest=image.digest(body))
        code = "MANIFEST_UNKNOWN" if manifest else "BLOB_UNKNOWN"
        body = json.dumps({"errors": [{"code": code, "message": code.lower().replace("_", " ")}]}).encode()
        return h.answer(404, body, Content_Type="application/json")

    @staticmethod
    def send_blob(h, body):
        wanted = re.match(r"bytes=(\d+)-$", h.headers.get("Range", ""))
        if wanted:
            at = int(wanted[1])
            return h.answer(206, body[at:], Content_Range=f"bytes {at}-{len(body) - 1}/{len(body)}")
        return h.answer(200, body)

    def count(self, method, pattern):
        return sum(1 for m, p, _ in self.requests if m == method and re.search(pattern, p))


class RealRegistry:
    """Debian's docker-registry on loopback; None when it is not installed."""

    def __init__(self, place, port):
        self.host = f"127.0.0.1:{port}"
        config = os.path.join(place.path, "registry.yml")
        with open(config, "w") as f:
            f.write("version: 0.1\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: %s}\n"
                    "log: {level: error}\n" % (os.path.join(place.path, "registry"), self.host))
        self.process = subprocess.Popen(["docker-registry", "serve", config], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                image.call("GET", f"http://{self.host}/v2/")
                return
            except OSError:
                threading.Event().wait(0.05)
        raise AssertionError("docker-registry did not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def has_registry():
    return shutil.which("docker-registry") is not None
