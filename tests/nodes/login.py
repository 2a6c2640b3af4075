"""Scenario of logins to PostgreSQL over TCP: where the password comes from, and whose certificate counts."""

import random
import time
from pathlib import Path
from urllib.parse import quote

from certificates import Authority
from cluster import Cluster, own_hosts
from database import GUARDED, PORT
from network import HUB
from start_stop import TAKEN_BACK, try_ask
from wire import status_of

# How PostgreSQL is called in the hosts file: as its certificate says, and otherwise.
NAME, OTHER_NAME = "db.test", "other.test"
LOGIN_REFUSED = "it refuses the login"
TLS_FAILED = "TLS cannot be agreed on with it"
# What a refused login says to the log, once.
COMPLAINT = "The schema is not up to date yet: "
# Enough for some attempts: the service tries again after 0.1 s, then ever later.
SOME_ATTEMPTS = 0.7


class Service:
    """`troupe serve`, started anew for each way to log in."""

    def __init__(self, c: Cluster, home: Path, secrets: list[str]) -> None:
        self.c, self.home, self.secrets = c, home, secrets
        self.hosts = home / "hosts"
        self.hosts.write_text(f"127.0.0.1 localhost\n{HUB} {NAME} {OTHER_NAME}\n")

    def start(self, options: list[str], environment: dict[str, str]) -> None:
        # Nothing of whoever runs the tests: libpq looks for files in the home directory.
        environment = {"HOME": str(self.home)} | environment
        self.node = self.c.add("w1", "serve", *options,
                               before=("env", *(f"{name}={value}" for name, value in environment.items()),
                                       *own_hosts(self.hosts)))
        self.node.start()

    def readyz(self) -> tuple[int, list[str]]:
        answer = try_ask(self.node, "GET", "/readyz")
        return answer.status, answer.json()["reasons"] if answer.status == 503 else []

    def end(self, what: str) -> None:
        told = self.node.says() + try_ask(self.node, "GET", "/readyz").body.decode()
        self.c.checks.that(not any(each in told for each in self.secrets),
                           f"{what}: no password in the log and in /readyz")
        self.node.stop()
        self.c.checks.that(self.node.exits[-1] == 0, f"{what}: SIGTERM ends it with 0", self.node.exits[-1])

    def serves(self, what: str, *options: str, tls: bool = False, **environment: str) -> None:
        self.start(list(options), environment)
        self.c.checks.within(TAKEN_BACK, f"{what}: it serves",
                             lambda: status_of(self.node.address, "/items/") == 200)
        if tls:
            self.c.checks.that(self.c.database.all_use_tls(self.c.name), f"{what}: all connections use TLS")
        self.end(what)

    def is_refused(self, what: str, reason: str, words: str, *options: str, **environment: str) -> None:
        self.start(list(options), environment)
        self.expect_refused(what, reason, words)
        self.end(what)

    def expect_refused(self, what: str, reason: str, words: str) -> None:
        self.c.checks.within(TAKEN_BACK, f"{what}: /readyz says \"PostgreSQL: {reason}\"",
                             lambda: self.readyz() == (503, [f"PostgreSQL: {reason}"]))
        answer = try_ask(self.node, "GET", "/items/")
        self.c.checks.that(answer.status == 503 and "retry-after" in answer.headers,
                           f"{what}: 503 with Retry-After", answer)
        time.sleep(SOME_ATTEMPTS)
        lines = [each for each in self.node.says().splitlines() if COMPLAINT in each]
        self.c.checks.that(len(lines) == 1 and words in lines[0], f"{what}: one line in the log says it",
                           lines[:3])


def uri_of(c: Cluster, host: str, password: str = "", **parameters: object) -> str:
    user = f"{GUARDED}:{quote(password, safe='')}" if password else GUARDED
    query = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in parameters.items())
    return f"postgresql://{user}@{host}:{PORT}/{c.name}" + (f"?{query}" if query else "")


def password_file(path: Path, host: str, password: str, mode: int = 0o600) -> Path:
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    path.write_text(f"{host}:{PORT}:*:{GUARDED}:{escaped}\n")
    path.chmod(mode)
    return path


def by_password(c: Cluster, service: Service, password: str, wrong: str) -> None:
    plain = f"--db.uri={uri_of(c, HUB)}"
    service.serves("PGPASSWORD", plain, PGPASSWORD=password)
    file = password_file(service.home / "passwords", HUB, password)
    service.serves("PGPASSFILE", plain, PGPASSFILE=str(file))
    own = password_file(service.home / ".pgpass", HUB, password)
    service.serves("~/.pgpass", plain)
    # libpq looks for the name in the file, while it is given the address to connect to.
    password_file(own, NAME, password)
    service.serves("~/.pgpass with a host name", f"--db.uri={uri_of(c, NAME)}")
    service.serves("DATABASE_URL", DATABASE_URL=uri_of(c, HUB, password))
    service.serves("DATABASE_URL as SQLAlchemy spells it",
                   DATABASE_URL=uri_of(c, HUB, password).replace("postgresql:", "postgresql+asyncpg:"))

    service.is_refused("no password", LOGIN_REFUSED, "no password supplied", plain)
    password_file(own, HUB, password, 0o644)
    service.is_refused("~/.pgpass that others may read", LOGIN_REFUSED, "no password supplied", plain)
    own.unlink()
    failed = f'password authentication failed for user "{GUARDED}"'
    service.is_refused("a wrong password in the URI", LOGIN_REFUSED, failed,
                       f"--db.uri={uri_of(c, HUB, wrong)}")
    service.is_refused("a wrong password in a file", LOGIN_REFUSED, failed, plain,
                       PGPASSFILE=str(password_file(file, HUB, wrong)))
    service.start([plain], {"PGPASSWORD": wrong})
    service.expect_refused("a wrong PGPASSWORD", LOGIN_REFUSED, failed)
    c.database.set_password(wrong)
    c.checks.within(TAKEN_BACK, "once PostgreSQL has that password: the service serves without a restart",
                    lambda: status_of(service.node.address, "/items/") == 200)
    service.end("a password that became right")
    c.database.set_password(password)


def by_certificate(c: Cluster, service: Service, password: str, wrong: str) -> None:
    ours, theirs = Authority(service.home / "ours"), Authority(service.home / "theirs")
    ours.make(NAME)
    theirs.make(NAME)

    def uri(host: str, authority: object, secret: str = password) -> str:
        return "--db.uri=" + uri_of(c, host, secret, sslmode="verify-full", sslrootcert=authority)

    require = f"--db.uri={uri_of(c, NAME, password, sslmode='require')}"
    service.is_refused("a PostgreSQL without TLS, where it is required", TLS_FAILED, "does not support SSL",
                       require)
    with c.database.offering_tls(ours.of(NAME), ours.key_of(NAME)):
        service.serves("sslmode=require", require, tls=True)
        service.serves("sslmode=verify-full", uri(NAME, ours.certificate), tls=True)
        own = service.home / ".postgresql" / "root.crt"
        own.parent.mkdir()
        own.write_bytes(ours.certificate.read_bytes())
        service.serves("sslmode=verify-full with ~/.postgresql/root.crt",
                       f"--db.uri={uri_of(c, NAME, password, sslmode='verify-full')}", tls=True)
        service.is_refused("a certificate for another host name", TLS_FAILED,
                           f'"{NAME}" does not match host name "{OTHER_NAME}"',
                           uri(OTHER_NAME, ours.certificate))
        service.is_refused("a certificate of another authority", TLS_FAILED, "certificate verify failed",
                           uri(NAME, theirs.certificate))
        service.is_refused("no root certificate", TLS_FAILED, "root certificate file",
                           uri(NAME, service.home / "none.crt"))
        # Without sslmode libpq tries a second time, in clear; what it says then is longer.
        for how, where in (("verify-full", uri(NAME, ours.certificate, wrong)),
                           ("sslmode left out", f"--db.uri={uri_of(c, NAME, wrong)}")):
            service.is_refused(f"a wrong password through TLS, {how}", LOGIN_REFUSED,
                               "password authentication failed", where)


def database_login(c: Cluster, chance: random.Random) -> None:
    """Passwords from all places, by SCRAM, and PostgreSQL's certificate: what is wrong is refused."""
    home = c.directory / "home"
    home.mkdir()
    # With all that has a meaning in a URI or in a password file.
    password = f"right-{chance.randrange(10**9)}@of:the/role%\\"
    wrong = f"wrong-{chance.randrange(10**9)}@of:the/role%\\"
    service = Service(c, home, [password[:12], wrong[:12]])
    c.database.make_guarded(c.name, password)
    by_password(c, service, password, wrong)
    by_certificate(c, service, password, wrong)
