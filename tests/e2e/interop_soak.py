#!/usr/bin/env python3
"""A mixed swarm under random operations: a shoal manager m, a shoal worker w, stock workers s1 and s2.

    interop_soak.py [OPERATIONS [SEED]]     40 operations by default

Services are created, scaled, updated and removed, nodes drained, paused and made active, daemons of both kinds and the
manager restarted or killed, links cut. In between and at the end the manager and each node must agree on every task,
and no container may be left that has no task. The seed is printed first."""
import random
import sys
import time

import stock
import stock_programs
from lab import measured, run_tests, until
from mixed import clear, containers, disagreement

OPERATIONS = int(sys.argv.pop(1)) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 40
SEED = int(sys.argv.pop(1)) if len(sys.argv) > 1 and sys.argv[1].isdigit() else int(time.time())
AGREES_EVERY = 10
SERVICES_MAX = 4
TASKS_MAX = 6
COMMANDS = (["httpd", "-f", "-p", "80"], ["sleep", "100000"], ["sh", "-c", "sleep 3; exit 1"], ["sh", "-c", "sleep 2"])


class Soak:
    def __init__(self, lab):
        self.lab, self.chance, self.services, self.made, self.log = lab, random.Random(SEED), [], 0, []
        self.workers = [lab.w, lab.s1, lab.s2]

    def shoal(self, *words):
        return self.lab.m.shoal(*words)

    def create(self):
        if len(self.services) == SERVICES_MAX:
            return self.remove()
        self.made += 1
        name = f"soak{self.made}"
        mode = ["--mode", "global"] if self.chance.random() < 0.2 else ["--replicas", str(self.chance.randint(1, TASKS_MAX))]
        self.shoal("service", "create", "--detach", "--name", name, *mode, "--stop-grace-period", "1s", "--restart-delay",
                   "1s", "--update-monitor", "1s", "--update-parallelism", str(self.chance.randint(0, 3)), "--update-order",
                   self.chance.choice(["start-first", "stop-first"]), "--update-failure-action",
                   self.chance.choice(["pause", "continue", "rollback"]), self.lab.busybox,
                   *self.chance.choice(COMMANDS)).ok()
        self.services.append((name, mode[0] == "--replicas"))
        return f"create {name} {mode}"

    def remove(self):
        if not self.services:
            return self.create()
        name, _ = self.services.pop(self.chance.randrange(len(self.services)))
        self.shoal("service", "rm", name).ok()
        return f"rm {name}"

    def scale(self):
        names = [name for name, is_replicated in self.services if is_replicated]
        if not names:
            return self.create()
        name, count = self.chance.choice(names), self.chance.randint(0, TASKS_MAX)
        self.shoal("service", "scale", "--detach", f"{name}={count}").ok()
        return f"scale {name}={count}"

    def update(self):
        if not self.services:
            return self.create()
        name, _ = self.chance.choice(self.services)
        how = self.chance.choice([["--force"], ["--env-add", f"N={self.chance.random()}"],
                                  ["--image", self.chance.choice([self.lab.busybox, self.lab.newer])],
                                  ["--label-add", "a=b"], ["--limit-memory", "64m"]])
        answer = self.shoal("service", "update", "--detach", *how, name)
        assert answer.rc == 0 or "out of sequence" in answer.err, answer
        return f"update {name} {how}"

    def availability(self):
        node, what = self.chance.choice(self.workers), self.chance.choice(["drain", "pause", "active", "active"])
        self.shoal("node", "update", "--availability", what, node.name)
        return f"{what} {node.name}"

    def restart(self):
        host, how = self.chance.choice(self.workers), self.chance.choice(["stop", "kill"])
        # A stock engine that ends while it removes a container forgets it, and the container stays for ever.
        if isinstance(host, stock.StockHost):
            self.settle()
        getattr(host, how)()
        host.start()
        return f"{how} and start {host.name}"

    def restart_manager(self):
        how = self.chance.choice(["stop", "kill"])
        getattr(self.lab.m, how)()
        self.lab.m.start()
        until(30, lambda: self.shoal("node", "ls").rc == 0)
        return f"{how} and start the manager"

    def silence(self):
        host, how = self.chance.choice(self.workers), self.chance.choice([("pause", "resume"), ("cut", "heal")])
        for_s = self.chance.choice([0.5, 2, 6])
        getattr(host, how[0])()
        time.sleep(for_s)
        getattr(host, how[1])()
        return f"{how[0]} {host.name} for {for_s} s"

    def step(self):
        kinds = [self.create, self.remove, self.scale, self.scale, self.scale, self.update, self.update, self.availability,
                 self.restart, self.silence, self.restart_manager]
        done = self.chance.choices(kinds, [4, 3, 3, 3, 3, 3, 3, 3, 1, 2, 0.5])[0]()
        self.log.append(done)
        time.sleep(self.chance.choice([0, 0.1, 0.5, 1.5]))

    def settle(self):
        """What fails on purpose goes on failing: the sides agree as soon as one look finds nothing."""
        until(60, lambda: all(n["Status"]["State"] == "ready" for n in self.lab.m.nodes().values()), every_s=0.3)
        said = []
        if until(60, lambda: not said.append(disagreement(self.lab)) and not said[-1], fails=False, every_s=0.3) is None:
            raise AssertionError(f"seed {SEED}: {said[-1]}\nafter: " + "\n  ".join(self.log[-25:]))


def prepare(lab):
    lab.stock = stock_programs.find(lab.cache)
    lab.busybox = lab.push_busybox()
    lab.newer = lab.push_busybox("busybox:newer")
    lab.m = lab.host("m").start()
    lab.w = lab.host("w").start()
    lab.s1 = stock.stock_host(lab, "s1").start()
    lab.s2 = stock.stock_host(lab, "s2").start()
    lab.m.shoal("swarm", "init", "--advertise-addr", lab.m.address).ok()
    token = lab.m.shoal("swarm", "join-token", "-q", "worker").word()
    for host in (lab.w, lab.s1, lab.s2):
        host.run(f"{lab.build}/shoal", "--host", "unix://" + host.socket, "swarm", "join", "--token", token,
                 lab.m.address + ":2377").ok()


def both_sides_agree_on_every_task(lab):
    print(f"seed {SEED}, {OPERATIONS} operations", flush=True)
    soak = Soak(lab)
    began = time.monotonic()
    for i in range(1, OPERATIONS + 1):
        soak.step()
        if i % AGREES_EVERY == 0:
            soak.settle()
    measured(f"{OPERATIONS} operations and the agreement after each {AGREES_EVERY}", time.monotonic() - began)


def nothing_is_left_over(lab):
    for host in (lab.w, lab.s1, lab.s2):
        lab.m.shoal("node", "update", "--availability", "active", host.name).ok()
    clear(lab)
    assert not any(containers(h, everything=True) for h in lab.hosts)
    assert not lab.m.api("GET", "/tasks")[1], lab.m.api("GET", "/tasks")[1]


def the_stock_engines_did_not_complain(lab):
    found = {s.name: s.complaints() for s in (lab.s1, lab.s2)}
    assert not any(found.values()), found


if __name__ == "__main__":
    sys.exit(stock.skipped() or run_tests(prepare, [both_sides_agree_on_every_task, nothing_is_left_over,
                                                    the_stock_engines_did_not_complain]))
