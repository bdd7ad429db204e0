#!/usr/bin/env python3
"""What a swarm refuses: each with a sentence that says why, and nothing of the swarm is lost."""
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time

from lab import IMAGES, REGISTRY, call, enter, run_tests, until

AHEAD_S = 200 * 86400  # a certificate lives for 90 days
LIAR = "10.90.0.1:5001"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\0\0\0\4\0\0\0\0\0"


def prepare(lab):
    lab.busybox = lab.push_busybox()
    flags = [f"--insecure-registry={LIAR}"]
    lab.manager, lab.worker, lab.other, lab.joiner, lab.lost = [lab.host(flags=flags).start() for _ in range(5)]
    lab.manager.shoal("swarm", "init", "--advertise-addr", lab.manager.address).ok()
    lab.token = lab.manager.shoal("swarm", "join-token", "-q", "worker").word()
    lab.worker.shoal("swarm", "join", "--token", lab.token, lab.manager.address + ":2377").ok()
    lab.other.shoal("swarm", "init", "--advertise-addr", lab.other.address).ok()
    lab.manager.shoal("service", "create", "--detach", "--name", "web", "--replicas", "2", lab.busybox, "sleep", "100000").ok()
    until(10, lambda: len(lab.manager.tasks("web", "running")) == 2)
    lab.web = sorted(t["ID"] for t in lab.manager.tasks("web"))


def is_whole(lab):
    """The swarm that was there at the beginning is still there, with the same tasks."""
    nodes = lab.manager.nodes()
    return sorted(nodes) == ["node1", "node2"] and all(n["Status"]["State"] == "ready" for n in nodes.values()) and \
        sorted(t["ID"] for t in lab.manager.tasks("web", "running")) == lab.web


def swarm_of(host):
    return host.api("GET", "/info")[1]["Swarm"]


# ---- joining ----

def a_wrong_token_is_refused(lab):
    address = lab.manager.address + ":2377"
    foreign = lab.other.shoal("swarm", "join-token", "-q", "worker").word()
    wrong_secret = lab.token[:-3] + ("aaa" if lab.token[-3:] != "aaa" else "bbb")

    for cli in lab.clients():
        for token, why in (("hello", "invalid join token"), ("SWMTKN-1-x-y", "invalid join token"),
                           (foreign, "remote CA does not match fingerprint. Expected: "),
                           (wrong_secret, "A valid join token is necessary to join this cluster")):
            lab.joiner.client(cli, "swarm", "join", "--token", token, address).fails("Error response from daemon: " + why)
            assert swarm_of(lab.joiner)["LocalNodeState"] == "inactive"
    assert is_whole(lab)


def an_unreachable_manager_is_named(lab):
    began = time.monotonic()
    silent = subprocess.Popen([f"{lab.build}/shoal", "--host", "unix://" + lab.lost.socket, "swarm", "join", "--token", lab.token,
                               "10.90.0.99:2377"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    lab.joiner.shoal("swarm", "join", "--token", lab.token, "10.90.0.1:2377").fails(
        "the manager at 10.90.0.1:2377: connection refused")
    assert swarm_of(lab.joiner)["LocalNodeState"] == "inactive"
    lab.joiner.shoal("swarm", "join", "--token", lab.token, "no.such.host:2377").fails(
        "could not find the address of no.such.host")

    text = silent.communicate(timeout=30)[0]
    assert silent.returncode != 0 and 19 < time.monotonic() - began < 25, text
    assert "Timeout was reached before node joined." in text, text
    assert "the manager at 10.90.0.99:2377: host is unreachable" in text, text
    assert "10.90.0.99:2377" in swarm_of(lab.lost)["Error"]
    lab.lost.shoal("swarm", "leave", "--force").ok()


def a_second_swarm_is_refused(lab):
    for words in (("init",), ("join", "--token", lab.token, lab.other.address)):
        lab.worker.shoal("swarm", *words).fails('This node is already part of a swarm. Use "docker swarm leave" to leave this swarm')
    assert is_whole(lab)


# ---- the port 2377 ----

def rpc(lab, method, message=b"", identity=None, framed=True):
    """curl speaks gRPC to the manager; (its exit status, status and text of the call, what curl says)."""
    keys = lab.manager.data + "/swarm/certificates/"
    with open(lab.root + "/message", "wb") as f:
        f.write(b"\0" + len(message).to_bytes(4, "big") + message if framed else message)
    mine = []
    if identity:
        folder = identity.data + "/swarm/certificates/"
        with open(folder + "swarm-node.key") as sealed, open(lab.root + "/key", "w") as plain:
            # The headers above a manager's key are for managers.
            plain.writelines(line for line in sealed if ": " not in line and line != "\n")
        mine = ["--cert", folder + "swarm-node.crt", "--key", lab.root + "/key"]
    answer = lab.joiner.run("curl", "-sS", "-m", "5", "--http2", "--cacert", keys + "swarm-root-ca.crt", *mine, "--resolve",
                            f"swarm-manager:2377:{lab.manager.address}", "-H", "content-type: application/grpc", "-H", "te: trailers",
                            "--data-binary", "@" + lab.root + "/message", "-o", lab.root + "/answer", "-D", "-",
                            f"https://swarm-manager:2377/docker.swarmkit.v1.{method}")
    status = re.search(r"grpc-status: (\d+)", answer.out)
    text = re.search(r"grpc-message: (.*?)\r?\n", answer.out)
    return answer.rc, int(status[1]) if status else None, text[1] if text else "", answer.err


def a_wrong_role_is_refused(lab):
    for who, why in ((lab.worker, "remote certificate not part of OUs: [swarm-manager]"), (None, "no client certificates in request")):
        for method in ("Raft/ProcessRaftMessage", "Control/ListNodes", "Control/RemoveNode"):
            _, status, text, curl = rpc(lab, method, framed=False, identity=who)
            assert status == 7 and why in text, (method, status, text, curl)
    _, status, text, _ = rpc(lab, "Dispatcher/Session", framed=False)
    assert status == 7, (status, text)
    assert is_whole(lab)


def a_foreign_certificate_is_refused(lab):
    for method in ("Dispatcher/Session", "CA/GetRootCACertificate"):
        rc, status, _, curl = rpc(lab, method, identity=lab.other)
        assert rc != 0 and status is None, (rc, status, curl)
    assert is_whole(lab)


def malformed_messages_are_refused(lab):
    # Fields cut short, lengths beyond the end, groups, a wire type that does not exist.
    for message in (b"\x0a\xff\xff\xff\xff\x7f", b"\xff\xff\xff\xff\xff", b"\x0b", b"\x0f", b"\x0a\x05ab"):
        for method, who in (("NodeCA/IssueNodeCertificate", None), ("Dispatcher/Heartbeat", lab.worker),
                            ("Dispatcher/UpdateTaskStatus", lab.worker), ("Raft/ProcessRaftMessage", lab.manager)):
            _, status, text, curl = rpc(lab, method, message, identity=who)
            assert status == 3 and "are not a" in text, (method, message, status, text, curl)
    for frame, status_wanted in ((b"\0\xff\xff\xff\xff", 8), (b"\7\0\0\0\0", 13)):
        _, status, text, curl = rpc(lab, "CA/GetRootCACertificate", frame, framed=False)
        assert status == status_wanted, (frame, status, text, curl)
    assert is_whole(lab)


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


MALFORMED = {
    "no TLS": (False, b"GET / HTTP/1.1\r\n\r\n"),
    "half a handshake": (False, b"\x16\x03\x01\x02\x00\x01"),
    "HTTP/1": (True, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    "noise": (True, bytes(range(256)) * 64),
    "settings of an odd length": (True, PREFACE + frame(4, 0, 0, b"abc")),
    "headers on stream 0": (True, PREFACE + SETTINGS + frame(1, 4, 0, b"\x82")),
    "headers of an even stream": (True, PREFACE + SETTINGS + frame(1, 4, 2, b"\x82")),
    "headers that cannot be decoded": (True, PREFACE + SETTINGS + frame(1, 4, 1, b"\xff" * 40)),
    "data of no stream": (True, PREFACE + SETTINGS + frame(0, 0, 1, b"x")),
    "a frame larger than agreed": (True, PREFACE + SETTINGS + frame(0, 0, 1, b"x" * 70000)),
    "continuation without headers": (True, PREFACE + SETTINGS + frame(9, 4, 1, b"x")),
    "a window that overflows": (True, PREFACE + SETTINGS + frame(8, 0, 0, b"\x7f\xff\xff\xff") * 2),
    "endless continuation": (True, PREFACE + SETTINGS + frame(1, 0, 1, b"\x82") + frame(9, 0, 1, b"\0\x04name" + b"\x7f\xe1\x7e" + b"v" * 8000) * 200),
    "a flood of pings": (True, PREFACE + SETTINGS + frame(6, 0, 0, b"12345678") * 20000),
    "a flood of resets": (True, PREFACE + SETTINGS + b"".join(
        frame(1, 5, i, b"\x82\x87\x84") + frame(3, 0, i, b"\0\0\0\x08") for i in range(1, 10001, 2))),
}


def is_hung_up(lab, tls, noise):
    """In a process of its own, inside the joiner's network."""
    plain = socket.create_connection((lab.manager.address, 2377), timeout=8)
    connection = plain
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        connection = context.wrap_socket(plain)
    try:
        connection.sendall(noise)
        while connection.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass
    return True


def in_network_of(host, function, *words):
    pid = os.fork()
    if pid == 0:
        try:
            enter(host.netns)()
            os._exit(0 if function(*words) else 1)
        except BaseException:  # noqa: BLE001
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def memory_kib(host):
    with open(f"/proc/{host.process.pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])


def open_files(host):
    return len(os.listdir(f"/proc/{host.process.pid}/fd"))


def malformed_http2_is_hung_up_on(lab):
    before = memory_kib(lab.manager), open_files(lab.manager)

    failed = [name for name, (tls, noise) in MALFORMED.items() if not in_network_of(lab.joiner, is_hung_up, lab, tls, noise)]

    assert not failed, failed
    assert is_whole(lab)
    until(8, lambda: open_files(lab.manager) <= before[1])
    assert memory_kib(lab.manager) < before[0] + 16384, (before, memory_kib(lab.manager))


def idle_connections_do_not_crowd_out_others(lab):
    def crowd():
        held = [socket.create_connection((lab.manager.address, 2377), timeout=8) for _ in range(300)]
        began = time.monotonic()
        for s in held:  # who says nothing is hung up on
            s.settimeout(10)
            if s.recv(1):
                return False
        return time.monotonic() - began < 9

    pid = os.fork()
    if pid == 0:
        enter(lab.joiner.netns)()
        os._exit(0 if crowd() else 1)
    time.sleep(0.5)
    try:
        assert is_whole(lab)
        lab.joiner.shoal("swarm", "join", "--token", lab.token, lab.manager.address + ":2377").ok()
        lab.joiner.shoal("swarm", "leave").ok()
        name = lab.joiner.name
        until(6, lambda: lab.manager.nodes()[name]["Status"]["State"] == "down")
        lab.manager.shoal("node", "rm", name).ok()
    finally:
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert is_whole(lab)


def an_expired_certificate_is_refused(lab):
    """The manager lives 200 days later for a while: for it all certificates have expired."""
    m = lab.manager
    m.stop()
    m.start(env={"LD_PRELOAD": os.environ["SHOAL_CLOCK"], "CLOCK_AHEAD_S": str(AHEAD_S)})
    until(10, lambda: "expired" in lab.worker.log())
    rc, status, _, curl = rpc(lab, "Dispatcher/Session", identity=lab.worker)
    assert rc != 0 and status is None, (rc, status, curl)

    m.stop()
    m.start()

    until(20, lambda: is_whole(lab))


# ---- bytes of others, and no room for our own ----

def a_registry_that_lies_is_found_out(lab):
    mood = lab.root + "/mood"
    image = LIAR + "/bait:latest"
    lab.in_world(sys.executable, "-c", f"import sys; sys.path.insert(0, {IMAGES!r}); import image\n"
                 "layer = image.busybox(extra=[image.entry('bait', b'a layer that no node has')])\n"
                 f"image.Image([layer]).push('http://{REGISTRY}', 'bait', 'latest')", check=True)

    def set_mood(word):
        with open(mood + ".new", "w") as f:
            f.write(word)
        os.rename(mood + ".new", mood)

    set_mood("lie")
    liar = subprocess.Popen([sys.executable, os.path.join(os.path.dirname(__file__), "liar.py"), LIAR, "http://" + REGISTRY, mood],
                            preexec_fn=enter(lab.world))
    try:
        until(5, lambda: lab.in_world(sys.executable, "-c", f"import urllib.request as r; r.urlopen('http://{LIAR}/v2/')").returncode == 0)
        lab.manager.shoal("service", "create", "--detach", "--name", "liar", "--restart-delay", "500ms", image, "sleep", "100000").ok()

        def errors():
            return lab.manager.shoal("service", "ps", "--no-trunc", "liar").ok().out

        until(10, lambda: "filesystem layer verification failed for digest sha256:" in errors())
        set_mood("half")  # it is asked again for the rest, so the task goes on preparing
        until(2, lambda: lab.manager.tasks("liar", "running"), fails=False)
        assert not lab.manager.tasks("liar", "running"), errors()

        set_mood("honest")
        until(15, lambda: len(lab.manager.tasks("liar", "running")) == 1)
    finally:
        lab.manager.shoal("service", "rm", "liar")
        liar.kill()
        liar.wait()
    assert is_whole(lab)


def an_image_that_is_not_there_is_told(lab):
    lab.manager.shoal("service", "create", "--detach", "--name", "nothing", "--restart-condition", "none", f"{REGISTRY}/no/such:1").ok()
    try:
        until(10, lambda: "No such image: " in lab.manager.shoal("service", "ps", "--no-trunc", "nothing").out)
    finally:
        lab.manager.shoal("service", "rm", "nothing").ok()
    assert is_whole(lab)


def fill(path):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(fd, b"x" * 4096)
    except OSError:
        os.close(fd)


def a_full_disk_is_told_and_nothing_is_lost(lab):
    h = lab.joiner
    h.stop()
    shutil.rmtree(h.data)
    os.makedirs(h.data)
    call("mount", "-t", "tmpfs", "-o", "size=16m", "lab", h.data)
    h.start()
    h.shoal("swarm", "init", "--advertise-addr", h.address).ok()
    h.shoal("service", "create", "--detach", "--name", "before", lab.busybox, "sleep", "100000").ok()
    until(10, lambda: len(h.tasks("before", "running")) == 1)
    containers = h.containers()
    fill(h.data + "/ballast")

    refused = h.shoal("config", "create", "big", "-", stdin="x" * 200000).fails("no space left on the disk")
    h.shoal("config", "create", "big", "-", stdin="x" * 200000).fails("this manager has stopped", "no space left on the disk")
    listed = h.shoal("service", "ls").fails("no space left on the disk")
    assert refused.took_s < 2 and listed.took_s < 2, (refused, listed)
    assert h.containers() == containers

    os.unlink(h.data + "/ballast")
    h.stop()
    h.start()
    until(5, lambda: len(h.tasks("before", "running")) == 1)
    assert h.containers() == containers
    assert h.shoal("config", "ls").rows() == []
    h.shoal("config", "create", "big", "-", stdin="x" * 200000).ok()
    h.shoal("swarm", "leave", "--force").ok()
    until(15, lambda: h.remains() == [f"mount {h.data}"])


def tests(lab):
    wire = [a_wrong_role_is_refused, a_foreign_certificate_is_refused, malformed_messages_are_refused]
    if not shutil.which("curl"):
        print("skipped: needs curl: " + ", ".join(t.__name__ for t in wire))
        wire = []
    late = [an_expired_certificate_is_refused]
    if not os.environ.get("SHOAL_CLOCK") or not shutil.which("curl"):
        print("skipped: needs curl and $SHOAL_CLOCK: an_expired_certificate_is_refused")
        late = []
    return [a_wrong_token_is_refused, an_unreachable_manager_is_named, a_second_swarm_is_refused, *wire, malformed_http2_is_hung_up_on,
            idle_connections_do_not_crowd_out_others, *late, a_registry_that_lies_is_found_out, an_image_that_is_not_there_is_told,
            a_full_disk_is_told_and_nothing_is_lost]


if __name__ == "__main__":
    sys.exit(run_tests(prepare, tests))
