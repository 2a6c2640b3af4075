"""The scenarios, and how one of them is measured for one party."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import cpu
from load import run_pgbench, run_wrk
from servers import Postgres, Service

# The parties, in the order in which they take turns.
LIMIT, TROUPE, FASTAPI = "pgbench", "Troupe", "FastAPI"
# Troupe as a gateway with so many workers, all on this machine.
WORKERS = {"Troupe, 1 + 1 nodes": 1, "Troupe, 1 + 2 nodes": 2}
KINDS = {
    "get": "GET by random id",
    "post": "POST",
    "list": "list of 10, random skip",
    "mix": "90 % GET, 10 % POST",
}
WRITING = ("post", "mix")
# Clients of pgbench, of which the best count stands for what PostgreSQL can do; one is for the latency.
LIMIT_CLIENTS = (4, 8, 16)
# Of the machine's CPU time; when other programs take more, it shows in the numbers.
DISTURBED = 0.05
# FastAPI meets few of the scenarios, to save time.
CONNECTIONS = {
    TROUPE: {"get": (1, 16, 64, 256), "post": (64, 256), "list": (64,), "mix": (64,)},
    **{party: {"get": (1, 256)} for party in WORKERS},
    FASTAPI: {"get": (64, 256), "post": (64,), "list": (64,), "mix": (64,)},
}


@dataclass(frozen=True)
class Scenario:
    """One kind of load from so many clients on one party."""
    party: str
    kind: str
    clients: int

    def __str__(self) -> str:
        unit = "client" if self.party == LIMIT else "connection"
        return f"{self.party}: {KINDS[self.kind]}, {self.clients} {unit}{'s' * (self.clients != 1)}"


@dataclass
class Sample:
    """What one run of a scenario gave; times in microseconds, memory in bytes."""
    requests_per_second: float
    p50_us: float
    p99_us: float
    errors: int
    service_cpu_us: float  # a request; of pgbench itself where that is the party
    postgres_cpu_us: float  # a request
    peak_bytes: int
    others_share: float  # of the machine's CPU time, taken by programs that do not belong to us


def scenarios(only: str) -> list[Scenario]:
    """All scenarios in order; of the services only those whose name, as get@64, has `only` in it."""
    chosen = []
    for kind in KINDS:
        of_services = [Scenario(party, kind, clients) for party in CONNECTIONS
                       for clients in CONNECTIONS[party].get(kind, ()) if only in f"{kind}@{clients}"]
        if of_services:
            alone = (1,) if Scenario(TROUPE, kind, 1) in of_services else ()
            chosen += [Scenario(LIMIT, kind, clients) for clients in (*alone, *LIMIT_CLIENTS)]
        chosen += of_services
    return chosen


@dataclass(frozen=True)
class CpuUsed:
    """CPU seconds so far."""
    service: float
    postgres: float
    generator: float
    machine: float

    def __sub__(self, earlier: "CpuUsed") -> "CpuUsed":
        return CpuUsed(self.service - earlier.service, self.postgres - earlier.postgres,
                       self.generator - earlier.generator, self.machine - earlier.machine)


@dataclass
class Bench:
    """All that takes part."""
    postgres: Postgres
    services: dict[str, Service]
    directory: Path

    def measure(self, scenario: Scenario, seconds: int, seed: int) -> Sample:
        service = self.services.get(scenario.party)
        if service is not None:
            for pid in service.pids:
                cpu.reset_peak(pid)
        before, start = self._cpu_used(service), time.monotonic()
        if service is not None:
            load = run_wrk(service.url, scenario.kind, scenario.clients, seconds, seed)
        else:
            load = run_pgbench(self.postgres, scenario.kind, scenario.clients, seconds, seed, self.directory)
        used, passed = self._cpu_used(service) - before, time.monotonic() - start
        peak = sum(cpu.tree_peak_bytes(pid) for pid in service.pids) if service is not None else 0
        if scenario.kind in WRITING:
            self.postgres.restore()
        requests = max(load.requests, 1)
        own = used.service if service is not None else used.generator
        others = used.machine - used.service - used.postgres - used.generator
        return Sample(load.requests / load.seconds, load.p50_us, load.p99_us, load.errors,
                      own / requests * 1e6, used.postgres / requests * 1e6, peak,
                      max(others, 0) / passed / (os.cpu_count() or 1))

    def _cpu_used(self, service: Service | None) -> CpuUsed:
        return CpuUsed(sum(cpu.tree_cpu_seconds(pid) for pid in service.pids) if service is not None else 0,
                       cpu.tree_cpu_seconds(self.postgres.process.pid), cpu.children_cpu_seconds(),
                       cpu.machine_cpu_seconds())


class NotMeasured(Exception):
    """A number that was left out."""


@dataclass
class Results:
    """All samples of each scenario."""
    samples: dict[Scenario, list[Sample]]

    def summary(self, party: str, kind: str, clients: int) -> Sample:
        """The median of each number over the rounds; of errors the sum."""
        samples = self.samples.get(Scenario(party, kind, clients))
        if not samples:
            raise NotMeasured

        def middle(field: str) -> float:
            return median(getattr(sample, field) for sample in samples)

        return Sample(middle("requests_per_second"), middle("p50_us"), middle("p99_us"),
                      sum(sample.errors for sample in samples), middle("service_cpu_us"),
                      middle("postgres_cpu_us"), max(sample.peak_bytes for sample in samples),
                      middle("others_share"))

    def limit(self, kind: str, connections: int) -> Sample:
        """What PostgreSQL can do: pgbench at its best count of clients, or with one against one."""
        wanted = (1,) if connections == 1 else LIMIT_CLIENTS
        counts = [clients for clients in wanted if Scenario(LIMIT, kind, clients) in self.samples]
        if not counts:
            raise NotMeasured
        return max((self.summary(LIMIT, kind, clients) for clients in counts),
                   key=lambda summary: summary.requests_per_second)
