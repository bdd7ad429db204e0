#!/usr/bin/env python3
"""The secrets of the cluster: managers that are locked at rest (autolock), and what lies on their disks.

Three managers and two workers; the stock docker CLI does what users do, where it is there."""
import base64
import glob
import os
import sys
import time

from lab import measured, run_tests, until

LOCKED = "Swarm is encrypted and needs to be unlocked before it can be used"
CANARY = "a-planted-secret-that-nobody-may-find"


def prepare(lab):
    lab.busybox = lab.push_busybox()
    for _ in range(5):
        lab.host().start()
    lab.cli = lab.clients()[-1]


def statuses(host):
    return {r["HOSTNAME"]: r["MANAGER STATUS"] for r in host.shoal("node", "ls").rows()}


def key_in(answer):
    """The unlock key that a command shows."""
    word, = [w for w in answer.ok().out.split() if w.startswith("SWMKEY-1-")]
    return word


def key_file(host):
    with open(host.data + "/swarm/certificates/swarm-node.key") as f:
        return f.read()


def is_locked_on_disk(host):
    return "ENCRYPTED PRIVATE KEY" in key_file(host)


def files_of(host):
    found = []
    for folder, _, names in os.walk(host.data):
        found += [os.path.join(folder, n) for n in names]
    return [f for f in found if os.path.isfile(f) and not os.path.islink(f)]


def files_that_hold(host, *needles):
    found = []
    for path in files_of(host):
        with open(path, "rb") as f:
            data = f.read()
        found += [path for n in needles if n in data]
    return found


def a_swarm_of_three_managers(lab):
    m, *others = lab.hosts

    m.client(lab.cli, "swarm", "init", "--advertise-addr", m.address).ok()
    token = m.shoal("swarm", "join-token", "-q", "worker").word()
    for h in others:
        h.client(lab.cli, "swarm", "join", "--token", token, m.address + ":2377").ok()
    m.client(lab.cli, "node", "promote", "node2", "node3").ok()
    until(10, lambda: sorted(statuses(m).values()) == ["", "", "Leader", "Reachable", "Reachable"])
    m.client(lab.cli, "secret", "create", "planted", "-", stdin=CANARY).ok()
    m.client(lab.cli, "service", "create", "-d", "--name", "web", "--replicas", "5", lab.busybox, "sleep", "1d").ok()
    until(30, lambda: len(m.tasks("web", "running")) == 5)
    assert not any(is_locked_on_disk(h) for h in lab.hosts)


def autolock_seals_the_keys_of_every_manager(lab):
    m, two, three, four, five = lab.hosts

    lab.key = key_in(m.client(lab.cli, "swarm", "update", "--autolock=true"))
    took = until(10, lambda: all(is_locked_on_disk(h) for h in (m, two, three)))
    measured("autolock turned on to the keys of three managers locked", took)
    assert not is_locked_on_disk(four) and not is_locked_on_disk(five)
    assert key_in(two.client(lab.cli, "swarm", "unlock-key")) == lab.key
    assert three.client(lab.cli, "swarm", "unlock-key", "-q").word() == lab.key
    # The journal has another key than the one that lay open.
    until(10, lambda: all("raft-dek-pending" not in key_file(h) for h in (m, two, three)))


def a_manager_that_restarts_is_locked_and_its_containers_run_on(lab):
    two = lab.hosts[1]
    running = two.container_pids()

    assert two.containers()
    two.stop()
    two.start()
    assert two.docker("info", "--format", "{{.Swarm.LocalNodeState}}").word() == "locked"
    two.client(lab.cli, "node", "ls").fails(LOCKED)
    two.client(lab.cli, "service", "ls").fails(LOCKED)
    two.client(lab.cli, "swarm", "unlock-key").fails(LOCKED)
    two.client(lab.cli, "swarm", "leave").fails("Swarm is encrypted and locked. Please unlock it first or use `--force`")
    two.client(lab.cli, "swarm", "init", "--force-new-cluster").fails(LOCKED)
    assert two.container_pids() == running
    assert len(two.containers()) == 1


def a_wrong_key_is_refused(lab):
    two = lab.hosts[1]
    wrong = "SWMKEY-1-" + base64.b64encode(b"x" * 32).decode().rstrip("=")

    assert two.api("POST", "/swarm/unlock", {"UnlockKey": wrong}) == \
        (401, {"message": "swarm could not be unlocked: invalid key provided"})
    assert two.api("POST", "/swarm/unlock", {"UnlockKey": "SWMKEY-1-x"}) == (400, {"message": "invalid key string"})
    two.client(lab.cli, "swarm", "unlock", stdin=wrong + "\n").fails("swarm could not be unlocked: invalid key provided")


def the_key_unlocks_it_and_it_goes_on(lab):
    m, two = lab.hosts[:2]

    answer = two.client(lab.cli, "swarm", "unlock", stdin=lab.key + "\n").ok()
    measured("swarm unlock", answer.took_s)
    until(10, lambda: two.shoal("node", "ls").rc == 0)
    until(10, lambda: statuses(m) == {"node1": "Leader", "node2": "Reachable", "node3": "Reachable", "node4": "", "node5": ""})
    assert two.api("POST", "/swarm/unlock", {"UnlockKey": lab.key}) == (409, {"message": "swarm is not locked"})
    until(30, lambda: len(m.tasks("web", "running")) == 5)


def a_new_key_replaces_the_old_one_on_every_manager(lab):
    m, two, three = lab.hosts[:3]
    before = {h.name: key_file(h) for h in (m, two, three)}

    new = two.client(lab.cli, "swarm", "unlock-key", "--rotate", "-q").word()
    assert new != lab.key
    until(10, lambda: all(key_file(h) != before[h.name] for h in (m, two, three)))
    three.stop()
    three.start()
    three.client(lab.cli, "swarm", "unlock", stdin=lab.key + "\n").fails("invalid key provided")
    three.client(lab.cli, "swarm", "unlock", stdin=new + "\n").ok()
    lab.key = new
    until(10, lambda: three.shoal("node", "ls").rc == 0)


def a_new_manager_locks_its_keys_before_it_has_a_log(lab):
    m, four = lab.hosts[0], lab.hosts[3]

    m.client(lab.cli, "node", "promote", "node4").ok()
    until(10, lambda: statuses(m).get("node4") == "Reachable")
    assert is_locked_on_disk(four)
    four.stop()
    four.start()
    four.shoal("node", "ls").fails(LOCKED)
    four.client(lab.cli, "swarm", "unlock", stdin=lab.key + "\n").ok()
    until(10, lambda: four.shoal("node", "ls").rc == 0)


def what_a_demoted_manager_held_is_gone(lab):
    m, four = lab.hosts[0], lab.hosts[3]

    m.client(lab.cli, "node", "demote", "node4").ok()
    until(15, lambda: not is_locked_on_disk(four) and "raft-dek" not in key_file(four))
    until(15, lambda: not glob.glob(four.data + "/journal/snapshots/*"))
    four.stop()
    four.start()
    four.shoal("node", "ls").fails("Worker nodes can't be used to view or modify cluster state.")
    until(15, lambda: m.nodes()["node4"]["Status"]["State"] == "ready")


def nothing_of_the_swarm_is_readable_on_a_managers_disk(lab):
    m = lab.hosts[0]
    token = m.shoal("swarm", "join-token", "-q", "manager").word()
    key = base64.b64decode(lab.key[len("SWMKEY-1-"):] + "=")

    for host in lab.hosts:
        found = files_that_hold(host, CANARY.encode(), base64.b64encode(CANARY.encode()), token.encode(), lab.key.encode(),
                                key, b"EC PRIVATE KEY")
        assert not found, found
    for host in lab.hosts[:3]:
        assert not files_that_hold(host, b"-----BEGIN PRIVATE KEY"), host.name


def the_whole_swarm_comes_back_from_locked_disks(lab):
    managers = lab.hosts[:3]

    for host in managers:
        host.kill()
    for host in managers:
        host.start()
    for host in managers:
        host.shoal("node", "ls").fails(LOCKED)
        host.client(lab.cli, "swarm", "unlock", stdin=lab.key + "\n").ok()
    until(15, lambda: all(h.shoal("node", "ls").rc == 0 for h in managers))
    assert lab.hosts[0].client(lab.cli, "secret", "ls", "--format", "{{.Name}}").word() == "planted"
    until(30, lambda: len(lab.hosts[0].tasks("web", "running")) == 5)


def autolock_turned_off_opens_the_keys(lab):
    managers = lab.hosts[:3]

    managers[0].client(lab.cli, "swarm", "update", "--autolock=false").ok()
    until(10, lambda: not any(is_locked_on_disk(h) for h in managers))
    assert managers[1].api("GET", "/swarm/unlockkey") == (200, {"UnlockKey": ""})
    managers[1].stop()
    managers[1].start()
    until(10, lambda: managers[1].shoal("node", "ls").rc == 0)


def a_swarm_can_be_locked_from_its_beginning(lab):
    five = lab.hosts[4]

    five.shoal("swarm", "leave").ok()
    key = key_in(five.client(lab.cli, "swarm", "init", "--autolock", "--advertise-addr", five.address))
    assert is_locked_on_disk(five)
    five.kill()
    five.start()
    five.shoal("node", "ls").fails(LOCKED)
    five.client(lab.cli, "swarm", "unlock", stdin=key + "\n").ok()
    assert statuses(five) == {"node5": "Leader"}
    five.stop()
    five.start()
    five.client(lab.cli, "swarm", "leave", "--force").ok()
    assert not glob.glob(five.data + "/swarm/certificates/*")
    five.client(lab.cli, "swarm", "init", "--advertise-addr", five.address).ok()


tests = [a_swarm_of_three_managers, autolock_seals_the_keys_of_every_manager, a_manager_that_restarts_is_locked_and_its_containers_run_on,
         a_wrong_key_is_refused, the_key_unlocks_it_and_it_goes_on, a_new_key_replaces_the_old_one_on_every_manager,
         a_new_manager_locks_its_keys_before_it_has_a_log, what_a_demoted_manager_held_is_gone,
         nothing_of_the_swarm_is_readable_on_a_managers_disk, the_whole_swarm_comes_back_from_locked_disks,
         autolock_turned_off_opens_the_keys, a_swarm_can_be_locked_from_its_beginning]

if __name__ == "__main__":
    sys.exit(run_tests(prepare, tests))
