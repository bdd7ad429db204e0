#!/usr/bin/env python3
"""Several managers: promoted and demoted, asked anywhere, killed while they lead.

The writers of the load create configs, whose names are their own, through every manager at once; what was acknowledged
must be there in the end, on every manager, and what was refused must not."""
import http.client
import json
import os
import sys
import threading
import time

from lab import UnixConnection, measured, run_tests, until

KILLS = int(os.environ.get("KILLS", "5"))


def prepare(lab):
    lab.busybox = lab.push_busybox()
    for _ in range(4):
        lab.host().start()


def statuses(host):
    """Hostname to MANAGER STATUS, as `node ls` on this host has it."""
    return {r["HOSTNAME"]: r["MANAGER STATUS"] for r in host.shoal("node", "ls").rows()}


def leader_of(lab):
    for host in lab.hosts:
        if host.process.poll() is None:
            answer = host.shoal("node", "ls")
            if answer.rc == 0:
                name = [r["HOSTNAME"] for r in answer.rows() if r["MANAGER STATUS"] == "Leader"]
                if name:
                    return next(h for h in lab.hosts if h.name == name[0])
    raise AssertionError("nobody leads")


def workers_are_promoted(lab):
    m, *workers = lab.hosts

    m.shoal("swarm", "init", "--advertise-addr", m.address).ok()
    token = m.shoal("swarm", "join-token", "-q", "worker").word()
    for w in workers:
        w.shoal("swarm", "join", "--token", token, m.address + ":2377").ok()

    answer = m.client(lab.clients()[-1], "node", "promote", "node2", "node3")
    assert answer.lines() == ["Node node2 promoted to a manager in the swarm.",
                              "Node node3 promoted to a manager in the swarm."], answer
    took = until(10, lambda: statuses(m) == {"node1": "Leader", "node2": "Reachable", "node3": "Reachable", "node4": ""})
    measured("two promoted to both reachable", took)


def every_manager_answers(lab):
    _, two, three, _ = lab.hosts

    until(5, lambda: two.shoal("node", "ls").rc == 0 and three.shoal("node", "ls").rc == 0)
    assert statuses(two) == {"node1": "Leader", "node2": "Reachable", "node3": "Reachable", "node4": ""}
    two.shoal("service", "create", "--name", "web", "--replicas", "4", lab.busybox, "sleep", "1d").ok()
    row, = three.shoal("service", "ls").rows()
    assert (row["NAME"], row["REPLICAS"]) == ("web", "4/4"), row
    three.shoal("service", "scale", "web=6").ok()
    two.shoal("service", "create", "--name", "web", lab.busybox).fails("name conflicts with an existing object")


tests = [workers_are_promoted, every_manager_answers]

if __name__ == "__main__":
    sys.exit(run_tests(prepare, tests))
