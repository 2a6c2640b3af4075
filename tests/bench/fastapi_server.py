"""Installs and starts the FastAPI application that the service is compared with."""

import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common import BENCH, BUILD, clean_environment, progress, running, wait_until
from servers import Postgres, Service, free_port

VENV = BUILD / "bench-venv"
REQUIREMENTS = BENCH / "requirements.txt"
# Of Debian 13 or later; Debian 12's SQLAlchemy is too old.
DEBIAN_PYTHON = "/usr/bin/python3"
NEEDED = "import asyncpg, fastapi, uvicorn; from sqlalchemy.ext.asyncio import async_sessionmaker"


def succeeds(command: list[str]) -> bool:
    return subprocess.run(command, stdout=sys.stderr, check=False).returncode == 0


def install_pinned() -> Path | None:
    """The Python of a virtual environment with exactly requirements.txt, or none if it cannot be made."""
    python, installed = VENV / "bin" / "python", VENV / "installed-requirements.txt"
    if installed.exists() and installed.read_bytes() == REQUIREMENTS.read_bytes():
        return python
    progress(f"Installing FastAPI into {VENV.relative_to(BUILD.parent)}")
    # One retry: where there is no package index, asking for longer does not help.
    pip = [str(python), "-m", "pip", "install", "--quiet", "--retries=1", "--disable-pip-version-check"]
    if (succeeds([sys.executable, "-m", "venv", "--clear", str(VENV)])
            and succeeds([*pip, "-r", str(REQUIREMENTS)])):
        shutil.copy(REQUIREMENTS, installed)
        return python
    return None


def install() -> Path | None:
    """A Python that can run the application: that of the virtual environment, else Debian's, else none."""
    if python := install_pinned():
        return python
    if os.access(DEBIAN_PYTHON, os.X_OK) and succeeds([DEBIAN_PYTHON, "-c", NEEDED]):
        return Path(DEBIAN_PYTHON)
    return None


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/items/1", timeout=5) as response:
            return response.status == 200
    except urllib.error.HTTPError:
        raise
    except OSError:
        return False


@contextmanager
def fastapi_service(python: Path, postgres: Postgres, directory: Path) -> Iterator[Service]:
    """The application under uvicorn: one worker a core, no access log, uvloop and httptools if installed."""
    port, log = free_port(), directory / "fastapi.log"
    command = [str(python), "-m", "uvicorn", "fastapi_app:app", "--app-dir", str(BENCH), "--port", str(port),
               "--workers", str(os.cpu_count()), "--no-access-log", "--log-level", "warning"]
    environment = clean_environment(DATABASE_URL=postgres.sqlalchemy_url)
    with running(command, log, env=environment) as process:
        service = Service(process, f"http://127.0.0.1:{port}")
        wait_until(lambda: answers(service.url), process, log)
        yield service
