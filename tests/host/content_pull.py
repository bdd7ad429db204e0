#!/usr/bin/env python3
"""shoal-content against registries: a real one, and one that lies, fails and stalls."""
import base64
import http.server
import json
import os
import random
import shutil
import subprocess
import threading

from content_kit import Registry, RealRegistry, check, has_registry, run_all, test
import image
from image import Image, entry, directory, tar

QUICK = {"pause_ms": "1"}


def small(seed=1, size=20000, **more):
    data = random.Random(seed).randbytes(size)
    return Image([tar([directory("d"), entry("d/base", b"base")]), tar([entry("d/data", data)])], **more)


@test
def a_real_registry_gives_an_image_with_busybox(place):
    if not has_registry():
        return print("skipped: no docker-registry")
    with RealRegistry(place, 15871) as r:
        i = Image([image.busybox(), tar([entry("etc/motd", b"hello\n")])]).push(f"http://{r.host}", "lib/bb", "1")
        a = place.ask("pull", reference=f"{r.host}/lib/bb:1")
        check(a.last["image"] == i.id and a.last["digest"] == i.digest)
        check(a.last.all["layer"] == i.diff_ids)
        check(a.last["config"] == i.config.decode())
        check(a.lines[0] == "Pulling from lib/bb")
        check(a.lines[-2:] == ["Digest: " + i.digest, f"Status: Downloaded newer image for {r.host}/lib/bb:1"])
        for line in ("Pulling fs layer", "Downloading", "Verifying Checksum", "Download complete", "Extracting",
                     "Pull complete"):
            check(a.lines.count(line) >= 2, line)
        check(os.stat(place.layer(i.diff_ids[0], "tmp")).st_mode & 0o7777 == 0o1777)
        out = subprocess.run(["chroot", place.layer(i.diff_ids[0]), "/bin/echo", "alive"], capture_output=True)
        check(out.stdout == b"alive\n")
        again = place.ask("pull", reference=f"{r.host}/lib/bb:1", have=i.id)
        check(again.lines.count("Already exists") == 2)
        check(again.lines[-1] == f"Status: Image is up to date for {r.host}/lib/bb:1")
        check(place.left_over() == [])


@test
def layers_are_shared_and_a_layer_twice_in_an_image_is_brought_once(place):
    with Registry() as r:
        base, more = tar([entry("a", b"a")]), tar([entry("b", b"b")])
        r.add(Image([base, more, more]), tag="1")
        r.add(Image([base, tar([entry("c", b"c")])]), tag="2")
        place.ask("pull", reference=f"{r.host}/a/b:1")
        check(r.count("GET", "/blobs/") == 3)  # two layers and a config
        a = place.ask("pull", reference=f"{r.host}/a/b:2")
        check(a.lines.count("Already exists") == 1 and len(place.layers()) == 3)


@test
def twelve_layers_come_three_at_a_time(place):
    now, most, lock = [0], [0], threading.Lock()

    def slow(h, method, path):
        if "/blobs/" not in path:
            return False
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        threading.Event().wait(0.05)
        with lock:
            now[0] -= 1
        return False

    with Registry(slow) as r:
        i = Image([tar([entry(f"f{n}", random.Random(n).randbytes(1000))]) for n in range(12)])
        a = place.ask("pull", reference=r.add(i))
        check(a.lines.count("Waiting") == 9 and a.lines.count("Pull complete") == 12)
        check(most[0] == 3, most[0])


@test
def as_many_layers_come_at_a_time_as_is_asked_for(place):
    for asked, wanted in ((1, 1), (6, 6), (0, 3)):
        now, most, lock = [0], [0], threading.Lock()

        def slow(h, method, path):
            if "/blobs/" not in path:
                return False
            with lock:
                now[0] += 1
                most[0] = max(most[0], now[0])
            threading.Event().wait(0.05)
            with lock:
                now[0] -= 1
            return False

        with Registry(slow) as r:
            i = Image([tar([entry(f"f{asked}-{n}", random.Random(n).randbytes(1000))]) for n in range(12)])
            a = place.ask("pull", reference=r.add(i), downloads=str(asked))
            check(a.lines.count("Pull complete") == 12)
            check(most[0] == wanted, (asked, most[0]))


@test
def several_pulls_run_at_once_and_agree(place):
    with Registry() as r:
        i = small()
        ref = r.add(i)
        # One data root has one program; several of them on several roots share nothing but the registry.
        threads = [threading.Thread(target=type(place)(f"{place.path}/{n}").ask, args=("pull",),
                                    kwargs={"reference": ref}) for n in range(4)]
        for n in range(4):
            os.mkdir(f"{place.path}/{n}")
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        for n in range(4):
            check(sorted(os.listdir(f"{place.path}/{n}/root/layers")) == sorted(d[7:] for d in i.diff_ids))


@test
def gzip_zstd_and_plain_layers_are_understood(place):
    def zstd(t):
        return (subprocess.run(["zstd", "-q", "-c"], input=t, stdout=subprocess.PIPE, check=True).stdout,
                "application/vnd.oci.image.layer.v1.tar+zstd")

    with Registry() as r:
        kinds = [lambda t: (t, "application/vnd.docker.image.rootfs.diff.tar")]
        if shutil.which("zstd"):
            kinds.append(zstd)
        for n, kind in enumerate(kinds):
            i = Image([tar([entry(f"f{n}", b"x" * 100000)])], compress=kind)
            place.ask("pull", reference=r.add(i, tag=f"k{n}"))
            with open(place.layer(i.diff_ids[0], f"f{n}"), "rb") as f:
                check(f.read() == b"x" * 100000)


@test
def a_list_gives_the_image_for_the_platform_that_is_asked_for(place):
    with Registry() as r:
        made = {}
        platforms = [("amd64", ""), ("arm", "v6"), ("arm", "v7"), ("arm64", "v8"), ("s390x", "")]
        for arch, variant in platforms:
            made[arch + variant] = Image([tar([entry(arch + variant, b"")])], architecture=arch, variant=variant)
            r.add(made[arch + variant], tag=arch + variant)
        index = image.make_list([(made[a + v], {"os": "linux", "architecture": a, **({"variant": v} if v else {})})
                                 for a, v in platforms])
        ref = r.add_text(index, image.LIST, tag="list")
        for wanted, got in (("linux/amd64", "amd64"), ("linux/arm64", "arm64v8"), ("linux/arm64/v8", "arm64v8"),
                            ("linux/arm/v7", "armv7"), ("linux/arm/v6", "armv6"), ("linux/aarch64", "arm64v8")):
            a = place.ask("pull", reference=ref, platform=wanted)
            check(a.last["image"] == made[got].id, wanted, a.last)
            check(a.last["digest"] == image.digest(index))
        a = place.ask("pull", reference=ref, platform="linux/riscv64", done=False)
        check(a.text.startswith("no matching manifest for linux/riscv64"), a.text)
        a = place.ask("inspect", reference=ref)
        check(a.last["digest"] == image.digest(index) and len(a.last.all["platform"]) == 5)
        check("linux/arm64/v8" in a.last.all["platform"])


@test
def a_digest_pins_the_image(place):
    with Registry() as r:
        i = small()
        r.add(i)
        a = place.ask("pull", reference=f"{r.host}/a/b@{i.digest}")
        check(a.last["image"] == i.id)
        other = small(2)
        r.manifests[f"a/b:{i.digest}"] = (image.MANIFEST, other.manifest)
        a = place.ask("pull", reference=f"{r.host}/a/b@{i.digest}", done=False, **QUICK)
        check("manifest verification failed" in a.text, a.text)


@test
def a_blob_with_other_bytes_is_refused_before_it_is_unpacked(place):
    with Registry() as r:
        i = small()
        ref = r.add(i)
        name = image.digest(i.blobs[1][0])
        r.blobs[name] = bytes(reversed(r.blobs[name]))
        a = place.ask("pull", reference=ref, done=False, **QUICK)
        check("verification failed" in a.text, a.text)
        check(i.diff_ids[1][7:] not in place.layers() and place.left_over() == [])


@test
def a_config_with_other_bytes_is_refused(place):
    with Registry() as r:
        i = small()
        ref = r.add(i)
        r.blobs[i.id] = i.config.replace(b"amd64", b"amd46")
        a = place.ask("pull", reference=ref, done=False, **QUICK)
        check("config verification failed" in a.text, a.text)


@test
def a_layer_that_unpacks_to_something_else_is_refused(place):
    with Registry() as r:
        i, other = small(), tar([entry("other", b"")])
        lying = Image([other])
        lying.config = i.config.replace(i.diff_ids[1].encode(), b"").replace(b', ""', b"")
        about = json.loads(lying.manifest)
        about["config"].update(size=len(lying.config), digest=image.digest(lying.config))
        lying.manifest, lying.id = json.dumps(about).encode(), image.digest(lying.config)
        a = place.ask("pull", reference=r.add(lying), done=False, **QUICK)
        check("does not unpack to what the image says" in a.text, a.text)
        check(place.layers() == [])


@test
def a_transfer_that_breaks_goes_on_where_it_stopped(place):
    i = small(size=300000)
    big = image.digest(i.blobs[1][0])
    cuts = []

    def cut(h, method, path):
        if big not in path or len(cuts) >= 3:
            return False
        cuts.append(h.headers.get("Range"))
        body = i.blobs[1][0]
        at = int(h.headers["Range"][6:-1]) if h.headers.get("Range") else 0
        h.send_response(206 if at else 200)
        h.send_header("Content-Length", str(len(body) - at))
        if at:
            h.send_header("Content-Range", f"bytes {at}-{len(body) - 1}/{len(body)}")
        h.end_headers()
        h.wfile.write(body[at:at + 70000])
        h.close_connection = True
        return True

    with Registry(cut) as r:
        place.ask("pull", reference=r.add(i), **QUICK)
        check(cuts[0] is None and cuts[1].startswith("bytes=") and len(cuts) == 3, cuts)
        check(os.path.getsize(place.layer(i.diff_ids[1], "d/data")) == 300000)


@test
def a_server_that_ignores_ranges_is_coped_with(place):
    i = small(size=300000)
    big, cuts = image.digest(i.blobs[1][0]), []

    def cut(h, method, path):
        if big not in path:
            return False
        cuts.append(1)
        body = i.blobs[1][0]
        h.send_response(200)
        h.send_header("Content-Length", str(len(body)))
        h.end_headers()
        h.wfile.write(body[:100000] if len(cuts) < 3 else body)
        h.close_connection = True
        return True

    with Registry(cut) as r:
        place.ask("pull", reference=r.add(i), **QUICK)
        check(os.path.getsize(place.layer(i.diff_ids[1], "d/data")) == 300000)


@test
def a_registry_that_stops_half_way_is_named(place):
    i = small(size=300000)
    big = image.digest(i.blobs[1][0])

    def stop(h, method, path):
        if big not in path:
            return False
        h.send_response(200)
        h.send_header("Content-Length", str(len(i.blobs[1][0])))
        h.end_headers()
        h.wfile.write(i.blobs[1][0][:50000])
        h.close_connection = True
        return True

    with Registry(stop) as r:
        a = place.ask("pull", reference=r.add(i), done=False, **QUICK)
        check("the registry stopped after 50000 of" in a.text, a.text)
        check(5 <= r.count("GET", big) <= 30)
        check(place.left_over() == [], place.left_over())
        r.lie = None
        place.ask("pull", reference=r.add(i))


@test
def a_registry_that_stalls_is_given_up(place):
    i = small()
    wait = threading.Event()

    def stall(h, method, path):
        if "/blobs/" not in path:
            return False
        h.send_response(200)
        h.send_header("Content-Length", "100000")
        h.end_headers()
        h.wfile.flush()
        wait.wait(20)
        return True

    with Registry(stall) as r:
        a = place.ask("pull", reference=r.add(i), done=False, stall_s="1", **QUICK)
        wait.set()
        check("Operation too slow" in a.text, a.text)


@test
def errors_of_the_server_are_waited_out_up_to_a_point(place):
    left = [3]

    def fail(h, method, path):
        if left[0] <= 0:
            return False
        left[0] -= 1
        h.answer(503, b"busy")
        return True

    with Registry(fail) as r:
        ref = r.add(small())
        place.ask("pull", reference=ref, **QUICK)
        left[0] = 1000
        a = place.ask("pull", reference=ref, done=False, **QUICK)
        check("503" in a.text and left[0] >= 1000 - 10, a.text, left)


@test
def more_bytes_than_announced_are_refused(place):
    with Registry() as r:
        i = small()
        ref = r.add(i)
        r.blobs[image.digest(i.blobs[1][0])] = i.blobs[1][0] + b"more"
        a = place.ask("pull", reference=ref, done=False, **QUICK)
        check("sends more than the" in a.text, a.text)


@test
def manifests_that_lie_or_are_too_old_are_refused(place):
    good = json.loads(small().manifest)
    layers = [dict(good["layers"][0]) for _ in range(300)]
    cases = [
        ({"schemaVersion": 1, "fsLayers": []}, image.MANIFEST, "schema version 1"),
        ({**good, "manifests": []}, image.MANIFEST, "ambiguous"),
        (good, image.LIST, "calls itself"),
        ({**good, "layers": layers}, image.MANIFEST, "more than 256"),
        ({**good, "layers": [{**good["layers"][0], "digest": "md5:00"}]}, image.MANIFEST, "not sha256"),
        ({**good, "layers": [{**good["layers"][0], "digest": "sha256:../../../etc/passwd"}]}, image.MANIFEST,
         "not sha256"),
        ({**good, "layers": [{**good["layers"][0], "size": -1}]}, image.MANIFEST, "has no size"),
        ({**good, "config": None}, image.MANIFEST, "no descriptor"),
        ({**good, "mediaType": "text/plain"}, "text/plain", "unsupported manifest media type"),
        ([1, 2], image.MANIFEST, "schemaVersion is not 2"),
    ]
    with Registry() as r:
        for n, (text, kind, sentence) in enumerate(cases):
            a = place.ask("pull", reference=r.add_text(json.dumps(text).encode(), kind, tag=f"t{n}"), done=False)
            check(sentence in a.text, n, a.text)
        for n, text in enumerate([b"", b"{", b"[" * 100000, b"\xff\xfe", b'{"a":1,"a":2}', b" " * (5 << 20)]):
            a = place.ask("pull", reference=r.add_text(text, tag=f"b{n}"), done=False)
            check(a.text and "died" not in a.text, n, a.text)


@test
def an_image_that_is_not_there_or_not_for_us_is_said_so_as_stock_docker_does(place):
    def deny(h, method, path):
        if "/secret/" not in path:
            return False
        h.answer(401, b'{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}')
        return True

    with Registry(deny) as r:
        a = place.ask("pull", reference=f"{r.host}/no/such:1", done=False)
        check(a.text == f"manifest for {r.host}/no/such:1 not found: manifest unknown: manifest unknown", a.text)
        check(a.last["kind"] == "4")
        a = place.ask("pull", reference=f"{r.host}/secret/x:1", done=False)
        check(a.text == f"pull access denied for {r.host}/secret/x, repository does not exist or may require "
              "'docker login': unauthorized: authentication required", a.text)
        a = place.ask("pull", reference="127.0.0.1:1/a/b:1", done=False, **QUICK)
        check("127.0.0.1:1" in a.text and "onnect" in a.text, a.text)
        a = place.ask("pull", reference="A b", done=False)
        check(a.last["kind"] == "1", a.last)


# -- who we are --

AUTH = base64.urlsafe_b64encode(json.dumps({"username": "me", "password": "secret"}).encode()).decode()


@test
def basic_credentials_are_shown_when_asked_for(place):
    def ask_who(h, method, path):
        if h.headers.get("Authorization") == "Basic " + base64.b64encode(b"me:secret").decode():
            return False
        h.answer(401, b"{}", WWW_Authenticate='Basic realm="here"')
        return True

    with Registry(ask_who) as r:
        ref = r.add(small())
        place.ask("pull", reference=ref, auth=AUTH)
        a = place.ask("pull", reference=ref, done=False)
        check("pull access denied" in a.text)


def token_registry(seen, realm=None):
    def answer(h, method, path):
        if path.startswith("/token"):
            seen.append((path, h.headers.get("Authorization")))
            h.answer(200, b'{"token":"t0ken"}')
            return True
        if h.headers.get("Authorization") == "Bearer t0ken":
            return False
        where = realm or f"http://{h.headers['Host']}/token"
        h.answer(401, b"{}", WWW_Authenticate=f'Bearer realm="{where}",service="reg",scope="repository:a/b:pull"')
        return True
    return answer


@test
def a_token_is_fetched_with_the_credentials_and_used(place):
    seen = []
    with Registry(token_registry(seen)) as r:
        place.ask("pull", reference=r.add(small()), auth=AUTH)
        check("service=reg" in seen[0][0] and "scope=repository" in seen[0][0], seen)
        check(seen[0][1] == "Basic " + base64.b64encode(b"me:secret").decode())
        place.ask("pull", reference=r.add(small(3), tag="3"))
        check(seen[-1][1] is None)


@test
def credentials_are_not_shown_to_a_token_server_of_another_site(place):
    seen = []
    with Registry(token_registry(seen)) as thief:
        with Registry(token_registry([], f"http://{thief.host}/token")) as r:
            a = place.ask("pull", reference=r.add(small()), auth=AUTH, done=False)
            check(seen == [] and "plain HTTP" in a.text, a.text, seen)


@test
def credentials_do_not_follow_a_redirect_to_another_origin(place):
    with Registry() as store:
        i = small()
        store.add(i)

        def send_on(h, method, path):
            if h.headers.get("Authorization") is None:
                h.answer(401, b"{}", WWW_Authenticate='Basic realm="here"')
                return True
            if "/blobs/" not in path:
                return False
            h.answer(307, Location=f"http://{store.host}{path}")
            return True

        with Registry(send_on) as r:
            place.ask("pull", reference=r.add(i), auth=AUTH)
            check(len(store.requests) >= 3)
            check(all("Authorization" not in headers for _, _, headers in store.requests))


@test
def endless_redirects_end(place):
    def round_and_round(h, method, path):
        if "/blobs/" in path:
            h.answer(307, Location=path)
            return True
        return False

    with Registry(round_and_round) as r:
        a = place.ask("pull", reference=r.add(small()), done=False, **QUICK)
        check("more than 5 times" in a.text, a.text)


@test
def a_redirect_to_a_file_is_refused(place):
    def to_file(h, method, path):
        if "/blobs/" in path:
            h.answer(307, Location="file:///etc/passwd")
            return True
        return False

    with Registry(to_file) as r:
        a = place.ask("pull", reference=r.add(small()), done=False, **QUICK)
        check("on to nowhere" in a.text, a.text)


@test
def a_mirror_is_asked_first_without_credentials_and_the_registry_after_it(place):
    with Registry() as mirror:
        i = small()
        mirror.add(i, "library/thing")
        a = place.ask("pull", reference="thing:1", mirror=f"http://{mirror.host}/", auth=AUTH)
        check(a.last["image"] == i.id and a.lines[-1] == "Status: Downloaded newer image for thing:1")
        check(all("Authorization" not in headers for _, _, headers in mirror.requests))


@test
def tls_is_verified_and_never_given_up_for_plain_http(place):
    if not shutil.which("openssl"):
        return print("skipped: no openssl")
    import ssl
    key, cert = os.path.join(place.path, "key.pem"), os.path.join(place.path, "cert.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=reg.test", "-addext",
                    "subjectAltName=DNS:reg.test"], check=True, capture_output=True)
    with Registry() as r:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        r.server.socket = context.wrap_socket(r.server.socket, server_side=True)
        i = small()
        r.add(i)
        # Loopback may show any certificate.
        place.ask("pull", reference=f"{r.host}/a/b:1")
        # Any other host may not, nor may it fall back to plain HTTP.
        address = next((w for w in subprocess.run(["hostname", "-I"], capture_output=True, text=True)
                        .stdout.split() if "." in w and not w.startswith("127.")), None)
        if not address:
            return print("skipped: no address but loopback")
        with OnAddress(address) as other:
            other.blobs, other.manifests = r.blobs, r.manifests
            a = place.ask("pull", reference=f"{other.host}/a/b:1", done=False, **QUICK)
            check("https://" in a.text and other.requests == [], a.text)
            place.ask("pull", reference=f"{other.host}/a/b:1", insecure=other.host.split(":")[0] + "/32")


class OnAddress(Registry):
    """On another address than 127.0.0.1."""

    def __init__(self, address):
        super().__init__()
        handler = self.server.RequestHandlerClass
        self.server.shutdown()
        self.server.server_close()
        self.server = http.server.ThreadingHTTPServer((address, 0), handler)
        self.host = "%s:%d" % self.server.server_address[:2]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


if __name__ == "__main__":
    raise SystemExit(run_all())
