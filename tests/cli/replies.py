"""What the fake engine says: a swarm of three nodes, a few services, containers and images."""

N1, N2, N3 = "2bl3592mul5fzbw2mu2sw5rk1", "8xk20dw4m1qv7oyz5nqvlq7a2", "qx9w2m4n6b8v0c1z3l5k7j9h3"
WEB, AGENT, JOB = ("9ntryk9voq1x55ifdsb7zgsix", "5lxlcqx3i8ongyvmh7mwrkkkm", "w9n8ol0q09wuh7u5ziu3q6nyx")
DIGEST = "sha256:993642483698f195da9afc67227f9a25f61b1f8c0f2de71146c8a9650d402eef"
NET = "6l3222grb1d4z9guipyzhlf67"
C1 = "36f429d21d919e73ff4304ae18aea773c88fd41c8fbc9d8cfd92d758468e10d4"
C2 = "fdf60041f79cdaa6411dda2a16ac481c573123171dc56bb956c0f9003413dc32"
EXEC = "39f2dbc94d1f76512457416dcbbde99ff93cd4d48d6a7d4a5f695b673c276bcd"
TLS = {"TrustRoot": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
       "CertIssuerSubject": "MBMx", "CertIssuerPublicKey": "MFkw"}


def get(path, json=None, **more):
    return dict({"method": "GET", "path": path, "json": json}, **more)


def post(path, json=None, status=200, **more):
    reply = {"method": "POST", "path": path, "status": status}
    if json is not None:
        reply["json"] = json
    return dict(reply, **more)


def missing(method, path, message):
    return {"method": method, "path": path, "status": 404, "json": {"message": message}}


def node(ident, name, role, state="ready", availability="active", leader=False, tls=TLS):
    out = {"ID": ident, "Version": {"Index": 9}, "CreatedAt": "2026-03-01T07:03:45.651623953Z",
           "Spec": {"Labels": {"zone": name[-1]}, "Role": role, "Availability": availability},
           "Description": {"Hostname": name, "Platform": {"Architecture": "x86_64", "OS": "linux"},
                           "Resources": {"NanoCPUs": 2000000000, "MemoryBytes": 25276502016},
                           "Engine": {"EngineVersion": "1.2.3", "Plugins": [
                               {"Type": "Log", "Name": "json-file"}, {"Type": "Network", "Name": "overlay"},
                               {"Type": "Volume", "Name": "local"}]},
                           "TLSInfo": tls},
           "Status": {"State": state, "Addr": "10.0.0." + name[-1]}}
    if role == "manager":
        out["ManagerStatus"] = {"Reachability": "reachable", "Addr": f"10.0.0.{name[-1]}:2377"}
        if leader:
            out["ManagerStatus"]["Leader"] = True
    return out


NODES = [node(N2, "node10", "worker", state="down", availability="drain"),
         node(N1, "node1", "manager", leader=True),
         node(N3, "node2", "manager", tls=dict(TLS, TrustRoot="old"))]

CLUSTER = {"ID": "ckfjyycgncbiu3cm6xz7de9lo", "Version": {"Index": 10},
           "Spec": {"Name": "default", "Labels": {},
                    "Orchestration": {"TaskHistoryRetentionLimit": 5},
                    "Raft": {"SnapshotInterval": 10000, "KeepOldSnapshots": 0, "ElectionTick": 10,
                             "HeartbeatTick": 1},
                    "Dispatcher": {"HeartbeatPeriod": 5000000000},
                    "CAConfig": {"NodeCertExpiry": 7776000000000000}, "TaskDefaults": {},
                    "EncryptionConfig": {"AutoLockManagers": False}},
           "TLSInfo": TLS, "RootRotationInProgress": False, "DefaultAddrPool": ["10.0.0.0/8"],
           "SubnetSize": 24, "DataPathPort": 4789}

INFO = {"ID": "CEO2:66VK", "Containers": 2, "ContainersRunning": 1, "ContainersPaused": 0,
        "ContainersStopped": 1, "Images": 2, "Driver": "overlay2",
        "DriverStatus": [["Backing Filesystem", "extfs"]],
        "Plugins": {"Volume": ["local"], "Network": ["bridge", "host", "null", "overlay"],
                    "Authorization": None, "Log": ["json-file", "local"]},
        "Debug": False, "SystemTime": "2026-11-22T07:03:46Z", "LoggingDriver": "json-file",
        "CgroupDriver": "cgroupfs", "CgroupVersion": "2", "KernelVersion": "6.1.0",
        "OperatingSystem": "Debian GNU/Linux 12 (bookworm)", "OSVersion": "12", "OSType": "linux",
        "Architecture": "x86_64", "RegistryConfig": {"InsecureRegistryCIDRs": ["127.0.0.0/8"],
                                                     "Mirrors": []},
        "NCPU": 2, "MemTotal": 25276502016, "DockerRootDir": "/var/lib/shoal", "Name": "node1",
        "Labels": ["rack=a"], "ExperimentalBuild": False, "ServerVersion": "1.2.3",
        "Runtimes": {"runc": {"path": "runc"}, "crun": {"path": "crun"}}, "DefaultRuntime": "crun",
        "Swarm": {"NodeID": N1, "NodeAddr": "10.0.0.1", "LocalNodeState": "active",
                  "ControlAvailable": True, "Error": "",
                  "RemoteManagers": [{"NodeID": N3, "Addr": "10.0.0.2:2377"},
                                     {"NodeID": N1, "Addr": "10.0.0.1:2377"}],
                  "Nodes": 3, "Managers": 2, "Cluster": CLUSTER},
        "LiveRestoreEnabled": False, "InitBinary": "docker-init",
        "ContainerdCommit": {"ID": "a", "Expected": "a"}, "RuncCommit": {"ID": "b", "Expected": "b"},
        "InitCommit": {"ID": "", "Expected": ""},
        "SecurityOptions": ["name=seccomp,profile=builtin", "name=cgroupns"],
        "Warnings": ["WARNING: No swap limit support"]}

VERSION = {"Platform": {"Name": ""}, "Components": [
               {"Name": "Engine", "Version": "1.2.3",
                "Details": {"ApiVersion": "1.41", "Arch": "amd64", "BuildTime": "2026-05-07T21:09:36.000000000+00:00",
                            "Experimental": "false", "GitCommit": "5d6db84", "GoVersion": "go1.19.8",
                            "KernelVersion": "6.1.0", "MinAPIVersion": "1.24", "Os": "linux"}},
               {"Name": "crun", "Version": "1.8.1", "Details": {"GitCommit": "f8a096b"}}],
           "Version": "1.2.3", "ApiVersion": "1.41", "MinAPIVersion": "1.24", "GitCommit": "5d6db84",
           "GoVersion": "go1.19.8", "Os": "linux", "Arch": "amd64", "KernelVersion": "6.1.0",
           "BuildTime": "2026-05-07T21:09:36.000000000+00:00"}

WEB_SPEC = {
    "Name": "web", "Labels": {"k": "v", "a": ""},
    "TaskTemplate": {
        "ContainerSpec": {"Image": "nginx:1.27@" + DIGEST, "Args": ["nginx", "-g"], "Env": ["A=B"], "Init": True,
                          "User": "www", "Dir": "/srv",
                          "Mounts": [{"Type": "volume", "Source": "data", "Target": "/data"}],
                          "Healthcheck": {"Test": ["CMD-SHELL", "true"], "Interval": 5000000000},
                          "Secrets": [{"File": {"Name": "s1", "UID": "0", "GID": "0", "Mode": 292},
                                       "SecretID": "3xo4qplg2tzi2t5w0r75jerpb", "SecretName": "s1"}]},
        "Resources": {"Limits": {"NanoCPUs": 500000000, "MemoryBytes": 33554432}, "Reservations": {}},
        "RestartPolicy": {"Condition": "any", "Delay": 5000000000, "MaxAttempts": 0},
        "Placement": {"Constraints": ["node.role==worker"], "MaxReplicas": 2,
                      "Preferences": [{"Spread": {"SpreadDescriptor": "node.labels.zone"}}]},
        "Networks": [{"Target": NET}], "ForceUpdate": 0, "Runtime": "container"},
    "Mode": {"Replicated": {"Replicas": 2}},
    "UpdateConfig": {"Parallelism": 2, "Delay": 1000000000, "FailureAction": "rollback",
                     "Monitor": 1000000, "MaxFailureRatio": 0.25, "Order": "start-first"},
    "EndpointSpec": {"Mode": "vip", "Ports": [
        {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080, "PublishMode": "ingress"},
        {"Protocol": "tcp", "TargetPort": 81, "PublishedPort": 8081, "PublishMode": "ingress"},
        {"Protocol": "udp", "TargetPort": 53, "PublishedPort": 53, "PublishMode": "host"}]}}

WEB_SERVICE = {"ID": WEB, "Version": {"Index": 31}, "CreatedAt": "2026-03-01T07:04:01Z",
               "UpdatedAt": "2026-03-01T07:04:02Z", "Spec": WEB_SPEC,
               "Endpoint": {"Spec": WEB_SPEC["EndpointSpec"], "Ports": WEB_SPEC["EndpointSpec"]["Ports"],
                            "VirtualIPs": [{"NetworkID": NET, "Addr": "10.0.1.2/24"}]},
               "UpdateStatus": {"State": "completed", "StartedAt": "{{now-7200s}}",
                                "CompletedAt": "{{now-7000s}}", "Message": "update completed"},
               "ServiceStatus": {"RunningTasks": 1, "DesiredTasks": 2, "CompletedTasks": 0}}
AGENT_SERVICE = {"ID": AGENT, "Version": {"Index": 40}, "CreatedAt": "2026-03-01T07:04:51Z",
                 "UpdatedAt": "2026-03-01T07:04:51Z",
                 "Spec": {"Name": "agent", "Labels": {},
                          "TaskTemplate": {"ContainerSpec": {"Image": "busybox:latest"}, "ForceUpdate": 0},
                          "Mode": {"Global": {}}, "EndpointSpec": {"Mode": "vip"}},
                 "Endpoint": {"Spec": {}},
                 "ServiceStatus": {"RunningTasks": 2, "DesiredTasks": 3, "CompletedTasks": 0}}
JOB_SERVICE = {"ID": JOB, "Version": {"Index": 50}, "CreatedAt": "2026-03-01T07:04:51Z",
               "UpdatedAt": "2026-03-01T07:04:51Z",
               "Spec": {"Name": "job", "Labels": {}, "TaskTemplate": {"ContainerSpec": {"Image": "busybox"}},
                        "Mode": {"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 4}}},
               "Endpoint": {"Spec": {}}, "JobStatus": {"JobIteration": {"Index": 50}},
               "ServiceStatus": {"RunningTasks": 1, "DesiredTasks": 1, "CompletedTasks": 3}}


def task(ident, service, slot, state, ago, desired="running", err="", where=N1, image="nginx:1.27@" + DIGEST):
    status = {"Timestamp": "{{now-%ds}}" % ago, "State": state, "PortStatus": {}}
    if err:
        status["Err"] = err
    return {"ID": ident, "Version": {"Index": 33}, "CreatedAt": "{{now-%ds}}" % (ago + 5),
            "UpdatedAt": "{{now-%ds}}" % ago, "Spec": {"ContainerSpec": {"Image": image}},
            "ServiceID": service, "Slot": slot, "NodeID": where, "Status": status, "DesiredState": desired}


T1, T2, T3 = "tz3xw32076tb1bsii8flo8iy1", "zgztnsroggxx0vsnw9vccw9mk", "jjd5dmx0qd1et8p5b4k15f7zm"
TASKS = [task(T3, WEB, 1, "failed", 400, "shutdown", "task: non-zero exit (137): no memory left"),
         task(T2, WEB, 2, "pending", 40, where="",
              err="no suitable node (scheduling constraints not satisfied on 3 nodes)"),
         task(T1, WEB, 1, "running", 90)]
TASKS[2]["Status"]["PortStatus"] = {"Ports": [
    {"Protocol": "udp", "TargetPort": 53, "PublishedPort": 53, "PublishMode": "host"}]}
DONE = [task(T1, WEB, 1, "running", 90), task(T2, WEB, 2, "running", 40, where=N3)]
AGENT_TASK = task("aqsb1xl4dj2e7w8m3kqpvbn5c", AGENT, 0, "running", 4000, image="busybox:latest")
JOB_TASKS = [dict(task("mm8jvktv422d00000000000%02d" % i, JOB, i, "complete", 60, "complete"),
                  JobIteration={"Index": 50}) for i in range(4)]

# Services that are watched while they converge: each look sees the next of these.
API, BAD, BACK = "apiapiapiapiapiapiapiapi1", "badbadbadbadbadbadbadbad1", "backbackbackbackbackback1"


def watched(ident, name, state=None, message=""):
    out = {"ID": ident, "Version": {"Index": 1}, "Spec": {
        "Name": name, "TaskTemplate": {"ContainerSpec": {"Image": "nginx:latest"}},
        "Mode": {"Replicated": {"Replicas": 2}}, "UpdateConfig": {"Monitor": 300000000}}}
    if state:
        out["UpdateStatus"] = {"State": state, "Message": message}
    return out


def tasks_of(ident, *looks):
    query = 'filters={"_up-to-date":{"true":true},"service":{"%s":true}}' % ident
    return [get("/tasks", [task("t%024d" % (slot + 1), ident, slot + 1, state, 1, err=err)
                           for slot, (state, err) in enumerate(look)], query=query) for look in looks]


CONTAINERS = [
    {"Id": C1, "Names": ["/web1", "/other/link"], "Image": "nginx:1.27", "ImageID": "sha256:9a47750b54b5" + "0" * 52,
     "Command": "nginx -g 'daemon off;' --with-long-arguments", "Created": "{{unix-7200s}}",
     "Ports": [{"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
               {"IP": "::", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
               {"PrivatePort": 443, "Type": "tcp"}, {"PrivatePort": 444, "Type": "tcp"},
               {"IP": "127.0.0.1", "PrivatePort": 53, "PublicPort": 53, "Type": "udp"}],
     "Labels": {"k": "v", "com.example.team": "a b"}, "State": "running", "Status": "Up 2 hours (healthy)",
     "HostConfig": {"NetworkMode": "default"}, "SizeRw": 12345, "SizeRootFs": 1984673,
     "NetworkSettings": {"Networks": {"bridge": {}, "front": {}}},
     "Mounts": [{"Type": "volume", "Name": "data", "Driver": "local", "Destination": "/data"},
                {"Type": "bind", "Source": "/very/long/path/on/the/host", "Destination": "/x"}]},
    {"Id": C2, "Names": ["/job1"], "Image": "sha256:e3ece5f7d0b6" + "0" * 52, "ImageID": "sha256:e3ece5f7d0b6" + "0" * 52,
     "Command": "true", "Created": "{{unix-90s}}", "Ports": [], "Labels": {}, "State": "exited",
     "Status": "Exited (0) About a minute ago", "HostConfig": {"NetworkMode": "none"},
     "NetworkSettings": {"Networks": {}}, "Mounts": []}]

IMAGES = [
    {"Containers": -1, "Created": "{{unix-200000s}}", "Id": "sha256:9a47750b54b5" + "0" * 52, "Labels": None,
     "RepoDigests": ["nginx@" + DIGEST, "example.com:5000/n@" + DIGEST], "RepoTags": ["nginx:1.27", "nginx:latest"],
     "SharedSize": -1, "Size": 187654321, "VirtualSize": 187654321},
    {"Containers": 1, "Created": "{{unix-40s}}", "Id": "sha256:e3ece5f7d0b6" + "0" * 52, "Labels": None,
     "RepoDigests": None, "RepoTags": [], "SharedSize": 1000, "Size": 5000, "VirtualSize": 5000}]

CONTAINER = {"Id": C1, "Name": "/web1", "State": {"Status": "running", "Running": True, "Paused": False,
                                                  "Restarting": False},
             "Config": {"Tty": False, "OpenStdin": True, "Image": "nginx:1.27"}, "HostConfig": {"AutoRemove": False},
             "NetworkSettings": {"Ports": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"},
                                                      {"HostIp": "::", "HostPort": "8080"}],
                                           "443/tcp": None}}}
VOLUMES = [{"CreatedAt": "2026-03-01T07:03:43Z", "Driver": "local", "Labels": {"a": "b"}, "Name": "v10",
            "Mountpoint": "/m/v10", "Options": None, "Scope": "local"},
           {"CreatedAt": "2026-03-01T07:03:43Z", "Driver": "local", "Labels": None, "Name": "v9",
            "Mountpoint": "/m/v9", "Options": None, "Scope": "local"}]
NETWORKS = [{"Name": "ov1", "Id": NET, "Created": "2026-03-01T07:03:51.437924494Z", "Scope": "swarm",
             "Driver": "overlay", "EnableIPv6": False, "Internal": False, "Labels": {"x": "y"}},
            {"Name": "bridge", "Id": "975e134916aa9bf9118a74a40ab17b87d7930560879dd162deb07ea34f9c47a0",
             "Created": "2026-03-01T06:55:28Z", "Scope": "local", "Driver": "bridge", "EnableIPv6": False,
             "Internal": False, "Labels": {}}]
SECRETS = [{"ID": "3xo4qplg2tzi2t5w0r75jerpb", "Version": {"Index": 25}, "CreatedAt": "{{now-3600s}}",
            "UpdatedAt": "{{now-10s}}", "Spec": {"Name": "s1", "Labels": {"a": "b"}}}]
CONFIGS = [{"ID": "o67oy8fzyc2f2tekbuvukhk6f", "Version": {"Index": 26}, "CreatedAt": "2026-03-01T07:03:51.34Z",
            "UpdatedAt": "2026-03-01T07:03:51.34Z", "Spec": {"Name": "c1", "Labels": {}, "Data": "czNjcjN0Cg=="}}]

DETAILS = "com.docker.swarm.node.id=%s,com.docker.swarm.service.id=%s,com.docker.swarm.task.id=%s"
LOG1, LOG2 = DETAILS % (N1, WEB, T1), DETAILS % (N3, WEB, T2)

STATS = {"read": "2026-11-22T07:03:32Z", "preread": "2026-11-22T07:03:31Z", "pids_stats": {"current": 2},
         "blkio_stats": {"io_service_bytes_recursive": [{"major": 8, "minor": 0, "op": "Read", "value": 4096},
                                                        {"major": 8, "minor": 0, "op": "Write", "value": 1500}]},
         "cpu_stats": {"cpu_usage": {"total_usage": 27669071}, "system_cpu_usage": 4452590000000, "online_cpus": 2},
         "precpu_stats": {"cpu_usage": {"total_usage": 26342247}, "system_cpu_usage": 4450650000000, "online_cpus": 2},
         "memory_stats": {"usage": 659456, "stats": {"inactive_file": 59456}, "limit": 33554432},
         "name": "/web1", "id": C1, "networks": {"eth0": {"rx_bytes": 486, "tx_bytes": 20}}}

DF = {"LayersSize": 187654321, "Images": [dict(IMAGES[0], Containers=1, SharedSize=1000), IMAGES[1]],
      "Containers": CONTAINERS,
      "Volumes": [dict(VOLUMES[0], UsageData={"RefCount": 1, "Size": 2048}),
                  dict(VOLUMES[1], UsageData={"RefCount": 0, "Size": 1024})], "BuildCache": []}

PULL = ('{"status":"Pulling from library/nginx","id":"1.27"}\r\n'
        '{"status":"Pulling fs layer","progressDetail":{},"id":"a1b2"}\r\n'
        '{"status":"Downloading","progressDetail":{"current":100,"total":1000},"progress":"[>  ] 100B/1kB","id":"a1b2"}\r\n'
        '{"status":"Pull complete","progressDetail":{},"id":"a1b2"}\r\n'
        '{"status":"Digest: ' + DIGEST + '"}\r\n{"status":"Status: Downloaded newer image for nginx:1.27"}\r\n')

REPLIES = [
    get("/services/api", watched(API, "api")), post("/services/%s/update" % API, {"Warnings": None}),
    *tasks_of(API, [("preparing", ""), ("pending", "no suitable node (insufficient resources on 1 node)")],
              [("running", ""), ("running", "")], [("running", ""), ("failed", "task: non-zero exit (1)")],
              [("running", ""), ("running", "")]),
    get("/services/bad", watched(BAD, "bad")), get("/services/bad", watched(BAD, "bad", "updating")),
    get("/services/bad", watched(BAD, "bad", "paused", "update paused due to failure of task t1")),
    post("/services/%s/update" % BAD, {"Warnings": None}),
    *tasks_of(BAD, [("failed", "task: non-zero exit (1)"), ("ready", "")]),
    get("/services/back", watched(BACK, "back")),
    get("/services/back", watched(BACK, "back", "rollback_started", "manually requested rollback")),
    get("/services/back", watched(BACK, "back", "rollback_started", "manually requested rollback")),
    get("/services/back", watched(BACK, "back", "rollback_completed", "rollback completed")),
    post("/services/%s/update" % BACK, {"Warnings": None}),
    *tasks_of(BACK, [("running", "")], [("running", ""), ("starting", "")], [("running", ""), ("running", "")]),
    get("/version", VERSION), get("/info", INFO), get("/system/df", DF),
    get("/containers/json", CONTAINERS), get("/images/json", IMAGES), get("/volumes", {"Volumes": VOLUMES, "Warnings": None}),
    get("/networks", NETWORKS), get("/secrets", SECRETS), get("/configs", CONFIGS), get("/nodes", NODES),
    get("/services", [WEB_SERVICE, AGENT_SERVICE, JOB_SERVICE]),
    get("/services", [WEB_SERVICE], query='filters={"name":{"web":true}}'),
    get("/services", [], query='filters={"id":{"web":true}}'),
    get("/services", [WEB_SERVICE], query='filters={"id":{"9nt":true}}'),
    get("/services", [], query='filters={"name":{"9nt":true}}'),
    get("/services", [], query='filters={"name":{"nosuch":true}}'),
    get("/services", [], query='filters={"id":{"nosuch":true}}'),
    get("/tasks", TASKS, query='filters={"service":{"%s":true}}' % WEB),
    get("/tasks", TASKS + [AGENT_TASK], query='filters={"node":{"%s":true}}' % N1),
    get("/tasks", DONE, query='filters={"_up-to-date":{"true":true},"service":{"%s":true}}' % WEB),
    get("/tasks", JOB_TASKS, query='filters={"_up-to-date":{"true":true},"service":{"%s":true}}' % JOB),
    get("/services/web", WEB_SERVICE), get("/services/" + WEB, WEB_SERVICE), get("/services/agent", AGENT_SERVICE),
    get("/services/" + AGENT, AGENT_SERVICE), get("/services/job", JOB_SERVICE), get("/services/" + JOB, JOB_SERVICE),
    get("/nodes/" + N1, NODES[1]), get("/nodes/node1", NODES[1]), get("/nodes/node10", NODES[0]),
    get("/nodes/" + N2, NODES[0]), get("/nodes/" + N3, NODES[2]),
    get("/tasks/" + T1, TASKS[2]), get("/tasks/" + T2, TASKS[1]),
    get("/networks/ov1", NETWORKS[0]), get("/networks/" + NET, NETWORKS[0]),
    get("/secrets/s1", SECRETS[0]), get("/configs/c1", CONFIGS[0]), get("/volumes/v9", VOLUMES[1]),
    get("/containers/web1/json", CONTAINER), get("/containers/web1/stats", STATS),
    get("/containers/web1/top", {"Titles": ["UID", "PID", "CMD"], "Processes": [["root", "1", "nginx -g"]]}),
    get("/containers/web1/changes", [{"Path": "/data", "Kind": 1}, {"Path": "/tmp", "Kind": 0}, {"Path": "/x", "Kind": 2}]),
    get("/containers/%s/logs" % C1, frames=[[1, "out 1\n"], [2, "err 1\n"], [1, "out 2\n"]], type="text/plain"),
    get("/services/web/logs", type="text/plain", query="details=1&stdout=1&stderr=1&tail=all",
        frames=[[1, LOG1 + " hello\n"], [2, LOG2 + " oops\n"], [1, LOG1 + " in "], [1, "two pieces\n"]]),
    get("/services/web/logs", type="text/plain", query="details=1&stdout=1&stderr=1&tail=2&timestamps=1",
        frames=[[1, "2026-11-22T07:04:50.522188578Z " + LOG1 + " hello\n"]]),
    get("/services/web/logs", type="text/plain", query="stdout=1&stderr=1&tail=all", frames=[[1, "hello\n"]]),
    get("/images/nginx/history", [
        {"Comment": "", "Created": "{{unix-200000s}}", "CreatedBy": "/bin/sh -c #(nop)  CMD [\"nginx\" \"-g\" \"daemon off;\"]",
         "Id": "sha256:9a47750b54b5" + "0" * 52, "Size": 0, "Tags": ["nginx:1.27"]},
        {"Comment": "base", "Created": 1600000000, "CreatedBy": "ADD\tfile", "Id": "<missing>", "Size": 1984673, "Tags": None}]),
    get("/images/nginx/json", {"Id": "sha256:9a47750b54b5" + "0" * 52, "RepoTags": ["nginx:1.27"], "Config": {"Cmd": ["nginx"]}}),
    get("/distribution/nginx:1.27/json", {"Descriptor": {"digest": DIGEST}, "Platforms": [
        {"architecture": "amd64", "os": "linux"}, {"architecture": "arm", "os": "linux", "variant": "v7"}]}),
    get("/distribution/busybox:latest/json", {"message": "no registry"}, status=404),
    get("/swarm", dict(CLUSTER, JoinTokens={"Worker": "SWMTKN-1-w", "Manager": "SWMTKN-1-m"})),
    get("/swarm/unlockkey", {"UnlockKey": "SWMKEY-1-key"}),
    get("/events", text='{"status":"start","id":"%s","from":"nginx","Type":"container","Action":"start","Actor":{"ID":"%s",'
        '"Attributes":{"name":"web1","image":"nginx"}},"scope":"local","time":1795331250,"timeNano":1795331250464881548}\n'
        '{"Type":"volume","Action":"create","Actor":{"ID":"v9","Attributes":{}},"scope":"local","time":1795331250,'
        '"timeNano":1795331250668265171}\n' % (C1, C1)),
    post("/containers/create", {"Id": C1, "Warnings": ["a warning"]}, 201, query="name=warned"),
    post("/containers/create", {"Id": C1, "Warnings": []}, 201),
    post("/containers/create", {"message": "No such image: absent:latest"}, 404, query="name=absent"),
    post("/containers/%s/start" % C1, status=204), post("/containers/web1/start", status=204),
    post("/containers/%s/wait" % C1, {"StatusCode": 7, "Error": None}),
    post("/containers/%s/attach" % C1, upgrade=True, status=101, frames=[[1, "to out\n"], [2, "to err\n"]], delay=0.1),
    post("/containers/%s/attach" % C1, upgrade=True, status=101, frames=[], echo=True,
         query="stderr=1&stdin=1&stdout=1&stream=1"),
    post("/containers/web1/wait", {"StatusCode": 3}), post("/containers/web1/exec", {"Id": EXEC}, 201),
    post("/exec/%s/start" % EXEC, upgrade=True, status=101, frames=[[1, "from exec\n"]]),
    get("/exec/%s/json" % EXEC, {"ID": EXEC, "Running": False, "ExitCode": 5}),
    post("/containers/web1/update", {"Warnings": None}), post("/containers/web1/rename", status=204),
    post("/containers/prune", {"ContainersDeleted": [C2], "SpaceReclaimed": 1234}),
    post("/networks/prune", {"NetworksDeleted": ["front"]}), post("/volumes/prune", {"VolumesDeleted": None, "SpaceReclaimed": 0}),
    post("/images/prune", {"ImagesDeleted": [{"Untagged": "x:1"}, {"Deleted": "sha256:abc"}], "SpaceReclaimed": 5000}),
    post("/build/prune", {"CachesDeleted": None, "SpaceReclaimed": 0}),
    post("/images/create", type="application/json", text=PULL),
    post("/images/create", type="application/json", query="fromImage=docker.io/library/broken&tag=1",
         text='{"status":"Pulling from library/broken","id":"1"}\r\n{"errorDetail":{"message":"no disk left"},"error":"no disk left"}\r\n'),
    post("/images/load", type="application/json", text='{"stream":"Loaded image: nginx:1.27\\n"}\r\n'),
    post("/images/nginx/tag", status=201), post("/images/example.com:5000/n/push", type="application/json",
         text='{"status":"The push refers to repository [example.com:5000/n]"}\r\n{"status":"Pushed","progressDetail":{},"id":"a1b2"}\r\n'),
    {"method": "DELETE", "path": "/images/nginx", "json": [{"Untagged": "nginx:1.27"}, {"Deleted": "sha256:abc"}]},
    {"method": "DELETE", "path": "/containers/web1", "status": 204}, {"method": "DELETE", "path": "/services/web"},
    {"method": "DELETE", "path": "/nodes/node10"}, {"method": "DELETE", "path": "/secrets/s1", "status": 204},
    {"method": "DELETE", "path": "/configs/c1", "status": 204}, {"method": "DELETE", "path": "/volumes/v9", "status": 204},
    {"method": "DELETE", "path": "/networks/ov1", "status": 204},
    post("/services/create", {"ID": WEB}, 201), post("/services/%s/update" % WEB, {"Warnings": ["mind the gap"]}),
    post("/services/%s/update" % JOB, {"Warnings": None}),
    post("/secrets/create", {"ID": "newsecret"}, 201), post("/configs/create", {"ID": "newconfig"}, 201),
    post("/networks/create", {"Id": "newnet"}, 201), post("/volumes/create", {"Name": "data"}, 201),
    post("/networks/ov1/connect"), post("/networks/ov1/disconnect"),
    post("/swarm/init", N1), post("/swarm/join"), post("/swarm/leave"), post("/swarm/update"), post("/swarm/unlock"),
    post("/nodes/%s/update" % N1), post("/nodes/%s/update" % N2), post("/commit", {"Id": "sha256:new"}, 201),
    post("/auth", {"IdentityToken": "", "Status": "Login Succeeded"}),
    missing("GET", "/containers/nosuch/json", "No such container: nosuch"),
    missing("DELETE", "/containers/nosuch", "No such container: nosuch"),
    missing("GET", "/services/nosuch", "service nosuch not found"), missing("GET", "/tasks/nosuch", "task nosuch not found"),
    missing("GET", "/images/nosuch/json", "No such image: nosuch"), missing("GET", "/networks/nosuch", "network nosuch not found"),
    missing("GET", "/volumes/nosuch", "get nosuch: no such volume"), missing("GET", "/nodes/nosuch", "node nosuch not found"),
    missing("GET", "/secrets/nosuch", "secret nosuch not found"), missing("GET", "/configs/nosuch", "config nosuch not found"),
    missing("GET", "/plugins/nosuch/json", 'plugin "nosuch" not found'),
    {"method": "POST", "path": "/containers/%s/start" % C2, "status": 400,
     "json": {"message": 'failed to start: exec: "nope": executable file not found in $PATH'}},
    post("/containers/create", {"Id": C2, "Warnings": []}, 201, query="name=nope"),
    post("/containers/%s/wait" % C2, {"StatusCode": 0}),
    post("/containers/%s/attach" % C2, upgrade=True, status=101, frames=[]),
]
