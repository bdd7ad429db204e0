#!/usr/bin/env python3
"""Contexts: contexts.py SHOAL. The same words to shoal and, if it is installed, to the stock CLI have
the same outcome, and each finds what the other has written."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

SHOAL = sys.argv[1]
DOCKER = shutil.which("docker")
passed = failed = 0


def check(what, ok):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print(f"FAILED {what}")


def run(program, home, line, **env):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("DOCKER_", "SHOAL_"))}
    done = subprocess.run([program, *line.split(" ")], capture_output=True, text=True, timeout=20, env={**clean, "HOME": home, **env}, check=False)
    said = (done.stdout + "--\n" + done.stderr).replace(home, "HOME").replace("docker", "shoal").replace("Docker", "Shoal")
    return said.replace("/run/shoal.sock", "/var/run/shoal.sock").replace("/var/var", "/var"), done.returncode


STORY = [
    ("context ls", {}),
    ("context show", {}),
    ("context inspect", {}),
    ("context create prod --description the~place --docker host=tcp://10.0.0.5:2375", {}),
    ("context create prod", {}),
    ("context create default", {}),
    ("context create a/b", {}),
    ("context create b2 --docker foo=bar", {}),
    ("context create b3 --docker host=nowhere", {}),
    ("context create copy --from prod", {}),
    ("context create other --docker from=prod", {}),
    ("context ls", {}),
    ("context ls -q", {}),
    ("context ls --format json", {}),
    ("context inspect prod nope", {}),
    ("context inspect prod -f {{.Name}}~{{.Endpoints.docker.Host}}", {}),
    ("context use prod", {}),
    ("context show", {}),
    ("context ls", {}),
    ("context use nope", {}),
    ("context show", {"DOCKER_CONTEXT": "copy"}),
    ("context show", {"DOCKER_HOST": "unix:///x"}),
    ("context ls", {"DOCKER_HOST": "unix:///x"}),
    ("--context copy context show", {}),
    ("--context nope ps", {}),
    ("-H unix:///x --context prod ps", {}),
    ("context update copy --docker host=unix:///y --description changed", {}),
    ("context update nope --description x", {}),
    ("context ls", {}),
    ("context rm prod", {}),
    ("context rm copy nope default", {}),
    ("context rm -f prod", {}),
    ("context rm -f gone", {}),
    ("context show", {}),
    ("context use other", {}),
    ("context use default", {}),
    ("context ls", {}),
]

folder = tempfile.mkdtemp(prefix="contexts")
ours, theirs = folder + "/ours", folder + "/theirs"
os.mkdir(ours)
os.mkdir(theirs)
outcomes = []
for line, env in STORY:
    words = line.replace("~", "\u00a0")
    got = run(SHOAL, ours, words, **env)
    outcomes.append(got)
    if DOCKER:
        wanted = run(DOCKER, theirs, words, **env)
        check(f"{line}: {got} is not {wanted}", got == wanted)
if not DOCKER:
    print("skipped: there is no docker to compare with")
check("a name that is taken is refused", outcomes[4][1] == 1)
check("use and show agree", next(got for (line, _), got in zip(STORY[17:], outcomes[17:]) if line == "context show") == ("prod\n--\n", 0))

# Files, keys and one another's work.
for name in ("ca", "cert", "key"):
    with open(f"{folder}/{name}", "w") as f:
        f.write(f"{name}\n")
made = run(SHOAL, ours, f"context create keys --docker host=tcp://h:2376,ca={folder}/ca,cert={folder}/cert,key={folder}/key,skip-tls-verify=true")
check("keys are taken", made[1] == 0)
shown = json.loads(run(SHOAL, ours, "context inspect keys")[0].split("--\n")[0].replace("shoal", "docker"))[0]
check("keys are shown", shown["TLSMaterial"] == {"docker": ["ca.pem", "cert.pem", "key.pem"]} and shown["Endpoints"]["docker"]["SkipTLSVerify"] is True)
tls = shown["Storage"]["TLSPath"].replace("HOME", ours).replace(".shoal", ".docker") + "/docker/key.pem"
check("a key is its owner's alone", os.stat(tls).st_mode & 0o77 == 0 and open(tls).read() == "key\n")
check("removed with its keys", run(SHOAL, ours, "context rm keys")[1] == 0 and not os.path.exists(os.path.dirname(tls)))
if DOCKER:
    run(SHOAL, ours, "context create mine --docker host=unix:///m")
    run(DOCKER, ours, "context create yours --docker host=unix:///n")
    both = run(DOCKER, ours, "context ls -q")[0]
    check("docker finds ours", "mine" in both)
    check("both list the same", both == run(SHOAL, ours, "context ls -q")[0])

# A context says where the engine is.
run(SHOAL, ours, f"context create near --docker host=unix://{folder}/no.sock")
said, status = run(SHOAL, ours, "--context near ps")
check("a context is where the engine is", status == 1 and f"{folder}/no.sock" in said)
with open(f"{ours}/.docker/config.json", "w") as f:
    json.dump({"auths": {"r": {"auth": "eA=="}}, "currentContext": "gone"}, f)
said, status = run(SHOAL, ours, "ps")
check("one that is gone is named", status == 1 and 'context "gone": context not found' in said)
check("and does not stand in the way", run(SHOAL, ours, "context use near")[1] == 0)
with open(f"{ours}/.docker/config.json") as f:
    check("logins stay", json.load(f) == {"auths": {"r": {"auth": "eA=="}}, "currentContext": "near"})

shutil.rmtree(folder)
print(f"{passed} passed, {failed} failed")
sys.exit(failed != 0)
