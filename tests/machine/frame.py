"""`shoal machine` without any host: the driver `none`, the name docker-machine, import of another store. Needs no root."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(os.environ.get("SHOAL_BUILD") or os.path.join(HERE, "..", "..", "build"))
TOP = tempfile.mkdtemp(prefix="shoal-machine-frame-", dir="/tmp")


def run(store, *words, program=f"{BUILD}/shoal-machine", stdin="", **env):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("DOCKER_", "MACHINE_", "AWS_"))}
    clean.update(SHELL="/bin/bash", HOME=TOP, **env)
    if store:
        clean["MACHINE_STORAGE_PATH"] = store
    done = subprocess.run([program, *words], input=stdin, capture_output=True, text=True, timeout=30, env=clean)
    return done.returncode, done.stdout, done.stderr


def ok(store, *words, **more):
    rc, out, err = run(store, *words, **more)
    assert rc == 0, f"$ {' '.join(words)}\n{out}{err}[rc {rc}]"
    return out


def config(store, name):
    return json.load(open(f"{store}/machines/{name}/config.json"))


def a_machine_without_a_driver_is_a_url():
    store = f"{TOP}/none"
    rc, out, err = run(store, "create", "-d", "none", "far")
    assert rc == 1 and "--url option is required when no driver is selected" in err, err
    ok(store, "create", "-d", "none", "--url", "tcp://127.0.0.1:7", "far")
    assert ok(store, "url", "far") == "tcp://127.0.0.1:7\n"
    assert ok(store, "ip", "far") == "127.0.0.1\n"
    assert ok(store, "status", "far") == "Running\n"
    assert ok(store, "inspect", "-f", "{{.DriverName}} {{.Stage}}", "far") == "none created\n"
    for verb, said in (("stop", "stopped"), ("kill", "killed"), ("restart", "restarted")):
        rc, out, err = run(store, verb, "far")
        assert rc == 1 and f"hosts without a driver cannot be {said}" in err, err
    rc, out, err = run(store, "ssh", "far", "ls")
    assert rc == 1 and "has no SSH" in err, err
    rc, out, err = run(store, "scp", "far:/a", "b")
    assert rc == 1 and "needs no scp" in err, err
    row = ok(store, "ls", "--filter", "driver=none").splitlines()[1]
    assert row.split()[:5] == ["far", "-", "none", "Running", "tcp://127.0.0.1:7"], row
    assert ok(store, "active", DOCKER_HOST="tcp://127.0.0.1:7") == "far\n"


def several_are_worked_on_at_once_and_each_failure_is_told():
    store = f"{TOP}/many"
    for i in range(1, 4):
        ok(store, "create", "-d", "none", "--url", f"tcp://127.0.0.1:{i}", f"m{i}")
    assert ok(store, "ip", "m3", "m1").split() == ["127.0.0.1"] * 2
    rc, out, err = run(store, "stop", "m1", "m2")
    assert rc == 1 and err.count("hosts without a driver cannot be stopped") == 2, err
    rc, out, err = run(store, "rm", "-y", "m1", "m2", "nosuch")
    assert rc == 1 and "Successfully removed m1" in out and "Successfully removed m2" in out, out
    assert 'Error removing host "nosuch"' in err, err
    assert os.listdir(f"{store}/machines") == ["m3"]


def variables_stand_for_options():
    store = f"{TOP}/variables"
    ok(store, "create", "--url", "tcp://127.0.0.1:7", "x", MACHINE_DRIVER="none", ENGINE_REGISTRY_MIRROR="http://a,http://b")
    assert config(store, "x")["HostOptions"]["EngineOptions"]["RegistryMirror"] == ["http://a", "http://b"]
    rc, out, err = run(store, "ls", MACHINE_DEBUG="perhaps")
    assert rc == 2 and "MACHINE_DEBUG" in err, err


def certificates_may_lie_elsewhere_and_old_options_do_no_harm():
    store, ca = f"{TOP}/certs-elsewhere", f"{TOP}/ca.pem"
    ok(store, "--tls-ca-cert", ca, "--native-ssh", "--github-api-token", "t", "create", "-d", "none", "--url", "tcp://127.0.0.1:7", "x",
       MACHINE_TLS_CA_KEY=f"{TOP}/ca-key.pem")
    assert open(f"{store}/machines/x/ca.pem").read() == open(ca).read()
    assert os.stat(f"{TOP}/ca-key.pem").st_mode & 0o777 == 0o600
    assert sorted(os.listdir(f"{store}/certs")) == ["cert.pem", "key.pem"]


def under_the_name_docker_machine_it_is_docker_machine():
    program = f"{TOP}/docker-machine"
    os.symlink(f"{BUILD}/shoal-machine", program)
    rc, out, err = run(None, "foo", program=program)
    assert rc == 1 and err == f"docker-machine: 'foo' is not a docker-machine command. See '{program} --help'.\n", err
    assert ok(None, "--help", program=program).startswith("Usage:  docker-machine [OPTIONS] COMMAND [ARG...]\n")
    assert ok(None, "--version", program=program).startswith("docker-machine version ")
    ok(None, "create", "-d", "none", "--url", "tcp://127.0.0.1:7", "x", program=program)
    assert os.path.exists(f"{TOP}/.docker/machine/machines/x/config.json")
    rc, out, err = run(None, "status", "y", program=program)
    assert rc == 1 and 'Docker machine "y" does not exist. Use "docker-machine ls" to list machines. ' \
        'Use "docker-machine create" to add a new one.' in err, err
    assert "# eval $(docker-machine env -u)" in ok(None, "env", "-u", program=program)


def a_store_of_docker_machine_is_imported_without_its_secrets():
    old, store = f"{TOP}/old", f"{TOP}/new"
    os.makedirs(f"{old}/machines/web-1")
    os.makedirs(f"{old}/machines/vm")
    os.makedirs(f"{old}/certs")
    for name in ("ca.pem", "ca-key.pem", "cert.pem", "key.pem"):
        open(f"{old}/certs/{name}", "w").write("old " + name)
    record = {"ConfigVersion": 3, "DriverName": "none", "Name": "web-1",
              "Driver": {"URL": "tcp://10.1.2.3:2376", "IPAddress": "10.1.2.3", "AccessKey": "AKIDX", "SecretKey": "s3cret",
                         "StorePath": old, "SSHKeyPath": f"{old}/machines/web-1/id_rsa", "Theirs": f"{old}er/x"},
              "HostOptions": {"AuthOptions": {"StorePath": f"{old}/machines/web-1"}}}
    json.dump(record, open(f"{old}/machines/web-1/config.json", "w"))
    json.dump({**record, "DriverName": "virtualbox", "Name": "vm"}, open(f"{old}/machines/vm/config.json", "w"))
    open(f"{old}/machines/web-1/id_rsa", "w").write("key")
    os.chmod(f"{old}/machines/web-1/id_rsa", 0o600)

    rc, out, err = run(store, "import", old)
    assert rc == 1 and 'Machine "web-1" was imported.' in out and 'Driver "virtualbox" not found' in err, out + err
    assert "keys in web-1's record were left behind" in out, out
    text = open(f"{store}/machines/web-1/config.json").read()
    assert "AKIDX" not in text and "s3cret" not in text, text
    mine = config(store, "web-1")
    assert mine["Driver"]["SSHKeyPath"] == f"{store}/machines/web-1/id_rsa"
    assert mine["Driver"]["Theirs"] == f"{old}er/x"
    assert mine["HostOptions"]["AuthOptions"]["StorePath"] == f"{store}/machines/web-1"
    assert os.stat(f"{store}/machines/web-1/id_rsa").st_mode & 0o777 == 0o600
    assert os.stat(f"{store}/certs/ca-key.pem").st_mode & 0o777 == 0o600
    assert not os.path.exists(f"{store}/machines/vm")
    assert ok(store, "url", "web-1") == "tcp://10.1.2.3:2376\n"
    rc, out, err = run(store, "import", old, "web-1")
    assert rc == 1 and 'Docker machine "web-1" already exists' in err, err


def two_hundred_machines_are_listed_within_a_second():
    store = f"{TOP}/hundreds"
    ok(store, "create", "-d", "none", "--url", "tcp://127.0.0.1:7", "m1")
    text = open(f"{store}/machines/m1/config.json").read()
    for i in range(2, 201):
        shutil.copytree(f"{store}/machines/m1", f"{store}/machines/m{i}")
        open(f"{store}/machines/m{i}/config.json", "w").write(text.replace('"m1"', f'"m{i}"'))
    import time
    began = time.monotonic()
    lines = ok(store, "ls").splitlines()
    took = time.monotonic() - began
    assert len(lines) == 201 and lines[200].startswith("m200 "), lines[-1]
    print(f"   {took:.2f} s")
    assert took < 5, took  # a second on an idle computer
    began = time.monotonic()
    assert len(ok(store, "ls", "-q").split()) == 200
    assert time.monotonic() - began < 2


passed = failed = 0
for test in [a_machine_without_a_driver_is_a_url, several_are_worked_on_at_once_and_each_failure_is_told,
             variables_stand_for_options,
             certificates_may_lie_elsewhere_and_old_options_do_no_harm, under_the_name_docker_machine_it_is_docker_machine,
             a_store_of_docker_machine_is_imported_without_its_secrets, two_hundred_machines_are_listed_within_a_second]:
    if sys.argv[1:] and test.__name__ not in sys.argv[1:]:
        continue
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
