"""Starts a private PostgreSQL with its table of items, and the service on it."""

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from common import BUILD, ROOT, BenchError, output_of, progress, require, running, wait_until

ITEMS = 10_000
DATABASE = "postgres"
USER = "postgres"
# Where Debian puts the programs of each version: <here>/<version>/bin.
DEBIAN_VERSIONS = Path("/usr/lib/postgresql")
POSTGRES_PROGRAMS = ("initdb", "postgres", "pg_isready", "psql", "pgbench")
# On a disk, where a commit costs what it costs; /tmp may be memory.
TEMPORARY = "/var/tmp"
SETTINGS = {
    "listen_addresses": "",  # a Unix socket for all parties alike
    "unix_socket_permissions": "0777",  # we and the server may be different users
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "autovacuum": "off",  # we vacuum between the measurements, never within one
    "max_connections": "300",  # pgbench's beside those that the services keep
}
# What the service prints when it answers.
READY = re.compile(r"^Troupe is ready: (.+?)/?$", re.MULTILINE)
FILL = f"""
    INSERT INTO items (name, description)
    SELECT 'Item ' || number, 'Description of item ' || number
    FROM generate_series(1, {ITEMS}) AS number"""


@dataclass
class Postgres:
    """A running private PostgreSQL."""
    process: subprocess.Popen
    programs: Path
    sockets: Path

    @property
    def uri(self) -> str:
        return f"postgresql:///{DATABASE}?host={quote(str(self.sockets), safe='')}&user={USER}"

    @property
    def sqlalchemy_url(self) -> str:
        return f"postgresql+asyncpg://{USER}@/{DATABASE}?host={quote(str(self.sockets), safe='')}"

    def client(self, program: str, *arguments: str) -> list[str]:
        """The command line of one of PostgreSQL's own clients."""
        return [str(self.programs / program), "-h", str(self.sockets), "-U", USER, *arguments, DATABASE]

    def sql(self, *statements: str) -> str:
        commands = [part for statement in statements for part in ("-c", statement)]
        return output_of(self.client("psql", "-XqAt", "-v", "ON_ERROR_STOP=1", *commands)).strip()

    def fill(self) -> None:
        """The items, in the table that `troupe migrate` made."""
        self.sql(FILL)
        self.restore()

    def created(self) -> int:
        """Rows that others have created since the last restore()."""
        return int(self.sql(f"SELECT count(*) FROM items WHERE id > {ITEMS}"))

    def restore(self) -> None:
        """The table as it was before others created rows, with nothing left to write."""
        self.sql(f"DELETE FROM items WHERE id > {ITEMS}", "VACUUM ANALYZE items", "CHECKPOINT")


@dataclass
class Service:
    """A running HTTP server, the process at the root of it, and others that it needs."""
    process: subprocess.Popen
    url: str
    others: list[subprocess.Popen] = field(default_factory=list)

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in (self.process, *self.others)]


def postgres_programs() -> Path:
    """The directory with the programs of the newest version there is."""
    places = [path / "bin" for path in DEBIAN_VERSIONS.glob("[0-9]*")]
    places.sort(key=lambda path: float(path.parent.name), reverse=True)
    if in_path := shutil.which("pgbench"):
        places.append(Path(in_path).resolve().parent)
    for place in places:
        if all((place / program).exists() for program in POSTGRES_PROGRAMS):
            return place
    raise BenchError(f"found no directory with PostgreSQL's {', '.join(POSTGRES_PROGRAMS)}; "
                     "install the package postgresql")


@contextmanager
def temporary_directory() -> Iterator[Path]:
    """A directory of ours that PostgreSQL's account may enter."""
    with tempfile.TemporaryDirectory(prefix="troupe-bench-", dir=TEMPORARY) as name:
        os.chmod(name, 0o755)
        yield Path(name)


@contextmanager
def private_postgres(directory: Path) -> Iterator[Postgres]:
    """A durable PostgreSQL in the directory, for the duration of the block."""
    progress("Creating a private PostgreSQL")
    programs, data, sockets = postgres_programs(), directory / "data", directory / "sockets"
    account = {}
    if os.geteuid() == 0:  # as whom PostgreSQL refuses to run
        account = {"user": USER, "group": USER, "extra_groups": []}
    for path in (data, sockets):
        path.mkdir()
        if account:
            shutil.chown(path, USER, USER)
    output_of([str(programs / "initdb"), f"--pgdata={data}", f"--username={USER}", "--auth=trust",
               "--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums", "--no-sync"], cwd="/", **account)
    settings = SETTINGS | {"unix_socket_directories": str(sockets)}
    command = [str(programs / "postgres"), "-D", str(data)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    log = directory / "postgres.log"
    with running(command, log, signal.SIGINT, cwd="/", **account) as process:
        server = Postgres(process, programs, sockets)
        is_ready = server.client("pg_isready", "-q", "-d")
        wait_until(lambda: subprocess.run(is_ready, check=False).returncode == 0, process, log)
        yield server


def find_troupe(named: Path | None) -> Path:
    """The program to measure: the one named, or the release build, which is made if there is none."""
    if named is not None:
        if not os.access(named, os.X_OK):
            raise BenchError(f"{named} is no program")
        return named.resolve()
    program = BUILD / "release" / "troupe"
    if not program.exists():
        progress("Building the service")
        cmake = require("cmake", "cmake")
        subprocess.run([cmake, "--preset", "release"], cwd=ROOT, check=True)
        subprocess.run([cmake, "--build", "--preset", "release", "--target", "troupe"], cwd=ROOT, check=True)
    return program


def migrate(troupe: Path, postgres: Postgres) -> None:
    output_of([str(troupe), "migrate", f"--db.uri={postgres.uri}"])


@contextmanager
def troupe_node(command: list[str], log: Path) -> Iterator[Service]:
    """A process of the service, once it is ready."""
    log.unlink(missing_ok=True)
    with running(command, log) as process:
        wait_until(lambda: bool(READY.findall(log.read_text())), process, log)
        yield Service(process, READY.findall(log.read_text())[0])


def default_lanes() -> int:
    """What the service takes by itself: half the cores. We say it, so that a report is sure of it."""
    return max(1, len(os.sched_getaffinity(0)) // 2)


@contextmanager
def troupe_service(troupe: Path, postgres: Postgres, log: Path, lanes: int, options: tuple[str, ...] = (),
                   under: tuple[str, ...] = ()) -> Iterator[Service]:
    """The service with its default options but for lanes and `options`; `under` a tool if one is given."""
    command = [*under, str(troupe), "serve", f"--db.uri={postgres.uri}", "--http.port=0",
               f"--http.threads={lanes}", *options]
    with troupe_node(command, log) as service:
        yield service


@contextmanager
def troupe_nodes(troupe: Path, postgres: Postgres, directory: Path, workers: int,
                 lanes: int) -> Iterator[Service]:
    """A gateway and so many workers, each with so many lanes, else with their default options."""
    with ExitStack() as stack:
        nodes = []
        for number in range(1, workers + 1):
            worker = [str(troupe), "worker", f"--db.uri={postgres.uri}", f"--node.port={free_port()}",
                      f"--http.threads={lanes}"]
            nodes.append(stack.enter_context(
                troupe_node(worker, directory / f"worker-{workers}-{number}.log")))
        names = ",".join(node.url.rpartition(" ")[2] for node in nodes)
        gateway = stack.enter_context(
            troupe_node([str(troupe), "gateway", "--http.port=0", f"--node.workers={names}",
                         f"--http.threads={lanes}"], directory / f"gateway-{workers}.log"))
        yield Service(gateway.process, gateway.url, [node.process for node in nodes])


def free_port() -> int:
    """A TCP port that nobody has just now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
