#!/usr/bin/env python3
"""What managers lose, and how they have it back: a majority, the power, a disk, their addresses.

Tasks run on through all of it: each test ends by comparing the containers with those at the beginning."""
import glob
import json
import os
import signal
import sys

from lab import call, measured, mounts_below, run_tests, until


def prepare(lab):
    lab.busybox = lab.push_busybox()
    call("ip", "-n", lab.world, "addr", "add", "10.91.0.1/24", "dev", "br0")
    call("ip", "-n", lab.world, "addr", "add", "10.92.0.1/24", "dev", "br0")
    for _ in range(4):
        lab.host().start()
    m, *others = lab.hosts
    m.shoal("swarm", "init", "--advertise-addr", m.address).ok()
    token = m.shoal("swarm", "join-token", "-q", "worker").word()
    for host in others:
        host.shoal("swarm", "join", "--token", token, m.address + ":2377").ok()
    m.shoal("node", "promote", "node2", "node3").ok()
    until(10, lambda: is_whole(m))
    m.shoal("service", "create", "--name", "web", "--replicas", "8", lab.busybox, "sleep", "1d").ok()
    until(30, lambda: len(m.tasks("web", "running")) == 8)
    lab.containers = containers(m)


def statuses(host):
    """Hostname to MANAGER STATUS, as `node ls` on this host has it; nothing while it does not say."""
    answer = host.shoal("node", "ls")
    return {r["HOSTNAME"]: r["MANAGER STATUS"] for r in answer.rows()} if answer.rc == 0 else {}


def is_whole(host, managers=3):
    return sorted(s for s in statuses(host).values() if s) == ["Leader"] + ["Reachable"] * (managers - 1)


def is_ready(host, nodes=4):
    answer = host.shoal("node", "ls")
    return answer.rc == 0 and [r["STATUS"] for r in answer.rows()] == ["Ready"] * nodes


def containers(host):
    """Task id to container id of all that run."""
    return {t["ID"]: t["Status"]["ContainerStatus"]["ContainerID"] for t in host.tasks("web", "running")}


def raft_ids(host):
    return {n["ID"]: n["ManagerStatus"]["Addr"] for n in host.nodes().values() if "ManagerStatus" in n}


def move(host, network):
    """Its interface has an address of another network from now on."""
    number = host.address.rsplit(".", 1)[1]
    call("ip", "-n", host.netns, "addr", "flush", "dev", "eth0", "scope", "global")
    host.address = f"{network}.{number}"
    call("ip", "-n", host.netns, "addr", "add", host.address + "/24", "dev", "eth0")


def status_says_how_it_stands(lab):
    m, two, three, four = lab.hosts

    for host in (m, two):  # the leader, and one that asks it
        answer = host.shoal("swarm", "status").ok()
        assert "Majority: 3 of 3 managers can be reached, and 2 are needed." in answer.out, answer
        assert "If one more died, the other 2 would go on, and nothing would be lost." in answer.out, answer
        assert "Leader: node1, in term " in answer.out and answer.out.count(" 0     ") >= 1, answer
        assert answer.out.count("in 89 days") + answer.out.count("in 90 days") == 3, answer
    s = json.loads(m.shoal("swarm", "status", "--format", "json").word())
    assert s["Quorum"] == {"Managers": 3, "Reachable": 3, "Needed": 2, "CanLose": 1}, s
    assert all(x["Lag"] == 0 and x["Voter"] for x in s["Managers"]), s
    four.shoal("swarm", "status").fails("This node is not a swarm manager.")
    two.kill()
    until(10, lambda: statuses(m).get("node2") == "Unreachable")
    answer = m.shoal("swarm", "status")
    assert answer.rc == 2, answer
    answer.fails("Majority: 2 of 3 managers can be reached", "If one more died, nothing could be changed until it is back",
                 "node2 (10.90.0.12:2377) cannot be reached.")
    three.kill()
    until(10, lambda: m.shoal("node", "ls").rc != 0)
    answer = m.shoal("swarm", "status")
    assert answer.rc == 3, answer
    answer.fails("No majority: 1 of 3 managers can be reached from here, and 2 are needed.", "Leader: nobody",
                 "node2 (10.90.0.12:2377) cannot be reached.", "node3 (10.90.0.13:2377) cannot be reached.")
    two.start(wait=False)
    three.start()
    until(15, lambda: is_whole(m) and m.shoal("swarm", "status").rc == 0)


def without_a_majority_nothing_is_written(lab):
    m, two, three, _ = lab.hosts

    two.kill()
    three.kill()
    until(10, lambda: m.shoal("node", "ls").rc != 0)  # until then an outcome may be unknown, which is another answer
    answer = m.shoal("config", "create", "late", "-", stdin="x")
    answer.fails("The swarm does not have a leader. It's possible that too few managers are online. Make sure more than half "
                 "of the managers are online.", "1 of 3 can be reached from here", "missing:", "node2", "node3")
    again = m.shoal("config", "create", "late", "-", stdin="x")
    again.fails("The swarm does not have a leader.", "missing: node", "node2 (10.90.0.12:2377)", "node3 (10.90.0.13:2377)")
    measured("a write is refused once the majority is gone", again.took_s)
    assert again.took_s < 1, again
    for read in (["node", "ls"], ["service", "ls"], ["service", "ps", "web"]):
        answer = m.client(lab.clients()[-1], *read)
        answer.fails("The swarm does not have a leader.", "1 of 3 can be reached from here")
        assert answer.took_s < 2, answer
    assert m.api("GET", "/services?stale=1")[0] == 200
    assert len(m.containers()) == 2
    two.start(wait=False)
    three.start()
    took = until(15, lambda: is_whole(m))
    measured("the two are back, and the majority with them", took)
    assert "late" not in m.shoal("config", "ls").ok().out
    until(20, lambda: containers(m) == lab.containers)


def refusals_count(lab):
    m, two, _, _ = lab.hosts

    two.kill()
    until(10, lambda: statuses(m).get("node2") == "Unreachable")
    m.shoal("node", "demote", "node3").fails(
        "can't remove member from the raft: this would result in a loss of quorum. Of 3 managers 2 can be reached; of the 2 "
        "that would be left 1 could be, and 2 are needed")
    m.shoal("swarm", "leave").fails("Removing this node leaves 1 managers out of 3. Without a Raft quorum your swarm will be "
                                    "inaccessible.")
    two.start()
    until(10, lambda: is_whole(m))


def the_power_goes_everywhere(lab):
    m = lab.hosts[0]

    m.shoal("config", "create", "before", "-", stdin="x").ok()
    for host in lab.hosts:
        host.kill()
    for host in lab.hosts:
        host.start(wait=False)
    took = until(20, lambda: is_whole(m))
    measured("all daemons killed at once: whole again", took)
    assert "before" in m.shoal("config", "ls").ok().out
    until(20, lambda: is_ready(m))
    until(20, lambda: containers(m) == lab.containers)


def a_manager_without_its_log_never_votes_under_its_old_id(lab):
    m, two, three, _ = lab.hosts

    two.kill()
    for path in glob.glob(two.data + "/journal/raft*") + glob.glob(two.data + "/journal/snap*"):
        call("rm", "-rf", path)
    assert not glob.glob(two.data + "/journal/raft*")
    # Now the lost vote counts: of three, one is down and one knows nothing.
    three.kill()
    two.start()
    two.shoal("node", "ls").fails("")
    assert not is_whole(m)
    three.start()
    took = until(20, lambda: is_whole(m) and is_whole(two))
    measured("a manager that lost its log is one again", took)
    assert "is a manager from now on" in two.log()
    until(20, lambda: containers(m) == lab.containers)


def a_manager_that_lost_its_disk_is_replaced(lab):
    m, _, three, _ = lab.hosts

    three.kill()
    for pid in three.pids():
        os.kill(pid, signal.SIGKILL)
    for path in sorted(mounts_below(three.root), key=len, reverse=True):
        call("umount", "-l", path)
    call("rm", "-rf", three.data, three.exec)
    gone = m.nodes()["node3"]["ID"]
    until(10, lambda: statuses(m).get("node3") == "Unreachable")
    m.shoal("node", "demote", gone).ok()
    until(10, lambda: m.shoal("node", "rm", "--force", gone).rc == 0)
    assert m.shoal("swarm", "status").ok().out.startswith("Majority: 2 of 2 managers can be reached, and 2 are needed.")
    assert "2 managers stand the loss of no more than 1 do." in m.shoal("swarm", "status").out
    three.start()
    token = m.shoal("swarm", "join-token", "-q", "manager").word()
    three.shoal("swarm", "join", "--token", token, m.address + ":2377").ok()
    until(10, lambda: is_whole(m))
    assert m.nodes()["node3"]["ID"] != gone
    until(40, lambda: len(m.tasks("web", "running")) == 8)
    lab.containers = containers(m)


def one_manager_moves(lab):
    m, two, three, _ = lab.hosts

    two.kill()
    move(two, "10.91.0")
    # Only the router knows the way between the networks.
    for host in (m, three):
        call("ip", "-n", host.netns, "route", "replace", "default", "via", "10.90.0.1")
    call("ip", "-n", two.netns, "route", "replace", "default", "via", "10.91.0.1")
    lab.in_world("sysctl", "-qw", "net.ipv4.ip_forward=1", check=True)
    two.start()
    took = until(20, lambda: is_whole(m) and is_whole(two))
    measured("a manager came back at another address: a member like the others", took)
    took = until(20, lambda: m.nodes()["node2"]["ManagerStatus"]["Addr"] == "10.91.0.12:2377")
    measured("and the log says so", took)
    until(20, lambda: containers(m) == lab.containers)


def all_of_them_move_at_once(lab):
    m = lab.hosts[0]

    for host in lab.hosts:
        move(host, "10.92.0")
    took = until(45, lambda: is_whole(m) and is_ready(m))
    measured("all hosts moved to another network, daemons running: whole again", took)
    assert took < 30, took
    until(20, lambda: sorted(raft_ids(m).values()) == ["10.92.0.11:2377", "10.92.0.12:2377", "10.92.0.13:2377"])
    m.shoal("config", "create", "moved", "-", stdin="x").ok()
    until(20, lambda: containers(m) == lab.containers)

    for host in lab.hosts:
        host.kill()
        move(host, "10.91.0")
    for host in lab.hosts:
        host.start(wait=False)
    took = until(45, lambda: is_whole(m) and is_ready(m))
    measured("the same while their daemons were down", took)
    assert took < 30, took
    until(20, lambda: containers(m) == lab.containers)


def one_survivor_goes_on_alone_at_another_address(lab):
    m, two, three, four = lab.hosts

    began = containers(m)
    two.kill()
    three.kill()
    kept = {t: c for t, c in began.items() if c in m.containers() + four.containers()}
    assert len(kept) >= 4, kept
    move(m, "10.92.0")
    move(four, "10.92.0")
    answer = m.client(lab.clients()[-1], "swarm", "init", "--force-new-cluster", "--advertise-addr", m.address)
    answer.ok()
    measured("force-new-cluster at another address", answer.took_s)
    assert m.nodes()["node1"]["ManagerStatus"]["Addr"] == m.address + ":2377"
    took = until(40, lambda: {r["HOSTNAME"]: r["STATUS"] for r in m.shoal("node", "ls").rows()} ==
                 {"node1": "Ready", "node2": "Down", "node3": "Down", "node4": "Ready"})
    measured("its worker found it there", took)
    until(30, lambda: len(m.tasks("web", "running")) == 8)
    now = containers(m)
    assert {t: c for t, c in now.items() if t in kept} == kept, (kept, now)


tests = [status_says_how_it_stands, without_a_majority_nothing_is_written, refusals_count, the_power_goes_everywhere, a_manager_without_its_log_never_votes_under_its_old_id,
         a_manager_that_lost_its_disk_is_replaced, one_manager_moves, all_of_them_move_at_once, one_survivor_goes_on_alone_at_another_address]

if __name__ == "__main__":
    sys.exit(run_tests(prepare, tests))
