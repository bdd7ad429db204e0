#!/usr/bin/env python3
"""The tutorial on four hosts: once with our command line, once with the stock one. Between the two the swarm ends,
so the second also shows that nothing of the first is in its way."""
import re
import signal
import sys
import time

from lab import measured, run_tests, until

def prepare(lab):
    for _ in range(4):
        lab.host().start()


def say(lab, host, *words, **more):
    return host.client(lab.cli, *words, **more)


def the_swarm_begins_with_one_manager(lab):
    m = lab.hosts[0]
    lab.nginx = lab.push_nginx(f"nginx:{lab.cli}", f"<h1>Welcome to nginx!</h1> says {lab.cli}")  # new to every node

    answer = say(lab, m, "swarm", "init", "--advertise-addr", m.address)
    measured("swarm init", answer.took_s)

    text = answer.ok().out
    assert re.match(r"Swarm initialized: current node \([0-9a-z]{25}\) is now a manager\.\n\n"
                    r"To add a worker to this swarm, run the following command:\n\n"
                    rf"    {lab.cli} swarm join --token SWMTKN-1-[0-9a-z]{{50}}-[0-9a-z]{{25}} {m.address}:2377\n\n"
                    rf"To add a manager to this swarm, run '{lab.cli} swarm join-token manager' and follow the instructions\.\n",
                    text), text


def both_tokens_are_told(lab):
    m = lab.hosts[0]

    for role in ("worker", "manager"):
        text = say(lab, m, "swarm", "join-token", role).ok().out
        token = say(lab, m, "swarm", "join-token", "-q", role).word()
        assert f"To add a {role} to this swarm, run the following command:" in text, text
        assert f"    {lab.cli} swarm join --token {token} {m.address}:2377\n" in text, text
    lab.worker_token = say(lab, m, "swarm", "join-token", "-q", "worker").word()
    assert token != lab.worker_token


def three_workers_join(lab):
    m, *workers = lab.hosts

    for w in workers:
        answer = say(lab, w, "swarm", "join", "--token", lab.worker_token, m.address + ":2377")
        assert answer.word() == "This node joined a swarm as a worker.", answer
        measured("swarm join", answer.took_s)

    took = until(5, lambda: [n["Status"]["State"] for n in m.nodes().values()] == ["ready"] * 4)
    measured("last join to four ready nodes", took)


def the_nodes_are_listed(lab):
    m = lab.hosts[0]

    rows = say(lab, m, "node", "ls").rows()

    by_name = {r["HOSTNAME"]: r for r in rows}
    assert sorted(by_name) == [h.name for h in lab.hosts], rows
    assert all(r["STATUS"] == "Ready" and r["AVAILABILITY"] == "Active" for r in rows), rows
    assert [r["MANAGER STATUS"] for r in rows if r["MANAGER STATUS"]] == ["Leader"], rows
    assert by_name[m.name]["ID"].endswith(" *"), rows
    say(lab, lab.hosts[1], "node", "ls").fails("This node is not a swarm manager. Worker nodes can't be used to view or "
                                               "modify cluster state. Please run this command on a manager node or "
                                               "promote the current node to a manager.")


def a_service_is_created_and_converges(lab):
    m = lab.hosts[0]

    answer = say(lab, m, "service", "create", "--name", "nginx", "--publish", "mode=host,target=80", lab.nginx)

    lines = answer.lines()
    assert re.fullmatch("[0-9a-z]{25}", lines[0]), answer
    assert "overall progress: 1 out of 1 tasks" in lines, answer
    assert re.fullmatch("verify: Service (nginx |[0-9a-z]{25} )?converged ?", lines[-1]), answer
    task = m.tasks("nginx")[0]
    assert task["Spec"]["ContainerSpec"]["Image"].startswith(lab.nginx + "@sha256:"), task


def the_service_is_listed(lab):
    m = lab.hosts[0]

    row, = say(lab, m, "service", "ls").rows()
    assert (row["NAME"], row["MODE"], row["REPLICAS"], row["IMAGE"]) == ("nginx", "replicated", "1/1", lab.nginx), row

    row, = say(lab, m, "service", "ps", "nginx").rows()
    assert (row["NAME"], row["IMAGE"], row["DESIRED STATE"]) == ("nginx.1", lab.nginx, "Running"), row
    assert row["CURRENT STATE"].startswith("Running ") and row["NODE"] in [h.name for h in lab.hosts], row


def scaling_to_eight_can_be_watched(lab):
    m, *workers = lab.hosts

    def states():
        rows = say(lab, m, "service", "ps", "nginx").rows()
        return [row["CURRENT STATE"].split()[0] for row in rows if row["DESIRED STATE"] == "Running"]

    # Each step lasts as long as we look: the workers sleep a moment, then the registry does.
    holder = m.tasks("nginx")[0]["NodeID"]
    elsewhere = [w for w in workers if m.nodes()[w.name]["ID"] != holder]
    for w in elsewhere:
        w.pause()
    lab.registry.send_signal(signal.SIGSTOP)
    try:
        assert say(lab, m, "service", "scale", "--detach", "nginx=8").word() == "nginx scaled to 8"
        until(2, lambda: states().count("Assigned") >= 2 * len(elsewhere))
        for w in elsewhere:
            w.resume()
        until(5, lambda: states().count("Preparing") >= 2 * len(elsewhere))
    finally:
        lab.registry.send_signal(signal.SIGCONT)
    began = time.monotonic()
    until(15, lambda: states() == ["Running"] * 8)
    measured("three nodes fetch the image and start two tasks each", time.monotonic() - began)
    assert all(n["Status"]["State"] == "ready" for n in m.nodes().values())


def each_node_runs_two(lab):
    m = lab.hosts[0]

    rows = say(lab, m, "service", "ps", "nginx").rows()
    nodes = sorted(r["NODE"] for r in rows)
    assert nodes == sorted([h.name for h in lab.hosts] * 2), rows
    assert say(lab, m, "service", "ls").rows()[0]["REPLICAS"] == "8/8"


def each_task_serves_the_page(lab):
    m = lab.hosts[0]
    addresses = {h.name: h.address for h in lab.hosts}

    for row in say(lab, m, "service", "ps", "nginx").rows():
        port = re.fullmatch(r"\*:(\d+)->80/tcp", row["PORTS"])
        assert port, row
        page = m.fetch(addresses[row["NODE"]], port[1])
        assert page and "Welcome to nginx!" in page, (row, page)


def a_removed_service_leaves_nothing(lab):
    m = lab.hosts[0]
    assert all(h.remains() for h in lab.hosts)

    began = time.monotonic()
    assert say(lab, m, "service", "rm", "nginx").word() == "nginx"

    try:
        until(15, lambda: not any(h.remains() for h in lab.hosts), every_s=0.2)
    except AssertionError:
        raise AssertionError({h.name: h.remains() for h in lab.hosts}) from None
    measured("service rm to nothing left", time.monotonic() - began)
    assert say(lab, m, "service", "ls").lines()[1:] == []


def all_leave_the_swarm(lab):
    m, *workers = lab.hosts

    for w in workers:
        assert say(lab, w, "swarm", "leave").word() == "Node left the swarm."
    until(10, lambda: sorted(n["Status"]["State"] for n in m.nodes().values()) == ["down"] * 3 + ["ready"])
    say(lab, m, "swarm", "leave").fails("--force")
    assert say(lab, m, "swarm", "leave", "--force").word() == "Node left the swarm."
    say(lab, m, "node", "ls").fails("This node is not a swarm manager. Use")


STORY = [the_swarm_begins_with_one_manager, both_tokens_are_told, three_workers_join, the_nodes_are_listed,
         a_service_is_created_and_converges, the_service_is_listed, scaling_to_eight_can_be_watched, each_node_runs_two,
         each_task_serves_the_page, a_removed_service_leaves_nothing, all_leave_the_swarm]


def told_by(cli, test):
    def again(lab):
        lab.cli = cli
        test(lab)
    again.__name__ = f"{cli}: {test.__name__}"
    return again


def story(lab):
    if not lab.docker:
        print("skipped: the stock docker command is not installed: only shoal tells the tutorial")
    return [told_by(cli, test) for cli in lab.clients() for test in STORY]


if __name__ == "__main__":
    sys.exit(run_tests(prepare, story))
