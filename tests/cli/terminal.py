#!/usr/bin/env python3
"""The command line on a terminal: raw mode, window sizes, detach keys, signals, progress.

    terminal.py SHOAL        ends with "N passed, N failed" """
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine import Engine  # noqa: E402
import replies  # noqa: E402

ID = replies.C1
LIVE = [r for r in replies.REPLIES if not r["path"].endswith(("/attach", "/start"))] + [
    replies.post(f"/containers/{ID}/attach", upgrade=True, status=101, frames=[], live=True),
    replies.post("/exec/%s/start" % replies.EXEC, upgrade=True, status=101, frames=[], live=True),
    replies.post(f"/containers/{ID}/start", status=204), replies.post(f"/containers/{ID}/resize"),
    replies.post("/exec/%s/resize" % replies.EXEC), replies.post(f"/containers/{ID}/kill", status=204)]


class Terminal:
    """A program on a pseudo-terminal of 24 rows and 80 columns."""

    def __init__(self, program, words, engine):
        self.main, side = pty.openpty()
        self.resize(24, 80, tell=False)
        url = "unix://" + engine.socket_path
        self.seen = b""
        self.process = subprocess.Popen(
            [program] + words, stdin=side, stdout=side, stderr=side, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "SHOAL_HOST": url, "TERM": "xterm",
                 "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "")})
        self.side = side

    def resize(self, rows, columns, tell=True):
        fcntl.ioctl(self.main, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        if tell:
            self.process.send_signal(signal.SIGWINCH)

    def type(self, keys):
        os.write(self.main, keys)

    def wait_for(self, what, seconds=10):
        end = time.time() + seconds
        while not what() and time.time() < end:
            if select.select([self.main], [], [], 0.02)[0]:
                self.seen += os.read(self.main, 4096)
        return what()

    def shows(self, text):
        return self.wait_for(lambda: text in self.seen)

    def is_raw(self):
        return not termios.tcgetattr(self.main)[3] & termios.ICANON

    def ends(self):
        """The exit code."""
        self.wait_for(lambda: self.process.poll() is not None)
        while select.select([self.main], [], [], 0.05)[0]:
            self.seen += os.read(self.main, 4096)
        return self.process.poll()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.main)
        os.close(self.side)


def asked(engine, method, path, **query):
    wanted = sorted(query.items())
    return any(m == method and p == path and all(pair in q for pair in wanted)
               for m, p, q, _, _ in engine.requests)


def sizes(engine):
    """(path, rows, columns) of what the engine was told of our window"""
    return [(p, dict(q)["h"], dict(q)["w"]) for m, p, q, _, _ in engine.requests if p.endswith("/resize")]


def run_is_raw_and_ends_with_the_exit_code(t, engine):
    assert t.wait_for(t.is_raw)
    t.type(b"abc")
    assert t.shows(b"abc")
    t.type(b"\x04")
    assert t.ends() == 7
    assert not t.is_raw()
    assert b"abc\x04" in t.seen and t.seen.count(b"abc") == 1


def window_sizes_are_passed_on(t, engine):
    path = f"/containers/{ID}/resize"
    assert t.wait_for(lambda: (path, "24", "80") in sizes(engine))
    t.resize(30, 100)
    assert t.wait_for(lambda: (path, "30", "100") in sizes(engine))
    t.type(b"\x04")
    assert t.ends() == 7


def detach_keys_leave_the_container_alone(t, engine):
    assert t.wait_for(t.is_raw)
    t.type(b"x\x10")
    assert t.shows(b"x")
    t.type(b"\x11")
    assert t.ends() == 0
    assert b"read escape sequence" in t.seen and b"\x10" not in t.seen
    assert not asked(engine, "POST", f"/containers/{ID}/kill")


def half_of_the_detach_keys_goes_through(t, engine):
    assert t.wait_for(t.is_raw)
    t.type(b"\x10")
    t.type(b"y\x04")
    assert t.ends() == 7
    assert b"\x10y" in t.seen


def exec_has_a_size_and_an_exit_code(t, engine):
    assert t.wait_for(lambda: ("/exec/%s/resize" % replies.EXEC, "24", "80") in sizes(engine))
    t.type(b"\x04")
    assert t.ends() == 5


def signals_reach_the_process(t, engine):
    assert t.wait_for(lambda: asked(engine, "POST", f"/containers/{ID}/start"))
    time.sleep(0.2)
    t.process.send_signal(signal.SIGTERM)
    assert t.wait_for(lambda: asked(engine, "POST", f"/containers/{ID}/kill", signal="TERM"))
    t.type(b"\x04\n")
    assert t.ends() is not None


def progress_is_drawn_over(t, engine):
    assert t.ends() == 0
    assert b"\x1b[" in t.seen and b"[=====" in t.seen and b"converged" in t.seen


def interrupting_a_wait_leaves_the_change_going_on(t, engine):
    assert t.shows(b"overall progress")
    t.type(b"\x03")
    assert t.ends() == 0
    assert b"Operation continuing in background" in t.seen


def a_pull_is_drawn(t, engine):
    assert t.ends() == 0
    assert b"a1b2: Pull complete" in t.seen and b"\x1b[" in t.seen
    assert b"Status: Downloaded newer image" in t.seen


TESTS = [
    (["run", "-it", "--rm", "nginx", "sh"], run_is_raw_and_ends_with_the_exit_code),
    (["run", "-it", "--rm", "nginx", "sh"], window_sizes_are_passed_on),
    (["run", "-it", "nginx"], detach_keys_leave_the_container_alone),
    (["run", "-it", "nginx"], half_of_the_detach_keys_goes_through),
    (["exec", "-it", "web1", "sh"], exec_has_a_size_and_an_exit_code),
    (["run", "-i", "nginx"], signals_reach_the_process),
    (["service", "scale", "api=2"], progress_is_drawn_over),
    (["service", "scale", "bad=2"], interrupting_a_wait_leaves_the_change_going_on),
    (["pull", "nginx:1.27"], a_pull_is_drawn),
]


def main():
    shoal, passed, failed = os.path.abspath(sys.argv[1]), 0, 0
    for words, test in TESTS:
        with tempfile.TemporaryDirectory(prefix="cli") as folder:
            said = LIVE
            if test is interrupting_a_wait_leaves_the_change_going_on:
                said = [r for r in LIVE if not (r["path"] == "/services/bad" and
                                                "UpdateStatus" in r["json"])]
            engine = Engine(folder, said)
            terminal = Terminal(shoal, words, engine)
            try:
                test(terminal, engine)
                passed += 1
            except AssertionError as why:
                failed += 1
                print(f"FAILED {test.__name__}: line {why.__traceback__.tb_lineno}, seen {terminal.seen!r}")
                print("  asked", [call[:3] for call in engine.requests])
            terminal.close()
            engine.close()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
