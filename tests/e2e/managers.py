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
    """Hostname to MANAGER STATUS, as `node ls` on this host has it; nothing while it does not say."""
    answer = host.shoal("node", "ls")
    return {r["HOSTNAME"]: r["MANAGER STATUS"] for r in answer.rows()} if answer.rc == 0 else {}


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


class Writer(threading.Thread):
    """Creates configs through one manager, one after the other, and remembers what it was told."""

    def __init__(self, host, tag, stopped):
        super().__init__(daemon=True)
        self.host, self.tag, self.stopped = host, tag, stopped
        self.acknowledged, self.refused, self.unknown, self.times = set(), set(), set(), []

    def create(self, name):
        connection = UnixConnection(self.host.socket)
        try:
            connection.request("POST", "/configs/create", json.dumps({"Name": name, "Data": "eA=="}),
                               {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read().decode()
            return answer.status, text
        finally:
            connection.close()

    def run(self):
        number = 0
        while not self.stopped.is_set():
            name = f"{self.tag}-{number}"
            number += 1
            try:
                status, text = self.create(name)
            except (OSError, http.client.HTTPException):
                self.unknown.add(name)  # this manager was killed while it had the request, or is down
                time.sleep(0.02)
                continue
            if status == 201:
                self.acknowledged.add(name)
                self.times.append(time.monotonic())
            elif "may or may not" in text:
                self.unknown.add(name)
            else:
                self.refused.add(name)


def a_killed_leader_is_followed_at_once(lab):
    stopped = threading.Event()
    managers = lab.hosts[:3]
    writers = [Writer(host, f"{host.name}w{i}", stopped) for host in managers for i in range(2)]
    gaps, backs = [], []

    for w in writers:
        w.start()
    for _ in range(KILLS):
        leader = leader_of(lab)
        time.sleep(0.5)
        others = [w for w in writers if w.host is not leader]
        before = [len(w.times) for w in others]
        leader.kill()
        killed = time.monotonic()
        until(15, lambda: any(len(w.times) > b and w.times[-1] > killed for w, b in zip(others, before)), every_s=0.002)
        gaps.append(min(t for w in others for t in w.times if t > killed) - killed)
        leader.start(wait=False)
        until(20, lambda: leader.shoal("node", "ls").rc == 0)
        backs.append(time.monotonic() - killed)
        until(10, lambda: sorted(statuses(leader).values()) == ["", "Leader", "Reachable", "Reachable"])
    time.sleep(0.5)
    stopped.set()
    for w in writers:
        w.join(30)

    gaps.sort()
    measured(f"{KILLS} kills: leader killed to the next acknowledged write, median", gaps[len(gaps) // 2])
    measured("the longest", gaps[-1])
    measured("the killed one asked again, the longest", max(backs))
    acknowledged = set().union(*(w.acknowledged for w in writers))
    refused = set().union(*(w.refused for w in writers))
    unknown = set().union(*(w.unknown for w in writers))
    print(f"measured: {len(acknowledged)} writes acknowledged, {len(refused)} refused, {len(unknown)} of unknown outcome", flush=True)
    for host in managers:
        names = [c["Spec"]["Name"] for c in host.api("GET", "/configs")[1]]
        assert len(names) == len(set(names)), "a write was applied twice"
        assert not acknowledged - set(names), f"{host.name} lost {sorted(acknowledged - set(names))[:5]}"
        assert not refused & set(names), f"{host.name} has refused {sorted(refused & set(names))[:5]}"
    assert gaps[-1] < 3, gaps
    assert gaps[len(gaps) // 2] < 1, gaps


def tasks_go_on_while_managers_die(lab):
    until(30, lambda: len(lab.hosts[0].tasks("web", "running")) == 6)
    assert all(h.process.poll() is None for h in lab.hosts)


def a_worker_joins_as_a_manager_by_token(lab):
    m, four = lab.hosts[0], lab.hosts[3]

    four.shoal("swarm", "leave").ok()
    until(15, lambda: m.nodes()["node4"]["Status"]["State"] == "down")
    m.shoal("node", "rm", "node4").ok()
    token = m.shoal("swarm", "join-token", "-q", "manager").word()
    answer = four.shoal("swarm", "join", "--token", token, lab.hosts[1].address + ":2377")
    assert answer.word() == "This node joined a swarm as a manager.", answer
    measured("swarm join as a manager", answer.took_s)
    until(5, lambda: statuses(four).get("node4") == "Reachable")


def refusals_protect_the_quorum(lab):
    m = lab.hosts[0]

    m.shoal("swarm", "leave").fails("You are attempting to leave the swarm on a node that is participating as a manager.",
                                    "Use `--force` to suppress this message.")
    m.shoal("node", "rm", "node2").fails("is a cluster manager and is a member of the raft cluster. It must be demoted to "
                                         "worker before removal")
    lab.hosts[1].kill()
    until(15, lambda: statuses(m).get("node2") == "Unreachable")
    lab.hosts[2].kill()
    m.shoal("node", "ls").fails("The swarm does not have a leader.", "2 of 4 can be reached from here; missing:", "node2", "node3")
    m.shoal("config", "create", "late", "-", stdin="x").fails("The swarm does not have a leader.")
    for host in lab.hosts[1:3]:
        host.start()
    until(15, lambda: sorted(statuses(m).values()) == ["Leader", "Reachable", "Reachable", "Reachable"])


def anybody_is_demoted_the_leader_too(lab):
    leader = leader_of(lab)
    others = [h for h in lab.hosts if h is not leader]

    answer = others[0].client(lab.clients()[-1], "node", "demote", leader.name)
    assert answer.lines() == [f"Manager {leader.name} demoted in the swarm."], answer
    took = until(10, lambda: statuses(others[0]).get(leader.name) == "" and sorted(statuses(others[0]).values()) ==
                 ["", "Leader", "Reachable", "Reachable"])
    measured("the leader demoted to another leads without it", took)
    until(10, lambda: leader.shoal("node", "ls").rc != 0)
    leader.shoal("node", "ls").fails("Worker nodes can't be used to view or modify cluster state.")
    others[0].shoal("service", "scale", "web=8").ok()

    leader.stop()
    leader.start()
    leader.shoal("node", "ls").fails("Worker nodes can't be used to view or modify cluster state.")
    others[1].shoal("node", "promote", leader.name).ok()
    until(10, lambda: statuses(others[0]).get(leader.name) == "Reachable")
    others[0].shoal("node", "demote", leader.name).ok()


def one_survivor_goes_on_alone(lab):
    managers = [h for h in lab.hosts if statuses(leader_of(lab)).get(h.name)]
    survivor, *dead = managers
    until(60, lambda: len(survivor.tasks("web", "running")) == 8)
    running = {t["ID"]: t["Status"]["ContainerStatus"]["ContainerID"] for t in survivor.tasks("web") if t["NodeID"] in
               {n["ID"] for name, n in survivor.nodes().items() if name not in [d.name for d in dead]}}
    for host in dead:
        host.kill()
    survivor.shoal("service", "ls").fails("The swarm does not have a leader.")

    answer = survivor.client(lab.clients()[-1], "swarm", "init", "--force-new-cluster", "--advertise-addr", survivor.address)
    answer.ok()
    measured("force-new-cluster", answer.took_s)

    assert statuses(survivor)[survivor.name] == "Leader"
    survivor.shoal("service", "create", "--name", "after", lab.busybox, "sleep", "1d").ok()
    now = {t["ID"]: t["Status"].get("ContainerStatus", {}).get("ContainerID") for t in survivor.tasks("web")}
    assert {i: c for i, c in now.items() if i in running} == running, (running, now)
    for host in dead:
        host.start()
    until(20, lambda: sorted(statuses(survivor).values()) == ["", "Leader", "Reachable", "Reachable"])


def tokens_are_rotated_on_any_manager(lab):
    leader = leader_of(lab)
    follower = next(h for h in lab.hosts if statuses(leader).get(h.name) == "Reachable")
    worker = next(h for h in lab.hosts if not statuses(leader).get(h.name))

    old = follower.shoal("swarm", "join-token", "-q", "worker").word()
    new = follower.shoal("swarm", "join-token", "--rotate", "-q", "worker").word()
    assert new != old and leader.shoal("swarm", "join-token", "-q", "worker").word() == new
    worker.shoal("swarm", "leave").ok()
    worker.shoal("swarm", "join", "--token", old, leader.address + ":2377").fails(
        "A valid join token is necessary to join this cluster")
    worker.shoal("swarm", "join", "--token", new, follower.address + ":2377").ok()


def settings_take_effect(lab):
    leader = leader_of(lab)
    follower = next(h for h in lab.hosts if statuses(leader).get(h.name) == "Reachable")
    stale = follower.api("GET", "/swarm")[1]

    follower.client(lab.clients()[-1], "swarm", "update", "--snapshot-interval", "20", "--max-snapshots", "2",
                    "--task-history-limit", "3", "--dispatcher-heartbeat", "2s", "--cert-expiry", "1000h").ok()
    spec = leader.api("GET", "/swarm")[1]["Spec"]
    assert (spec["Raft"]["SnapshotInterval"], spec["Raft"]["KeepOldSnapshots"]) == (20, 2), spec
    assert spec["Orchestration"]["TaskHistoryRetentionLimit"] == 3 and spec["Dispatcher"]["HeartbeatPeriod"] == 2 * 10 ** 9, spec
    assert spec["CAConfig"]["NodeCertExpiry"] == 1000 * 3600 * 10 ** 9, spec
    status, refusal = follower.api("POST", f"/swarm/update?version={stale['Version']['Index']}", stale["Spec"])
    assert status == 500 and refusal["message"].endswith("update out of sequence"), refusal
    for i in range(100):
        leader.api("POST", "/configs/create", {"Name": f"set-{i}", "Data": "eA=="})
    for host in (leader, follower):
        until(10, lambda: len(os.listdir(host.data + "/journal/snapshots")) == 3)
    status, refusal = leader.api("GET", "/swarm")
    refusal["Spec"]["CAConfig"]["NodeCertExpiry"] = 60 * 10 ** 9
    status, refusal = leader.api("POST", f"/swarm/update?version={refusal['Version']['Index']}", refusal["Spec"])
    assert status == 400 and "minimum certificate expiry time is: 1h0m0s" in refusal["message"], refusal
    leader.shoal("swarm", "update", "--snapshot-interval", "10000", "--max-snapshots", "0").ok()


tests = [workers_are_promoted, every_manager_answers, a_killed_leader_is_followed_at_once, tasks_go_on_while_managers_die,
         a_worker_joins_as_a_manager_by_token, refusals_protect_the_quorum, anybody_is_demoted_the_leader_too, one_survivor_goes_on_alone,
         tokens_are_rotated_on_any_manager, settings_take_effect]

if __name__ == "__main__":
    sys.exit(run_tests(prepare, tests))
