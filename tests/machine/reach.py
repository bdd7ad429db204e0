"""`shoal machine ssh` and `scp` to a host of the driver `amazonec2`: moto says it exists, and a real sshd answers at its address, in a network
namespace where all of moto's public addresses are this computer. Needs root, sshd and moto; says "skipped: why" without."""
import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

import motocloud
from motocloud import REGION

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(os.environ.get("SHOAL_BUILD") or os.path.join(HERE, "..", "..", "build"))
PROGRAM = f"{BUILD}/shoal-machine"
CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
MS_REC, MS_PRIVATE, MS_BIND = 16384, 1 << 18, 4096
SSHD = shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
TOP = moto = sshd = None


def lack():
    if os.geteuid() != 0:
        return "not root"
    if not SSHD:
        return "no sshd"
    for program in ("ssh", "scp", "ssh-keygen", "ip"):
        if not shutil.which(program):
            return f"no {program}"
    return motocloud.lack()


def enter_network():
    """All that is done from here on is done in a network of our own, with a /run/sshd that nobody else sees."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS | CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")
    libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None)
    libc.mount(b"none", b"/run", b"tmpfs", 0, None)
    os.makedirs("/run/sshd", 0o755)
    accounts = open("/etc/passwd").read()
    if "\nsshd:" not in accounts:  # whom sshd becomes before it knows who calls
        open(f"{TOP}/passwd", "w").write(accounts + "sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n")
        os.chmod(f"{TOP}/passwd", 0o644)
        if libc.mount(f"{TOP}/passwd".encode(), b"/etc/passwd", None, MS_BIND, None):
            raise OSError(ctypes.get_errno(), "mount")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "route", "add", "local", "54.214.0.0/16", "dev", "lo"], check=True)


def machine(*words, stdin=""):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("DOCKER_", "MACHINE_", "AWS_", "SSH_")) and not k.lower().endswith("_proxy")}
    env.update(HOME=TOP, SHELL="/bin/bash", MACHINE_STORAGE_PATH=f"{TOP}/store", AWS_ENDPOINT_URL=f"http://127.0.0.1:{moto.port}",
               AWS_DEFAULT_REGION=REGION, AWS_ACCESS_KEY_ID="AKIAROOT", AWS_SECRET_ACCESS_KEY="s", AWS_EC2_METADATA_DISABLED="true", SHOAL_ENGINE="none")
    done = subprocess.run([PROGRAM, *words], input=stdin, capture_output=True, text=True, timeout=90, env=env)
    return done.returncode, done.stdout, done.stderr


def ok(*words, **more):
    rc, out, err = machine(*words, **more)
    assert rc == 0, f"$ {' '.join(words)}\n{out}{err}[rc {rc}]"
    return out


def start_sshd():
    """Lets in whom EC2 would have let in: the key pairs that moto has."""
    global sshd
    keys = moto.client("ec2").describe_key_pairs(IncludePublicKey=True)["KeyPairs"]
    open(f"{TOP}/authorized", "w").write("".join(k["PublicKey"].strip() + "\n" for k in keys))
    open(f"{TOP}/sshd_config", "w").write(
        f"HostKey {TOP}/host_key\nAuthorizedKeysFile {TOP}/authorized\nPermitRootLogin prohibit-password\nPasswordAuthentication no\n"
        "KbdInteractiveAuthentication no\nStrictModes no\nPidFile none\nUsePAM no\nSubsystem sftp internal-sftp\nListenAddress 0.0.0.0:22\n")
    sshd = subprocess.Popen([SSHD, "-D", "-e", "-f", f"{TOP}/sshd_config"], stderr=open(f"{TOP}/sshd.log", "a"))
    time.sleep(0.3)
    assert sshd.poll() is None, open(f"{TOP}/sshd.log").read()


def stop_sshd():
    sshd.terminate()
    sshd.wait(10)


def new_host_key():
    for name in ("host_key", "host_key.pub"):
        if os.path.exists(f"{TOP}/{name}"):
            os.unlink(f"{TOP}/{name}")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{TOP}/host_key"], check=True)


# ---- tests, in order ----

def commands_run_and_their_exit_code_comes_through():
    ok("create", "-d", "amazonec2", "--allow", "192.0.2.7", "--amazonec2-ssh-user", "root", "node-01")
    new_host_key()
    start_sshd()
    assert ok("ssh", "node-01", "echo", "here") == "here\n"
    assert ok("ssh", "node-01", "--", "echo $((40 + 2))") == "42\n"
    assert ok("ssh", "node-01", "cat", stdin="through\n") == "through\n"
    assert machine("ssh", "node-01", "exit 42")[0] == 42
    assert machine("ssh", "node-01", "nosuchprogram")[0] == 127
    assert not [f for f in os.listdir(f"{TOP}/store") if f.startswith("ssh_config")]


def files_are_copied_both_ways():
    open(f"{TOP}/file", "w").write("text\n")
    ok("scp", "-q", f"{TOP}/file", f"node-01:{TOP}/there")
    assert open(f"{TOP}/there").read() == "text\n"
    ok("scp", f"node-01:{TOP}/there", f"localhost:{TOP}/back")
    assert open(f"{TOP}/back").read() == "text\n"
    os.makedirs(f"{TOP}/folder")
    open(f"{TOP}/folder/a", "w").write("a")
    ok("scp", "-r", f"root@node-01:{TOP}/folder", f"{TOP}/copy")
    assert open(f"{TOP}/copy/a").read() == "a"
    ok("scp", f"node-01:{TOP}/file", f"node-01:{TOP}/across")
    assert open(f"{TOP}/across").read() == "text\n"
    assert machine("scp", f"node-01:{TOP}/nosuch", f"{TOP}/x")[0] == 1
    assert "no word names a machine" in machine("scp", f"{TOP}/file", f"{TOP}/x")[2]


def a_new_address_keeps_the_key_and_a_new_key_is_refused():
    before = ok("ip", "node-01")
    ok("stop", "node-01")
    rc, out, err = machine("ssh", "node-01", "true")
    assert rc == 1 and 'Error: Cannot run SSH command: Host "node-01" is not running' in err, err
    ok("start", "node-01")
    assert ok("ip", "node-01") != before
    assert ok("ssh", "node-01", "echo", "again") == "again\n"
    stop_sshd()
    new_host_key()
    start_sshd()
    rc, out, err = machine("ssh", "node-01", "echo", "fooled")
    assert rc == 255 and "fooled" not in out and "IDENTIFICATION HAS CHANGED" in err, err


def a_key_that_others_can_read_is_not_used():
    path = f"{TOP}/store/machines/node-01/id_ed25519"
    os.chmod(path, 0o644)
    rc, out, err = machine("ssh", "node-01", "true")
    assert rc == 1 and f"permissions 0644 for '{path}' are too open" in err, err
    os.chmod(path, 0o600)
    ok("rm", "-y", "node-01")
    assert not moto.left(), moto.left()


def main():
    global TOP, moto
    why = lack()
    if why:
        print(f"skipped: {why}\n0 passed, 0 failed")
        return 0
    TOP = tempfile.mkdtemp(prefix="shoal-machine-reach-", dir="/tmp")
    passed = failed = 0
    try:
        enter_network()
        moto = motocloud.Moto()
        for test in [commands_run_and_their_exit_code_comes_through, files_are_copied_both_ways,
                     a_new_address_keeps_the_key_and_a_new_key_is_refused, a_key_that_others_can_read_is_not_used]:
            try:
                test()
                passed += 1
                print(f"ok {test.__name__}", flush=True)
            except Exception:  # noqa: BLE001
                failed += 1
                print(f"FAILED {test.__name__}: {traceback.format_exc()}", flush=True)
    finally:
        if sshd:
            stop_sshd()
        if moto:
            moto.end()
        shutil.rmtree(TOP, ignore_errors=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
