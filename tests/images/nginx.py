"""Debian's nginx as an image: its package, the libraries it is linked with, and nothing else."""
import os
import re
import subprocess

import image

CONF = b"""daemon off;
user nobody nogroup;
worker_processes 1;
pid /run/nginx.pid;
error_log /dev/stderr;
events { worker_connections 256; }
http {
	include mime.types;
	access_log /dev/stdout;
	server { listen 80; root /usr/share/nginx/html; }
}
"""
FOLDERS = ("dev", "etc", "etc/nginx", "lib", "proc", "run", "sys", "usr", "usr/sbin", "usr/share", "usr/share/nginx",
           "usr/share/nginx/html", "var", "var/lib", "var/lib/nginx", "var/log", "var/log/nginx")


def unpacked(cache):
    """The root of the unpacked packages, made below `cache` once. CalledProcessError without apt or a mirror."""
    root = os.path.join(cache, "nginx")
    if not os.path.exists(root):
        fresh = f"{root}.{os.getpid()}"
        os.makedirs(fresh)
        subprocess.run(["apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", "nginx", "nginx-common"],
                       cwd=fresh, check=True, capture_output=True)
        for package in [p for p in os.listdir(fresh) if p.endswith(".deb")]:
            subprocess.run(["dpkg", "-x", package, "."], cwd=fresh, check=True)
            os.unlink(f"{fresh}/{package}")
        try:
            os.rename(fresh, root)
        except OSError:  # another run was quicker
            subprocess.run(["rm", "-r", fresh], check=True)
    return root


def source(cache):
    return "/" if os.path.exists("/usr/sbin/nginx") else unpacked(cache)


def libraries(program):
    text = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    return re.findall(r"(/\S+) \(0x", text)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def layer(cache, page=None):
    """The tar of its only layer; `page` replaces Debian's "Welcome to nginx!"."""
    root = source(cache)
    program = os.path.join(root, "usr/sbin/nginx")
    entries = [image.directory(d) for d in FOLDERS] + [image.directory("tmp", 0o1777)]
    folders = set(FOLDERS)
    for path in libraries(program):
        for i in [i for i, c in enumerate(path) if c == "/" and i]:
            if path[1:i] not in folders:
                folders.add(path[1:i])
                entries.append(image.directory(path[1:i]))
        entries.append(image.entry(path[1:], read(path), mode=0o755))
    return image.tar(entries + [
        image.entry("usr/sbin/nginx", read(program), mode=0o755),
        image.entry("etc/nginx/nginx.conf", CONF),
        image.entry("etc/nginx/mime.types", read(os.path.join(root, "etc/nginx/mime.types"))),
        image.entry("usr/share/nginx/html/index.html",
                    page or read(os.path.join(root, "usr/share/nginx/html/index.html"))),
        image.entry("etc/passwd", b"root:x:0:0:root:/root:/bin/false\nnobody:x:65534:65534:nobody:/:/bin/false\n"),
        image.entry("etc/group", b"root:x:0:\nnogroup:x:65534:\n"),
    ])


def make(cache, page=None):
    return image.Image([layer(cache, page)], config={
        "Cmd": ["nginx"], "Env": ["PATH=/usr/sbin"], "ExposedPorts": {"80/tcp": {}}, "StopSignal": "SIGQUIT"})
