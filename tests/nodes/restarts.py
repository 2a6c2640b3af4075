"""Scenarios of restarts under load: of each node in turn, which nobody may notice, and of PostgreSQL."""

import random
import signal
import time

from cluster import HEALTH_PORT, Cluster, Node
from faults import READ_DEADLINE, expect_back, post_in_background
from load import QUEUED, Load, load
from wire import status_of

STOP_BOUND = 8.0
# The pools of the workers try again after 1 s at most.
SERVED_AGAIN = 4.0


# Connections that come between a gateway's last look at its port and closing it; Linux resets them.
QUEUED_PER_STOP = 1


def restart(c: Cluster, node: Node) -> None:
    took = node.stop()
    c.checks.that(node.exits[-1] == 0 and took < STOP_BOUND,
                  f"{node.place.name} stops with 0 ({took:.2f} s of {STOP_BOUND:g})",
                  f"{node.exits[-1]} after {took:.2f} s")
    node.start()


def expect_unnoticed(c: Cluster, clients: Load, since: float, what: str, stops_of_gateways: int = 0) -> None:
    slowest = clients.slowest(since, time.monotonic())
    queued = [each for each in clients.ledger.troubles if QUEUED in each]
    troubles = [each for each in clients.ledger.troubles if QUEUED not in each]
    c.checks.that(not troubles, f"{what}: no request was refused or lost",
                  f"{len(troubles)} were: {troubles[:4]}")
    c.checks.that(len(queued) <= QUEUED_PER_STOP * stops_of_gateways,
                  f"{what}: {len(queued)} new connections were reset", queued[:4])
    c.checks.that(slowest < READ_DEADLINE, f"{what}: the slowest read took {slowest:.3f} s")
    clients.ledger.troubles.clear()


def finish(c: Cluster, gateways: list[Node], node: Node, chance: random.Random, what: str) -> None:
    """A node that is asked to stop while PostgreSQL is at work finishes what it has."""
    with c.database.locked(c.name, "items"):
        posts = [post_in_background(each, f"unfinished at a stop of {what} {number}", None)
                 for number in range(4) for each in gateways]
        time.sleep(0.3)
        node.ask_to_stop()
        time.sleep(chance.uniform(0.5, 2))
    for thread, _ in posts:
        thread.join()
    node.wait()
    answers = [answer.status if answer else 0 for _, [answer] in posts]
    c.checks.that(answers == [201] * len(posts) and node.exits[-1] == 0,
                  f"{what} that stops finishes the creates it has", (answers, node.exits[-1]))
    node.start()


def unfinished_work(c: Cluster, chance: random.Random) -> None:
    """Nodes are stopped while PostgreSQL is at work for them."""
    gateways, workers = c.standard(workers=2)
    for each, what in [*((worker, "a worker") for worker in workers), (gateways[0], "a gateway")]:
        finish(c, gateways, each, chance, what)
        c.await_connected(gateways, workers)


def rolling_restart(c: Cluster, chance: random.Random) -> None:
    """All workers, then all gateways, one after the other, twice."""
    gateways, workers = c.standard()
    with load([each.address for each in gateways], f"d{chance.random():.6f}") as clients:
        time.sleep(1)
        since = time.monotonic()
        for each in chance.sample(workers, 3) + chance.sample(workers, 3):
            restart(c, each)
            expect_back(c, gateways, each, "restart")
            time.sleep(chance.uniform(0, 0.3))
        expect_unnoticed(c, clients, since, "rolling restart of the workers")
        since = time.monotonic()
        for each in chance.sample(gateways, 2) + chance.sample(gateways, 2):
            restart(c, each)
            c.await_connected([each], workers)
            time.sleep(chance.uniform(0.2, 0.8))
        expect_unnoticed(c, clients, since, "rolling restart of the gateways", stops_of_gateways=4)
    refused = sum(each.refused for each in clients.clients)
    c.checks.note(f"connections refused by a gateway that was down, made to the other: {refused}")
    clients.ledger.compare(c.checks, c.database, c.name)


def await_served(c: Cluster, gateways: list[Node], what: str) -> None:
    since = time.monotonic()
    for each in gateways:
        c.checks.within(SERVED_AGAIN, f"{what}: {each.place.name} serves again",
                        lambda node=each: status_of(node.address, "/items/") == 200, since)


def database_faults(c: Cluster, chance: random.Random) -> None:
    """PostgreSQL loses its sessions, restarts, crashes, and is away while a worker starts."""
    gateways, workers = c.standard(workers=2)
    with load([each.address for each in gateways], f"e{chance.random():.6f}") as clients:
        start = time.monotonic()
        for _ in range(3):
            time.sleep(chance.uniform(0.2, 0.8))
            ended = c.database.end_sessions(c.name)
            c.checks.that(ended > 0, f"{ended} sessions of the workers were ended")
        await_served(c, gateways, "ended sessions")
        for how, what in chance.sample([(signal.SIGINT, "restart"), (signal.SIGQUIT, "crash")], 2):
            time.sleep(chance.uniform(0.2, 0.8))
            c.database.stop(how)
            time.sleep(chance.uniform(0, 1))
            c.database.start()
            await_served(c, gateways, f"{what} of PostgreSQL")
        c.database.stop()
        worker = chance.choice(workers)
        worker.kill()
        worker.start()
        c.checks.that(status_of(worker.address, "/readyz", HEALTH_PORT) == 503,
                      "a worker without PostgreSQL: /readyz 503 on its health port")
        c.checks.that(status_of(gateways[0].address, "/items/") == 503, "all without PostgreSQL: 503")
        time.sleep(chance.uniform(0, 1))
        c.database.start()
        await_served(c, gateways, "PostgreSQL is back")
        expect_back(c, gateways, worker, "a worker that was started without PostgreSQL")
        slowest = clients.slowest(start, time.monotonic())
        c.checks.that(slowest < READ_DEADLINE + 0.5, f"the slowest read took {slowest:.3f} s")
    clients.ledger.compare(c.checks, c.database, c.name)
