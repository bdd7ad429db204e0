"""Drivers that are programs: the one that docs/examples has, and one that does everything wrong. Needs no root."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(os.environ.get("SHOAL_BUILD") or os.path.join(HERE, "..", "..", "build"))
PROGRAM = f"{BUILD}/shoal-machine"
TOP = tempfile.mkdtemp(prefix="shoal-machine-drivers-", dir="/tmp")
STORE, BIN, HOSTS = f"{TOP}/store", f"{TOP}/bin", f"{TOP}/hosts"


def environment(**env):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("DOCKER_", "MACHINE_"))}
    return {**clean, "SHELL": "/bin/bash", "HOME": TOP, "MACHINE_STORAGE_PATH": STORE, "PATH": f"{BIN}:{os.environ['PATH']}", **env}


def machine(*words, **env):
    done = subprocess.run([PROGRAM, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, env=environment(**env))
    return done.returncode, done.stdout, done.stderr


def ok(*words, **env):
    rc, out, err = machine(*words, **env)
    assert rc == 0, f"$ {' '.join(words)}\n{out}{err}[rc {rc}]"
    return out


def fails(said, *words, rc=1, **env):
    got, out, err = machine(*words, **env)
    assert got == rc and said in err, f"$ {' '.join(words)}\n{out}{err}[rc {got}]"


def driver(name, body):
    open(f"{BIN}/shoal-machine-driver-{name}", "w").write("#!/bin/sh\n" + body)
    os.chmod(f"{BIN}/shoal-machine-driver-{name}", 0o755)


def taken():
    return open(HOSTS + ".taken").read().split() if os.path.exists(HOSTS + ".taken") else []


def a_host_of_the_inventory_is_taken_and_given_back():
    open(HOSTS, "w").write("# ours\n127.0.0.1 me /tmp/key\n127.0.0.2\n")
    said = ok("create", "-d", "inventory", "--inventory-file", HOSTS, "a")
    assert "(a) It is 127.0.0.1" in said, said
    ok("create", "--driver=inventory", "b", INVENTORY_FILE=HOSTS)
    fails("every host of the inventory is taken", "create", "-dinventory", "c", INVENTORY_FILE=HOSTS)
    assert taken() == ["127.0.0.1", "127.0.0.2"] and sorted(os.listdir(f"{STORE}/machines")) == ["a", "b"]
    own = json.load(open(f"{STORE}/machines/a/config.json"))["Driver"]
    assert own["SSHUser"] == "me" and own["Options"] == {"inventory-file": HOSTS}, own
    assert "--inventory-file" in ok("create", "-d", "inventory", "--help")
    assert "--inventory-file" not in ok("create", "--help")
    ok("rm", "-y", "a", "b")
    assert taken() == []


def many_are_looked_at_by_one_process():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        ok("create", "-d", "inventory", "--inventory-file", HOSTS, "a")
        ok("create", "-d", "inventory", "--inventory-file", HOSTS, "b")
        for name in "ab":
            path = f"{STORE}/machines/{name}/config.json"
            record = json.load(open(path))
            record["Driver"]["SSHPort"] = port
            json.dump(record, open(path, "w"))
        rows = ok("ls", "-t", "2", "-f", "{{.Name}} {{.DriverName}} {{.State}}").splitlines()
        assert rows == ["a inventory Running", "b inventory Error"], rows
        assert "127.0.0.2 does not answer" in ok("ls", "--filter", "name=b", "-f", "{{.Error}}")
        assert ok("status", "a") == "Running\n"
        fails("driver inventory cannot stop a host", "stop", "a")
    ok("rm", "-y", "a", "b")


def what_a_driver_saved_is_there_after_kill_9():
    driver("slow", 'read line\ncase "$line" in\n'
           '*\'"call":"options"\'*) echo \'{"done": {"options": []}}\' ;;\n'
           '*\'"call":"create"\'*)\n'
           '  case "$line" in *\'"Name":"thing"\'*) echo \'{"say": "found it"}\' ; echo \'{"done": {"own": {"IPAddress": "192.0.2.1"}}}\' ; exit ;; esac\n'
           '  echo \'{"save": {"Name": "thing"}}\'\n  read saved\n'
           f'  echo "$saved" > {TOP}/saved\n  sleep 30 ;;\n'
           '*\'"call":"look"\'*) echo \'{"done": {"machines": [{"state": "Running"}]}}\' ;;\n'
           '*) echo \'{"done": {}}\' ;;\nesac\n')
    child = subprocess.Popen([PROGRAM, "create", "-d", "slow", "x"], env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    end = time.monotonic() + 20
    while not os.path.exists(f"{TOP}/saved"):
        assert time.monotonic() < end
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert json.loads(open(f"{TOP}/saved").read()) == {"saved": True}
    said = ok("create", "-d", "slow", "x")
    assert "(x) found it" in said, said
    assert ok("ip", "x") == "192.0.2.1\n"
    ok("rm", "-y", "x")


def drivers_that_break_the_contract_are_named():
    for body, said in (("exit 1", "the driver"), ("read l; echo words", "none of say, save, done, error"), ('read l; echo \'{"done": 1}\'', "none of say"),
                       ("read l; head -c 2000000 /dev/zero", "says too much in a line"), ('read l; echo \'{"error": "no quota"}\'', "no quota"),
                       ('read l; echo \'{"save": {}}\'', "saves where there is nothing to save"),
                       ('read l; echo \'{"done": {"options": [{"name": "A b", "kind": "text"}]}}\'', "option 1 of the driver is none"),
                       ('read l; echo \'{"done": {"options": [{"name": "ab", "kind": "x"}]}}\'', "option 1 of the driver is none")):
        driver("bad", body + "\n")
        fails(said, "create", "-d", "bad", "x")
    fails('Driver "../bad" not found.', "create", "-d", "../bad", "x")
    assert not os.path.exists(f"{STORE}/machines/x")
    driver("mute", 'read l\ncase "$l" in *options*) echo \'{"done": {"options": []}}\' ;; *look*) exec sleep 30 ;; *) echo \'{"done": {}}\' ;; esac\n')
    ok("create", "-d", "mute", "x")
    began = time.monotonic()
    assert ok("ls", "-t", "1", "-f", "{{.State}}") == "Timeout\n"
    assert time.monotonic() - began < 10
    ok("rm", "-y", "x")


os.mkdir(BIN)
os.symlink(os.path.join(HERE, "..", "..", "docs", "examples", "shoal-machine-driver-inventory"), f"{BIN}/shoal-machine-driver-inventory")
passed = failed = 0
for test in [a_host_of_the_inventory_is_taken_and_given_back, many_are_looked_at_by_one_process, what_a_driver_saved_is_there_after_kill_9,
             drivers_that_break_the_contract_are_named]:
    try:
        test()
        passed += 1
        print(f"ok {test.__name__}", flush=True)
    except Exception:  # noqa: BLE001
        failed += 1
        print(f"FAILED {test.__name__}: {traceback.format_exc()}", flush=True)
shutil.rmtree(TOP, ignore_errors=True)
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
