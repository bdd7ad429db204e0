#!/usr/bin/env python3
"""How the command line reaches an engine, and files that go to and fro.

    transport.py SHOAL        ends with "N passed, N failed" """
import base64
import io
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tarfile
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine import Engine  # noqa: E402
import replies  # noqa: E402

SHOAL = os.path.abspath(sys.argv[1])


def shoal(words, host=None, folder="/", **more):
    env = {"PATH": os.environ["PATH"], "HOME": folder, "TZ": "UTC", "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "")}
    if host:
        env["SHOAL_HOST"] = host
    env.update(more.pop("env", {}))
    return subprocess.run([SHOAL] + words, env=env, cwd=folder, capture_output=True, timeout=30, check=False,
                          **{"stdin": subprocess.DEVNULL, **more} if "input" not in more else more)


def tar_of(**files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name.replace("__", "/"))
            if data is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(info)
            else:
                info.size, info.mode = len(data), 0o644
                tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def archive(data, mode=0o644, **more):
    stat = base64.b64encode(json.dumps({"name": "x", "size": 1, "mode": mode}).encode()).decode()
    return dict({"method": "GET", "path": "/containers/web1/archive", "base64": base64.b64encode(data).decode(),
                 "type": "application/x-tar", "headers": {"X-Docker-Container-Path-Stat": stat}}, **more)


class Unix:
    def __init__(self, said=(), **more):
        self.folder = tempfile.mkdtemp(prefix="cli")
        self.engine = Engine(self.folder, list(said) + replies.REPLIES, **more)
        self.host = "unix://" + self.engine.socket_path

    def run(self, *words, **more):
        return shoal(list(words), self.host, self.folder, **more)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as to:
            to.write(data)

    def read(self, name):
        with open(self.path(name), "rb") as what:
            return what.read()

    def sent(self, method, path):
        return [body for m, p, _, body, _ in self.engine.requests if (m, p) == (method, path)][-1]

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.engine.close()
        shutil.rmtree(self.folder)


def certificates(folder):
    """A CA and a certificate of it for 127.0.0.1 that serves and asks."""
    def run(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)
    with open(os.path.join(folder, "ext"), "w", encoding="ascii") as to:
        to.write("subjectAltName=IP:127.0.0.1\n")
    run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca-key.pem", "-out", "ca.pem", "-subj", "/CN=ca",
        "-days", "2")
    run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "csr.pem", "-subj", "/CN=engine")
    run("x509", "-req", "-in", "csr.pem", "-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial", "-out",
        "cert.pem", "-days", "2", "-extfile", "ext")


def tls_is_checked_both_ways():
    with tempfile.TemporaryDirectory() as folder:
        certificates(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem"))
        context.load_verify_locations(os.path.join(folder, "ca.pem"))
        context.verify_mode = ssl.CERT_REQUIRED
        engine = Engine(folder, replies.REPLIES, tcp=True, tls=context)
        host = f"tcp://127.0.0.1:{engine.port}"
        good = shoal(["node", "ls", "-q"], host, env={"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": folder})
        assert good.returncode == 0 and replies.N1.encode() in good.stdout, good
        flags = shoal(["--tlsverify", "--tlscacert", folder + "/ca.pem", "--tlscert", folder + "/cert.pem", "--tlskey",
                       folder + "/key.pem", "-H", host, "exec", "web1", "true"])
        assert flags.returncode == 5 and flags.stdout == b"from exec\n", flags
        os.rename(os.path.join(folder, "ca.pem"), os.path.join(folder, "our-ca.pem"))
        other = shoal(["node", "ls"], host, env={"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": folder})
        assert other.returncode == 1 and b"certificate verify failed" in other.stderr, other
        plain = shoal(["node", "ls"], host)
        assert plain.returncode == 1, plain
        engine.close()


def tcp_needs_no_tls():
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(folder, replies.REPLIES, tcp=True)
        done = shoal(["-H", f"tcp://127.0.0.1:{engine.port}", "volume", "ls", "-q"])
        assert done.stdout == b"v9\nv10\n", done
        engine.close()


def a_missing_daemon_is_said_in_a_sentence():
    done = shoal(["ps"], "unix:///nonexistent/x.sock")
    assert done.returncode == 1
    assert done.stderr == (b"Cannot connect to the shoal daemon at unix:///nonexistent/x.sock. "
                           b"Is the shoal daemon running?\n"), done
    run = shoal(["run", "x"], "unix:///nonexistent/x.sock")
    assert run.returncode == 125 and run.stderr.startswith(b"shoal: Cannot connect"), run
    assert shoal(["ps"], "ssh://x").stderr.startswith(b"unable to parse docker host `ssh://x`")


def docker_host_counts_too_and_shoal_host_first():
    with Unix() as at:
        assert shoal(["volume", "ls", "-q"], env={"DOCKER_HOST": at.host}).stdout == b"v9\nv10\n"
        both = shoal(["volume", "ls", "-q"], at.host, env={"DOCKER_HOST": "unix:///nonexistent"})
        assert both.stdout == b"v9\nv10\n"


def a_connection_that_was_closed_meanwhile_is_opened_again():
    with Unix(hangs_up=True) as at:
        assert at.run("node", "ls").returncode == 0


def chunks_are_put_together():
    with Unix([replies.get("/volumes", {"Volumes": replies.VOLUMES}, chunked=True)]) as at:
        assert at.run("volume", "ls", "-q").stdout == b"v9\nv10\n"


def an_answer_that_is_no_http_is_no_crash():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "s")
        server = socket.socket(socket.AF_UNIX)
        server.bind(path)
        server.listen()
        program = subprocess.Popen([SHOAL, "-H", "unix://" + path, "ps"], stderr=subprocess.PIPE)
        connection, _ = server.accept()
        connection.recv(1000)
        connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
        connection.close()
        server.close()
        assert b"the daemon's answer makes no sense" in program.communicate(timeout=10)[1]
        assert program.returncode == 1


def an_error_without_a_sentence_names_the_call():
    with Unix([{"method": "GET", "path": "/volumes", "status": 500, "text": ""}]) as at:
        assert b"request returned 500 for API route and version /volumes" in at.run("volume", "ls").stderr


def a_file_is_copied_out_under_its_name_or_another():
    with Unix([archive(tar_of(passwd=b"root\n"))]) as at:
        assert at.run("cp", "web1:/etc/passwd", ".").returncode == 0
        assert at.read("passwd") == b"root\n"
        assert at.run("cp", "web1:/etc/passwd", "other").returncode == 0
        assert at.read("other") == b"root\n"
        assert at.run("cp", "web1:/etc/passwd", "-").stdout == tar_of(passwd=b"root\n")


def a_folder_is_copied_out_under_another_name():
    with Unix([archive(tar_of(html=None, html__index=b"x", html__htmlfile=b"y"))]) as at:
        assert at.run("cp", "web1:/srv/html", "site").returncode == 0
        assert at.read("site/index") == b"x" and at.read("site/htmlfile") == b"y"


def names_that_lead_out_of_the_folder_are_refused():
    with Unix([archive(tar_of(**{"..__..__evil": b"x"}))]) as at:
        os.mkdir(at.path("in"))
        done = at.run("cp", "web1:/x", "in")
        assert not os.path.exists(os.path.join(at.folder, "..", "evil")) and not os.path.exists("/evil"), done


def names_in(data):
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return sorted(tar.getnames())


def a_file_is_copied_in_to_a_folder_or_as_a_file():
    folder = archive(b"", mode=(1 << 31) | 0o755, method="HEAD")
    put = {"method": "PUT", "path": "/containers/web1/archive", "status": 200}
    with Unix([folder, put]) as at:
        at.write("a.txt", b"a")
        assert at.run("cp", "a.txt", "web1:/tmp").returncode == 0
        assert names_in(at.sent("PUT", "/containers/web1/archive")) == ["a.txt"]
        sent = tar_of(b=b"b")
        at.write("t.tar", sent)
        with open(at.path("t.tar"), "rb") as tar:
            assert at.run("cp", "-", "web1:/tmp", stdin=tar).returncode == 0
        assert at.sent("PUT", "/containers/web1/archive") == sent
    missing = replies.missing("HEAD", "/containers/web1/archive", "no such file")
    with Unix([missing, put]) as at:
        os.mkdir(at.path("site"))
        at.write("site/index", b"i")
        done = at.run("cp", "site", "web1:/srv/www")
        assert done.returncode == 0, done
        assert names_in(at.sent("PUT", "/containers/web1/archive")) == ["www", "www/index"]
        assert ("path", "/srv") in at.engine.requests[-1][2]
        assert at.run("cp", "nosuch", "web1:/srv/www").stderr == b"nosuch: No such file or directory\n"
        assert at.run("cp", "site", "web1:/srv/www/").returncode == 1


def images_are_saved_whole_or_not_at_all():
    data = bytes(range(256)) * 1000
    with Unix([{"method": "GET", "path": "/images/get", "base64": base64.b64encode(data).decode(),
                "type": "application/x-tar"}]) as at:
        assert at.run("save", "-o", "x.tar", "a", "b").returncode == 0
        assert at.read("x.tar") == data
        assert at.run("save", "a").stdout == data
        assert at.run("save", "-o", "no/such/x.tar", "a").returncode == 1
        assert not [n for n in os.listdir(at.folder) if n.startswith("x.tar.")]


def images_are_loaded_from_a_file_or_from_standard_input():
    with Unix() as at:
        at.write("i.tar", b"t" * 100000)
        assert at.run("load", "-i", "i.tar").stdout == b"Loaded image: nginx:1.27\n"
        assert at.sent("POST", "/images/load") == b"t" * 100000
        assert at.run("load", input=b"short").returncode == 0
        assert at.sent("POST", "/images/load") == b"short"


def a_login_is_kept_sent_and_forgotten():
    with Unix() as at:
        done = at.run("login", "-u", "me", "--password-stdin", "example.com:5000", input=b"s3cret\n")
        assert done.returncode == 0 and b"Login Succeeded" in done.stdout, done
        kept = os.path.join(at.folder, ".docker", "config.json")
        assert os.stat(kept).st_mode & 0o777 == 0o600
        with open(kept, encoding="utf-8") as text:
            assert json.load(text)["auths"]["example.com:5000"]["auth"] == base64.b64encode(b"me:s3cret").decode()
        at.run("push", "example.com:5000/n:2")
        sent = [h for m, p, _, _, h in at.engine.requests if p.endswith("/push")][-1]["x-registry-auth"]
        assert json.loads(base64.urlsafe_b64decode(sent))["password"] == "s3cret"
        at.run("pull", "nginx:1.27")
        assert [h for m, p, _, _, h in at.engine.requests if p == "/images/create"][-1]["x-registry-auth"] == "e30="
        assert at.run("logout", "example.com:5000").returncode == 0
        with open(kept, encoding="utf-8") as text:
            assert json.load(text)["auths"] == {}


def the_id_goes_to_a_file_and_never_over_one():
    with Unix() as at:
        assert at.run("run", "-d", "--cidfile", "id", "nginx").returncode == 0
        assert at.read("id").decode() == replies.C1
        again = at.run("run", "-d", "--cidfile", "id", "nginx")
        assert again.returncode == 125 and b"container ID file found" in again.stderr


def manual_pages_and_completion_come_out():
    with tempfile.TemporaryDirectory() as folder:
        assert shoal(["man", folder]).returncode == 0
        pages = os.listdir(folder)
        assert "shoal.1" in pages and "shoal-service-create.1" in pages and len(pages) > 80
    for shell in ("bash", "zsh", "fish"):
        assert b"__complete" in shoal(["completion", shell]).stdout
    with Unix() as at:
        assert at.run("__complete", "--", "service", "rm", "w").stdout == b"web\n"
        assert at.run("__complete", "--", "rm", "-f", "").stdout == b"web1\nother/link\njob1\n"
        script = at.run("completion", "bash").stdout.decode()
        asked = script + "\nCOMP_WORDS=(shoal node inspect se); COMP_CWORD=3; _shoal; echo ${COMPREPLY[@]}"
        os.symlink(SHOAL, at.path("shoal"))
        done = subprocess.run(["bash", "-c", asked], capture_output=True, check=False, env={
            "PATH": at.folder + ":" + os.environ["PATH"], "SHOAL_HOST": at.host})
        assert done.stdout == b"self\n", done


def main():
    passed = failed = 0
    for name, test in list(globals().items()):
        if not callable(test) or getattr(test, "__module__", "") != "__main__" or name in (
                "main", "shoal", "tar_of", "archive", "Unix", "certificates", "names_in"):
            continue
        try:
            test()
            passed += 1
        except AssertionError as why:
            failed += 1
            trace = why.__traceback__
            while trace.tb_next:
                trace = trace.tb_next
            print(f"FAILED {name}: line {trace.tb_lineno}: {why}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
