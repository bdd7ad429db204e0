#!/usr/bin/env python3
"""What `make install` leaves, and that `make uninstall` takes it away: install.py SOURCE."""
import os
import shutil
import subprocess
import sys
import tempfile

SOURCE = sys.argv[1]
work = tempfile.mkdtemp(prefix="shoal-install-")
passed = failed = 0


def check(what, ok):
    global passed, failed
    passed += bool(ok)
    failed += not ok
    if not ok:
        print(f"FAILED {what}")


def run(*words, **more):
    return subprocess.run(words, capture_output=True, text=True, timeout=300, check=False, **more)


# A prefix of its own in a build folder of its own would build everything again: the suite's folder
# is installed as it is, and only the rules of the Makefile that need no build are asked.
build, prefix = sys.argv[2], sys.argv[3]
done = run("meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", work)
check(f"installs: {done.stderr}", done.returncode == 0)
root = work + prefix
found = {os.path.relpath(os.path.join(at, name), root) for at, _, names in os.walk(work) for name in names}
for wanted in ("bin/shoal", "bin/shoal-machine", "sbin/shoald", "sbin/shoal-content", "sbin/shoal-oci", "lib/systemd/system/shoald.service", "lib/systemd/system/shoald.socket",
               "lib/sysusers.d/shoald.conf",
               "share/man/man1/shoal.1", "share/man/man1/shoal-service-create.1", "share/man/man8/shoald.8", "share/bash-completion/completions/shoal",
               "share/zsh/site-functions/_shoal", "share/fish/vendor_completions.d/shoal.fish"):
    check(f"{wanted} is there", wanted in found)
check("shoald finds shoal-content beside itself", os.path.dirname(f"{root}/sbin/shoald") == os.path.dirname(f"{root}/sbin/shoal-content"))
with open(f"{root}/lib/systemd/system/shoald.service") as f:
    check("the unit starts what is installed", f"ExecStart={prefix}/sbin/shoald " in f.read())
if shutil.which("systemd-analyze"):
    units = f"{work}/units"
    os.mkdir(units)
    for name in ("shoald.service", "shoald.socket"):
        with open(f"{root}/lib/systemd/system/{name}") as f, open(f"{units}/{name}", "w") as to:
            to.write(f.read().replace(f"{prefix}/sbin", f"{root}/sbin"))
    said = run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", f"{units}/shoald.service", f"{units}/shoald.socket")
    check(f"systemd takes the units: {said.stderr}", said.returncode == 0 and "shoald" not in said.stderr)
    shutil.rmtree(units)
else:
    print("skipped: no systemd-analyze to judge the units")
if shutil.which("systemd-sysusers"):
    os.makedirs(f"{work}/empty/etc")
    said = run("systemd-sysusers", f"--root={work}/empty", f"{root}/lib/sysusers.d/shoald.conf")
    with open(f"{work}/empty/etc/group") as f:
        check(f"the socket's group is made: {said.stderr}", "docker:" in f.read())
    shutil.rmtree(f"{work}/empty")
else:
    print("skipped: no systemd-sysusers to make the group")
check("bash reads its completion", run("bash", "-n", f"{root}/share/bash-completion/completions/shoal").returncode == 0)
with open(f"{root}/share/man/man8/shoald.8") as f:
    page = f.read()
said = run(f"{root}/sbin/shoald", "--help").stdout
flags = {word for line in said.split("Accepted")[0].splitlines() for word in line.split() if word.startswith("--")}
for flag in sorted(f.strip('".,;:') for f in flags):
    name = flag.split("=")[0].replace("-", "\\-")
    check(f"the manual has {flag}", name in page or flag in ("--help", "--validate", "--version", "--manual", "--add-host"))
if shutil.which("man"):
    for at, _, names in os.walk(f"{root}/share/man"):
        for name in names[:20]:
            said = run("man", "--warnings=mac", "-E", "UTF-8", "-l", "-Tutf8", "-Z", os.path.join(at, name), env={**os.environ, "MANROFFSEQ": ""})
            check(f"{name} is in order: {said.stderr}", said.returncode == 0 and not said.stderr)
else:
    print("skipped: no man to read the pages with")

gone = run("make", "-C", SOURCE, "uninstall", f"DESTDIR={work}", f"PREFIX={prefix}")
left = [name for _, _, names in os.walk(work) for name in names]
check(f"uninstall leaves nothing: {left[:5]} {gone.stderr}", gone.returncode == 0 and not left)
shutil.rmtree(work)
print(f"{passed} passed, {failed} failed")
sys.exit(failed != 0)
