"""Writes what was measured as a Markdown report."""

from collections.abc import Callable
from statistics import median

from probes import IDLE_CONNECTIONS, MANY_CONNECTIONS, SYSCALL_CONNECTIONS, Probe
from reach import BOUNDS, MEBIBYTE
from scenarios import DISTURBED, FASTAPI, KINDS, LIMIT, LIMIT_CLIENTS, TROUPE, NotMeasured, Results, Scenario

MISSING = "–"


def table(header: list[str], rows: list[list[str]], left_columns: int) -> str:
    """A Markdown table that reads well as text, too; all but the first columns are right-aligned."""
    widths = [max(len(line[i]) for line in [header, *rows]) for i in range(len(header))]

    def line(cells: list[str]) -> str:
        padded = [cell.ljust(width) if i < left_columns else cell.rjust(width)
                  for i, (cell, width) in enumerate(zip(cells, widths, strict=True))]
        return f"| {' | '.join(padded)} |"

    rule = ["-" * width if i < left_columns else "-" * (width - 1) + ":" for i, width in enumerate(widths)]
    return "\n".join([line(header), line(rule), *map(line, rows)])


def _ratio(results: Results, scenario: Scenario, other: str) -> str:
    """How many times the requests of the other party."""
    if scenario.party in (LIMIT, other):
        return MISSING
    kind, clients = scenario.kind, scenario.clients
    try:
        rate = results.summary(scenario.party, kind, clients).requests_per_second
        against = results.limit(kind, clients) if other == LIMIT else results.summary(other, kind, clients)
        return f"{rate / against.requests_per_second:.2f}×"
    except (NotMeasured, ZeroDivisionError):
        return MISSING


def throughput(results: Results) -> str:
    rows = []
    for scenario, samples in results.samples.items():
        void = sum(bool(sample.fault) for sample in samples)
        shown = [f"{void} of {len(samples)}" if void else MISSING]
        try:
            sample = results.summary(scenario.party, scenario.kind, scenario.clients)
        except NotMeasured:
            rows.append([KINDS[scenario.kind], scenario.party, str(scenario.clients), *[MISSING] * 3, *shown,
                         *[MISSING] * 6])
            continue
        rows.append([
            KINDS[scenario.kind], scenario.party, str(scenario.clients), f"{sample.requests_per_second:,.0f}",
            f"{sample.p50_us / 1000:.2f}", f"{sample.p99_us / 1000:.2f}", *shown,
            f"{sample.peak_bytes / MEBIBYTE:.1f}" if sample.peak_bytes else MISSING,
            f"{sample.service_cpu_us:.1f}", f"{sample.postgres_cpu_us:.1f}", f"{sample.others_share:.0%}",
            _ratio(results, scenario, LIMIT), _ratio(results, scenario, FASTAPI)])
    return table(["scenario", "party", "clients", "requests/s", "p50 ms", "p99 ms", "void", "peak MiB",
                  "CPU µs", "PostgreSQL µs", "others", "÷ pgbench", "÷ FastAPI"], rows, 2)


def limits(results: Results) -> str:
    """How pgbench's count of clients was chosen."""
    rows = []
    for kind in {trial.kind: None for trial in results.trials}:
        trials = {trial.clients: sample for trial, sample in results.trials.items() if trial.kind == kind}
        try:
            best = str(results.best_limit(kind))
        except NotMeasured:
            best = MISSING
        rows.append([KINDS[kind], *("void" if trials[clients].fault
                                    else f"{trials[clients].requests_per_second:,.0f}"
                                    for clients in LIMIT_CLIENTS), best])
    return table(["pgbench, requests/s of one short run", *map(str, LIMIT_CLIENTS), "best in all rounds"],
                 rows, 1)


def _probe(probes: dict[str, Probe], name: str, show: Callable[[float], str]) -> str:
    if name not in probes:
        return "left out"
    probe = probes[name]
    shown = show(probe.value) if probe.value is not None else "left out"
    return f"{shown} ({probe.note})" if probe.note else shown


def other_numbers(probes: dict[str, Probe]) -> str:
    percent = "{:.3f} % of a core".format
    return "\n".join([
        f"- CPU when idle: {_probe(probes, 'idle_cpu', percent)}; with {IDLE_CONNECTIONS} open "
        f"connections: {_probe(probes, 'idle_cpu_connected', percent)}",
        f"- System calls per GET, {SYSCALL_CONNECTIONS} connections: "
        f"{_probe(probes, 'syscalls_per_get', '{:.2f}'.format)}",
        f"- Memory of an idle connection, of {MANY_CONNECTIONS:,}: "
        f"{_probe(probes, 'connection_bytes', lambda value: f'{value / 1024:.2f} KiB')}"])


def reach(results: Results, probes: dict[str, Probe]) -> str:
    rows = []
    for bound in BOUNDS:
        value = bound.measured(results, probes)
        verdict = MISSING
        if value is not None:
            verdict = ("goal met" if bound.met(value, bound.goal)
                       else "met" if bound.met(value, bound.limit) else "NOT met")
        rows.append([bound.what, f"{bound.sign} {bound.limit:g}{bound.unit}",
                     f"{bound.sign} {bound.goal:g}{bound.unit}",
                     MISSING if value is None else f"{value:.2f}{bound.unit}", verdict])
    return table(["what", "bound", "goal", "measured", ""], rows, 1)


def disturbance(results: Results) -> str:
    """How much of the machine was not ours."""
    shares = [sample.others_share for samples in results.samples.values() for sample in samples]
    disturbed = sum(share > DISTURBED for share in shares)
    sentence = (f"Other programs took {median(shares):.0%} of the CPU time (median), "
                f"at most {max(shares):.0%}.")
    if disturbed == 0:
        return sentence
    return (f"{sentence} **{disturbed} of {len(shares)} runs were disturbed**, by more than {DISTURBED:.0%}: "
            "repeat this on a quiet machine.")


def claim(results: Results, facts: dict[str, str], command: str) -> str:
    """The sentence of the project's README on speed: what was measured, by which run, when, and on what."""
    def ratio(kind: str, clients: int, over: str) -> str:
        try:
            rate = results.summary(TROUPE, kind, clients).requests_per_second
            sample = results.limit(kind, clients) if over == LIMIT else results.summary(over, kind, clients)
            return f"{rate / sample.requests_per_second:.2g}"
        except NotMeasured:
            return "?"

    machine = ", ".join(facts[name] for name in ("CPU", "memory", "distribution"))
    return (f"From 256 connections it answers {ratio('get', 256, LIMIT)} times the reads by id, and "
            f"{ratio('post', 256, LIMIT)} times the creates, that pgbench gets out of the same PostgreSQL "
            "with the same statements, one for each request, from as many clients as suit it best; from 64 "
            f"connections {ratio('list', 64, LIMIT)} times the lists. The reads by id are "
            f"{ratio('get', 256, FASTAPI)} times those of the FastAPI application. So says `{command}` of "
            f"{facts['date']}, commit {facts['commit']}, on one machine ({machine}), with PostgreSQL "
            f"{facts['PostgreSQL'].split()[0]} and http.threads={facts['lanes']}.")


def report(results: Results, probes: dict[str, Probe], facts: dict[str, str], setup: str,
           command: str) -> str:
    void = results.void()
    verdict = (f"**{len(void)} runs are void and count nowhere**; they are listed here." if void
               else "All answers came, full and without an error.")
    lines = [
        "# Benchmark", "", setup, "", f"{verdict} {disturbance(results)}", "",
        *(f"- {each}" for each in void), *([""] if void else []),
        "## Throughput", "", throughput(results), "",
        "CPU: microseconds a request costs the party itself (of pgbench: the program), and PostgreSQL.",
        "others: the share of the machine's CPU time that programs took which have no part in this.",
        "÷ pgbench: over its best count of clients; one connection over one client.", "",
        limits(results), "",
        "## Other numbers", "", other_numbers(probes), "",
        "## Machine", "", *(f"- {name}: {value}" for name, value in facts.items()), "",
        "## Reach", "", reach(results, probes), "",
        "## For README.md", "", claim(results, facts, command), ""]
    return "\n".join(lines)
