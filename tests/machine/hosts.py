"""`shoal machine` with the driver `local`: real hosts, the stock client and ours, and kill -9 on the way.

The tests are one story, in order. Needs root, crun and conmon; says "skipped: why" without them."""
import fcntl
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from world import BUILD, HERE, HOSTS, known_ids, nothing_is_left, processes_of, run_tests, until

IMAGES = os.path.join(HERE, "..", "images")


class Answer:
    def __init__(self, words, done):
        self.words, self.rc, self.out, self.err = words, done.returncode, done.stdout, done.stderr

    def __repr__(self):
        return f"$ {' '.join(self.words)}\n{self.out}{self.err}[rc {self.rc}]"

    def ok(self):
        assert self.rc == 0, repr(self)
        return self

    def fails(self, rc, *texts):
        assert self.rc == rc, repr(self)
        for text in texts:
            assert text in self.err + self.out, f"no {text!r} in {self!r}"
        return self

    def word(self):
        return self.ok().out.strip()


STORE = None


def run(*words, stdin=None, env=None, timeout_s=90):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("DOCKER_")}
    done = subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=timeout_s,
                          env={**clean, "MACHINE_STORAGE_PATH": STORE, "SHELL": "/bin/bash", **(env or {})})
    return Answer(words, done)


def machine(*words, **more):
    return run(f"{BUILD}/shoal", "machine", *words, **more)


def env_of(name):
    """The environment that `shoal machine env` gives."""
    return dict(re.findall(r'^export (\w+)="(.*)"$', machine("env", name).ok().out, re.M))


def eval_env(name, command):
    """A shell of a user: eval, then the command."""
    return run("/bin/bash", "-c", f"eval $({BUILD}/shoal machine env {name}) && {command}",
               env={"PATH": BUILD + ":" + os.environ["PATH"]})


def record(name):
    return json.load(open(f"{STORE}/machines/{name}/config.json"))


def remember_ids():
    for path in glob.glob(f"{STORE}/machines/*/config.json"):
        known_ids.add(json.load(open(path))["Driver"].get("ID", ""))
    known_ids.discard("")


# ---- the tests, in order ----

def mistakes_are_told_in_a_sentence():
    machine("create").fails(1, "Error: No machine name specified")
    machine("create", "a", "b").fails(1, "Invalid command line. Found extra arguments [b]")
    machine("create", "-d", "bogus", "x").fails(1, 'Driver "bogus" not found.')
    for name in (".", "..", "-a", "a_b", "a/b", "∞", "x" * 64):
        machine("create", "--", name).fails(1, "Error creating machine: Invalid hostname specified.")
    machine("status", "nosuch").fails(1, 'Docker machine "nosuch" does not exist.')
    machine("rm", "-y", "nosuch").fails(1, 'Error removing host "nosuch"')
    machine("rm", "-f", "nosuch").fails(0)
    machine("rm").fails(1, "Error: Expected to get one or more machine names as arguments")
    machine("ip").fails(1, 'Error: No machine name(s) specified and no "default" machine exists')
    machine("foo").fails(1, "unknown command")
    machine("ls", "--nosuch").fails(2, "unknown flag: --nosuch")
    machine("ls", "--filter", "a").fails(2, "bad format of filter")
    machine("ls", "--filter", "a=b").fails(1, "Unsupported filter key 'a'")
    machine("active").fails(1, "No active host found")
    assert machine("ls").ok().out.split() == "NAME ACTIVE DRIVER STATE URL SWARM DOCKER ERRORS".split()
    assert not glob.glob(STORE + "/machines/*")


def who_is_not_root_is_told_before_anything_is_made():
    mine = tempfile.mkdtemp(dir="/tmp")
    for program in ("shoal", "shoal-machine"):  # the build's folder may be closed to others
        shutil.copy(f"{BUILD}/{program}", mine)
    os.chown(mine, 65534, 65534)
    said = run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", f"{mine}/shoal", "machine", "create", "x",
               env={"MACHINE_STORAGE_PATH": mine})
    said.fails(3, "Error with pre-create check: the local driver makes network namespaces and needs root")
    assert not os.path.exists(mine + "/machines")
    shutil.rmtree(mine)


def a_terminal_gets_a_shell_with_job_control():
    typed = "stty -echo; hostname; sleep 100 & kill %1 && echo killed-$((40 + 2)); exit 7\n"
    done = run("script", "-qec", f"{BUILD}/shoal machine ssh node-01", "/dev/null", stdin=typed)
    assert done.rc == 7 and "killed-42" in done.out and "node-01" in done.out, done
    assert "job control" not in done.out, done


def a_host_is_created_and_says_how_to_reach_it():
    began = time.monotonic()
    said = machine("create", "--driver", "local", "--engine-label", "rack=7", "--tls-san", "extra.example", "node-01")
    took = time.monotonic() - began
    lines = said.ok().out.splitlines()
    expected = ["Creating CA: ", "Creating client certificate: ", "Running pre-create checks...", "Creating machine...",
                "(node-01) ", "Copying certs to the local machine directory...", "Copying certs to the remote machine...",
                "Setting Docker configuration on the remote daemon...", "(node-01) ", "Checking connection to Docker...",
                "Docker is up and running!", "To see how to connect your Docker Client"]
    assert len(lines) == len(expected) and all(a.startswith(b) for a, b in zip(lines, expected)), lines
    remember_ids()
    print(f"   a host in {took:.2f} s")
    machine("create", "node-01").fails(1, 'Docker machine "node-01" already exists')


def its_files_are_private():
    for path, mode in (("certs/ca-key.pem", 0o600), ("certs/key.pem", 0o600), ("machines/node-01", 0o700),
                       ("machines/node-01/config.json", 0o600), ("machines/node-01/server-key.pem", 0o600),
                       ("machines/node-01/key.pem", 0o600)):
        assert os.stat(f"{STORE}/{path}").st_mode & 0o777 == mode, path
    ident = record("node-01")["Driver"]["ID"]
    assert os.stat(f"{HOSTS}/{ident}/tls/server-key.pem").st_mode & 0o777 == 0o600


def its_certificate_is_for_its_address_and_names():
    text = run("openssl", "x509", "-noout", "-text", "-in", f"{STORE}/machines/node-01/server.pem").ok().out
    for name in ("IP Address:" + machine("ip", "node-01").word(), "DNS:localhost", "DNS:node-01", "DNS:extra.example",
                 "TLS Web Server Authentication"):
        assert name in text, text
    run("openssl", "verify", "-CAfile", f"{STORE}/certs/ca.pem", f"{STORE}/certs/cert.pem",
        f"{STORE}/machines/node-01/server.pem").ok()


def both_clients_reach_it_by_its_environment():
    assert eval_env("node-01", "shoal info --format '{{.Name}}'").word() == "node-01"
    if shutil.which("docker"):
        assert eval_env("node-01", "docker info --format '{{.Name}} {{.Labels}}'").word() == \
            "node-01 [rack=7 provider=local]"
        assert "Version" in run("/bin/bash", "-c", f"docker $({BUILD}/shoal machine config node-01 | tr -d '\"') version").ok().out
    assert eval_env("node-01", "shoal machine active").word() == "node-01"
    version = machine("version", "node-01").word()
    assert eval_env("node-01", "shoal version --format '{{.Server.Version}}'").word() == version


def a_stranger_is_refused():
    env = env_of("node-01")
    stranger = tempfile.mkdtemp(dir=STORE)
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/O=x",
        "-keyout", stranger + "/key.pem", "-out", stranger + "/cert.pem").ok()
    shutil.copy(env["DOCKER_CERT_PATH"] + "/ca.pem", stranger)
    assert run(f"{BUILD}/shoal", "version", env={**env, "DOCKER_CERT_PATH": stranger}).rc != 0
    assert run(f"{BUILD}/shoal", "version", env=env).rc == 0
    shutil.rmtree(stranger)


def every_shell_gets_its_own_words():
    url = machine("url", "node-01").word()
    first = {
        "bash": f'export DOCKER_HOST="{url}"', "zsh": f'export DOCKER_HOST="{url}"',
        "fish": f'set -gx DOCKER_HOST "{url}";', "powershell": f'$Env:DOCKER_HOST = "{url}"',
        "cmd": f"SET DOCKER_HOST={url}", "tcsh": f'setenv DOCKER_HOST "{url}";',
        "emacs": f'(setenv "DOCKER_HOST" "{url}")',
    }
    for shell, line in first.items():
        lines = machine("env", "--shell", shell, "node-01").ok().out.splitlines()
        assert lines[1] == line, (shell, lines)
        assert lines[4].endswith("Run this command to configure your shell: "), lines
        assert f"shoal machine env --shell {shell} node-01" in lines[5], lines
    unset = {"bash": "unset DOCKER_TLS_VERIFY", "fish": "set -e DOCKER_TLS_VERIFY;", "cmd": "SET DOCKER_TLS_VERIFY=",
             "emacs": '(setenv "DOCKER_TLS_VERIFY" nil)'}
    for shell, line in unset.items():
        assert machine("env", "-u", "--shell", shell).ok().out.splitlines()[0] == line
    machine("env", "-u", "node-01").fails(1, "Error: Expected no machine name when the -u flag is present")
    assert 'export NO_PROXY="a,' + machine("ip", "node-01").word() + '"' in \
        machine("env", "--no-proxy", "node-01", env={"NO_PROXY": "a"}).ok().out
    machine("env", "node-01", env={"SHELL": ""}).fails(1, "Error: Unknown shell")


def it_is_shown_in_every_way():
    address = machine("ip", "node-01").word()
    assert machine("url", "node-01").word() == f"tcp://{address}:2376"
    assert machine("status", "node-01").word() == "Running"
    assert machine("inspect", "node-01").ok().out.startswith('{\n    "ConfigVersion": 3,')
    assert machine("inspect", "-f", "{{.Driver.IPAddress}} {{.DriverName}}", "node-01").word() == f"{address} local"
    row = machine("ls").ok().out.splitlines()[1].split()
    assert row[:5] == ["node-01", "-", "local", "Running", f"tcp://{address}:2376"] and row[5].startswith("v"), row
    assert machine("ls", "-f", "{{.Name}}\\t{{.State}}").ok().out == "node-01\tRunning\n"
    assert json.loads(machine("ls", "-f", "json").ok().out)["State"] == "Running"
    for match in ("name=node", "state=running", "driver=local", "label=rack=7"):
        assert machine("ls", "-q", "--filter", match).word() == "node-01", match
    for match in ("name=^x", "state=Stopped", "driver=none", "label=rack=8"):
        assert machine("ls", "-q", "--filter", match).word() == "", match


def a_shell_in_it_finds_a_host_of_its_own():
    ssh = lambda *words, **more: machine("ssh", "node-01", *words, **more)  # noqa: E731
    assert ssh("hostname").word() == "node-01"
    assert ssh("--", "cat", "/etc/hostname").word() == "node-01"
    assert ssh("echo $((1 + 1)) | cat").word() == "2"
    assert ssh("cat", stdin="through").out == "through"
    assert ssh("exit 42").rc == 42
    assert ssh("kill -9 $$").rc == 137
    assert machine("ip", "node-01").word() in ssh("ip -4 -o addr show eth0").out
    assert ssh("shoal info --format '{{.Name}}'").word() == "node-01"
    assert ssh("echo $DOCKER_HOST").word() == ""
    assert int(ssh("ls -d /proc/[0-9]* | wc -l").word()) < 20


def an_idle_engine_is_quiet():
    log = f"{HOSTS}/{record('node-01')['Driver']['ID']}/log"
    time.sleep(1)
    before = os.stat(log).st_size
    time.sleep(2)
    assert os.stat(log).st_size == before, open(log).read()[before:]


def containers_run_and_are_reached():
    archive = STORE + "/busybox.tar"
    subprocess.run([os.path.join(IMAGES, "make-busybox"), "archive", archive, "busybox:latest"], check=True)
    assert "Loaded image" in eval_env("node-01", f"shoal load -i {archive}").ok().out
    assert eval_env("node-01", "shoal run --rm busybox hostname -i").word().startswith("172.17.")
    eval_env("node-01", "shoal run -d --name web -p 8080:80 busybox sh -c 'echo page > index.html; exec httpd -f'").ok()
    address = machine("ip", "node-01").word()
    until(5, lambda: run("curl", "-s", f"http://{address}:8080/index.html").out == "page\n")


def two_creates_at_once_take_two_addresses():
    said = machine("create", "-n", "3", "many").ok()
    assert said.out.count("Docker is up and running!") == 3
    remember_ids()
    assert machine("ls", "-q").ok().out.split() == ["many-01", "many-02", "many-03", "node-01"]
    addresses = machine("ip", "many-01", "many-02", "many-03", "node-01").ok().out.split()
    assert len(set(addresses)) == 4, addresses
    assert machine("ssh", "many-01", f"curl -s http://{addresses[3]}:8080/index.html").word() == "page"


def who_is_disconnected_hears_nothing_until_it_is_connected():
    address = machine("ip", "node-01").word()
    fetch = lambda: machine("ssh", "many-02", f"curl -s -m 1 http://{address}:8080/index.html").out  # noqa: E731
    assert fetch() == "page\n"
    machine("disconnect", "node-01").ok()
    assert fetch() == ""
    row = machine("ls", "-t", "1", "--filter", "name=node-01").ok().out.splitlines()[1].split()
    assert row == ["node-01", "-", "local", "Timeout", "Unknown"], row
    machine("connect", "node-01").ok()
    until(5, lambda: fetch() == "page\n")


def stop_and_start_keep_address_and_data():
    address, began = machine("ip", "node-01").word(), time.monotonic()
    assert 'Machine "node-01" was stopped.' in machine("stop", "node-01").ok().out
    print(f"   stopped in {time.monotonic() - began:.2f} s")
    assert machine("status", "node-01").word() == "Stopped"
    machine("stop", "node-01").fails(1, 'Machine "node-01" is already stopped.')
    machine("ip", "node-01").fails(1, "Host is not running")
    machine("url", "node-01").fails(1, "Host is not running")
    machine("env", "node-01").fails(1, "Host is not running")
    machine("ssh", "node-01", "true").fails(1, 'Error: Cannot run SSH command: Host "node-01" is not running')
    machine("disconnect", "node-01").fails(1, "Host is not running")
    assert not processes_of(record("node-01")["Driver"]["ID"])
    assert 'Machine "node-01" was started.' in machine("start", "node-01").ok().out
    machine("start", "node-01").fails(1, 'Machine "node-01" is already running.')
    assert machine("ip", "node-01").word() == address
    assert eval_env("node-01", "shoal ps -a --format '{{.Names}} {{.State}}'").word() == "web exited"
    eval_env("node-01", "shoal start web").ok()


def kill_and_restart_work_too():
    machine("kill", "node-01").ok()
    assert machine("status", "node-01").word() == "Stopped"
    machine("restart", "node-01").ok()
    assert "web" in eval_env("node-01", "shoal ps -a").ok().out
    machine("restart", "node-01").ok()
    machine("stop", "many-02", "many-03").ok()
    machine("start", "many-02", "nosuch").fails(1, "does not exist")
    assert machine("status", "many-02").word() == "Stopped"
    machine("start", "many-02", "many-03").ok()


def an_engine_that_dies_is_started_again():
    pid = machine("ssh", "many-01", "cat /run/shoald.pid").word()
    machine("ssh", "many-01", f"kill -9 {pid}").ok()
    until(10, lambda: machine("ssh", "many-01", "cat /run/shoald.pid").out.strip() not in ("", pid) and
          machine("version", "many-01").rc == 0)


def certificates_can_be_made_again():
    before = open(f"{STORE}/machines/many-01/server.pem").read()
    assert "(y/n)" in machine("regenerate-certs", "many-01", stdin="n\n").ok().out
    assert open(f"{STORE}/machines/many-01/server.pem").read() == before
    machine("regenerate-certs", "-f", "many-01").ok()
    assert open(f"{STORE}/machines/many-01/server.pem").read() != before
    env_of("many-01")
    machine("provision", "many-01").ok()
    env_of("many-01")


def a_certificate_that_ends_soon_is_told_of():
    path = f"{STORE}/machines/many-01/server.pem"
    shutil.copy(path, f"{STORE}/keep.pem")
    for days, said in (("20", r"Its certificate ends in (19|20) days: `shoal machine regenerate-certs many-01`\n"), ("60", "\n")):
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/O=x", "-days", days,
            "-keyout", f"{STORE}/x.pem", "-out", path).ok()
        row = machine("ls", "--filter", "name=many-01", "-f", "{{.Error}}").ok()
        assert re.fullmatch(said, row.out), row
    shutil.move(f"{STORE}/keep.pem", path)


def a_wrong_certificate_is_named_and_mended():
    shutil.copy(f"{STORE}/machines/many-02/ca.pem", f"{STORE}/keep.pem")
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/O=x",
        "-keyout", f"{STORE}/x.pem", "-out", f"{STORE}/machines/many-02/ca.pem").ok()
    machine("env", "many-02").fails(1, "Error checking TLS connection", "There was an error validating certificates for host",
                                    "regenerate-certs")
    machine("regenerate-certs", "-f", "many-02").ok()
    env_of("many-02")


def an_engine_that_cannot_start_is_explained():
    said = machine("create", "--engine-opt", "no-such-option=1", "broken", timeout_s=120)
    said.fails(1, "Error creating machine: Error running provisioning", "The end of its log:", "no-such-option")
    remember_ids()
    machine("rm", "-y", "broken").ok()


def a_create_killed_at_any_step_goes_on_or_is_removed():
    """Killed after 1/20, 2/20, ... of the time that one takes: odd rounds create again, even rounds remove."""
    resumed = removed = 0
    began = time.monotonic()
    machine("create", "whole").ok()
    whole_s = time.monotonic() - began
    remember_ids()
    machine("rm", "-y", "whole").ok()
    for step in range(1, 21):
        name = f"killed-{step:02}"
        child = subprocess.Popen([f"{BUILD}/shoal", "machine", "create", name], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL, env={**os.environ, "MACHINE_STORAGE_PATH": STORE})
        time.sleep(step / 20 * whole_s)
        child.send_signal(signal.SIGKILL)
        child.wait()
        remember_ids()
        if not os.path.exists(f"{STORE}/machines/{name}"):
            continue
        path = f"{STORE}/machines/{name}/config.json"
        if step % 2 and (not os.path.exists(path) or record(name)["Stage"] == "creating"):
            said = machine("create", name).ok().out
            assert "Going on with the creation" in said and "Docker is up and running!" in said, said
            env_of(name)
            resumed += 1
        remember_ids()
        machine("rm", "-y", name).ok()
        removed += 1
        assert not os.path.exists(f"{STORE}/machines/{name}")
    print(f"   {resumed} went on, {removed} removed")
    assert resumed > 3 and removed > 10


def what_a_local_host_has_no_use_for_says_why():
    machine("scp", "many-01:/etc/hostname", "/tmp").fails(1, 'machine "many-01" needs no scp: it sees the files of this computer')
    machine("mount", "many-01:/data", "/mnt").fails(1, 'machine "many-01" needs no mount')
    machine("scp", "a").fails(1, "Improper number of arguments")
    machine("scp", "a", "b").fails(1, "no word names a machine")
    machine("scp", "root@nosuch:/x", "b").fails(1, 'Docker machine "nosuch" does not exist.')
    machine("upgrade", "many-01").fails(1, 'machine "many-01" needs no upgrade: its engine is the shoald beside')


def only_one_command_works_on_a_machine():
    folder = os.open(f"{STORE}/machines/many-01", os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    machine("stop", "many-01").fails(1, 'another command is working on machine "many-01"')
    os.close(folder)


def a_broken_record_is_told_and_does_not_hide_the_others():
    path = f"{STORE}/machines/many-03/config.json"
    good = open(path).read()
    for text, why in (("{", "config.json"), ("{}", "too old"), (good.replace('"ConfigVersion": 3', '"ConfigVersion": 4'),
                      "config version is from the future"), (good.replace('"local"', '"cloud9"'), 'Driver "cloud9" not found')):
        open(path, "w").write(text)
        machine("status", "many-03").fails(1, 'Error loading machine "many-03"', why)
        rows = [line.split()[0:4:2] for line in machine("ls").ok().out.splitlines()[1:]]
        assert ["many-01", "local"] in rows and any(r[0] == "many-03" for r in rows), rows
    shutil.copytree(f"{STORE}/machines/many-03", f"{STORE}/machines/copy")
    machine("rm", "-y", "copy").fails(1, 'Driver "cloud9" not found')
    machine("rm", "-f", "copy").ok()
    assert not os.path.exists(f"{STORE}/machines/copy")
    open(path, "w").write(good)


def the_second_generation_of_control_groups_will_do():
    script = f"""umount -R /sys/fs/cgroup 2>/dev/null; mount -t cgroup2 none /sys/fs/cgroup || exit 99
        m="{BUILD}/shoal machine"; $m create second >/dev/null && $m ssh second cat /proc/1/cgroup /proc/self/cgroup || exit 1
        id=$($m inspect -f '{{{{.Driver.ID}}}}' second); test -d /sys/fs/cgroup/shoal-machine-$id/init || exit 2
        $m rm -y second && test ! -e /sys/fs/cgroup/shoal-machine-$id"""
    if os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
        return  # all of the other tests were about it
    answer = run("unshare", "--mount", "/bin/sh", "-c", script)
    assert answer.rc == 0 and answer.out.count("0::/init\n") == 2, answer


def completion_knows_the_machines():
    said = run(f"{BUILD}/shoal", "__complete", "--", "machine", "stop", "many").ok().out
    assert said == "many-01\nmany-02\nmany-03\n", said
    assert run(f"{BUILD}/shoal", "__complete", "--", "machine", "rege").ok().out == "regenerate-certs\n"
    assert "Usage:  shoal machine [OPTIONS] COMMAND" in run(f"{BUILD}/shoal", "help", "machine").ok().out
    assert "--driver" in machine("create", "--help").ok().out


def manual_pages_come_from_the_tables():
    run(f"{BUILD}/shoal-machine", "man", STORE + "/man").ok()
    assert os.path.exists(STORE + "/man/shoal-machine.1") and os.path.exists(STORE + "/man/shoal-machine-create.1")


def rm_asks_and_then_leaves_nothing():
    assert "Are you sure?" in machine("rm", "many-01", stdin="n\n").ok().out
    assert machine("status", "many-01").word() == "Running"
    machine("rm", "many-01", stdin="y\n").ok()
    said = machine("rm", "-y", "many-02", "many-03", "node-01").ok().out
    assert said.count("Successfully removed") == 3
    assert machine("ls", "-q").ok().out == ""
    nothing_is_left()


TESTS = [mistakes_are_told_in_a_sentence, who_is_not_root_is_told_before_anything_is_made,
         a_host_is_created_and_says_how_to_reach_it, its_files_are_private,
         its_certificate_is_for_its_address_and_names, both_clients_reach_it_by_its_environment, a_stranger_is_refused,
         every_shell_gets_its_own_words, it_is_shown_in_every_way, a_shell_in_it_finds_a_host_of_its_own,
         a_terminal_gets_a_shell_with_job_control, an_idle_engine_is_quiet, containers_run_and_are_reached, two_creates_at_once_take_two_addresses,
         who_is_disconnected_hears_nothing_until_it_is_connected, stop_and_start_keep_address_and_data,
         kill_and_restart_work_too, an_engine_that_dies_is_started_again, certificates_can_be_made_again, a_certificate_that_ends_soon_is_told_of,
         a_wrong_certificate_is_named_and_mended, an_engine_that_cannot_start_is_explained,
         a_create_killed_at_any_step_goes_on_or_is_removed, only_one_command_works_on_a_machine,
         what_a_local_host_has_no_use_for_says_why,
         a_broken_record_is_told_and_does_not_hide_the_others, the_second_generation_of_control_groups_will_do,
         completion_knows_the_machines,
         manual_pages_come_from_the_tables, rm_asks_and_then_leaves_nothing]


def begin(folder):
    global STORE
    STORE = folder + "/store"


def end():
    names = machine("ls", "-q").out.split()
    if names:
        machine("rm", "-f", *names)


sys.exit(run_tests(TESTS, begin, end))
