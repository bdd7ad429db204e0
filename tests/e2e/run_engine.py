#!/usr/bin/env python3
"""What containers, networks, images and volumes promise, through one client.

    SHOAL_BUILD=build tests/e2e/run_engine.py [CHECK...]      ends with "N passed, N failed" """
import json
import os
import re
import shutil
import sys
import tarfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import clients  # noqa: E402
import image  # noqa: E402
import lab as labs  # noqa: E402
from clients import eventually, fetch  # noqa: E402


def out(place, *words, **more):
    """What a container that is gone afterwards prints."""
    return place.docker("run", "--rm", *words, **more)


def status(text, name):
    return re.search(name + r":\s*(\S+)", text).group(1)


# ---- the process ----

def capabilities_are_dockers_and_may_be_changed(place):
    read = ("busybox", "cat", "/proc/self/status")
    assert status(out(place, *read), "CapEff") == "00000000a80425fb"
    assert status(out(place, "--cap-drop", "ALL", "--cap-add", "NET_ADMIN", *read), "CapEff") == "0000000000001000"
    assert int(status(out(place, "--privileged", *read), "CapEff"), 16) > 0x1ffffffff
    assert status(out(place, "-u", "65534", *read), "CapEff") == "0" * 16
    assert status(out(place, *read), "Seccomp") == "2"
    assert status(out(place, "--security-opt", "seccomp=unconfined", *read), "Seccomp") == "0"
    assert status(out(place, "--privileged", *read), "Seccomp") == "0"
    assert status(out(place, "--security-opt", "no-new-privileges", *read), "NoNewPrivs") == "1"


def the_default_profile_and_masked_paths_protect_the_host(place):
    assert out(place, "busybox", "sh", "-c", "cat /proc/kcore /proc/keys | wc -c; ls /proc/acpi /sys/firmware | grep -v :; true").split() == ["0"]
    assert "Read-only" in place.docker.fails("run", "--rm", "busybox", "sh", "-c", "echo 1 >/proc/sys/kernel/hostname")
    assert "not permitted" in place.docker.fails("run", "--rm", "busybox", "busybox", "unshare", "-m", "true")
    assert "denied" in place.docker.fails("run", "--rm", "busybox", "mount", "-t", "tmpfs", "x", "/tmp")
    assert out(place, "--privileged", "busybox", "sh", "-c", "mount -t tmpfs x /tmp && echo done") == "done"


def no_descriptor_leaks_into_a_container(place):
    place.docker("run", "-d", "--name", "fds", "busybox", "sleep", "100")
    assert place.docker("exec", "fds", "ls", "/proc/1/fd").split() == ["0", "1", "2"]
    place.docker("exec", "-d", "fds", "sleep", "77")
    assert place.docker("exec", "fds", "sh", "-c", "ls /proc/$(ps | grep 'sleep 77' | head -n 1 | awk '{print $1}')/fd").split() == ["0", "1", "2"]


def user_workdir_env_and_hostname_are_as_asked(place):
    assert out(place, "-u", "nobody", "busybox", "id") == "uid=65534(nobody) gid=65534(nogroup)"
    assert out(place, "-u", "12:34", "--group-add", "56", "busybox", "sh", "-c", "id -u; id -g; id -G").split() == ["12", "34", "34", "56"]
    assert out(place, "-w", "/new/one", "busybox", "sh", "-c", "pwd") == "/new/one"
    assert out(place, "-e", "A=1 2", "-e", "PATH=/bin:/x", "busybox", "sh", "-c", "echo $A $PATH") == "1 2 /bin:/x"
    assert out(place, "-h", "box", "busybox", "sh", "-c", "hostname; cat /etc/hostname; grep -c box /etc/hosts").split() == ["box", "box", "1"]
    assert out(place, "--entrypoint", "/bin/echo", "busybox", "a", "b") == "a b"
    assert "unable to find user who" in place.docker.fails("run", "--rm", "-u", "who", "busybox", "true", code=125)


def limits_are_set_in_the_cgroup_and_shown(place):
    where = "/sys/fs/cgroup"
    is_v2 = os.path.exists(where + "/cgroup.controllers")
    docker = place.docker
    docker("run", "-d", "--name", "lim", "-m", "64m", "--cpus", "0.5", "--pids-limit", "32", "--cpu-shares", "512",
           "--cpuset-cpus", "0", "busybox", "sleep", "100")
    ask = "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}} {{.HostConfig.CpuShares}}"
    assert docker("inspect", "-f", ask, "lim") == "67108864 500000000 32 512"
    assert limit_of(place, "lim", "memory.max" if is_v2 else "memory/memory.limit_in_bytes") == "67108864"
    assert limit_of(place, "lim", "pids.max" if is_v2 else "pids/pids.max") == "32"
    assert limit_of(place, "lim", "cpu.max" if is_v2 else "cpu/cpu.cfs_quota_us").split()[0] == "50000"
    assert limit_of(place, "lim", "cpuset.cpus" if is_v2 else "cpuset/cpuset.cpus") == "0"
    docker("update", "-m", "96m", "--memory-swap", "96m", "--pids-limit", "40", "--cpus", "0.25", "lim")
    assert limit_of(place, "lim", "memory.max" if is_v2 else "memory/memory.limit_in_bytes") == "100663296"
    assert limit_of(place, "lim", "pids.max" if is_v2 else "pids/pids.max") == "40"
    assert limit_of(place, "lim", "cpu.max" if is_v2 else "cpu/cpu.cfs_quota_us").split()[0] == "25000"
    assert docker("inspect", "-f", "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}", "lim") == "100663296 250000000"
    assert out(place, "--ulimit", "nofile=100:200", "busybox", "sh", "-c", "ulimit -n; ulimit -Hn").split() == ["100", "200"]
    assert out(place, "--oom-score-adj", "500", "busybox", "cat", "/proc/self/oom_score_adj") == "500"
    assert out(place, "--shm-size", "1m", "busybox", "sh", "-c", "df -k /dev/shm | tail -n 1").split()[1] == "1024"
    disk = next((f"/dev/{d}" for d in sorted(os.listdir("/sys/block")) if not d.startswith(("loop", "ram")) and os.path.exists(f"/dev/{d}")), None)
    if disk and not is_v2:
        docker("run", "-d", "--name", "slow", "--device-read-bps", f"{disk}:1mb", "busybox", "sleep", "100")
        number = os.stat(disk).st_rdev
        assert limit_of(place, "slow", "blkio/blkio.throttle.read_bps_device") == f"{os.major(number)}:{os.minor(number)} 1048576"
    assert "Minimum memory limit" in docker.fails("run", "--rm", "-m", "1m", "busybox", "true", code=125)


def limit_of(place, name, path):
    pid = place.docker("inspect", "-f", "{{.State.Pid}}", name)
    controller, _, file = path.rpartition("/")
    with open(f"/proc/{pid}/cgroup") as f:
        lines = [line.strip().split(":", 2) for line in f]
    inside = next(p for _, c, p in lines if controller in c.split(",") or (not controller and not c))
    with open(f"/sys/fs/cgroup/{controller}{inside}/{file}") as f:
        return f.read().strip()


def want_of_memory_is_told(place):
    docker = place.docker
    done = docker.try_("run", "--name", "greedy", "-m", "16m", "--memory-swap", "16m", "busybox", "sh", "-c",
                       "dd if=/dev/zero of=/dev/null bs=100M count=1")
    assert done.code == 137, done
    assert docker("inspect", "-f", "{{.State.OOMKilled}}", "greedy") == "true"


def a_read_only_root_takes_no_writes_but_volumes_do(place):
    assert "Read-only" in place.docker.fails("run", "--rm", "--read-only", "busybox", "touch", "/x")
    assert out(place, "--read-only", "--tmpfs", "/tmp", "-v", "/data", "busybox", "sh", "-c", "touch /tmp/x /data/x && echo ok") == "ok"


def devices_are_there_when_asked_for(place):
    assert out(place, "busybox", "sh", "-c", "ls /dev").split() == \
        "core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero".split()
    assert out(place, "--device", "/dev/null:/dev/nothing:r", "busybox", "sh", "-c", "stat -c %t:%T /dev/nothing") == "1:3"
    assert "no such" in place.docker.fails("run", "--rm", "--device", "/dev/not-there", "busybox", "true").lower()


def init_reaps_or_is_refused_clearly(place):
    if not place.docker("info", "-f", "{{.InitBinary}}"):
        print("skipped: --init with a program: tini's package cannot be had here")
        assert "docker-init" in place.docker.fails("run", "--rm", "--init", "busybox", "true")
        return
    text = out(place, "--init", "busybox", "sh", "-c", "cat /proc/1/comm; (sleep 0.1 &); sleep 0.3; cat /proc/[0-9]*/status | grep -c 'State:.Z'; true")
    assert text.split() == ["docker-init", "0"], text
    assert place.docker.try_("run", "--rm", "--init", "busybox", "sh", "-c", "exit 9").code == 9


def flags(lab):
    init = clients.from_package("tini", "usr/bin/tini-static", lab.cache + "/tini")
    return [f"--init-path={init}"] if init else []


def a_restart_policy_brings_back_what_ends(place):
    docker = place.docker
    docker("run", "-d", "--name", "again", "--restart", "on-failure:2", "busybox", "sh", "-c", "echo run; exit 5")
    assert eventually(lambda: docker("inspect", "-f", "{{.State.Status}} {{.RestartCount}}", "again") == "exited 2")
    assert docker("logs", "again") == "run\nrun\nrun"
    docker("run", "-d", "--name", "always", "--restart", "always", "busybox", "sh", "-c", "sleep 0.3")
    assert eventually(lambda: int(docker("inspect", "-f", "{{.RestartCount}}", "always")) >= 2)
    docker("stop", "always")
    assert docker("inspect", "-f", "{{.State.Status}}", "always") == "exited"
    docker("update", "--restart", "no", "always")
    docker("run", "-d", "--name", "keeps", "--restart", "always", "busybox", "sh", "-c", "echo up; exec sleep 100")
    docker("run", "-d", "--name", "unless", "--restart", "unless-stopped", "busybox", "sleep", "100")
    docker("stop", "-t", "0", "unless")
    place.host.kill()
    conmon_and_all = place.host.container_pids()
    for pid in conmon_and_all:
        os.kill(pid, 9)
    place.host.start()
    assert eventually(lambda: docker("inspect", "-f", "{{.State.Status}}", "keeps") == "running")
    assert eventually(lambda: docker("logs", "keeps") == "up\nup")
    assert docker("inspect", "-f", "{{.State.Status}}", "unless") == "exited"
    assert docker("inspect", "-f", "{{.State.Status}}", "always") == "exited"


def a_health_check_tells_how_it_is(place):
    docker = place.docker
    docker("run", "-d", "--name", "ill", "--health-cmd", "echo probe; test -e /tmp/well", "--health-interval", "300ms",
           "--health-retries", "1", "--health-timeout", "2s", "busybox", "sleep", "100")
    assert docker("inspect", "-f", "{{.State.Health.Status}}", "ill") in ("starting", "unhealthy")
    assert eventually(lambda: docker("inspect", "-f", "{{.State.Health.Status}}", "ill") == "unhealthy")
    docker("exec", "ill", "touch", "/tmp/well")
    assert eventually(lambda: docker("inspect", "-f", "{{.State.Health.Status}}", "ill") == "healthy")
    assert "(healthy)" in docker("ps", "--format", "{{.Status}}")
    assert json.loads(docker("inspect", "-f", "{{json .State.Health.Log}}", "ill"))[-1]["Output"] == "probe\n"


def log_drivers_none_and_local_do_as_they_say(place):
    docker = place.docker
    docker("run", "--name", "mute", "--log-driver", "none", "busybox", "echo", "x")
    assert "does not support reading" in docker.fails("logs", "mute")
    docker("run", "--name", "loc", "--log-driver", "local", "busybox", "echo", "x")
    assert docker("logs", "loc") == "x"
    assert docker("inspect", "-f", "{{.HostConfig.LogConfig.Type}}", "loc") == "local"
    docker("run", "--name", "rot", "--log-opt", "max-size=20k", "--log-opt", "max-file=2", "busybox", "sh", "-c",
           "for i in $(seq 1 3000); do echo line $i; done; sleep 1; echo last")
    assert docker("logs", "--tail", "1", "rot") == "last"
    assert "no log driver named" in docker.fails("run", "--log-driver", "nonsense", "busybox", "true")


def top_stats_and_pause_look_into_a_running_one(place):
    docker = place.docker
    docker("run", "-d", "--name", "busy", "busybox", "sh", "-c", "while :; do :; done")
    assert "while :" in docker("top", "busy")
    assert docker("top", "busy", "-o", "pid,comm").splitlines()[0].split() == ["PID", "COMMAND"]
    line = docker("stats", "--no-stream", "--format", "{{.Name}} {{.CPUPerc}} {{.MemUsage}} {{.PIDs}} {{.NetIO}}", "busy").split()
    assert line[0] == "busy" and float(line[1].rstrip("%")) > 5 and line[5] == "1", line
    docker("pause", "busy")
    assert "(Paused)" in docker("ps", "--format", "{{.Status}}")
    assert "paused" in docker.fails("exec", "busy", "true")
    docker("unpause", "busy")
    docker("exec", "busy", "true")
    docker("rename", "busy", "calm")
    assert docker("ps", "--format", "{{.Names}}") == "calm"


def diff_commit_export_and_import_tell_what_changed(place):
    docker = place.docker
    docker("run", "--name", "changed", "busybox", "sh", "-c", "echo new >/root/new; rm /etc/group; echo x >>/etc/passwd; mkdir /opt")
    assert sorted(docker("diff", "changed").splitlines()) == sorted(
        ["C /root", "A /root/new", "C /etc", "D /etc/group", "C /etc/passwd", "A /opt"]), docker("diff", "changed")
    made = docker("commit", "-m", "why", "-a", "who", "changed", "kept:1")
    assert made.startswith("sha256:")
    assert out(place, "kept:1", "cat", "/root/new") == "new"
    assert docker("inspect", "-f", "{{.Comment}} {{.Author}}", "kept:1") == "why who"
    assert len(json.loads(docker("inspect", "-f", "{{json .RootFS.Layers}}", "kept:1"))) == 2
    folder = place.folder("export")
    docker("export", "-o", f"{folder}/root.tar", "changed")
    names = tarfile.open(f"{folder}/root.tar").getnames()
    assert "root/new" in [n.lstrip("./") for n in names] and "etc/group" not in [n.lstrip("./") for n in names]
    docker("import", f"{folder}/root.tar", "imp:1")
    assert out(place, "imp:1", "echo", "imported") == "imported"
    docker("commit", "-c", 'CMD ["sh", "-c", "echo $A; pwd; id -u"]', "-c", "ENV A='two words'", "-c", "WORKDIR /opt", "-c", "USER 7",
           "-c", "EXPOSE 80 90/udp", "changed", "kept:2")
    assert out(place, "kept:2").splitlines() == ["two words", "/opt", "7"]
    assert json.loads(docker("inspect", "-f", "{{json .Config.ExposedPorts}}", "kept:2")) == {"80/tcp": {}, "90/udp": {}}
    assert "RUN is not a valid change command" in docker.fails("commit", "-c", "RUN x", "changed")
    assert "Invalid signal: x" in docker.fails("commit", "-c", "STOPSIGNAL x", "changed")
    docker("import", "-c", 'ENTRYPOINT ["echo", "it is"]', "-c", "ENV PATH=/bin", f"{folder}/root.tar", "imp:2")
    assert out(place, "imp:2", "there") == "it is there"
    docker("rm", "changed")
    docker("rmi", "kept:1", "imp:1", "kept:2", "imp:2")


# ---- networks ----

def bridge_none_host_and_shared_networks_are_what_they_say(place):
    docker = place.docker
    assert out(place, "--network", "none", "busybox", "sh", "-c", "ls /sys/class/net; cat /proc/net/dev | tail -n +3 | cut -d: -f1").split()[-1] == "lo"
    host_links = sorted(json.loads(labs.call("ip", "-n", place.net, "-j", "link").stdout), key=lambda x: x["ifname"])
    seen = out(place, "--network", "host", "busybox", "sh", "-c", "tail -n +3 /proc/net/dev | cut -d: -f1").split()
    assert "eth0" in seen and set(seen) <= {x["ifname"] for x in host_links} | {"lo"}, seen
    docker("run", "-d", "--name", "one", "busybox", "sh", "-c", "echo hi >/www/x; exec httpd -f -p 80 -h /www")
    assert out(place, "--network", "container:one", "busybox", "wget", "-qO-", "http://127.0.0.1/x") == "hi"
    assert out(place, "--network", "host", "busybox", "hostname") != ""


def hosts_and_dns_are_as_asked(place):
    text = out(place, "--add-host", "db:10.1.2.3", "--add-host", "gw:host-gateway", "busybox", "cat", "/etc/hosts")
    assert "10.1.2.3\tdb" in text and re.search(r"172\.\d+\.\d+\.1\tgw", text), text
    text = out(place, "--dns", "10.9.9.9", "--dns-search", "example.org", "--dns-option", "ndots:3", "busybox", "cat", "/etc/resolv.conf")
    assert [line for line in text.splitlines() if line[0] != "#"] == ["nameserver 10.9.9.9", "search example.org", "options ndots:3"], text


def networks_of_users_know_names_and_keep_apart(place):
    docker = place.docker
    docker("network", "create", "--subnet", "10.77.0.0/24", "--gateway", "10.77.0.254", "red")
    docker("network", "create", "--internal", "blue")
    try:
        docker("run", "-d", "--name", "web", "--network", "red", "--network-alias", "www", "--ip", "10.77.0.7", "busybox", "sh", "-c",
               "echo red >/www/x; exec httpd -f -p 80 -h /www")
        for name in ("web", "www", "10.77.0.7"):
            assert out(place, "--network", "red", "busybox", "wget", "-qO-", f"http://{name}/x") == "red", name
        assert place.docker.try_("run", "--rm", "busybox", "sh", "-c", "busybox timeout 1 wget -qO- http://10.77.0.7/x; exit $?").code != 0
        docker("run", "-d", "--name", "two", "--network", "blue", "busybox", "sleep", "100")
        assert docker.try_("exec", "two", "busybox", "timeout", "1", "wget", "-qO-", "http://web/x").code != 0
        docker("network", "connect", "--alias", "second", "red", "two")
        assert docker("exec", "two", "busybox", "timeout", "2", "wget", "-qO-", "http://web/x") == "red"
        assert docker("exec", "web", "nslookup", "second").count("10.77.0.") >= 1
        assert set(json.loads(docker("inspect", "-f", "{{json .NetworkSettings.Networks}}", "two"))) == {"red", "blue"}
        assert "two" in docker("network", "inspect", "-f", "{{range .Containers}}{{.Name}} {{end}}", "red")
        docker("network", "disconnect", "red", "two")
        assert docker.try_("exec", "two", "busybox", "timeout", "1", "wget", "-qO-", "http://10.77.0.7/x").code != 0
        assert "active endpoints" in docker.fails("network", "rm", "red")
        assert docker.try_("exec", "two", "busybox", "timeout", "1", "wget", "-qO-", f"http://{labs.REGISTRY}/v2/").code != 0
        assert docker("exec", "web", "busybox", "timeout", "2", "wget", "-qO-", f"http://{labs.REGISTRY}/v2/") == "{}"
    finally:
        place.clean()
        docker("network", "rm", "red", "blue")
    assert not [n for n in docker("network", "ls", "--format", "{{.Name}}").split() if n in ("red", "blue")]


def udp_ranges_and_addresses_are_published(place):
    docker = place.docker
    docker("run", "-d", "--name", "pub", "-p", "9000-9002:80-82", "-p", "5353:53/udp", "-p", f"{place.host.address}:9100:80",
           "busybox", "sh", "-c", "echo p >/www/x; httpd -p 81 -h /www; exec httpd -f -p 80 -h /www")
    assert sorted(docker("port", "pub").splitlines()) == sorted(
        ["80/tcp -> 0.0.0.0:9000", f"80/tcp -> {place.host.address}:9100", "81/tcp -> 0.0.0.0:9001", "82/tcp -> 0.0.0.0:9002",
         "53/udp -> 0.0.0.0:5353"]), docker("port", "pub")
    for port in (9000, 9001, 9100):
        assert eventually(lambda: tried(place, port)) == "p\n", port


def tried(place, port):
    try:
        return fetch(place.lab.world, f"http://{place.host.address}:{port}/x", 2)
    except OSError:
        return None


def rules_are_written_only_when_they_change(place):
    before = table_handle(place)
    out(place, "busybox", "true")
    assert table_handle(place) == before
    place.docker("run", "-d", "--name", "pub", "-p", "9200:80", "busybox", "sleep", "100")
    assert table_handle(place) != before
    labs.subprocess.run(["nft", "flush", "ruleset"], check=True, preexec_fn=labs.enter(place.net))
    assert eventually(lambda: "9200" in rules(place))


def rules(place, *words):
    return labs.subprocess.run(["nft", *words, "list", "ruleset"], capture_output=True, text=True,
                               preexec_fn=labs.enter(place.net)).stdout


def table_handle(place):
    return re.findall(r"^table .*# handle (\d+)", rules(place, "-a"), re.M)


# ---- images ----

def images_come_and_go_through_a_registry(place):
    docker = place.docker
    small = image.Image([image.busybox(), image.tar([image.entry("layer2", b"two")])], config={"Cmd": ["cat", "/layer2"], "Env": ["PATH=/bin"]})
    name = place.push(small, "team/small:1")
    done = docker("pull", name)
    assert small.digest in done and "Downloaded newer image" in done, done
    assert "up to date" in docker("pull", name)
    assert out(place, name) == "two"
    by_digest = name.rsplit(":", 1)[0] + "@" + small.digest
    docker("pull", by_digest)
    assert out(place, by_digest) == "two"
    assert small.digest in docker("inspect", "-f", "{{.RepoDigests}}", name)
    docker("tag", name, f"{labs.REGISTRY}/team/copy:2")
    pushed = docker("push", f"{labs.REGISTRY}/team/copy:2")
    digest = re.search(r"sha256:[0-9a-f]{64}", pushed).group(0)
    docker("rmi", f"{labs.REGISTRY}/team/copy:2")
    docker("rmi", by_digest, name)
    assert "No such image" in docker.fails("inspect", "--type", "image", name)
    assert out(place, f"{labs.REGISTRY}/team/copy@{digest}", "echo", "again") == "again"
    docker("rmi", "-f", f"{labs.REGISTRY}/team/copy@{digest}")
    assert re.search("not found|manifest unknown", docker.fails("pull", f"{labs.REGISTRY}/team/none:1"))


def saved_images_load_again(place):
    docker = place.docker
    folder = place.folder("save")
    before = docker("inspect", "-f", "{{.Id}}", "busybox")
    docker("tag", "busybox", "other:1")
    docker("save", "-o", f"{folder}/both.tar", "busybox", "other:1")
    docker("rmi", "other:1")
    assert "Loaded image: other:1" in docker("load", "-i", f"{folder}/both.tar")
    assert docker("inspect", "-f", "{{.Id}}", "other:1") == before
    assert docker("history", "-q", "other:1").count("\n") == 0
    steps = [int(size) for size in docker("history", "-H=false", "--format", "{{.Size}}", "other:1").split()]
    assert sum(steps) == int(docker("inspect", "-f", "{{.Size}}", "other:1")) > 1000000, steps
    docker("rmi", "other:1")
    assert "is being used" in busy_image(place)


def busy_image(place):
    place.docker("run", "-d", "--name", "uses", "busybox", "sleep", "100")
    return place.docker.fails("rmi", "busybox") + place.docker.fails("rmi", "-f", place.docker("inspect", "-f", "{{.Id}}", "busybox"))


def df_and_prune_count_and_clear(place):
    docker = place.docker
    docker("run", "--name", "old", "-v", "named:/x", "-v", "/anon", "busybox", "sh", "-c", "dd if=/dev/zero of=/big bs=1M count=2 2>/dev/null; echo v >/x/v")
    docker("network", "create", "unused")
    assert re.search(r"Containers\s+1\s+0\s+2\.\d+MB", docker("system", "df")), docker("system", "df")
    assert "2.1MB" in docker("ps", "-as", "--format", "{{.Size}}")
    said = docker("system", "prune", "-f", "--volumes")
    assert "Deleted Containers" in said and "Deleted Networks" in said, said
    assert re.search(r"reclaimed space: 2\.\d+MB", said), said
    assert docker("ps", "-aq") == "" and "unused" not in docker("network", "ls")
    assert docker("images", "-q", "busybox") != ""
    if "named" in docker("volume", "ls", "-q"):  # newer clients prune only those without a name
        docker("volume", "rm", "named")
    docker("volume", "create", "--label", "a=b", "mine")
    assert docker("volume", "ls", "-q", "--filter", "label=a=b") == "mine"
    docker("volume", "rm", "mine")
    docker("run", "-d", "--name", "runs", "busybox", "sleep", "100")
    docker("commit", "runs", "alone:1")
    docker("create", "--name", "last", "alone:1")
    assert "alone:1" not in docker("image", "prune", "-af")
    assert "alone:1" in docker("system", "prune", "-af")  # its last container goes first
    docker("rm", "-f", "runs")


def volumes_copy_up_and_outlive_their_container(place):
    docker = place.docker
    assert out(place, "-v", "etc:/etc", "busybox", "ls", "/etc").split() == out(place, "busybox", "ls", "/etc").split()
    out(place, "-v", "etc:/etc", "busybox", "touch", "/etc/mine")
    assert "mine" in out(place, "-v", "etc:/x:ro", "busybox", "ls", "/x")
    docker("run", "-d", "--name", "holds", "-v", "etc:/x", "busybox", "sleep", "100")
    assert "volume is in use" in docker.fails("volume", "rm", "etc")
    assert out(place, "--volumes-from", "holds", "busybox", "ls", "/x/mine") == "/x/mine"
    docker("rm", "-f", "holds")
    docker("volume", "rm", "etc")
    missing = docker.fails("create", "--name", "nowhere", "--mount", "type=bind,source=/no/such,target=/x", "busybox")
    assert 'invalid mount config for type "bind": bind source path does not exist: /no/such' in missing
    assert docker("ps", "-aq", "--filter", "name=nowhere") == ""


def events_tell_what_happened(place):
    docker = place.docker
    since = time.time()
    out(place, "--name", "seen", "busybox", "true")
    said = docker("events", "--since", f"{since:.9f}", "--until", f"{time.time():.9f}", "--filter", "container=seen",
                  "--format", "{{.Action}}").splitlines()
    assert said == ["create", "attach", "start", "die", "destroy"] or said == ["create", "start", "die", "destroy"], said


def wait_kill_and_signals_pass_codes(place):
    docker = place.docker
    docker("run", "-d", "--name", "sig", "--stop-signal", "USR1", "busybox", "sh", "-c",
           "trap 'exit 11' USR1; trap 'exit 12' HUP; while :; do sleep 0.05; done")
    waiting = docker.begin("wait", "sig")
    time.sleep(0.2)
    docker("stop", "sig")
    assert waiting.communicate(timeout=10)[0] == "11\n"
    docker("start", "sig")
    time.sleep(0.2)
    docker("kill", "-s", "HUP", "sig")
    assert docker("wait", "sig") == "12"
    assert "is not running" in docker.fails("kill", "sig")
    assert "Conflict" in docker.fails("create", "--name", "sig", "busybox")


# ---- nothing stays ----

def removal_leaves_nothing_behind(place):
    docker = place.docker
    out(place, "busybox", "true")
    time.sleep(0.3)
    before = remains(place)
    folder = place.folder("left")
    for _ in range(2):
        ids = [docker("run", "-d", "-p", "80", "-v", "/anon", "-v", f"{folder}:/b", "--tmpfs", "/t", "busybox", "sh", "-c",
                      "sleep 1000 & sleep 1000") for _ in range(3)]
        ids.append(docker("create", "busybox", "true"))
        for name in ids[:3]:
            docker("exec", "-d", name, "sleep", "1000")
        docker.try_("run", "--name", "broken", "-p", "80", "busybox", "/none")
        docker("cp", f"{ids[3]}:/etc/passwd", folder)
        docker("rm", "-f", "-v", *ids, "broken")
    assert eventually(lambda: not more_than(before, remains(place)), 5), (before, remains(place))
    assert not place.host.remains(), place.host.remains()


def more_than(before, now):
    return [name for name in before if now[name] > before[name]]


def remains(place):
    """Everything of a host that could grow."""
    pid = place.host.process.pid
    with open("/proc/self/mountinfo") as f:
        mounts = sum(place.lab.root in line for line in f)
    return {
        "descriptors": len(os.listdir(f"/proc/{pid}/fd")),
        "threads": len(os.listdir(f"/proc/{pid}/task")),
        "mounts": mounts,
        "links": len(json.loads(labs.call("ip", "-n", place.net, "-j", "link").stdout)),
        "rules": len(labs.subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True,
                                         preexec_fn=labs.enter(place.net)).stdout.splitlines()),
        "files": sum(len(files) for name in ("containers", "volumes") for _, _, files in os.walk(f"{place.host.data}/{name}"))
        + sum(len(files) for _, _, files in os.walk(place.host.exec)),
        "cgroups": len(labs.glob.glob(f"/sys/fs/cgroup/*{place.host.cgroup}/*/") + labs.glob.glob(f"/sys/fs/cgroup{place.host.cgroup}/*/")),
    }


sys.exit(clients.main([
    capabilities_are_dockers_and_may_be_changed,
    the_default_profile_and_masked_paths_protect_the_host,
    no_descriptor_leaks_into_a_container,
    user_workdir_env_and_hostname_are_as_asked,
    limits_are_set_in_the_cgroup_and_shown,
    want_of_memory_is_told,
    a_read_only_root_takes_no_writes_but_volumes_do,
    devices_are_there_when_asked_for,
    init_reaps_or_is_refused_clearly,
    a_restart_policy_brings_back_what_ends,
    a_health_check_tells_how_it_is,
    log_drivers_none_and_local_do_as_they_say,
    top_stats_and_pause_look_into_a_running_one,
    diff_commit_export_and_import_tell_what_changed,
    bridge_none_host_and_shared_networks_are_what_they_say,
    hosts_and_dns_are_as_asked,
    networks_of_users_know_names_and_keep_apart,
    udp_ranges_and_addresses_are_published,
    rules_are_written_only_when_they_change,
    images_come_and_go_through_a_registry,
    saved_images_load_again,
    df_and_prune_count_and_clear,
    volumes_copy_up_and_outlive_their_container,
    events_tell_what_happened,
    wait_kill_and_signals_pass_codes,
    removal_leaves_nothing_behind,
], flags))
