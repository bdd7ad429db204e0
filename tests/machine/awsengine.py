"""`shoal machine create -d amazonec2` to the end: moto says that an instance runs, a host with a real sshd answers at its address and
lets in the key that moto was given, and the engine comes over SSH. Needs root, moto and an sshd; says "skipped: why" without."""
import os
import re
import subprocess
import sys
import time

import far
import motocloud
from motocloud import REGION
from world import BUILD, run_tests

FOLDER = ""
HOSTS = {}
moto = None


def environment(**more):
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("DOCKER_", "MACHINE_", "AWS_", "SSH_", "SHOAL_")) and not k.lower().endswith("_proxy")}
    env.update(HOME=FOLDER, SHELL="/bin/bash", MACHINE_STORAGE_PATH=f"{FOLDER}/store", AWS_ENDPOINT_URL=f"http://127.0.0.1:{moto.port}",
               AWS_DEFAULT_REGION=REGION, AWS_ACCESS_KEY_ID="AKIAROOT", AWS_SECRET_ACCESS_KEY="s", AWS_EC2_METADATA_DISABLED="true", **more)
    return env


def begun(*words):
    return subprocess.Popen([f"{BUILD}/shoal-machine", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment())


def ended(process):
    out = process.communicate(timeout=120)[0]
    assert process.returncode == 0, f"{out}[rc {process.returncode}]"
    return out


def ok(*words):
    return ended(begun(*words))


def shoal(name, *words):
    env = environment(**dict(re.findall(r'^export (\w+)="(.*)"$', ok("env", name), re.M)))
    done = subprocess.run([f"{BUILD}/shoal", *words], capture_output=True, text=True, timeout=60, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def reconcile(process=None):
    """What EC2 would do: a host for each instance that runs, at its address; its user's key is the instance's key pair."""
    end = time.monotonic() + 60
    while time.monotonic() < end and (process is None or process.poll() is None):
        keys = {k["KeyName"]: k["PublicKey"] for k in moto.client("ec2").describe_key_pairs(IncludePublicKey=True)["KeyPairs"]}
        for instance in moto.instances(instance_state_name="running"):
            ident, address = instance["InstanceId"], instance.get("PublicIpAddress")
            if ident not in HOSTS and address:
                HOSTS[ident] = far.Far(FOLDER, 31 + len(HOSTS), "amazon", "systemd", SSHD, keys[instance["KeyName"]], user="ubuntu")
                HOSTS[ident].addresses = []
            if address and address not in HOSTS[ident].addresses:
                HOSTS[ident].add_address(address)
                HOSTS[ident].addresses.append(address)
                if process:
                    return
        time.sleep(0.1)
    assert process, "nothing happened"


def a_create_ends_with_an_engine():
    create = begun("create", "-d", "amazonec2", "--allow", "192.0.2.7", "--engine-label", "zone=a", "node-01")
    reconcile(create)
    out = ended(create)
    assert "It is Amazon Linux 2023.6 on amd64, services by systemd" in out and "Docker is up and running!" in out, out
    row = ok("ls").splitlines()[1].split()
    assert row[2:4] == ["amazonec2", "Running"] and row[5].startswith("v"), row
    labels = shoal("node-01", "info", "-f", "{{json .Labels}}")
    assert "zone=a" in labels and "provider=amazonec2" in labels, labels
    host = list(HOSTS.values())[0]
    assert set(host.read("/log/sudo").split()) == {"sh"}, "all that root does goes through sudo"


def a_new_address_brings_a_new_certificate():
    before = ok("ip", "node-01")
    ok("stop", "node-01")
    start = begun("start", "node-01")
    reconcile(start)
    out = ended(start)
    assert ok("ip", "node-01") != before and "it gets a certificate for that" in out, out
    assert "Sending the engine" not in out, out
    assert shoal("node-01", "info", "-f", "{{.Name}}") == "node-01\n"


def rm_leaves_nothing():
    ok("rm", "-y", "node-01")
    assert not moto.left(), moto.left()


def begin(folder):
    global FOLDER, moto
    FOLDER = folder
    far.begin_network()
    moto = motocloud.Moto()


def end():
    for host in HOSTS.values():
        host.end()
    subprocess.run(["umount", "-R", "-l", far.ROOTS], capture_output=True)
    if moto:
        moto.end()


why = motocloud.lack()
SSHD = None if why else far.sshd_of(f"{BUILD}/far-sshd")
if not SSHD or not far.have_tree(BUILD):
    print(f"skipped: {why or 'no sshd or no tree, and none to be had'}\n0 passed, 0 failed")
    sys.exit(0)
sys.exit(run_tests([a_create_ends_with_an_engine, a_new_address_brings_a_new_certificate, rm_leaves_nothing], begin, end))
