#!/usr/bin/env python3
"""A registry that stands in front of an honest one: liar.py HOST:PORT UPSTREAM FILE. The first word of FILE says how
it treats the bytes of layers: "honest", "lie" (one is changed) or "half" (it hangs up in the middle)."""
import http.server
import sys
import urllib.error
import urllib.request

HERE, UPSTREAM, MOOD = sys.argv[1:4]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def relay(self):
        request = urllib.request.Request(UPSTREAM + self.path, method=self.command)
        for name in ("Accept", "Authorization"):
            for value in self.headers.get_all(name, []):
                request.add_header(name, value)
        try:
            answer = urllib.request.urlopen(request)
        except urllib.error.HTTPError as e:
            answer = e
        body = answer.read()
        with open(MOOD) as f:
            mood = f.read().strip()
        is_layer = "/blobs/" in self.path and answer.headers.get("Content-Type") == "application/octet-stream" and len(body) > 65536
        if is_layer and mood == "lie":
            body = body[:1000] + bytes([body[1000] ^ 1]) + body[1001:]
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                self.send_header(name, value)
        length = answer.headers.get("Content-Length") if self.command == "HEAD" else len(body)
        self.send_header("Content-Length", str(length or 0))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if is_layer and mood == "half" else body)
        if is_layer and mood == "half":
            self.close_connection = True

    do_GET = do_HEAD = relay


host, port = HERE.split(":")
http.server.ThreadingHTTPServer((host, int(port)), Handler).serve_forever()
