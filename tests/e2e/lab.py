"""The lab: hosts on one machine, each with a network namespace, an address, a hostname and a shoald of its own.

    world                       namespace of the wire: bridge br0, 10.90.0.1, docker-registry on port 5000
    node1, node2, ...           10.90.0.11, 10.90.0.12, ...: a veth into the bridge; data root, exec root, pidfile,
                                unix socket and cgroup parent below names that only this lab has

A lab ends by killing what it started and then looks for what should not be there any more: processes, mounts,
namespaces, cgroups. What an earlier lab left that was killed itself is removed at the start of the next one.

A test is a function of a lab whose name is a sentence that is true; run_tests() prints a line for each, what was
measured, and the closing "N passed, N failed". Needs root, docker-registry, crun and conmon; says "skipped: why"
when one of them is missing."""
import ctypes
import glob
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import traceback

import stock_programs

HERE = os.path.dirname(os.path.abspath(__file__))
IMAGES = os.path.join(HERE, "..", "images")
BUILD = os.environ.get("SHOAL_BUILD") or os.path.join(HERE, "..", "..", "build")
PREFIX = "shoal-lab-"
TOP = "/tmp"
CGROUPS = "/sys/fs/cgroup"
REGISTRY = "10.90.0.1:5000"
WIRE = """table bridge lab {
	set cut { type ifname; }
	chain from { type filter hook prerouting priority 0; iifname @cut drop; }
	chain to { type filter hook postrouting priority 0; oifname @cut drop; }
}
"""
CLONE_NEWNET, CLONE_NEWUTS = 0x40000000, 0x04000000

libc = ctypes.CDLL(None, use_errno=True)


def call(*words, **more):
    return subprocess.run(words, check=True, capture_output=True, text=True, **more)


def enter(namespace, hostname=None):
    """For preexec_fn: what is run finds itself in this network namespace, on a host of this name."""
    def inside():
        fd = os.open("/run/netns/" + namespace, os.O_RDONLY)
        if libc.setns(fd, CLONE_NEWNET) or (hostname and libc.unshare(CLONE_NEWUTS)):
            os._exit(126)
        os.close(fd)
        if hostname:
            libc.sethostname(hostname.encode(), len(hostname))
    return inside


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("lab")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(20)
        self.sock.connect(self.path)


class Answer:
    """What a command said."""

    def __init__(self, command, process, took_s):
        self.command, self.rc, self.took_s = command, process.returncode, took_s
        self.out, self.err = process.stdout, process.stderr

    def __repr__(self):
        return f"$ {self.command}\n{self.out}{self.err}[rc {self.rc}, {self.took_s:.2f} s]"

    def ok(self):
        assert self.rc == 0, repr(self)
        return self

    def fails(self, *texts):
        assert self.rc != 0, repr(self)
        for text in texts:
            assert text in self.err + self.out, f"no {text!r} in {self!r}"
        return self

    def word(self):
        return self.ok().out.strip()

    def lines(self):
        return self.ok().out.splitlines()

    def rows(self):
        """A table as dicts by heading."""
        head, *rest = self.lines()
        starts = [m.start() for m in re.finditer(r"(?<!\S)\S+( \S+)*", head)]
        names = [head[a:b].strip() for a, b in zip(starts, starts[1:] + [None])]
        return [{n: line[a:b].strip() for n, a, b in zip(names, starts, starts[1:] + [None])} for line in rest]


class Host:
    def __init__(self, lab, name, address, flags):
        self.lab, self.name, self.address, self.flags = lab, name, address, flags
        self.netns = f"{lab.name}-{name}"
        self.root = f"{lab.root}/{name}"
        self.data, self.exec = self.root + "/data", self.root + "/exec"
        self.socket = self.root + "/sock"
        self.cgroup = f"/{lab.name}/{name}"
        self.port = f"p-{name}"  # in the world's bridge
        self.process = None
        self.wrapper = []  # words before those of the daemon
        os.makedirs(self.root, exist_ok=True)
        with open(self.root + "/daemon.json", "w") as f:
            f.write("{}")
        call("ip", "netns", "add", self.netns)
        call("ip", "-n", self.netns, "link", "set", "lo", "up")
        call("ip", "-n", lab.world, "link", "add", self.port, "type", "veth", "peer", "name", "eth0", "netns", self.netns)
        call("ip", "-n", lab.world, "link", "set", self.port, "master", "br0", "up")
        call("ip", "-n", self.netns, "addr", "add", address + "/24", "dev", "eth0")
        call("ip", "-n", self.netns, "link", "set", "eth0", "up")

    # ---- the daemon ----

    def start(self, wait=True, env=None):
        words = [*self.wrapper, f"{self.lab.build}/shoald", f"--data-root={self.data}", f"--exec-root={self.exec}",
                 f"--pidfile={self.root}/pid", f"--config-file={self.root}/daemon.json", f"--host=unix://{self.socket}",
                 "--group=root", f"--cgroup-parent={self.cgroup}", f"--insecure-registry={REGISTRY}", *self.flags]
        with open(self.root + "/log", "a") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                                            preexec_fn=enter(self.netns, self.name), start_new_session=True,
                                            env={**os.environ, **(env or {})})
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, timeout_s=10):
        until(timeout_s, lambda: self.process.poll() is not None or self.shoal("version").rc == 0)
        assert self.process.poll() is None, f"{self.name} ended: {self.log()[-2000:]}"

    def stop(self, timeout_s=5):
        self.process.terminate()
        return self.process.wait(timeout_s)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def log(self):
        with open(self.root + "/log") as f:
            return f.read()

    # ---- its wire ----

    def cut(self):
        """The bridge drops all its packets, both ways; its link stays up and nobody hears a FIN or an RST."""
        self.lab.in_world("nft", f"add element bridge lab cut {{ {self.port} }}", check=True)

    def heal(self):
        self.lab.in_world("nft", f"delete element bridge lab cut {{ {self.port} }}", check=True)

    # ---- commands ----

    def run(self, *words, stdin=None, timeout_s=60, env=None):
        """A program inside this host's network."""
        began = time.monotonic()
        done = subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=timeout_s,
                              preexec_fn=enter(self.netns),
                              env={**os.environ, "DOCKER_HOST": "unix://" + self.socket,
                                   "DOCKER_CONFIG": self.lab.root + "/client", "SHOAL_HOST": "", **(env or {})})
        return Answer(" ".join(os.path.basename(words[0]) if i == 0 else w for i, w in enumerate(words)), done,
                      time.monotonic() - began)

    def shoal(self, *words, **more):
        return self.run(f"{self.lab.build}/shoal", "--host", "unix://" + self.socket, *words, **more)

    def docker(self, *words, **more):
        return self.run(self.lab.docker, *words, **more)

    def client(self, which, *words, **more):
        """which: "shoal" or "docker"."""
        return getattr(self, which)(*words, **more)

    def api(self, method, path, body=None):
        """One exchange with the API: (status, the JSON of the answer)."""
        connection = UnixConnection(self.socket)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None,
                               {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text.strip() else None
        finally:
            connection.close()

    def tasks(self, service, *states):
        """The tasks of a service that should run; with `states`, those whose state is one of them."""
        filters = json.dumps({"service": [service], "desired-state": ["running"]})
        status, tasks = self.api("GET", "/tasks?filters=" + filters.replace('"', "%22").replace(" ", ""))
        assert status == 200, tasks
        return [t for t in tasks if not states or t["Status"]["State"] in states]

    def nodes(self):
        """Hostname to the record of the node."""
        return {n["Description"]["Hostname"]: n for n in self.api("GET", "/nodes")[1]}

    def fetch(self, address, port):
        """The body at http://address:port/, seen from here; None when there is none."""
        done = subprocess.run([sys.executable, "-c", "import sys,urllib.request\n"
                               "print(urllib.request.urlopen(sys.argv[1], timeout=3).read().decode(), end='')",
                               f"http://{address}:{port}/"], capture_output=True, text=True, preexec_fn=enter(self.netns))
        return done.stdout if done.returncode == 0 else None

    # ---- what there is on it ----

    def pids(self):
        """shoald, conmon and the helpers of this host, and what runs in its containers."""
        found = {p for p in all_pids() if self.root + "/" in command_of(p)}
        return found | set(self.container_pids())

    def container_pids(self):
        """What runs in its containers, by their cgroups."""
        found = set()
        for path in glob.glob(f"{CGROUPS}/*{self.cgroup}/*/cgroup.procs") + glob.glob(f"{CGROUPS}{self.cgroup}/*/cgroup.procs"):
            found |= pids_in(path)
        return sorted(found)

    def containers(self):
        """Ids of what its daemon says is running."""
        return sorted(c["Id"] for c in self.api("GET", "/containers/json")[1])

    def remains(self, of_ended=True):
        """What containers bring, in words; empty when there is nothing. Without `of_ended`: only what those bring
        that run, for a task that ended keeps its container as long as it is in its service's history."""
        found = [f"mount {m}" for m in mounts_below(self.root)]
        found += [f"namespace {n}" for n in glob.glob(self.exec + "/netns/*")]
        found += [f"process {p}: {command_of(p)[:60]!r}" for p in self.pids() if not is_daemon(p)]
        links = json.loads(call("ip", "-n", self.netns, "-j", "link").stdout or "[]")
        found += [f"link {link['ifname']}" for link in links if link["ifname"].startswith("sv")]
        rules = subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True, preexec_fn=enter(self.netns))
        found += [f"rule {line.strip()}" for line in rules.stdout.splitlines()
                  if "elements" in line or re.search(r"172\.\d+\.\d+\.\d+(?!\d*/)", line)]
        found += [f"cgroup {c}" for c in glob.glob(f"{CGROUPS}/*{self.cgroup}/*/")]
        found += [f"container {line}" for line in self.shoal("ps", "-aq" if of_ended else "-q").lines()]
        return found


class Lab:
    """Used as a context; `hosts` begin without a daemon."""

    def __init__(self, build=None):
        self.build = os.path.abspath(build or BUILD)
        self.name = f"{PREFIX}{os.getpid()}"
        self.root = f"{TOP}/{self.name}"
        self.world = self.name + "-world"
        self.hosts = []
        self.registry = None
        self.cache = os.path.join(self.build, "tests", "e2e-cache")
        self.docker = stock_programs.client(self.cache)

    def __enter__(self):
        sweep()
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(signum, lambda *_: sys.exit("ended by a signal"))
        os.makedirs(self.root + "/client")
        try:
            self.make_world()
            self.start_registry()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def make_world(self):
        call("ip", "netns", "add", self.world)
        call("ip", "-n", self.world, "link", "set", "lo", "up")
        call("ip", "-n", self.world, "link", "add", "br0", "type", "bridge", "stp_state", "0", "forward_delay", "0")
        call("ip", "-n", self.world, "addr", "add", "10.90.0.1/24", "dev", "br0")
        call("ip", "-n", self.world, "link", "set", "br0", "up")

        self.in_world("nft", "-f", "-", input=WIRE, check=True)

    def start_registry(self):
        conf = self.root + "/registry.yml"
        with open(conf, "w") as f:
            f.write(f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {self.root}/registry}}}}\n"
                    f"http: {{addr: '{REGISTRY}'}}\n")
        with open(self.root + "/registry.log", "w") as log:
            self.registry = subprocess.Popen(["docker-registry", "serve", conf], stdin=subprocess.DEVNULL, stdout=log,
                                             stderr=log, preexec_fn=enter(self.world))
        until(10, lambda: self.in_world(sys.executable, "-c", "import urllib.request\n"
                                        f"urllib.request.urlopen('http://{REGISTRY}/v2/')").returncode == 0)

    def in_world(self, *words, **more):
        return subprocess.run(words, capture_output=True, text=True, preexec_fn=enter(self.world), **more)

    def push_busybox(self, name="busybox:latest"):
        done = self.in_world(f"{IMAGES}/make-busybox", "push", "http://" + REGISTRY, name)
        assert done.returncode == 0, done.stderr
        return f"{REGISTRY}/{name}"

    def push_nginx(self, name="nginx:latest", page=None):
        """page: what it shows in place of "Welcome to nginx!"."""
        os.makedirs(self.cache, exist_ok=True)
        call(f"{IMAGES}/make-nginx", "fetch", self.cache)
        done = self.in_world(f"{IMAGES}/make-nginx", "push", self.cache, "http://" + REGISTRY, name, *([page] if page else []))
        assert done.returncode == 0, done.stderr
        return f"{REGISTRY}/{name}"

    def host(self, name=None, flags=()):
        number = len(self.hosts) + 1
        host = Host(self, name or f"node{number}", f"10.90.0.{10 + number}", list(flags))
        self.hosts.append(host)
        return host

    def clients(self):
        """The command lines there are, ours first."""
        return ["shoal"] + (["docker"] if self.docker else [])

    def close(self):
        for host in self.hosts:
            if host.process and host.process.poll() is None:
                host.process.kill()
                host.process.wait()
        if self.registry:
            self.registry.kill()
            self.registry.wait()
        remove(self.name)


# ---- removing, and seeing that it is gone ----

def all_pids():
    return [int(p) for p in os.listdir("/proc") if p.isdigit() and int(p) != os.getpid()]


def command_of(pid):
    try:
        with open(f"/proc/{pid}/cmdline") as f:
            return f.read()
    except OSError:
        return ""


def is_daemon(pid):
    return os.path.basename(command_of(pid).split("\0")[0]) in ("shoald", "shoal-content")


def mounts_below(root):
    with open("/proc/self/mountinfo") as f:
        paths = [line.split()[4] for line in f]
    return [p for p in paths if p == root or p.startswith(root + "/")]


def cgroups_of(name):
    return glob.glob(f"{CGROUPS}/*/{name}") + glob.glob(f"{CGROUPS}/{name}")


def pids_in(procs):
    """None when the cgroup went away meanwhile."""
    try:
        with open(procs) as f:
            return {int(line) for line in f}
    except OSError:
        return set()


def pids_of(name):
    found = {p for p in all_pids() if f"{TOP}/{name}/" in command_of(p)}
    for top in cgroups_of(name):
        for folder, _, files in os.walk(top):
            if "cgroup.procs" in files:
                found |= pids_in(folder + "/cgroup.procs")
    return found


def netns_of(name):
    return [n for n in (os.listdir("/run/netns") if os.path.isdir("/run/netns") else []) if n.startswith(name + "-")]


def remains_of(name):
    return ([f"process {p}: {command_of(p)!r}" for p in pids_of(name)]
            + [f"mount {m}" for m in mounts_below(f"{TOP}/{name}")]
            + [f"namespace {n}" for n in netns_of(name)]
            + [f"cgroup {c}" for c in cgroups_of(name)]
            + ([f"folder {TOP}/{name}"] if os.path.exists(f"{TOP}/{name}") else []))


def kill_all(name):
    for pid in pids_of(name):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    return not pids_of(name)


def remove(name):
    until(10, lambda: kill_all(name), fails=False)
    for path in sorted(mounts_below(f"{TOP}/{name}"), key=len, reverse=True):
        libc.umount2(path.encode(), 2)  # MNT_DETACH
    for n in netns_of(name):
        subprocess.run(["ip", "netns", "delete", n], capture_output=True)
    until(5, lambda: remove_cgroups(name), fails=False)
    shutil.rmtree(f"{TOP}/{name}", ignore_errors=True)


def remove_cgroups(name):
    for top in cgroups_of(name):
        for folder, _, _ in os.walk(top, topdown=False):
            try:
                os.rmdir(folder)
            except OSError:
                pass
    return not cgroups_of(name)


def sweep():
    """Labs whose process is gone."""
    names = {n for n in os.listdir(TOP) if n.startswith(PREFIX)}
    names |= {"-".join(n.split("-")[:3]) for n in (os.listdir("/run/netns") if os.path.isdir("/run/netns") else [])
              if n.startswith(PREFIX)}
    for name in names:
        pid = name[len(PREFIX):]
        if pid.isdigit() and not os.path.exists("/proc/" + pid):
            remove(name)


# ---- waiting, and telling ----

def until(timeout_s, is_so, fails=True, every_s=0.05):
    """Seconds until is_so() is true; its last answer is in the error when it never is."""
    began = time.monotonic()
    while True:
        answer = is_so()
        took = time.monotonic() - began
        if answer:
            return took
        if took > timeout_s:
            if fails:
                raise AssertionError(f"not so within {timeout_s} s")
            return None
        time.sleep(every_s)


def measured(what, seconds):
    print(f"measured: {what}: {seconds * 1000:.0f} ms" if seconds < 10 else f"measured: {what}: {seconds:.1f} s", flush=True)


def lack():
    """Why there can be no lab here; None when there can."""
    if os.geteuid() != 0:
        return "needs root"
    for program in ("docker-registry", "conmon", "ip", "nft"):
        if not shutil.which(program):
            return f"needs {program}"
    if not (shutil.which("crun") or shutil.which("runc")):
        return "needs crun or runc"
    return None


def run_tests(prepare, tests):
    """prepare(lab) makes the hosts; `tests`, a list or a function of the lab that gives one, get the lab in turn. Names as arguments pick tests; KEEP=1 leaves the lab
    standing until a key is pressed, and LOGS=1 prints the daemons' logs when something failed."""
    why = lack()
    if why:
        print(f"skipped: {why}\n0 passed, 0 failed")
        return 0
    passed, failed = 0, 0
    lab = Lab()
    with lab:
        prepare(lab)
        for test in tests(lab) if callable(tests) else tests:
            if sys.argv[1:] and test.__name__ not in sys.argv[1:] and not getattr(test, "always", False):
                continue
            began = time.monotonic()
            try:
                test(lab)
                passed += 1
                print(f"ok {test.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
            except Exception as e:  # noqa: BLE001
                failed += 1
                where = [f for f in traceback.extract_tb(e.__traceback__) if not f.filename.endswith("lab.py")][-1]
                print(f"FAILED {test.__name__} (line {where.lineno}): {type(e).__name__}: {e}", flush=True)
        if failed and os.environ.get("LOGS"):
            for host in lab.hosts:
                print(f"--- log of {host.name}\n{host.log()[-6000:]}")
        if os.environ.get("KEEP"):
            input(f"the lab stands in {lab.root}; Enter ends it ")
    left = remains_of(lab.name)
    if left:
        failed += 1
        print("FAILED the_lab_leaves_nothing: " + "; ".join(left))
    else:
        passed += 1
        print("ok the_lab_leaves_nothing")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0
