#!/usr/bin/env python3
"""Logs of services and tasks, read with both clients from a manager, of tasks on two hosts."""
import re
import subprocess
import sys
import time

from lab import enter, measured, run_tests, until

LINES = 'i=0; while [ $i -lt 300 ]; do echo "out $i"; echo "err $i" >&2; i=$((i+1)); done; exec top -b -d 60 >/dev/null'


def prepare(lab):
    for _ in range(2):
        lab.host().start()
    manager, worker = lab.hosts
    lab.busybox = lab.push_busybox()
    manager.shoal("swarm", "init", "--advertise-addr", manager.address).ok()
    token = manager.shoal("swarm", "join-token", "-q", "worker").word()
    worker.shoal("swarm", "join", "--token", token, manager.address + ":2377").ok()
    manager.shoal("service", "create", "--detach", "--name", "talk", "--replicas", "4", lab.busybox, "sh", "-c",
                  LINES).ok()
    until(30, lambda: len(manager.tasks("talk", "running")) == 4)


def places(lab):
    """"talk.1.<id of the task>@<host>": what stands before a line."""
    manager = lab.hosts[0]
    names = {n["ID"]: name for name, n in manager.nodes().items()}
    return {f"talk.{t['Slot']}.{t['ID'][:12]}@{names[t['NodeID']]}" for t in manager.tasks("talk")}


def by_task(text):
    found = {}
    for line in text.splitlines():
        who, _, what = line.partition("|")
        found.setdefault(who.strip(), []).append(what[1:])
    return found


def every_line_of_every_task_comes_once_and_in_order(lab, cli):
    manager = lab.hosts[0]

    answer = manager.client(cli, "service", "logs", "talk").ok()

    measured(f"{cli} reads 2400 lines of four tasks", answer.took_s)
    for text, kind in ((answer.out, "out"), (answer.err, "err")):
        found = by_task(text)
        assert set(found) == places(lab), (set(found), places(lab))
        assert len({who.split("@")[1] for who in found}) == 2
        for who, lines in found.items():
            assert lines == [f"{kind} {i}" for i in range(300)], (who, lines[:3], len(lines))


def a_tail_is_of_each_task(lab, cli):
    answer = lab.hosts[0].client(cli, "service", "logs", "--tail", "2", "talk").ok()

    tails = {who: len(lines) for who, lines in by_task(answer.out + answer.err).items()}
    assert tails == dict.fromkeys(places(lab), 2), answer


def timestamps_are_of_the_lines(lab, cli):
    answer = lab.hosts[0].client(cli, "service", "logs", "--timestamps", "--tail", "4", "talk").ok()

    for line in answer.out.splitlines():
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z talk\.\d\.[0-9a-z]{12}@\S+ +\| out \d+", line), line


def names_can_be_left_out(lab, cli):
    manager = lab.hosts[0]

    short = manager.client(cli, "service", "logs", "--no-task-ids", "--tail", "1", "talk").ok()
    raw = manager.client(cli, "service", "logs", "--raw", "--tail", "1", "talk").ok()
    long = manager.client(cli, "service", "logs", "--no-trunc", "--tail", "1", "talk").ok()

    assert all(re.match(r"talk\.\d@node\d +\| ", line) for line in (short.out + short.err).splitlines()), short
    assert sorted((raw.out + raw.err).splitlines()) == ["err 299"] * 4 or \
        all(re.fullmatch(r"(out|err) 299", line) for line in (raw.out + raw.err).splitlines()), raw
    assert all(re.match(r"talk\.\d\.[0-9a-z]{25}@node\d +\| ", line) for line in (long.out + long.err).splitlines()), long


def a_task_has_a_log_of_its_own(lab, cli):
    manager = lab.hosts[0]
    task = manager.tasks("talk")[0]

    answer = manager.client(cli, "service", "logs", task["ID"]).ok()

    (who, lines), = by_task(answer.out).items()
    assert who.startswith(f"talk.{task['Slot']}.{task['ID'][:12]}@") and lines == [f"out {i}" for i in range(300)]


def since_leaves_out_what_is_older(lab, cli):
    answer = lab.hosts[0].client(cli, "service", "logs", "--since", "2099-01-01T00:00:00Z", "talk").ok()

    assert answer.out + answer.err == ""


def who_follows_hears_of_tasks_that_come(lab, cli):
    manager = lab.hosts[0]
    name = f"tick-{cli}"
    manager.shoal("service", "create", "--detach", "--name", name, "--replicas", "1", lab.busybox, "sh", "-c",
                  'i=0; while true; do echo "tick $i"; i=$((i+1)); sleep 0.2; done').ok()
    until(20, lambda: len(manager.tasks(name, "running")) == 1)
    path = f"{lab.root}/follow-{cli}"
    binary = f"{lab.build}/shoal" if cli == "shoal" else lab.docker
    with open(path, "w") as out:
        follower = subprocess.Popen([binary, "-H", "unix://" + manager.socket, "service", "logs", "-f", name],
                                    stdin=subprocess.DEVNULL, stdout=out, stderr=out, preexec_fn=enter(manager.netns))

    def heard():
        with open(path) as f:
            return by_task(f.read())

    try:
        until(10, lambda: len(heard()) == 1)
        manager.shoal("service", "scale", "--detach", f"{name}=3").ok()
        until(20, lambda: len(heard()) == 3 and all(len(lines) > 5 for lines in heard().values()))
        for who, lines in heard().items():
            assert lines[:6] == [f"tick {i}" for i in range(6)], (who, lines[:6])
        assert follower.poll() is None
    finally:
        follower.kill()
        follower.wait()
    manager.shoal("service", "rm", name).ok()


def a_paused_reader_loses_nothing(lab, cli):
    manager = lab.hosts[0]
    name = f"flood-{cli}"
    manager.shoal("service", "create", "--detach", "--name", name, "--replicas", "2", lab.busybox, "sh", "-c",
                  'seq 0 199999; exec top -b -d 60 >/dev/null').ok()
    until(30, lambda: len(manager.tasks(name, "running")) == 2)
    time.sleep(2)
    binary = f"{lab.build}/shoal" if cli == "shoal" else lab.docker
    reader = subprocess.Popen([binary, "-H", "unix://" + manager.socket, "service", "logs", name],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                              preexec_fn=enter(manager.netns))
    first = reader.stdout.readline()
    time.sleep(3)
    with open(f"/proc/{manager.process.pid}/status") as f:
        rss = int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])
    began = time.monotonic()
    found = by_task(first + reader.stdout.read())
    measured(f"{cli} reads 400000 lines", time.monotonic() - began)
    assert reader.wait() == 0
    assert len(found) == 2 and all(lines == [str(i) for i in range(200000)] for lines in found.values()), \
        {who: len(lines) for who, lines in found.items()}
    print(f"measured: the manager while its reader slept: {rss} KiB", flush=True)
    manager.shoal("service", "rm", name).ok()


def a_service_that_is_not_there_has_no_log(lab, cli):
    lab.hosts[0].client(cli, "service", "logs", "nobody").fails("no such task or service: nobody")


def a_worker_has_none_to_show(lab, cli):
    lab.hosts[1].client(cli, "service", "logs", "talk").fails("This node is not a swarm manager")


def a_dead_worker_is_told_of_and_not_waited_for(lab, cli):
    manager, worker = lab.hosts
    worker_id = manager.nodes()[worker.name]["ID"]
    mine = {p for p in places(lab) if p.endswith("@" + manager.name)}
    worker.cut()
    try:
        began = time.monotonic()
        answer = manager.client(cli, "service", "logs", "talk")

        measured(f"{cli} reads on while a worker is silent", time.monotonic() - began)
        answer.fails("warning: incomplete log stream. some logs could not be retrieved for the following reasons: "
                     f"node {worker_id} ")
        assert mine <= set(by_task(answer.out)), answer
    finally:
        worker.heal()
    until(20, lambda: all(n["Status"]["State"] == "ready" for n in manager.nodes().values()))


STORY = [every_line_of_every_task_comes_once_and_in_order, a_tail_is_of_each_task, timestamps_are_of_the_lines,
         names_can_be_left_out, a_task_has_a_log_of_its_own, since_leaves_out_what_is_older,
         who_follows_hears_of_tasks_that_come, a_paused_reader_loses_nothing, a_service_that_is_not_there_has_no_log,
         a_worker_has_none_to_show]
LAST = [a_dead_worker_is_told_of_and_not_waited_for]


def read_by(cli, test):
    def again(lab):
        test(lab, cli)
    again.__name__ = f"{cli}: {test.__name__}"
    return again


def story(lab):
    if not lab.docker:
        print("skipped: the stock docker command is not installed: only shoal reads logs")
    tests = [read_by(cli, test) for cli in lab.clients() for test in STORY]
    return tests + [read_by(lab.clients()[-1], test) for test in LAST]


if __name__ == "__main__":
    sys.exit(run_tests(prepare, story))
