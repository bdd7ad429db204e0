#!/usr/bin/env python3
"""Services beyond the tutorial: updates and their way back, where tasks may go, what they are given, nodes that come
and go; and how quick it is."""
import sys
import time

from lab import call, measured, run_tests, until


def prepare(lab):
    lab.busybox = lab.push_busybox()
    lab.one, lab.two = lab.push_nginx("nginx:one", "page one"), lab.push_nginx("nginx:two", "page two")
    lab.cli = lab.clients()[-1]
    lab.manager, *lab.workers = [lab.host().start() for _ in range(4)]
    lab.manager.shoal("swarm", "init", "--advertise-addr", lab.manager.address).ok()
    lab.token = lab.manager.shoal("swarm", "join-token", "-q", "worker").word()
    for w in lab.workers:
        w.shoal("swarm", "join", "--token", lab.token, lab.manager.address + ":2377").ok()


def create(lab, name, *words):
    lab.manager.shoal("service", "create", "--detach", "--name", name, "--stop-grace-period", "0s", *words).ok()


def remove(lab, *names):
    lab.manager.shoal("service", "rm", *names).ok()
    until(15, lambda: not any(h.remains() for h in lab.hosts))


def alone(test):
    """What a test that failed left is not the next one's trouble."""
    def cleaned(lab):
        try:
            test(lab)
        finally:
            names = lab.manager.shoal("service", "ls", "-q").out.split()
            if names:
                remove(lab, *names)
    cleaned.__name__ = test.__name__
    return cleaned


def where(lab, name):
    """Hostnames of the running tasks, one for each."""
    names = {n["ID"]: h for h, n in lab.manager.nodes().items()}
    return sorted(names[t["NodeID"]] for t in lab.manager.tasks(name, "running"))


def what(lab, name, part):
    """A part of the running tasks' container spec, as a set of texts."""
    return {str(t["Spec"]["ContainerSpec"].get(part)) for t in lab.manager.tasks(name, "running")}


def an_update_changes_all_tasks_and_a_rollback_brings_them_back(lab):
    m = lab.manager
    create(lab, "site", "--replicas", "3", "--publish", "mode=host,target=80,published=8080", "--update-monitor", "500ms",
           "--rollback-monitor", "500ms", lab.one)
    until(10, lambda: len(where(lab, "site")) == 3)

    def pages():
        return {h.fetch(h.address, 8080) for h in lab.hosts} - {None}

    assert pages() == {"page one\n"}, pages()
    for cli in lab.clients():
        answer = m.client(cli, "service", "update", "--image", lab.two, "--env-add", "COLOUR=blue", "site").ok()
        assert "overall progress: 3 out of 3 tasks" in answer.out, answer
        assert pages() == {"page two\n"} and what(lab, "site", "Env") == {"['COLOUR=blue']"}
        assert m.api("GET", "/services/site")[1]["UpdateStatus"]["State"] == "completed"

        answer = m.client(cli, "service", "rollback", "site").ok()
        assert "rollback: manually requested rollback" in answer.out, answer
        until(5, lambda: m.api("GET", "/services/site")[1]["UpdateStatus"]["State"] == "rollback_completed")
        assert pages() == {"page one\n"} and what(lab, "site", "Env") == {"None"}
    remove(lab, "site")


def an_update_that_fails_is_paused_or_rolled_back(lab):
    m = lab.manager
    create(lab, "careful", "--replicas", "2", "--update-failure-action", "rollback", "--update-monitor", "500ms", "--rollback-monitor",
           "500ms", "--restart-delay", "100ms", lab.busybox, "sleep", "100000")
    until(10, lambda: len(where(lab, "careful")) == 2)

    m.shoal("service", "update", "--detach", "--args", "false", "careful").ok()
    until(15, lambda: (m.api("GET", "/services/careful")[1].get("UpdateStatus") or {}).get("State") == "rollback_completed")
    until(10, lambda: len(where(lab, "careful")) == 2)
    assert what(lab, "careful", "Args") == {"['sleep', '100000']"}

    m.shoal("service", "update", "--detach", "--update-failure-action", "pause", "--args", "false", "careful").ok()
    until(15, lambda: m.api("GET", "/services/careful")[1]["UpdateStatus"]["State"] == "paused")
    until(5, lambda: len(where(lab, "careful")) == 1)
    remove(lab, "careful")


def a_global_service_runs_once_on_every_node(lab):
    m, w = lab.manager, lab.workers[0]
    every = sorted(h.name for h in lab.hosts)
    answer = m.client(lab.cli, "service", "create", "--name", "everywhere", "--mode", "global", "--stop-grace-period", "0s", lab.busybox,
                      "sleep", "100000").ok()
    assert "overall progress: 4 out of 4 tasks" in answer.out, answer
    assert where(lab, "everywhere") == every

    m.client(lab.cli, "node", "update", "--availability", "drain", w.name).ok()
    until(5, lambda: where(lab, "everywhere") == [n for n in every if n != w.name])
    m.client(lab.cli, "node", "update", "--availability", "active", w.name).ok()
    until(5, lambda: where(lab, "everywhere") == every)
    remove(lab, "everywhere")


def constraints_and_labels_say_where(lab):
    m, a, b = lab.manager, *lab.workers[:2]
    create(lab, "bound", "--replicas", "3", "--restart-delay", "100ms", "--constraint", "node.labels.disk==ssd", lab.busybox, "sleep", "100000")
    until(5, lambda: "no suitable node (scheduling constraints not satisfied on 4 nodes)" in
          m.client(lab.cli, "service", "ps", "--no-trunc", "bound").out)

    m.client(lab.cli, "node", "update", "--label-add", "disk=ssd", a.name).ok()
    until(5, lambda: where(lab, "bound") == [a.name] * 3)

    m.client(lab.cli, "node", "update", "--label-add", "disk=ssd", b.name).ok()
    m.client(lab.cli, "node", "update", "--label-rm", "disk", a.name).ok()
    until(5, lambda: where(lab, "bound") == [b.name] * 3)

    m.client(lab.cli, "service", "update", "--detach", "--constraint-rm", "node.labels.disk==ssd", "--constraint-add",
             "node.role==manager", "bound").ok()
    until(20, lambda: where(lab, "bound") == [m.name] * 3)
    m.shoal("node", "update", "--label-rm", "disk", b.name).ok()
    remove(lab, "bound")


def a_drained_node_gets_nothing_and_loses_what_it_had(lab):
    m, w = lab.manager, lab.workers[2]
    create(lab, "moving", "--replicas", "8", lab.busybox, "sleep", "100000")
    until(10, lambda: where(lab, "moving").count(w.name) == 2)

    began = time.monotonic()
    m.client(lab.cli, "node", "update", "--availability", "drain", w.name).ok()
    until(5, lambda: len(where(lab, "moving")) == 8 and w.name not in where(lab, "moving"))
    measured("drain to all elsewhere", time.monotonic() - began)
    until(5, lambda: w.remains(of_ended=False) == [])

    m.client(lab.cli, "node", "update", "--availability", "active", w.name).ok()
    m.client(lab.cli, "service", "scale", "--detach", "moving=10").ok()
    until(5, lambda: where(lab, "moving").count(w.name) == 2)
    remove(lab, "moving")


def secrets_and_configs_are_in_the_container_and_only_there(lab):
    m = lab.manager
    m.run(*([f"{lab.build}/shoal", "--host", "unix://" + m.socket] if lab.cli == "shoal" else [lab.docker]), "secret", "create", "password",
          "-", stdin="open sesame").ok()
    m.client(lab.cli, "config", "create", "motd", "-", stdin="good morning").ok()
    script = ("stat -c '%a %u %g' /run/secrets/password /etc/motd /run/secrets/pw; cat /run/secrets/password /etc/motd /run/secrets/pw; "
              "grep -c ' /run/secrets' /proc/mounts; sleep 100000")
    create(lab, "keeper", "--secret", "password", "--secret", "source=password,target=pw,mode=0400,uid=1000", "--config",
           "source=motd,target=/etc/motd,mode=0440", lab.busybox, "sh", "-c", script)
    until(10, lambda: where(lab, "keeper"))

    host = next(h for h in lab.hosts if h.name == where(lab, "keeper")[0])
    container = host.containers()[0]
    until(5, lambda: "good morning" in host.shoal("logs", container).out)
    lines = host.shoal("logs", container).out.splitlines()
    assert lines[:3] == ["444 0 0", "440 0 0", "400 1000 0"], lines
    assert lines[3].startswith("open sesamegood morningopen sesame"), lines
    text = host.shoal("inspect", container).ok().out + m.shoal("secret", "inspect", "password").ok().out
    assert "open sesame" not in text
    memory = [m for m in call("findmnt", "-rn", "-t", "tmpfs", "-o", "TARGET").stdout.split() if not lab.root.startswith(m)]
    found = host.run("grep", "-rlF", "open sesame", host.data, host.exec).out.splitlines()
    on_disk = [path for path in found if not any(path.startswith(m + "/") for m in memory)]
    assert on_disk and all(path.endswith("-json.log") for path in on_disk), found  # what it said itself
    assert host.run("grep", "-rlF", "open sesame", m.data + "/journal").out == ""
    m.client(lab.cli, "secret", "rm", "password").fails("secret 'password' is in use by the following service: keeper")

    remove(lab, "keeper")
    m.client(lab.cli, "secret", "rm", "password").ok()
    m.client(lab.cli, "config", "rm", "motd").ok()


def a_worker_leaves_and_is_removed_and_may_come_again(lab):
    m, w = lab.manager, lab.workers[0]
    create(lab, "stays", "--replicas", "4", lab.busybox, "sleep", "100000")
    until(10, lambda: where(lab, "stays").count(w.name) == 1)
    node = m.nodes()[w.name]["ID"]
    m.client(lab.cli, "node", "rm", w.name).fails("is not down and can't be removed")

    began = time.monotonic()
    w.client(lab.cli, "swarm", "leave").ok()
    until(6, lambda: len(where(lab, "stays")) == 4 and w.name not in where(lab, "stays"))
    measured("leave to all elsewhere", time.monotonic() - began)
    until(5, lambda: w.remains() == [])

    assert m.client(lab.cli, "node", "rm", w.name).word() == w.name
    assert w.name not in m.nodes()
    w.client(lab.cli, "swarm", "join", "--token", lab.token, m.address + ":2377").ok()
    until(5, lambda: m.nodes()[w.name]["Status"]["State"] == "ready")
    assert m.nodes()[w.name]["ID"] != node
    remove(lab, "stays")


def forty_tasks_are_quick(lab):
    m = lab.manager

    for _ in range(2):  # the first time the images are there, the second time so are the caches
        began = time.monotonic()
        create(lab, "many", lab.busybox, "sleep", "100000")
        until(10, lambda: len(m.tasks("many", "running")) == 1, every_s=0.005)
        measured("service create to running", time.monotonic() - began)
        m.shoal("service", "scale", "--detach", "many=8").ok()
        until(10, lambda: len(m.tasks("many", "running")) == 8, every_s=0.005)

        began = time.monotonic()
        m.shoal("service", "scale", "--detach", "many=40").ok()
        until(20, lambda: len(m.tasks("many", "running")) == 40, every_s=0.01)
        measured("scale from 8 to 40", time.monotonic() - began)
        assert sorted(where(lab, "many")) == sorted([h.name for h in lab.hosts] * 10)

        began = time.monotonic()
        remove(lab, "many")
        measured("forty removed, nothing left", time.monotonic() - began)


if __name__ == "__main__":
    sys.exit(run_tests(prepare, [alone(test) for test in (
        an_update_changes_all_tasks_and_a_rollback_brings_them_back,
        an_update_that_fails_is_paused_or_rolled_back,
        a_global_service_runs_once_on_every_node,
        constraints_and_labels_say_where,
        a_drained_node_gets_nothing_and_loses_what_it_had,
        secrets_and_configs_are_in_the_container_and_only_there,
        a_worker_leaves_and_is_removed_and_may_come_again,
        forty_tasks_are_quick,
    )]))
