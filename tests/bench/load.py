"""Puts load on PostgreSQL with pgbench and on a service with wrk, and reads what they say."""

import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from common import BENCH, BenchError, output_of
from servers import ITEMS, Postgres

# Rows that a list asks for: the default of the API.
LIST_LIMIT = 10
# Seconds; beyond it wrk counts a request as failed. Above the 5 s after which the service itself gives up.
WRK_TIMEOUT = 10
# Of the transactions, have their time logged: enough for a p99, too few to slow pgbench down.
LOGGED_SHARE = 0.1
# The same statements that the service prepares; -M prepared makes parameters of the variables.
COLUMNS = "name, description, id"
SELECT = f"""\\set id random(1, {ITEMS})
SELECT {COLUMNS} FROM items WHERE id = :id;
"""
INSERT = f"INSERT INTO items (name, description) VALUES (:name, :description) RETURNING {COLUMNS};\n"
LIST = f"""\\set skip random(0, {ITEMS - LIST_LIMIT})
SELECT {COLUMNS} FROM items ORDER BY id LIMIT {LIST_LIMIT} OFFSET :skip;
"""
# Scripts of each kind, with their weights.
SCRIPTS = {"get": {SELECT: 1}, "post": {INSERT: 1}, "list": {LIST: 1}, "mix": {SELECT: 9, INSERT: 1}}


@dataclass
class Load:
    """What a load generator reports."""
    requests: int
    seconds: float
    p50_us: float
    p99_us: float
    errors: int


def wrk_command(url: str, kind: str, connections: int, seconds: int, seed: int) -> list[str]:
    """One thread always: more would take the cores from those that are measured."""
    return ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", f"--timeout={WRK_TIMEOUT}s",
            "-s", str(BENCH / "requests.lua"), url, "--", kind, str(seed), str(ITEMS), str(LIST_LIMIT)]


def read_wrk(output: str) -> Load:
    found = re.search(r"^\{.*\}$", output, re.MULTILINE)
    if found is None:
        raise BenchError(f"wrk printed no outcome:\n{output}")
    outcome = json.loads(found[0])
    return Load(outcome["requests"], outcome["microseconds"] / 1e6, outcome["p50_us"], outcome["p99_us"],
                outcome["errors"])


def run_wrk(url: str, kind: str, connections: int, seconds: int, seed: int) -> Load:
    return read_wrk(output_of(wrk_command(url, kind, connections, seconds, seed)))


def run_pgbench(postgres: Postgres, kind: str, clients: int, seconds: int, seed: int,
                directory: Path) -> Load:
    logs = directory / "pgbench"
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir()
    scripts = []
    for number, (script, weight) in enumerate(SCRIPTS[kind].items()):
        path = logs / f"{number}.sql"
        path.write_text(script)
        scripts += ["-f", f"{path}@{weight}"]
    command = postgres.client(
        "pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", str(min(clients, os.cpu_count() or 1)),
        "-T", str(seconds), f"--random-seed={seed}", "-D", "name=Desk lamp",
        "-D", "description=Warm white, dimmable", *scripts,
        "--log", f"--log-prefix={logs / 'times'}", f"--sampling-rate={LOGGED_SHARE}")
    output = output_of(command)

    def printed(pattern: str) -> float:
        found = re.search(pattern, output)
        if found is None:
            raise BenchError(f"pgbench did not print {pattern}:\n{output}")
        return float(found[1])

    done = int(printed(r"actually processed: (\d+)"))
    # Lines of: client, transaction, microseconds, ...
    times = [int(line.split()[2]) for log in logs.glob("times.*") for line in log.read_text().splitlines()]
    percentiles = quantiles(times, n=100)
    return Load(done, done / printed(r"tps = ([\d.]+)"), percentiles[49], percentiles[98],
                int(printed(r"failed transactions: (\d+)")))
