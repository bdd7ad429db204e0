#!/usr/bin/env python3
"""The command line against a fake engine.

    run.py golden SHOAL [--rewrite]   what it asks and prints is what golden.txt says
    run.py stock SHOAL                the same as the stock CLI does, if one is installed
    run.py trace SHOAL FOLDER         each call was made by the stock CLI in a recorded run, and what is
                                      printed is what it printed, if the recordings are there

Ends with "N passed, N failed"."""
import difflib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine import Engine, query_of, replies_from_trace  # noqa: E402
import replies  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))


class Place:
    """A folder with the files that commands name, and an engine in it."""

    def __init__(self, what_it_says):
        self.folder = tempfile.mkdtemp(prefix="cli")
        for name, text in {"file": "data\n", "envfile": "A=1\n# comment\n\nHOME\nZ\n"}.items():
            with open(os.path.join(self.folder, name), "w", encoding="utf-8") as to:
                to.write(text)
        self.engine = Engine(self.folder, what_it_says)
        url = "unix://" + self.engine.socket_path
        self.env = {"PATH": os.environ["PATH"], "HOME": "/home/somebody", "TZ": "UTC",
                    "DOCKER_HOST": url, "SHOAL_HOST": url,
                    "DOCKER_CONFIG": os.path.join(self.folder, "settings"),
                    "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "")}

    def close(self):
        self.engine.close()
        shutil.rmtree(self.folder)

    def run(self, program, line):
        """(stdout, stderr, exit code, calls)"""
        line, _, typed = line.partition(" <<< ")
        self.engine.start_again()
        shutil.rmtree(os.path.join(self.folder, "settings"), ignore_errors=True)
        done = subprocess.run([program] + shlex.split(line), env=self.env, cwd=self.folder,
                              input=typed, capture_output=True, text=True, timeout=60, check=False)
        calls = []
        for call in self.engine.requests:
            if call not in calls:
                calls.append(call)
        return done.stdout, done.stderr, done.returncode, calls


def without_zeroes(value):
    """JSON without what says nothing: null, "", 0, false, [] and {}, but for a service's mode."""
    if isinstance(value, dict):
        kept = {k: without_zeroes(v) for k, v in value.items()}
        return {k: v for k, v in kept.items()
                if v not in ([0, 0], None, "", 0, False, [], {}) or k in ("Global", "Replicated")}
    return [without_zeroes(v) for v in value] if isinstance(value, list) else value


def body_text(body):
    if not body:
        return ""
    try:
        return json.dumps(without_zeroes(json.loads(body)), sort_keys=True)
    except ValueError:
        return f"<{len(body)} bytes>" if b"\0" in body else body.decode("utf-8", "replace").strip()


def call_text(call):
    method, path, query, body, headers = call
    text = " ".join([method, path] + [f"{k}={v}" for k, v in query])
    auth = headers.get("x-registry-auth")
    return f"> {text}{' auth=' + auth if auth else ''} {body_text(body)}".rstrip()


def without_now(text):
    """Times of the last days vary from run to run."""
    def stamp(match):
        when = time.mktime(time.strptime(match.group(0)[:19].replace("T", " "), "%Y-%m-%d %H:%M:%S"))
        return "TIME" if abs(time.time() - when) < 5 * 86400 else match.group(0)
    text = re.sub(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?", stamp, text)
    return re.sub(r"/tmp/cli\w+", "FOLDER", text)


def without_version(text, shoal):
    said = subprocess.run([shoal, "--version"], capture_output=True, text=True, check=True).stdout
    return re.sub(r"(Version: +)" + re.escape(said.split()[-1]) + "\n", r"\1OUR-VERSION\n", text)


def commands():
    """(line, why it differs from the stock CLI or None)"""
    why = None
    with open(os.path.join(HERE, "commands.txt"), encoding="utf-8") as lines:
        for line in lines:
            line = line.rstrip("\n")
            if line.startswith("~ "):
                why = line[2:]
            elif line and not line.startswith("#"):
                yield line, why
                why = None


def block(line, outcome):
    out, err, status, calls = outcome
    text = f"$ shoal {line}\n" + "".join(call_text(c) + "\n" for c in calls) + out
    if out and not out.endswith("\n"):
        text += "\n"
    text += "".join(f"! {row}\n" for row in err.splitlines())
    return without_now(text) + f"[{status}]\n"


def golden(shoal, rewrite):
    place = Place(replies.REPLIES)
    path = os.path.join(HERE, "golden.txt")
    made = [(line, without_version(block(line, place.run(shoal, line)), shoal)) for line, _ in commands()]
    place.close()
    if rewrite:
        with open(path, "w", encoding="utf-8") as to:
            to.write("\n".join(text for _, text in made))
        return len(made), 0
    with open(path, encoding="utf-8") as lines:
        wanted = dict((text.split("\n", 1)[0][len("$ shoal "):], text.strip("\n") + "\n")
                      for text in re.split(r"\n(?=\$ shoal )", lines.read()))
    failed = 0
    for line, text in made:
        if wanted.get(line) == text:
            continue
        failed += 1
        print("\n".join(difflib.unified_diff(wanted.get(line, "").split("\n"), text.split("\n"),
                                             "wanted", "got", lineterm="", n=2)))
    return len(made) - failed, failed


def in_our_words(text):
    return re.sub(r"dockerd?\b(?!\.io|\.com|_|/)", "shoal", text).replace("Docker", "Shoal")


def seen(place, program, line):
    """Output, exit code and calls, the words of both programs made the same."""
    out, err, status, calls = place.run(program, line)
    text = f"{out}{err}[{status}]\n" + "\n".join(sorted(call_text(c) for c in calls))
    return in_our_words(without_now(text))


def against_stock(shoal):
    docker = shutil.which("docker")
    if not docker:
        print("skipped: no stock CLI is installed")
        return 0, 0
    place = Place(replies.REPLIES)
    passed = failed = 0
    for line, why in commands():
        if why:
            continue
        ours = seen(place, shoal, line)
        # The stock CLI keeps some lists in no order of its own: each run may send another.
        for _ in range(20):
            theirs = seen(place, docker, line)
            if theirs == ours:
                break
        passed += theirs == ours
        failed += theirs != ours
        if theirs != ours:
            print(f"--- {line}")
            print("\n".join(list(difflib.unified_diff(theirs.split("\n"), ours.split("\n"), lineterm="",
                                                      n=1))[2:]))
    place.close()
    return passed, failed


def whole(reply):
    """Recordings cut long bodies off; such a reply is of no use."""
    if not reply["type"].startswith("application/json") or "events" in reply["path"]:
        return True
    try:
        json.loads(reply.get("text") or "null")
    except ValueError:
        return False
    return True


def shape(method, path, query, body):
    """A call without what differs from run to run: ids, versions, keys of a moment."""
    path = re.sub(r"\b([0-9a-f]{64}|[0-9a-z]{25})\b", "ID", path)
    query = " ".join(f"{k}={re.sub(r'[0-9a-z]{25}', 'ID', v)}" for k, v in query if k != "version")
    return f"{method} {path} {query} {body_text(body)}"


# Commands whose output in the recordings is complete and comes from answers that are too.
TRACED = """
images
image history busybox
image ls --digests --filter reference=busybox
tag busybox 127.0.0.1:5999/t/bb:1
rmi 127.0.0.1:5999/t/bb:1
image prune -f
diff c1
rename c1 c1b
update --memory 64m --memory-swap 128m c1b
pause c1b
unpause c1b
restart -t 1 c1b
kill -s USR1 c1b
stop -t 1 c1b
start c1b
commit c1b cimg:1
rm c1b
rm -fv c2
container prune -f
volume create --label a=b v1
volume inspect v1
volume rm v1
network create --subnet 10.201.0.0/24 n1
network disconnect n1 c4
network connect --ip 10.201.0.9 n1 c4
network rm n1
network prune -f
node ls
swarm init --advertise-addr 127.0.0.1
swarm update --task-history-limit 3 --dispatcher-heartbeat 6s
swarm unlock
secret inspect s1
config inspect --pretty c1
network ls --filter driver=overlay
node demote self
node rm self
service rm w1 g1
secret rm s1 s2
config rm c1
network rm ov1
swarm leave --force
swarm join --token SWMTKN-1-x-y 127.0.0.1:2377
stats --no-stream c1
top c1
service ls
service inspect w1
service ls --filter name=w1 --format {{json .}}
""".strip().split("\n")


def printed_by_stock(path):
    """What the stock CLI printed, by command; the recordings keep the first dozen lines."""
    with open(path, encoding="utf-8") as lines:
        found = {}
        for text in re.split(r"^\$ docker ", lines.read(), flags=re.M)[1:]:
            line, _, rest = text.partition("\n")
            if "[rc " in rest:
                found[line] = rest[:rest.index("[rc ")]
        return found


def same_but_ages(text):
    text = re.sub(r"SWMTKN-\S+|\b[0-9a-f]{64}\b|\b[0-9a-z]{25}\b", "ID", text)
    text = re.sub(r"(Less than a second|About an? \w+|\d+ \w+) ago", "AGO", in_our_words(text))
    return re.sub(r" {2,}", "  ", text).rstrip()


def against_trace(shoal, folder):
    trace = os.path.join(folder, "cli-28.jsonl")
    if not os.path.exists(trace):
        print("skipped: no recordings of the stock CLI")
        return 0, 0
    recorded = replies_from_trace(trace)
    calls = set()
    with open(trace, encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            if row["req_body"] and row["req_body"].startswith(("HEX:", "|")):
                continue
            calls.add(shape(row["method"], re.sub(r"^/v1\.\d+", "", row["path"]), query_of(row["query"]),
                            (row["req_body"] or "").encode()))
    last = {}
    for reply in recorded:
        key = (reply["method"], reply["path"], str(query_of(reply["query"])))
        if whole(reply) and not (key in last and last[key]["status"] < 400 <= reply["status"]):
            last[key] = reply
    printed = printed_by_stock(os.path.join(folder, "cli-28.output.txt"))
    place = Place(list(last.values()))
    passed = failed = 0
    for line in TRACED:
        words = " ".join(shlex.quote(w) if "{{" in w else w for w in
                         ([line] if "{{" not in line else line.split(" ", 5)))
        out, err, _, made = place.run(shoal, words)
        problems = [f"a call the stock CLI never made: {c}" for c in
                    (shape(m, p, q, b) for m, p, q, b, _ in made) if c not in calls]
        ours, theirs = same_but_ages(out + err), same_but_ages(printed.get(line, ""))
        if line in printed and not (ours + "\n").startswith(theirs):
            problems.append("\n".join(difflib.unified_diff(theirs.split("\n"), ours.split("\n"), "stock",
                                                           "shoal", lineterm="", n=1)))
        passed += not problems
        failed += bool(problems)
        if problems:
            print(f"--- {line}\n" + "\n".join(problems))
    place.close()
    return passed, failed


def main():
    mode, shoal = sys.argv[1], os.path.abspath(sys.argv[2])
    if mode == "golden":
        passed, failed = golden(shoal, "--rewrite" in sys.argv)
    elif mode == "stock":
        passed, failed = against_stock(shoal)
    else:
        passed, failed = against_trace(shoal, sys.argv[3])
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
