"""A fake engine on a unix socket: says what it was told to say and remembers what it was asked.

A reply is a dict: method, path (without /vN.NN), status, and one of json, text or frames; optional
query (must match as a set, volatile keys aside), type (Content-Type), upgrade (101, then frames).
"{{now-90s}}" in a reply is the RFC 3339 time 90 seconds ago, "{{unix-90s}}" the unix time.
Of several replies that fit, each is said once in order, the last again and again."""
import base64
import datetime
import json
import os
import re
import socket
import socketserver
import ssl
import struct
import threading
import time
import urllib.parse

VOLATILE = {"since", "until"}


def query_of(text):
    return sorted((k, v) for k, v in urllib.parse.parse_qsl(text, keep_blank_values=True)
                  if k not in VOLATILE)


def at_times(text):
    def rfc(match):
        when = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(
            seconds=int(match.group(1)), milliseconds=500)
        return when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def unix(match):
        return str(int(time.time()) - int(match.group(1)))
    return re.sub(r'"?\{\{unix-(\d+)s\}\}"?', unix, re.sub(r"\{\{now-(\d+)s\}\}", rfc, text))


class Engine:
    """On a unix socket in `folder`, or with `tcp` on a port of the loopback, with TLS if a context is given.
    `hangs_up`: a connection answers one call and is closed without a word."""

    def __init__(self, folder, replies, tcp=False, tls=None, hangs_up=False):
        self.socket_path = os.path.join(folder, "engine.sock")
        self.replies = replies
        self.requests = []
        self.said = {}
        self.lock = threading.Lock()
        engine = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                try:
                    while engine.answer_one(self.rfile, self.wfile, self.connection):
                        if hangs_up:
                            break
                except (OSError, ValueError):
                    pass

        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True
            request_queue_size = 64

        class TcpServer(socketserver.ThreadingMixIn, socketserver.TCPServer):
            daemon_threads = True
            allow_reuse_address = True

            def get_request(self):
                connection, where = super().get_request()
                return (tls.wrap_socket(connection, server_side=True) if tls else connection), where

            def handle_error(self, request, client_address):
                pass

        if tcp:
            self.server = TcpServer(("127.0.0.1", 0), Handler)
            self.port = self.server.server_address[1]
        else:
            self.server = Server(self.socket_path, Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        if os.path.exists(self.socket_path):
            os.unlink(self.socket_path)

    def start_again(self):
        """Forget what was asked and said."""
        with self.lock:
            self.requests, self.said = [], {}

    def find(self, method, path, query):
        fits = [i for i, r in enumerate(self.replies)
                if r["method"] == method and r["path"] == path and
                (r.get("query") is None or query_of(r["query"]) == query_of(query))]
        exact = [i for i in fits if self.replies[i].get("query") is not None]
        fits = exact or fits
        if not fits:
            return None
        with self.lock:
            n = self.said.get((method, path, query), 0)
            self.said[(method, path, query)] = n + 1
        return self.replies[fits[min(n, len(fits) - 1)]]

    @staticmethod
    def read_body(rfile, headers):
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while True:
                size = int(rfile.readline().split(b";")[0], 16)
                body += rfile.read(size)
                rfile.readline()
                if size == 0:
                    return body
        return rfile.read(int(headers.get("content-length", 0)))

    def answer_one(self, rfile, wfile, connection):
        line = rfile.readline()
        if not line:
            return False
        method, target, _ = line.decode().split()
        headers = {}
        while True:
            field = rfile.readline().strip()
            if not field:
                break
            name, value = field.decode().split(":", 1)
            headers[name.lower()] = value.strip()
        body = self.read_body(rfile, headers)
        path, _, query = target.partition("?")
        path = urllib.parse.unquote(re.sub(r"^/v1\.\d+", "", path))
        if path == "/_ping":
            wfile.write(b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nOstype: linux\r\n"
                        b"Docker-Experimental: false\r\nContent-Length: 0\r\n\r\n")
            return True
        with self.lock:
            self.requests.append((method, path, query_of(query), body, headers))
        reply = self.find(method, path, query)
        if reply is None:
            reply = {"status": 404, "json": {"message": f"no such thing: {method} {path}"}}
        return self.say(reply, method, wfile, rfile, connection)

    @staticmethod
    def frames(reply):
        out = b""
        for stream, text in reply["frames"]:
            data = text.encode()
            out += data if stream == 0 else struct.pack(">BxxxI", stream, len(data)) + data
        return out

    def say(self, reply, method, wfile, rfile, connection):
        if reply.get("upgrade"):
            wfile.write(b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
                        b"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
            wfile.flush()
            while reply.get("live"):
                data = connection.recv(4096)
                wfile.write(data)
                wfile.flush()
                if not data or b"\x04" in data:
                    break
            if reply.get("echo"):
                data = rfile.read()
                wfile.write(struct.pack(">BxxxI", 1, len(data)) + data)
            time.sleep(reply.get("delay", 0))
            wfile.write(self.frames(reply))
            wfile.flush()
            if isinstance(connection, ssl.SSLSocket):
                connection.unwrap()
            connection.shutdown(socket.SHUT_RDWR)
            return False
        kind = reply.get("type", "application/json")
        if reply.get("json") is not None:
            data = (at_times(json.dumps(reply["json"], separators=(",", ":"))) + "\n").encode()
        elif "frames" in reply:
            data = self.frames(reply)
        elif "base64" in reply:
            data = base64.b64decode(reply["base64"])
        else:
            data = at_times(reply.get("text", "")).encode()
        status = reply.get("status", 200)
        head = f"HTTP/1.1 {status} X\r\nApi-Version: 1.41\r\nOstype: linux\r\n"
        for name, value in reply.get("headers", {}).items():
            head += f"{name}: {value}\r\n"
        if status in (204, 304):
            data = b""
        elif data:
            head += f"Content-Type: {kind}\r\n"
        if reply.get("chunked"):
            head += "Transfer-Encoding: chunked\r\n\r\n"
            body = b"".join(b"%x;x=y\r\n%s\r\n" % (len(data[i:i + 7]), data[i:i + 7])
                            for i in range(0, len(data), 7)) + b"0\r\n\r\n"
            wfile.write(head.encode() + body)
            wfile.flush()
            return True
        if status not in (204, 304):
            head += f"Content-Length: {len(data)}\r\n"
        head += "\r\n"
        wfile.write(head.encode())
        wfile.flush()
        if reply.get("delay"):
            time.sleep(reply["delay"])
        if method != "HEAD":
            wfile.write(data)
        wfile.flush()
        return True


def replies_from_trace(path):
    """The recorded answers of a real engine, as replies; volatile ones are left out."""
    replies = []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if not row.get("status") or row["path"] == "/_ping":
                continue
            status = int(row["status"].split()[1])
            body = row["resp_body"] or ""
            reply = {"method": row["method"], "path": urllib.parse.unquote(
                         re.sub(r"^/v1\.\d+", "", row["path"])),
                     "query": row["query"], "status": status,
                     "type": row["resp_headers"].get("content-type", "")}
            if status == 101:
                reply["upgrade"] = True
            if body.startswith("HEX:"):
                reply["base64"] = base64.b64encode(bytes.fromhex(body[4:])).decode()
            else:
                reply["text"] = body
            reply["mark"] = row["mark"]
            replies.append(reply)
    return replies
