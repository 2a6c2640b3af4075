"""Measures the service where throughput tells nothing: idle, per system call, per open connection."""

import re
import resource
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import cpu
from common import BenchError, clean_environment, output_of, progress
from http_client import close_all, open_idle
from load import Wrk
from servers import Postgres, Service, troupe_service

IDLE_CONNECTIONS = 256
MANY_CONNECTIONS = 10_000
# File descriptors beside those of the connections: the program's own, with room to spare.
SPARE_DESCRIPTORS = 200
# Seconds; what is left over from a load, as closing its connections, is done by then.
SETTLE = 1
SYSCALL_CONNECTIONS = 64
SYSCALL_SECONDS = 2
TRACEPOINT = "raw_syscalls:sys_enter"


@dataclass
class Probe:
    """A number, or why there is none."""
    value: float | None
    note: str = ""


def idle_cpu(service: Service, seconds: float, connections: int = 0) -> Probe:
    """CPU of the service in percent of a core while nobody asks anything."""
    progress(f"Idle CPU, {connections} open connections")
    opened = open_idle(service.url, connections)
    time.sleep(SETTLE)
    before, start = cpu.exact_cpu_seconds(service.process.pid), time.monotonic()
    time.sleep(seconds)
    used, passed = cpu.exact_cpu_seconds(service.process.pid) - before, time.monotonic() - start
    close_all(opened)
    return Probe(100 * used / passed)


def syscalls_per_get(service: Service, directory: Path) -> Probe:
    """All system calls of the service over the requests it answered meanwhile."""
    progress("System calls per GET")
    wrk = Wrk(service.url, "get", SYSCALL_CONNECTIONS, SYSCALL_SECONDS, 1, directory)
    if shutil.which("perf") and perf_counts_syscalls():
        return perf_syscalls(service, wrk)
    if shutil.which("strace"):
        return strace_syscalls(service, wrk, directory)
    return Probe(None, "neither perf (package linux-perf) nor strace can be used")


def perf_counts_syscalls() -> bool:
    """Whether this user may count them, on this kernel."""
    trial = subprocess.run(["perf", "stat", "-e", TRACEPOINT, "true"], capture_output=True, check=False)
    return trial.returncode == 0


def requests_of(wrk: Wrk, output: str) -> int:
    load = wrk.read(output)
    if load.fault:
        raise BenchError(f"while system calls were counted: {load.fault}")
    return load.requests


def perf_syscalls(service: Service, wrk: Wrk) -> Probe:
    # perf counts in the service for as long as its command, wrk, runs.
    done = subprocess.run(
        ["perf", "stat", "-x", ";", "-e", TRACEPOINT, "-p", str(service.process.pid), "--", *wrk.command],
        capture_output=True, text=True, env=clean_environment(), check=False)
    count = re.search(rf"^(\d+);.*{TRACEPOINT}", done.stderr, re.MULTILINE)
    if count is None or done.returncode != 0:
        return Probe(None, f"perf did not count, and ended with exit code {done.returncode}")
    return Probe(int(count[1]) / requests_of(wrk, done.stdout), "counted by perf")


def strace_syscalls(service: Service, wrk: Wrk, directory: Path) -> Probe:
    counts = directory / "strace.txt"
    strace = subprocess.Popen(["strace", "-f", "-c", "-o", str(counts), "-p", str(service.process.pid)],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert strace.stderr is not None
    try:
        attached = "attached" in strace.stderr.readline()
        requests = requests_of(wrk, output_of(wrk.command))
    finally:
        strace.send_signal(signal.SIGINT)
        strace.communicate()
    total = re.search(r"^\s*100\.00\s+\S+\s+\d+\s+(\d+).* total$", counts.read_text(), re.MULTILINE)
    if not attached or total is None:
        return Probe(None, "strace may not attach")
    # It ends by the signal that asks it to.
    if strace.returncode not in (0, -signal.SIGINT, 128 + signal.SIGINT):
        return Probe(None, f"strace ended with exit code {strace.returncode}")
    return Probe(int(total[1]) / requests, "counted by strace, which slows the service down")


def memory_per_connection(troupe: Path, postgres: Postgres, directory: Path, lanes: int) -> Probe:
    """Bytes that an idle connection adds, in a service of its own that has seen nothing else."""
    progress(f"Memory of {MANY_CONNECTIONS} idle connections")
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < MANY_CONNECTIONS + SPARE_DESCRIPTORS:
        return Probe(None, f"the limit on open files does not allow {MANY_CONNECTIONS} connections")
    low, high = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    if high - low < MANY_CONNECTIONS:
        return Probe(None, f"the range of local ports does not allow {MANY_CONNECTIONS} connections")
    with troupe_service(troupe, postgres, directory / "troupe-connections.log", lanes) as service:
        close_all(open_idle(service.url, 1))
        before = cpu.resident_bytes(service.process.pid)
        opened = open_idle(service.url, MANY_CONNECTIONS)
        grown = cpu.resident_bytes(service.process.pid) - before
        close_all(opened)
    return Probe(grown / MANY_CONNECTIONS)
