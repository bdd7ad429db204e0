#!/usr/bin/env python3
"""Three managers of ours, of which the leader is killed, and a stock engine as their worker: s runs all the tasks."""
import json
import sys

import stock
import stock_programs
from lab import measured, run_tests, until
from managers import leader_of, statuses
from mixed import agree, containers, running, service


def prepare(lab):
    lab.stock = stock_programs.find(lab.cache)
    lab.busybox = lab.push_busybox()
    lab.managers = [lab.host(name).start() for name in ("m1", "m2", "m3")]
    lab.m = lab.managers[0]
    lab.s = stock.stock_host(lab, "s").start()


def all_reach(lab):
    return sorted(statuses(lab.m).values()) == ["", "Leader", "Reachable", "Reachable"]


def managers_it_talks_to(lab):
    """Those to which the stock engine has a connection."""
    peers = lab.s.run("ss", "-tnH", "state", "established", "dport", "= :2377").ok().out
    return [m for m in lab.managers if m.address + ":2377" in peers.split()]


def a_stock_engine_joins_three_managers(lab):
    m = lab.m
    m.shoal("swarm", "init", "--advertise-addr", m.address).ok()
    for host, role in ((lab.managers[1], "manager"), (lab.managers[2], "manager"), (lab.s, "worker")):
        token = m.shoal("swarm", "join-token", "-q", role).word()
        host.run(f"{lab.build}/shoal", "--host", "unix://" + host.socket, "swarm", "join", "--token", token,
                 m.address + ":2377").ok()
    until(20, lambda: all_reach(lab))

    service(lab, "web", "--replicas", "3", "--constraint", "node.role==worker", "--stop-grace-period", "1s")
    agree(lab, [lab.s])
    known = json.loads(lab.s.docker("info", "--format", "{{json .Swarm.RemoteManagers}}").word())
    assert sorted(r["Addr"] for r in known) == sorted(m.address + ":2377" for m in lab.managers), known


def survives_without(lab, killed, replicas):
    """Kills a manager; the stock engine turns to another, its tasks are untouched, and it hears of a new one."""
    lab.m = next(m for m in lab.managers if m is not killed)
    before = sorted(c["Id"] for c in containers(lab.s)), sorted(t["ID"] for t in running(lab, "web"))

    killed.kill()
    took = until(20, lambda: [s for name, s in statuses(lab.m).items() if s == "Leader" and name != killed.name])
    took += until(60, lambda: lab.m.nodes()["s"]["Status"]["State"] == "ready" and managers_it_talks_to(lab))
    measured("a manager killed, to a leader there and the stock engine ready", took)
    assert killed not in managers_it_talks_to(lab)

    assert (sorted(c["Id"] for c in containers(lab.s)), sorted(t["ID"] for t in running(lab, "web"))) == before
    lab.m.shoal("service", "scale", "--detach", f"web={replicas}").ok()
    took = until(40, lambda: len(running(lab, "web")) == replicas, every_s=0.2)
    measured("scaled until the new task runs there", took)
    agree(lab, [lab.s])
    assert set(before[0]) < {c["Id"] for c in containers(lab.s)}

    killed.start()
    until(30, lambda: all_reach(lab), every_s=0.2)


def a_killed_leader_is_replaced_and_its_tasks_are_untouched(lab):
    for replicas in (4, 5):
        survives_without(lab, leader_of(lab), replicas)


def a_killed_manager_that_relayed_for_it_is_replaced(lab):
    """Whoever it talks to: not always the leader, for followers relay."""
    lost = lab.s.log().count("agent: session failed")
    for manager in managers_it_talks_to(lab):
        survives_without(lab, manager, len(running(lab, "web")) + 1)
    assert lab.s.log().count("agent: session failed") > lost, lab.s.log()[-3000:]


def the_tasks_that_ran_first_were_never_replaced(lab):
    assert {t["Status"]["State"] for t in lab.m.api("GET", "/tasks")[1]} == {"running"}, lab.m.api("GET", "/tasks")[1]
    lab.m.shoal("service", "rm", "web").ok()
    until(30, lambda: not containers(lab.s, everything=True))


def the_stock_engine_did_not_complain(lab):
    assert not lab.s.complaints(), lab.s.complaints()


if __name__ == "__main__":
    sys.exit(stock.skipped() or run_tests(prepare, [
        a_stock_engine_joins_three_managers, a_killed_leader_is_replaced_and_its_tasks_are_untouched,
        a_killed_manager_that_relayed_for_it_is_replaced, the_tasks_that_ran_first_were_never_replaced,
        the_stock_engine_did_not_complain]))
