"""Puts load on PostgreSQL with pgbench and on a service with wrk, and reads what they say."""

import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from answers import LIST_LIMIT, NEW_DESCRIPTION, NEW_NAME, Request, draw, fault_in, learn_sizes
from common import BENCH, BenchError, clean_environment, output_of
from servers import ITEMS, Postgres
from statements import FAR, SESSION, Statements

# Seconds; beyond it wrk counts a request as failed. Above the 5 s after which the service itself gives up.
WRK_TIMEOUT = 10
# Of the transactions, have their time logged: enough for a p99, too few to slow pgbench down.
LOGGED_SHARE = 0.1
# wrk asks its script for one more, to see whether it works, than it sends.
NEVER_SENT = 1


@dataclass
class Load:
    """What a load generator reports."""
    requests: int
    seconds: float
    p50_us: float
    p99_us: float
    fault: str  # why it does not count; empty if it does
    # How many rows there must be now that were not there before: at least, at most.
    created: tuple[int, int]


class Wrk:
    """One run of wrk: its command, and what it says."""

    def __init__(self, url: str, kind: str, connections: int, seconds: int, seed: int,
                 directory: Path) -> None:
        self.requests: list[Request] = draw(kind, seed)
        self.connections = connections
        self.sizes = learn_sizes(url, self.requests)
        file = directory / "requests.txt"
        file.write_text("".join(request.text() for request in self.requests))
        # One thread always: more would take the cores from those that are measured.
        self.command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", f"--timeout={WRK_TIMEOUT}s",
                        "-s", str(BENCH / "requests.lua"), url, "--", str(file)]
        self.environment = clean_environment()

    def read(self, output: str) -> Load:
        found = re.search(r"^\{.*\}$", output, re.MULTILINE)
        if found is None:
            raise BenchError(f"wrk printed no outcome:\n{output}")
        outcome = json.loads(found[0])
        asked, answered = outcome["asked"], outcome["requests"]
        creates = sum(self.requests[number % len(self.requests)].creates for number in range(asked))
        learned = any(request.creates for request in self.requests)
        return Load(answered, outcome["microseconds"] / 1e6, outcome["p50_us"], outcome["p99_us"],
                    self._fault(outcome),
                    (max(creates - (asked - answered), 0) + learned, creates + learned))

    def _fault(self, outcome: dict[str, int]) -> str:
        asked, answered = outcome["asked"], outcome["requests"]
        if outcome["errors"]:
            return f"{outcome['errors']:,} errors"
        if answered == 0 or asked - answered > self.connections + NEVER_SENT:
            return f"{answered:,} answers to {asked:,} requests"
        return fault_in(self.requests, self.sizes, asked, answered, outcome["bytes"])


def run_wrk(url: str, kind: str, connections: int, seconds: int, directory: Path) -> None:
    """A load whose numbers nobody needs; an error if it went wrong."""
    wrk = Wrk(url, kind, connections, seconds, 0, directory)
    if fault := wrk.read(output_of(wrk.command)).fault:
        raise BenchError(f"{kind} with {connections} connections: {fault}")


def scripts(kind: str, statements: Statements) -> dict[str, int]:
    """pgbench's scripts of a kind of load, with their weights; -M prepared makes parameters of variables."""
    find = f"\\set id random(1, {ITEMS})\n{statements.find}"
    page = (f"\\set limit {LIST_LIMIT}\n\\set skip random(0, {ITEMS - LIST_LIMIT})\n"
            f"\\if :skip < {FAR}\n{statements.list}\\else\n{statements.list_far}\\endif\n")
    return {"get": {find: 1}, "post": {statements.insert: 1}, "list": {page: 1},
            "mix": {find: 9, statements.insert: 1}}[kind]


class Pgbench:
    """One run of pgbench: its command, and what it says."""

    def __init__(self, postgres: Postgres, statements: Statements, kind: str, clients: int, seconds: int,
                 seed: int, directory: Path) -> None:
        self.kind, self.logs = kind, directory / "pgbench"
        shutil.rmtree(self.logs, ignore_errors=True)
        self.logs.mkdir()
        files = []
        for number, (script, weight) in enumerate(scripts(kind, statements).items()):
            path = self.logs / f"{number}.sql"
            path.write_text(script)
            files += ["-f", f"{path}@{weight}"]
        threads = min(clients, os.cpu_count() or 1)
        self.command = postgres.client(
            "pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", str(threads), "-T", str(seconds),
            f"--random-seed={seed}", "-D", f"name={NEW_NAME}", "-D", f"description={NEW_DESCRIPTION}", *files,
            "--log", f"--log-prefix={self.logs / 'times'}", f"--sampling-rate={LOGGED_SHARE}")
        settings = " ".join(f"-c {name}={value}" for name, value in SESSION.items())
        self.environment = clean_environment(PGOPTIONS=settings)

    def read(self, output: str) -> Load:
        def printed(pattern: str) -> float:
            found = re.search(pattern, output)
            if found is None:
                raise BenchError(f"pgbench did not print {pattern}:\n{output}")
            return float(found[1])

        done, failed = int(printed(r"actually processed: (\d+)")), int(printed(r"failed transactions: (\d+)"))
        # Lines of: client, transaction, microseconds, ...
        times = [int(line.split()[2]) for log in self.logs.glob("times.*")
                 for line in log.read_text().splitlines()]
        percentiles = quantiles(times, n=100)
        return Load(done, done / printed(r"tps = ([\d.]+)"), percentiles[49], percentiles[98],
                    f"{failed:,} errors" if failed else "", (done if self.kind == "post" else 0, done))
