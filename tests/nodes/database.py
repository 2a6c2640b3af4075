"""A private PostgreSQL on the bridge, that can be stopped, crashed, and asked behind the nodes' back."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common import BenchError, clean_environment, end, output_of, wait_until
from network import HUB, SUBNET
from servers import USER, postgres_programs

PORT = 5432
# The one role that has to show its password, by SCRAM; the others are trusted.
GUARDED = "guarded"
SETTINGS = {
    "listen_addresses": HUB,
    "port": PORT,
    "fsync": "off",  # processes crash here, the machine does not
    "max_connections": 200,
}


class Database:
    def __init__(self, directory: Path) -> None:
        self.programs = postgres_programs()
        self.data, self.sockets = directory / "data", directory / "sockets"
        self.log = directory / "postgres.log"
        self.account = {}
        if os.geteuid() == 0:  # as whom PostgreSQL refuses to run
            self.account = {"user": USER, "group": USER, "extra_groups": []}
        for path in (self.data, self.sockets):
            path.mkdir()
            shutil.chown(path, USER, USER)
        output_of([str(self.programs / "initdb"), f"--pgdata={self.data}", f"--username={USER}",
                   "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"], cwd="/",
                  **self.account)
        with (self.data / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all {GUARDED} {SUBNET}.0/24 scram-sha-256\n")
            rules.write(f"host all all {SUBNET}.0/24 trust\n")
        self.process: subprocess.Popen | None = None

    def client(self, program: str, database: str) -> list[str]:
        return [str(self.programs / program), "-h", str(self.sockets), "-p", str(PORT), "-U", USER, "-d",
                database]

    def start(self) -> None:
        command = [str(self.programs / "postgres"), "-D", str(self.data)]
        for name, value in (SETTINGS | {"unix_socket_directories": self.sockets}).items():
            command += ["-c", f"{name}={value}"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd="/", start_new_session=True, env=clean_environment(),
                                            **self.account)
        ask = [*self.client("pg_isready", "postgres"), "-q"]
        wait_until(lambda: subprocess.run(ask, check=False).returncode == 0, self.process, self.log)

    def stop(self, how: int = signal.SIGINT) -> None:
        """Ends it: SIGINT ends its sessions in order, SIGQUIT is a crash."""
        if self.process is None:
            return
        fault = end(self.process, how)
        self.process = None
        # Its log may have errors: nodes lose it, and are killed while they ask. What it answers is checked.
        if fault:
            raise BenchError(f"PostgreSQL {fault}; see {self.log.name}")

    def sql(self, database: str, *statements: str) -> str:
        commands = [part for statement in statements for part in ("-c", statement)]
        return output_of([*self.client("psql", database), "-XqAt", "-v", "ON_ERROR_STOP=1",
                          *commands]).strip()

    def make(self, database: str) -> str:
        """A new database; the answer is its URI for the nodes."""
        self.sql("postgres", f"CREATE DATABASE {database}")
        return f"postgresql://{USER}@{HUB}:{PORT}/{database}"

    def end_sessions(self, database: str) -> int:
        return int(self.sql("postgres", "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                                        f"WHERE datname = '{database}' AND client_addr IS NOT NULL"))

    def latest_statement(self, database: str, address: str) -> float:
        """When the node at this address last asked for something; 0 if never, or if it is not connected."""
        return float(self.sql("postgres", "SELECT coalesce(extract(epoch FROM max(query_start)), 0) FROM "
                              f"pg_stat_activity WHERE datname = '{database}' AND client_addr = '{address}'"))

    def make_guarded(self, database: str, password: str) -> None:
        """The role that has to show its password; the database becomes its own."""
        self.sql("postgres", f"CREATE ROLE {GUARDED} LOGIN", f"ALTER DATABASE {database} OWNER TO {GUARDED}")
        self.set_password(password)

    def set_password(self, password: str) -> None:
        self.sql("postgres", "SET password_encryption = 'scram-sha-256'",
                 f"ALTER ROLE {GUARDED} PASSWORD '{password}'")

    def all_use_tls(self, database: str) -> bool:
        return self.sql("postgres", "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "
                        f"WHERE datname = '{database}' AND client_addr IS NOT NULL") == "t"

    def set_tls(self, value: str) -> None:
        self.sql("postgres", f"ALTER SYSTEM SET ssl = {value}", "SELECT pg_reload_conf()")
        wait_until(lambda: self.sql("postgres", "SHOW ssl") == value, self.process, self.log)

    @contextmanager
    def offering_tls(self, certificate: Path, key: Path) -> Iterator[None]:
        """Clients may use TLS for the duration of the block; those that need not say it then do."""
        for source, name in ((certificate, "server.crt"), (key, "server.key")):
            shutil.copy(source, self.data / name)
            shutil.chown(self.data / name, USER, USER)
        self.set_tls("on")
        try:
            yield
        finally:
            self.set_tls("off")

    @contextmanager
    def locked(self, database: str, table: str) -> Iterator[None]:
        """Writes to the table wait for the duration of the block."""
        session = subprocess.Popen([*self.client("psql", database), "-XqAt"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True, env=clean_environment())
        session.stdin.write(f"BEGIN; LOCK TABLE {table} IN EXCLUSIVE MODE; SELECT 'locked';\n")
        session.stdin.flush()
        session.stdout.readline()
        try:
            yield
        finally:
            session.communicate("ROLLBACK;\n")
        if session.returncode != 0:
            raise BenchError(f"psql, which held a lock, ended with exit code {session.returncode}")


@contextmanager
def private_database(directory: Path) -> Iterator[Database]:
    server = Database(directory)
    server.start()
    try:
        yield server
    finally:
        server.stop()
