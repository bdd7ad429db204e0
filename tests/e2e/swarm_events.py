#!/usr/bin/env python3
"""Events of the swarm's objects, as managers tell them, and templates in what services say."""
import json
import sys
import time

from lab import run_tests, until


def prepare(lab):
    for _ in range(2):
        lab.host().start()
    manager, worker = lab.hosts
    lab.busybox = lab.push_busybox()
    manager.shoal("swarm", "init", "--advertise-addr", manager.address).ok()
    token = manager.shoal("swarm", "join-token", "-q", "worker").word()
    worker.shoal("swarm", "join", "--token", token, manager.address + ":2377").ok()
    until(10, lambda: [n["Status"]["State"] for n in manager.nodes().values()] == ["ready"] * 2)


def events(lab, host, since, kind, which=None):
    """What `events` of the stock client, or ours, say of a type: (action, attributes)."""
    answer = host.client(lab.clients()[-1], "events", "--since", str(since), "--until", str(int(time.time()) + 1),
                         "--filter", "type=" + kind, "--format", "{{json .}}").ok()
    found = [json.loads(line) for line in answer.lines()]
    assert all(e["Type"] == kind for e in found), found
    return [(e["Action"], e["Actor"]["Attributes"]) for e in found if which in (None, e["Actor"]["ID"])]


def a_service_is_created_updated_and_removed(lab):
    manager = lab.hosts[0]
    since = int(time.time())
    service = manager.shoal("service", "create", "--detach", "--name", "web", "--replicas", "1", lab.busybox,
                            "top").word()
    until(20, lambda: len(manager.tasks("web", "running")) == 1)
    manager.shoal("service", "scale", "--detach", "web=2").ok()
    manager.shoal("service", "rm", "web").ok()

    told = events(lab, manager, since, "service", service)

    assert [action for action, _ in told] == ["create", "update", "remove"], told
    assert told[0][1] == {"name": "web"} and told[2][1] == {"name": "web"}, told
    assert told[1][1] == {"name": "web", "replicas.old": "1", "replicas.new": "2"}, told


def a_node_changes_its_availability(lab):
    manager, worker = lab.hosts
    since = int(time.time())
    manager.shoal("node", "update", "--availability", "drain", worker.name).ok()
    manager.shoal("node", "update", "--availability", "active", worker.name).ok()

    told = events(lab, manager, since, "node", manager.nodes()[worker.name]["ID"])

    changes = [a for action, a in told if action == "update" and "availability.new" in a]
    assert [c["availability.new"] for c in changes] == ["drain", "active"], told
    assert changes[0] == {"name": worker.name, "availability.old": "active", "availability.new": "drain"}, told


def secrets_and_configs_come_and_go(lab):
    manager = lab.hosts[0]
    since = int(time.time())
    for kind in ("secret", "config"):
        one = manager.shoal(kind, "create", "thing", "-", stdin="data").word()
        manager.shoal(kind, "rm", "thing").ok()

        assert events(lab, manager, since, kind, one) == [("create", {"name": "thing"}), ("remove", {"name": "thing"})]


def scope_is_a_filter(lab):
    manager, worker = lab.hosts
    since = int(time.time()) - 60

    for host, count in ((manager, lambda n: n > 0), (worker, lambda n: n == 0)):
        answer = host.client(lab.clients()[-1], "events", "--since", str(since), "--until", str(int(time.time())),
                             "--filter", "scope=swarm", "--format", "{{.Scope}}").ok()
        assert set(answer.lines()) <= {"swarm"} and count(len(answer.lines())), answer


def templates_are_expanded_where_the_task_runs(lab):
    manager = lab.hosts[0]
    manager.shoal("service", "create", "--detach", "--name", "tell", "--mode", "global", "--env",
                  "WHERE={{.Node.Hostname}}", "--hostname", "{{.Service.Name}}-on-{{.Node.Hostname}}", lab.busybox, "sh",
                  "-c", 'echo "$WHERE $(hostname)"; exec top -b -d 60 >/dev/null').ok()
    until(20, lambda: len(manager.tasks("tell", "running")) == 2)

    lines = manager.shoal("service", "logs", "--raw", "tell").lines()

    assert sorted(lines) == sorted(f"{h.name} tell-on-{h.name}" for h in lab.hosts), lines
    manager.shoal("service", "create", "--name", "bad", "--env", "X={{.Nobody}}", lab.busybox).fails(
        'expanding env failed: template: there is no field "Nobody" here')
    manager.shoal("service", "rm", "tell").ok()


def a_restarted_manager_tells_no_old_news(lab):
    manager = lab.hosts[0]
    manager.stop()
    since = int(time.time())
    manager.start()
    until(10, lambda: manager.shoal("node", "ls").rc == 0)

    told = [e for kind in ("service", "secret", "config") for e in events(lab, manager, since, kind)]

    assert told == [], told


TESTS = [a_service_is_created_updated_and_removed, a_node_changes_its_availability, secrets_and_configs_come_and_go,
         scope_is_a_filter,
         templates_are_expanded_where_the_task_runs, a_restarted_manager_tells_no_old_news]

if __name__ == "__main__":
    sys.exit(run_tests(prepare, TESTS))
