"""The bounds that the project promises, and the goals it reaches for."""

from collections.abc import Callable
from dataclasses import dataclass

from probes import Probe
from scenarios import FASTAPI, LIMIT, TROUPE, WORKERS, NotMeasured, Results, Sample

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Bound:
    """A measured number must be at least, or at most, `limit`; `goal` is where we want to be."""
    what: str
    limit: float
    goal: float
    unit: str
    at_least: bool
    measure: Callable[[Results, dict[str, Probe]], float]

    def measured(self, results: Results, probes: dict[str, Probe]) -> float | None:
        """None where a scenario or probe that it takes was left out."""
        try:
            return self.measure(results, probes)
        except NotMeasured:
            return None

    def met(self, value: float, limit: float) -> bool:
        return value >= limit if self.at_least else value <= limit


def _rate(sample: Sample) -> float:
    return sample.requests_per_second


def _cpu(sample: Sample) -> float:
    return sample.service_cpu_us + sample.postgres_cpu_us


def _troupe(results: Results, kind: str, clients: int) -> Sample:
    return results.summary(TROUPE, kind, clients)


def _probe(probes: dict[str, Probe], name: str) -> float:
    value = probes[name].value if name in probes else None
    if value is None:
        raise NotMeasured
    return value


BOUNDS = (
    Bound("GET, 256 connections ÷ pgbench select, best", 1.0, 1.25, "×", True,
          lambda results, _: _rate(_troupe(results, "get", 256)) / _rate(results.limit("get", 256))),
    Bound("CPU of a GET, 64 connections ÷ of a pgbench select, 8 clients (each with PostgreSQL's)",
          0.8, 0.6, "×", False,
          lambda results, _: _cpu(_troupe(results, "get", 64)) / _cpu(results.summary(LIMIT, "get", 8))),
    Bound("POST, 256 connections ÷ pgbench insert, best", 2.5, 4.0, "×", True,
          lambda results, _: _rate(_troupe(results, "post", 256)) / _rate(results.limit("post", 256))),
    Bound("list, 64 connections ÷ pgbench list, best", 1.0, 1.5, "×", True,
          lambda results, _: _rate(_troupe(results, "list", 64)) / _rate(results.limit("list", 64))),
    Bound("p50 of a GET, 1 connection ÷ of a pgbench select, 1 client", 1.5, 1.2, "×", False,
          lambda results, _: _troupe(results, "get", 1).p50_us / results.summary(LIMIT, "get", 1).p50_us),
    Bound("GET, 256 connections ÷ FastAPI", 40, 60, "×", True,
          lambda results, _: (_rate(_troupe(results, "get", 256))
                              / _rate(results.summary(FASTAPI, "get", 256)))),
    Bound("Peak memory, 256 connections", 32, 16, " MiB", False,
          lambda results, _: max(_troupe(results, "get", 256).peak_bytes,
                                 _troupe(results, "post", 256).peak_bytes) / MEBIBYTE),
    Bound("CPU when idle", 0.5, 0.1, " %", False, lambda _, probes: _probe(probes, "idle_cpu")),
    Bound("System calls per GET, 64 connections", 3.0, 2.2, "", False,
          lambda _, probes: _probe(probes, "syscalls_per_get")),
    *(Bound(f"GET, 256 connections, {party} ÷ one process", 0.6, 0.8, "×", True,
            lambda results, _, party=party: (_rate(results.summary(party, "get", 256))
                                             / _rate(_troupe(results, "get", 256))))
      for party in WORKERS),
    *(Bound(f"p50 of a GET, 1 connection, {party} ÷ one process", 2.0, 1.5, "×", False,
            lambda results, _, party=party: (results.summary(party, "get", 1).p50_us
                                             / _troupe(results, "get", 1).p50_us))
      for party in WORKERS),
)
