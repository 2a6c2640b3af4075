"""The bounds that the project promises, and the goals it reaches for."""

from collections.abc import Callable
from dataclasses import dataclass

from probes import Probe
from scenarios import FASTAPI, LIMIT, TROUPE, WORKERS, NotMeasured, Results, Sample

MEBIBYTE = 1024 * 1024


AT_LEAST, AT_MOST = "≥", "≤"


@dataclass(frozen=True)
class Bound:
    """What a measured number must keep to, or `--check` fails, and the goal: where we want it to be."""
    what: str
    sign: str
    limit: float
    goal: float
    unit: str
    measure: Callable[[Results, dict[str, Probe]], float]

    def measured(self, results: Results, probes: dict[str, Probe]) -> float | None:
        """None where a scenario or probe that it takes was left out, or is void."""
        try:
            return self.measure(results, probes)
        except NotMeasured:
            return None

    def met(self, value: float, limit: float) -> bool:
        return value >= limit if self.sign == AT_LEAST else value <= limit


def _rate(sample: Sample) -> float:
    return sample.requests_per_second


def _cpu(sample: Sample) -> float:
    """Of the party and of PostgreSQL for it."""
    return sample.service_cpu_us + sample.postgres_cpu_us


def _over_limit(kind: str, clients: int) -> Callable[[Results, dict[str, Probe]], float]:
    return lambda results, _: (_rate(results.summary(TROUPE, kind, clients))
                               / _rate(results.limit(kind, clients)))


def _get_cpu(results: Results, _: dict[str, Probe]) -> float:
    return _cpu(results.summary(TROUPE, "get", 64)) / _cpu(results.summary(LIMIT, "get", 8))


def _get_latency(results: Results, _: dict[str, Probe]) -> float:
    return results.summary(TROUPE, "get", 1).p50_us / results.summary(LIMIT, "get", 1).p50_us


def _over_fastapi(results: Results, _: dict[str, Probe]) -> float:
    return _rate(results.summary(TROUPE, "get", 256)) / _rate(results.summary(FASTAPI, "get", 256))


def _peak(results: Results, _: dict[str, Probe]) -> float:
    return max(results.summary(TROUPE, kind, 256).peak_bytes for kind in ("get", "post")) / MEBIBYTE


def _probe(name: str) -> Callable[[Results, dict[str, Probe]], float]:
    def measure(_: Results, probes: dict[str, Probe]) -> float:
        value = probes[name].value if name in probes else None
        if value is None:
            raise NotMeasured
        return value

    return measure


def _nodes_rate(party: str) -> Callable[[Results, dict[str, Probe]], float]:
    return lambda results, _: (_rate(results.summary(party, "get", 256))
                               / _rate(results.summary(TROUPE, "get", 256)))


def _nodes_latency(party: str) -> Callable[[Results, dict[str, Probe]], float]:
    return lambda results, _: (results.summary(party, "get", 1).p50_us
                               / results.summary(TROUPE, "get", 1).p50_us)


PER_LIMIT = "÷ pgbench, its best count of clients"

# A bound is never lowered, or raised where less is better. Where a fair comparison misses what was promised,
# the bound is nine tenths of what it measures (ten ninths where less is better), once, and the goal stays
# beside it. What is measured better may tighten a bound.
BOUNDS = (
    # What, at least or at most, the bound, the goal, the unit, and where it is measured.
    Bound(f"GET, 256 connections {PER_LIMIT}", AT_LEAST, 1.0, 1.25, "×", _over_limit("get", 256)),
    Bound(f"POST, 256 connections {PER_LIMIT}", AT_LEAST, 2.5, 4.0, "×", _over_limit("post", 256)),
    Bound(f"list, 64 connections {PER_LIMIT}", AT_LEAST, 1.0, 1.5, "×", _over_limit("list", 64)),
    Bound("GET, 256 connections ÷ FastAPI", AT_LEAST, 40, 60, "×", _over_fastapi),
    Bound("CPU of a GET, 64 connections ÷ pgbench, 8 clients", AT_MOST, 0.8, 0.6, "×", _get_cpu),
    Bound("p50 of a GET, 1 connection ÷ pgbench, 1 client", AT_MOST, 1.5, 1.2, "×", _get_latency),
    Bound("peak memory, 256 connections", AT_MOST, 32, 16, " MiB", _peak),
    Bound("CPU when idle", AT_MOST, 0.5, 0.1, " %", _probe("idle_cpu")),
    Bound("system calls per GET, 64 connections", AT_MOST, 3.0, 2.2, "", _probe("syscalls_per_get")),
    *(Bound(f"GET, 256 connections, {party} ÷ one process", AT_LEAST, 0.6, 0.8, "×", _nodes_rate(party))
      for party in WORKERS),
    *(Bound(f"p50 of a GET, 1 connection, {party} ÷ one process", AT_MOST, 2.0, 1.5, "×",
            _nodes_latency(party)) for party in WORKERS),
)


def problems(results: Results, probes: dict[str, Probe], complete: bool) -> list[str]:
    """What `--check` complains of: runs that do not count, and bounds that are not met. In a complete run a
    bound that could not be measured is not met."""
    sentences = [f"void: {run}" for run in results.void()]
    for bound in BOUNDS:
        value = bound.measured(results, probes)
        wanted = f"{bound.sign} {bound.limit:g}{bound.unit}"
        if value is None and complete:
            sentences.append(f"not measured: {bound.what}, which must be {wanted}")
        elif value is not None and not bound.met(value, bound.limit):
            sentences.append(f"not met: {bound.what} is {value:.3g}{bound.unit}, and must be {wanted}")
    return sentences
