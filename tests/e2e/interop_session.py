#!/usr/bin/env python3
"""What a stock worker and a stock manager say to each other is recorded, and our messages give it back unchanged.

    SESSION=FILE interop_session.py      keeps the recording, as those in tests/session are kept

m is the manager and w a worker that joins it, both stock; our own code only reads."""
import os
import subprocess
import sys

import stock
import stock_programs
from lab import BUILD, run_tests, until
from mixed import containers, service, task_states
from wiretap import Wiretap

HERE = ("--constraint", "node.hostname==w", "--stop-grace-period", "1s")
ECHO = os.environ.get("SHOAL_ECHO") or os.path.join(BUILD, "tests", "session", "echo_session")


def prepare(lab):
    lab.stock = stock_programs.find(lab.cache)
    lab.busybox = lab.push_busybox()
    lab.m = stock.stock_host(lab, "m").start()
    lab.w = stock.stock_host(lab, "w").start()
    lab.m.shoal("swarm", "init", "--advertise-addr", lab.m.address).ok()
    lab.tap = Wiretap(lab, lab.w, lab.m)


def a_stock_worker_works_for_a_stock_manager(lab):
    m = lab.m
    token = m.shoal("swarm", "join-token", "-q", "worker").word()
    lab.w.docker("swarm", "join", "--token", token, m.address + ":2377").ok()
    m.shoal("secret", "create", "word", "-", stdin="open sesame").ok()
    m.shoal("config", "create", "motd", "-", stdin="welcome").ok()

    service(lab, "full", *HERE, "--secret", "source=word,target=pass,mode=0400", "--config", "source=motd,target=/motd",
            "--env", "A={{.Task.Slot}}", "--label", "a=b", "--label", "c=d", "--container-label", "e=f", "--container-label",
            "g=h", "--hostname", "{{.Node.Hostname}}", "--mount", "type=tmpfs,target=/scratch", "--limit-memory", "64m",
            "--limit-cpu", "0.5", "--reserve-memory", "8m", "--cap-add", "NET_RAW", "--ulimit", "nofile=100:200", "--sysctl",
            "net.ipv4.ip_forward=1", "--health-cmd", "true", "--health-interval", "1s", "--dns", "10.9.8.7", "--init",
            "--publish", "mode=host,target=80,published=8084",
            command=["sh", "-c", "echo said; exec httpd -f -p 80"])
    service(lab, "odd", *HERE, "--restart-condition", "none", command=["sh", "-c", "exit 3"], waits=False)
    until(20, lambda: task_states(lab, "odd", "failed"))
    assert "said" in m.docker("service", "logs", "full").ok().out
    m.shoal("service", "update", "--detach", "--env-add", "B=1", "full").ok()
    until(40, lambda: m.api("GET", "/services/full")[1].get("UpdateStatus", {}).get("State") == "completed")
    m.shoal("service", "rm", "full", "odd").ok()
    until(30, lambda: not containers(lab.w, everything=True))
    lab.w.docker("swarm", "leave").ok()


def our_messages_give_back_what_they_said(lab):
    lines = lab.tap.session()
    said = {" ".join(line.split()[:2]) for line in lines}
    for call in ("CA/GetRootCACertificate", "NodeCA/IssueNodeCertificate", "NodeCA/NodeCertificateStatus",
                 "Dispatcher/Session", "Dispatcher/Heartbeat", "Dispatcher/Assignments", "Dispatcher/UpdateTaskStatus",
                 "LogBroker/ListenSubscriptions", "LogBroker/PublishLogs"):
        assert f"/docker.swarmkit.v1.{call} request" in said, (call, said)

    path = os.environ.get("SESSION") or lab.root + "/session"
    version = lab.m.api("GET", "/version")[1]["Version"]
    with open(path, "w") as f:
        f.write(f"# A Docker Engine {version} as worker of another: interop_session.py\n")
        f.writelines(line + "\n" for line in dict.fromkeys(lines))
    done = subprocess.run([ECHO, path], capture_output=True, text=True)
    print(done.stdout, end="")
    assert done.returncode == 0, done.stdout


if __name__ == "__main__":
    sys.exit(stock.skipped() or run_tests(prepare, [a_stock_worker_works_for_a_stock_manager,
                                                    our_messages_give_back_what_they_said]))
