#!/usr/bin/env python3
"""Who may do what, as registries ask it of a server of their own: token_server.py HOST:PORT KEY CERT USER PASSWORD.
GET /token?service=&scope= with basic authentication gives a token (RS256, the certificate in it) for all that is
asked for; without, for pulling what lies below public/."""
import base64
import http.server
import json
import ssl
import subprocess
import sys
import time
import urllib.parse

HERE, KEY, CERT, USER, PASSWORD = sys.argv[1:6]


def text_of(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def certificate():
    done = subprocess.run(["openssl", "x509", "-in", CERT, "-outform", "DER"], capture_output=True, check=True)
    return base64.b64encode(done.stdout).decode()


def access_of(scopes, is_known):
    found = []
    for scope in scopes:
        kind, name, actions = scope.split(":", 2)
        granted = actions.split(",") if is_known else ["pull"] if name.startswith("public/") else []
        found.append({"type": kind, "name": name, "actions": granted})
    return found


def token(service, scopes, is_known):
    now = int(time.time())
    head = {"typ": "JWT", "alg": "RS256", "x5c": [certificate()]}
    claims = {"iss": "lab", "sub": USER, "aud": service, "exp": now + 300, "nbf": now - 10, "iat": now, "jti": str(time.time_ns()),
              "access": access_of(scopes, is_known)}
    signed = text_of(json.dumps(head).encode()) + "." + text_of(json.dumps(claims).encode())
    done = subprocess.run(["openssl", "dgst", "-sha256", "-sign", KEY], input=signed.encode(), capture_output=True, check=True)
    return signed + "." + text_of(done.stdout)


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def say(self, status, what):
        body = json.dumps(what).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        given = self.headers.get("Authorization")
        right = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if given and given != right:
            self.say(401, {"details": "incorrect username or password"})
            return
        scopes = [s for words in query.get("scope", []) for s in words.split()]
        self.say(200, {"token": token(query["service"][0], scopes, bool(given)), "expires_in": 300})


host, port = HERE.split(":")
server = http.server.ThreadingHTTPServer((host, int(port)), Handler)
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(CERT, KEY)
server.socket = tls.wrap_socket(server.socket, server_side=True)
server.serve_forever()
