"""The nodes of one scenario as processes, and what can be done to each."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from checks import Checks
from common import BenchError, clean_environment, error_lines, exit_fault, wait_until
from database import Database
from network import Place
from wire import status_of

NODE_PORT = 4711
HEALTH_PORT = 8081
# Seconds: http.shutdown-grace, the second that a stop may take beyond it, and one for a busy machine.
STOP_PATIENCE = 12.0
TICKS = os.sysconf("SC_CLK_TCK")


def own_hosts(file: Path) -> tuple[str, ...]:
    """What to put before a command that is to have its own /etc/hosts: `ip netns exec` gives it mounts."""
    return ("sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', str(file))


@dataclass
class Node:
    place: Place
    log: Path
    command: list[str]
    contained: bool = False
    process: subprocess.Popen | None = None
    log_start: int = 0
    # The exit code of each end that it was asked for.
    exits: list[int] = field(default_factory=list)

    @property
    def address(self) -> str:
        return self.place.address

    @property
    def endpoint(self) -> str:
        return f"{self.address}:{NODE_PORT}"

    @property
    def pid(self) -> int:
        """Of the node itself."""
        if not self.contained:
            return self.process.pid
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        while not (found := children.read_text().split()) and self.process.poll() is None:
            time.sleep(0.005)
        return int(found[0])

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def launch(self) -> None:
        with self.log.open("ab") as log:
            self.log_start = log.tell()
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True, env=clean_environment())

    def start(self) -> None:
        """Returns when it listens; it need not be ready."""
        self.launch()
        port = HEALTH_PORT if "worker" in self.command else 8080
        wait_until(lambda: status_of(self.address, "/healthz", port) == 200, self.process, self.log)

    def ask_to_stop(self) -> None:
        self.signal(signal.SIGTERM)

    def wait(self) -> float:
        """How long it took to end, from now; its exit code is the last of `exits`."""
        start = time.monotonic()
        try:
            self.exits.append(self.process.wait(STOP_PATIENCE))
            self.process = None
        except subprocess.TimeoutExpired:
            self.kill()
            self.exits.append(-signal.SIGKILL)
        return time.monotonic() - start

    def stop(self) -> float:
        self.ask_to_stop()
        return self.wait()

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.process.wait()
        self.process = None

    def freeze(self) -> None:
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.signal(signal.SIGCONT)

    def ended_by_itself(self) -> str:
        """How, if it did though nobody asked it to or killed it; empty if not."""
        if self.process is None or self.process.poll() is None:
            return ""
        return exit_fault(self.process.returncode) or "ended by itself"

    def lives(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def cpu(self) -> float:
        """Seconds of processor time so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def sockets(self) -> int:
        names = Path(f"/proc/{self.pid}/fd")
        return sum(os.readlink(each).startswith("socket:") for each in names.iterdir())

    def says(self) -> str:
        """What it has logged since it was started last."""
        return self.log.read_bytes()[self.log_start:].decode(errors="replace")

    def has(self, worker: "Node") -> bool:
        """Whether this gateway has a connection to the worker, by its own words."""
        said = re.findall(rf"Worker {re.escape(worker.endpoint)} (is connected|is gone|leaves|cannot)",
                          self.says())
        return bool(said) and said[-1] == "is connected"

    def losses(self, worker: "Node") -> int:
        """How often this gateway has lost the worker."""
        return self.says().count(f"Worker {worker.endpoint} is gone")


class Cluster:
    """The nodes of one scenario, on one database."""

    def __init__(self, troupe: Path, directory: Path, database: Database, name: str, places: dict[str, Place],
                 checks: Checks, contained: bool) -> None:
        self.troupe, self.directory, self.places, self.checks = troupe, directory, places, checks
        self.database, self.name, self.uri = database, name, database.make(name)
        # As in containers: each node is process 1, after each restart anew. Then nothing but the address of
        # its network card tells a node from others, and nothing tells it from itself before.
        self.contained = contained
        self.nodes: list[Node] = []

    def add(self, place: str, kind: str, *options: str, before: tuple[str, ...] = ()) -> Node:
        where = self.places[place]
        if self.contained:
            before = ("unshare", "--pid", "--fork", "--kill-child", *before)
        command = [*where.inside(), *before, str(self.troupe), kind, f"--http.address={where.address}",
                   "--http.threads=2", *options]
        node = Node(where, self.directory / f"{self.name}-{place}.log", command, self.contained)
        self.nodes.append(node)
        return node

    def worker(self, place: str, *options: str) -> Node:
        return self.add(place, "worker", f"--node.address={self.places[place].address}",
                        f"--node.port={NODE_PORT}", f"--node.health-port={HEALTH_PORT}",
                        f"--db.uri={self.uri}", *options)

    def gateway(self, place: str, workers: list[Node], *options: str) -> Node:
        return self.add(place, "gateway", "--node.workers=" + ",".join(each.endpoint for each in workers),
                        *options)

    def standard(self, workers: int = 3) -> tuple[list[Node], list[Node]]:
        """Two gateways and some workers, which all know each other."""
        all_workers = [self.worker(f"w{number + 1}") for number in range(workers)]
        gateways = [self.gateway(name, all_workers) for name in ("g1", "g2")]
        for each in all_workers + gateways:
            each.launch()
        self.await_connected(gateways, all_workers)
        return gateways, all_workers

    def await_connected(self, gateways: list[Node], workers: list[Node]) -> None:
        pairs = [(gateway, worker) for gateway in gateways for worker in workers]
        deadline = time.monotonic() + 15
        while not all(gateway.has(worker) for gateway, worker in pairs):
            if time.monotonic() > deadline:
                raise BenchError("the nodes do not find each other")
            time.sleep(0.02)
        for each in gateways:
            wait_until(lambda node=each: status_of(node.address, "/items/") == 200, each.process, each.log)

    def works(self, worker: Node) -> bool:
        """Whether PostgreSQL has heard from the worker within the last second."""
        return time.time() - self.database.latest_statement(self.name, worker.address) < 1

    def end(self) -> None:
        """Stops the nodes that are left. All must end well, whenever they were asked to, and log no error."""
        ended = [f"{each.place.name} {how}" for each in self.nodes if (how := each.ended_by_itself())]
        left = [each for each in self.nodes if each.lives()]
        for each in self.nodes:
            each.place.heal()
        for each in left:
            each.thaw()
            each.ask_to_stop()
        for each in left:
            each.wait()
        ended += [f"{each.place.name} {exit_fault(code)}" for each in self.nodes for code in each.exits
                  if code != 0]
        self.checks.that(not ended, "every node ends when it is asked to, in time and with 0", ended)
        logs = dict.fromkeys(each.log for each in self.nodes if each.log.exists())
        errors = [line for log in logs for line in error_lines(log.read_text(errors="replace"))]
        self.checks.that(not errors, "no node logs an error", errors[:3])


@contextmanager
def cluster(*arguments) -> Iterator[Cluster]:
    it = Cluster(*arguments)
    try:
        yield it
    finally:
        it.end()
