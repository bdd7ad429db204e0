"""A swarm of both kinds of node: what its manager says, what its nodes say, and whether they agree."""
import json

from lab import until

TASK_ID = "com.docker.swarm.task.id"
HISTORY = ("complete", "shutdown", "failed", "rejected", "orphaned", "remove")


def containers(host, everything=False):
    """The containers of tasks on a host of either kind: those that run, or all."""
    filters = '{"label":["com.docker.swarm.task"]}'.replace('"', "%22")
    status, found = host.api("GET", f"/containers/json?all={int(everything)}&filters={filters}")
    assert status == 200, found
    return found


def service(lab, name, *options, command=("httpd", "-f", "-p", "80"), waits=True):
    """A service of busybox, all of whose tasks run."""
    answer = lab.m.shoal("service", "create", "--detach", "--name", name, *options, lab.busybox, *command).ok()
    if waits:
        answer.took_s += until(40, lambda: is_complete(lab, name))
    return answer


def is_complete(lab, name):
    found, wanted = lab.m.shoal("service", "ls", "--filter", "name=" + name, "--format", "{{.Replicas}}").word().split("/")
    return found == wanted != "0"


def clear(lab):
    """No service and no container of one is left from the story before."""
    names = lab.m.shoal("service", "ls", "-q").lines()
    if names:
        lab.m.shoal("service", "rm", *names).ok()
    until(30, lambda: not any(containers(h, everything=True) for h in lab.hosts if h.process.poll() is None), every_s=0.2)


def tasks(manager, **filters):
    text = json.dumps({k: [v] for k, v in filters.items()}).replace('"', "%22").replace(" ", "")
    status, found = manager.api("GET", "/tasks?filters=" + text)
    assert status == 200, found
    return found


def task_states(lab, name, *states):
    """All tasks of a service, or those in one of the states."""
    return [t for t in tasks(lab.m, service=name) if not states or t["Status"]["State"] in states]


def running(lab, name):
    return [t for t in task_states(lab, name, "running") if t["DesiredState"] == "running"]


def placed(lab, name):
    """The names of the nodes on which its tasks run, one for each task."""
    names = {n["ID"]: n["Description"]["Hostname"] for n in lab.m.api("GET", "/nodes")[1]}
    return [names.get(t["NodeID"], "?") for t in running(lab, name)]


def disagreement(lab, hosts=None):
    """What a manager and its nodes say differently, in words; "" when they agree: on each node that is ready run just
    the containers of the tasks that the manager says run there."""
    names = {n["Description"]["Hostname"]: n for n in lab.m.api("GET", "/nodes")[1]}
    every = tasks(lab.m)
    found = []
    for host in hosts or lab.hosts:
        node = names.get(host.name)
        if not node or node["Status"]["State"] != "ready":
            continue
        theirs = sorted(c["Labels"][TASK_ID] for c in containers(host))
        ours = sorted(t["ID"] for t in every if t.get("NodeID") == node["ID"] and t["Status"]["State"] == "running")
        if theirs != ours:
            found.append(f"{host.name}: the manager says {ours}, the node {theirs}")
        known = {t["ID"] for t in every}
        found += [f"{host.name}: container {c['Names']} has no task" for c in containers(host, everything=True)
                  if c["Labels"][TASK_ID] not in known]
    found += [f"task {t['ID']} should not run but is {t['Status']['State']}" for t in every
              if t["DesiredState"] in ("shutdown", "remove") and t["Status"]["State"] not in HISTORY
              and any(n["ID"] == t.get("NodeID") and n["Status"]["State"] == "ready" for n in names.values())]
    return "; ".join(found)


def agree(lab, hosts=None, timeout_s=30):
    if until(timeout_s, lambda: not disagreement(lab, hosts), fails=False, every_s=0.2) is None:
        raise AssertionError(disagreement(lab, hosts))
