#!/usr/bin/env python3
"""Stock engines as workers of a shoal manager: m is the manager and w a worker of ours, s1 and s2 are stock.

What both kinds of node do is done by services of four tasks, so that each node has one."""
import json
import re
import sys
import time

import stock
import stock_programs
from lab import measured, run_tests, until
from mixed import agree, clear, containers, placed, running, service, task_states


def prepare(lab):
    lab.stock = stock_programs.find(lab.cache)
    lab.busybox = lab.push_busybox()
    lab.newer = lab.push_busybox("busybox:newer")
    lab.m = lab.host("m").start()
    lab.w = lab.host("w").start()
    lab.s1 = stock.stock_host(lab, "s1", ["--label=kind=stock"]).start()
    lab.s2 = stock.stock_host(lab, "s2", ["--label=kind=stock", "--label=second=yes"]).start()
    lab.stocks = [lab.s1, lab.s2]


def stock_engines_join(lab):
    m = lab.m
    m.shoal("swarm", "init", "--advertise-addr", m.address).ok()
    token = m.shoal("swarm", "join-token", "-q", "worker").word()
    lab.w.shoal("swarm", "join", "--token", token, m.address + ":2377").ok()

    for s in lab.stocks:
        answer = s.docker("swarm", "join", "--token", token, m.address + ":2377")
        assert answer.word() == "This node joined a swarm as a worker.", answer
        measured("swarm join of a stock engine", answer.took_s)

    rows = {r["HOSTNAME"]: r for r in m.shoal("node", "ls").rows()}
    assert sorted(rows) == ["m", "s1", "s2", "w"], rows
    assert all(r["STATUS"] == "Ready" and r["AVAILABILITY"] == "Active" for r in rows.values()), rows


def a_wrong_token_is_refused_in_the_stock_words(lab):
    token = lab.m.shoal("swarm", "join-token", "-q", "worker").word()
    extra = lab.extra = stock.stock_host(lab, "s3").start()

    wrong = token[:-4] + ("aaaa" if token[-4:] != "aaaa" else "bbbb")
    extra.docker("swarm", "join", "--token", wrong, lab.m.address + ":2377").fails(
        "A valid join token is necessary to join this cluster")
    other = "SWMTKN-1-" + "0" * 49 + "1" + token[-26:]
    extra.docker("swarm", "join", "--token", other, lab.m.address + ":2377", timeout_s=90).fails(
        "remote CA does not match fingerprint")


def a_stock_node_tells_who_it_is(lab):
    node = lab.m.nodes()["s1"]
    info = json.loads(lab.s1.docker("info", "--format", "{{json .}}").word())

    said = node["Description"]
    assert said["Engine"]["EngineVersion"] == info["ServerVersion"], said
    assert said["Engine"]["Labels"] == {"kind": "stock"}, said
    assert said["Platform"] == {"Architecture": info["Architecture"], "OS": "linux"}, said
    assert said["Resources"] == {"NanoCPUs": info["NCPU"] * 10**9, "MemoryBytes": info["MemTotal"]}, said
    assert {"Type": "Network", "Name": "overlay"} in said["Engine"]["Plugins"], said
    assert said["TLSInfo"]["TrustRoot"] == lab.m.nodes()["m"]["Description"]["TLSInfo"]["TrustRoot"], said
    assert node["Status"] == {"State": "ready", "Addr": lab.s1.address}, node
    assert info["Swarm"]["LocalNodeState"] == "active" and info["Swarm"]["NodeID"] == node["ID"], info["Swarm"]
    assert info["Swarm"]["RemoteManagers"] == [{"NodeID": lab.m.nodes()["m"]["ID"],
                                                "Addr": lab.m.address + ":2377"}], info["Swarm"]


def both_kinds_run_the_tasks_of_a_service(lab):
    clear(lab)
    answer = service(lab, "web", "--replicas", "8", "--stop-grace-period", "1s")
    measured("a service of 8 tasks on two kinds of node, to all running", answer.took_s)

    assert sorted(placed(lab, "web")) == sorted(["m", "w", "s1", "s2"] * 2)
    agree(lab)
    one = containers(lab.s1)[0]
    task = next(t for t in lab.m.tasks("web") if t["ID"] == one["Labels"]["com.docker.swarm.task.id"])
    assert one["Names"] == [f"/web.{task['Slot']}.{task['ID']}"], one
    assert task["Status"]["ContainerStatus"]["ContainerID"] == one["Id"], task
    assert task["Status"]["ContainerStatus"]["PID"] > 0 and task["Status"]["Message"] == "started", task


def scaling_reaches_both_kinds(lab):
    lab.m.shoal("service", "scale", "web=12").ok()
    assert sorted(placed(lab, "web")) == sorted(["m", "w", "s1", "s2"] * 3)

    lab.m.shoal("service", "scale", "web=4").ok()
    until(20, lambda: sorted(placed(lab, "web")) == ["m", "s1", "s2", "w"])
    agree(lab)
    for s in lab.stocks:
        until(10, lambda: len(containers(s, everything=True)) == 1)


def an_update_rolls_over_both_kinds(lab):
    lab.m.shoal("service", "update", "--image", lab.newer, "--update-parallelism", "2", "--env-add", "A=B", "web").ok()

    assert sorted(placed(lab, "web")) == ["m", "s1", "s2", "w"]
    assert all(t["Spec"]["ContainerSpec"]["Image"].startswith(lab.newer) for t in lab.m.tasks("web"))
    assert lab.m.api("GET", "/services/web")[1]["UpdateStatus"]["State"] == "completed"
    agree(lab)

    lab.m.shoal("service", "rollback", "web").ok()
    assert all(t["Spec"]["ContainerSpec"]["Image"].startswith(lab.busybox) for t in lab.m.tasks("web"))
    agree(lab)
    lab.m.shoal("service", "rm", "web").ok()
    until(20, lambda: not any(containers(h, everything=True) for h in lab.hosts))


def what_fails_on_a_stock_node_is_restarted(lab):
    clear(lab)
    service(lab, "flaky", "--replicas", "2", "--constraint", "engine.labels.kind==stock",
            "--restart-delay", "1s", command=["sh", "-c", "sleep 1; exit 3"], waits=False)

    until(30, lambda: len(task_states(lab, "flaky", "failed")) >= 4)
    task = task_states(lab, "flaky", "failed")[0]
    assert task["Status"]["Err"] == "task: non-zero exit (3)", task
    assert task["Status"]["ContainerStatus"]["ExitCode"] == 3, task


def what_ends_well_is_complete(lab):
    clear(lab)
    service(lab, "once", "--mode", "global", "--restart-condition", "none",
            command=["true"], waits=False)

    until(20, lambda: len(task_states(lab, "once", "complete")) == 4)
    assert all(t["Status"]["Message"] == "finished" for t in task_states(lab, "once"))


def what_a_stock_node_cannot_start_says_why(lab):
    clear(lab)
    lab.m.shoal("service", "create", "--name", "odd", "--detach", "--constraint", "engine.labels.kind==stock",
                "--restart-condition", "none", lab.busybox, "no-such-program").ok()

    until(20, lambda: len(task_states(lab, "odd", "failed")) == 1)
    assert "no-such-program" in task_states(lab, "odd")[0]["Status"]["Err"], task_states(lab, "odd")
    lab.m.shoal("service", "rm", "odd").ok()
    lab.m.shoal("service", "create", "--name", "none", "--detach", "--constraint", "engine.labels.kind==stock",
                "--no-resolve-image", "--restart-condition", "none", lab.busybox + "-not-there", "true").ok()
    until(20, lambda: len(task_states(lab, "none", "rejected")) == 1)
    assert "No such image: " in task_states(lab, "none")[0]["Status"]["Err"], task_states(lab, "none")


def drain_pause_and_return(lab):
    clear(lab)
    service(lab, "web", "--replicas", "4", "--stop-grace-period", "1s")

    lab.m.shoal("node", "update", "--availability", "drain", "s1").ok()
    until(30, lambda: len(running(lab, "web")) == 4 and "s1" not in placed(lab, "web"))
    until(10, lambda: not containers(lab.s1))
    lab.m.shoal("node", "update", "--availability", "pause", "s2").ok()
    lab.m.shoal("node", "update", "--availability", "active", "s1").ok()
    before = placed(lab, "web").count("s2")
    lab.m.shoal("service", "scale", "web=8").ok()
    assert placed(lab, "web").count("s2") == before, placed(lab, "web")
    assert "s1" in placed(lab, "web"), placed(lab, "web")
    lab.m.shoal("node", "update", "--availability", "active", "s2").ok()
    agree(lab)


def constraints_see_the_labels_of_both_kinds(lab):
    clear(lab)
    lab.m.shoal("node", "update", "--label-add", "disk=ssd", "s2").ok()
    for constraint, nodes in (("engine.labels.kind==stock", ["s1", "s2"]), ("engine.labels.kind!=stock", ["m", "w"]),
                              ("node.labels.disk==ssd", ["s2"]), ("node.role==manager", ["m"]),
                              ("node.hostname==s1", ["s1"]), ("engine.labels.second==yes", ["s2"]),
                              (f"node.ip=={lab.s1.address}", ["s1"])):
        service(lab, "there", "--mode", "global", "--constraint", constraint)
        assert sorted(placed(lab, "there")) == nodes, (constraint, placed(lab, "there"))
        lab.m.shoal("service", "rm", "there").ok()
    agree(lab)

    # A label that goes takes its tasks along.
    service(lab, "there", "--mode", "global", "--constraint", "node.labels.disk==ssd",
            "--stop-grace-period", "1s")
    lab.m.shoal("node", "update", "--label-rm", "disk", "s2").ok()
    until(20, lambda: not containers(lab.s2))


def secrets_configs_and_templates_reach_both_kinds(lab):
    clear(lab)
    lab.m.shoal("secret", "create", "word", "-", stdin="open sesame").ok()
    lab.m.shoal("config", "create", "motd", "-", stdin="welcome").ok()
    lab.m.shoal("config", "create", "--template-driver", "golang", "who", "-",
                stdin="{{.Service.Name}} {{.Task.Slot}} {{.Node.ID}} {{secret \"pass\"}}").ok()

    service(lab, "keeper", "--replicas", "4", "--secret", "source=word,target=pass,mode=0400",
            "--config", "source=motd,target=/etc/motd", "--config", "source=who,target=/etc/who",
            "--env", "WHO={{.Service.Name}}.{{.Task.Slot}}@{{.Node.Hostname}}", "--hostname", "h{{.Task.Slot}}",
            "--stop-grace-period", "1s")

    for s in (lab.w, *lab.stocks):
        name = containers(s)[0]["Names"][0][1:]
        slot, node = name.split(".")[1], lab.m.nodes()[s.name]["ID"]
        said = s.client("shoal" if s is lab.w else "docker", "exec", name, "sh", "-c", "cat /run/secrets/pass; echo; stat -c %a /run/secrets/pass; "
                        "cat /etc/motd; echo; cat /etc/who; echo; echo $WHO; hostname; grep -q secrets /proc/mounts && echo mounted")
        assert said.lines() == ["open sesame", "400", "welcome", f"keeper {slot} {node} open sesame",
                                f"keeper.{slot}@{s.name}", f"h{slot}", "mounted"], said
    lab.m.shoal("secret", "rm", "word").fails("is in use by the following service: keeper")
    lab.m.shoal("service", "rm", "keeper").ok()
    until(10, lambda: not any(containers(h, everything=True) for h in lab.hosts))
    lab.m.shoal("secret", "rm", "word").ok()
    lab.m.shoal("config", "rm", "motd", "who").ok()


def published_in_host_mode_both_kinds_answer(lab):
    clear(lab)
    service(lab, "page", "--mode", "global", "--publish", "mode=host,target=80,published=8081",
            "--env", "NODE={{.Node.Hostname}}",
            command=["sh", "-c", "echo it is $NODE > /index.html; exec httpd -f -p 80"])

    for host in (lab.m, lab.w, lab.s1, lab.s2):
        until(5, lambda: lab.s1.fetch(host.address, 8081) == f"it is {host.name}\n")
    lab.m.shoal("service", "rm", "page").ok()

    service(lab, "page", "--replicas", "4", "--publish", "mode=host,target=80",
            command=["httpd", "-f", "-p", "80"])
    ports = {r["NODE"]: r["PORTS"] for r in lab.m.shoal("service", "ps", "page").rows()}
    assert all(re.match(r"\*:\d+->80/tcp", p) for p in ports.values()), ports  # twice where IPv6 is there too


def logs_come_from_both_kinds(lab):
    clear(lab)
    service(lab, "talk", "--mode", "global", "--env", "A=b",
            command=["sh", "-c", "echo first of $(hostname); echo second >&2; exec sleep 1000"])

    def said():
        answer = lab.m.shoal("service", "logs", "talk", timeout_s=20)
        return answer.out + answer.err
    until(15, lambda: all(len(re.findall(rf"@{h.name} +\| (?:first of|second)", said())) == 2 for h in lab.hosts[:4]))
    assert "incomplete" not in said(), said()
    tail = lab.m.shoal("service", "logs", "--tail", "1", "--raw", "talk", timeout_s=20)
    assert len((tail.out + tail.err).splitlines()) == 4, tail


def health_is_watched_on_a_stock_node(lab):
    clear(lab)
    service(lab, "well", "--constraint", "engine.labels.kind==stock", "--health-interval", "1s",
            "--health-retries", "1", "--health-cmd", "test ! -e /ill", "--restart-delay", "1s")
    host = lab.s1 if containers(lab.s1) else lab.s2
    name = containers(host)[0]["Names"][0][1:]

    host.docker("exec", name, "touch", "/ill").ok()

    until(30, lambda: task_states(lab, "well", "failed"))
    assert "unhealthy container" in task_states(lab, "well", "failed")[0]["Status"]["Err"]
    until(20, lambda: len(running(lab, "well")) == 1)


def reservations_and_limits_hold(lab):
    clear(lab)
    service(lab, "small", "--constraint", "node.hostname==s1", "--limit-memory", "64m", "--limit-cpu", "0.5",
            "--reserve-memory", "32m", "--ulimit", "nofile=512:1024", "--cap-drop", "NET_RAW", "--mount",
            "type=volume,source=data,target=/data", "--mount", "type=tmpfs,target=/scratch", "--user", "1000",
            "--workdir", "/scratch", "--label", "a=b", "--container-label", "c=d", "--read-only",
            "--dns", "10.9.8.7", "--host", "there:10.1.1.1", "--init", "--stop-signal", "SIGKILL")
    one = lab.s1.api("GET", f"/containers/{containers(lab.s1)[0]['Id']}/json")[1]
    host, config = one["HostConfig"], one["Config"]

    assert host["Memory"] == 64 << 20 and host["NanoCpus"] == 5 * 10**8, host
    assert host["Ulimits"] == [{"Name": "nofile", "Hard": 1024, "Soft": 512}], host
    assert [c.removeprefix("CAP_") for c in host["CapDrop"]] == ["NET_RAW"], host
    assert host["ReadonlyRootfs"] and host["Init"] and host["Dns"] == ["10.9.8.7"], host
    assert host["ExtraHosts"] == ["there:10.1.1.1"], host
    assert sorted(m["Destination"] for m in one["Mounts"]) == ["/data", "/scratch"] and config["User"] == "1000", one
    assert config["WorkingDir"] == "/scratch" and config["Labels"]["c"] == "d" and "a" not in config["Labels"], config
    assert config["StopSignal"] == "SIGKILL", config
    lab.m.shoal("service", "rm", "small").ok()

    answer = lab.m.shoal("service", "create", "--name", "huge", "--detach", "--reserve-memory", "900g", lab.busybox, "true")
    answer.ok()
    until(10, lambda: "insufficient resources on" in (task_states(lab, "huge") or [{}])[0].get("Status", {}).get("Err", ""))


def jobs_end_on_both_kinds(lab):
    clear(lab)
    answer = lab.m.api("POST", "/services/create", {
        "Name": "job", "Mode": {"ReplicatedJob": {"MaxConcurrent": 4, "TotalCompletions": 8}},
        "TaskTemplate": {"ContainerSpec": {"Image": lab.busybox, "Command": ["true"]},
                         "RestartPolicy": {"Condition": "on-failure"}}})
    assert answer[0] == 201, answer

    until(30, lambda: len(task_states(lab, "job", "complete")) == 8)
    nodes = {t["NodeID"] for t in task_states(lab, "job")}
    assert len(nodes) >= 3, nodes


def a_node_that_falls_silent_is_replaced_and_comes_back(lab):
    clear(lab)
    service(lab, "web", "--replicas", "4", "--stop-grace-period", "1s")

    lab.s1.pause()
    took = until(40, lambda: lab.m.nodes()["s1"]["Status"]["State"] == "down", every_s=0.2)
    measured("SIGSTOP to node down", took)
    until(30, lambda: len(running(lab, "web")) == 4 and "s1" not in placed(lab, "web"), every_s=0.2)
    lab.s1.resume()
    took = until(30, lambda: lab.m.nodes()["s1"]["Status"]["State"] == "ready", every_s=0.2)
    measured("SIGCONT to node ready", took)
    until(20, lambda: not containers(lab.s1))
    agree(lab)


def a_link_that_is_cut_and_healed(lab):
    before = sorted(c["Id"] for c in containers(lab.s2))
    lab.s2.cut()
    until(40, lambda: lab.m.nodes()["s2"]["Status"]["State"] == "down", every_s=0.2)
    until(30, lambda: len(running(lab, "web")) == 4 and "s2" not in placed(lab, "web"), every_s=0.2)
    assert before and sorted(c["Id"] for c in containers(lab.s2)) == before
    lab.s2.heal()
    took = until(60, lambda: lab.m.nodes()["s2"]["Status"]["State"] == "ready", every_s=0.2)
    measured("link healed to node ready", took)
    until(20, lambda: not containers(lab.s2))
    agree(lab)


def a_short_cut_changes_nothing(lab):
    before = sorted(t["ID"] for t in running(lab, "web"))
    lab.w.cut()
    lab.s1.cut()
    time.sleep(1.5)
    lab.w.heal()
    lab.s1.heal()

    time.sleep(8)
    assert all(n["Status"]["State"] == "ready" for name, n in lab.m.nodes().items()), lab.m.nodes()
    assert sorted(t["ID"] for t in running(lab, "web")) == before
    agree(lab)


def the_manager_restarts_and_sessions_go_on(lab):
    lab.m.shoal("service", "update", "--force", "--detach=false", "web").ok()
    before = {h.name: sorted(c["Id"] for c in containers(h)) for h in (lab.s1, lab.s2, lab.w)}

    lab.m.kill()
    lab.m.start()

    until(40, lambda: [n["Status"]["State"] for n in lab.m.nodes().values()] == ["ready"] * 4, every_s=0.2)
    until(20, lambda: len(running(lab, "web")) == 4)
    assert {h.name: sorted(c["Id"] for c in containers(h)) for h in (lab.s1, lab.s2, lab.w)} == before
    agree(lab)
    lab.m.shoal("service", "scale", "web=8").ok()
    agree(lab)


def a_stock_engine_restarts_and_its_tasks_are_replaced(lab):
    lab.s1.stop()
    lab.s1.start()

    until(40, lambda: lab.m.nodes()["s1"]["Status"]["State"] == "ready", every_s=0.2)
    until(40, lambda: len(running(lab, "web")) == 8)
    agree(lab)
    lab.s2.kill()
    lab.s2.start()
    until(40, lambda: lab.m.nodes()["s2"]["Status"]["State"] == "ready" and len(running(lab, "web")) == 8, every_s=0.2)
    agree(lab)
    lab.m.shoal("service", "rm", "web").ok()
    until(30, lambda: not any(containers(h) for h in lab.hosts))


def the_root_is_replaced_under_both_kinds(lab):
    service(lab, "web", "--replicas", "4")
    before = {h.name: sorted(c["Id"] for c in containers(h)) for h in lab.hosts}
    old = lab.m.shoal("swarm", "ca").word()

    answer = lab.m.shoal("swarm", "ca", "--rotate").ok()
    measured("the root replaced under two stock engines and two nodes of ours", answer.took_s)
    new = lab.m.shoal("swarm", "ca").word()
    assert new != old
    until(20, lambda: {n["Description"]["TLSInfo"]["TrustRoot"].strip() for n in lab.m.nodes().values()} == {new})
    assert {n["Status"]["State"] for n in lab.m.nodes().values()} == {"ready"}
    assert {h.name: sorted(c["Id"] for c in containers(h)) for h in lab.hosts} == before
    clear(lab)


def a_token_can_be_rotated(lab):
    old = lab.m.shoal("swarm", "join-token", "-q", "worker").word()
    new = lab.m.shoal("swarm", "join-token", "--rotate", "-q", "worker").word()

    assert new != old and new[:60] == old[:60], (old, new)
    lab.extra.docker("swarm", "join", "--token", old, lab.m.address + ":2377").fails("A valid join token is necessary")
    lab.extra.docker("swarm", "join", "--token", new, lab.m.address + ":2377").ok()
    until(10, lambda: lab.m.nodes().get("s3", {"Status": {"State": ""}})["Status"]["State"] == "ready")


def a_stock_node_leaves_and_is_removed(lab):
    clear(lab)
    service(lab, "web", "--mode", "global", "--stop-grace-period", "1s")
    assert "s3" in placed(lab, "web")

    assert lab.extra.docker("swarm", "leave").word() == "Node left the swarm."
    until(40, lambda: lab.m.nodes()["s3"]["Status"]["State"] == "down", every_s=0.2)
    assert not containers(lab.extra, everything=True)
    lab.m.shoal("node", "rm", "s3").ok()
    assert "s3" not in lab.m.nodes()
    until(10, lambda: len(running(lab, "web")) == 4)


def a_node_that_was_removed_is_told_so(lab):
    lab.m.shoal("node", "rm", "s2").fails("is not down and can't be removed")

    lab.m.shoal("node", "rm", "--force", "s2").ok()

    until(20, lambda: "was removed from swarm" in lab.s2.log(), every_s=0.3)
    lab.s2.docker("swarm", "leave", "--force").ok()
    until(20, lambda: not containers(lab.s2, everything=True))
    token = lab.m.shoal("swarm", "join-token", "-q", "worker").word()
    lab.s2.docker("swarm", "join", "--token", token, lab.m.address + ":2377").ok()
    until(30, lambda: "s2" in placed(lab, "web"))
    agree(lab)
    lab.m.shoal("service", "rm", "web").ok()


def no_stock_engine_complained(lab):
    found = {s.name: s.complaints() for s in lab.hosts if isinstance(s, stock.StockHost)}
    assert not any(found.values()), json.dumps(found, indent=1)


TESTS = [stock_engines_join, a_wrong_token_is_refused_in_the_stock_words, a_stock_node_tells_who_it_is,
         both_kinds_run_the_tasks_of_a_service, scaling_reaches_both_kinds, an_update_rolls_over_both_kinds,
         what_fails_on_a_stock_node_is_restarted, what_ends_well_is_complete, what_a_stock_node_cannot_start_says_why,
         drain_pause_and_return, constraints_see_the_labels_of_both_kinds, secrets_configs_and_templates_reach_both_kinds,
         published_in_host_mode_both_kinds_answer, logs_come_from_both_kinds, health_is_watched_on_a_stock_node, reservations_and_limits_hold,
         jobs_end_on_both_kinds, a_node_that_falls_silent_is_replaced_and_comes_back, a_link_that_is_cut_and_healed,
         a_short_cut_changes_nothing, the_manager_restarts_and_sessions_go_on,
         a_stock_engine_restarts_and_its_tasks_are_replaced,
         the_root_is_replaced_under_both_kinds, a_token_can_be_rotated, a_stock_node_leaves_and_is_removed,
         a_node_that_was_removed_is_told_so, no_stock_engine_complained]

if __name__ == "__main__":
    sys.exit(stock.skipped() or run_tests(prepare, TESTS))
