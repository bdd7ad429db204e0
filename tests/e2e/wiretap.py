"""Listens in between a stock worker and a stock manager, with the keys of both.

The worker's connections to the manager are turned to a listener in the lab's world, which shows the manager's
certificate to the worker and the worker's to the manager. What passes is kept and, at the end, read: HTTP/2 frames,
the path of each stream, the messages in its data. A session is a text file: "PATH request|response HEX" a line, "-" for a message of no bytes."""
import ctypes
import os
import select
import socket
import ssl
import struct
import threading

from lab import REGISTRY, enter

PORT = 2377
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, CONTINUATION = 0, 1, 9
END_HEADERS, PADDED, PRIORITY = 4, 8, 0x20
WORLD = REGISTRY.split(":")[0]


class Wiretap:
    """worker and manager: hosts of the lab with stock engines; the manager's swarm is there already and keeps its
    root, or the worker would no longer know the listener."""

    def __init__(self, lab, worker, manager):
        self.lab, self.worker, self.manager = lab, worker, manager
        self.passed = []  # for each connection: what the worker said, what the manager said
        self.lock = threading.Lock()
        ready = threading.Event()
        threading.Thread(target=self.listen, args=[ready], daemon=True).start()
        assert ready.wait(10)
        worker.run("nft", "-f", "-", stdin="table ip tap {\nchain out { type nat hook output priority -100; "
                   f"ip daddr {manager.address} tcp dport {PORT} dnat to {WORLD}:{PORT}; }}\n}}\n").ok()

    def certificate(self, host, name):
        """Two files, certificate and key, as OpenSSL reads them: the engine puts headers of its own into the key."""
        folder = host.data + "/swarm/certificates"
        key = f"{self.lab.root}/tap-{name}.key"
        with open(folder + "/swarm-node.key") as f:
            lines = [line for line in f if ": " not in line and line.strip()]
        with open(key, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as f:
            f.writelines(lines)
        return folder + "/swarm-node.crt", key

    def listen(self, ready):
        enter(self.lab.world)()  # this thread alone, and those it starts
        shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        shown.load_cert_chain(*self.certificate(self.manager, "manager"))
        shown.load_verify_locations(self.manager.data + "/swarm/certificates/swarm-root-ca.crt")
        shown.verify_mode = ssl.CERT_OPTIONAL
        shown.set_alpn_protocols(["h2"])
        with socket.create_server((WORLD, PORT)) as listener:
            ready.set()
            while True:
                threading.Thread(target=self.relay, args=[shown, listener.accept()[0]], daemon=True).start()

    def relay(self, shown, raw):
        try:
            near = shown.wrap_socket(raw, server_side=True)
            asked = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            asked.check_hostname, asked.verify_mode = False, ssl.CERT_NONE
            asked.set_alpn_protocols(["h2"])
            if near.getpeercert():
                asked.load_cert_chain(*self.certificate(self.worker, "worker"))
            far = asked.wrap_socket(socket.create_connection((self.manager.address, PORT)))
        except OSError:
            raw.close()
            return
        said, answered = bytearray(), bytearray()
        with self.lock:
            self.passed.append((said, answered))
        try:
            relay_between((near, far, said), (far, near, answered))
        except OSError:
            pass
        near.close()
        far.close()

    def session(self):
        """The messages of all connections so far, as lines of a session."""
        with self.lock:
            copies = [(bytes(said), bytes(answered)) for said, answered in self.passed]
        lines = []
        for said, answered in copies:
            paths = {}
            lines += messages(said.removeprefix(PREFACE), "request", paths)
            lines += messages(answered, "response", paths)
        return lines


def relay_between(*ways):
    """(source, sink, what is kept) of both; until either side ends. One thread: no TLS connection is read and written
    at once."""
    while True:
        ready = [source for source, _, _ in ways if source.pending()]
        ready = ready or select.select([source for source, _, _ in ways], [], [])[0]
        for source, sink, kept in ways:
            if source not in ready:
                continue
            source.settimeout(0)
            try:
                data = source.recv(65536)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                continue
            if not data:
                return
            kept += data
            sink.settimeout(20)
            sink.sendall(data)


def messages(data, side, paths):
    """paths: stream to path; filled from requests, read for responses."""
    headers, streams, lines = Headers(), {}, []
    for kind, flags, stream, payload in frames(data):
        if kind in (HEADERS, CONTINUATION):
            block = unpadded(kind, flags, payload)
            path = dict(headers.read(block, flags & END_HEADERS)).get(b":path")
            if path:
                paths[stream] = path.decode()
        if kind != DATA:
            continue
        kept = streams.setdefault(stream, bytearray())
        kept += unpadded(kind, flags, payload)
        while len(kept) >= 5 and len(kept) >= 5 + struct.unpack(">I", kept[1:5])[0]:
            end = 5 + struct.unpack(">I", kept[1:5])[0]
            assert kept[0] == 0, "a compressed message"
            lines.append(f"{paths[stream]} {side} {kept[5:end].hex() or '-'}")
            del kept[:end]
    return lines


def frames(data):
    """(type, flags, stream, payload) of each that is whole."""
    while len(data) >= 9:
        size = int.from_bytes(data[:3], "big")
        if len(data) < 9 + size:
            return
        yield data[3], data[4], int.from_bytes(data[5:9], "big") & 0x7fffffff, data[9:9 + size]
        data = data[9 + size:]


def unpadded(kind, flags, payload):
    if kind != CONTINUATION and flags & PADDED:
        payload = payload[1:len(payload) - payload[0]]
    return payload[5:] if kind == HEADERS and flags & PRIORITY else payload


class Pair(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("value", ctypes.c_void_p), ("name_size", ctypes.c_size_t),
                ("value_size", ctypes.c_size_t), ("flags", ctypes.c_uint8)]


class Headers:
    """The compressed headers of one direction of a connection, read by nghttp2."""
    FINAL, EMIT = 1, 2

    def __init__(self):
        self.nghttp2 = ctypes.CDLL("libnghttp2.so.14")
        self.nghttp2.nghttp2_hd_inflate_hd2.restype = ctypes.c_ssize_t
        self.inflater = ctypes.c_void_p()
        assert self.nghttp2.nghttp2_hd_inflate_new(ctypes.byref(self.inflater)) == 0

    def __del__(self):
        self.nghttp2.nghttp2_hd_inflate_del(self.inflater)

    def read(self, block, is_last):
        found = []
        while True:
            pair, flags = Pair(), ctypes.c_int(0)
            used = self.nghttp2.nghttp2_hd_inflate_hd2(self.inflater, ctypes.byref(pair), ctypes.byref(flags), block,
                                                       ctypes.c_size_t(len(block)), int(bool(is_last)))
            assert used >= 0, f"headers that nghttp2 cannot read: {used}"
            block = block[used:]
            if flags.value & self.EMIT:
                found.append((ctypes.string_at(pair.name, pair.name_size), ctypes.string_at(pair.value, pair.value_size)))
            if flags.value & self.FINAL:
                self.nghttp2.nghttp2_hd_inflate_end_headers(self.inflater)
            if flags.value & self.FINAL or (not block and not flags.value & self.EMIT):
                return found
