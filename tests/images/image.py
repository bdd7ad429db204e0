"""Images for tests, made from scratch: layers, configs, manifests, archives, and a push over HTTP."""
import gzip
import hashlib
import io
import json
import tarfile
import urllib.request

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def entry(name, data=None, kind=tarfile.REGTYPE, mode=0o644, link="", uid=0, gid=0, mtime=1600000000,
          dev=(0, 0), xattrs=None):
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.linkname, info.uid, info.gid = kind, mode, link, uid, gid
    info.mtime, info.size = mtime, len(data or b"")
    info.devmajor, info.devminor = dev
    info.pax_headers = {"SCHILY.xattr." + k: v for k, v in (xattrs or {}).items()}
    return info, data


def directory(name, mode=0o755, **more):
    return entry(name, None, tarfile.DIRTYPE, mode, **more)


def tar(entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as t:
        for info, data in entries:
            t.addfile(info, io.BytesIO(data) if data is not None else None)
    return out.getvalue()


class Image:
    """layers: tar bytes, lowest first. compress turns a tar into (blob, media type)."""

    def __init__(self, layers, config=None, architecture="amd64", compress=None, variant=None):
        self.tars = layers
        compress = compress or (lambda t: (gzip.compress(t, 1, mtime=0), LAYER))
        self.blobs = [compress(t) for t in layers]
        about = {
            "architecture": architecture, "os": "linux", "created": "2020-09-13T12:26:40Z",
            "config": config or {"Cmd": ["sh"], "Env": ["PATH=/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [digest(t) for t in layers]},
            "history": [{"created": "2020-09-13T12:26:40Z", "created_by": "test"} for _ in layers],
        }
        if variant:
            about["variant"] = variant
        self.config = json.dumps(about).encode()
        self.manifest = json.dumps({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "size": len(self.config), "digest": digest(self.config)},
            "layers": [{"mediaType": kind, "size": len(b), "digest": digest(b)} for b, kind in self.blobs],
        }, indent=3).encode()
        self.id = digest(self.config)
        self.digest = digest(self.manifest)
        self.diff_ids = [digest(t) for t in layers]

    def all_blobs(self):
        found = {digest(b): b for b, _ in self.blobs}
        found[self.id] = self.config
        return found

    def push(self, base, repository, tag):
        """base: "http://127.0.0.1:5000"."""
        for name, data in self.all_blobs().items():
            url = call("POST", f"{base}/v2/{repository}/blobs/uploads/").headers["Location"]
            call("PUT", url + ("&" if "?" in url else "?") + "digest=" + name, data, "application/octet-stream")
        call("PUT", f"{base}/v2/{repository}/manifests/{tag}", self.manifest, MANIFEST)
        return self

    def archive(self, tags):
        """What docker save writes."""
        files = [entry(self.id[7:] + ".json", self.config)]
        names = []
        for t in self.tars:
            names.append(digest(t)[7:] + "/layer.tar")
            files += [directory(digest(t)[7:]), entry(names[-1], t)]
        about = [{"Config": self.id[7:] + ".json", "RepoTags": tags, "Layers": names}]
        return tar(files + [entry("manifest.json", json.dumps(about).encode())])


def make_list(entries):
    """entries: (Image, platform dict)."""
    return json.dumps({"schemaVersion": 2, "mediaType": LIST, "manifests": [
        {"mediaType": MANIFEST, "size": len(i.manifest), "digest": i.digest, "platform": p}
        for i, p in entries]}).encode()


def call(method, url, data=None, kind=None):
    request = urllib.request.Request(url, data, method=method)
    if kind:
        request.add_header("Content-Type", kind)
    return urllib.request.urlopen(request)


def busybox(path="/bin/busybox", extra=()):
    """A root with busybox-static and its usual names."""
    with open(path, "rb") as f:
        program = f.read()
    names = ("sh ls cat echo sleep top true false id ps ip ping wget nc httpd mount env date hostname head tail wc "
             "grep sed awk mkdir rm cp mv touch stat chmod chown ln test kill seq yes dd nslookup").split()
    entries = [directory("bin"), entry("bin/busybox", program, mode=0o755)]
    entries += [entry("bin/" + n, None, tarfile.LNKTYPE, 0o755, "bin/busybox") for n in names]
    entries += [directory(d) for d in ("dev", "etc", "home", "proc", "root", "sys", "usr", "var", "www")]
    entries += [directory("tmp", 0o1777),
                entry("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"),
                entry("etc/group", b"root:x:0:\nnogroup:x:65534:\n")]
    return tar(entries + list(extra))
