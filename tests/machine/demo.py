"""`make demo`, as a newcomer sees it: to its end, and broken off by Ctrl-C. Either way it leaves nothing."""
import os
import re
import shutil
import signal
import subprocess
import sys
import time

from world import HERE, nothing_is_left, run_tests

DEMO = os.path.join(HERE, "..", "..", "tools", "demo")


def registries():
    found = subprocess.run(["pgrep", "-af", "docker-registry serve .*/demo/registry.yml"], capture_output=True, text=True)
    return found.stdout


def four_hosts_appear_run_eight_tasks_and_go_away():
    began = time.monotonic()
    done = subprocess.run([DEMO], capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stdout + done.stderr
    print(f"   the whole demo in {time.monotonic() - began:.0f} s")
    for text in ("Docker is up and running!", "is now a manager.", "This node joined a swarm as a worker.",
                 "nginx scaled to 8", "8/8", "<title>", "Successfully removed node-04"):
        assert text in done.stdout, f"no {text!r} in {done.stdout}{done.stderr}"
    assert len(re.findall(r"^ +2 node-0[1-4]$", done.stdout, re.M)) == 4, done.stdout
    nothing_is_left()
    assert not registries()


def who_breaks_it_off_keeps_nothing():
    for after_s in (0.5, 3, 8):
        demo = subprocess.Popen([DEMO], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        time.sleep(after_s)
        os.killpg(demo.pid, signal.SIGINT)  # as a terminal does: everybody in the foreground hears it
        assert demo.wait(30) != 0
        nothing_is_left()
        assert not registries()


def has_nginx():
    """The demo's hosts are made in a network of their own, so its packages are fetched before."""
    fetch = [os.path.join(HERE, "..", "images", "make-nginx"), "fetch", os.path.join(HERE, "..", "..", "build", "demo")]
    return any(subprocess.run(line, capture_output=True).returncode == 0
               for line in (fetch, ["sh", "-c", 'apt-get update -q && exec "$@"', "sh", *fetch]))


if not shutil.which("docker-registry") or not has_nginx():
    print("skipped: no docker-registry or no way to nginx\n0 passed, 0 failed")
    sys.exit(0)
sys.exit(run_tests([four_hosts_appear_run_eight_tasks_and_go_away, who_breaks_it_off_keeps_nothing],
                   lambda folder: None, lambda: None))
