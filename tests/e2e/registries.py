#!/usr/bin/env python3
"""Registries as people run them: TLS with a CA of their own, passwords, tokens, layers in zstd, and a disk that is full.

    SHOAL_BUILD=build tests/e2e/registries.py [CHECK...]      ends with "N passed, N failed"

    10.90.0.1:5443     TLS, basic authentication (htpasswd)
    10.90.0.1:5444     TLS, tokens of the server on 10.90.0.1:5555, over TLS too

The first host trusts their CA in /etc/docker/certs.d, a folder of its own mounts; the second knows nothing of it, but
is told that 5443 is insecure; the third has a disk of 24 MB."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import clients  # noqa: E402
import image  # noqa: E402
import lab as labs  # noqa: E402
from lab import call, enter, run_tests, until  # noqa: E402

BASIC, TOKENS, REALM = "10.90.0.1:5443", "10.90.0.1:5444", "10.90.0.1:5555"
USER, PASSWORD = "ada", "a word:with signs"
DISK_MB = 24


class Place(clients.Place):
    """One of the hosts, with the clients on it."""

    def __init__(self, lab, host):
        self.lab, self.host, self.net = lab, host, host.netns
        self.ours = self.cli("ours", f"{lab.build}/shoal")
        self.stock = self._stock()
        self.docker = self.stock[-1] if self.stock else self.ours
        self.everyone = self.stock + [self.ours]

    def cli(self, name, program):
        return clients.Cli(name, program, self.host.socket, f"{self.lab.root}/home-{self.host.name}-{name}")


# ---- what stands in the world ----

def openssl(*words):
    call("openssl", *words)


def make_certificates(folder):
    os.makedirs(folder)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=the lab's CA",
            "-keyout", f"{folder}/ca.key", "-out", f"{folder}/ca.crt")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=registry", "-keyout", f"{folder}/server.key", "-out", f"{folder}/server.csr")
    with open(f"{folder}/ext", "w") as f:
        f.write("subjectAltName=IP:10.90.0.1\n")
    openssl("x509", "-req", "-in", f"{folder}/server.csr", "-CA", f"{folder}/ca.crt", "-CAkey", f"{folder}/ca.key", "-CAcreateserial",
            "-days", "2", "-extfile", f"{folder}/ext", "-out", f"{folder}/server.crt")


def bcrypt(word):
    code = "import crypt, sys; print(crypt.crypt(sys.argv[1], '$2y$05$abcdefghijklmnopqrstuu'))"
    return call(sys.executable, "-W", "ignore", "-c", code, word).stdout.strip()


def start_registry(lab, address, auth):
    name = f"{lab.root}/registry-{address.rsplit(':', 1)[1]}"
    with open(name + ".yml", "w") as f:
        f.write(f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {name}}}}}\n"
                f"http: {{addr: '{address}', secret: x, tls: {{certificate: {lab.certs}/server.crt, key: {lab.certs}/server.key}}}}\n"
                f"auth:\n  {auth}\n")
    start(lab, name, "docker-registry", "serve", name + ".yml")


def start(lab, name, *words):
    with open(name + ".log", "w") as log:
        lab.servers.append(subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=enter(lab.world)))


def listens(lab, address):
    code = "import socket, sys; socket.create_connection(sys.argv[1].split(':'), 1)"
    return lab.in_world(sys.executable, "-c", code, address).returncode == 0


def trust(host, certs, *addresses):
    """Its daemon sees an /etc with the CA in it; nobody else does."""
    folder = host.root + "/etc"
    for address in addresses:
        os.makedirs(f"{folder}/upper/docker/certs.d/{address}")
        shutil.copy(f"{certs}/ca.crt", f"{folder}/upper/docker/certs.d/{address}/ca.crt")
    os.makedirs(folder + "/work")
    host.wrapper = ["unshare", "-m", "sh", "-c",
                    f'mount -t overlay etc -o lowerdir=/etc,upperdir={folder}/upper,workdir={folder}/work /etc && exec "$@"', "sh"]


def prepare(lab):
    lab.servers = []
    lab.certs = lab.root + "/certs"
    make_certificates(lab.certs)
    with open(lab.certs + "/htpasswd", "w") as f:
        f.write(f"{USER}:{bcrypt(PASSWORD)}\n")
    start_registry(lab, BASIC, f"htpasswd: {{realm: lab, path: {lab.certs}/htpasswd}}")
    start_registry(lab, TOKENS, f"token: {{realm: 'https://{REALM}/token', service: lab, issuer: lab, rootcertbundle: {lab.certs}/server.crt}}")
    start(lab, lab.root + "/tokens", sys.executable, os.path.join(labs.HERE, "token_server.py"), REALM, lab.certs + "/server.key",
          lab.certs + "/server.crt", USER, PASSWORD)
    for address in (BASIC, TOKENS, REALM):
        until(10, lambda: listens(lab, address))

    trusting, lax, full = lab.host(), lab.host(flags=[f"--insecure-registry={BASIC}"]), lab.host()
    trust(trusting, lab.certs, BASIC, TOKENS)
    os.makedirs(full.data)
    call("mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "lab", full.data)
    lab.trusting, lab.lax, lab.full = (Place(lab, h.start()) for h in (trusting, lax, full))
    with tempfile.NamedTemporaryFile() as f:
        f.write(image.Image([image.busybox()]).archive(["busybox:latest"]))
        f.flush()
        for place in (lab.trusting, lab.lax):
            place.ours("load", "-i", f.name)


def login(cli, address, password=PASSWORD, **more):
    return cli.try_("login", "-u", USER, "--password-stdin", address, input=password, **more)


# ---- a password ----

def pushes_and_pulls(place, cli, name):
    cli("tag", "busybox", name)
    pushed = cli("push", name)
    found = re.search(r"sha256:[0-9a-f]{64}", pushed).group(0)
    cli("rmi", name)
    assert found in cli("pull", name)
    assert cli("run", "--rm", name, "echo", "there") == "there"
    cli("rmi", name)


def a_registry_with_a_ca_of_its_own_and_a_password_is_used(lab):
    for cli in lab.trusting.everyone:
        name = f"{BASIC}/team/{cli.name}:1"
        assert re.search("no basic auth credentials|unauthorized|authentication required", cli.fails("pull", name))
        wrong = login(cli, BASIC, "wrong")
        assert wrong.code != 0 and re.search("401 Unauthorized|unauthorized|incorrect username or password", wrong.err), wrong
        right = login(cli, BASIC)
        assert right.code == 0 and "Login Succeeded" in right.out, right
        pushes_and_pulls(lab.trusting, cli, name)
        cli("logout", BASIC)
        assert re.search("no basic auth credentials|unauthorized|authentication required", cli.fails("pull", name))


def a_service_takes_its_password_along(lab):
    cli = lab.trusting.docker
    assert login(cli, BASIC).code == 0
    cli("tag", "busybox", f"{BASIC}/team/served:1")
    cli("push", f"{BASIC}/team/served:1")
    cli("rmi", f"{BASIC}/team/served:1")
    cli("swarm", "init", "--advertise-addr", lab.trusting.host.address)
    cli("service", "create", "-d", "--with-registry-auth", "--stop-grace-period", "1s", "--name", "served", f"{BASIC}/team/served:1", "sleep", "1000")
    assert clients.eventually(lambda: "Running" in cli("service", "ps", "--format", "{{.CurrentState}}", "served")), cli("service", "ps", "served")
    cli("service", "rm", "served")
    assert clients.eventually(lambda: cli("ps", "-aq") == "")
    cli("swarm", "leave", "--force")
    cli("logout", BASIC)


def who_does_not_know_the_ca_is_told_and_an_insecure_one_is_not_asked(lab):
    cli = lab.lax.docker
    refused = cli.fails("pull", f"{TOKENS}/public/x:1")
    assert "certificate" in refused, refused
    refused = login(cli, TOKENS)
    assert refused.code != 0 and "certificate" in refused.err, refused
    assert login(cli, BASIC).code == 0
    pushes_and_pulls(lab.lax, cli, f"{BASIC}/team/lax:1")
    cli("logout", BASIC)


# ---- tokens ----

def a_registry_that_wants_tokens_gets_them(lab):
    for cli in lab.trusting.everyone:
        name = f"{TOKENS}/public/{cli.name}:1"
        wrong = login(cli, TOKENS, "wrong")
        assert wrong.code != 0 and re.search("401|unauthorized|incorrect username", wrong.err), wrong
        cli("tag", "busybox", name)
        assert re.search("denied|unauthorized|authentication required", cli.fails("push", name))
        assert login(cli, TOKENS).code == 0
        cli("push", name)
        cli("rmi", name)
        pushes_and_pulls(lab.trusting, cli, f"{TOKENS}/team/{cli.name}:1")
        cli("logout", TOKENS)
        cli("pull", name)  # everybody may
        cli("rmi", name)
        assert re.search("denied|unauthorized|authentication required", cli.fails("pull", f"{TOKENS}/team/{cli.name}:1"))


# ---- what layers and runtimes there are ----

def a_layer_in_zstd_is_unpacked(lab):
    if not shutil.which("zstd"):
        print("skipped: needs zstd")
        return

    def zstd(layer):
        return (subprocess.run(["zstd", "-q", "-c"], input=layer, stdout=subprocess.PIPE, check=True).stdout,
                "application/vnd.oci.image.layer.v1.tar+zstd")

    place = lab.trusting
    name = place.push(image.Image([image.busybox(), image.tar([image.entry("small", b"zstd")])], compress=zstd), "team/zstd:1")
    place.docker("pull", name)
    assert place.docker("run", "--rm", name, "cat", "/small") == "zstd"
    place.docker("rmi", name)


def runc_runs_what_crun_runs(lab):
    cli = lab.trusting.docker
    if not shutil.which("runc"):
        print("skipped: needs runc")
        return
    cli("run", "-d", "--name", "by-runc", "--runtime", "runc", "busybox", "sleep", "1000")
    assert cli("inspect", "-f", "{{.HostConfig.Runtime}} {{.State.Running}}", "by-runc") == "runc true"
    assert cli("exec", "by-runc", "echo", "in it") == "in it"
    cli("rm", "-f", "by-runc")
    done = cli.try_("run", "--rm", "--runtime", "runc", "busybox", "sh", "-c", "exit 4")
    assert done.code == 4, done
    assert "Unknown runtime specified none" in cli.fails("run", "--rm", "--runtime", "none", "busybox", "true")


# ---- a full disk ----

def used_kb(place):
    return int(call("du", "-sk", place.host.data).stdout.split()[0])


def a_pull_onto_a_full_disk_fails_in_words_and_leaves_nothing(lab):
    place = lab.full
    large = image.Image([image.busybox(), image.tar([image.entry("large", os.urandom(2 * DISK_MB << 20))])])
    name, small = place.push(large, "team/large:1"), lab.push_busybox()
    before = used_kb(place)
    for cli in place.everyone:
        said = cli.fails("pull", name, timeout=60)
        assert "no space left on device" in said.lower(), said
        assert cli("images", "-aq") == ""
        assert clients.eventually(lambda: used_kb(place) <= before + 64), (before, used_kb(place))
    place.docker("pull", small)
    place.docker("rmi", small)


def close(lab):
    for server in lab.servers:
        server.kill()
        server.wait()
    for place in (lab.trusting, lab.lax):
        place.clean()


close.always = True

sys.exit(run_tests(prepare, [a_registry_with_a_ca_of_its_own_and_a_password_is_used, a_service_takes_its_password_along,
                             who_does_not_know_the_ca_is_told_and_an_insecure_one_is_not_asked,
                             a_registry_that_wants_tokens_gets_them, a_layer_in_zstd_is_unpacked, runc_runs_what_crun_runs,
                             a_pull_onto_a_full_disk_fails_in_words_and_leaves_nothing, close]))
