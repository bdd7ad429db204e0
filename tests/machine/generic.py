"""`shoal machine` with the driver `generic`: real SSH to hosts without a libc, whose engines come over the connection.

The tests are one story, in order. Needs root and an sshd (Debian's is fetched when none is installed); says "skipped:
why" without them."""
import os
import re
import signal
import subprocess
import sys
import time

import far
from world import BUILD, HERE, run_tests, until

IMAGES = os.path.join(HERE, "..", "images")
STORE = KEY = FOLDER = ""
HOSTS = {}


def run(*words, timeout_s=120, **env):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("DOCKER_", "MACHINE_", "GENERIC_", "SSH_", "SHOAL_"))}
    done = subprocess.run(words, capture_output=True, text=True, timeout=timeout_s,
                          env={**clean, "MACHINE_STORAGE_PATH": STORE, "SHELL": "/bin/bash", "HOME": FOLDER, **env})
    return done.returncode, done.stdout, done.stderr


def machine(*words, **env):
    return run(f"{BUILD}/shoal-machine", *words, **env)


def ok(*words, **env):
    rc, out, err = machine(*words, **env)
    assert rc == 0, f"$ {' '.join(words)}\n{out}{err}[rc {rc}]"
    return out


def fails(rc, text, *words, **env):
    got, out, err = machine(*words, **env)
    assert got == rc and text in out + err, f"$ {' '.join(words)}\n{out}{err}[rc {got}], no {text!r}"
    return out + err


def create_words(name, host, *more):
    return ["create", "-d", "generic", "--generic-ip-address", host.address, "--generic-ssh-key", KEY, *more, name]


def engine_env(name):
    return dict(re.findall(r'^export (\w+)="(.*)"$', ok("env", name), re.M))


def shoal(name, *words):
    rc, out, err = run(f"{BUILD}/shoal", *words, **engine_env(name))
    assert rc == 0, f"$ shoal {' '.join(words)}\n{out}{err}[rc {rc}]"
    return out


def add_host(number, kind, services):
    host = far.Far(FOLDER, number, kind, services, SSHD, open(KEY + ".pub").read())
    HOSTS[number] = host
    until(10, lambda: run("bash", "-c", f"exec 3<>/dev/tcp/{host.address}/22")[0] == 0)
    return host


# ---- the story ----

def what_cannot_be_reached_is_told_in_one_sentence():
    began = time.monotonic()
    host = add_host(11, "alpine", "openrc")
    fails(1, "generic driver requires the --generic-ip-address option", "create", "-d", "generic", "x")
    fails(3, 'SSH key does not exist: "/nosuch"', "create", "-d", "generic", "--generic-ip-address", "10.97.53.11", "--generic-ssh-key",
          "/nosuch", "x")
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-N", "", "-f", f"{FOLDER}/wrong"], check=True)
    said = fails(1, "permission denied for ", "create", "-d", "generic", "--generic-ip-address", host.address, "--generic-ssh-key",
                 f"{FOLDER}/wrong", "wrong")
    assert "SSH to root@10.97.53.11 port 22" in said, said
    ok("rm", "-f", "wrong")
    fails(1, "Connection refused", *create_words("closed", host, "--generic-ssh-port", "23"))
    ok("rm", "-f", "closed")
    print(f"   {time.monotonic() - began:.1f} s")


def a_host_without_a_libc_gets_an_engine_over_ssh():
    host = HOSTS[11]
    out = ok(*create_words("a1", host, "--engine-label", "place=here and 'there'", "--engine-env", "COLOUR=deep 'blue'",
                           "--engine-registry-mirror", "http://10.97.53.1:5000", "--engine-opt", "max-concurrent-downloads=2"))
    assert "was never seen before" in out and "SHA256:" in out, out
    assert "It is Alpine Linux v3.20 on amd64, services by OpenRC" in out and "Docker is up and running!" in out, out
    row = ok("ls", "--filter", "name=a1").splitlines()[1].split()
    assert row[2:5] == ["generic", "Running", "tcp://10.97.53.11:2376"] and row[5].startswith("v"), row
    assert ok("inspect", "-f", "{{.Stage}} {{.Provisioning}}", "a1").split()[0] == "created"
    assert host.run("hostname").stdout == "a1\n" and host.read("/etc/hostname") == "a1\n"
    labels = shoal("a1", "info", "-f", "{{json .Labels}}")
    assert "place=here and 'there'" in labels and "provider=generic" in labels, labels
    pid = host.run("pidof", "shoald").stdout.split()[0]
    assert "COLOUR=deep 'blue'" in host.run("cat", f"/proc/{pid}/environ").stdout.split("\0")
    assert not os.path.exists(host.path("/lib64")) and not os.path.exists(host.path("/lib"))
    assert "shoald default" in host.read("/log/rc-update")


def keys_are_in_no_command_line_and_for_root_alone():
    host = HOSTS[11]
    commands = host.read("/log/commands")
    assert "server-key.pem" in commands and "-----BEGIN" not in commands and "PRIVATE" not in commands
    for name in ("ca.pem", "server.pem", "server-key.pem"):
        assert os.stat(host.path(f"/etc/shoal/tls/{name}")).st_mode & 0o777 == 0o600, name
        assert host.read(f"/etc/shoal/tls/{name}") == open(f"{STORE}/machines/a1/{name}").read()
    assert os.stat(host.path("/etc/shoal/tls")).st_mode & 0o777 == 0o700
    assert os.stat(f"{STORE}/machines/a1/key").st_mode & 0o777 == 0o600
    pin = open(f"{STORE}/machines/a1/known_hosts").read().split()
    assert pin == ["a1", *open(f"{host.folder}/host_key.pub").read().split()[:2]], pin


def a_container_runs_there():
    subprocess.run([sys.executable, f"{IMAGES}/make-busybox", "archive", f"{FOLDER}/busybox.tar"], check=True)
    shoal("a1", "load", "-i", f"{FOLDER}/busybox.tar")
    assert shoal("a1", "run", "--rm", "busybox", "echo", "here I am") == "here I am\n"


def ssh_gives_the_exit_status_and_scp_copies():
    rc, out, err = machine("ssh", "a1", "--", "echo out; echo err >&2; exit 7")
    assert (rc, out, err) == (7, "out\n", "err\n"), (rc, out, err)
    assert machine("ssh", "a1", "shoal", "version", "-f", "{{.Server.Version}}")[0] == 0


def provision_sends_nothing_that_is_there_and_repairs_what_is_not():
    host = HOSTS[11]
    out = ok("provision", "a1")
    assert "Sending the engine" not in out and "never seen" not in out, out
    os.unlink(host.path("/etc/shoal/start"))
    os.unlink(host.path("/opt/shoal/bin/shoald"))
    os.unlink(host.path("/opt/shoal/DIGEST"))
    host.run("rc-service", "shoald", "stop")
    assert "Sending the engine" in ok("provision", "a1")
    assert shoal("a1", "version", "-f", "{{.Server.Version}}")


def a_key_that_changed_is_refused():
    host = HOSTS[11]
    host.new_host_key()
    said = fails(1, "has changed", "provision", "a1")
    assert "known_hosts" in said, said
    os.unlink(f"{STORE}/machines/a1/known_hosts")
    assert "never seen before" in ok("provision", "a1")


def stop_is_refused_and_rm_forgets():
    for verb in ("start", "stop", "kill"):
        said = machine(verb, "a1")
        assert said[0] == 1, said
    fails(1, "generic driver does not support stop", "stop", "a1")
    ok("rm", "-y", "a1")
    assert not os.path.exists(f"{STORE}/machines/a1")
    assert HOSTS[11].run("pidof", "shoald").returncode == 0


def a_create_that_was_killed_goes_on():
    """kill -9 at each line of progress, then again until it is done."""
    host = add_host(12, "debian", "systemd")
    env = {**os.environ, "MACHINE_STORAGE_PATH": STORE, "HOME": FOLDER}
    for line in ("Running pre-create checks", "Importing SSH key", "Waiting for SSH", "It is Debian", "Sending the engine",
                 "Checking connection"):
        words = ["stdbuf", "-oL", f"{BUILD}/shoal-machine", *create_words("b1", host)]
        p = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env)
        for said in p.stdout:
            if line in said:
                break
        else:
            raise AssertionError(f"it never said {line!r}")
        p.send_signal(signal.SIGKILL)
        p.wait()
        p.stdout.close()
    out = ok(*create_words("b1", host))
    assert "Going on with the creation" in out and "Docker is up and running!" in out, out
    assert host.read("/log/systemctl").splitlines()[-3:] == ["daemon-reload", "enable -q shoald", "restart --no-block shoald"]
    assert "Type=notify" in host.read("/etc/systemd/system/shoald.service")
    assert not os.path.exists(host.path("/opt/shoal.new")) and not os.path.exists(host.path("/opt/shoal.old"))
    assert shoal("b1", "info", "-f", "{{.Name}}") == "b1\n"


def options_that_the_engine_refuses_are_told_at_once():
    ok("rm", "-y", "b1")
    began = time.monotonic()
    said = fails(1, "the engine refuses its options", *create_words("b1", HOSTS[12], "--engine-opt", "nosuch=1"))
    assert "nosuch" in said and "provisioning, step options" in said and time.monotonic() - began < 20, said
    assert ok("inspect", "-f", "{{.Stage}} {{.Provisioning}}", "b1") == "creating options\n"
    ok("rm", "-y", "b1")


def words_of_a_host_do_not_reach_the_terminal_as_commands():
    host = HOSTS[12]
    host.run("mv", "/bin/systemctl", "/bin/systemctl.kept")
    far.write(host.path("/bin/systemctl"), "#!/bin/sh\nprintf 'no \\033[2Jservices' >&2\nexit 3\n", 0o755)
    said = fails(1, "no  [2Jservices (exit status 3)", *create_words("b1", host))
    assert "\033" not in said, said
    host.run("mv", "/bin/systemctl.kept", "/bin/systemctl")
    ok("rm", "-y", "b1")


def an_engine_that_does_not_start_is_told_with_its_log():
    host = HOSTS[12]
    host.run("systemctl", "stop", "shoald")
    host.run("sh", "-c", "kill $(pidof shoald)")
    until(5, lambda: host.run("pidof", "shoald").returncode != 0)
    listen = "import socket; s = socket.create_server(('', 2376)); print(1, flush=True); input()"
    taken = subprocess.Popen(["nsenter", "-t", host.pid, "--net", sys.executable, "-c", listen], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert taken.stdout.readline() == b"1\n"
    said = fails(1, "The end of its log", *create_words("b1", host), timeout_s=180)
    assert "in use" in said, said
    taken.kill()
    taken.wait()
    ok("rm", "-y", "b1")


def a_host_with_a_docker_engine_is_left_alone():
    host = HOSTS[12]
    far.write(host.path("/bin/dockerd"), "#!/bin/sh\nsleep 60 & wait\n", 0o755)
    sleeper = subprocess.Popen(["nsenter", "-t", host.pid, "--pid", "--mount", "chroot", host.root, "/bin/dockerd"],
                               stdin=subprocess.DEVNULL)
    until(5, lambda: host.run("pidof", "dockerd").returncode == 0)
    fails(1, "a Docker engine runs there", *create_words("b2", host))
    sleeper.kill()
    sleeper.wait()
    ok("rm", "-y", "b2")


def begin(folder):
    global FOLDER, STORE, KEY
    FOLDER, STORE, KEY = folder, f"{folder}/store", f"{folder}/key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", KEY], check=True)
    far.begin_network()


def end():
    for host in HOSTS.values():
        host.end()
    subprocess.run(["umount", "-R", "-l", far.ROOTS], capture_output=True)


SSHD = far.sshd_of(f"{BUILD}/far-sshd")
if not SSHD or not far.have_tree(BUILD):
    print(f"skipped: no {'tree' if SSHD else 'sshd'}, and none to be had\n0 passed, 0 failed")
    sys.exit(0)
sys.exit(run_tests([what_cannot_be_reached_is_told_in_one_sentence, a_host_without_a_libc_gets_an_engine_over_ssh,
                    keys_are_in_no_command_line_and_for_root_alone, a_container_runs_there,
                    ssh_gives_the_exit_status_and_scp_copies, provision_sends_nothing_that_is_there_and_repairs_what_is_not,
                    a_key_that_changed_is_refused, stop_is_refused_and_rm_forgets, a_create_that_was_killed_goes_on,
                    options_that_the_engine_refuses_are_told_at_once, words_of_a_host_do_not_reach_the_terminal_as_commands,
                    an_engine_that_does_not_start_is_told_with_its_log, a_host_with_a_docker_engine_is_left_alone], begin, end))
