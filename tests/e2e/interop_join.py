#!/usr/bin/env python3
"""A shoal node as worker of a stock manager: m is the manager and s a worker, both stock; w is ours.

Each node has its share of a service of three tasks, and w that of a service whose constraint names it."""
import json
import statistics
import sys
import time
from datetime import datetime

import stock
import stock_programs
from lab import command_of, measured, run_tests, until
from mixed import agree, clear, containers, placed, running, service, task_states, tasks

HERE = ("--constraint", "node.hostname==w", "--stop-grace-period", "1s")
STATES = ["new", "allocated", "pending", "assigned", "accepted", "preparing", "ready", "starting", "running", "complete",
          "shutdown", "failed", "rejected"]


def prepare(lab):
    lab.stock = stock_programs.find(lab.cache)
    lab.busybox = lab.push_busybox()
    lab.newer = lab.push_busybox("busybox:newer")
    lab.m = stock.stock_host(lab, "m").start()
    lab.s = stock.stock_host(lab, "s").start()
    lab.w = lab.host("w", ["--label=kind=shoal"]).start()
    lab.m.docker("swarm", "init", "--advertise-addr", lab.m.address).ok()
    lab.token = lab.m.docker("swarm", "join-token", "-q", "worker").word()
    lab.s.docker("swarm", "join", "--token", lab.token, lab.m.address + ":2377").ok()


def node(lab):
    return lab.m.nodes().get("w", {"Status": {"State": "not there"}})


def is_ready(lab):
    return node(lab)["Status"]["State"] == "ready"


def rotation(lab):
    return json.loads(lab.m.docker("info", "--format", "{{json .Swarm.Cluster.RootRotationInProgress}}").word())


def a_wrong_token_is_refused(lab):
    other = "SWMTKN-1-" + "0" * 49 + "1" + lab.token[-26:]
    lab.w.shoal("swarm", "join", "--token", other, lab.m.address + ":2377").fails("remote CA does not match fingerprint")
    lab.w.shoal("swarm", "join", "--token", lab.token[:-4] + "aaaa", lab.m.address + ":2377").fails(
        "A valid join token is necessary to join this cluster")


def our_node_joins(lab):
    answer = lab.w.shoal("swarm", "join", "--token", lab.token, lab.m.address + ":2377")
    assert answer.word() == "This node joined a swarm as a worker.", answer
    measured("swarm join of a stock manager", answer.took_s)

    until(5, lambda: is_ready(lab))
    said = node(lab)["Description"]
    row = {r["HOSTNAME"]: r for r in lab.m.docker("node", "ls").rows()}["w"]
    assert (row["STATUS"], row["AVAILABILITY"], row["MANAGER STATUS"]) == ("Ready", "Active", ""), row
    assert row["ENGINE VERSION"] == lab.w.api("GET", "/version")[1]["Version"], row
    theirs = lab.m.nodes()["s"]["Description"]
    assert said["Platform"] == theirs["Platform"] and said["Resources"] == theirs["Resources"], (said, theirs)
    assert said["TLSInfo"] == theirs["TLSInfo"] and said["Engine"]["Labels"] == {"kind": "shoal"}, said
    plugins = [(p["Type"], p["Name"]) for p in said["Engine"]["Plugins"]]
    assert ("Network", "overlay") not in plugins and ("Network", "bridge") in plugins, plugins
    info = lab.w.api("GET", "/info")[1]["Swarm"]
    assert info["LocalNodeState"] == "active" and info["NodeID"] == node(lab)["ID"], info
    assert [m["Addr"] for m in info["RemoteManagers"]] == [lab.m.address + ":2377"], info


def replicated_and_global_services_run_on_it(lab):
    clear(lab)
    service(lab, "web", "--replicas", "6", "--stop-grace-period", "1s")
    service(lab, "all", "--mode", "global", "--stop-grace-period", "1s")

    assert sorted(placed(lab, "web")) == ["m", "m", "s", "s", "w", "w"], placed(lab, "web")
    assert sorted(placed(lab, "all")) == ["m", "s", "w"]
    agree(lab)


def all_states_come_in_order(lab):
    clear(lab)
    seen = {}
    service(lab, "web", "--replicas", "4", *HERE, waits=False)
    while len(running(lab, "web")) < 4:
        for t in tasks(lab.m, service="web"):
            states = seen.setdefault(t["ID"], [])
            if t["Status"]["State"] not in states:
                states.append(t["Status"]["State"])

    for states in seen.values():
        assert [STATES.index(s) for s in states] == sorted(STATES.index(s) for s in states), seen
    task = running(lab, "web")[0]
    status = task["Status"]
    assert status["Message"] == "started" and status["ContainerStatus"]["PID"] > 0, task
    assert status["ContainerStatus"]["ContainerID"] in [c["Id"] for c in containers(lab.w)], task
    agree(lab)


def scale_update_and_rollback(lab):
    clear(lab)
    service(lab, "web", "--replicas", "3", "--stop-grace-period", "1s")
    lab.m.docker("service", "scale", "--detach", "web=9").ok()
    until(30, lambda: len(running(lab, "web")) == 9)
    lab.m.docker("service", "scale", "--detach", "web=3").ok()
    until(30, lambda: sorted(placed(lab, "web")) == ["m", "s", "w"])
    agree(lab)
    until(10, lambda: len(containers(lab.w, everything=True)) == 1)

    for order in ("stop-first", "start-first"):
        lab.m.docker("service", "update", "--detach", "--image", lab.newer, "--update-order", order,
                     "--update-parallelism", "3", "--update-monitor", "1s", "--rollback-monitor", "1s",
                     "--rollback-parallelism", "3", "web").ok()
        until(60, lambda: lab.m.api("GET", "/services/web")[1].get("UpdateStatus", {}).get("State") == "completed")
        assert all(t["Spec"]["ContainerSpec"]["Image"].startswith(lab.newer) for t in running(lab, "web"))
        lab.m.docker("service", "rollback", "--detach", "web").ok()
        until(60, lambda: lab.m.api("GET", "/services/web")[1].get("UpdateStatus", {}).get("State") == "rollback_completed")
        agree(lab)


def failures_are_told_in_the_stock_words(lab):
    clear(lab)
    service(lab, "three", *HERE, "--restart-condition", "none", command=["sh", "-c", "exit 3"], waits=False)
    service(lab, "once", *HERE, "--restart-condition", "none", command=["true"], waits=False)
    service(lab, "odd", *HERE, "--restart-condition", "none", command=["no-such-program"], waits=False)
    lab.m.docker("service", "create", "--detach", "--name", "none", *HERE, "--no-resolve-image", "--restart-condition",
                 "none", lab.busybox + "-not-there", "true").ok()
    service(lab, "flaky", *HERE, "--restart-delay", "500ms", command=["false"], waits=False)

    until(20, lambda: task_states(lab, "three", "failed"))
    task, = task_states(lab, "three")
    assert task["Status"]["Err"] == "task: non-zero exit (3)", task
    assert task["Status"]["ContainerStatus"]["ExitCode"] == 3, task
    until(20, lambda: task_states(lab, "once", "complete"))
    assert task_states(lab, "once")[0]["Status"]["Message"] == "finished"
    until(20, lambda: task_states(lab, "odd", "failed"))
    assert "no-such-program" in task_states(lab, "odd")[0]["Status"]["Err"], task_states(lab, "odd")
    until(20, lambda: task_states(lab, "none", "rejected"))
    assert "No such image: " in task_states(lab, "none")[0]["Status"]["Err"], task_states(lab, "none")
    until(20, lambda: len(task_states(lab, "flaky", "failed")) >= 3)


def drain_pause_and_constraints(lab):
    clear(lab)
    service(lab, "web", "--replicas", "3", "--stop-grace-period", "1s")
    lab.m.docker("node", "update", "--availability", "drain", "w").ok()
    until(30, lambda: len(running(lab, "web")) == 3 and "w" not in placed(lab, "web"))
    until(10, lambda: not containers(lab.w))
    lab.m.docker("node", "update", "--availability", "pause", "w").ok()
    lab.m.docker("service", "scale", "--detach", "web=6").ok()
    until(30, lambda: len(running(lab, "web")) == 6)
    assert "w" not in placed(lab, "web")
    lab.m.docker("node", "update", "--availability", "active", "--label-add", "zone=a", "w").ok()
    for constraint in ("engine.labels.kind==shoal", "node.labels.zone==a", "node.hostname==w"):
        service(lab, "there", "--mode", "global", "--constraint", constraint, "--stop-grace-period", "1s")
        assert placed(lab, "there") == ["w"], constraint
        lab.m.docker("service", "rm", "there").ok()
    agree(lab)


def secrets_and_configs_are_files_in_memory(lab):
    clear(lab)
    lab.m.docker("secret", "create", "word", "-", stdin="open sesame").ok()
    lab.m.docker("config", "create", "motd", "-", stdin="welcome").ok()
    service(lab, "keeper", *HERE, "--secret", "source=word,target=pass,mode=0400", "--config",
            "source=motd,target=/etc/motd,mode=0440")

    name = containers(lab.w)[0]["Names"][0][1:]
    said = lab.w.shoal("exec", name, "sh", "-c", "cat /run/secrets/pass; echo; stat -c %a /run/secrets/pass; cat /etc/motd; "
                       "echo; stat -c %a /etc/motd; grep /run/secrets /proc/mounts | cut -d' ' -f3 | sort -u")
    assert said.lines() == ["open sesame", "400", "welcome", "440", "tmpfs"], said
    for path in (lab.w.data, lab.w.exec):
        found = lab.w.run("grep", "-rlF", "--exclude-dir=secrets", "open sesame", path).out
        assert not [f for f in found.splitlines() if on_disk(f)], found
    clear(lab)
    lab.m.docker("secret", "rm", "word").ok()
    lab.m.docker("config", "rm", "motd").ok()


def on_disk(path):
    with open("/proc/self/mountinfo") as f:
        mounts = [(line.split()[4], line.split(" - ")[1].split()[0]) for line in f]
    return max((m for m in mounts if path.startswith(m[0])), key=lambda m: len(m[0]))[1] != "tmpfs"


def ports_limits_and_health(lab):
    clear(lab)
    service(lab, "page", *HERE, "--publish", "mode=host,target=80,published=8082", "--limit-memory", "64m",
            "--health-cmd", "test ! -e /ill", "--health-interval", "1s", "--health-retries", "1", "--restart-delay", "1s",
            command=["sh", "-c", "echo here > /index.html; exec httpd -f -p 80"])

    assert lab.m.fetch(lab.w.address, 8082) == "here\n"
    ports = running(lab, "page")[0]["Status"]["PortStatus"]["Ports"]
    assert [(p["TargetPort"], p["PublishedPort"], p["PublishMode"]) for p in ports] == [(80, 8082, "host")], ports
    one = lab.w.api("GET", f"/containers/{containers(lab.w)[0]['Id']}/json")[1]
    assert one["HostConfig"]["Memory"] == 64 << 20, one["HostConfig"]
    lab.w.shoal("exec", one["Id"], "touch", "/ill").ok()
    until(30, lambda: task_states(lab, "page", "failed"))
    assert "unhealthy container" in task_states(lab, "page", "failed")[0]["Status"]["Err"]
    until(30, lambda: len(running(lab, "page")) == 1)


def what_needs_an_overlay_stays_away(lab):
    clear(lab)
    lab.m.docker("network", "create", "--driver", "overlay", "wide").ok()
    service(lab, "wide", "--network", "wide", *HERE, waits=False)
    service(lab, "mesh", "--publish", "8083:80", *HERE, waits=False)

    for name in ("wide", "mesh"):
        until(20, lambda: "missing plugin on 1 node" in task_states(lab, name)[0]["Status"].get("Err", ""))
    assert not containers(lab.w)
    clear(lab)
    until(20, lambda: lab.m.docker("network", "rm", "wide").rc == 0)


def a_certificate_is_renewed_when_the_root_rotates(lab):
    clear(lab)
    service(lab, "web", "--replicas", "3", "--stop-grace-period", "1s")
    before, ran = node(lab)["Description"]["TLSInfo"], sorted(t["ID"] for t in running(lab, "web"))

    lab.m.docker("swarm", "ca", "--rotate", "--detach").ok()
    took = until(60, lambda: not rotation(lab), every_s=0.2)
    measured("rotation of the root of a stock swarm with a node of ours", took)
    until(20, lambda: is_ready(lab) and node(lab)["Description"]["TLSInfo"]["TrustRoot"] != before["TrustRoot"])
    assert node(lab)["Description"]["TLSInfo"] == lab.m.nodes()["s"]["Description"]["TLSInfo"]
    assert sorted(t["ID"] for t in running(lab, "web")) == ran
    assert "the certificate is renewed" in lab.w.log()
    agree(lab)

    # What is on disk is good for the next life.
    lab.w.stop()
    lab.w.start()
    until(20, lambda: is_ready(lab))
    agree(lab)


def our_daemon_restarts_and_reports_again(lab):
    clear(lab)
    service(lab, "web", "--replicas", "3", *HERE)
    ids, before = sorted(t["ID"] for t in running(lab, "web")), sorted(c["Id"] for c in containers(lab.w))

    for end in (lab.w.stop, lab.w.kill):
        end()
        lab.w.start()
        until(20, lambda: is_ready(lab) and len(running(lab, "web")) == 3)
        assert sorted(c["Id"] for c in containers(lab.w)) == before
        agree(lab)
    assert sorted(t["ID"] for t in running(lab, "web")) == ids, "tasks were replaced"

    # What ended meanwhile is told.
    victim = containers(lab.w)[0]
    pid = lab.w.api("GET", f"/containers/{victim['Id']}/json")[1]["State"]["Pid"]
    lab.w.kill()
    lab.w.run("kill", "-9", str(pid))
    lab.w.start()
    until(20, lambda: [t for t in task_states(lab, "web", "failed")
                       if t["ID"] == victim["Labels"]["com.docker.swarm.task.id"]])
    until(20, lambda: len(running(lab, "web")) == 3)
    agree(lab)


def silence_and_return(lab):
    clear(lab)
    service(lab, "web", "--replicas", "3", "--stop-grace-period", "1s")

    lab.w.pause()
    until(60, lambda: node(lab)["Status"]["State"] == "down", every_s=0.3)
    until(30, lambda: len(running(lab, "web")) == 3 and "w" not in placed(lab, "web"))
    lab.w.resume()
    took = until(30, lambda: is_ready(lab))
    measured("SIGCONT to ready in a stock swarm", took)
    until(20, lambda: not containers(lab.w))
    agree(lab)
    lab.m.docker("service", "update", "--force", "--detach", "web").ok()
    until(60, lambda: lab.m.api("GET", "/services/web")[1].get("UpdateStatus", {}).get("State") == "completed")
    lab.w.cut()
    until(60, lambda: node(lab)["Status"]["State"] == "down", every_s=0.3)
    lab.w.heal()
    took = until(60, lambda: is_ready(lab))
    measured("link healed to ready in a stock swarm", took)
    agree(lab)


def the_manager_restarts(lab):
    clear(lab)
    service(lab, "web", "--replicas", "3", *HERE)
    before = sorted(c["Id"] for c in containers(lab.w))

    lab.m.stop()
    lab.m.start()
    until(40, lambda: lab.m.docker("node", "ls").rc == 0)
    until(60, lambda: is_ready(lab) and len(running(lab, "web")) == 3)
    assert sorted(c["Id"] for c in containers(lab.w)) == before
    agree(lab)


def logs_come_through_the_manager(lab):
    clear(lab)
    service(lab, "talk", *HERE, command=["sh", "-c", "echo first; echo second >&2; exec sleep 1000"])

    until(15, lambda: "second" in said(lab))
    assert "first" in said(lab) and "@w" in said(lab), said(lab)


def said(lab):
    answer = lab.m.docker("service", "logs", "talk", timeout_s=20)
    return answer.out + answer.err


def a_promotion_is_declined(lab):
    lab.m.docker("node", "promote", "w").ok()

    until(10, lambda: "cannot become a manager of a stock swarm" in lab.w.log())
    assert "cannot become a manager of a stock swarm" in lab.w.api("GET", "/info")[1]["Swarm"]["Error"]
    time.sleep(2)
    assert lab.m.docker("node", "ls").rc == 0 and is_ready(lab)
    agree(lab)
    # A stock manager demotes members of its group alone: the node is removed, and joins as the worker it is.
    lab.m.docker("node", "rm", "--force", "w").ok()
    until(20, lambda: "was removed from swarm" in lab.w.log())
    lab.w.shoal("swarm", "leave").ok()
    until(20, lambda: not containers(lab.w, everything=True))
    token = lab.m.docker("swarm", "join-token", "-q", "manager").word()
    lab.w.shoal("swarm", "join", "--token", token, lab.m.address + ":2377").fails("join with the worker token")
    assert lab.w.api("GET", "/info")[1]["Swarm"]["LocalNodeState"] == "inactive"


def memory_and_speed_beside_a_stock_worker(lab):
    clear(lab)
    service(lab, "warm", "--mode", "global", "--stop-grace-period", "1s")
    clear(lab)
    service(lab, "many", "--replicas", "20", "--constraint", "node.role==worker", "--stop-grace-period", "1s")
    took = {"s": [], "w": []}
    names = {n["ID"]: name for name, n in lab.m.nodes().items()}
    for t in running(lab, "many"):
        took[names[t["NodeID"]]].append(moment(t["Status"]["Timestamp"]) - moment(t["CreatedAt"]))
    for name, kind in (("w", "ours"), ("s", "stock")):
        measured(f"{kind}: median of {len(took[name])} tasks at once, from creation to running", statistics.median(took[name]))

    for name, kind in (("w", "ours"), ("s", "stock")):
        alone = []
        for _ in range(5):
            service(lab, "one", "--constraint", f"node.hostname=={name}", "--stop-grace-period", "1s")
            t, = running(lab, "one")
            alone.append(moment(t["Status"]["Timestamp"]) - moment(t["CreatedAt"]))
            lab.m.docker("service", "rm", "one").ok()
        measured(f"{kind}: median of 5 tasks alone, from creation to running", statistics.median(alone))
    for host, kind, programs in ((lab.w, "ours", ("shoald", "shoal-content")), (lab.s, "stock", ("dockerd", "containerd"))):
        pids = [p for p in host.pids() | {host.process.pid}
                if command_of(p).split("\0")[0].rsplit("/", 1)[-1] in programs]
        print(f"measured: {kind}: {len(containers(host))} tasks, daemons {sum(pss(p) for p in pids) >> 10} MiB, "
              f"with what watches each container {sum(pss(p) for p in watchers(host, pids)) >> 10} MiB", flush=True)


def watchers(host, pids):
    """The daemons and their shims, not what runs in the containers."""
    return set(pids) | {p for p in host.pids() if any(w in command_of(p).split("\0")[0] for w in ("shim", "conmon"))}


def pss(pid):
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("Pss:"))


def moment(text):
    return datetime.fromisoformat(text[:26].rstrip("Z") + "+00:00").timestamp()


def leaving_is_clean(lab):
    clear(lab)
    service(lab, "web", "--mode", "global", "--stop-grace-period", "1s")

    assert lab.w.shoal("swarm", "leave").word() == "Node left the swarm."
    until(20, lambda: not containers(lab.w, everything=True))
    until(60, lambda: node(lab)["Status"]["State"] == "down", every_s=0.3)
    lab.m.docker("node", "rm", "w").ok()
    until(10, lambda: not lab.w.remains())
    lab.w.shoal("swarm", "join", "--token", lab.m.docker("swarm", "join-token", "-q", "worker").word(),
                lab.m.address + ":2377").ok()
    until(20, lambda: "w" in placed(lab, "web"))
    agree(lab)


def the_stock_engines_did_not_complain(lab):
    found = {s.name: s.complaints() for s in (lab.m, lab.s)}
    assert not any(found.values()), json.dumps(found, indent=1)


TESTS = [a_wrong_token_is_refused, our_node_joins, replicated_and_global_services_run_on_it, all_states_come_in_order,
         scale_update_and_rollback, failures_are_told_in_the_stock_words, drain_pause_and_constraints,
         secrets_and_configs_are_files_in_memory, ports_limits_and_health, what_needs_an_overlay_stays_away,
         a_certificate_is_renewed_when_the_root_rotates, our_daemon_restarts_and_reports_again, silence_and_return,
         the_manager_restarts, logs_come_through_the_manager, memory_and_speed_beside_a_stock_worker,
         leaving_is_clean, a_promotion_is_declined, the_stock_engines_did_not_complain]

if __name__ == "__main__":
    sys.exit(stock.skipped() or run_tests(prepare, TESTS))
