"""Reads from the service's own log which SQL it sends, so that pgbench sends the same."""

import re
import time
from dataclasses import dataclass
from pathlib import Path

from answers import LIST_LIMIT, NEW_BODY
from common import BenchError
from http_client import Connection, get, post
from servers import Postgres, troupe_service

# The first skip of a list of LIST_LIMIT rows for which the service takes another statement than for fewer:
# see list_operation() in db/statements.hpp. Whether it is still this one, read_statements() sees.
FAR = 8 * (LIST_LIMIT + 1)
# What each of the service's sessions sets, see begin_setup() in db/connection.cpp.
SESSION = {"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "statement_timeout": "5000"}
# Of --db.echo.
LOGGED = re.compile(r" SQL [\d.]+ ms, \d+ rows: (.+)$", re.MULTILINE)
# Seconds; the log is written before the answer leaves, or right behind it.
PATIENCE = 5


@dataclass(frozen=True)
class Statements:
    """With variables of pgbench instead of the parameters."""
    find: str
    insert: str
    list: str
    list_far: str


def _named(sql: str, *names: str) -> str:
    return re.sub(r"\$(\d+)", lambda number: f":{names[int(number[1]) - 1]}", sql) + ";\n"


def read_statements(troupe: Path, postgres: Postgres, directory: Path) -> Statements:
    """Asks a service that logs its statements one request of each kind."""
    log = directory / "troupe-echo.log"
    with troupe_service(troupe, postgres, log, 1, ("--db.echo=on",)) as service:
        connection = Connection(service.url)

        def statement_of(request: bytes) -> str:
            before = len(LOGGED.findall(log.read_text()))
            connection.send(request)
            connection.receive()
            deadline = time.monotonic() + PATIENCE
            while not (new := LOGGED.findall(log.read_text())[before:]):
                if time.monotonic() > deadline:
                    raise BenchError("the service did not log its statement")
                time.sleep(0.01)
            return new[0]

        found = Statements(
            _named(statement_of(get("/items/1")), "id"),
            _named(statement_of(post("/items/", NEW_BODY)), "name", "description"),
            _named(statement_of(get(f"/items/?skip={FAR - 1}&limit={LIST_LIMIT}")), "limit", "skip"),
            _named(statement_of(get(f"/items/?skip={FAR}&limit={LIST_LIMIT}")), "limit", "skip"))
        connection.close()
    if found.list == found.list_far:
        raise BenchError(f"lists that skip {FAR - 1} and {FAR} rows have the same statement: "
                         "statements.py no longer knows where the service changes it")
    postgres.restore()
    return found
