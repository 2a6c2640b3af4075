"""Clients that create, change and read items through gateways, and note what they are told."""

import math
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ledger import ACKNOWLEDGED, Item, Ledger
from wire import Answer, NotAnswered, NotSent, ResetAtFirst, Wire

WRITERS, READERS = 6, 3
# Seconds between the requests of a client, on average: some 400 requests a second of all together.
PAUSE = 0.015
KEYED = 0.35  # share of creates with an Idempotency-Key
IMPATIENT = 0.15  # share of those that are not repeated
REPEATED = 0.3  # share of acknowledged ones that are asked for once more
REFRESH = 25  # requests on a connection, on average
# The trouble of a connection that a port had not accepted yet when it was closed.
QUEUED = "reset before it was accepted"
# Seconds a client repeats a request with a key, and seconds that all may take at the end.
PERSISTENCE, FAREWELL = 20.0, 30.0


@dataclass
class Read:
    start: float
    seconds: float
    outcome: str  # "200", "503", ..., "no answer"


class Client(threading.Thread):
    def __init__(self, load: "Load", number: int) -> None:
        super().__init__(daemon=True)
        self.load, self.ledger = load, load.ledger
        self.random = random.Random(f"{load.seed}/{number}")
        self.number = number
        self.gateway = number % len(load.gateways)
        self.wire: Wire | None = None
        self.reads: list[Read] = []
        self.refused = 0

    def leave(self, gateway_too: bool) -> None:
        if self.wire:
            self.wire.close()
        self.wire = None
        if gateway_too:
            self.gateway = (self.gateway + 1) % len(self.load.gateways)

    def connect(self) -> None:
        """To the gateway in turn, or the next one; nothing is sent before, so that nothing is lost."""
        for _ in range(200):
            try:
                self.wire = Wire(self.load.gateways[self.gateway])
                return
            except NotSent:
                self.refused += 1
                self.leave(gateway_too=True)
                time.sleep(0.05)
        raise NotSent("no gateway can be reached")

    def ask(self, method: str, path: str, body: object = None, key: str | None = None) -> Answer | None:
        """The answer, if there is one."""
        if self.wire and self.random.random() < 1 / REFRESH:
            self.leave(gateway_too=False)
        trouble = ""
        try:
            if not self.wire:
                self.connect()
            answer = self.wire.ask(method, path, body, key)
        except ResetAtFirst:
            answer, trouble = None, QUEUED
        except (NotSent, NotAnswered) as why:
            answer, trouble = None, f"{why} (gateway {self.load.gateways[self.gateway]})"
        self.ledger.count(method, answer, trouble)
        if answer is None or answer.closes:
            self.leave(gateway_too=True)
        return answer

    def read(self, path: str) -> Answer | None:
        start = time.monotonic()
        answer = self.ask("GET", path)
        outcome = str(answer.status) if answer else "no answer"
        self.reads.append(Read(start, time.monotonic() - start, outcome))
        return answer

    def check(self, item: Item) -> Answer | None:
        answer = self.read(f"/items/{item.id}")
        if answer and answer.status == 404:
            self.ledger.complain(f"{item.name} was acknowledged as {item.id} and is not found")
        return answer

    def run(self) -> None:
        while not self.load.over.is_set():
            try:
                self.step()
            except Exception as fault:  # a fault of these tests; it must not go unnoticed
                self.ledger.complain(f"client {self.number}: {fault!r}")
                return
            time.sleep(self.random.expovariate(1 / PAUSE))
        self.leave(gateway_too=False)

    def step(self) -> None:
        raise NotImplementedError


class Writer(Client):
    def __init__(self, load: "Load", number: int) -> None:
        super().__init__(load, number)
        self.own: list[Item] = []
        self.made = 0

    def step(self) -> None:
        what = self.random.random()
        if what < 0.5 or not self.own:
            self.create()
        elif what < 0.75:
            self.replace(self.random.choice(self.own))
        else:
            item = self.random.choice(self.own)
            answer = self.check(item)
            if answer and answer.status == 200 and not item.agrees(answer.json()):
                self.ledger.complain(f"{answer.body!r} was read instead of {item.description!r}")

    def create(self) -> None:
        self.made += 1
        name = f"{self.load.seed}-{self.number}-{self.made}"
        keyed = self.random.random() < KEYED
        item = Item(name, f"key {name}" if keyed else None, description=f"{name} v0")
        self.ledger.add(item)
        patience = time.monotonic() + PERSISTENCE
        persistent = keyed and self.random.random() >= IMPATIENT
        while True:
            item.note_created(self.post(item))
            if item.fate == ACKNOWLEDGED or not persistent or time.monotonic() > patience:
                break
            time.sleep(0.1)
        if persistent and item.fate != ACKNOWLEDGED:
            self.ledger.complain(f"{name}, which has a key, was not acknowledged in {PERSISTENCE} s")
        if item.fate != ACKNOWLEDGED:
            return
        self.own.append(item)
        if keyed and self.random.random() < REPEATED:
            self.repeat(item)

    def post(self, item: Item) -> Answer | None:
        body = {"name": item.name, "description": f"{item.name} v0"}
        return self.ask("POST", "/items/", body, item.key)

    def repeat(self, item: Item) -> None:
        answer = self.post(item)
        if not answer or answer.status >= 500:
            return
        self.ledger.replayed += 1
        if (answer.body, answer.headers.get("idempotency-replayed")) != (item.first, "true"):
            self.ledger.complain(f"{item.name} was repeated and answered {answer} instead of {item.first!r}")

    def replace(self, item: Item) -> None:
        self.made += 1
        description = f"{item.name} v{self.made}"
        # May be carried out from now on.
        answer = self.ask("PUT", f"/items/{item.id}", {"name": item.name, "description": description})
        item.note_replaced(description, answer)


class Reader(Client):
    def step(self) -> None:
        items = self.load.some_acknowledged()
        if items and self.random.random() < 0.8:
            self.check(self.random.choice(items))
            return
        answer = self.read(f"/items/?skip={self.random.randrange(20)}&limit=20")
        if answer and answer.status == 200:
            ids = [each["id"] for each in answer.json()]
            if ids != sorted(set(ids)):
                self.ledger.complain(f"a list is out of order: {ids}")


class Load:
    """Clients at work, as long as the block lasts."""

    def __init__(self, gateways: list[str], seed: str) -> None:
        self.gateways, self.seed = gateways, seed
        self.ledger = Ledger()
        self.over = threading.Event()
        writers = [Writer(self, number) for number in range(WRITERS)]
        self.clients = [*writers, *(Reader(self, WRITERS + number) for number in range(READERS))]
        self.writers = writers

    def some_acknowledged(self) -> list[Item]:
        return [each for writer in self.writers for each in writer.own[-50:]]

    def reads(self, start: float, end: float) -> list[Read]:
        """Those that were under way between two times."""
        return [each for client in self.clients for each in list(client.reads)
                if each.start <= end and each.start + each.seconds >= start]

    def slowest(self, start: float, end: float) -> float:
        """Seconds; endless if there was none, of which nothing can be said."""
        return max((each.seconds for each in self.reads(start, end)), default=math.inf)

    def failed_reads(self, start: float, end: float) -> list[str]:
        reads = self.reads(start, end)
        return [f"{each.outcome} after {each.seconds:.2f} s" for each in reads
                if each.outcome != "200"] if reads else ["there was no read"]


@contextmanager
def load(gateways: list[str], seed: str) -> Iterator[Load]:
    it = Load(gateways, seed)
    for each in it.clients:
        each.start()
    try:
        yield it
    finally:
        it.over.set()
        deadline = time.monotonic() + FAREWELL
        for each in it.clients:
            each.join(max(0.0, deadline - time.monotonic()))
            if each.is_alive():
                it.ledger.complain(f"client {each.number} does not come to its end")
        if not it.some_acknowledged():
            it.ledger.complain("no change was acknowledged")
