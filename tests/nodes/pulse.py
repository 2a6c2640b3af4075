"""One client that reads through one gateway all the time, and expects an answer at once each time."""

import threading
import time

from checks import Checks
from cluster import Node
from wire import status_of

FAST_READ = 1.0


class Pulse(threading.Thread):
    """Reads through a gateway all the time."""

    def __init__(self, gateway: Node) -> None:
        super().__init__(daemon=True)
        self.gateway, self.over = gateway, threading.Event()
        self.bad: list[int] = []
        self.slowest = 0.0

    def run(self) -> None:
        while not self.over.wait(0.02):
            start = time.monotonic()
            status = status_of(self.gateway.address, "/items/")
            self.slowest = max(self.slowest, time.monotonic() - start)
            if status != 200:
                self.bad.append(status)

    def verdict(self, checks: Checks, what: str) -> None:
        self.over.set()
        self.join()
        checks.that(not self.bad and self.slowest < FAST_READ,
                    f"{what}, the slowest read took {self.slowest:.3f} s of {FAST_READ:g}",
                    f"{len(self.bad)} not: {self.bad[:3]}")
