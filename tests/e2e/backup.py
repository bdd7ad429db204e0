#!/usr/bin/env python3
"""A swarm's state as a file: written while the swarm works, put back on another host at another address."""
import hashlib
import os
import sys

from lab import measured, run_tests, until


def prepare(lab):
    lab.busybox = lab.push_busybox()
    for _ in range(4):
        lab.host().start()
    m, two, three, _ = lab.hosts
    m.shoal("swarm", "init", "--advertise-addr", m.address).ok()
    token = m.shoal("swarm", "join-token", "-q", "worker").word()
    for host in (two, three):
        host.shoal("swarm", "join", "--token", token, m.address + ":2377").ok()
    m.shoal("node", "promote", "node2").ok()
    m.shoal("secret", "create", "canary", "-", stdin="a canary in the file").ok()
    m.shoal("service", "create", "--name", "web", "--replicas", "6", lab.busybox, "sleep", "1d").ok()
    until(30, lambda: len(m.tasks("web", "running")) == 6)


def backup(lab):
    return f"{lab.root}/swarm.backup"


def a_backup_is_written_while_the_swarm_works(lab):
    m, two, three, _ = lab.hosts
    for i in range(30):  # so that the file is of some size
        m.shoal("config", "create", f"c{i}", "-", stdin="x" * 200000).ok()

    answer = two.shoal("swarm", "backup", backup(lab))  # on a follower: it has all that was acknowledged
    assert "keep it where nobody reads it" in answer.ok().out
    measured(f"a backup of {os.path.getsize(backup(lab)) >> 20} MiB", answer.took_s)

    assert os.stat(backup(lab)).st_mode & 0o777 == 0o600
    with open(backup(lab), "rb") as f:
        head, rest = f.read().split(b"\n", 1)
    assert head.startswith(b'shoal-backup 1 {"ClusterID":"'), head
    whole = head + b"\n" + rest
    assert whole[-72:] == b"sha256:" + hashlib.sha256(whole[:-72]).hexdigest().encode() + b"\n"
    assert b"c29" in rest
    three.shoal("swarm", "backup", lab.root + "/no").fails("This node is not a swarm manager.")
    assert not os.path.exists(lab.root + "/no")
    m.shoal("swarm", "restore", backup(lab)).fails("This node is part of a swarm.")


def a_damaged_file_is_refused(lab):
    four = lab.hosts[3]
    with open(backup(lab), "rb") as f:
        good = f.read()
    bad = {
        "cut": good[:-1], "half": good[:len(good) // 2], "bit": good[:5000] + bytes([good[5000] ^ 1]) + good[5001:],
        "tail": good + b"x", "head": good[:30], "first": good[:20] + b"x" + good[21:],
    }
    for name, content in bad.items():
        with open(lab.root + "/bad", "wb") as f:
            f.write(content)
        four.shoal("swarm", "restore", lab.root + "/bad").fails("the backup is damaged")
    for content, why in ((b"hello\n", "this is no backup of a swarm"), (b"", "is empty")):
        with open(lab.root + "/bad", "wb") as f:
            f.write(content)
        four.shoal("swarm", "restore", lab.root + "/bad").fails(why)
    later = good[:-72].replace(b"shoal-backup 1 ", b"shoal-backup 2 ", 1)
    with open(lab.root + "/bad", "wb") as f:
        f.write(later + b"sha256:" + hashlib.sha256(later).hexdigest().encode() + b"\n")
    four.shoal("swarm", "restore", lab.root + "/bad").fails("the backup has format 2, and this version of shoal reads format 1")
    assert four.api("GET", "/info")[1]["Swarm"]["LocalNodeState"] == "inactive"


def it_is_restored_elsewhere_and_workers_come_back(lab):
    m, two, three, four = lab.hosts
    running = {t["ID"]: t["Status"]["ContainerStatus"]["ContainerID"] for t in m.tasks("web", "running")
               if t["NodeID"] == m.nodes()["node3"]["ID"]}
    token = m.shoal("swarm", "join-token", "-q", "worker").word()
    assert len(running) == 2
    m.shoal("config", "create", "after-the-backup", "-", stdin="x").ok()
    for host in (m, two):
        host.kill()

    answer = four.shoal("swarm", "restore", backup(lab), "--advertise-addr", four.address).ok()
    measured("restored", answer.took_s)
    assert "is its only manager" in answer.out, answer
    assert four.shoal("swarm", "status").ok().out.startswith("Majority: 1 of 1 manager can be reached")
    names = four.shoal("config", "ls", "--format", "{{.Name}}").lines()
    assert len(names) == 30 and "after-the-backup" not in names, names
    assert four.shoal("swarm", "join-token", "-q", "worker").word() == token
    # The node that is node2 in the swarm is this host from now on.
    took = until(40, lambda: {r["HOSTNAME"]: r["STATUS"] for r in four.shoal("node", "ls").rows()} ==
                 {"node1": "Down", "node4": "Ready", "node3": "Ready"})
    measured("the worker found the manager at its new address", took)
    until(30, lambda: len(four.tasks("web", "running")) == 6)
    now = {t["ID"]: t["Status"].get("ContainerStatus", {}).get("ContainerID") for t in four.tasks("web")}
    assert {i: c for i, c in now.items() if i in running} == running, (running, now)
    four.shoal("service", "create", "--name", "more", "--secret", "canary", lab.busybox, "sleep", "1d").ok()
    until(20, lambda: len(four.tasks("more", "running")) == 1)

    four.stop()
    four.start()
    until(20, lambda: four.shoal("swarm", "status").rc == 0)
    four.shoal("node", "rm", "--force", "node1").ok()
    assert "node1" not in four.nodes()


tests = [a_backup_is_written_while_the_swarm_works, a_damaged_file_is_refused, it_is_restored_elsewhere_and_workers_come_back]

if __name__ == "__main__":
    sys.exit(run_tests(prepare, tests))
