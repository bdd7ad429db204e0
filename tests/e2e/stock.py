"""The stock Docker Engine, as Debian packs it, on a host of the lab."""
import glob
import os
import re
import subprocess

import stock_programs
from lab import BUILD, REGISTRY, Host, call, command_of, enter, until

# What the engine says of peers that are gone or have given it up, of tasks that fail, of joins that are refused and of
# its own store while services and nodes are removed: what tests do to it on purpose.
EXPECTED = re.compile("|".join((
    "fatal task error", "pulling image failed", "remove task failed.*already in progress",
    "session failed.*(Unavailable|node must disconnect|node is down|node not registered|EOF)", "heartbeat to manager",
    "(connection refused|connection reset by peer|i/o timeout|no route to host|no such file|EOF).*Reconnecting",
    "join token is necessary", "does not match fingerprint", "was removed from swarm", "context canceled",
    "DeadlineExceeded", "transport is closing", "error reallocating node", "allocation commit failure", "Failed to find network",
    "error creating cluster object", "error removing de-assigned task")))


def skipped():
    """Says so and is true when there is no stock engine."""
    if stock_programs.find(os.path.join(BUILD, "tests", "e2e-cache")):
        return 0
    print("skipped: no stock engine is installed and none can be fetched\n0 passed, 0 failed")
    return 77


class StockHost(Host):
    """A host of the lab on which the stock engine runs in place of ours."""

    def start(self, wait=True):
        programs = self.lab.stock
        words = [f"{programs}/dockerd", f"--data-root={self.data}", f"--exec-root={self.exec}",
                 f"--pidfile={self.root}/pid", f"--config-file={self.root}/daemon.json", f"--host=unix://{self.socket}",
                 "--group=root", f"--cgroup-parent={self.cgroup}", f"--insecure-registry={REGISTRY}",
                 "--storage-driver=overlay2", "--iptables=false", "--ip-masq=false", "--ip-forward=false",
                 *self.flags]
        with open(self.root + "/log", "a") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                                            env={**os.environ, "PATH": programs + ":" + os.environ["PATH"]},
                                            preexec_fn=enter(self.netns, self.name), start_new_session=True)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, timeout_s=30):
        until(timeout_s, lambda: self.process.poll() is not None or self.answers())
        assert self.process.poll() is None, f"{self.name} ended: {self.log()[-2000:]}"

    def answers(self):
        try:
            return self.api("GET", "/version")[0] == 200
        except OSError:
            return False

    def stop(self, timeout_s=20):
        return super().stop(timeout_s)

    def complaints(self):
        """What its log says of the cluster protocol that it would not say among its own kind."""
        return [line for line in self.log().splitlines()
                if re.search(r"^panic: |^goroutine \d+ |^fatal error: |http2|HPACK|proto:", line)
                or (re.search(r"level=(error|warning|fatal)", line)
                    and re.search(r"module=node|cluster|swarm|:2377", line) and not EXPECTED.search(line))]

    def kill(self):
        """Whoever has containerd's pidfile believes that it runs, zombies too: it is forgotten along."""
        super().kill()
        until(10, lambda: not [p for p in self.pids() if "containerd\0" in command_of(p)], fails=False)
        for path in glob.glob(self.exec + "/containerd/containerd.pid"):
            os.unlink(path)

    def remains(self):
        return [f"container {line}" for line in self.docker("ps", "-aq").lines()]


def stock_host(lab, name=None, flags=()):
    number = len(lab.hosts) + 1
    host = StockHost(lab, name or f"stock{number}", f"10.90.0.{10 + number}", list(flags))
    lab.hosts.append(host)
    return host
