"""The scenarios, and how one of them is measured for one party."""

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import cpu
from common import output_of
from load import Load, Pgbench, Wrk
from servers import Postgres, Service
from statements import Statements

# The parties, in the order in which they take turns; each round begins with another.
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
# Clients of pgbench, of which the best count stands for what PostgreSQL can do: up to where more did not help
# any kind, as the more commit together, the less a commit costs each.
LIMIT_CLIENTS = (4, 8, 16, 32, 64, 96)
# So many of them, those that a short run found best, are measured like all others, and the better one counts.
FINALISTS = 2
# Those that are measured whatever the short run says: one for the latency, eight for the CPU time.
LIMIT_ALWAYS = {"get": (1, 8)}
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
    fault: str  # why it does not count; empty if it does
    service_cpu_us: float  # a request; of pgbench itself where that is the party
    postgres_cpu_us: float  # a request
    peak_bytes: int
    others_share: float  # of the machine's CPU time, taken by programs that do not belong to us


def scenarios(only: str) -> list[Scenario]:
    """All scenarios of the services; only those whose name, as get@64, has `only` in it."""
    return [Scenario(party, kind, clients) for kind in KINDS for party in CONNECTIONS
            for clients in CONNECTIONS[party].get(kind, ()) if only in f"{kind}@{clients}"]


def with_limits(chosen: list[Scenario], trials: dict[Scenario, Sample]) -> list[Scenario]:
    """The same with those of pgbench that they are compared with, by the short runs in `trials`."""
    limits = []
    for kind in {scenario.kind: None for scenario in chosen}:
        counts = {scenario.clients: sample.requests_per_second for scenario, sample in trials.items()
                  if scenario.kind == kind and not sample.fault}
        best = sorted(counts, key=counts.__getitem__, reverse=True)[:FINALISTS]
        limits += [Scenario(LIMIT, kind, clients) for clients in sorted({*best, *LIMIT_ALWAYS.get(kind, ())})]
    return limits + chosen


def in_turn(chosen: list[Scenario], number: int) -> list[Scenario]:
    """The order of a round: kind by kind, the parties of each in an order that is shifted by one a round, so
    that none always comes first."""
    ordered = []
    for kind in KINDS:
        of_kind = [scenario for scenario in chosen if scenario.kind == kind]
        parties = list(dict.fromkeys(scenario.party for scenario in of_kind))
        shift = (number - 1) % max(len(parties), 1)
        for party in parties[shift:] + parties[:shift]:
            ordered += [scenario for scenario in of_kind if scenario.party == party]
    return ordered


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
    statements: Statements
    services: dict[str, Service]
    directory: Path

    def measure(self, scenario: Scenario, seconds: int, seed: int) -> Sample:
        service, kind, clients = self.services.get(scenario.party), scenario.kind, scenario.clients
        rows = self.postgres.created() if kind in WRITING else 0
        generator: Wrk | Pgbench
        if service is not None:
            generator = Wrk(service.url, kind, clients, seconds, seed, self.directory)
            for pid in service.pids:
                cpu.reset_peak(pid)
        else:
            generator = Pgbench(self.postgres, self.statements, kind, clients, seconds, seed, self.directory)
        before, start = self._cpu_used(service), time.monotonic()
        output = output_of(generator.command, env=generator.environment)
        used, passed = self._cpu_used(service) - before, time.monotonic() - start
        peak = sum(cpu.tree_peak_bytes(pid) for pid in service.pids) if service is not None else 0
        load = generator.read(output)
        fault = load.fault or (self._wrong_rows(load, rows) if kind in WRITING else "")
        if kind in WRITING:
            self.postgres.restore()
        requests = max(load.requests, 1)
        own = used.service if service is not None else used.generator
        others = used.machine - used.service - used.postgres - used.generator
        return Sample(load.requests / load.seconds, load.p50_us, load.p99_us, fault,
                      own / requests * 1e6, used.postgres / requests * 1e6, peak,
                      max(others, 0) / passed / (os.cpu_count() or 1))

    def _wrong_rows(self, load: Load, before: int) -> str:
        """What is wrong with the number of new rows, if anything: each answer to a create stands for one."""
        created, (least, most) = self.postgres.created() - before, load.created
        return "" if least <= created <= most else f"{created:,} rows were created, not {least:,} to {most:,}"

    def _cpu_used(self, service: Service | None) -> CpuUsed:
        return CpuUsed(sum(cpu.tree_cpu_seconds(pid) for pid in service.pids) if service is not None else 0,
                       cpu.tree_cpu_seconds(self.postgres.process.pid), cpu.children_cpu_seconds(),
                       cpu.machine_cpu_seconds())


class NotMeasured(Exception):
    """A number that was left out, or that does not count."""


@dataclass
class Results:
    """All samples of each scenario, and of the short runs that chose pgbench's counts of clients."""
    samples: dict[Scenario, list[Sample]]
    trials: dict[Scenario, Sample]

    def void(self) -> list[str]:
        """The runs that do not count, each with the reason."""
        runs = [*((scenario, sample) for scenario, samples in self.samples.items() for sample in samples),
                *self.trials.items()]
        return [f"{scenario}: {sample.fault}" for scenario, sample in runs if sample.fault]

    def summary(self, party: str, kind: str, clients: int) -> Sample:
        """The median of each number over the rounds that count."""
        samples = [sample for sample in self.samples.get(Scenario(party, kind, clients), ())
                   if not sample.fault]
        if not samples:
            raise NotMeasured

        def middle(field: str) -> float:
            return median(getattr(sample, field) for sample in samples)

        return Sample(middle("requests_per_second"), middle("p50_us"), middle("p99_us"), "",
                      middle("service_cpu_us"), middle("postgres_cpu_us"),
                      max(sample.peak_bytes for sample in samples), middle("others_share"))

    def best_limit(self, kind: str) -> int:
        """The count of clients with which pgbench does most."""
        rates = {}
        for scenario in self.samples:
            if scenario.party == LIMIT and scenario.kind == kind and scenario.clients > 1:
                with suppress(NotMeasured):
                    rates[scenario.clients] = self.summary(LIMIT, kind, scenario.clients).requests_per_second
        if not rates:
            raise NotMeasured
        return max(rates, key=rates.__getitem__)

    def limit(self, kind: str, connections: int) -> Sample:
        """What PostgreSQL can do: pgbench at its best count of clients, or with one against one."""
        return self.summary(LIMIT, kind, 1 if connections == 1 else self.best_limit(kind))
