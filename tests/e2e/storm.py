#!/usr/bin/env python3
"""Managers under a stream of writes while they are killed, paused and cut off: what was acknowledged stays, once.

    storm.py [--managers N] [--kills N] [--soak SECONDS] [--seed N]

Writers create, update and remove configs and services, each its own, through all managers in turn. A writer knows of each
object the last value that was acknowledged and those of unknown outcome since; every read, through any manager at any
time, must show the one or one of the others, and so must the end. An update carries the version it read, and names are
unique: a write that was applied twice would show as a second object, or as a value that nobody may have written.

Beside them, clients share registers: each is a label of a config, which all read through any manager and change from the
version that one of them showed, now or earlier. What each asked and was told, and when, goes to a file; judge.c looks for
one order of things that explains it. A register is left for a new one before it has more operations than can be judged.

kills: the leader is killed N times; how long until another manager acknowledges a write.
soak: leaders and others are killed, stopped for a while, cut off (both ways or one way), the disk of one is full, and now
and then the power of all is cut."""
import argparse
import http.client
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time

from lab import BUILD, UnixConnection, call, measured, run_tests, until

arguments = argparse.ArgumentParser()
arguments.add_argument("--managers", type=int, default=3)
arguments.add_argument("--kills", type=int, default=5)
arguments.add_argument("--soak", type=int, default=25)
arguments.add_argument("--seed", type=int, default=1)
options = arguments.parse_args()
del sys.argv[1:]

WRITERS, REGISTER_CLIENTS, REGISTERS = 6, 5, 3
OPERATIONS_MAX = 1900  # of a register; the judge takes 2,000
DISK_MB = 128
KINDS = ["kill", "pause", "cut", "deaf", "mute", "full", "power"]
JUDGE = next((p for p in (os.environ.get("SHOAL_JUDGE"), f"{BUILD}/tests/e2e/judge") if p and os.path.exists(p)), None)
ONE_WAY = """table bridge storm {
	set deaf { type ifname; }
	set mute { type ifname; }
	chain from { type filter hook prerouting priority 0; iifname @mute drop; }
	chain to { type filter hook postrouting priority 0; oifname @deaf drop; }
}
"""


def prepare(lab):
    for _ in range(options.managers):
        lab.host().start()
    m, *others = lab.hosts
    m.shoal("swarm", "init", "--advertise-addr", m.address).ok()
    token = m.shoal("swarm", "join-token", "-q", "manager").word()
    for host in others:
        host.shoal("swarm", "join", "--token", token, m.address + ":2377").ok()
    lab.in_world("nft", "-f", "-", input=ONE_WAY, check=True)
    until(15, lambda: is_whole(lab))


def managers(host):
    """Hostname to manager status, as this host sees it; nothing while it does not say."""
    try:
        status, nodes = host.api("GET", "/nodes")
    except (OSError, http.client.HTTPException, ValueError):
        return {}
    return {n["Description"]["Hostname"]: n["ManagerStatus"] for n in nodes if "ManagerStatus" in n} if status == 200 else {}


def is_whole(lab):
    return all(len(m) == options.managers and all(s.get("Reachability") == "reachable" for s in m.values())
               for m in map(managers, lab.hosts))


def leader_of(lab):
    for host in lab.hosts:
        if host.process.poll() is None:
            for name, status in managers(host).items():
                if status.get("Leader"):
                    return next(h for h in lab.hosts if h.name == name)
    return None


class Fault(Exception):
    """What must never be."""


class Object:
    """One object of a writer's, by what it knows: `value` was acknowledged (None: it is not there), or one of `maybe`."""

    def __init__(self, kind, name):
        self.kind, self.name = kind, name
        self.value, self.maybe = None, []

    def allows(self, value):
        return value == self.value or value in self.maybe


class Client(threading.Thread):
    """act() again and again, until it is to stop or there is a fault."""

    def __init__(self, lab, number, stopped):
        super().__init__(daemon=True)
        self.lab, self.number, self.stopped = lab, number, stopped
        self.random = random.Random(f"{options.seed}-{number}")
        self.fault = None

    def ask(self, method, path, body=None, host=None):
        """(status, answer) or None when the outcome is unknown. Who is not there was asked nothing."""
        connection = UnixConnection((host or self.random.choice(self.lab.hosts)).socket)
        try:
            connection.connect()
        except OSError:
            time.sleep(0.02)
            return 503, {"message": "nobody is there"}
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None,
                               {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text.strip() else None
        except (OSError, http.client.HTTPException, ValueError):
            time.sleep(0.02)
            return None
        finally:
            connection.close()

    def run(self):
        try:
            while not self.stopped.is_set():
                self.act()
        except Fault as e:
            self.fault = str(e)
        except Exception as e:  # noqa: BLE001
            self.fault = f"{type(e).__name__}: {e}"


def is_unknown(answer):
    return not answer or (answer[0] >= 300 and "may or may not" in (answer[1] or {}).get("message", ""))


class History:
    """Operations on registers, as judge.c reads them. A register's number changes when it has had its operations."""

    def __init__(self, storm):
        self.storm, self.lock, self.lines, self.counts = storm, threading.Lock(), [], {}
        self.current, self.last, self.outcomes = list(range(REGISTERS)), 0, {}

    def value(self):
        """One that nobody wrote yet."""
        with self.lock:
            self.last += 1
            return self.last

    def begin(self, chance):
        """A register that takes another two operations."""
        with self.lock:
            i = chance.randrange(REGISTERS)
            if self.counts.get(self.current[i], 0) + 2 > OPERATIONS_MAX:
                self.current[i] = max(self.current) + 1
            self.counts[self.current[i]] = self.counts.get(self.current[i], 0) + 2
            return self.current[i]

    def note(self, register, kind, outcome, asked, found, left):
        answered = time.monotonic_ns()
        with self.lock:
            self.lines.append(f"{register} {kind} {outcome} {asked} {'-' if outcome == 'unknown' else answered} "
                              f"{found or '-'} {left or '-'}\n")
            self.outcomes[kind, outcome] = self.outcomes.get((kind, outcome), 0) + 1

    def judge(self, path):
        """The judge's word, if it is good."""
        with open(path, "w") as f:
            f.writelines(self.lines)
        done = subprocess.run([JUDGE, path], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, f"{done.stdout}{done.stderr}(the history is in {path})"
        return done.stdout.strip()


class RegisterClient(Client):
    def __init__(self, lab, number, stopped, history):
        super().__init__(lab, number, stopped)
        self.history, self.seen = history, {}

    def name(self, register):
        return f"r{self.history.storm}-{register}"

    def read(self, register):
        """The config as it is shown, None for not there; noted. False: nothing was learnt."""
        asked = time.monotonic_ns()
        answer = self.ask("GET", "/configs/" + self.name(register))
        if not answer or answer[0] not in (200, 404):
            self.history.note(register, "read", "unknown", asked, 0, 0)
            return False
        found = answer[1] if answer[0] == 200 else None
        self.history.note(register, "read", "ok", asked, int(found["Spec"]["Labels"]["value"]) if found else 0, 0)
        self.seen[register] = found
        return found

    def swap(self, register, found):
        """From what was shown, now or earlier; the version lets it happen only if that is still there."""
        value = self.history.value()
        before = int(found["Spec"]["Labels"]["value"]) if found else 0
        spec = {"Name": self.name(register), "Labels": {"value": str(value)}, "Data": "eA=="}
        path = f"/configs/{found['ID']}/update?version={found['Version']['Index']}" if found else "/configs/create"
        asked = time.monotonic_ns()
        answer = self.ask("POST", path, spec)
        outcome = "unknown" if is_unknown(answer) else "ok" if answer[0] < 300 else "refused"
        self.history.note(register, "swap", outcome, asked, before, value)

    def act(self):
        register = self.history.begin(self.random)
        found = self.seen.get(register, False) if self.random.random() < 0.15 else False
        if found is False:
            found = self.read(register)
        if found is not False and self.random.random() < 0.5:
            self.swap(register, found)
        time.sleep(0.01)


class Writer(Client):
    def __init__(self, lab, number, stopped):
        super().__init__(lab, number, stopped)
        self.objects, self.acknowledged, self.unknown, self.refused, self.reads = [], [], 0, 0, 0
        self.last, self.made = 0, 0

    def read(self, o, host=None):
        """The object as a manager shows it: its JSON, None for not there, False for no answer."""
        answer = self.ask("GET", f"/{o.kind}/{o.name}", host=host)
        if not answer or answer[0] not in (200, 404):
            return False
        found = answer[1] if answer[0] == 200 else None
        value = found["Spec"]["Labels"]["value"] if found else None
        self.reads += 1
        if not o.allows(value):
            raise Fault(f"{o.kind}/{o.name} is {value}; acknowledged is {o.value}, open are {o.maybe}")
        # Linearizable: what was seen stays, so what is older is ruled out; a call of unknown outcome may still take effect.
        return found

    def write(self, o, value, *request):
        began = time.monotonic()
        answer = self.ask(*request)
        if answer and answer[0] < 300:
            self.acknowledged.append((time.monotonic(), began))
            o.value, o.maybe = value, []
        elif not is_unknown(answer):
            self.refused += 1
            return answer
        else:
            self.unknown += 1
            o.maybe.append(value)
        return answer

    def spec(self, o, value):
        spec = {"Name": o.name, "Labels": {"value": value}}
        if o.kind == "configs":
            return {**spec, "Data": "eA=="}
        return {**spec, "TaskTemplate": {"ContainerSpec": {"Image": "busybox"}}, "Mode": {"Replicated": {"Replicas": 0}}}

    def next_value(self):
        self.last += 1
        return f"{self.number}-{self.last}"

    def create(self):
        self.made += 1
        o = Object(self.random.choice(["configs", "services"]), f"w{self.number}-{self.made}")
        self.objects.append(o)
        value = self.next_value()
        answer = self.write(o, value, "POST", f"/{o.kind}/create", self.spec(o, value))
        if answer and answer[0] == 409:
            raise Fault(f"{o.kind}/{o.name} was there before it was created")

    def change(self, o):
        found = self.read(o)
        if not found:
            return
        spec, value = found["Spec"], self.next_value()
        spec["Labels"]["value"] = value
        self.write(o, value, "POST", f"/{o.kind}/{found['ID']}/update?version={found['Version']['Index']}", spec)

    def remove(self, o):
        found = self.read(o)
        if found:
            self.write(o, None, "DELETE", f"/{o.kind}/{found['ID']}")

    def act(self):
        step = self.random.random()
        settled = [o for o in self.objects[-40:] if o.value is not None or o.maybe]
        if step < 0.4 or not settled:
            self.create()
        elif step < 0.8:
            self.change(self.random.choice(settled))
        elif step < 0.9:
            self.remove(self.random.choice(settled))
        else:
            self.read(self.random.choice(settled))


class Storm:
    def __init__(self, lab):
        self.lab, self.stopped = lab, threading.Event()
        lab.storms = getattr(lab, "storms", 0) + 1
        self.writers = [Writer(lab, lab.storms * 100 + i, self.stopped) for i in range(WRITERS)]
        self.history = History(lab.storms)
        self.register_clients = [RegisterClient(lab, lab.storms * 100 + 50 + i, self.stopped, self.history)
                                 for i in range(REGISTER_CLIENTS if JUDGE else 0)]
        for c in self.clients():
            c.start()

    def clients(self):
        return self.writers + self.register_clients

    def faults(self):
        return [c.fault for c in self.clients() if c.fault]

    def end(self):
        """Every manager shows what may be there, and nothing twice."""
        self.stopped.set()
        for c in self.clients():
            c.join(30)
            assert not c.is_alive(), "a client waits for ever"
        assert not self.faults(), self.faults()
        until(30, lambda: is_whole(self.lab))
        self.judge()
        for host in self.lab.hosts:
            names = [x["Spec"]["Name"] for kind in ("configs", "services") for x in host.api("GET", "/" + kind)[1]]
            mine = [n for n in names if n.startswith(tuple(f"w{w.number}-" for w in self.writers))]
            assert len(mine) == len(set(mine)), f"{host.name} has an object twice"
            expected = {o.name for w in self.writers for o in w.objects if o.value is not None and None not in o.maybe}
            assert not expected - set(mine), f"{host.name} lost {sorted(expected - set(mine))[:5]}"
            for w in self.writers:
                for o in w.objects[-60:]:
                    assert w.read(o, host) is not False, f"{host.name} does not answer"
        done = [len(w.acknowledged) for w in self.writers]
        print(f"measured: {sum(done)} writes acknowledged, {sum(w.refused for w in self.writers)} refused, "
              f"{sum(w.unknown for w in self.writers)} of unknown outcome, {sum(w.reads for w in self.writers)} reads checked",
              flush=True)

    def judge(self):
        if not JUDGE:
            print("skipped: needs $SHOAL_JUDGE or its place in the build: the history of registers", flush=True)
            return
        word = self.history.judge(f"{self.lab.build}/tests/storm-{self.history.storm}.history")
        print(f"measured: {word} (" + ", ".join(f"{n} {kind}s {outcome}" for (kind, outcome), n
                                               in sorted(self.history.outcomes.items())) + ")", flush=True)

    def first_write_after(self, moment, timeout_s=20):
        """Seconds from then until a write was acknowledged that was begun since."""
        def after():
            return [t for w in self.writers for t, began in w.acknowledged[-3:] if began > moment]
        until(timeout_s, lambda: after() or self.faults(), every_s=0.002)
        assert not self.faults(), self.faults()
        return min(t for w in self.writers for t, began in w.acknowledged if began > moment) - moment


def a_killed_leader_is_replaced(lab):
    storm, gaps = Storm(lab), []

    for _ in range(options.kills):
        until(20, lambda: leader_of(lab))
        time.sleep(0.3)
        leader = leader_of(lab)
        leader.kill()
        gaps.append(storm.first_write_after(time.monotonic()))
        leader.start(wait=False)
        until(30, lambda: is_whole(lab))
    storm.end()
    gaps.sort()
    measured(f"{len(gaps)} kills of the leader: the next acknowledged write, median", gaps[len(gaps) // 2])
    measured("99th percentile", gaps[(99 * len(gaps) + 99) // 100 - 1])
    measured("the longest", gaps[-1])
    assert gaps[len(gaps) // 2] < 1 and gaps[-1] < 5, gaps


def cut_one_way(lab, host, way):
    lab.in_world("nft", f"add element bridge storm {way} {{ {host.port} }}", check=True)


def heal_one_way(lab, host, way):
    lab.in_world("nft", f"delete element bridge storm {way} {{ {host.port} }}", check=True)


def give_small_disk(host):
    """Its data root is a disk of its own from now on, which can be full without the others' being."""
    host.stop()
    os.rename(host.data, host.data + ".large")
    os.makedirs(host.data)
    call("mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "lab", host.data)
    call("cp", "-a", host.data + ".large/.", host.data)
    shutil.rmtree(host.data + ".large")
    host.start()


def fill(host):
    with open(host.data + "/ballast", "wb", buffering=0) as f:
        try:
            while True:
                f.write(bytes(4096))
        except OSError:
            pass


def empty(host):
    """There is room again, and the manager, which had stopped, begins again."""
    os.unlink(host.data + "/ballast")
    host.kill()
    host.start(wait=False)


def trouble(lab, chance, kind):
    """A fault, for a while, of at most a minority; or the power, of all."""
    leader = leader_of(lab)
    few = chance.sample(lab.hosts, max(1, (options.managers - 1) // 2))
    if leader and leader not in few and chance.random() < 0.6:
        few[0] = leader
    length_s = chance.uniform(0.2, 4)
    if kind == "power":
        few = lab.hosts
    elif kind == "full":
        few = lab.hosts[-1:]
    for host in few:
        if kind in ("kill", "power"):
            host.kill()
        elif kind == "pause":
            host.pause()
        elif kind == "cut":
            host.cut()
        elif kind == "full":
            fill(host)
        else:
            cut_one_way(lab, host, kind)
    time.sleep(0.3 if kind == "power" else length_s)
    for host in few:
        if kind in ("kill", "power"):
            host.start(wait=False)
        elif kind == "pause":
            host.resume()
        elif kind == "cut":
            host.heal()
        elif kind == "full":
            empty(host)
        else:
            heal_one_way(lab, host, kind)


def nothing_acknowledged_is_lost_or_doubled(lab):
    give_small_disk(lab.hosts[-1])
    until(15, lambda: is_whole(lab))
    chance, storm, kinds, backs, deck = random.Random(options.seed), Storm(lab), {}, [], []
    ends = time.monotonic() + options.soak

    while time.monotonic() < ends and not storm.faults():
        deck = deck or chance.sample(KINDS, len(KINDS))  # in any order, but each before one comes again
        kind = deck.pop()
        trouble(lab, chance, kind)
        kinds[kind] = kinds.get(kind, 0) + 1
        backs.append(storm.first_write_after(time.monotonic(), 30))
        time.sleep(chance.uniform(0.1, 1))
    storm.end()
    print("measured: " + ", ".join(f"{n} {k}" for k, n in sorted(kinds.items())), flush=True)
    measured("after a fault's end the next acknowledged write came, at the latest, after", max(backs))


tests = [a_killed_leader_is_replaced, nothing_acknowledged_is_lost_or_doubled]

if __name__ == "__main__":
    sys.exit(run_tests(prepare, tests))
