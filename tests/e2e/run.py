#!/usr/bin/env python3
"""Containers through each client: the stock ones and our own.

    SHOAL_BUILD=build tests/e2e/run.py [CHECK...]      ends with "N passed, N failed" """
import os
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import clients  # noqa: E402
from clients import each, eventually, fetch  # noqa: E402


@each
def run_shows_output_and_passes_the_exit_code(place, cli):
    done = cli.try_("run", "--rm", "busybox", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.out, done.err, done.code) == ("out\n", "err\n", 7), done
    assert place.ours("ps", "-aq") == ""
    assert cli.fails("run", "--rm", "busybox", "/nothing-here", code=127)
    assert cli.fails("run", "--rm", "busybox", "/etc", code=126)


@each
def run_without_rm_leaves_a_container_to_look_at(place, cli):
    done = cli.try_("run", "--name", "stays", "busybox", "sh", "-c", "echo kept; exit 3")
    assert done.code == 3, done
    assert "Exited (3)" in cli("ps", "-a", "--format", "{{.Names}} {{.Status}}")
    assert cli("logs", "stays") == "kept"
    assert cli("inspect", "-f", "{{.State.ExitCode}} {{.State.Status}}", "stays") == "3 exited"
    cli("rm", "stays")


@each
def run_i_copies_standard_input_until_its_end(place, cli):
    data = bytes(range(256)) * 4096
    assert raw(cli, data, "run", "--rm", "-i", "busybox", "cat") == data
    assert cli("run", "--rm", "-i", "busybox", "wc", "-c", input=data).strip() == str(len(data))


def raw(cli, data, *words):
    """What a command makes of these bytes."""
    done = subprocess.run(cli.words(words), input=data, env=cli.env, capture_output=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@each
def run_it_is_a_shell_on_a_terminal(place, cli):
    with cli.terminal("run", "-it", "--rm", "busybox", "sh", rows=31, columns=97) as t:
        t.shows(r"# ")
        t.type("tty; busybox stty size\r")
        t.shows(r"/dev/pts/0\r\n")
        t.shows(r"31 97\r\n")
        t.resize(40, 120)
        t.process.send_signal(signal.SIGWINCH)
        assert eventually(lambda: sized(t, "40 120")), t.seen
        t.type("sleep 100\r")
        time.sleep(0.2)
        t.type("\x03")
        t.shows(r"# ")
        t.type("exit 5\r")
        assert t.ends() == 5
    assert eventually(lambda: place.ours("ps", "-aq") == "")


def sized(t, size):
    t.type("busybox stty size\r")
    try:
        return t.shows(size + r"\r\n", 0.5)
    except AssertionError:
        return None


@each
def a_terminal_is_left_with_the_detach_keys_and_taken_again(place, cli):
    with cli.terminal("run", "-it", "--name", "left", "busybox", "sh") as t:
        t.shows(r"# ")
        t.type("\x10\x11")
        t.ends()
    assert cli("inspect", "-f", "{{.State.Running}}", "left") == "true"
    with cli.terminal("attach", "left") as t:
        t.type("echo ba''ck\r")
        t.shows(r"back\r\n")
        t.type("exit 4\r")
        assert t.ends() == 4


@each
def run_d_goes_on_until_it_is_stopped(place, cli):
    made = cli("run", "-d", "--name", "going", "busybox", "sh", "-c",
               "trap 'echo asked; exit 9' TERM; echo up; while :; do sleep 0.1; done")
    assert re.fullmatch("[0-9a-f]{64}", made)
    assert eventually(lambda: cli("logs", "going") == "up")
    assert "Up " in cli("ps", "--format", "{{.Names}} {{.Status}}")
    assert cli("stop", "going") == "going"
    assert cli("wait", "going") == "9"
    assert cli("logs", "going") == "up\nasked"
    cli("start", "going")
    assert cli("inspect", "-f", "{{.State.Running}}", "going") == "true"
    cli("restart", "-t", "1", "going")
    cli("kill", "going")
    assert cli("inspect", "-f", "{{.State.ExitCode}}", "going") == "137"


@each
def a_published_port_answers_from_outside_and_inside(place, cli):
    cli("run", "-d", "--name", "web", "-p", "8080:80", "-p", "127.0.0.1:8081:80", "busybox", "sh", "-c",
        "echo page >/www/index.html; exec httpd -f -p 80 -h /www")
    where = place.host.address
    assert eventually(lambda: tried(lambda: fetch(place.lab.world, f"http://{where}:8080/") == "page\n"))
    assert fetch(place.net, "http://127.0.0.1:8080/") == "page\n"
    assert fetch(place.net, f"http://{where}:8080/") == "page\n"
    assert fetch(place.net, "http://127.0.0.1:8081/") == "page\n"
    assert not tried(lambda: fetch(place.lab.world, f"http://{where}:8081/", 1))
    assert cli("port", "web", "80") == "0.0.0.0:8080\n127.0.0.1:8081", cli("port", "web")
    address = cli("inspect", "-f", "{{.NetworkSettings.IPAddress}}", "web")
    assert cli("run", "--rm", "busybox", "wget", "-qO-", f"http://{address}/") == "page"
    assert cli("run", "--rm", "busybox", "wget", "-qO-", f"http://{where}:8080/") == "page"
    assert "already allocated" in cli.fails("run", "--rm", "-p", "8080:80", "busybox", "true")
    cli("rm", "-f", "web")
    assert not tried(lambda: fetch(place.net, "http://127.0.0.1:8080/", 1))
    cli("run", "--rm", "-p", "8080:80", "busybox", "true")
    cli("run", "-d", "--name", "any", "-P", "--expose", "80", "busybox", "sleep", "100")
    assert re.fullmatch(r"0.0.0.0:\d+", cli("port", "any", "80")), cli("port", "any")


def tried(what):
    try:
        return what()
    except OSError:
        return None


@each
def mounts_share_what_is_in_them(place, cli):
    folder = place.folder("shared-" + cli.name)
    cli("run", "--rm", "-v", f"{folder}:/in", "-v", "vol:/vol", "busybox", "sh", "-c", "echo b >/in/file; echo v >/vol/file")
    with open(f"{folder}/file") as f:
        assert f.read() == "b\n"
    assert cli("run", "--rm", "-v", f"{folder}:/in:ro", "-v", "vol:/vol", "busybox", "cat", "/in/file", "/vol/file") == "b\nv"
    assert "Read-only" in cli.fails("run", "--rm", "-v", f"{folder}:/in:ro", "busybox", "touch", "/in/x")
    assert cli("run", "--rm", "--tmpfs", "/t:size=1m", "busybox", "sh", "-c", "mount | grep ' /t '").startswith("tmpfs on /t type tmpfs")
    assert cli("run", "--rm", "--mount", f"type=bind,src={folder},dst=/m", "busybox", "cat", "/m/file") == "b"
    assert "vol" in cli("volume", "ls", "-q").split()
    cli("volume", "rm", "vol")
    assert cli.fails("run", "--rm", "--mount", f"type=bind,src={folder}/none,dst=/m", "busybox", "true")
    assert place.ours("ps", "-aq") == ""


@each
def exec_runs_beside_with_and_without_a_terminal(place, cli):
    cli("run", "-d", "--name", "box", "-e", "A=one", "-w", "/tmp", "busybox", "sleep", "100")
    assert cli("exec", "box", "sh", "-c", "echo $A $PWD") == "one /tmp"
    assert cli("exec", "-e", "B=two", "-w", "/etc", "box", "sh", "-c", "echo $B $PWD") == "two /etc"
    assert cli("exec", "-u", "65534", "box", "id", "-u") == "65534"
    assert cli("exec", "-i", "box", "cat", input="to and fro") == "to and fro"
    cli.fails("exec", "box", "sh", "-c", "exit 6", code=6)
    assert raw(cli, bytes(range(256)) * 2000, "exec", "-i", "box", "cat") == bytes(range(256)) * 2000
    for word, code, says in (("/nothing-here", 127, "no such file or directory"), ("/etc", 126, "permission denied")):
        done = cli.try_("exec", "box", word)
        assert done.code == code and says in done.out, done
    assert "unable to find user somebody" in cli.try_("exec", "-u", "somebody", "box", "true").out
    with cli.terminal("exec", "-it", "box", "sh", rows=30, columns=90) as t:
        t.shows(r"# ")
        t.type("tty; busybox stty size\r")
        t.shows(r"/dev/pts/\d+\r\n")
        t.shows(r"30 90\r\n")
        t.type("exit 2\r")
        assert t.ends() == 2
    cli("exec", "-d", "box", "touch", "/tmp/done")
    assert eventually(lambda: cli.try_("exec", "box", "ls", "/tmp/done").code == 0)


@each
def logs_f_follows_to_the_end(place, cli):
    cli("run", "-d", "--name", "talks", "busybox", "sh", "-c", "for i in 1 2 3 4 5; do echo line $i; sleep 0.2; done")
    began = time.time()
    follow = cli.begin("logs", "-f", "talks")
    first = follow.stdout.readline()
    took = time.time() - began
    rest = follow.communicate(timeout=10)[0]
    assert first + rest == "".join(f"line {i}\n" for i in range(1, 6)), first + rest
    assert follow.returncode == 0 and took < 1.5, (follow.returncode, took)
    assert cli("logs", "--tail", "2", "talks") == "line 4\nline 5"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z line 5", cli("logs", "-t", "-n", "1", "talks"))
    since = cli("logs", "-t", "--tail", "2", "talks").split()[0]
    assert cli("logs", "--since", since, "talks") == "line 4\nline 5"
    assert cli("logs", "--until", since, "talks").splitlines()[:3] == ["line 1", "line 2", "line 3"]


@each
def attach_passes_input_output_and_signals(place, cli):
    cli("run", "-d", "-i", "--name", "echoes", "busybox", "sh", "-c", "read a; echo got $a; read b; echo got $b; exit 8")
    attached = cli.begin("attach", "echoes")
    attached.stdin.write("first\n")
    attached.stdin.flush()
    assert attached.stdout.readline() == "got first\n"
    attached.stdin.write("second\n")
    attached.stdin.flush()
    out, err = attached.communicate(timeout=10)
    assert out == "got second\n" and attached.returncode == 8, (out, err, attached.returncode)

    cli("run", "-d", "--name", "trap", "busybox", "sh", "-c",
        "trap 'echo int; exit 3' INT; echo ready; while :; do sleep 0.1; done")
    attached = cli.begin("attach", "--no-stdin", "trap")
    time.sleep(0.3)
    attached.send_signal(signal.SIGINT)
    out, _ = attached.communicate(timeout=10)
    assert "int\n" in out and attached.returncode == 3, (out, attached.returncode)


@each
def cp_copies_both_ways(place, cli):
    folder = place.folder("cp-" + cli.name)
    os.makedirs(f"{folder}/tree/sub")
    for name, text in (("tree/one", "1"), ("tree/sub/two", "2" * 100000)):
        with open(f"{folder}/{name}", "w") as f:
            f.write(text)
    os.symlink("one", f"{folder}/tree/link")
    cli("run", "-d", "--name", "copy", "-v", "copied:/vol", "busybox", "sleep", "100")
    cli("cp", f"{folder}/tree", "copy:/tmp")
    assert cli("exec", "copy", "sh", "-c", "cat /tmp/tree/link; wc -c </tmp/tree/sub/two") == "1100000"
    cli("cp", f"{folder}/tree/one", "copy:/vol/renamed")
    assert cli("exec", "copy", "cat", "/vol/renamed") == "1"
    cli("exec", "copy", "sh", "-c", "echo changed >/tmp/tree/one")
    cli("cp", "copy:/tmp/tree", f"{folder}/back")
    with open(f"{folder}/back/link") as f:
        assert f.read() == "changed\n"
    assert os.path.getsize(f"{folder}/back/sub/two") == 100000
    cli("stop", "-t", "0", "copy")
    cli("cp", "copy:/vol/renamed", f"{folder}/stopped")
    assert os.path.getsize(f"{folder}/stopped") == 1
    cli("cp", f"{folder}/tree/one", "copy:/etc/while-stopped")
    cli("start", "copy")
    assert cli("exec", "copy", "cat", "/etc/while-stopped") == "1"
    packed = cli.try_("cp", "copy:/tmp/tree", "-", input=b"")
    assert packed.code == 0 and "tree/one" in packed.out, packed.err
    assert cli.fails("cp", "copy:/none", folder)
    cli("rm", "-f", "copy")
    cli("volume", "rm", "copied")


def a_restarted_shoald_finds_its_containers(place):
    cli = place.docker
    cli("run", "-d", "--name", "lives", "-p", "8090:80", "busybox", "sh", "-c",
        "echo alive >/www/index.html; httpd -p 80 -h /www; i=0; while :; do echo tick $i; i=$((i+1)); sleep 0.05; done")
    cli("run", "-d", "--name", "ends", "busybox", "sh", "-c", "sleep 0.6; exit 12")
    cli("run", "-d", "--rm", "--name", "vanishes", "busybox", "sleep", "0.6")
    pid = cli("inspect", "-f", "{{.State.Pid}}", "lives")
    for end in (place.host.stop, place.host.kill):
        end()
        assert os.path.exists(f"/proc/{pid}")
        assert fetch(place.lab.world, f"http://{place.host.address}:8090/") == "alive\n"
        time.sleep(0.7)
        place.host.start()
        assert cli("inspect", "-f", "{{.State.Pid}} {{.State.Status}}", "lives") == pid + " running"
        assert fetch(place.lab.world, f"http://{place.host.address}:8090/") == "alive\n"
        assert cli("exec", "lives", "echo", "hello") == "hello"
        assert cli("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "ends") == "exited 12"
        assert eventually(lambda: "vanishes" not in cli("ps", "-a"))
    lines = cli("logs", "lives").splitlines()
    assert [line.split()[1] for line in lines] == [str(i) for i in range(len(lines))] and len(lines) > 20, lines[-3:]
    cli("rm", "-f", "lives", "ends")


sys.exit(clients.main([
    run_shows_output_and_passes_the_exit_code,
    run_without_rm_leaves_a_container_to_look_at,
    run_i_copies_standard_input_until_its_end,
    run_it_is_a_shell_on_a_terminal,
    a_terminal_is_left_with_the_detach_keys_and_taken_again,
    run_d_goes_on_until_it_is_stopped,
    a_published_port_answers_from_outside_and_inside,
    mounts_share_what_is_in_them,
    exec_runs_beside_with_and_without_a_terminal,
    logs_f_follows_to_the_end,
    attach_passes_input_output_and_signals,
    cp_copies_both_ways,
    a_restarted_shoald_finds_its_containers,
]))
