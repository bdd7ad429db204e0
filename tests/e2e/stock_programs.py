"""The programs of the stock Docker Engine, as Debian packs it.

Those of the machine when it has them, else those of the packages, fetched once and unpacked into the lab's cache:
nothing is installed. SHOAL_STOCK names a folder with them for machines without a network."""
import fcntl
import glob
import os
import shutil
import subprocess

PACKAGES = ["docker.io", "containerd", "runc", "tini"]
PROGRAMS = ["dockerd", "docker", "docker-proxy", "docker-init", "containerd", "containerd-shim-runc-v2", "runc"]


def find(cache):
    """Folder of the programs; None when there are none to be had."""
    given = os.environ.get("SHOAL_STOCK")
    if given:
        return given
    if all(shutil.which(p) for p in PROGRAMS):
        return os.path.dirname(shutil.which("dockerd"))
    folder = os.path.join(cache, "stock")
    programs = os.path.join(folder, "programs")
    os.makedirs(folder, exist_ok=True)
    with open(folder + "/lock", "w") as lock:  # tests run side by side
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(os.path.join(programs, "dockerd")):
            if not unpack(folder):
                return None
            os.makedirs(programs + ".new", exist_ok=True)
            for path in glob.glob(folder + "/usr/*bin/*"):
                shutil.copy2(path, programs + ".new", follow_symlinks=True)
            os.rename(programs + ".new", programs)
    return programs


def client(cache):
    """The docker client of this machine, or else the packages'; None when there is none to be had."""
    programs = shutil.which("docker") or find(cache)
    return programs if programs is None or os.path.isfile(programs) else programs + "/docker"


def unpack(folder):
    os.makedirs(folder, exist_ok=True)
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        return False
    try:
        subprocess.run(["apt-get", "download", *PACKAGES], cwd=folder, capture_output=True, timeout=120, check=True)
        for package in glob.glob(folder + "/*.deb"):
            subprocess.run(["dpkg", "-x", package, folder], capture_output=True, timeout=120, check=True)
            os.unlink(package)
    except (subprocess.SubprocessError, OSError):
        return False
    return True
