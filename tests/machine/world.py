"""A world for tests of local hosts: a network and a mount namespace of their own, so that they meet no other host of this
computer and the sweep at the end sees only what they left themselves."""
import ctypes
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(os.environ.get("SHOAL_BUILD") or os.path.join(HERE, "..", "..", "build"))
HOSTS, RUN = "/var/lib/shoal-machine", "/run/shoal-machine"
CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
MS_REC, MS_PRIVATE, MS_BIND, MNT_DETACH = 16384, 1 << 18, 4096, 2
libc = ctypes.CDLL(None, use_errno=True)
known_ids = set()  # of hosts that were there


def until(timeout_s, is_so):
    end = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def output(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def remains():
    """What hosts bring, in words; empty when there is nothing."""
    found = [f"folder {p}" for p in glob.glob(HOSTS + "/*") + glob.glob(RUN + "/*/")]
    links = json.loads(output("ip", "-j", "link"))
    found += [f"link {link['ifname']}" for link in links if link["ifname"] not in ("lo",)]
    found += [line for line in output("nft", "list", "tables").splitlines() if "shoal_machine" in line]
    found += [f"mount {line.split()[4]}" for line in open("/proc/self/mountinfo") if "shoal-machine/" in line]
    for ident in known_ids:
        found += [f"cgroup {p}" for p in glob.glob(f"/sys/fs/cgroup/*/shoal-machine-{ident}") +
                  glob.glob(f"/sys/fs/cgroup/shoal-machine-{ident}")]
        found += [f"process {p}" for p in processes_of(ident)]
    return found


def processes_of(ident):
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            if ident.encode() in open(path, "rb").read():
                found.append(path.split("/")[2])
        except OSError:
            pass
    return found


def nothing_is_left():
    left = remains()
    assert not left, "; ".join(left)


def lack():
    if os.geteuid() != 0:
        return "not root"
    for program in ("crun", "conmon", "nft", "ip", "openssl", "curl"):
        if not shutil.which(program):
            return f"no {program}"
    return None


def enter_world(folder):
    """Namespaces of our own; what hosts keep lies in `folder`."""
    if libc.unshare(CLONE_NEWNS | CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")
    libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None)
    for path in (HOSTS, RUN):
        os.makedirs(path, exist_ok=True)
        kept = f"{folder}/{os.path.basename(os.path.dirname(path))}"
        os.makedirs(kept)
        if libc.mount(kept.encode(), path.encode(), None, MS_BIND, None):
            raise OSError(ctypes.get_errno(), "mount " + path)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def run_tests(tests, begin, end):
    """begin(folder) and end() stand around the tests; names as arguments pick tests."""
    why = lack()
    if why:
        print(f"skipped: {why}\n0 passed, 0 failed")
        return 0
    folder = tempfile.mkdtemp(prefix="shoal-machine-test-", dir="/tmp")
    enter_world(folder)
    passed = failed = 0
    try:
        begin(folder)
        for test in tests:
            if sys.argv[1:] and test.__name__ not in sys.argv[1:]:
                continue
            began = time.monotonic()
            try:
                test()
                passed += 1
                print(f"ok {test.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
            except Exception as e:  # noqa: BLE001
                failed += 1
                where = [f for f in traceback.extract_tb(e.__traceback__) if os.path.basename(f.filename) == os.path.basename(sys.argv[0])][-1]
                print(f"FAILED {test.__name__} (line {where.lineno}): {type(e).__name__}: {e}", flush=True)
    finally:
        end()
        for path in (HOSTS, RUN):
            libc.umount2(path.encode(), MNT_DETACH)
            try:
                os.rmdir(path)
            except OSError:
                pass
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0
