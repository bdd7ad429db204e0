#!/usr/bin/env python3
"""Layers as they come from outside: what a directory of the store looks like afterwards, and what
archives made to do harm achieve (nothing)."""
import gzip
import os
import stat
import subprocess
import tarfile

from content_kit import Registry, check, run_all, test
import image
from image import Image, directory, entry, tar

CANARY = "/tmp/shoal-content-canary-%d" % os.getpid()  # another run beside this one has its own


def pull(place, *layers, done=True, **values):
    """Pull an image of these layers; gives the answer and where the last one lies."""
    with Registry() as r:
        i = Image(list(layers))
        a = place.ask("pull", reference=r.add(i), done=done, pause_ms="1", **values)
        return a, place.layer(i.diff_ids[-1])


def refused(place, layer, sentence, **values):
    a, where = pull(place, layer, done=False, **values)
    check(sentence in a.text, a.text)
    check(not os.path.lexists(where) and place.left_over() == [], "something is left")


@test
def files_keep_owner_mode_time_links_and_attributes(place):
    capability = b"\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    _, at = pull(place, tar([
        directory("d", 0o2750, uid=10, gid=20, mtime=1500000000),
        entry("d/suid", b"x", mode=0o4755, uid=1000, gid=2000, mtime=1500000001),
        entry("d/hard", None, tarfile.LNKTYPE, link="d/suid"),
        entry("d/soft", None, tarfile.SYMTYPE, link="/etc/passwd", uid=7, gid=8),
        entry("d/null", None, tarfile.CHRTYPE, 0o666, dev=(1, 3)),
        entry("d/pipe", None, tarfile.FIFOTYPE, 0o600),
        entry("d/capable", b"y", mode=0o755, xattrs={"security.capability": capability.decode("latin1"),
                                                     "user.note": "hi"}),
        entry("made/on/the/way", b"z"),
        entry("gr\u00fc\u00dfe-\u4e16\u754c", b"utf8"),
    ]))
    s = os.lstat(at + "d/suid")
    check((s.st_uid, s.st_gid, stat.S_IMODE(s.st_mode), s.st_mtime) == (1000, 2000, 0o4755, 1500000001))
    check(os.lstat(at + "d/hard").st_ino == s.st_ino)
    d = os.lstat(at + "d")
    check((d.st_uid, d.st_gid, stat.S_IMODE(d.st_mode), d.st_mtime) == (10, 20, 0o2750, 1500000000))
    check(os.readlink(at + "d/soft") == "/etc/passwd" and os.lstat(at + "d/soft").st_uid == 7)
    check(os.lstat(at + "d/null").st_rdev == os.makedev(1, 3) and stat.S_ISFIFO(os.lstat(at + "d/pipe").st_mode))
    check(os.getxattr(at + "d/capable", "security.capability") == capability)
    check(os.getxattr(at + "d/capable", "user.note") == b"hi")
    check(stat.S_IMODE(os.lstat(at + "made/on").st_mode) == 0o755)
    check(open(at + "gr\u00fc\u00dfe-\u4e16\u754c").read() == "utf8")


@test
def whiteouts_become_what_overlayfs_reads(place):
    with Registry() as r:
        low = tar([directory("a"), entry("a/gone", b""), entry("a/stays", b""), directory("b"), entry("b/old", b""),
                   directory("c"), entry("c/old", b"")])
        high = tar([entry("a/.wh.gone"), directory("b"), entry("b/.wh..wh..opq"), entry("b/new", b""),
                    entry(".wh.c"), directory("c"), entry("c/new", b""), entry(".wh..wh.aufs")])
        i = Image([low, high])
        place.ask("pull", reference=r.add(i))
    at = place.layer(i.diff_ids[1])
    gone = os.lstat(at + "a/gone")
    check(stat.S_ISCHR(gone.st_mode) and gone.st_rdev == 0)
    check(os.getxattr(at + "b", "trusted.overlay.opaque") == b"y")
    work = os.path.join(place.path, "w")
    for d in ("u", "w", "m"):
        os.makedirs(os.path.join(work, d))
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o",
                    f"lowerdir={at}:{place.layer(i.diff_ids[0])},upperdir={work}/u,workdir={work}/w", work + "/m"],
                   check=True)
    try:
        seen = sorted(os.path.relpath(os.path.join(p, f), work + "/m") for p, _, fs in os.walk(work + "/m") for f in fs)
    finally:
        subprocess.run(["umount", work + "/m"], check=True)
    check(seen == ["a/stays", "b/new", "c/new"], seen)


@test
def what_a_layer_itself_puts_beside_a_whiteout_stays(place):
    _, at = pull(place, tar([entry("f", b"kept"), entry(".wh.f"), directory("d"), entry("d/x", b"kept"), entry(".wh.d")]))
    check(open(at + "f").read() == "kept" and open(at + "d/x").read() == "kept")
    check(os.getxattr(at + "d", "trusted.overlay.opaque") == b"y")


@test
def names_never_lead_out_of_the_layer(place):
    _, at = pull(place, tar([
        entry("../../../../../../../.." + CANARY, b"evil"),
        entry("/abs" + CANARY, b"evil"),
        entry("a/../../../../b", b"inside"),
        entry("./././c", b"inside"),
    ]))
    check(not os.path.exists(CANARY), "the host was written to")
    check(open(at + CANARY[1:]).read() == "evil" and open(at + "abs" + CANARY).read() == "evil")
    check(open(at + "b").read() == "inside" and open(at + "c").read() == "inside")


@test
def links_never_lead_out_of_the_layer(place):
    open(CANARY, "w").write("host")
    os.chmod(CANARY, 0o600)
    before = os.stat(CANARY)
    try:
        cases = [
            [entry("out", None, tarfile.SYMTYPE, link="/tmp"), entry("out/" + os.path.basename(CANARY), b"evil")],
            [entry("up", None, tarfile.SYMTYPE, link="../../../../../../../../tmp"),
             entry("up/" + os.path.basename(CANARY), b"evil")],
            [entry("hard", None, tarfile.LNKTYPE, link=CANARY)],
            [entry("hard", None, tarfile.LNKTYPE, link="../../../../../../../.." + CANARY)],
            [entry("s", None, tarfile.SYMTYPE, link=CANARY), entry("h", None, tarfile.LNKTYPE, link="s", mode=0o777),
             entry("s", b"evil", mode=0o777)],
            [entry("s", None, tarfile.SYMTYPE, link=CANARY), directory("s", 0o777), entry("s/x", b"")],
            [directory("d"), entry("d/f", b""), entry("d", None, tarfile.SYMTYPE, link="/tmp"),
             entry("d/" + os.path.basename(CANARY), b"evil")],
            [entry("p", None, tarfile.SYMTYPE, link="/proc/self/root/tmp"),
             entry("p/" + os.path.basename(CANARY), b"evil")],
            [entry("w", None, tarfile.SYMTYPE, link="/tmp"), entry("w/.wh." + os.path.basename(CANARY))],
            [entry("o", None, tarfile.SYMTYPE, link="/tmp"), entry("o/.wh..wh..opq")],
        ]
        for n, entries in enumerate(cases):
            a, _ = pull(place, tar([entry(f"case{n}", b"")] + entries), done=None)
            check("died" not in a.text, n, a.text)
            after = os.stat(CANARY)
            check(open(CANARY).read() == "host" and (after.st_mode, after.st_nlink, after.st_mtime) ==
                  (before.st_mode, before.st_nlink, before.st_mtime), "case", n, "reached the host")
            try:
                os.getxattr("/tmp", "trusted.overlay.opaque")
                check(False, "marked /tmp of the host")
            except OSError:
                pass
    finally:
        os.unlink(CANARY)


@test
def the_last_entry_of_a_name_wins(place):
    _, at = pull(place, tar([
        entry("x", b"first"), entry("x", b"second"),
        directory("y"), entry("y/in", b""), entry("y", b"file now"),
        entry("z", b"file"), directory("z"), entry("z/in", b"dir now"),
        entry("l", b"file"), entry("l", None, tarfile.SYMTYPE, link="x"),
    ]))
    check(open(at + "x").read() == "second" and open(at + "y").read() == "file now")
    check(open(at + "z/in").read() == "dir now" and os.readlink(at + "l") == "x")


@test
def attributes_that_overlayfs_or_the_host_believe_in_are_not_taken_from_archives(place):
    _, at = pull(place, tar([
        entry("f", b"", xattrs={"trusted.overlay.redirect": "/etc", "trusted.overlay.metacopy": "x",
                                "security.selinux": "root", "user.overlay.opaque": "y", "user.fine": "1"}),
    ]))
    check(os.listxattr(at + "f") == ["user.fine"], os.listxattr(at + "f"))


@test
def a_bomb_stops_at_the_limit(place):
    big = tar([entry("zeros", bytes(50 << 20))])
    check(len(gzip.compress(big, 1)) < 1 << 20)
    refused(place, big, "more than 1000000", bytes_max="1000000")


@test
def a_file_that_claims_to_be_huge_is_refused(place):
    info = tarfile.TarInfo("sparse")
    info.size = 1 << 60
    refused(place, info.tobuf(tarfile.PAX_FORMAT) + bytes(1024), "are not taken")


@test
def too_many_entries_are_refused(place):
    refused(place, tar([entry(f"f{n}", b"") for n in range(2000)]), "more than 1000 entries", entries_max="1000")


@test
def too_deep_paths_are_refused(place):
    refused(place, tar([entry("d/" * 300 + "f", b"")]), "a path of more than 256 parts")


@test
def deep_trees_are_unpacked_and_cleared_away(place):
    path, entries = "", []
    for n in range(200):
        path += "dd/"
        entries.append(directory(path[:-1]))
    refused(place, tar(entries + [entry("x/" * 300 + "f", b"")]), "parts")


@test
def archives_that_are_cut_or_broken_are_refused(place):
    whole = tar([entry("f", bytes(range(256)) * 100), entry("g", b"g")])
    refused(place, whole[:3000], "")
    refused(place, b"\x55" * 5000, "tar")
    broken = bytearray(whole)
    broken[512 * 51 + 10] ^= 0xff
    refused(place, bytes(broken), "")


@test
def a_compressed_stream_that_is_cut_is_refused(place):
    whole = gzip.compress(tar([entry("f", os.urandom(100000))]))
    with Registry() as r:
        i = Image([tar([entry("f", b"")])], compress=lambda t: (whole[:50000], image.LAYER))
        a = place.ask("pull", reference=r.add(i), done=False)
        check("failed to register layer" in a.text, a.text)


@test
def an_empty_layer_is_a_layer(place):
    _, at = pull(place, tar([]))
    check(os.listdir(at) == [])


@test
def a_sparse_file_takes_no_room(place):
    made = os.path.join(place.path, "sparse")
    with open(made, "wb") as f:
        f.seek(200 << 20)
        f.write(b"end")
    data = subprocess.run(["tar", "-C", place.path, "--sparse", "-cf", "-", "sparse"], stdout=subprocess.PIPE,
                          check=True).stdout
    _, at = pull(place, data)
    s = os.stat(at + "sparse")
    check(s.st_size == (200 << 20) + 3 and s.st_blocks * 512 < 1 << 20, s)


@test
def a_wild_root_filesystem_stays_inside(place):
    """Every directory that a runtime or a mount touches is a link to the host."""
    names = ["dev", "proc", "sys", "etc", "run", "tmp", "var"]
    entries = [entry(n, None, tarfile.SYMTYPE, link="/" + n) for n in names]
    entries += [entry(f"{n}/shoal-canary", b"evil") for n in names]
    pull(place, tar(entries), done=None)
    check(not any(os.path.exists(f"/{n}/shoal-canary") for n in names))


if __name__ == "__main__":
    raise SystemExit(run_all())
