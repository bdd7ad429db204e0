#!/usr/bin/env python3
"""The root of the cluster's trust: replaced under load, by one's own, with nodes away, given up.

Three managers and two workers; the stock docker CLI does what users do, where it is there."""
import json
import subprocess
import sys
import threading
import time

from lab import measured, run_tests, until


def prepare(lab):
    lab.busybox = lab.push_busybox()
    for _ in range(5):
        lab.host().start()
    lab.cli = lab.clients()[-1]


def statuses(host):
    return {r["HOSTNAME"]: r["MANAGER STATUS"] for r in host.shoal("node", "ls").rows()}


def root_of(host):
    return host.client(host.lab.cli, "swarm", "ca").word()


def swarm(host):
    status, answer = host.api("GET", "/swarm")
    assert status == 200, answer
    return answer


def is_rotating(host):
    return swarm(host)["RootRotationInProgress"]


def trust_of(host):
    """Hostname to the root that the node says it believes in."""
    return {name: n["Description"]["TLSInfo"]["TrustRoot"].strip() for name, n in host.nodes().items()}


def containers(lab):
    return {h.name: h.containers() for h in lab.hosts}


class Watch(threading.Thread):
    """Looks at the swarm all the time, and remembers what should not have been."""

    def __init__(self, host):
        super().__init__(daemon=True)
        self.host, self.stopped, self.wrong, self.looks = host, threading.Event(), [], 0

    def run(self):
        while not self.stopped.is_set():
            for name, node in self.host.nodes().items():
                if node["Status"]["State"] != "ready":
                    self.wrong.append(f"{name} is {node['Status']['State']}")
            self.looks += 1
            time.sleep(0.05)

    def end(self):
        self.stopped.set()
        self.join(10)
        assert not self.wrong, self.wrong
        assert self.looks > 5


def a_swarm_of_three_managers(lab):
    m, *others = lab.hosts

    m.client(lab.cli, "swarm", "init", "--advertise-addr", m.address).ok()
    lab.token = m.shoal("swarm", "join-token", "-q", "worker").word()
    for h in others:
        h.client(lab.cli, "swarm", "join", "--token", lab.token, m.address + ":2377").ok()
    m.client(lab.cli, "node", "promote", "node2", "node3").ok()
    until(10, lambda: sorted(statuses(m).values()) == ["", "", "Leader", "Reachable", "Reachable"])
    m.client(lab.cli, "service", "create", "-d", "--name", "web", "--replicas", "5", lab.busybox, "sleep", "1d").ok()
    until(30, lambda: len(m.tasks("web", "running")) == 5)
    assert root_of(m).startswith("-----BEGIN CERTIFICATE-----")


def the_root_is_replaced_and_nothing_else_notices(lab):
    m, two = lab.hosts[:2]
    old, before = root_of(m), containers(lab)
    watch = Watch(m)

    watch.start()
    answer = two.client(lab.cli, "swarm", "ca", "--rotate").ok()
    measured("swarm ca --rotate of five nodes", answer.took_s)
    watch.end()
    new = root_of(m)
    assert new != old and new in answer.out, answer
    if lab.cli == "docker":
        assert "desired root digest: sha256:" in answer.out and "rotated TLS certificates:" in answer.out, answer
    assert not is_rotating(m)
    until(10, lambda: set(trust_of(m).values()) == {new})
    assert containers(lab) == before
    assert sorted(statuses(m).values()) == ["", "", "Leader", "Reachable", "Reachable"]
    for host in lab.hosts:
        with open(host.data + "/swarm/certificates/swarm-root-ca.crt") as f:
            assert f.read().strip() == new, host.name


def tokens_are_new_with_the_root(lab):
    m, five = lab.hosts[0], lab.hosts[4]
    token = m.shoal("swarm", "join-token", "-q", "worker").word()

    assert token != lab.token
    five.shoal("swarm", "leave").ok()
    five.shoal("swarm", "join", "--token", lab.token, m.address + ":2377").fails("remote CA does not match fingerprint")
    five.client(lab.cli, "swarm", "join", "--token", token, m.address + ":2377").ok()
    until(15, lambda: len([n for n in m.api("GET", "/nodes")[1] if n["Status"]["State"] == "down"]) == 1)
    down, = [n["ID"] for n in m.api("GET", "/nodes")[1] if n["Status"]["State"] == "down"]
    m.shoal("node", "rm", down).ok()
    lab.token = token


def managers_and_workers_restart_with_what_they_have(lab):
    for host in lab.hosts:
        host.stop()
        host.start()
    until(20, lambda: all(h.shoal("node", "ls").rc == 0 for h in lab.hosts[:3]))
    until(20, lambda: {n["Status"]["State"] for n in lab.hosts[0].nodes().values()} == {"ready"})


def a_node_that_was_away_holds_it_up_and_comes_back(lab):
    m, three, four = lab.hosts[0], lab.hosts[2], lab.hosts[3]
    old = root_of(m)

    four.kill()
    three.kill()
    m.client(lab.cli, "swarm", "ca", "--rotate", "-d").ok()
    time.sleep(2)
    assert is_rotating(m) and root_of(m) == old
    joined = lab.hosts[4]
    joined.shoal("swarm", "leave").ok()
    joined.client(lab.cli, "swarm", "join", "--token", lab.token, m.address + ":2377").ok()
    down = [n["ID"] for n in m.api("GET", "/nodes")[1] if n["Description"]["Hostname"] == "node5"]
    until(15, lambda: any(m.shoal("node", "rm", n).rc == 0 for n in down))
    three.start()
    time.sleep(1)
    assert is_rotating(m)
    four.start()
    took = until(30, lambda: not is_rotating(m))
    measured("the last node back to the root replaced", took)
    assert root_of(m) != old
    until(10, lambda: set(trust_of(m).values()) == {root_of(m)})
    until(20, lambda: sorted(statuses(m).values()) == ["", "", "Leader", "Reachable", "Reachable"])


def a_leader_that_dies_in_the_middle_is_followed(lab):
    m = lab.hosts[0]
    name = next(n for n, s in statuses(m).items() if s == "Leader")
    leader = next(h for h in lab.hosts if h.name == name)
    other = next(h for h in lab.hosts[:3] if h is not leader)
    old = root_of(other)

    other.client(lab.cli, "swarm", "ca", "--rotate", "-d").ok()
    leader.kill()
    time.sleep(1)
    leader.start()
    until(40, lambda: not is_rotating(other))
    assert root_of(other) != old
    until(20, lambda: set(trust_of(other).values()) == {root_of(other)})


def make_root(lab, name, *more):
    path = f"{lab.root}/{name}"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650",
                    "-subj", f"/CN={name}", "-keyout", path + ".key", "-out", path + ".crt", *more], check=True,
                   capture_output=True)
    return path + ".crt", path + ".key"


def ones_own_root_is_taken(lab):
    m = lab.hosts[0]
    cert, key = make_root(lab, "ours")
    other_cert, other_key = make_root(lab, "theirs")

    m.client(lab.cli, "swarm", "ca", "--rotate", "--ca-cert", cert, "--ca-key", other_key).fails("key")
    now = swarm(m)
    with open(cert) as f:
        now["Spec"]["CAConfig"]["SigningCACert"] = f.read()
    status, answer = m.api("POST", f"/swarm/update?version={now['Version']['Index']}", now["Spec"])
    assert status == 400 and "there must be at least one valid, reachable external CA corresponding to the desired CA certificate" \
        in answer["message"], answer
    assert not is_rotating(m)
    m.client(lab.cli, "swarm", "ca", "--rotate", "--quiet", "--ca-cert", cert, "--ca-key", key).ok()
    with open(cert) as f:
        assert root_of(m) == f.read().strip()
    spec = swarm(m)["Spec"]["CAConfig"]
    assert "SigningCAKey" not in spec and "SigningCACert" not in spec, spec


def a_rotation_is_given_up_by_asking_for_the_present_root(lab):
    m, four = lab.hosts[0], lab.hosts[3]
    old = root_of(m)

    four.kill()
    m.client(lab.cli, "swarm", "ca", "--rotate", "-d").ok()
    assert is_rotating(m)
    now = swarm(m)
    now["Spec"]["CAConfig"]["SigningCACert"] = old + "\n"
    assert m.api("POST", f"/swarm/update?version={now['Version']['Index']}", now["Spec"])[0] == 200
    assert not is_rotating(m) and root_of(m) == old
    four.start()
    until(20, lambda: {n["Status"]["State"] for n in m.nodes().values()} == {"ready"})


def another_rotation_takes_the_place_of_one(lab):
    m, four = lab.hosts[0], lab.hosts[3]
    cert, key = make_root(lab, "second")

    four.kill()
    m.client(lab.cli, "swarm", "ca", "--rotate", "-d").ok()
    m.client(lab.cli, "swarm", "ca", "--rotate", "-d", "--ca-cert", cert, "--ca-key", key).ok()
    assert is_rotating(m)
    four.start()
    until(30, lambda: not is_rotating(m))
    with open(cert) as f:
        assert root_of(m) == f.read().strip()
    until(10, lambda: set(trust_of(m).values()) == {root_of(m)})
    until(20, lambda: {n["Status"]["State"] for n in m.nodes().values()} == {"ready"})


def how_long_certificates_are_valid_is_set_with_it(lab):
    m = lab.hosts[0]

    m.client(lab.cli, "swarm", "ca", "--rotate", "--quiet", "--cert-expiry", "48h").ok()
    for host in lab.hosts:
        done = subprocess.run(["openssl", "x509", "-noout", "-checkend", str(49 * 3600), "-in",
                               host.data + "/swarm/certificates/swarm-node.crt"], capture_output=True)
        assert done.returncode == 1, host.name
    m.client(lab.cli, "swarm", "update", "--cert-expiry", "30m").fails("minimum certificate expiry time is: 1h0m0s")


def tasks_have_run_on_all_the_time(lab):
    until(30, lambda: len(lab.hosts[0].tasks("web", "running")) == 5)
    assert not json.loads(lab.hosts[0].shoal("service", "inspect", "web").ok().out)[0].get("UpdateStatus")


tests = [a_swarm_of_three_managers, the_root_is_replaced_and_nothing_else_notices, tokens_are_new_with_the_root,
         managers_and_workers_restart_with_what_they_have, a_node_that_was_away_holds_it_up_and_comes_back,
         a_leader_that_dies_in_the_middle_is_followed, ones_own_root_is_taken, a_rotation_is_given_up_by_asking_for_the_present_root,
         another_rotation_takes_the_place_of_one, how_long_certificates_are_valid_is_set_with_it, tasks_have_run_on_all_the_time]

if __name__ == "__main__":
    sys.exit(run_tests(prepare, tests))
