#!/usr/bin/env python3
"""Hosts that fall silent, die, pause, restart and leave, under a service that should go on."""
import os
import signal
import sys
import time

from lab import measured, run_tests, until

REPLICAS = 8


def prepare(lab):
    lab.busybox = lab.push_busybox()
    manager, *workers = [lab.host().start() for _ in range(4)]
    manager.shoal("swarm", "init", "--advertise-addr", manager.address).ok()
    token = manager.shoal("swarm", "join-token", "-q", "worker").word()
    for w in workers:
        w.shoal("swarm", "join", "--token", token, manager.address + ":2377").ok()
    manager.shoal("service", "create", "--detach", "--name", "web", "--replicas", str(REPLICAS), "--stop-grace-period", "0s",
                  lab.busybox, "sleep", "100000").ok()
    until(10, lambda: len(manager.tasks("web", "running")) == REPLICAS)


def id_of(lab, host):
    return lab.hosts[0].nodes()[host.name]["ID"]


def state_of(lab, host):
    return lab.hosts[0].nodes()[host.name]["Status"]["State"]


def running_elsewhere(lab, node):
    return len([t for t in lab.hosts[0].tasks("web", "running") if t["NodeID"] != node]) == REPLICAS


def is_calm(lab):
    """Eight run, each on a node that is ready, and nothing else does."""
    tasks = lab.hosts[0].tasks("web")
    return len(tasks) == REPLICAS and all(t["Status"]["State"] == "running" for t in tasks) and \
        sum(len(h.containers()) for h in lab.hosts) == REPLICAS


def is_replaced(lab, host, how):
    """The clock runs from the fault, not from when it is noticed."""
    node = id_of(lab, host)
    began = time.monotonic()
    until(5, lambda: state_of(lab, host) == "down")
    measured(f"{how}: marked down after", time.monotonic() - began)
    until(5, lambda: running_elsewhere(lab, node))
    took = time.monotonic() - began
    measured(f"{how}: its tasks run elsewhere after", took)
    assert took < 5, took


def a_worker_that_falls_silent_is_replaced(lab):
    w = lab.hosts[1]

    w.cut()
    is_replaced(lab, w, "cut off")
    assert len(w.containers()) == 2  # it cannot know

    w.heal()
    took = until(15, lambda: state_of(lab, w) == "ready")
    measured("healed: ready again after", took)
    until(10, lambda: is_calm(lab) and w.remains(of_ended=False) == [])


def a_worker_whose_processes_are_killed_is_replaced(lab):
    w = lab.hosts[2]

    for pid in w.pids():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    w.process.wait()
    is_replaced(lab, w, "killed")

    began = time.monotonic()
    w.start()
    until(15, lambda: state_of(lab, w) == "ready")
    measured("started again: ready after", time.monotonic() - began)
    until(10, lambda: is_calm(lab) and w.remains(of_ended=False) == [])


def a_worker_that_pauses_for_a_second_is_not_marked_down(lab):
    w = lab.hosts[3]
    before = sorted(t["ID"] for t in lab.hosts[0].tasks("web"))

    for _ in range(3):
        w.pause()
        until(1, lambda: state_of(lab, w) != "ready", fails=False)
        assert state_of(lab, w) == "ready"
        w.resume()
        time.sleep(0.3)

    until(3, lambda: state_of(lab, w) != "ready", fails=False)
    assert state_of(lab, w) == "ready"
    assert sorted(t["ID"] for t in lab.hosts[0].tasks("web")) == before


def a_killed_manager_comes_back_with_its_state(lab):
    m = lab.hosts[0]
    before = {h.name: h.containers() for h in lab.hosts}
    tasks = sorted(t["ID"] for t in m.tasks("web"))
    nodes = sorted(n["ID"] for n in m.nodes().values())
    token = m.shoal("swarm", "join-token", "-q", "worker").word()

    m.kill()
    time.sleep(1)
    began = time.monotonic()
    m.start()
    measured("killed manager: answers again after", time.monotonic() - began)

    until(10, lambda: [n["Status"]["State"] for n in m.nodes().values()] == ["ready"] * 4)
    measured("killed manager: four nodes ready after", time.monotonic() - began)
    assert sorted(t["ID"] for t in m.tasks("web", "running")) == tasks
    assert sorted(n["ID"] for n in m.nodes().values()) == nodes
    assert m.shoal("swarm", "join-token", "-q", "worker").word() == token
    until(5, lambda: is_calm(lab))
    assert {h.name: h.containers() for h in lab.hosts} == before


def a_killed_worker_daemon_finds_its_containers_again(lab):
    m, w = lab.hosts[0], lab.hosts[1]
    w.kill()
    pids = w.container_pids()
    tasks = sorted(t["ID"] for t in m.tasks("web"))
    assert pids

    w.start()

    until(5, lambda: state_of(lab, w) == "ready" and is_calm(lab))
    time.sleep(1)
    assert is_calm(lab) and w.container_pids() == pids
    assert sorted(t["ID"] for t in m.tasks("web")) == tasks


def a_killed_container_is_started_again(lab):
    m, w = lab.hosts[0], lab.hosts[1]
    before = {t["ID"] for t in m.tasks("web")}

    os.kill(w.container_pids()[0], signal.SIGKILL)

    took = until(10, lambda: len({t["ID"] for t in m.tasks("web", "running")} - before) == 1 and is_calm(lab))
    measured("killed container: its successor runs after", took)
    text = m.shoal("service", "ps", "web").out
    assert "task: non-zero exit (137)" in text, text


if __name__ == "__main__":
    sys.exit(run_tests(prepare, [
        a_worker_that_falls_silent_is_replaced,
        a_worker_whose_processes_are_killed_is_replaced,
        a_worker_that_pauses_for_a_second_is_not_marked_down,
        a_killed_manager_comes_back_with_its_state,
        a_killed_worker_daemon_finds_its_containers_again,
        a_killed_container_is_started_again,
    ]))
