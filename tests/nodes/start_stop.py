"""Scenarios of nodes that come and go: the order of starts and stops, a serving worker, a name of many."""

import random
import time
from pathlib import Path

from cluster import HEALTH_PORT, NODE_PORT, Cluster, Node, own_hosts
from load import load
from wire import Answer, NotAnswered, NotSent, ask_once, status_of

# A gateway tries again after 2 s at most, and gives an attempt 2 s.
TAKEN_BACK = 6.0
STOP_BOUND = 8.0
# What a name with several addresses is called in the hosts file.
NAME = "workers.test"
RESOLVE_INTERVAL = 1.0
POLITE = 2.0


def try_ask(node: Node, method: str, path: str, body: object = None, port: int = 8080) -> Answer:
    """The answer; one of status 0 if there is none."""
    try:
        return ask_once(node.address, method, path, body, port=port)
    except (NotSent, NotAnswered) as why:
        return Answer(0, {}, str(why).encode())


def is_not_ready(answer: Answer) -> bool:
    if answer.status != 503:
        return False
    body = answer.json()
    return body["ready"] is False and bool(body["reasons"]) and all(isinstance(each, str) for each in
                                                                     body["reasons"])


def without_workers(c: Cluster, gateways: list[Node]) -> None:
    for each in gateways:
        answers = [try_ask(each, "GET", "/items/"), try_ask(each, "POST", "/items/", {"name": "nobody's"})]
        c.checks.that(all(answer.status == 503 and "retry-after" in answer.headers for answer in answers),
                      f"{each.place.name} without workers: 503 with Retry-After", answers)
        ready = try_ask(each, "GET", "/readyz")
        c.checks.that(is_not_ready(ready), f"{each.place.name} without workers: /readyz 503 with reasons",
                      ready)
        c.checks.that(status_of(each.address, "/healthz") == 200, f"{each.place.name}: /healthz 200")


def stop_all(c: Cluster, nodes: list[Node]) -> None:
    """Asks all to stop at once, and expects a clean end."""
    for each in nodes:
        each.ask_to_stop()
    start = time.monotonic()
    for each in nodes:
        each.wait()
    took = time.monotonic() - start
    names = ", ".join(each.place.name for each in nodes)
    c.checks.that(all(each.exits[-1] == 0 for each in nodes) and took < STOP_BOUND,
                  f"SIGTERM ends {names} with 0 ({took:.2f} s of {STOP_BOUND:g})",
                  f"{[each.exits[-1] for each in nodes]} after {took:.2f} s")


def order(c: Cluster, chance: random.Random) -> None:
    """Gateways before workers, workers before gateways, and stops in both orders."""
    workers = [c.worker(name) for name in ("w1", "w2", "w3")]
    gateways = [c.gateway(name, workers) for name in ("g1", "g2")]
    # The first worker cannot even be asked at first: its machine is off.
    workers[0].place.cut()
    for each in gateways:
        each.start()
    without_workers(c, gateways)
    time.sleep(chance.uniform(0, 3))
    late = workers[1:]
    chance.shuffle(late)
    for number, each in enumerate(late):
        each.launch()
        if number == 0:
            for gateway in gateways:
                c.checks.within(TAKEN_BACK, f"{gateway.place.name} serves when {each.place.name} comes up",
                                lambda node=gateway: status_of(node.address, "/items/") == 200)
    workers[0].launch()
    workers[0].place.heal()
    for gateway in gateways:
        c.checks.within(TAKEN_BACK, f"{gateway.place.name} has all workers",
                        lambda node=gateway: all(node.has(each) for each in workers))
        c.checks.that(status_of(gateway.address, "/readyz") == 200, f"{gateway.place.name}: /readyz 200")
    for each in workers:
        c.checks.within(POLITE, f"{each.place.name}: /healthz and /readyz 200 on its health port",
                        lambda node=each: all(status_of(node.address, path, HEALTH_PORT) == 200
                                              for path in ("/healthz", "/readyz")))
    stop_all(c, workers)
    without_workers(c, gateways)
    for each in workers:
        each.launch()
    for gateway in gateways:
        c.checks.within(TAKEN_BACK, f"{gateway.place.name} serves when all workers are back",
                        lambda node=gateway: status_of(node.address, "/items/") == 200)
    stop_all(c, gateways)
    stop_all(c, workers)
    for each in gateways + workers:
        each.launch()
    c.await_connected(gateways, workers)
    everything = gateways + workers
    chance.shuffle(everything)
    stop_all(c, everything)


def serving_worker(c: Cluster, chance: random.Random) -> None:
    """troupe serve with a node port does both."""
    both = c.add("w1", "serve", f"--node.address={c.places['w1'].address}", f"--node.port={NODE_PORT}",
                 f"--db.uri={c.uri}")
    gateway = c.gateway("g1", [both])
    for each in (both, gateway):
        each.start()
    c.await_connected([gateway], [both])
    with load([both.address, gateway.address], f"g{chance.random():.6f}") as clients:
        time.sleep(1.5)
        made = ask_once(gateway.address, "POST", "/items/", {"name": "through the gateway"})
        read = ask_once(both.address, "GET", f"/items/{made.json()['id']}")
        c.checks.that((made.status, read.status) == (201, 200) and made.body == read.body,
                      "an item made through the gateway is read from the serving worker", (made, read))
    c.checks.that(not clients.ledger.troubles, "both serve without an error", clients.ledger.troubles[:3])
    ask_once(both.address, "DELETE", f"/items/{made.json()['id']}")
    clients.ledger.compare(c.checks, c.database, c.name)
    stop_all(c, [both])
    without_workers(c, [gateway])
    both.start()
    c.checks.within(TAKEN_BACK, "the gateway serves when it is back",
                    lambda: status_of(gateway.address, "/items/") == 200)


def many_addresses(c: Cluster, chance: random.Random) -> None:
    """A host name that stands for several workers, of which one comes later."""
    workers = [c.worker(name) for name in ("w1", "w2", "w3")]
    chance.shuffle(workers)
    hosts = Path(c.directory / "hosts")
    hosts.write_text("127.0.0.1 localhost\n" + "".join(f"{each.address} {NAME}\n" for each in workers[:2]))
    gateway = c.add("g1", "gateway", f"--node.workers={NAME}:{NODE_PORT}",
                    f"--node.resolve-interval={RESOLVE_INTERVAL:g}s", before=own_hosts(hosts))
    for each in [*workers, gateway]:
        each.launch()
    c.checks.within(TAKEN_BACK, "both addresses of a name are found",
                    lambda: all(gateway.has(each) for each in workers[:2]))
    time.sleep(2 * RESOLVE_INTERVAL)
    c.checks.that(not gateway.has(workers[2]), "a worker without the name is left alone")
    with hosts.open("a") as file:
        file.write(f"{workers[2].address} {NAME}\n")
    c.checks.within(RESOLVE_INTERVAL + 1, "an address that is added is found within the resolve interval",
                    lambda: gateway.has(workers[2]))
    with load([gateway.address], f"h{chance.random():.6f}") as clients:
        time.sleep(1.5)
        for each in workers:
            c.checks.that(c.works(each), f"{each.place.name} gets requests")
        # One that is no longer listed is not looked for again once it is gone.
        hosts.write_text(hosts.read_text().replace(f"{workers[0].address} {NAME}\n", ""))
        time.sleep(2 * RESOLVE_INTERVAL)
        stop_all(c, [workers[0]])
        workers[0].start()
        time.sleep(TAKEN_BACK / 2)
        c.checks.that(not gateway.has(workers[0]), "an address that was removed is not taken back")
    c.checks.that(not clients.ledger.troubles, "all that is answered without an error",
                  clients.ledger.troubles[:3])
    clients.ledger.compare(c.checks, c.database, c.name)
