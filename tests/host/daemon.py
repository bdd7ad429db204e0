#!/usr/bin/env python3
"""shoald as a process: daemon.py PATH_OF_SHOALD."""
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time

PROGRAM = sys.argv[1]
work = tempfile.mkdtemp(prefix="shoal-test-")


class Daemon:
    """A shoald with roots of its own, below `name`; waits until it says that it is ready."""

    def __init__(self, name, *flags, **env):
        self.root = f"{work}/{name}"
        os.makedirs(self.root, exist_ok=True)
        self.log_path = self.root + "/log"
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.settimeout(10)
        path = self.root + "/notify"
        if os.path.exists(path):
            os.unlink(path)
        self.notify.bind(path)
        with open(self.log_path, "w") as log:
            self.process = subprocess.Popen([PROGRAM, *self.flags(), *flags], stderr=log, env={**os.environ, "NOTIFY_SOCKET": path, **env})

    def flags(self):
        return [f"--data-root={self.root}/data", f"--exec-root={self.root}/exec", f"--pidfile={self.root}/pid", f"--config-file={self.config()}", f"--host=unix://{self.root}/sock", "--group=root"]

    def config(self):
        path = self.root + "/daemon.json"
        if not os.path.exists(path):
            with open(path, "w") as f:
                f.write("{}")
        return path

    def hear(self):
        return self.notify.recv(1000).decode()

    def ready(self):
        assert self.hear() == "READY=1"
        return self

    def log(self):
        with open(self.log_path) as f:
            return f.read()

    def wait_log(self, text):
        for _ in range(100):
            if text in self.log():
                return
            time.sleep(0.05)
        raise AssertionError(f"no {text!r} in the log: {self.log()}")

    def stop(self, signum=signal.SIGTERM):
        began = time.time()
        self.process.send_signal(signum)
        status = self.process.wait(5)
        return status, time.time() - began


def run(*args):
    return subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=10)


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def help_version_and_validate_answer_and_end():
    assert "--tlsverify" in run("--help").stdout
    assert run("--version").stdout.startswith("shoald version ")
    good = run("--validate", "--config-file=/dev/null")
    assert good.returncode == 0 and good.stdout == "configuration OK\n"
    bad = run("--validate", "--config-file=/dev/null", "-H", "tcp://0.0.0.0:2375")
    assert bad.returncode == 1 and "root on this host" in bad.stderr


def it_says_ready_and_ends_within_a_second():
    for signum in (signal.SIGTERM, signal.SIGINT):
        d = Daemon("life").ready()
        assert open(d.root + "/pid").read() == f"{d.process.pid}\n"
        status, took = d.stop(signum)
        assert status == 0 and took < 1, (status, took)
        assert d.hear() == "STOPPING=1"
        assert not os.path.exists(d.root + "/pid")


def it_may_end_at_any_moment():
    for i in range(40):
        d = Daemon("moments").ready()
        time.sleep(i % 10 * 0.0005)
        status, took = d.stop()
        assert status == 0 and took < 1, (status, took)


def its_folders_are_closed_to_others():
    d = Daemon("modes").ready()
    assert mode(d.root + "/data") == 0o710
    assert mode(d.root + "/exec") == 0o711
    assert mode(d.root + "/data/journal") == 0o700
    for name in ("key", "raft.db", "local.db"):
        assert mode(f"{d.root}/data/journal/{name}") == 0o600, name
    assert mode(d.root + "/pid") == 0o644
    d.stop()


def it_leaks_nothing_and_lets_nobody_look():
    leaked = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(leaked, True)
    d = Daemon("leak").ready()
    status = open(f"/proc/{d.process.pid}/status").read()
    # Not dumpable: its files in /proc belong to root and no tracer of the same user may attach.
    assert "Umask:\t0077" in status
    for fd in os.listdir(f"/proc/{d.process.pid}/fd"):
        info = open(f"/proc/{d.process.pid}/fdinfo/{fd}").read()
        flags = int(info.split("flags:")[1].split()[0], 8)
        assert int(fd) < 3 or flags & os.O_CLOEXEC, (fd, os.readlink(f"/proc/{d.process.pid}/fd/{fd}"))
    d.stop()
    os.close(leaked)


def two_on_one_root_are_refused():
    d = Daemon("one").ready()
    second = run(*d.flags())
    assert second.returncode == 1 and f"held by process {d.process.pid}" in second.stderr, second.stderr
    other_pidfile = [f for f in d.flags() if "pidfile" not in f] + [f"--pidfile={d.root}/pid2"]
    second = run(*other_pidfile)
    assert second.returncode == 1 and "another shoald uses it" in second.stderr, second.stderr
    assert not os.path.exists(d.root + "/pid2")
    assert d.process.poll() is None
    d.stop()


def a_killed_one_is_followed_by_the_next():
    for _ in range(5):
        d = Daemon("killed").ready()
        d.process.kill()
        d.process.wait()
        assert os.path.exists(d.root + "/pid")
    began = time.time()
    d = Daemon("killed").ready()
    assert time.time() - began < 1, time.time() - began
    assert d.stop()[0] == 0


def a_missing_key_is_not_made_anew():
    d = Daemon("key").ready()
    d.stop()
    os.unlink(d.root + "/data/journal/key")
    again = run(*d.flags())
    assert again.returncode == 1 and "is missing: the journal beside it cannot be opened" in again.stderr

    with open(d.root + "/data/journal/key", "wb") as f:
        f.write(b"x" * 32)
    os.chmod(f.name, 0o644)
    assert "others may read it" in run(*d.flags()).stderr
    os.chmod(f.name, 0o600)
    assert "the data key does not open it" in run(*d.flags()).stderr


def a_reload_reads_the_file_again():
    d = Daemon("reload").ready()
    with open(d.config(), "w") as f:
        json.dump({"debug": True}, f)
    d.process.send_signal(signal.SIGHUP)
    assert d.hear().startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert d.hear() == "READY=1"
    d.wait_log("changed: debug")

    with open(d.config(), "w") as f:
        f.write('{"nonsense": 1}')
    d.process.send_signal(signal.SIGHUP)
    d.hear()
    assert d.hear() == "READY=1"
    d.wait_log("the configuration stays as it was")
    assert d.stop()[0] == 0


def hollow_flags_are_logged_once():
    d = Daemon("hollow", "--iptables=false", "--containerd=/x").ready()
    assert d.log().count("--iptables has no meaning here") == 1
    assert d.log().count("--containerd has no meaning here") == 1
    d.stop()


def the_log_is_for_people_or_for_machines():
    d = Daemon("text").ready()
    d.stop()
    assert d.log().startswith('time="20') and ' level=info msg="shoald ' in d.log()
    d = Daemon("json", "--log-format=json").ready()
    d.stop()
    for line in d.log().splitlines():
        fact = json.loads(line)
        assert set(fact) == {"time", "level", "msg", "room"}


passed = failed = 0
for test in (
    help_version_and_validate_answer_and_end,
    it_says_ready_and_ends_within_a_second,
    it_may_end_at_any_moment,
    its_folders_are_closed_to_others,
    it_leaks_nothing_and_lets_nobody_look,
    two_on_one_root_are_refused,
    a_killed_one_is_followed_by_the_next,
    a_missing_key_is_not_made_anew,
    a_reload_reads_the_file_again,
    hollow_flags_are_logged_once,
    the_log_is_for_people_or_for_machines,
):
    try:
        test()
        passed += 1
    except Exception as e:  # noqa: BLE001
        print(f"FAILED {test.__name__}: {type(e).__name__}: {e}")
        failed += 1

subprocess.run(["rm", "-r", work], check=True)
print(f"{passed} passed, {failed} failed")
sys.exit(failed != 0)
