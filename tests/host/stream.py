#!/usr/bin/env python3
"""The stream server against real sockets: stream.py PATH_OF_STREAM_SERVER."""
import os
import select
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

PROGRAM = sys.argv[1]
work = tempfile.mkdtemp(prefix="shoal-test-")
PATH = work + "/s.sock"


class Server:
    """The program, and the lines it printed."""

    def __init__(self, *args):
        self.process = subprocess.Popen([PROGRAM, *args], stdout=subprocess.PIPE, text=True)
        self.lines = []
        self.cond = threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()
        self.address = self.expect("listening ").split(" ", 1)[1]

    def read(self):
        for line in self.process.stdout:
            with self.cond:
                self.lines.append(line.strip())
                self.cond.notify_all()
        with self.cond:
            self.lines.append("(end)")
            self.cond.notify_all()

    def expect(self, prefix, timeout=5):
        deadline = time.time() + timeout
        with self.cond:
            while True:
                for i, line in enumerate(self.lines):
                    if line.startswith(prefix):
                        del self.lines[: i + 1]
                        return line
                left = deadline - time.time()
                if left <= 0:
                    raise AssertionError(f"no line {prefix!r} but {self.lines}")
                self.cond.wait(left)

    def forget(self):
        with self.cond:
            self.lines.clear()

    def stop(self):
        self.process.terminate()
        return self.process.wait(5)


def dial():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(5)
    s.connect(PATH)
    return s


def read_all(s):
    data = b""
    while True:
        piece = s.recv(65536)
        if not piece:
            return data
        data += piece


def read_until(s, end):
    data = b""
    while end not in data:
        piece = s.recv(65536)
        assert piece, f"closed after {data!r}"
        data += piece
    return data


def read_answer(s):
    """Status, headers and body by Content-Length or chunks."""
    head, _, rest = read_until(s, b"\r\n\r\n").partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    if headers.get("Transfer-Encoding") == "chunked":
        while not rest.endswith(b"0\r\n\r\n"):
            piece = s.recv(65536)
            assert piece, "closed in a chunk"
            rest += piece
        pieces, at = [], 0
        while at < len(rest):
            end = rest.index(b"\r\n", at)
            size = int(rest[at:end], 16)
            pieces.append(rest[end + 2 : end + 2 + size])
            at = end + 2 + size + 2
        return lines[0], headers, b"".join(pieces)
    want = int(headers.get("Content-Length", 0))
    while len(rest) < want:
        rest += s.recv(65536)
    return lines[0], headers, rest[:want]


def get(s, path, more=""):
    s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n{more}\r\n".encode())


def a_kept_connection_carries_many_requests(server):
    s = dial()
    for _ in range(3):
        get(s, "/hello")
        status, headers, body = read_answer(s)
        assert status == "HTTP/1.1 200 OK" and body == b"hello\n", (status, body)
        assert "Connection" not in headers


def pipelined_requests_are_answered_in_order(server):
    s = dial()
    one = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n%03d"
    s.sendall(b"".join(one % i for i in range(200)))
    data = b""
    while data.count(b"HTTP/1.1 200 OK") < 200 or not data.endswith(b"199"):
        data += s.recv(65536)
    bodies = [part.split(b"\r\n\r\n")[1][:3] for part in data.split(b"HTTP/1.1 ")[1:]]
    assert bodies == [b"%03d" % i for i in range(200)]


def a_request_that_comes_in_bytes_is_understood(server):
    s = dial()
    for byte in b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n":
        s.sendall(bytes([byte]))
    assert read_answer(s)[2] == b"abc"


def head_has_the_fields_and_no_body(server):
    s = dial()
    s.sendall(b"HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\nGET /none HTTP/1.1\r\nHost: x\r\n\r\n")
    data = read_until(s, b"204 No Content\r\n\r\n")
    assert b"Content-Length: 6\r\n\r\nHTTP/1.1 204" in data, data


def a_client_that_waits_for_continue_gets_it(server):
    s = dial()
    s.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    assert read_until(s, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    s.sendall(b"ok")
    assert read_answer(s)[2] == b"ok"


def a_body_of_four_mebibytes_is_collected_and_more_is_refused(server):
    s = dial()
    size = 4 << 20
    s.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
    assert len(read_answer(s)[2]) == size

    s.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (size + 1))
    status, headers, body = read_answer(s)
    assert status.startswith("HTTP/1.1 413") and headers["Connection"] == "close", status
    assert headers["Content-Type"] == "application/json" and b"too large" in body
    server.expect("gone the body of the request is too large")
    s.close()

    s = dial()
    s.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    try:
        for _ in range(100):
            s.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
    except OSError:
        pass
    assert read_until(s, b"\r\n").startswith(b"HTTP/1.1 413")


def malformed_requests_are_refused_with_a_reason(server):
    for request, status in (
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\nHost: x\n\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 70000 + b"\r\n\r\n", b"431"),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
    ):
        s = dial()
        s.sendall(request)
        data = read_all(s)
        assert data.startswith(b"HTTP/1.1 " + status), (request[:40], data)
        assert b'{"message":"' in data and b"Connection: close" in data
    get(s := dial(), "/hello")
    assert read_answer(s)[2] == b"hello\n"
    s.sendall(b"nonsense\r\n\r\n")
    assert read_all(s).startswith(b"HTTP/1.1 400")


def headers_are_out_before_a_body_exists(server):
    s = dial()
    get(s, "/wait")
    assert b"Transfer-Encoding: chunked\r\n\r\n" in read_until(s, b"\r\n\r\n")
    server.forget()
    s.close()
    server.expect("gone ")


def records_flow_as_they_are_drained(server):
    s = dial()
    for _ in range(2):
        get(s, "/records")
        assert read_answer(s)[2] == b"0\n1\n2\n3\n"


def http_1_0_ends_with_the_connection(server):
    s = dial()
    s.sendall(b"GET /records HTTP/1.0\r\n\r\n")
    head, _, body = read_all(s).partition(b"\r\n\r\n")
    assert b"chunked" not in head and body == b"0\n1\n2\n3\n", (head, body)


def a_cut_answer_is_seen_to_be_broken(server):
    s = dial()
    get(s, "/cut")
    assert not read_all(s).endswith(b"0\r\n\r\n")


def a_client_that_reads_too_slowly_is_cut_off(server):
    s = dial()
    server.forget()
    get(s, "/flood")
    server.expect("gone the client reads too slowly")


def a_client_that_reads_nothing_is_cut_off(server):
    s = dial()
    size = 4 << 20
    server.forget()
    s.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
    time.sleep(1.2)
    data = b""
    try:
        data = read_all(s)
    except OSError:
        pass
    assert len(data) < size


def silence_has_an_end(server):
    idle, slow, body = dial(), dial(), dial()
    get(idle, "/hello")
    read_answer(idle)
    slow.sendall(b"GET / HTT")
    body.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nx")
    server.forget()
    assert b"408" in read_all(slow)
    assert read_all(body) == b""
    server.expect("gone the body of the request stopped coming")
    assert read_all(idle) == b""


def a_waiting_exchange_is_not_silence(server):
    s = dial()
    get(s, "/wait")
    read_until(s, b"\r\n\r\n")
    assert not select.select([s], [], [], 1.5)[0]


def a_client_that_goes_away_is_noticed(server):
    s = dial()
    server.forget()
    s.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n")
    s.close()
    server.expect("gone the client went away")


def a_half_closed_client_gets_its_answer(server):
    s = dial()
    get(s, "/hello")
    s.shutdown(socket.SHUT_WR)
    assert read_all(s).endswith(b"hello\n")


def an_early_answer_survives_the_rest_of_the_request(server):
    s = dial()
    s.sendall(b"POST /now HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + b"x" * 1000)
    status, headers, body = read_answer(s)
    assert body == b"now\n" and headers["Connection"] == "close"
    s.sendall(b"x" * 99000)
    assert read_all(s) == b""


def an_upgrade_is_raw_both_ways_and_half_closes(server):
    s = dial()
    server.forget()
    s.sendall(b"POST /attach/tty HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\nearly")
    data = read_until(s, b"early")
    assert data.startswith(b"HTTP/1.1 101 UPGRADED\r\n"), data
    assert b"Content-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nearly" in data
    s.sendall(b"late")
    assert read_until(s, b"late") == b"late"
    s.shutdown(socket.SHUT_WR)
    server.expect("end_input after 9")
    assert read_all(s) == b""
    server.expect("joined_end 9 well")


def without_upgrade_the_same_bytes_follow_a_200(server):
    s = dial()
    s.sendall(b"POST /attach HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"200 OK" in read_until(s, b"\r\n\r\n")
    s.sendall(b"out")
    assert read_until(s, b"out") == b"\1\0\0\0\0\0\0\3out"
    s.sendall(b"!err")
    assert read_until(s, b"err") == b"\2\0\0\0\0\0\0\4!err"


def a_vanished_endpoint_is_said(server):
    s = dial()
    s.sendall(b"POST /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
    data = read_all(s)
    assert data.endswith(b"nothing to join any more") and b"\3\0\0\0" in data


def an_upgrade_in_vain_says_why_and_drops_the_endpoint(server):
    s = dial()
    server.forget()
    s.sendall(b"POST /in-vain HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n")
    data = read_all(s)
    assert data.startswith(b"HTTP/1.1 101 UPGRADED\r\n"), data
    assert data.endswith(b"\r\n\r\n\1\0\0\0\0\0\0\x0dno such thing"), data
    server.expect("left")


def a_client_that_drops_an_attachment_leaves_the_endpoint(server):
    s = dial()
    server.forget()
    s.sendall(b"POST /attach HTTP/1.1\r\nHost: x\r\n\r\n")
    read_until(s, b"\r\n\r\n")
    s.close()
    server.expect("left")
    server.expect("gone ")


def a_body_flows_into_an_endpoint(server):
    s = dial()
    server.forget()
    size = 3 << 20
    s.sendall(b"PUT /put HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size)
    s.sendall(b"x" * size)
    assert read_answer(s)[2] == b"stored\n"
    server.expect(f"end_input after {size}")
    server.expect(f"joined_end {size} well")
    get(s, "/hello")
    assert read_answer(s)[2] == b"hello\n"


def a_paused_reader_pauses_the_endpoint_and_loses_nothing(server):
    s = dial()
    server.forget()
    size = 20 << 20
    get(s, f"/pour?n={size}")
    server.expect("flow 0")
    time.sleep(1.2)
    status, headers, body = read_answer(s)
    assert len(body) == size
    server.expect(f"joined_end {size} well")
    get(s, "/hello")
    assert read_answer(s)[2] == b"hello\n"


def how_a_joined_end_failed_is_told(server):
    server.forget()
    get(s := dial(), "/pour/fails?n=10")
    server.expect("joined_end 10 it broke")


def the_longest_idle_makes_room(server):
    def asked():
        s = dial()
        get(s, "/hello")
        read_answer(s)
        return s

    first, busy = asked(), dial()
    get(busy, "/wait")
    read_until(busy, b"\r\n\r\n")
    rest = [asked() for _ in range(20)]
    assert first.recv(1) == b""
    get(rest[-1], "/hello")
    assert read_answer(rest[-1])[2] == b"hello\n"
    assert not select.select([busy], [], [], 0)[0]


def when_all_are_busy_a_newcomer_is_told(server):
    time.sleep(0.1)
    busy = [dial() for _ in range(20)]
    for s in busy:
        get(s, "/wait")
        read_until(s, b"\r\n\r\n")
    assert read_all(dial()).startswith(b"HTTP/1.1 503")


def a_thousand_impatient_clients_leave_nothing_behind(server):
    for i in range(1000):
        s = dial()
        request = (
            b"GET /wait HTTP/1.1\r\n\r\n",
            b"POST /attach HTTP/1.1\r\n\r\nx",
            b"PUT /put HTTP/1.1\r\nContent-Length: 9\r\n\r\nx",
            b"GE",
        )[i % 4]
        try:
            s.sendall(request)
        except BrokenPipeError:
            pass  # turned away: others are still being let go
        s.close()
    time.sleep(0.3)
    assert len(os.listdir(f"/proc/{server.process.pid}/fd")) < 25
    get(s := dial(), "/hello")
    assert read_answer(s)[2] == b"hello\n"


def the_socket_is_for_its_group_alone(server):
    assert os.stat(PATH).st_mode & 0o7777 == 0o660


def a_second_server_is_refused(server):
    second = subprocess.run([PROGRAM, "unix://" + PATH], capture_output=True, text=True, timeout=5)
    assert second.returncode == 1 and "another daemon answers there" in second.stderr


def what_is_no_socket_is_not_removed(server):
    path = work + "/file"
    open(path, "w").close()
    second = subprocess.run([PROGRAM, "unix://" + path], capture_output=True, text=True, timeout=5)
    assert second.returncode == 1 and "is no socket" in second.stderr and os.path.exists(path)


def a_stale_socket_is_replaced_and_ours_removed(server):
    server.process.kill()
    server.process.wait()
    assert os.path.exists(PATH)
    other = Server("unix://" + PATH)
    get(s := dial(), "/hello")
    read_answer(s)
    assert other.stop() == 0
    other.expect("closing with 1")
    assert not os.path.exists(PATH)


def sockets_are_taken_from_systemd(server):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(work + "/activated.sock")
    listener.listen()
    code = "import os,sys; os.dup2(int(sys.argv[1]),3); os.environ.update(LISTEN_PID=str(os.getpid()),LISTEN_FDS='1'); os.execv(sys.argv[2],[sys.argv[2],'fd://'])"
    process = subprocess.Popen([sys.executable, "-c", code, str(listener.fileno()), PROGRAM], pass_fds=[listener.fileno()], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "listening fd://\n"
    s = socket.socket(socket.AF_UNIX)
    s.connect(work + "/activated.sock")
    get(s, "/hello")
    assert read_answer(s)[2] == b"hello\n"
    process.terminate()
    assert process.wait(5) == 0
    assert os.path.exists(work + "/activated.sock")


def make_certificates():
    def run(*args):
        subprocess.run(["openssl", *args], cwd=work, check=True, capture_output=True)

    for ca in ("ca", "foreign"):
        run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", ca + ".key", "-out", ca + ".pem", "-subj", "/CN=" + ca, "-days", "2")
    for name, ca, use in (("server", "ca", "serverAuth"), ("client", "ca", "clientAuth"), ("stranger", "foreign", "clientAuth")):
        run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=" + name)
        with open(work + "/ext", "w") as f:
            f.write(f"extendedKeyUsage={use}\nsubjectAltName=IP:127.0.0.1\n")
        run("x509", "-req", "-in", name + ".csr", "-CA", ca + ".pem", "-CAkey", ca + ".key", "-CAcreateserial", "-out", name + ".pem", "-days", "2", "-extfile", "ext")


def tls_dial(server, cert):
    port = int(server.address.rsplit(":", 1)[1])
    context = ssl.create_default_context(cafile=work + "/ca.pem")
    if cert:
        context.load_cert_chain(f"{work}/{cert}.pem", f"{work}/{cert}.key")
    raw = socket.create_connection(("127.0.0.1", port), timeout=5)
    return context.wrap_socket(raw, server_hostname="127.0.0.1")


def over_tls_a_known_client_is_served(server):
    s = tls_dial(server, "client")
    get(s, "/hello")
    assert read_answer(s)[2] == b"hello\n"
    size = 4 << 20
    s.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
    assert read_answer(s)[2] == b"x" * size
    get(s, f"/pour?n={size}")
    assert len(read_answer(s)[2]) == size
    s.sendall(b"POST /attach/tty HTTP/1.1\r\nHost: x\r\n\r\nabc")
    read_until(s, b"abc")


def over_tls_nobody_else_is_served(server):
    for cert in (None, "stranger"):
        try:
            s = tls_dial(server, cert)
            get(s, "/hello")
            assert not s.recv(100), "it was served"
        except (ssl.SSLError, ConnectionError):
            pass
    s = socket.create_connection(("127.0.0.1", int(server.address.rsplit(":", 1)[1])), timeout=5)
    get(s, "/hello")
    assert b"Client sent an HTTP request to an HTTPS server" in s.recv(1000)


def a_silent_tls_client_is_let_go(server):
    s = socket.create_connection(("127.0.0.1", int(server.address.rsplit(":", 1)[1])), timeout=5)
    assert s.recv(100) == b""


def a_crowd_of_tls_clients_is_served(server):
    crowd = [tls_dial(server, "client") for _ in range(15)]
    for s in crowd:
        get(s, "/hello")
    for s in crowd:
        assert read_answer(s)[2] == b"hello\n"


passed = failed = 0


def run(test, server):
    global passed, failed
    try:
        test(server)
        passed += 1
    except Exception as e:  # noqa: BLE001
        print(f"FAILED {test.__name__}: {type(e).__name__}: {e}")
        failed += 1


server = Server("unix://" + PATH)
for test in (
    a_kept_connection_carries_many_requests,
    pipelined_requests_are_answered_in_order,
    a_request_that_comes_in_bytes_is_understood,
    head_has_the_fields_and_no_body,
    a_client_that_waits_for_continue_gets_it,
    a_body_of_four_mebibytes_is_collected_and_more_is_refused,
    malformed_requests_are_refused_with_a_reason,
    headers_are_out_before_a_body_exists,
    records_flow_as_they_are_drained,
    http_1_0_ends_with_the_connection,
    a_cut_answer_is_seen_to_be_broken,
    a_client_that_reads_too_slowly_is_cut_off,
    a_client_that_reads_nothing_is_cut_off,
    silence_has_an_end,
    a_waiting_exchange_is_not_silence,
    a_client_that_goes_away_is_noticed,
    a_half_closed_client_gets_its_answer,
    an_early_answer_survives_the_rest_of_the_request,
    an_upgrade_is_raw_both_ways_and_half_closes,
    without_upgrade_the_same_bytes_follow_a_200,
    a_vanished_endpoint_is_said,
    an_upgrade_in_vain_says_why_and_drops_the_endpoint,
    a_client_that_drops_an_attachment_leaves_the_endpoint,
    a_body_flows_into_an_endpoint,
    a_paused_reader_pauses_the_endpoint_and_loses_nothing,
    how_a_joined_end_failed_is_told,
    the_longest_idle_makes_room,
    when_all_are_busy_a_newcomer_is_told,
    a_thousand_impatient_clients_leave_nothing_behind,
    the_socket_is_for_its_group_alone,
    a_second_server_is_refused,
    what_is_no_socket_is_not_removed,
    a_stale_socket_is_replaced_and_ours_removed,
    sockets_are_taken_from_systemd,
):
    run(test, server)

make_certificates()
server = Server("tcp://127.0.0.1:0", *(f"{work}/{name}" for name in ("server.pem", "server.key", "ca.pem")))
for test in (
    over_tls_a_known_client_is_served,
    over_tls_nobody_else_is_served,
    a_silent_tls_client_is_let_go,
    a_crowd_of_tls_clients_is_served,
):
    run(test, server)
if server.stop() != 0:
    print("FAILED: the server did not end well")
    failed += 1

subprocess.run(["rm", "-r", work], check=True)
print(f"{passed} passed, {failed} failed")
sys.exit(failed != 0)
