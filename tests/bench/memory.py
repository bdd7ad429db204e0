"""What processes take of the memory, in bytes.

    rss      every page that is mapped, whole
    pss      every page divided by how often it is mapped; but maps by `twins` do not count, so that daemons of one
             kind on one machine are measured as if each had it to itself
    private  pages that nobody else maps

RSS and private are what /proc says. For pss each page is looked up in /proc/PID/pagemap and /proc/kpagecount, which
needs root."""
import struct
from collections import Counter

PAGE = 4096
PRESENT = 1 << 63
FRAME = (1 << 55) - 1


def frames(pid):
    """How often a process maps each page frame."""
    found = Counter()
    try:
        with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/pagemap", "rb") as pagemap:
            for line in maps:
                begin, end = (int(x, 16) for x in line.split()[0].split("-"))
                if begin >= 1 << 63:
                    continue  # vsyscall
                pagemap.seek(begin // PAGE * 8)
                data = pagemap.read((end - begin) // PAGE * 8)
                for (entry,) in struct.iter_unpack("<Q", data):
                    if entry & PRESENT and entry & FRAME:
                        found[entry & FRAME] += 1
    except (OSError, ValueError):
        pass
    return found


def rollup(pid):
    """RSS and private, as the kernel sums them up."""
    sums = Counter()
    try:
        with open(f"/proc/{pid}/smaps_rollup") as f:
            for line in f:
                words = line.split()
                if len(words) == 3 and words[2] == "kB":
                    sums[words[0][:-1]] += int(words[1]) * 1024
    except OSError:
        pass
    return sums["Rss"], sums["Private_Clean"] + sums["Private_Dirty"], sums["Pss"]


def measure(pids, twins=()):
    """rss, pss, private of these processes together. `twins`: other processes whose maps do not count."""
    ours = {pid: frames(pid) for pid in pids}
    theirs = Counter()
    for pid in set(twins) - set(pids):
        theirs.update(frames(pid))
    sums = {"rss": 0, "pss": 0, "private": 0}
    with open("/proc/kpagecount", "rb") as counts:
        for pid, found in ours.items():
            rss, private, _ = rollup(pid)
            sums["rss"] += rss
            sums["private"] += private
            for frame, maps in found.items():
                counts.seek(frame * 8)
                (count,) = struct.unpack("<Q", counts.read(8))
                sums["pss"] += PAGE * maps / max(count - theirs[frame], maps)
    return {name: int(value) for name, value in sums.items()}
