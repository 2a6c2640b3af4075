"""Reads from /proc what processes cost: CPU time and memory, of a whole tree of them."""

import os
import resource
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
# "5" into clear_refs sets the peak of the resident memory back to what is resident now.
RESET_PEAK = "5"


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat behind the name, which may hold spaces: [0] is the state."""
    return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()


def tree(root: int) -> list[int]:
    """A process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(FileNotFoundError, ProcessLookupError):  # may end meanwhile
            children.setdefault(int(_stat(int(entry.name))[1]), []).append(int(entry.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def tree_cpu_seconds(root: int) -> float:
    """CPU time of a tree so far, with that of the descendants that ended."""
    while True:
        members = tree(root)
        try:
            ticks = sum(int(field) for pid in members
                        for field in _stat(pid)[11:15])  # utime, stime, cutime, cstime
        except (FileNotFoundError, ProcessLookupError):
            continue
        # One that ended meanwhile may be counted twice, or not at all.
        if tree(root) == members:
            return ticks / TICKS_PER_SECOND


def children_cpu_seconds() -> float:
    """CPU time of our children that ended: of the load generators."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def machine_cpu_seconds() -> float:
    """CPU time of everything that runs on this machine, of all cores together."""
    user, nice, system, _idle, _iowait, *interrupts = map(int, (PROC / "stat").read_text().split()[1:9])
    return (user + nice + system + sum(interrupts)) / TICKS_PER_SECOND


def exact_cpu_seconds(pid: int) -> float:
    """CPU time of one process's threads, to the nanosecond where `stat` knows hundredths of a second."""
    tasks = (PROC / str(pid) / "task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def _status_bytes(pid: int, field: str) -> int:
    for line in (PROC / str(pid) / "status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    return 0


def resident_bytes(pid: int) -> int:
    return _status_bytes(pid, "VmRSS")


def reset_peak(root: int) -> None:
    for pid in tree(root):
        (PROC / str(pid) / "clear_refs").write_text(RESET_PEAK)


def tree_peak_bytes(root: int) -> int:
    """The most memory that was resident since reset_peak, summed over the processes."""
    return sum(_status_bytes(pid, "VmHWM") for pid in tree(root))
