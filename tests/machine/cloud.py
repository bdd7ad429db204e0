"""The driver `amazonec2` against moto: one host's life, what is sent, faults of the cloud, kill -9 at every call, permissions. No SSH: what
runs on a host is another test's. Says "skipped: why" where there is no moto."""
import email.utils
import hashlib
import http.server
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

import motocloud
from motocloud import IMAGES, REGION, ec2_error, pending, times

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(os.environ.get("SHOAL_BUILD") or os.path.join(HERE, "..", "..", "build"))
PROGRAM = f"{BUILD}/shoal-machine"
TOP = STORE = moto = proxy = None
WAYS = ("--allow", "192.0.2.7")


class Answer:
    def __init__(self, words, rc, out, err):
        self.words, self.rc, self.out, self.err = words, rc, out, err

    def __repr__(self):
        return f"$ {' '.join(self.words)}\n{self.out}{self.err}[rc {self.rc}]"

    def ok(self):
        assert self.rc == 0, repr(self)
        return self

    def fails(self, rc, *texts):
        assert self.rc == rc, repr(self)
        for text in texts:
            assert text in self.err + self.out, f"no {text!r} in {self!r}"
        return self


def environment(**more):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("DOCKER_", "MACHINE_", "AWS_")) and not k.lower().endswith("_proxy")}
    env.update(HOME=TOP, SHELL="/bin/bash", MACHINE_STORAGE_PATH=STORE, AWS_ENDPOINT_URL=proxy.url, AWS_DEFAULT_REGION=REGION,
               AWS_ACCESS_KEY_ID="AKIAROOT", AWS_SECRET_ACCESS_KEY="root-secret", AWS_EC2_METADATA_DISABLED="true", SHOAL_ENGINE="none")
    env.update(more)
    return {k: v for k, v in env.items() if v is not None}


def machine(*words, stdin="", timeout_s=90, **env):
    done = subprocess.run([PROGRAM, *words], input=stdin, capture_output=True, text=True, timeout=timeout_s, env=environment(**env))
    return Answer(words, done.returncode, done.stdout, done.stderr)


def create(name, *words, **env):
    return machine("create", "-d", "amazonec2", *WAYS, *words, name, **env)


def record(name):
    return json.load(open(f"{STORE}/machines/{name}/config.json"))


def nothing_is_left():
    left = moto.left()
    assert not left, "; ".join(left)
    assert not os.path.isdir(f"{STORE}/machines") or not os.listdir(f"{STORE}/machines"), os.listdir(f"{STORE}/machines")


# ---- tests ----

def a_host_is_created_looked_at_turned_off_and_on_and_removed():
    proxy.faults = [pending(2)]
    said = create("node-01").ok()
    assert said.out.splitlines()[2:] == ["Running pre-create checks...", "Creating machine...", "(node-01) Launching instance...",
                                         "Waiting for machine to be running, this may take a few minutes...",
                                         f"The host is running at {record('node-01')['Driver']['IPAddress']}; no engine was installed on it: "
                                         "`shoal machine ssh node-01`"], said
    proxy.faults = []
    own = record("node-01")["Driver"]
    one = moto.instances(instance_state_name="running")[0]
    assert own["InstanceId"] == one["InstanceId"] and own["IPAddress"] == one["PublicIpAddress"] and own["Zone"] == one["Placement"]["AvailabilityZone"]
    assert machine("ip", "node-01").ok().out == one["PublicIpAddress"] + "\n"
    assert machine("url", "node-01").ok().out == f"tcp://{one['PublicIpAddress']}:2376\n"
    assert machine("status", "node-01").ok().out == "Running\n"
    row = machine("ls", "-t", "1", "-f", "{{.Name}} {{.DriverName}} {{.State}}").ok().out
    assert row == "node-01 amazonec2 Running\n", row
    create("node-01").fails(1, 'Docker machine "node-01" already exists')

    machine("stop", "node-01").ok()
    assert machine("status", "node-01").ok().out == "Stopped\n"
    machine("url", "node-01").fails(1, "Host is not running")
    machine("stop", "node-01").fails(1, 'Machine "node-01" is already stopped.')
    machine("start", "node-01").ok()
    fresh = moto.instances(instance_state_name="running")[0]["PublicIpAddress"]
    assert machine("ip", "node-01").ok().out == fresh + "\n"
    machine("restart", "node-01").ok()
    machine("kill", "node-01").ok()
    assert proxy.bodies[proxy.calls.index("StopInstances")].get("Force") is None
    assert [b for b in proxy.bodies if b.get("Action") == "StopInstances"][-1]["Force"] == "true"
    machine("rm", "-y", "node-01").ok()
    nothing_is_left()


def what_is_launched_is_safe_and_tagged():
    create("node-01", "--amazonec2-tags", "team,blue", "--amazonec2-root-size", "20").ok()
    sent = proxy.bodies[proxy.calls.index("RunInstances")]
    ident = record("node-01")["Driver"]["ID"]
    assert sent["MetadataOptions.HttpTokens"] == "required" and sent["MetadataOptions.HttpPutResponseHopLimit"] == "2"
    assert sent["BlockDeviceMapping.1.Ebs.VolumeType"] == "gp3" and sent["BlockDeviceMapping.1.Ebs.VolumeSize"] == "20"
    assert sent["BlockDeviceMapping.1.DeviceName"] == "/dev/sda1" and sent["ClientToken"] == f"{ident}-0"
    assert sent["ImageId"] == IMAGES["noble-amd64"] and "UserData" not in sent
    assert [sent[f"TagSpecification.{i}.ResourceType"] for i in (1, 2, 3)] == ["instance", "volume", "network-interface"]
    one = moto.instances(instance_state_name="running")[0]
    tags = {t["Key"]: t["Value"] for t in one["Tags"]}
    assert tags == {"Name": "node-01", "shoal:machine": ident, "shoal:store": open(f"{STORE}/id").read(), "team": "blue"}, tags
    key = moto.client("ec2").describe_key_pairs(IncludePublicKey=True)["KeyPairs"][0]
    mine = subprocess.run(["ssh-keygen", "-y", "-f", record("node-01")["Driver"]["SSHKeyPath"]], capture_output=True, text=True).stdout.split()
    assert key["KeyName"] == f"node-01-{ident}" and key["PublicKey"].split()[:2] == mine[:2] and mine[0] == "ssh-ed25519"
    assert os.stat(record("node-01")["Driver"]["SSHKeyPath"]).st_mode & 0o777 == 0o600
    text = open(f"{STORE}/machines/node-01/config.json").read()
    assert "AKIAROOT" not in text and "root-secret" not in text
    machine("rm", "-y", "node-01").ok()
    nothing_is_left()


def rules_of():
    group = [g for g in moto.client("ec2").describe_security_groups()["SecurityGroups"] if g["GroupName"] == "shoal-machine"][0]
    found = set()
    for p in group["IpPermissions"]:
        ports = (p["IpProtocol"], p.get("FromPort"), p.get("ToPort"))
        found |= {(*ports, r["CidrIp"]) for r in p["IpRanges"]}
        found |= {(*ports, "itself" if g["GroupId"] == group["GroupId"] else g["GroupId"]) for g in p["UserIdGroupPairs"]}
    return found


def only_the_caller_and_members_of_the_group_get_in():
    create("node-01").ok()
    members = {("tcp", 2377, 2377, "itself"), ("tcp", 7946, 7946, "itself"), ("udp", 7946, 7946, "itself"), ("udp", 4789, 4789, "itself")}
    found = {r for r in rules_of() if r[0] != "50"}
    assert found == members | {("tcp", 22, 22, "192.0.2.7/32"), ("tcp", 2376, 2376, "192.0.2.7/32")}, found
    assert [r for r in rules_of() if r[0] == "50" and r[3] == "itself"], f"no ESP: {rules_of()}"
    machine("create", "-d", "amazonec2", "--allow", "198.51.100.0/24", "--amazonec2-open-port", "80", "--amazonec2-open-port", "53/udp", "node-02").ok()
    assert {("tcp", 22, 22, "198.51.100.0/24"), ("tcp", 80, 80, "0.0.0.0/0"), ("udp", 53, 53, "0.0.0.0/0"), ("tcp", 22, 22, "192.0.2.7/32")} <= rules_of()
    assert proxy.calls.count("CreateSecurityGroup") == 1
    machine("rm", "-y", "node-01").ok()
    assert "group shoal-machine" in moto.left()
    machine("rm", "-y", "node-02").ok()
    nothing_is_left()


def a_group_of_somebody_else_is_used_and_left_in_place():
    ec2 = moto.client("ec2")
    vpc = ec2.describe_vpcs(Filters=[{"Name": "isDefault", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    group = ec2.create_security_group(GroupName="theirs", Description="x", VpcId=vpc)["GroupId"]
    create("node-01", "--amazonec2-security-group", "theirs", "--amazonec2-security-group-readonly").ok()
    assert "AuthorizeSecurityGroupIngress" not in proxy.calls
    assert moto.instances(instance_state_name="running")[0]["NetworkInterfaces"][0]["Groups"][0]["GroupId"] == group
    machine("rm", "-y", "node-01").ok()
    assert moto.left() == ["group theirs"], moto.left()
    ec2.delete_security_group(GroupId=group)


def images_follow_the_system_and_the_processor():
    for words, ami, user, device in ((("--amazonec2-instance-type", "t4g.micro"), "noble-arm64", "ubuntu", "/dev/sda1"),
                                     (("--amazonec2-image", "debian-12"), "debian-amd64", "admin", "/dev/xvda"),
                                     (("--amazonec2-image", "amazon-linux-2023"), "al2023-x86_64", "ec2-user", "/dev/xvda")):
        create("x", *words).ok()
        own = record("x")["Driver"]
        assert (own["AMI"], own["SSHUser"], own["DeviceName"]) == (IMAGES[ami], user, device), own
        machine("rm", "-y", "x").ok()
    create("x", "--amazonec2-instance-type", "t4g.micro", "--amazonec2-ami", IMAGES["noble-amd64"]).fails(3, "is for x86_64, and instances of type t4g.micro are not")
    create("x", "--amazonec2-ami", "ami-0123456789abcdef0").fails(3, "ami-0123456789abcdef0")
    create("x", "--amazonec2-instance-type", "t9.huge").fails(3, "t9.huge")
    create("x", "--amazonec2-image", "plan9").fails(3, "name an AMI")
    nothing_is_left()


def spot_instances_come_through_the_same_call():
    create("x", "--amazonec2-request-spot-instance", "--amazonec2-spot-price", "0.02").ok()
    sent = proxy.bodies[proxy.calls.index("RunInstances")]
    assert sent["InstanceMarketOptions.MarketType"] == "spot" and sent["InstanceMarketOptions.SpotOptions.MaxPrice"] == "0.02"
    machine("rm", "-y", "x").ok()
    nothing_is_left()


def ten_at_once_share_one_group():
    began = time.monotonic()
    machine("create", "-d", "amazonec2", *WAYS, "-n", "10", "node").ok()
    print(f"   ten in {time.monotonic() - began:.1f} s")
    assert len(moto.instances(instance_state_name="running")) == 10
    assert moto.left().count("group shoal-machine") == 1
    proxy.clear()
    assert len(machine("ls", "-t", "1", "-f", "{{.State}}", ).ok().out.split()) == 10
    assert proxy.calls == ["DescribeInstances"], proxy.calls
    machine("ip", *[f"node-{i:02}" for i in range(1, 11)]).ok()
    assert proxy.calls == ["DescribeInstances"] * 2, proxy.calls
    machine("rm", "-y", *[f"node-{i:02}" for i in range(1, 11)]).ok()
    nothing_is_left()


def two_hundred_are_listed_by_one_call():
    create("n1").ok()
    text = open(f"{STORE}/machines/n1/config.json").read()
    for i in range(2, 201):
        shutil.copytree(f"{STORE}/machines/n1", f"{STORE}/machines/n{i}")
        open(f"{STORE}/machines/n{i}/config.json", "w").write(text.replace('"n1"', f'"n{i}"'))
    proxy.clear()
    began = time.monotonic()
    assert machine("ls", "-t", "1", "--filter", "state=Stopped").ok().out.count("\n") == 1
    print(f"   {time.monotonic() - began:.2f} s")
    assert proxy.calls == ["DescribeInstances"], proxy.calls
    machine("rm", "-y", "n1").ok()
    for i in range(2, 201):
        shutil.rmtree(f"{STORE}/machines/n{i}")
    nothing_is_left()


# ---- faults ----

def throttling_and_faults_of_the_service_are_waited_out():
    proxy.faults = [times(2, a, ec2_error(503, "RequestLimitExceeded")) for a in ("ImportKeyPair", "CreateSecurityGroup", "RunInstances", "DescribeInstances")]
    proxy.faults += [times(1, a, (500, {}, b"oops")) for a in ("DescribeVpcs", "AuthorizeSecurityGroupIngress", "TerminateInstances", "DeleteKeyPair")]
    create("x").ok()
    machine("rm", "-y", "x").ok()
    nothing_is_left()


def a_call_that_arrived_but_was_not_heard_of_is_no_second_one():
    for action in ("ImportKeyPair", "CreateSecurityGroup", "AuthorizeSecurityGroupIngress"):
        left = [1]

        def lost(called, fields, forward, action=action, left=left):
            if called != action or not left[0]:
                return None
            left[0] -= 1
            forward()
            return 502, {}, b"gateway"
        proxy.faults.append(lost)
    create("x").ok()
    machine("rm", "-y", "x").ok()
    nothing_is_left()


def what_was_made_a_moment_ago_may_be_unknown():
    empty = (200, {"Content-Type": "text/xml"}, b"<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>")
    proxy.faults = [times(3, "DescribeInstances", empty), times(1, "RunInstances", ec2_error(400, "InvalidGroup.NotFound")),
                    times(1, "RunInstances", ec2_error(400, "InvalidKeyPair.NotFound"))]
    create("x").ok()
    assert proxy.calls.count("RunInstances") == 3
    machine("rm", "-y", "x").ok()
    nothing_is_left()


def a_zone_without_room_is_passed_over():
    proxy.faults = [times(1, "RunInstances", ec2_error(400, "InsufficientInstanceCapacity"))]
    said = create("x").ok()
    assert "(x) Zone eu-west-2a has no room for it: trying the next" in said.out, said
    sent = [b["ClientToken"] for b in proxy.bodies if b.get("Action") == "RunInstances"]
    assert sent[0].endswith("-0") and sent[1].endswith("-1") and record("x")["Driver"]["Zone"] == "eu-west-2b"
    machine("rm", "-y", "x").ok()
    proxy.faults = [times(9, "RunInstances", ec2_error(400, "InsufficientInstanceCapacity", "none left"))]
    create("x").fails(1, "no zone has room for a t3.micro", "none left")
    nothing_is_left()


def what_fails_leaves_nothing_and_says_one_thing():
    for action, code in (("RunInstances", "VcpuLimitExceeded"), ("RunInstances", "UnauthorizedOperation"), ("ImportKeyPair", "UnauthorizedOperation"),
                         ("CreateSecurityGroup", "SecurityGroupLimitExceeded"), ("AuthorizeSecurityGroupIngress", "RulesPerSecurityGroupLimitExceeded")):
        proxy.faults = [times(9, action, ec2_error(400, code, "You are not. Encoded authorization failure message: AAAA"))]
        said = create("x").fails(1, f"ec2:{action}: You are not. ({code})")
        assert said.err.count("\n") == 1, said
        proxy.faults = []
        nothing_is_left()
    def dies(called, fields, forward):
        if called != "DescribeInstances" or "TerminateInstances" in proxy.calls:
            return None
        status, headers, text = forward()
        return status, headers, text.replace(b"<name>running</name>", b"<name>shutting-down</name>")
    proxy.faults = [dies]
    create("x").fails(1, "ended by itself")
    nothing_is_left()


def who_cannot_be_told_is_told_why():
    create("x", AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None).fails(3, "there are no AWS credentials")
    proxy.faults = [times(1, "DescribeVpcs", ec2_error(400, "AuthFailure", "AWS was not able to validate"))]
    create("x").fails(3, "AWS was not able to validate")
    assert not os.path.exists(f"{STORE}/machines/x")
    create("x", "--amazonec2-vpc-id", "vpc-0123456789abcdef0").fails(3, "VPC vpc-0123456789abcdef0 has no subnet")
    create("x", "--amazonec2-zone", "q").fails(3, "unable to find a subnet that is both in the zone eu-west-2q")
    create("x", "--amazonec2-region", "Mars").fails(1, 'there is no region "Mars"')
    create("x", "--amazonec2-keypair-name", "k").fails(1, "also requires --amazonec2-ssh-keypath")
    machine("create", "-d", "amazonec2", "--allow", "300.1.1.1", "x").fails(3, "neither an address nor a network")
    nothing_is_left()


def hostile_answers_are_refused():
    lots = b"<a>" * 100 + b"</a>" * 100
    laughs = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><l>&b;</l>'
    for body, text in ((b"", "no XML"), (b"<a><b></a>", "no XML"), (lots, "too deep"), (laughs, "document type"),
                       (b"<a>" + b"x" * (17 << 20) + b"</a>", "more than")):
        proxy.faults = [times(9, "DescribeVpcs", (200, {"Content-Type": "text/xml"}, body))]
        create("x").fails(3, text)
    nothing_is_left()


# ---- kill -9 ----

def calls_of_create():
    proxy.clear()
    create("x").ok()
    count = len(proxy.calls)
    machine("rm", "-y", "x").ok()
    nothing_is_left()
    return count


def kill_at(nth, arrived, *words):
    """Run a command and kill it when its nth call has come (and has been carried out, or not)."""
    child, seen = [None], [0]

    def killer(action, fields, forward):
        seen[0] += 1
        if seen[0] != nth:
            return None
        if arrived:
            forward()
        os.kill(child[0].pid, signal.SIGKILL)
        return 500, {}, b""
    proxy.clear()
    proxy.faults = [killer]
    child[0] = subprocess.Popen([PROGRAM, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment())
    child[0].wait(60)
    proxy.clear()


def a_create_killed_at_any_call_goes_on_or_is_removed():
    count, words = calls_of_create(), ("create", "-d", "amazonec2", *WAYS, "x")
    for nth in range(1, count + 1):
        for arrived in (False, True):
            kill_at(nth, arrived, *words)
            create("x").ok()
            assert len(moto.instances(instance_state_name="running")) == 1, f"call {nth}: {moto.left()}"
            machine("rm", "-y", "x").ok()
            nothing_is_left()
            kill_at(nth, arrived, *words)
            if os.path.isdir(f"{STORE}/machines/x"):
                machine("rm", "-y", "x").ok()
            nothing_is_left()
    print(f"   at each of {count} calls, before and after it")


def a_remove_killed_at_any_call_goes_on():
    create("x").ok()
    proxy.clear()
    machine("rm", "-y", "x").ok()
    count = len(proxy.calls)
    for nth in range(1, count + 1):
        for arrived in (False, True):
            create("x").ok()
            kill_at(nth, arrived, "rm", "-y", "x")
            if os.path.isdir(f"{STORE}/machines/x"):
                machine("rm", "-y", "x").ok()
            nothing_is_left()


# ---- plans, permissions ----

def a_plan_changes_nothing_and_tells_all():
    said = create("x", "--dry-run").ok().out
    for text in ("ec2:ImportKeyPair", "ec2:CreateSecurityGroup", "ec2:AuthorizeSecurityGroupIngress", "ec2:RunInstances", "  ImageId=" + IMAGES["noble-amd64"],
                 '"ec2:RunInstances"', "Price:", "unknown: t3.micro, 16 GB of gp3"):
        assert text in said, said
    assert not [c for c in proxy.calls if not c.startswith(("Describe", "Get"))], proxy.calls
    nothing_is_left()


def policy():
    said = create("plan", "--dry-run").ok().out
    return json.loads(said[said.index("{"):said.index("Price:")])


def user_with(statement):
    iam = moto.client("iam")
    try:
        iam.create_user(UserName="someone")
    except iam.exceptions.EntityAlreadyExistsException:
        pass
    iam.put_user_policy(UserName="someone", PolicyName="p", PolicyDocument=json.dumps(statement))


def the_permissions_in_the_plan_are_enough_and_signatures_are_right():
    statement = policy()
    user_with(statement)
    key = moto.client("iam").create_access_key(UserName="someone")["AccessKey"]
    keys = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    moto.check_signatures(True)
    try:
        create("x", "--amazonec2-tags", "a b,c/d=é*", **keys).ok()
        for verb in ("stop", "start", "restart", "kill"):
            machine(verb, "x", **keys).ok()
        machine("status", "x", **{**keys, "AWS_SECRET_ACCESS_KEY": "wrong"}).fails(1, "AuthFailure")
        machine("rm", "-y", "x", **keys).ok()
    finally:
        moto.check_signatures(False)
    nothing_is_left()


def without(action, *words, **keys):
    """A command of somebody who may do all but one thing is told so."""
    statement = policy()
    statement["Statement"][0]["Action"].remove(action)
    user_with(statement)
    moto.check_signatures(True)
    try:
        machine(*words, **keys).fails(machine_rc(action), f"not authorized to perform: {action}")
    finally:
        moto.check_signatures(False)


def machine_rc(action):
    before = ("Vpcs", "Subnets", "InstanceTypes", "InstanceTypeOfferings", "Images")
    return 3 if action.startswith("ec2:Describe") and action.endswith(before) else 1


def each_permission_is_needed():
    user_with(policy())
    key = moto.client("iam").create_access_key(UserName="someone")["AccessKey"]
    keys = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    making = ["ec2:DescribeVpcs", "ec2:DescribeSubnets", "ec2:DescribeInstanceTypes", "ec2:DescribeInstanceTypeOfferings", "ec2:DescribeImages",
              "ec2:ImportKeyPair", "ec2:DescribeSecurityGroups", "ec2:CreateSecurityGroup", "ec2:AuthorizeSecurityGroupIngress", "ec2:RunInstances"]
    others = {"ec2:DescribeInstances": ("status", "x"), "ec2:StopInstances": ("stop", "x"), "ec2:RebootInstances": ("restart", "x"),
              "ec2:TerminateInstances": ("rm", "-y", "x"), "ec2:DeleteKeyPair": ("rm", "-y", "x"), "ec2:DescribeNetworkInterfaces": ("rm", "-y", "x"),
              "ec2:DeleteSecurityGroup": ("rm", "-y", "x"), "ec2:DescribeKeyPairs": ("gc",), "ec2:DescribeVolumes": ("gc",)}
    seen = set(making) | set(others) | {"ec2:StartInstances", "ec2:DeleteVolume", "ssm:GetParameter", "ec2:CreateTags"}
    assert seen == set(policy()["Statement"][0]["Action"]), seen ^ set(policy()["Statement"][0]["Action"])
    for action in making:
        without(action, "create", "-d", "amazonec2", *WAYS, "x", **keys)
        nothing_is_left()
    for action, words in others.items():
        if words[0] == "rm" and os.path.isdir(f"{STORE}/machines/x"):
            machine("rm", "-y", "x").ok()
        if not os.path.isdir(f"{STORE}/machines/x"):
            create("x").ok()
        without(action, *words, **keys)
    machine("rm", "-y", "x").ok()
    create("x").ok()
    machine("stop", "x").ok()
    without("ec2:StartInstances", "start", "x", **keys)
    machine("rm", "-y", "x").ok()
    volume = moto.client("ec2").create_volume(AvailabilityZone=f"{REGION}a", Size=1, TagSpecifications=[{"ResourceType": "volume", "Tags": [
        {"Key": "shoal:store", "Value": open(f"{STORE}/id").read()}, {"Key": "shoal:machine", "Value": "forgotten"}]}])["VolumeId"]
    without("ec2:DeleteVolume", "gc", "-y", **keys)
    assert f"Removed volume {volume}" in machine("gc", "-y").ok().out
    # Without the parameter the image is found by its name. moto does not ask for CreateTags where AWS does: in RunInstances.
    statement = policy()
    statement["Statement"][0]["Action"].remove("ssm:GetParameter")
    user_with(statement)
    moto.check_signatures(True)
    try:
        create("x", **keys).ok()
    finally:
        moto.check_signatures(False)
    assert record("x")["Driver"]["AMI"] == IMAGES["noble-amd64"]
    machine("rm", "-y", "x").ok()
    nothing_is_left()


# ---- credentials ----

class Giver:
    """A small HTTP server that gives keys to those who ask as they must: an instance's metadata, a container's, SSO's portal."""

    def __init__(self):
        self.asked = []
        giver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                said = giver.said(self.command, self.path, self.headers)
                self.send_response(200 if said is not None else 401)
                self.end_headers()
                self.wfile.write((said or "").encode())

            do_GET = do_PUT = answer

            def log_message(self, *a):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def said(self, method, path, headers):
        self.asked.append((method, path))
        keys = {"AccessKeyId": "AKIAGIVEN", "SecretAccessKey": "given", "Token": "given+/="}
        if method == "PUT" and path == "/latest/api/token" and headers.get("X-aws-ec2-metadata-token-ttl-seconds"):
            return "imds-token"
        if path.startswith("/latest/meta-data/iam/security-credentials/") and headers.get("X-aws-ec2-metadata-token") == "imds-token":
            return "a-role" if path.endswith("/") else json.dumps(keys)
        if path == "/container" and headers.get("Authorization") == "container-token":
            return json.dumps(keys)
        if path == "/federation/credentials?account_id=0815&role_name=a+role" and headers.get("x-amz-sso_bearer_token") == "sso-token":
            return json.dumps({"roleCredentials": {"accessKeyId": "AKIAGIVEN", "secretAccessKey": "given", "sessionToken": "given+/=", "expiration": 1}})
        return None

    def end(self):
        self.server.shutdown()
        self.server.server_close()


def who_called():
    """The key and the token that DescribeVpcs came with."""
    head = proxy.heads[proxy.calls.index("DescribeVpcs")]
    return head["Authorization"].split("Credential=")[1].split("/")[0], head.get("X-Amz-Security-Token")


def aws_file(name, text):
    path = f"{TOP}/.aws/{name}"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    open(path, "w").write(text)


def keys_come_from_wherever_aws_gives_them():
    giver, nobody = Giver(), {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
    given = ("AKIAGIVEN", "given+/=")

    def called(*words, **env):
        proxy.clear()
        create("x", "--dry-run", *words, **{**nobody, **env}).ok()
        return who_called()
    try:
        assert called(AWS_EC2_METADATA_DISABLED=None, AWS_EC2_METADATA_SERVICE_ENDPOINT=giver.url) == given
        open(f"{TOP}/token", "w").write("container-token\n")
        assert called(AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{giver.url}/container", AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=f"{TOP}/token") == given

        aws_file("config", "[profile sso]\nsso_session = corp\nsso_account_id = 0815\nsso_role_name = a role\n"
                 "[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://corp\n"
                 "[profile role]\nrole_arn = arn:aws:iam::123456789012:role/maker\nsource_profile = base\nexternal_id = e\n"
                 "[profile base]\naws_access_key_id = AKIABASE\naws_secret_access_key = base\n"
                 f"[profile web]\nrole_arn = arn:aws:iam::123456789012:role/web\nweb_identity_token_file = {TOP}/token\n"
                 "[profile process]\nregion = us-west-2\n"
                 "credential_process = echo '{\"Version\": 1, \"AccessKeyId\": \"AKIAPROCESS\", \"SecretAccessKey\": \"p\"}'\n")
        aws_file(f"sso/cache/{hashlib.sha1(b'corp').hexdigest()}.json", json.dumps({"accessToken": "sso-token", "expiresAt": "2199-01-01T00:00:00UTC"}))
        assert called("--amazonec2-profile", "sso", AWS_ENDPOINT_URL_SSO=giver.url) == given
        assert called("--amazonec2-profile", "process") == ("AKIAPROCESS", None)

        key, token = called("--amazonec2-profile", "role")
        assert key.startswith("ASIA") and token, (key, token)
        asked = proxy.bodies[proxy.calls.index("AssumeRole")]
        assert asked["RoleArn"].endswith("role/maker") and asked["ExternalId"] == "e"
        assert "Credential=AKIABASE/" in proxy.heads[proxy.calls.index("AssumeRole")]["Authorization"]
        key, token = called(AWS_PROFILE="web")
        assert key.startswith("ASIA") and proxy.bodies[0]["WebIdentityToken"] == "container-token", proxy.bodies[0]
        key, token = called(AWS_WEB_IDENTITY_TOKEN_FILE=f"{TOP}/token", AWS_ROLE_ARN="arn:aws:iam::123456789012:role/web")
        assert key.startswith("ASIA")
        key, token = called("--amazonec2-role-arn", "arn:aws:iam::123456789012:role/last", **{k: "AKIAENV" for k in nobody})
        assert key.startswith("ASIA") and proxy.bodies[0]["RoleArn"].endswith("role/last")
        key, token = called("--amazonec2-access-key", "AKIAOPTION", "--amazonec2-secret-key", "s")
        assert key == "AKIAOPTION"

        aws_file(f"sso/cache/{hashlib.sha1(b'corp').hexdigest()}.json", json.dumps({"accessToken": "sso-token", "expiresAt": "2001-01-01T00:00:00Z"}))
        create("x", "--amazonec2-profile", "sso", **nobody).fails(3, 'profile "sso": nobody is logged in, or no longer: run `aws sso login`')
        create("x", "--amazonec2-profile", "process").ok()
        own = record("x")["Driver"]
        assert own["Profile"] == "process" and "AKIA" not in json.dumps(own), own
        proxy.clear()
        machine("rm", "-y", "x").ok()
        assert "Credential=AKIAPROCESS/" in proxy.heads[0]["Authorization"]
    finally:
        giver.end()
        shutil.rmtree(f"{TOP}/.aws", ignore_errors=True)
    nothing_is_left()


def keys_that_expire_on_the_way_are_looked_for_again():
    count = f"{TOP}/count"
    aws_file("config", "[profile p]\ncredential_process = echo x >> " + count + "; echo '{\"Version\": 1, \"AccessKeyId\": \"AKIAP\", \"SecretAccessKey\": \"p\"}'\n")
    proxy.faults = [times(1, "RunInstances", ec2_error(400, "RequestExpired")), times(1, "DescribeSubnets", ec2_error(400, "ExpiredToken"))]
    create("x", "--amazonec2-profile", "p").ok()
    assert open(count).read().count("x") == 4  # the check and the rest, each once and once more
    proxy.faults = [times(9, "DescribeVpcs", ec2_error(400, "ExpiredToken", "it has expired"))]
    create("y", "--amazonec2-profile", "p").fails(3, "it has expired (ExpiredToken)")
    proxy.faults = []
    machine("rm", "-y", "x").ok()
    shutil.rmtree(f"{TOP}/.aws")
    nothing_is_left()


def a_wrong_clock_is_named():
    status, headers, body = ec2_error(400, "AuthFailure", "no")
    for ahead_s, said in ((600, "10 minutes behind"), (-1200, "20 minutes ahead")):
        date = email.utils.formatdate(time.time() + ahead_s, usegmt=True)
        proxy.faults = [times(9, "DescribeVpcs", (status, {**headers, "Date": date}, body))]
        create("x").fails(3, f"this computer's clock is {said}")
    nothing_is_left()


def ones_own_address_is_asked_for():
    giver = Giver()
    giver.said = lambda method, path, headers: "203.0.113.9\n" if path == "/ip" else "<html>"
    try:
        machine("create", "-d", "amazonec2", "x", SHOAL_CHECKIP_URL=f"{giver.url}/ip").ok()
        assert ("tcp", 22, 22, "203.0.113.9/32") in rules_of()
        machine("rm", "-y", "x").ok()
        machine("create", "-d", "amazonec2", "x", SHOAL_CHECKIP_URL=f"{giver.url}/nonsense").fails(3, "say with --allow from where", "does not tell our address")
    finally:
        giver.end()
    nothing_is_left()


# ---- what is forgotten ----

def what_no_machine_knows_is_found_and_removed():
    create("x").ok()
    create("y").ok()
    machine("gc").ok()
    gone = record("x")["Driver"]["KeyName"]
    shutil.rmtree(f"{STORE}/machines/x")
    said = machine("gc", stdin="n\n").ok().out
    rows = [line.split() for line in said.splitlines()[1:3]]
    assert [r[0] for r in rows] == ["instance", "key-pair"] and rows[1][1] == gone and rows[0][2] == rows[1][2] == "x" and said.count("unknown") == 2, said
    assert len(moto.instances(instance_state_name="running")) == 2
    other = f"{TOP}/other"
    assert "nothing that no machine here knows" in machine("gc", "-y", MACHINE_STORAGE_PATH=other).ok().out
    os.mkdir(f"{STORE}/machines/broken")
    open(f"{STORE}/machines/broken/config.json", "w").write("{")
    machine("gc", "-y").fails(1, "nothing is removed as long as a machine cannot be read")
    shutil.rmtree(f"{STORE}/machines/broken")
    said = machine("gc", "-y").ok().out
    assert said.count("Removed ") == 2, said
    assert [i["Tags"] for i in moto.instances(instance_state_name="running")][0] and len(moto.instances(instance_state_name="running")) == 1
    shutil.rmtree(f"{STORE}/machines/y")
    machine("gc", "-y", "--all-stores", MACHINE_STORAGE_PATH=other).ok()
    nothing_is_left()


def a_machine_of_docker_machine_goes_on_here():
    create("x").ok()
    own = record("x")["Driver"]
    old = {"ConfigVersion": 3, "DriverName": "amazonec2", "Name": "old", "HostOptions": {},
           "Driver": {k: own[k] for k in ("Region", "InstanceId", "KeyName", "VpcId", "SubnetId", "SSHUser", "SSHPort")} | {
               "MachineName": "old", "StorePath": f"{TOP}/theirs", "AccessKey": "AKIAOLD", "SecretKey": "old-secret", "RetryCount": 5,
               "SSHKeyPath": f"{TOP}/theirs/machines/old/id_rsa", "SecurityGroupNames": ["docker-machine"]}}
    os.makedirs(f"{TOP}/theirs/machines/old")
    json.dump(old, open(f"{TOP}/theirs/machines/old/config.json", "w"))
    machine("import", f"{TOP}/theirs").ok()
    assert machine("status", "old").ok().out == "Running\n"
    machine("stop", "old").ok()
    machine("start", "old").ok()
    machine("rm", "-y", "old").ok()
    assert moto.left() == ["group shoal-machine"], moto.left()
    assert machine("status", "x").fails(1, "is terminated")
    machine("rm", "-y", "x").ok()
    nothing_is_left()


TESTS = [a_host_is_created_looked_at_turned_off_and_on_and_removed, what_is_launched_is_safe_and_tagged,
         only_the_caller_and_members_of_the_group_get_in, a_group_of_somebody_else_is_used_and_left_in_place,
         images_follow_the_system_and_the_processor, spot_instances_come_through_the_same_call, ten_at_once_share_one_group,
         two_hundred_are_listed_by_one_call, throttling_and_faults_of_the_service_are_waited_out,
         a_call_that_arrived_but_was_not_heard_of_is_no_second_one, what_was_made_a_moment_ago_may_be_unknown, a_zone_without_room_is_passed_over,
         what_fails_leaves_nothing_and_says_one_thing, who_cannot_be_told_is_told_why, hostile_answers_are_refused,
         a_create_killed_at_any_call_goes_on_or_is_removed, a_remove_killed_at_any_call_goes_on, a_plan_changes_nothing_and_tells_all,
         the_permissions_in_the_plan_are_enough_and_signatures_are_right,
         each_permission_is_needed, keys_come_from_wherever_aws_gives_them, keys_that_expire_on_the_way_are_looked_for_again,
         a_wrong_clock_is_named, ones_own_address_is_asked_for,
         what_no_machine_knows_is_found_and_removed, a_machine_of_docker_machine_goes_on_here]


def main():
    global TOP, STORE, moto, proxy
    why = motocloud.lack()
    if why:
        print(f"skipped: {why}\n0 passed, 0 failed")
        return 0
    TOP = tempfile.mkdtemp(prefix="shoal-machine-cloud-", dir="/tmp")
    STORE, moto = f"{TOP}/store", motocloud.Moto()
    proxy, passed, failed = motocloud.Proxy(moto), 0, 0
    try:
        for test in TESTS:
            if sys.argv[1:] and test.__name__ not in sys.argv[1:]:
                continue
            began = time.monotonic()
            try:
                test()
                passed += 1
                print(f"ok {test.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
            except Exception as e:  # noqa: BLE001
                failed += 1
                where = [f for f in traceback.extract_tb(e.__traceback__) if f.filename == os.path.abspath(__file__)][-1]
                print(f"FAILED {test.__name__} (line {where.lineno}): {type(e).__name__}: {e}", flush=True)
                moto.reset()
                shutil.rmtree(STORE, ignore_errors=True)
            proxy.clear()
    finally:
        proxy.end()
        moto.end()
        shutil.rmtree(TOP, ignore_errors=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
