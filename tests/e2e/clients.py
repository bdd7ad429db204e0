"""The clients people use, on a terminal and off it, against one host of a lab.

    place = Place(lab)       a host with shoald and a busybox image on it, and the clients there are"""
import ctypes
import fcntl
import glob
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "images")]
import image  # noqa: E402
import lab as labs  # noqa: E402


def eventually(what, seconds=10):
    """What `what` returns, once it is true."""
    end = time.time() + seconds
    while True:
        found = what()
        if found or time.time() > end:
            return found
        time.sleep(0.02)


class Result:
    def __init__(self, words, out, err, code):
        self.words, self.out, self.err, self.code = words, out, err, code

    def __repr__(self):
        return f"{' '.join(self.words)}: exit {self.code}, stdout {self.out!r}, stderr {self.err!r}"


class Terminal:
    """A command on a pseudo-terminal."""

    def __init__(self, words, env, rows=24, columns=80):
        self.main, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.seen = ""
        self.words = words
        self.process = subprocess.Popen(words, stdin=side, stdout=side, stderr=side, env=env, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(side)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.main)

    def type(self, keys):
        os.write(self.main, keys.encode())

    def resize(self, rows, columns):
        fcntl.ioctl(self.main, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _read(self, seconds):
        if not select.select([self.main], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.main, 65536)
        except OSError:
            return False
        self.seen += data.decode("utf-8", "replace")
        return True

    def shows(self, pattern, seconds=10):
        """Wait for a regular expression; what was seen until its end is then forgotten."""
        end = time.time() + seconds
        while True:
            found = re.search(pattern, self.seen)
            if found:
                self.seen = self.seen[found.end():]
                return found
            if time.time() > end or not self._read(0.05):
                break
        raise AssertionError(f"{' '.join(self.words)}: no {pattern!r} in {self.seen!r}")

    def ends(self, seconds=10):
        """Its exit code."""
        end = time.time() + seconds
        while self.process.poll() is None and time.time() < end:
            self._read(0.02)
        while select.select([self.main], [], [], 0)[0] and self._read(0):
            if self.process.poll() is not None and not self.seen:
                break
            try:
                data = os.read(self.main, 65536)
            except OSError:
                break
            self.seen += data.decode("utf-8", "replace")
        if self.process.poll() is None:
            raise AssertionError(f"{' '.join(self.words)}: still runs; {self.seen!r}")
        return self.process.returncode


class Cli:
    """One client program; its calls go to one daemon."""

    def __init__(self, name, program, socket_path, home):
        self.name, self.program = name, program
        os.makedirs(home, exist_ok=True)
        self.env = {"PATH": os.environ["PATH"], "HOME": home, "TERM": "xterm", "DOCKER_HOST": f"unix://{socket_path}",
                    "DOCKER_CONFIG": home, "DOCKER_BUILDKIT": "0",
                    "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "")}

    def words(self, words):
        return [self.program, *(str(w) for w in words)]

    def try_(self, *words, input=None, timeout=30, cwd=None):
        words = self.words(words)
        is_text = not isinstance(input, bytes)
        done = subprocess.run(words, input=input, env=self.env, capture_output=True, timeout=timeout, check=False,
                              text=is_text, cwd=cwd, **({} if input is not None else {"stdin": subprocess.DEVNULL}))
        text = (lambda b: b) if is_text else (lambda b: b.decode("utf-8", "replace"))
        return Result(words, text(done.stdout), text(done.stderr), done.returncode)

    def __call__(self, *words, **more):
        """What it prints; it must succeed."""
        done = self.try_(*words, **more)
        assert done.code == 0, done
        return done.out.rstrip("\n")

    def fails(self, *words, code=None, **more):
        """Its complaint; it must fail."""
        done = self.try_(*words, **more)
        assert done.code != 0 and (code is None or done.code == code), done
        return done.err

    def begin(self, *words):
        return subprocess.Popen(self.words(words), env=self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def terminal(self, *words, **more):
        return Terminal(self.words(words), self.env, **more)


def from_package(package, path, folder):
    """A program out of one of Debian's packages, which is not installed for it; None when it cannot be had here."""
    program = f"{folder}/{path}"
    if os.path.exists(program):
        return program
    if not shutil.which("apt-get"):
        return None
    os.makedirs(folder, exist_ok=True)
    try:
        got = subprocess.run(["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package], cwd=folder,
                             capture_output=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        return None
    packages = glob.glob(f"{folder}/{package}_*.deb")
    if got.returncode or not packages:
        return None
    done = subprocess.run(["dpkg", "-x", packages[0], folder], capture_output=True, check=False)
    for found in packages:
        os.unlink(found)
    return program if done.returncode == 0 and os.path.exists(program) else None


def version_of(program):
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"\d+\.\d+\.\d+", done.stdout)
    return found.group(0) if found else "?"


class Place:
    """stock: the stock clients by age, oldest first; ours; docker: the newest stock client, else ours."""

    def __init__(self, lab, flags=()):
        self.lab = lab
        self.host = lab.host(flags=flags).start()
        self.net = self.host.netns
        self.ours = self.cli("ours", f"{lab.build}/shoal")
        self.stock = self._stock()
        self.docker = self.stock[-1] if self.stock else self.ours
        self.everyone = self.stock + [self.ours]
        with tempfile.NamedTemporaryFile() as f:
            f.write(image.Image([image.busybox()]).archive(["busybox:latest"]))
            f.flush()
            self.ours("load", "-i", f.name)

    def cli(self, name, program):
        return Cli(name, program, self.host.socket, f"{self.lab.root}/home-{name}")

    def _stock(self):
        found = []
        installed = shutil.which("docker")
        old = None if installed and version_of(installed).startswith("20.10") else from_package("docker.io", "usr/bin/docker", self.lab.cache + "/docker.io")
        for program in (old, installed):
            if program:
                found.append(self.cli(version_of(program), program))
        if not any(c.name.startswith("20.10") for c in found):
            print("skipped: the stock client 20.10: its package cannot be had here")
        if not installed:
            print("skipped: a newer stock client: none is installed")
        return found

    def folder(self, name):
        path = f"{self.lab.root}/files/{name}"
        os.makedirs(path)
        return path

    def push(self, what, name):
        """An image.Image into the registry; its name there."""
        repository, tag = name.split(":")
        in_net(self.lab.world, lambda: what.push("http://" + labs.REGISTRY, repository, tag))
        return f"{labs.REGISTRY}/{name}"

    def clean(self):
        """No container is left."""
        ids = self.ours("ps", "-aq").split()
        if ids:
            self.ours("rm", "-f", "-v", *ids)


def in_net(name, what):
    """what(), by this process while it is in another network namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net") as home, open(f"/run/netns/{name}") as there:
        assert libc.setns(there.fileno(), labs.CLONE_NEWNET) == 0
        try:
            return what()
        finally:
            assert libc.setns(home.fileno(), labs.CLONE_NEWNET) == 0


def fetch(net, url, seconds=5):
    """The body at an address, as seen from a namespace."""
    return in_net(net, lambda: urllib.request.urlopen(url, timeout=seconds).read().decode())


def each(check):
    """The check with every client in turn; nothing is left between them."""
    def all_of_them(place):
        for cli in place.everyone:
            try:
                check(place, cli)
            except Exception as e:
                raise AssertionError(f"with {cli.name}: {type(e).__name__}: {e}") from e
            finally:
                place.clean()
    all_of_them.__name__ = check.__name__
    return all_of_them


def main(checks, flags=lambda lab: ()):
    """Each check is a function of a Place, its name a true sentence; `flags` are the daemon's."""
    def of_lab(check):
        def run(lab):
            try:
                check(lab.place)
            finally:
                lab.place.clean()
        run.__name__ = check.__name__
        return run

    def prepare(lab):
        lab.place = Place(lab, flags(lab))

    return labs.run_tests(prepare, [of_lab(check) for check in checks])
