"""Hosts that are reached over SSH, for tests: each a network, process, name and mount namespace with a root of its own
that has nothing but busybox (no libc), a real sshd that puts whoever logs in into that root, and a stand-in for the
service manager. A distribution is an os-release and a kind of service manager."""
import ctypes
import glob
import os
import shutil
import subprocess
import time

libc = ctypes.CDLL(None, use_errno=True)
ROOTS = "/mnt"
PACKER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "packaging", "tree")
RELEASES = {
    "alpine": 'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.20.3\nPRETTY_NAME="Alpine Linux v3.20"\n',
    "debian": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n',
    "amazon": 'NAME="Amazon Linux"\nID="amzn"\nID_LIKE="fedora"\nPRETTY_NAME="Amazon Linux 2023.6"\n',
}

# What follows stands in for OpenRC and systemd: as much of them as provisioning asks for.
RC_SERVICE = r"""#!/bin/sh
name=$1 action=$2
stop() { [ ! -e /run/$name.pid ] || { kill $(cat /run/$name.pid); while kill -0 $(cat /run/$name.pid) 2>/dev/null; do usleep 20000; done; rm /run/$name.pid; }; }
start() { . /etc/init.d/$name; setsid $command </dev/null >>$output_log 2>>$error_log & echo $! >/run/$name.pid; }
case $action in start) start;; stop) stop;; restart) stop; start;; esac
"""
RC_UPDATE = "#!/bin/sh\necho \"$@\" >>/log/rc-update\n"
SYSTEMCTL = r"""#!/bin/sh
echo "$@" >>/log/systemctl
for name; do :; done
stop() { [ ! -e /run/$name.pid ] || { kill $(cat /run/$name.pid); while kill -0 $(cat /run/$name.pid) 2>/dev/null; do usleep 20000; done; rm /run/$name.pid; }; }
case $1 in restart)
	stop
	setsid $(sed -n 's/^ExecStart=//p' /etc/systemd/system/$name.service) </dev/null >>/var/log/$name.log 2>&1 & echo $! >/run/$name.pid;;
esac
"""
JOURNALCTL = "#!/bin/sh\nexec tail -n 8 /var/log/shoald.log\n"
SUDO = "#!/bin/sh\n[ $1 = -n ] || exit 1\nshift\necho \"$1\" >>/log/sudo\nexec \"$@\"\n"
# The shell that sshd starts: it keeps every command line.
SHELL = "#!/bin/busybox sh\necho \"$@\" >>/log/commands\nexec /bin/busybox sh \"$@\"\n"

LIFE = r"""
set -e
mount --make-rprivate /
mount -t proc proc {root}/proc
mount -t tmpfs tmpfs /run
mkdir -p /run/sshd
mount --bind {folder}/passwd /etc/passwd
hostname unnamed
until ip link show eth0 >/dev/null 2>&1; do sleep 0.02; done
ip link set lo up
ip addr add {address}/24 dev eth0
ip link set eth0 up
for one in {more}; do ip addr add $one/32 dev eth0; done
ip route add default via 10.97.53.1
while :; do
	LD_LIBRARY_PATH={libs} {sshd} -D -f {folder}/sshd_config -E {folder}/sshd.log || sleep 0.1
done
"""
CONFIG = """Port 22
HostKey {folder}/host_key
PidFile none
AuthorizedKeysFile {folder}/authorized_keys
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
PermitRootLogin yes
ChrootDirectory {root}
"""


def sshd_of(folder):
    """Debian's own sshd, unpacked and not installed when it is missing; None when it cannot be had."""
    if os.path.exists("/usr/sbin/sshd"):
        return "/usr/sbin/sshd", ""
    os.makedirs(folder, exist_ok=True)
    if not os.path.exists(f"{folder}/ssh/usr/sbin/sshd") and not fetch(folder):
        return None
    return f"{folder}/ssh/usr/sbin/sshd", ":".join(glob.glob(f"{folder}/ssh/usr/lib/*-linux-gnu") +
                                                   glob.glob(f"{folder}/ssh/lib/*-linux-gnu"))


def fetch(folder):
    got = subprocess.run(["apt-get", "-q", "download", "openssh-server", "libwrap0"], cwd=folder, capture_output=True)
    if got.returncode:
        return False
    for package in glob.glob(f"{folder}/*.deb"):
        subprocess.run(["dpkg", "-x", package, f"{folder}/ssh"], check=True)
    return True


def have_tree(build):
    """The archive beside shoal-machine, made anew when a program is newer."""
    arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine)
    path = f"{build}/shoal-tree-{arch}.tar.gz"
    programs = [f"{build}/{name}" for name in ("shoald", "shoal", "shoal-content", "shoal-oci")] + [PACKER]
    if os.path.exists(path) and all(os.path.getmtime(p) < os.path.getmtime(path) for p in programs):
        return True
    made = subprocess.run([PACKER, build], capture_output=True, text=True, timeout=300)
    print((made.stdout + made.stderr).strip().splitlines()[-1], flush=True)
    return made.returncode == 0


def begin_network():
    for words in ("ip link add far0 type bridge", "ip addr add 10.97.53.1/24 dev far0", "ip link set far0 up",
                  f"mount -t tmpfs -o mode=755 tmpfs {ROOTS}"):
        subprocess.run(words.split(), check=True)


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)


class Far:
    """`user` is who may log in, and is root there by whatever name; `more` are further addresses."""

    def __init__(self, folder, number, kind, services, sshd, public_key, user="root", more=()):
        self.number, self.address = number, f"10.97.53.{number}"
        self.folder, self.root = f"{folder}/far{number}", f"{ROOTS}/far{number}"
        self.sshd, self.libs = sshd
        self.more = " ".join(more)
        os.makedirs(self.folder)
        self.lay_out(kind, services)
        names = "" if user == "root" else f"{user}:x:0:0::/root:/bin/bash\n"
        write(f"{self.root}/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n" + names)
        passwd = "".join(line for line in open("/etc/passwd") if not line.startswith("sshd:"))
        write(f"{self.folder}/passwd", passwd + names + "sshd:x:74:74::/run/sshd:/usr/sbin/nologin\n")
        write(f"{self.folder}/authorized_keys", public_key)
        write(f"{self.folder}/sshd_config", CONFIG.format(**vars(self)))
        self.new_host_key()
        self.start()

    def lay_out(self, kind, services):
        root = self.root
        os.makedirs(root)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", root], check=True)
        for name in ("bin", "sbin", "usr/bin", "usr/sbin", "proc", "sys", "dev", "run", "tmp", "root", "var/log", "etc/init.d",
                     "etc/systemd/system", "log", "opt"):
            os.makedirs(f"{root}/{name}")
        shutil.copy("/bin/busybox", f"{root}/bin/busybox")
        subprocess.run(["chroot", root, "/bin/busybox", "--install", "-s"], check=True)
        for name in ("sys", "dev"):
            subprocess.run(["mount", "--rbind", f"/{name}", f"{root}/{name}"], check=True)
        write(f"{root}/bin/bash", SHELL, 0o755)
        write(f"{root}/etc/os-release", RELEASES[kind])
        write(f"{root}/usr/bin/sudo", SUDO, 0o755)
        write(f"{root}/etc/group", "root:x:0:\n")
        write(f"{root}/etc/hosts", "127.0.0.1 localhost\n")
        if services == "openrc":
            write(f"{root}/sbin/rc-service", RC_SERVICE, 0o755)
            write(f"{root}/sbin/rc-update", RC_UPDATE, 0o755)
        else:
            os.makedirs(f"{root}/run/systemd/system")
            write(f"{root}/bin/systemctl", SYSTEMCTL, 0o755)
            write(f"{root}/bin/journalctl", JOURNALCTL, 0o755)

    def new_host_key(self):
        for path in glob.glob(f"{self.folder}/host_key*"):
            os.unlink(path)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{self.folder}/host_key"], check=True)

    def start(self):
        life = LIFE.format(**vars(self))
        self.process = subprocess.Popen(["unshare", "--net", "--uts", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", life],
                                        stdin=subprocess.DEVNULL)
        pid = ""
        while not pid:
            time.sleep(0.02)
            assert self.process.poll() is None, "the host did not start"
            pid = open(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read().strip()
        for words in (f"ip link add far{self.number} type veth peer name eth0 netns {pid}",
                      f"ip link set far{self.number} master far0 up"):
            subprocess.run(words.split(), check=True)
        self.pid = pid

    def add_address(self, address):
        """Another one by which it is reached from here."""
        self.run("/bin/busybox", "ip", "addr", "add", f"{address}/32", "dev", "eth0")
        subprocess.run(["ip", "route", "replace", f"{address}/32", "dev", "far0"], check=True)

    def path(self, path):
        return self.root + path

    def read(self, path):
        return open(self.root + path).read()

    def run(self, *words):
        """Inside of it, without SSH."""
        return subprocess.run(["nsenter", "-t", self.pid, "--net", "--uts", "--pid", "--mount", "chroot", self.root, *words],
                              capture_output=True, text=True)

    def end(self):
        self.process.kill()
        self.process.wait()
        subprocess.run(["ip", "link", "del", f"far{self.number}"], capture_output=True)
        subprocess.run(["umount", "-R", "-l", self.root], capture_output=True)
