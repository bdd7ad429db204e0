#!/usr/bin/env python3
"""shoald as a process: daemon.py PATH_OF_SHOALD.

It runs itself again in namespaces of its own, so that no daemon and no bridge outlives it."""
import grp
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time

if os.environ.get("SHOAL_TEST_IS_ALONE") is None:
    os.environ["SHOAL_TEST_IS_ALONE"] = "1"
    os.execvp("unshare", ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, *sys.argv])
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)

PROGRAM = os.path.abspath(sys.argv[1])
# A second is the promise; the rest is for a machine that is busy with other tests.
ENDS_WITHIN_S = 3
work = tempfile.mkdtemp(prefix="shoal-test-")


class Daemon:
    """A shoald with roots of its own, below `name`; waits until it says that it is ready."""

    def __init__(self, name, *flags, **env):
        self.root = f"{work}/{name}"
        os.makedirs(self.root, exist_ok=True)
        self.log_path = self.root + "/log"
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.settimeout(30)
        path = self.root + "/notify"
        if os.path.exists(path):
            os.unlink(path)
        self.notify.bind(path)
        with open(self.log_path, "w") as log:
            self.process = subprocess.Popen([PROGRAM, *self.flags(), *flags], stderr=log, env={**os.environ, "NOTIFY_SOCKET": path, **env})

    def flags(self):
        return [f"--data-root={self.root}/data", f"--exec-root={self.root}/exec", f"--pidfile={self.root}/pid", f"--config-file={self.config()}", f"--host=unix://{self.root}/sock", "--group=root"]

    def config(self):
        path = self.root + "/daemon.json"
        if not os.path.exists(path):
            with open(path, "w") as f:
                f.write("{}")
        return path

    def hear(self):
        try:
            return self.notify.recv(1000).decode()
        except TimeoutError:
            raise AssertionError(f"it says nothing; ended: {self.process.poll()}; {self.log()}") from None

    def ready(self):
        assert self.hear() == "READY=1"
        return self

    def log(self):
        with open(self.log_path) as f:
            return f.read()

    def wait_log(self, text):
        for _ in range(100):
            if text in self.log():
                return
            time.sleep(0.05)
        raise AssertionError(f"no {text!r} in the log: {self.log()}")

    def stop(self, signum=signal.SIGTERM):
        began = time.time()
        self.process.send_signal(signum)
        status = self.process.wait(5)
        return status, time.time() - began


def run(*args):
    return subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=10)


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def help_version_and_validate_answer_and_end():
    assert "--tlsverify" in run("--help").stdout
    assert run("--version").stdout.startswith("shoald version ")
    good = run("--validate", "--config-file=/dev/null")
    assert good.returncode == 0 and good.stdout == "configuration OK\n"
    bad = run("--validate", "--config-file=/dev/null", "-H", "tcp://0.0.0.0:2375")
    assert bad.returncode == 1 and "root on this host" in bad.stderr


def it_says_ready_and_ends_within_a_second():
    for signum in (signal.SIGTERM, signal.SIGINT):
        d = Daemon("life").ready()
        assert open(d.root + "/pid").read() == f"{d.process.pid}\n"
        status, took = d.stop(signum)
        assert status == 0 and took < ENDS_WITHIN_S, (status, took)
        assert d.hear() == "STOPPING=1"
        assert not os.path.exists(d.root + "/pid")


def it_may_end_at_any_moment():
    for i in range(40):
        d = Daemon("moments").ready()
        time.sleep(i % 10 * 0.0005)
        status, took = d.stop()
        assert status == 0 and took < ENDS_WITHIN_S, (status, took)


def its_folders_are_closed_to_others():
    d = Daemon("modes").ready()
    assert mode(d.root + "/data") == 0o710
    assert mode(d.root + "/exec") == 0o711
    assert mode(d.root + "/data/journal") == 0o700
    for name in ("key", "raft.db", "local.db"):
        assert mode(f"{d.root}/data/journal/{name}") == 0o600, name
    assert mode(d.root + "/pid") == 0o644
    d.stop()


def it_leaks_nothing_and_lets_nobody_look():
    leaked = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(leaked, True)
    d = Daemon("leak").ready()
    status = open(f"/proc/{d.process.pid}/status").read()
    # Not dumpable: its files in /proc belong to root and no tracer of the same user may attach.
    assert "Umask:\t0077" in status
    for fd in os.listdir(f"/proc/{d.process.pid}/fd"):
        try:
            info = open(f"/proc/{d.process.pid}/fdinfo/{fd}").read()
        except FileNotFoundError:
            continue  # closed meanwhile
        flags = int(info.split("flags:")[1].split()[0], 8)
        assert int(fd) < 3 or flags & os.O_CLOEXEC, (fd, os.readlink(f"/proc/{d.process.pid}/fd/{fd}"))
    d.stop()
    os.close(leaked)


def two_on_one_root_are_refused():
    d = Daemon("one").ready()
    second = run(*d.flags())
    assert second.returncode == 1 and f"held by process {d.process.pid}" in second.stderr, second.stderr
    other_pidfile = [f for f in d.flags() if "pidfile" not in f] + [f"--pidfile={d.root}/pid2"]
    second = run(*other_pidfile)
    assert second.returncode == 1 and "another shoald uses it" in second.stderr, second.stderr
    assert not os.path.exists(d.root + "/pid2")
    assert d.process.poll() is None
    d.stop()


def a_killed_one_is_followed_by_the_next():
    for _ in range(5):
        d = Daemon("killed").ready()
        d.process.kill()
        d.process.wait()
        assert os.path.exists(d.root + "/pid")
    began = time.time()
    d = Daemon("killed").ready()
    assert time.time() - began < 1, time.time() - began
    assert d.stop()[0] == 0


def a_missing_key_is_not_made_anew():
    d = Daemon("key").ready()
    d.stop()
    os.unlink(d.root + "/data/journal/key")
    again = run(*d.flags())
    assert again.returncode == 1 and "is missing: the journal beside it cannot be opened" in again.stderr

    with open(d.root + "/data/journal/key", "wb") as f:
        f.write(b"x" * 32)
    os.chmod(f.name, 0o644)
    assert "others may read it" in run(*d.flags()).stderr
    os.chmod(f.name, 0o600)
    assert "the data key does not open it" in run(*d.flags()).stderr


def a_reload_reads_the_file_again():
    d = Daemon("reload").ready()
    with open(d.config(), "w") as f:
        json.dump({"debug": True}, f)
    d.process.send_signal(signal.SIGHUP)
    assert d.hear().startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert d.hear() == "READY=1"
    d.wait_log("changed: debug")

    with open(d.config(), "w") as f:
        f.write('{"nonsense": 1}')
    d.process.send_signal(signal.SIGHUP)
    d.hear()
    assert d.hear() == "READY=1"
    d.wait_log("the configuration stays as it was")
    assert d.stop()[0] == 0


def hollow_flags_are_logged_once():
    d = Daemon("hollow", "--iptables=false", "--containerd=/x").ready()
    assert d.log().count("--iptables has no meaning here") == 1
    assert d.log().count("--containerd has no meaning here") == 1
    d.stop()


def the_log_is_for_people_or_for_machines():
    d = Daemon("text").ready()
    d.stop()
    assert d.log().startswith('time="20') and ' level=info msg="shoald ' in d.log()
    d = Daemon("json", "--log-format=json").ready()
    d.stop()
    for line in d.log().splitlines():
        fact = json.loads(line)
        assert set(fact) == {"time", "level", "msg", "room"}


class Api:
    """Requests over the unix socket of a daemon, as a client without ambitions makes them."""

    def __init__(self, d):
        self.path = d.root + "/sock"

    def ask(self, method, path, body=None, kind="application/json"):
        c = socket.socket(socket.AF_UNIX)
        c.settimeout(20)
        c.connect(self.path)
        data = b"" if body is None else json.dumps(body).encode()
        c.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)
        got = b""
        while chunk := c.recv(65536):
            got += chunk
        head, _, rest = got.partition(b"\r\n\r\n")
        if b"chunked" in head.lower():
            rest = unchunk(rest)
        return int(head.split()[1]), rest

    def get(self, path):
        status, body = self.ask("GET", path)
        assert status == 200, (status, body)
        return json.loads(body)


def unchunk(data):
    out = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        n = int(size, 16)
        out, data = out + data[:n], data[n + 2 :]
    return out


def free_port():
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    port = s.getsockname()[1]
    s.close()
    return port


def http(port, path, method="GET"):
    c = socket.create_connection(("127.0.0.1", port), timeout=10)
    c.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    got = b""
    while chunk := c.recv(65536):
        got += chunk
    return got.decode()


def metrics_are_text_for_prometheus_and_nothing_else():
    port = free_port()
    d = Daemon("metrics", f"--metrics-addr=127.0.0.1:{port}").ready()
    status, body = Api(d).ask("POST", "/v1.44/swarm/init", {"ListenAddr": f"127.0.0.1:{free_port()}", "AdvertiseAddr": "127.0.0.1"})
    assert status == 200, body
    answer = http(port, "/metrics")
    assert answer.startswith("HTTP/1.1 200") and "text/plain; version=0.0.4" in answer, answer
    samples = [line for line in answer.partition("\r\n\r\n")[2].splitlines() if line and not line.startswith("#")]
    families = {line.split()[2] for line in answer.splitlines() if line.startswith("# TYPE")}
    for line in samples:
        name, value = line.rsplit(" ", 1)
        assert name.split("{")[0] in families, line
        float(value)
    for wanted in ("engine_daemon_container_states_containers", "swarm_manager_leader", "swarm_manager_nodes", "swarm_node_info", "process_resident_memory_bytes"):
        assert wanted in families, wanted
    assert "swarm_manager_leader 1" in samples and 'swarm_manager_nodes{state="ready"} ' in answer
    assert http(port, "/info").startswith("HTTP/1.1 404")
    assert http(port, "/metrics", "POST").startswith("HTTP/1.1 405")
    taken = run(*Daemon.flags(Named(work + "/taken")), f"--metrics-addr=127.0.0.1:{port}")
    assert taken.returncode == 1 and "--metrics-addr" in taken.stderr, taken.stderr
    d.stop()


class Named:
    def __init__(self, root):
        self.root = root
        os.makedirs(root, exist_ok=True)

    def config(self):
        return "/dev/null"


def options_show_in_info_and_reach_the_engine():
    d = Daemon("options", "--label=tier=front", "--registry-mirror=https://mirror.example", "--insecure-registry=10.1.0.0/16", "--insecure-registry=reg:5000", "--add-runtime=mine=/bin/true", "--bip=10.123.0.1/24", "--mtu=1400", "--default-address-pool=base=10.124.0.0/16,size=24", "--icc=false", "--oom-score-adjust=5").ready()
    api = Api(d)
    info = api.get("/v1.44/info")
    assert info["Labels"] == ["tier=front"] and info["DefaultRuntime"] == "crun" and "mine" in info["Runtimes"]
    assert info["RegistryConfig"]["Mirrors"] == ["https://mirror.example/"], info["RegistryConfig"]
    assert "10.1.0.0/16" in info["RegistryConfig"]["InsecureRegistryCIDRs"]
    assert info["RegistryConfig"]["IndexConfigs"]["reg:5000"]["Secure"] is False
    assert info["DefaultAddressPools"] == [{"Base": "10.124.0.0/16", "Size": 24}]
    bridge = api.get("/v1.44/networks/bridge")
    assert bridge["IPAM"]["Config"][0] == {"Subnet": "10.123.0.0/24", "Gateway": "10.123.0.1"}, bridge
    assert bridge["Options"]["com.docker.network.driver.mtu"] == "1400"
    assert bridge["Options"]["com.docker.network.bridge.enable_icc"] == "false"
    assert open(f"/proc/{d.process.pid}/oom_score_adj").read() == "5\n"
    d.stop()


def a_reload_changes_what_is_told_and_is_told_itself():
    d = Daemon("relabel").ready()
    api = Api(d)
    events = socket.socket(socket.AF_UNIX)
    events.settimeout(10)
    events.connect(d.root + "/sock")
    events.sendall(b"GET /v1.44/events HTTP/1.1\r\nHost: x\r\n\r\n")
    while b"\r\n\r\n" not in (head := events.recv(65536)):
        pass
    with open(d.config(), "w") as f:
        json.dump({"labels": ["a=b"], "registry-mirrors": ["http://m:1"], "runtimes": {"mine": {"path": "/bin/true"}}, "default-runtime": "mine", "insecure-registries": ["r:1"]}, f)
    d.process.send_signal(signal.SIGHUP)
    text = b""
    while b'"reload"' not in text:
        text += events.recv(65536)
    event = json.loads(unchunk(text).decode().strip().splitlines()[0] if text[:1] != b"{" else text)
    assert event["Type"] == "daemon" and event["Action"] == "reload" and event["scope"] == "local"
    told = event["Actor"]["Attributes"]
    assert told["labels"] == '["a=b"]' and told["default-runtime"] == "mine" and told["name"] == socket.gethostname(), told
    info = api.get("/v1.44/info")
    assert event["Actor"]["ID"] == info["ID"]
    assert info["Labels"] == ["a=b"] and info["DefaultRuntime"] == "mine" and info["RegistryConfig"]["Mirrors"] == ["http://m:1/"]
    assert "r:1" in info["RegistryConfig"]["IndexConfigs"]
    d.stop()


def two_share_a_host_without_touching_each_other():
    one = Daemon("first", "--bip=10.121.0.1/24").ready()
    two = Daemon("second", "--bip=10.122.0.1/24").ready()
    a, b = Api(one), Api(two)
    assert a.get("/v1.44/info")["ID"] != b.get("/v1.44/info")["ID"]
    for api, subnet in ((a, "10.131.0.0/24"), (b, "10.132.0.0/24")):
        status, body = api.ask("POST", "/v1.44/networks/create", {"Name": "same", "IPAM": {"Config": [{"Subnet": subnet}]}})
        assert status == 201, body
    links = json.loads(subprocess.run(["ip", "-j", "-4", "address"], capture_output=True, text=True, check=True).stdout)
    found = {address["local"]: link["ifname"] for link in links for address in link["addr_info"]}
    wanted = ["10.121.0.1", "10.122.0.1", "10.131.0.1", "10.132.0.1"]
    deadline = time.time() + 5
    while not all(w in found for w in wanted) and time.time() < deadline:
        time.sleep(0.1)
        links = json.loads(subprocess.run(["ip", "-j", "-4", "address"], capture_output=True, text=True, check=True).stdout)
        found = {address["local"]: link["ifname"] for link in links for address in link["addr_info"]}
    assert len({found[w] for w in wanted}) == 4, found
    status, body = a.ask("DELETE", "/v1.44/networks/same")
    assert status == 204, body
    assert [n["Name"] for n in b.get("/v1.44/networks") if n["Name"] == "same"] == ["same"]
    one.stop()
    assert b.get("/v1.44/info")["ID"]
    two.stop()


class Groupless(Daemon):
    def flags(self):
        return [f for f in super().flags() if "--group" not in f]


def the_socket_is_the_usual_groups_or_else_roots_alone():
    d = Groupless("groupless").ready()
    made = os.stat(d.root + "/sock")
    assert made.st_mode & 0o777 == 0o660 and made.st_uid == 0, oct(made.st_mode)
    try:
        usual = grp.getgrnam("docker").gr_gid
    except KeyError:
        usual = os.getgid()
        assert "no group docker: the API's socket is root's alone" in d.log()
    assert made.st_gid == usual, (made.st_gid, usual)
    d.stop()


def an_unknown_group_that_was_asked_for_is_refused():
    flags = [f for f in Daemon.flags(Named(work + "/group")) if "--group" not in f]
    bad = run(*flags, "--group=no-such-group")
    assert bad.returncode == 1 and "no-such-group" in bad.stderr, bad.stderr


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=work)


def make_certificate(name, ca, subject, usage):
    with open(f"{work}/{name}.ext", "w") as f:
        f.write(f"subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage={usage}\n")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={subject}")
    openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-CAcreateserial", "-days", "2", "-out", f"{name}.pem", "-extfile", f"{name}.ext")


def make_ca(name):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2", "-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE")


def docker_reaches_it_over_tls_with_a_certificate_and_not_without():
    docker = next((p for p in ("/usr/local/bin/docker", "/usr/bin/docker") if os.path.exists(p)), None)
    if not docker:
        print("skipped: no docker")
        return
    for ca in ("ca", "stranger"):
        make_ca(ca)
    make_certificate("server", "ca", "server", "serverAuth")
    make_certificate("client", "ca", "client", "clientAuth")
    make_certificate("intruder", "stranger", "intruder", "clientAuth")
    port = free_port()
    d = Daemon("tls", f"--host=tcp://127.0.0.1:{port}", "--tlsverify", f"--tlscacert={work}/ca.pem", f"--tlscert={work}/server.pem", f"--tlskey={work}/server.key").ready()

    def ask(*flags):
        return subprocess.run([docker, "-H", f"tcp://127.0.0.1:{port}", *flags, "version", "--format", "{{.Server.Version}}"], capture_output=True, text=True, timeout=20, env={**os.environ, "DOCKER_TLS_VERIFY": "", "HOME": work})

    def with_key(name):
        return ("--tlsverify", f"--tlscacert={work}/ca.pem", f"--tlscert={work}/{name}.pem", f"--tlskey={work}/{name}.key")

    good = ask(*with_key("client"))
    assert good.returncode == 0 and good.stdout.strip(), good.stderr
    for bad in (ask(*with_key("intruder")), ask("--tls", f"--tlscacert={work}/ca.pem"), ask()):
        assert bad.returncode != 0 and not bad.stdout.strip(), bad.stdout
    assert Api(d).get("/v1.44/info")["ID"]
    d.stop()


def plain_tcp_is_served_only_when_asked_for_in_plain_words():
    port = free_port()
    refused = run(*Daemon.flags(Named(work + "/plain")), f"--host=tcp://127.0.0.1:{port}")
    assert refused.returncode == 1 and "use --tlsverify, or say --tls=false" in refused.stderr, refused.stderr
    d = Daemon("plain", f"--host=tcp://127.0.0.1:{port}", "--tls=false").ready()
    assert http(port, "/_ping").endswith("OK")
    assert "without TLS" in d.log() and "level=warn" in d.log()
    d.stop()


def it_ends_in_the_middle_of_anything():
    """Whatever is under way on SIGTERM: a sanitizer build says if something was used after its end."""
    for i in range(30):
        d = Daemon("middle").ready()
        api = Api(d)
        calls = []

        def send(method, path, body=None):
            data = b"" if body is None else json.dumps(body).encode()
            c = socket.socket(socket.AF_UNIX)
            c.connect(api.path)
            c.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)
            calls.append(c)

        send("GET", "/events")
        if i % 3 == 0:
            send("POST", "/swarm/init", {"ListenAddr": f"127.0.0.1:{free_port()}", "AdvertiseAddr": "127.0.0.1"})
        elif i % 3 == 1:
            send("POST", "/swarm/join", {"ListenAddr": f"127.0.0.1:{free_port()}", "AdvertiseAddr": "127.0.0.1", "RemoteAddrs": ["127.0.0.1:1"], "JoinToken": "SWMTKN-1-3pu6hszjas19xyp7ghgosyx9k8atbfcr8p2is99znpy26u2lkl-7p73s1dx5in4tatdymyhg9hu2"})
        else:
            status, body = api.ask("POST", "/swarm/init", {"ListenAddr": f"127.0.0.1:{free_port()}", "AdvertiseAddr": "127.0.0.1"})
            assert status == 200, body
            send("POST", "/services/create", {"Name": "web", "TaskTemplate": {"ContainerSpec": {"Image": "127.0.0.1:1/none"}}})
        send("POST", "/images/create?fromImage=127.0.0.1:1/none&tag=x")
        send("POST", "/networks/create", {"Name": f"n{i}", "IPAM": {"Config": [{"Subnet": "10.120.0.0/24"}]}})
        send("POST", "/volumes/create", {"Name": "v"})
        time.sleep(i // 3 * 0.01)
        status, took = d.stop()
        assert status == 0 and took < ENDS_WITHIN_S, (i, status, took, d.log())
        for c in calls:
            c.close()
        assert "Sanitizer" not in d.log(), d.log()
        subprocess.run(["rm", "-r", d.root], check=True)


passed = failed = 0
for test in (
    help_version_and_validate_answer_and_end,
    it_says_ready_and_ends_within_a_second,
    it_may_end_at_any_moment,
    its_folders_are_closed_to_others,
    it_leaks_nothing_and_lets_nobody_look,
    two_on_one_root_are_refused,
    a_killed_one_is_followed_by_the_next,
    a_missing_key_is_not_made_anew,
    a_reload_reads_the_file_again,
    hollow_flags_are_logged_once,
    the_log_is_for_people_or_for_machines,
    metrics_are_text_for_prometheus_and_nothing_else,
    options_show_in_info_and_reach_the_engine,
    a_reload_changes_what_is_told_and_is_told_itself,
    two_share_a_host_without_touching_each_other,
    the_socket_is_the_usual_groups_or_else_roots_alone,
    an_unknown_group_that_was_asked_for_is_refused,
    docker_reaches_it_over_tls_with_a_certificate_and_not_without,
    plain_tcp_is_served_only_when_asked_for_in_plain_words,
    it_ends_in_the_middle_of_anything,
):
    try:
        test()
        passed += 1
    except Exception as e:  # noqa: BLE001
        where = e.__traceback__.tb_next
        print(f"FAILED {test.__name__} (line {where.tb_lineno}): {type(e).__name__}: {e}")
        failed += 1

subprocess.run(["rm", "-r", work], check=True)
print(f"{passed} passed, {failed} failed")
sys.exit(failed != 0)
