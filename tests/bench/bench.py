#!/usr/bin/env python3
"""Measures shoal, beside a stock engine when there is one: the same image on the same kind of hosts (tests/e2e/lab.py),
asked by the same `docker` command line (by `shoal` where there is no `docker`). Prints a table: median, least and most, and how many times less shoal needs.

    bench.py [--rounds N] [--json FILE] [--only shoal|docker|own] [--quick]

A round is a swarm of its own: a manager and three workers, formed, used and ended. Run it on a machine that does
nothing else; times here are wall times, memory is of all processes of the engine on a host (daemon, containerd, shims or
conmons), without what runs inside containers."""
import argparse
import json
import os
import selectors
import signal
import socket
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
import memory  # noqa: E402
import stock  # noqa: E402
import stock_programs  # noqa: E402
from lab import BUILD, Lab, command_of, lack, until  # noqa: E402

MB = 1 << 20
NODES = 4
IDLE_S = 20

# name: (unit, what it is)
METRICS = {
    "start":           ("ms", "start of the daemon until its API answers"),
    "init":            ("ms", "swarm init"),
    "join":            ("ms", "swarm join of a worker"),
    "worker pss":      ("MB", "idle worker, PSS as if alone on its host"),
    "worker rss":      ("MB", "idle worker, RSS"),
    "worker private":  ("MB", "idle worker, private memory"),
    "manager pss":     ("MB", "idle manager, PSS as if alone on its host"),
    "manager rss":     ("MB", "idle manager, RSS"),
    "manager private": ("MB", "idle manager, private memory"),
    "worker cpu":      ("%", f"idle worker, share of a core over {IDLE_S} s"),
    "manager cpu":     ("%", f"idle manager, share of a core over {IDLE_S} s"),
    "run":             ("ms", "docker run --rm IMAGE true"),
    "first task":      ("ms", "service create until its first task runs"),
    "scale":           ("ms", "scale 8 to 40 until 40 tasks run"),
    "container pss":   ("MB", "PSS a container (what the engine needs besides its process)"),
    "down":            ("s", "a host dies: until its node is down"),
    "elsewhere":       ("s", "a host dies: until its tasks run elsewhere"),
    "used worker private":  ("MB", "worker after use (run --rm and services come and gone, 50 each), private"),
    "used worker pss":      ("MB", "worker after use, PSS"),
    "used manager private": ("MB", "manager after use, private"),
    "used manager pss":     ("MB", "manager after use, PSS"),
    "writes 1":        ("/s", "acknowledged writes, one client, one manager"),
    "writes 64":       ("/s", "acknowledged writes, 64 clients, one manager"),
    "fsync":           ("/s", "what the disk gave just then: appends of 500 bytes with fdatasync"),
    "cli":             ("ms", "start of the command line (version of the client)"),
}
MORE_IS_BETTER = {"/s", "/min"}


class Samples:
    """What was measured of one engine: metric to values, or to why there are none."""

    def __init__(self):
        self.values, self.why = {}, {}

    def add(self, metric, value):
        self.values.setdefault(metric, []).append(value)

    def without(self, metric, why):
        self.why.setdefault(metric, why)


# ---- one engine ----

def processes(host):
    """The engine's own processes on a host: not what runs inside containers."""
    return [p for p in host.pids() if host.root + "/" in command_of(p)]


def become_idle(hosts):
    """Helpers that go away by themselves are gone: shoal-content stays for half a minute after a pull."""
    time.sleep(5)
    until(60, lambda: not [p for h in hosts for p in processes(h) if "shoal-content" in command_of(p).split("\0")[0]])


def become_steady(host):
    """No process of the engine has come or gone for two seconds."""
    before, since = None, time.monotonic()
    while time.monotonic() - since < 2:
        now = set(processes(host))
        if now != before:
            before, since = now, time.monotonic()
        time.sleep(0.1)


def take_memory(samples, prefix, hosts, host):
    twins = [p for other in hosts if other is not host for p in processes(other)]
    found = memory.measure(processes(host), twins)
    for name, value in found.items():
        if prefix + name in METRICS:
            samples.add(prefix + name, value / MB)
    return found


def cpu_ticks(pids):
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat") as f:
                fields = f.read().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        except OSError:
            pass
    return total


def take_idle_cpu(samples, hosts):
    before = [cpu_ticks(processes(h)) for h in hosts]
    time.sleep(IDLE_S)
    after = [cpu_ticks(processes(h)) for h in hosts]
    for i, host in enumerate(hosts):
        share = (after[i] - before[i]) / os.sysconf("SC_CLK_TCK") / IDLE_S * 100
        samples.add("manager cpu" if i == 0 else "worker cpu", share)


def ready(manager, count):
    states = [n["Status"]["State"] for n in manager.nodes().values()]
    return states == ["ready"] * count


def running(manager, service):
    return len(manager.tasks(service, "running"))


def create(manager, name, image, replicas, *more):
    manager.docker("service", "create", "-d", "--no-resolve-image", "--name", name, "--replicas", str(replicas),
                   "--restart-delay", "100ms", "--stop-grace-period", "0s", *more, image, "sleep", "1d").ok()


def remove(manager, name):
    manager.docker("service", "rm", name).ok()
    until(60, lambda: not [t for t in manager.api("GET", "/tasks")[1] if t["Status"]["State"] in ("running", "starting")])


def form(samples, lab, image):
    for host in lab.hosts:
        began = time.monotonic()
        host.start()
        samples.add("start", (time.monotonic() - began) * 1000)
    for host in lab.hosts:
        host.docker("pull", "-q", image).ok()
    manager, *workers = lab.hosts
    samples.add("init", manager.docker("swarm", "init", "--advertise-addr", manager.address).ok().took_s * 1000)
    token = manager.docker("swarm", "join-token", "-q", "worker").word()
    for worker in workers:
        samples.add("join", worker.docker("swarm", "join", "--token", token, manager.address + ":2377").ok().took_s * 1000)
    until(20, lambda: ready(manager, NODES))


def take_run(samples, host, image, times):
    for _ in range(times):
        samples.add("run", host.docker("run", "--rm", image, "true").ok().took_s * 1000)


def take_first_task(samples, manager, image, times):
    for i in range(times):
        began = time.monotonic()
        create(manager, f"first{i}", image, 1)
        until(60, lambda: running(manager, f"first{i}") == 1, every_s=0.005)
        samples.add("first task", (time.monotonic() - began) * 1000)
        remove(manager, f"first{i}")


def take_scale(samples, lab, image, times):
    manager, worker = lab.hosts[0], lab.hosts[1]
    for i in range(times):
        become_idle([worker])
        before = take_memory(Samples(), "", lab.hosts, worker)["pss"]
        create(manager, f"web{i}", image, 8)
        until(60, lambda: running(manager, f"web{i}") == 8)
        began = time.monotonic()
        manager.docker("service", "scale", "-d", f"web{i}=40").ok()
        until(120, lambda: running(manager, f"web{i}") == 40, every_s=0.01)
        samples.add("scale", (time.monotonic() - began) * 1000)
        become_idle([worker])
        become_steady(worker)
        here = len(worker.docker("ps", "-q").lines())
        after = take_memory(Samples(), "", lab.hosts, worker)["pss"]
        samples.add("container pss", (after - before) / here / MB)
        remove(manager, f"web{i}")


def take_writes(samples, manager, seconds):
    samples.add("fsync", fsyncs(os.path.dirname(manager.socket), seconds / 2))
    for clients in (1, 64):
        samples.add(f"writes {clients}", write_configs(manager.socket, clients, seconds))


def take_used(samples, lab, image, times):
    manager, worker = lab.hosts[0], lab.hosts[1]
    for i in range(times):
        worker.docker("run", "--rm", image, "true").ok()
        create(manager, f"used{i}", image, 4)
        if i % 10 == 9:
            until(60, lambda: running(manager, f"used{i}") == 4)
        manager.docker("service", "rm", f"used{i}").ok()
    until(60, lambda: not [t for t in manager.api("GET", "/tasks")[1] if t["Status"]["State"] in ("running", "starting")])
    become_idle(lab.hosts)
    take_memory(samples, "used manager ", lab.hosts, manager)
    take_memory(samples, "used worker ", lab.hosts, worker)


def take_death(samples, lab, image):
    manager, victim = lab.hosts[0], lab.hosts[-1]
    create(manager, "web", image, 8)
    until(60, lambda: running(manager, "web") == 8)
    lost = victim.docker("info", "-f", "{{.Swarm.NodeID}}").word()
    began = time.monotonic()
    victim.cut()
    for pid in victim.pids():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    victim.process.wait()
    until(90, lambda: manager.nodes()[victim.name]["Status"]["State"] == "down")
    samples.add("down", time.monotonic() - began)
    until(90, lambda: len([t for t in manager.tasks("web", "running") if t.get("NodeID") != lost]) == 8)
    samples.add("elsewhere", time.monotonic() - began)


def take_cli(samples, which, lab, times):
    words = [f"{lab.build}/shoal", "version", "--format", "{{.Client.Version}}"] if which == "shoal" else \
            [lab.docker, "version", "--format", "{{.Client.Version}}"]
    for _ in range(times):
        began = time.monotonic()
        subprocess.run(words, capture_output=True, env={**os.environ, "DOCKER_HOST": "unix:///nonexistent",
                                                        "SHOAL_HOST": "unix:///nonexistent"})
        samples.add("cli", (time.monotonic() - began) * 1000)


def measure_engine(which, samples, quick):
    with Lab() as lab:
        if which == "docker":
            lab.stock = stock_programs.find(lab.cache)
        lab.docker = lab.docker or (lab.stock + "/docker" if which == "docker" else lab.build + "/shoal")
        for _ in range(NODES):
            lab.host() if which == "shoal" else stock.stock_host(lab)
        image = lab.push_busybox()
        say(f"{which}: forms a swarm")
        form(samples, lab, image)
        become_idle(lab.hosts)
        take_memory(samples, "manager ", lab.hosts, lab.hosts[0])
        for worker in lab.hosts[1:]:
            take_memory(samples, "worker ", lab.hosts, worker)
        take_idle_cpu(samples, lab.hosts)
        say(f"{which}: runs containers")
        take_run(samples, lab.hosts[1], image, 3 if quick else 10)
        take_first_task(samples, lab.hosts[0], image, 2 if quick else 5)
        say(f"{which}: scales")
        take_scale(samples, lab, image, 1 if quick else 2)
        say(f"{which}: is used")
        take_used(samples, lab, image, 10 if quick else 50)
        say(f"{which}: writes")
        take_writes(samples, lab.hosts[0], 1 if quick else 3)
        say(f"{which}: loses a host")
        take_death(samples, lab, image)
        take_cli(samples, which, lab, 5 if quick else 20)


# ---- writes ----

def exchange(path, number):
    body = json.dumps({"Name": f"bench-{os.getpid()}-{number}", "Data": "eA=="}).encode()
    return (b"POST /v1.40/configs/create HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body)) + body


def is_whole(answer):
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return False
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return len(body) >= int(value)
    return body.endswith(b"0\r\n\r\n")


def write_configs(path, clients, seconds):
    """Configs created a second by so many clients, each waiting for its answer before the next."""
    selector, number, done = selectors.DefaultSelector(), time.monotonic_ns(), 0
    for _ in range(clients):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        s.connect(path)
        selector.register(s, selectors.EVENT_READ, [b""])
        number += 1
        s.sendall(exchange(path, number))
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        for key, _ in selector.select(1):
            key.data[0] += key.fileobj.recv(65536)
            if not is_whole(key.data[0]):
                continue
            assert key.data[0].startswith((b"HTTP/1.1 201", b"HTTP/1.1 200")), key.data[0]
            key.data[0] = b""
            done += 1
            number += 1
            key.fileobj.sendall(exchange(path, number))
    took = time.monotonic() - began
    for key in list(selector.get_map().values()):
        key.fileobj.close()
    return done / took


def fsyncs(folder, seconds):
    """Appends of 500 bytes a second, each followed by fdatasync()."""
    path, count = folder + "/shoal-bench-fsync", 0
    fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    began = time.monotonic()
    try:
        while time.monotonic() - began < seconds:
            os.write(fd, b"x" * 500)
            os.fdatasync(fd)
            count += 1
    finally:
        os.close(fd)
        os.unlink(path)
    return count / (time.monotonic() - began)


# ---- ours alone ----

OWN = {
    "sim":              ("/min", "simulator: seeds (ten minutes, 3 managers, 5 workers) a minute of CPU"),
    "placements 2000":  ("/s", "tasks placed a second of the leader's CPU, service of 2,000"),
    "placements 20000": ("/s", "tasks placed a second of the leader's CPU, service of 20,000"),
}


def measure_own(samples, quick):
    count = 10 if quick else 50
    before = os.times()
    subprocess.run([f"{BUILD}/shoal-sim", "-q", "-m", "3", "-w", "5", "1", str(count)], check=True, capture_output=True)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    samples.add("sim", count * 60 / cpu)
    done = subprocess.run([f"{BUILD}/tests/bench/bench_placement"], check=True, capture_output=True, text=True)
    for line in done.stdout.splitlines():
        words = line.split()
        if "placements" in words:
            samples.add(f"placements {words[0]}", float(words[2]))


# ---- telling ----

def say(text):
    print(f"... {text}", file=sys.stderr, flush=True)


def number(value, unit):
    return f"{value:.2f}" if unit == "%" else f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def cell(samples, metric, unit):
    values = samples.values.get(metric) if samples else None
    if not values:
        return samples.why.get(metric, "not measured") if samples else "-"
    return f"{number(statistics.median(values), unit)} ({number(min(values), unit)}-{number(max(values), unit)})"


def ratio(metric, unit, ours, theirs):
    if metric == "fsync":
        return ""
    a, b = ours.values.get(metric), theirs.values.get(metric)
    if not a or not b:
        return ""
    a, b = statistics.median(a), statistics.median(b)
    if unit in MORE_IS_BETTER:
        a, b = b, a
    return f"{b / a:.1f}x" if a > 0 else "none against some" if b > 0 else ""


def print_table(results):
    ours, theirs = results.get("shoal"), results.get("docker")
    if ours or theirs:
        print("\n| | unit | shoal | stock engine | shoal is better by |\n|---|---|---:|---:|---:|")
        for metric, (unit, what) in METRICS.items():
            print(f"| {what} | {unit} | {cell(ours, metric, unit)} | {cell(theirs, metric, unit)} | "
                  f"{ratio(metric, unit, ours, theirs) if ours and theirs else ''} |")
    if "own" in results:
        print("\n| | unit | shoal |\n|---|---|---:|")
        for metric, (unit, what) in OWN.items():
            print(f"| {what} | {unit} | {cell(results['own'], metric, unit)} |")


def as_json(results):
    every = {**METRICS, **OWN}
    return {who: {metric: {"unit": every[metric][0], "what": every[metric][1], "values": values,
                           "median": statistics.median(values)}
                  for metric, values in samples.values.items()} | {"not measured": samples.why}
            for who, samples in results.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--only", choices=["shoal", "docker", "own"])
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    options = parser.parse_args()
    why = lack()
    if why:
        print(f"bench: {why}", file=sys.stderr)
        return 2
    results = {}
    engines = [options.only] if options.only else ["shoal", "docker", "own"]
    if "docker" in engines and not stock_programs.find(os.path.join(BUILD, "tests", "e2e-cache")):
        say("no stock engine is installed and none can be fetched: shoal alone")
        engines.remove("docker")
    for _ in range(options.rounds):
        for engine in engines:
            samples = results.setdefault(engine, Samples())
            if engine == "own":
                measure_own(samples, options.quick)
            else:
                measure_engine(engine, samples, options.quick)
    print_table(results)
    if options.json:
        with open(options.json, "w") as f:
            json.dump(as_json(results), f, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
