#!/usr/bin/env python3
"""What shoal-content does with images that are here: push, save, load, import, commit, copies, removal;
and how it behaves as a program."""
import io
import json
import os
import signal
import stat
import subprocess
import tarfile
import threading
import time

from content_kit import Client, Place, Registry, RealRegistry, check, has_registry, run_all, test
import image
from image import Image, directory, entry, tar


def two_layers():
    return Image([tar([directory("d"), entry("d/old", b"old"), entry("d/base", b"base")]),
                  tar([directory("d"), entry("d/.wh.old"), entry("d/new", os.urandom(50000))])])


def pulled(place, i):
    with Registry() as r:
        place.ask("pull", reference=r.add(i))
    return i


def names(data):
    return tarfile.open(fileobj=io.BytesIO(data)).getnames()


class Overlay:
    """A container's root made of an image, as shoald would mount it."""

    def __init__(self, place, i, name="c"):
        self.at = os.path.join(place.path, name)
        for d in ("upper", "work", "merged"):
            os.makedirs(os.path.join(self.at, d))
        self.upper, self.root = os.path.join(self.at, "upper"), os.path.join(self.at, "merged")
        lower = ":".join(place.layer(d).rstrip("/") for d in reversed(i.diff_ids))
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o",
                        f"lowerdir={lower},upperdir={self.upper},workdir={self.at}/work", self.root], check=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", self.root], check=True)


# -- push --

@test
def what_was_pulled_is_pushed_back_with_the_same_digest(place):
    if not has_registry():
        return print("skipped: no docker-registry")
    i = pulled(place, two_layers())
    with RealRegistry(place, 15872) as r:
        a = place.ask("push", reference=f"{r.host}/t/bb:1", image=i.id)
        check(a.last["digest"] == i.digest and a.last["manifest_bytes"] == str(len(i.manifest)))
        check(a.lines[0] == f"The push refers to repository [{r.host}/t/bb]")
        check(a.lines.count("Pushed") == 2 and a.lines[-1] == f"1: digest: {i.digest} size: {len(i.manifest)}")
        again = place.ask("push", reference=f"{r.host}/t/bb:2", image=i.id)
        check(again.lines.count("Layer already exists") == 2)
        other = Place(os.path.join(place.path, "other"))
        os.mkdir(other.path)
        check(other.ask("pull", reference=f"{r.host}/t/bb:2").last["image"] == i.id)


@test
def pushing_what_is_not_here_or_may_not_be_there_fails_with_a_sentence(place):
    i = pulled(place, two_layers())

    def deny(h, method, path):
        h.answer(401, b'{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}')
        return True

    with Registry(deny) as r:
        a = place.ask("push", reference=f"{r.host}/a/b:1", image=i.id, done=False, pause_ms="1")
        check("denied: requested access to the resource is denied" in a.text, a.text)
        a = place.ask("push", reference=f"{r.host}/a/b:1", image="sha256:" + "0" * 64, done=False)
        check(a.last["kind"] == "4" and "No such image" in a.text, a.text)


# -- archives of images --

@test
def save_and_load_give_the_same_image(place):
    i = pulled(place, two_layers())
    j = pulled(place, Image([i.tars[0], tar([entry("other", b"o")])]))
    a = place.ask("save", image=i.id, tag=["bb:1", "host:5000/x/y:2"])
    check(a.status == 0)
    about = json.load(tarfile.open(fileobj=io.BytesIO(a.output)).extractfile("manifest.json"))
    check(about[0]["RepoTags"] == ["bb:1", "host:5000/x/y:2"])
    layers = about[0]["Layers"]
    check([image.digest(tarfile.open(fileobj=io.BytesIO(a.output)).extractfile(n).read()) for n in layers] == i.diff_ids)
    other = Place(os.path.join(place.path, "other"))
    os.mkdir(other.path)
    b = other.ask("load", stdin=a.output)
    got = [e for e in b.events if e["event"] == "image"]
    check(len(got) == 1 and got[0]["image"] == i.id and got[0].all["tag"] == ["bb:1", "host:5000/x/y:2"])
    check(open(other.layer(i.diff_ids[1], "d/new"), "rb").read() == open(place.layer(i.diff_ids[1], "d/new"), "rb").read())
    check(stat.S_ISCHR(os.lstat(other.layer(i.diff_ids[1], "d/old")).st_mode))
    with Client(place) as c:
        reader, writer = os.pipe()
        out = []
        t = threading.Thread(target=lambda: out.append(os.fdopen(reader, "rb").read()))
        t.start()
        # Two images in one archive: the request repeats "image" and its tags in order.
        c.send("save", 1, [writer], image=[i.id, j.id])
        os.close(writer)
        check(c.last(1)["event"] == "done")
        t.join()
        check(len(json.load(tarfile.open(fileobj=io.BytesIO(out[0])).extractfile("manifest.json"))) == 2)
        check(names(out[0]).count(i.diff_ids[0][7:] + "/layer.tar") == 1)


@test
def an_archive_of_stock_docker_is_loaded_compressed_or_not(place):
    import bz2
    import gzip
    import lzma
    i = two_layers()
    saved = i.archive(["lib/thing:9"])
    for n, pack in enumerate((lambda b: b, gzip.compress, bz2.compress, lzma.compress)):
        p = Place(os.path.join(place.path, str(n)))
        os.mkdir(p.path)
        got = [e for e in p.ask("load", stdin=pack(saved)).events if e["event"] == "image"]
        check(got[0]["image"] == i.id and got[0]["tag"] == "lib/thing:9")
        check(p.layers() == sorted(d[7:] for d in i.diff_ids) and p.left_over() == [])


@test
def an_oci_layout_is_loaded(place):
    i = two_layers()
    files = [entry("blobs/sha256/" + n[7:], b) for n, b in i.all_blobs().items()]
    files.append(entry("blobs/sha256/" + i.digest[7:], i.manifest))
    index = {"schemaVersion": 2, "manifests": [
        {"mediaType": image.MANIFEST, "digest": i.digest, "size": len(i.manifest),
         "annotations": {"io.containerd.image.name": "docker.io/library/oci:1"}}]}
    files += [entry("index.json", json.dumps(index).encode()), entry("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')]
    got = [e for e in place.ask("load", stdin=tar(files)).events if e["event"] == "image"]
    check(got[0]["image"] == i.id and got[0]["tag"] == "oci:1")


@test
def archives_that_are_none_or_lie_are_refused(place):
    i, other = two_layers(), Image([tar([entry("x", b"x")]), tar([entry("y", b"y")])])
    lying = [entry(i.id[7:] + ".json", i.config), entry("a/layer.tar", other.tars[0]), entry("b/layer.tar", other.tars[1])]

    def about(**more):
        whole = {"Config": i.id[7:] + ".json", "RepoTags": ["x:1"], "Layers": ["a/layer.tar", "b/layer.tar"], **more}
        return entry("manifest.json", json.dumps([whole]).encode())

    link = entry("a/layer.tar", None, tarfile.SYMTYPE, link="/etc/passwd")
    loop = [entry("a/layer.tar", None, tarfile.SYMTYPE, link="layer.tar")]
    cases = [
        (b"", "holds no images"), (b"garbage" * 1000, "tar"), (tar([entry("hello", b"")]), "holds no images"),
        (tar([entry("repositories", b"{}")]), "older than docker 1.10"),
        (tar(lying + [about()]), "not what the image says"),
        (tar([lying[0], link, lying[2], about()]), "no layer a/layer.tar"),
        (tar([lying[0], *loop, lying[2], about()]), "no layer a/layer.tar"),
        (tar(lying + [about(Config="../../../../etc/shadow")]), "has no file"),
        (tar(lying + [about(Layers=["a/layer.tar"])]), "1 layers of an image whose config has 2"),
        (tar(lying + [about(Layers="a")]), "list"), (tar([entry("manifest.json", b"{}")]), "no list"),
        (tar([entry("manifest.json", b"[" * 5000)]), "too deep"),
    ]
    for n, (data, sentence) in enumerate(cases):
        a = place.ask("load", stdin=data, done=False)
        check(sentence in a.text, n, a.text)
    check(place.layers() == [] and place.left_over() == [])


@test
def a_layer_named_through_a_link_of_the_archive_is_found(place):
    i = two_layers()
    files = [entry("c.json", i.config), entry("a/layer.tar", i.tars[0]), entry("real/layer.tar", i.tars[1]),
             entry("b/layer.tar", None, tarfile.SYMTYPE, link="../real/layer.tar"),
             entry("manifest.json", json.dumps([{"Config": "c.json", "RepoTags": None,
                                                 "Layers": ["a/layer.tar", "b/layer.tar"]}]).encode())]
    got = [e for e in place.ask("load", stdin=tar(files)).events if e["event"] == "image"]
    check(got[0]["image"] == i.id and "tag" not in got[0])


# -- new images --

@test
def a_tar_is_imported(place):
    data = tar([entry("hello", b"world")])
    a = place.ask("import", stdin=data, config='{"Cmd":["/x"]}', comment="Imported from -",
                  created="2026-01-02T03:04:05Z", platform="linux/arm64")
    about = json.loads(a.last["config"])
    check(about["config"] == {"Cmd": ["/x"]} and about["architecture"] == "arm64")
    check(about["rootfs"]["diff_ids"] == [image.digest(data)] and about["history"][0]["comment"] == "Imported from -")
    check(open(place.layer(image.digest(data), "hello")).read() == "world")
    import lzma
    b = place.ask("import", stdin=lzma.compress(data), config='{"Cmd":["/x"]}', comment="Imported from -",
                  created="2026-01-02T03:04:05Z", platform="linux/arm64")
    check(b.last["image"] == a.last["image"])


@test
def what_a_container_changed_is_committed(place):
    i = pulled(place, two_layers())
    with Overlay(place, i) as o:
        os.unlink(o.root + "/d/base")
        os.mkdir(o.root + "/made", 0o711)
        open(o.root + "/made/f", "w").write("f")
        os.link(o.root + "/made/f", o.root + "/made/g")
        os.symlink("/etc/passwd", o.root + "/made/s")
        os.setxattr(o.root + "/made/f", "user.note", b"hi")
        os.rename(o.root + "/made", o.root + "/moved")
        subprocess.run(["rm", "-r", o.root + "/d"], check=True)
        os.mkdir(o.root + "/d")
        open(o.root + "/d/again", "w").write("again")
        a = place.ask("commit", parent=i.id, upper_dir=o.upper, comment="c", author="me", container="c" * 64,
                      created="2026-01-02T03:04:05.678Z")
        before = sorted(os.path.relpath(os.path.join(p, f), o.root) for p, _, fs in os.walk(o.root) for f in fs)
    about = json.loads(a.last["config"])
    check(about["config"] == json.loads(i.config)["config"] and about["author"] == "me")
    check(len(about["history"]) == 3 and about["rootfs"]["diff_ids"][:2] == i.diff_ids)
    made = Image([])
    made.diff_ids = about["rootfs"]["diff_ids"]
    with Overlay(place, made, "c2") as o:
        after = sorted(os.path.relpath(os.path.join(p, f), o.root) for p, _, fs in os.walk(o.root) for f in fs)
        check(before == after and "d/base" not in after and "d/again" in after, before, after)
        check(os.stat(o.root + "/moved/f").st_nlink == 2 and os.getxattr(o.root + "/moved/f", "user.note") == b"hi")
        check(os.stat(o.root + "/moved").st_mode & 0o777 == 0o711 and os.readlink(o.root + "/moved/s") == "/etc/passwd")
    if has_registry():
        with RealRegistry(place, 15873) as r:
            place.ask("push", reference=f"{r.host}/made:1", image=a.last["image"])
            other = Place(os.path.join(place.path, "other"))
            os.mkdir(other.path)
            check(other.ask("pull", reference=f"{r.host}/made:1").last["image"] == a.last["image"])


# -- copies --

@test
def a_tree_is_exported(place):
    i = pulled(place, two_layers())
    with Overlay(place, i) as o:
        data = place.ask("export", root=o.root).output
    check(names(data) == ["d", "d/base", "d/new"], names(data))


@test
def a_file_is_described_as_stock_docker_does(place):
    root = os.path.join(place.path, "tree")
    os.makedirs(root + "/etc/deep", 0o755)
    open(root + "/etc/passwd", "w").write("x" * 307)
    os.chmod(root + "/etc/passwd", 0o644)
    os.utime(root + "/etc/passwd", (1600000000, 1600000000))
    os.symlink("../../etc/passwd", root + "/etc/link")
    os.symlink("/etc", root + "/e")
    for path, name, mode, target in (
            ("/etc/passwd", "passwd", 0o644, ""), ("etc/../etc/passwd", "passwd", 0o644, ""),
            ("/etc/link", "link", (1 << 27) | 0o777, "/etc/passwd"), ("/e", "e", (1 << 27) | 0o777, "/etc"),
            ("/e/", "e", (1 << 31) | 0o755, ""), ("/e/.", ".", (1 << 31) | 0o755, ""),
            ("/", "/", None, ""), ("/e/passwd", "passwd", 0o644, "")):
        a = place.ask("stat", root=root, path=path, container="c1")
        s = next(e for e in a.events if e["event"] == "stat")
        check((s["name"], s["link_target"]) == (name, target), path, s)
        check(mode is None or s["mode"] == str(mode), path, s)
    a = place.ask("stat", root=root, path="/no/such", container="c1", done=False)
    check(a.last["kind"] == "4" and a.text == "Could not find the file /no/such in container c1", a.text)


@test
def files_are_copied_out(place):
    root = os.path.join(place.path, "tree")
    os.makedirs(root + "/a/b")
    open(root + "/a/b/f", "w").write("f")
    os.symlink("/etc/shadow", root + "/a/s")
    os.symlink("/a", root + "/l")
    check(names(place.ask("archive", root=root, path="/a").output) == ["a", "a/b", "a/b/f", "a/s"])
    check(names(place.ask("archive", root=root, path="/a/b/f").output) == ["f"])
    check(names(place.ask("archive", root=root, path="/l/b").output) == ["b", "b/f"])
    check(names(place.ask("archive", root=root, path="/a/b/.").output) == [".", "./f"])
    t = tarfile.open(fileobj=io.BytesIO(place.ask("archive", root=root, path="/l").output))
    check(t.getmember("l").issym() and t.getmember("l").linkname == "/a")


@test
def files_are_copied_in_and_stay_inside(place):
    canary = os.path.join(place.path, "canary")
    open(canary, "w").write("host")
    root = os.path.join(place.path, "tree")
    os.makedirs(root + "/to")
    os.makedirs(root + os.path.dirname(canary))
    open(root + canary, "w").write("container")
    os.symlink(canary, root + "/to/link")
    os.symlink(os.path.dirname(canary), root + "/to/dir")
    data = tar([entry("f", b"f", uid=1000, gid=1000), entry("dir/canary", b"new"), entry("../../../up", b"up")])
    place.ask("put_archive", stdin=data, root=root, path="/to")
    check(open(canary).read() == "host" and open(root + canary).read() == "new")
    check(os.stat(root + "/to/f").st_uid == 1000 and open(root + "/to/up").read() == "up")
    place.ask("put_archive", stdin=tar([entry("g", b"g", uid=1000)]), root=root, path="/to", uid="5", gid="6")
    check((os.stat(root + "/to/g").st_uid, os.stat(root + "/to/g").st_gid) == (5, 6))
    a = place.ask("put_archive", stdin=tar([entry("dir", b"")]), root=root, path=os.path.dirname(canary),
                  keep_types="1")
    os.mkdir(root + "/to/sub")
    a = place.ask("put_archive", stdin=tar([entry("sub", b"")]), root=root, path="/to", keep_types="1", done=False)
    check('cannot overwrite directory "/to/sub" with non-directory' in a.text, a.text)
    a = place.ask("put_archive", stdin=data, root=root, path="/to/f", done=False)
    check(a.last["kind"] == "1" and "extraction point is not a directory" in a.text)
    a = place.ask("put_archive", stdin=data, root=root, path="/none", container="c", done=False)
    check(a.last["kind"] == "4")


@test
def what_is_mounted_in_the_container_is_seen_and_kept_read_only(place):
    root, volume = os.path.join(place.path, "tree"), os.path.join(place.path, "volume")
    os.makedirs(root + "/data")
    os.makedirs(volume)
    open(volume + "/v", "w").write("v")
    mounts = {"mount_source": volume, "mount_target": "/data"}
    check(names(place.ask("archive", root=root, path="/data", mount_mode="rw", **mounts).output) == ["data", "data/v"])
    place.ask("put_archive", stdin=tar([entry("w", b"w")]), root=root, path="/data", mount_mode="rw", **mounts)
    check(open(volume + "/w").read() == "w" and os.listdir(root + "/data") == [])
    a = place.ask("put_archive", stdin=tar([entry("x", b"x")]), root=root, path="/data", mount_mode="ro", done=False,
                  **mounts)
    check("Read-only file system" in a.text, a.text)
    os.symlink("/etc", root + "/evil")
    place.ask("stat", root=root, path="/", mount_source=volume, mount_target="/evil", mount_mode="rw", done=False)
    check(not os.path.exists("/etc/v"))


@test
def links_that_change_during_a_copy_lead_nowhere(place):
    """A container that swaps a directory for a link to the host, all the time."""
    root, host = os.path.join(place.path, "tree"), os.path.join(place.path, "host")
    os.makedirs(root + "/d/real")
    os.makedirs(host)
    open(host + "/secret", "w").write("secret")
    os.makedirs(root + host)
    stop = threading.Event()

    def swap():
        while not stop.is_set():
            try:
                os.rename(root + "/d/real", root + "/d/aside")
                os.symlink(host, root + "/d/real")
                os.unlink(root + "/d/real")
                os.rename(root + "/d/aside", root + "/d/real")
            except OSError:
                pass

    t = threading.Thread(target=swap)
    t.start()
    try:
        data = tar([entry(f"real/f{n}", b"evil") for n in range(200)])
        for _ in range(15):
            place.ask("put_archive", stdin=data, root=root, path="/d", done=None)
            a = place.ask("archive", root=root, path="/d", done=None)
            check(b"secret" not in a.output)
    finally:
        stop.set()
        t.join()
    check(os.listdir(host) == ["secret"])


# -- removal --

@test
def what_no_image_names_is_removed(place):
    i = pulled(place, two_layers())
    j = pulled(place, Image([i.tars[0], tar([entry("j", b"j")])]))
    a = place.ask("remove", image=i.id)
    check(place.layers() == sorted(d[7:] for d in j.diff_ids) and int(a.last["freed"]) > 50000, a.last)
    check(len(os.listdir(place.root + "/image/blobs")) == 4)
    place.ask("gc", keep_layer=j.diff_ids[1])
    check(place.layers() == [j.diff_ids[1][7:]])
    place.ask("gc")
    check(place.layers() == [] and os.listdir(place.root + "/image/blobs") == [])


@test
def a_kept_image_survives_gc_and_unfinished_work_does_not(place):
    i = pulled(place, two_layers())
    os.makedirs(place.root + "/image/tmp/1-1/layer-0/diff/deep/down")
    place.ask("gc", keep_image=i.id)
    check(place.layers() == sorted(d[7:] for d in i.diff_ids) and place.left_over() == [])
    check(place.ask("push", reference="127.0.0.1:1/x:1", image=i.id, done=False, pause_ms="1").last["kind"] != "4")


# -- as a program --

@test
def requests_run_side_by_side_and_end_each_with_its_ticket(place):
    made = [Image([tar([entry(f"f{n}", os.urandom(10000))])]) for n in range(30)]
    with Registry() as r, Client(place) as c:
        for n, i in enumerate(made):
            c.send("pull", n + 1, reference=r.add(i, tag=str(n)))
        left = {str(n + 1) for n in range(30)}
        while left:
            e = c.event()
            if e["event"] in ("done", "failed"):
                check(e["event"] == "done" and e["image"] == made[int(e["ticket"]) - 1].id, e)
                left.remove(e["ticket"])
    check(len(place.layers()) == 30)


@test
def a_cancelled_pull_is_silent_and_leaves_nothing(place):
    wait = threading.Event()

    def hold(h, method, path):
        if "/blobs/" in path:
            wait.wait(20)
        return False

    i = two_layers()
    with Registry(hold) as r, Client(place) as c:
        ref = r.add(i)
        c.send("pull", 1, reference=ref)
        while c.event()["event"] != "progress":
            pass
        c.send("cancel", 1)
        c.send("remove", 2, image=i.id)  # runs alone: after the job is gone
        while True:
            e = c.event()
            if e["ticket"] == "2":
                break
            check(e["event"] == "progress", e)
        wait.set()
        check(e["event"] == "done")
    check(place.left_over() == [] and place.layers() == [])


@test
def a_worker_or_job_that_dies_fails_one_request_with_a_sentence(place):
    wait = threading.Event()

    def hold(h, method, path):
        if "/slow/" in path:
            wait.wait(20)
        return False

    def children(pid):
        return [int(p) for p in open(f"/proc/{pid}/task/{pid}/children").read().split()]

    with Registry(hold) as r, Client(place) as c:
        r.add(two_layers(), "slow/x")
        quick = r.add(two_layers(), "quick/x")
        for ticket, depth in ((1, 2), (2, 1)):
            c.send("pull", ticket, reference=f"{r.host}/slow/x:1")
            while r.count("GET", "/slow/") < ticket:
                time.sleep(0.01)
            found = children(c.process.pid)  # the job; and of it, the worker that waits for the registry
            os.kill(children(found[0])[0] if depth == 2 else found[0], signal.SIGKILL)
            e = c.last(ticket)
            check(e["event"] == "failed" and "died of signal 9" in e["text"], e)
            c.send("pull", 10 + ticket, reference=quick)
            check(c.last(10 + ticket)["event"] == "done")
        wait.set()
    check(place.left_over() == [])


@test
def workers_have_no_more_than_they_need(place):
    """What /proc says of the fetcher while it waits."""
    wait = threading.Event()

    def hold(h, method, path):
        wait.wait(20)
        return False

    with Registry(hold) as r, Client(place) as c:
        c.send("pull", 1, reference=r.add(two_layers()))
        worker = None
        while not r.requests:
            time.sleep(0.01)
        job = int(open(f"/proc/{c.process.pid}/task/{c.process.pid}/children").read().split()[0])
        worker = int(open(f"/proc/{job}/task/{job}/children").read().split()[0])
        status = dict(line.split(":\t", 1) for line in open(f"/proc/{worker}/status").read().splitlines())
        check(set(status["Uid"].split()) == {"65533"} and set(status["Gid"].split()) == {"65533"})
        check(status["Groups"].strip() == "" and status["NoNewPrivs"] == "1" and status["Seccomp"] == "2")
        for caps in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            check(int(status[caps], 16) == 0, caps)
        check(sorted(os.listdir(f"/proc/{worker}/root")) == ["etc"])
        links = [os.readlink(f"/proc/{worker}/fd/{n}") for n in os.listdir(f"/proc/{worker}/fd")]
        check(all(x.startswith(("socket:", "pipe:", "/dev/null", "anon_inode:")) or n < 3
                  for n, x in enumerate(links)), links)
        wait.set()
        c.last(1)


@test
def the_program_says_when_it_is_idle_and_ends_with_its_owner(place):
    with Client(place, idle_ms=100) as c:
        c.send("gc", 1)
        check(c.last(1)["event"] == "done")
        check(c.event()["event"] == "idle")
        c.send("nonsense", 2)
        e = c.last(2)
        check(e["event"] == "failed" and e["text"] == 'shoal-content has no operation "nonsense"', e)


@test
def garbage_on_the_socket_ends_the_program(place):
    c = Client(place)
    c.socket.sendall(b"\xff" * 100)
    check(c.process.wait(10) == 1)


@test
def directories_are_closed_to_others(place):
    pulled(place, two_layers())
    check(os.stat(place.root).st_mode & 0o777 == 0o710)
    for d in ("image", "layers", "image/blobs", "image/images", "image/tmp"):
        check(os.stat(f"{place.root}/{d}").st_mode & 0o077 == 0, d)


if __name__ == "__main__":
    raise SystemExit(run_all())
