"""Says on what was measured: machine, system and versions. No host name."""

import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from common import ROOT, clean_environment
from servers import Postgres

LIBRARIES = ("libcaf-dev", "librestinio-dev", "libasio-dev", "libpq5", "wrk")


def _field(path: str, name: str, separator: str) -> str:
    for line in Path(path).read_text().splitlines():
        key, found, value = line.partition(separator)
        if found and key.strip() == name:
            return value.strip().strip('"')
    return "unknown"


def _first_line(command: list[str]) -> str:
    if shutil.which(command[0]) is None:
        return "unknown"
    done = subprocess.run(command, capture_output=True, text=True, env=clean_environment(), check=False)
    return done.stdout.strip().splitlines()[0] if done.returncode == 0 and done.stdout.strip() else "unknown"


def _commit() -> str:
    """Of the source, which may not be in git; with a + where it was changed since."""
    commit = _first_line(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"])
    changed = _first_line(["git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no"])
    return commit if changed == "unknown" else f"{commit}+"


def describe(postgres: Postgres, python: Path | None, lanes: int) -> dict[str, str]:
    memory_kib = int(_field("/proc/meminfo", "MemTotal", ":").split()[0])
    facts = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": _commit(),
        "lanes": f"{lanes}",
        "CPU": f"{_field('/proc/cpuinfo', 'model name', ':')}, {os.cpu_count()} cores",
        "memory": f"{memory_kib / 1024 / 1024:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "distribution": _field("/etc/os-release", "PRETTY_NAME", "="),
        "PostgreSQL": postgres.sql("SHOW server_version"),
        "compiler here": _first_line(["c++", "--version"]),
    }
    for package in LIBRARIES:
        facts[package] = _first_line(["dpkg-query", "--show", "--showformat=${Version}", package])
    if python is not None:
        names = ("fastapi", "uvicorn", "SQLAlchemy", "asyncpg", "uvloop", "httptools")
        code = ("import importlib.metadata as m, sys\n"
                "have = {d.metadata['Name'].lower(): d.version for d in m.distributions()}\n"
                "print(', '.join(f'{n} {have.get(n.lower(), \"missing\")}' for n in sys.argv[1:]))")
        facts["FastAPI"] = _first_line([str(python), "-c", code, *names])
        facts["Python"] = _first_line([str(python), "--version"])
    return facts
