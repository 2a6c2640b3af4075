"""Scenario of nodes that show each other certificates: those that fit serve, and nobody else gets in."""

import random
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from certificates import Authority
from cluster import Cluster, Node
from start_stop import TAKEN_BACK, stop_all, try_ask
from wire import status_of

# Enough for some attempts of a gateway.
SOME_ATTEMPTS = 3.0
# How a worker's line about a gateway, and a gateway's about a worker, begins.
WORKER_SAYS, GATEWAY_SAYS = "is not trusted: ", "cannot be reached: "
TLS_FAILED = "TLS cannot be agreed on with it"
NO_GREETING = "it does not greet as a node of this service, or does not take this one for one"
UNVERIFIED = "certificate verify failed"


def tls(of: Authority, name: str, trusted: Path, peer: str) -> list[str]:
    """The options of a node that shows the certificate of this name and lets in the peer."""
    return [f"--node.tls.certificate={of.of(name)}", f"--node.tls.key={of.key_of(name)}",
            f"--node.tls.authority={trusted}", f"--node.tls.peers={peer}"]


@dataclass
class Misfit:
    """Two nodes that do not fit, and what they say of each other: nothing, where there are no words."""
    what: str
    worker: list[str]
    gateway: list[str]
    worker_says: str | None
    gateway_says: str
    reason: str


def start(c: Cluster, at_worker: list[str], at_gateway: list[str]) -> tuple[Node, Node]:
    worker = c.worker("w1", *at_worker)
    gateway = c.gateway("g1", [worker], *at_gateway)
    for each in (worker, gateway):
        each.start()
    return worker, gateway


def expect_one_line(c: Cluster, node: Node, what: str, about: str, words: str | None) -> None:
    lines = [each for each in node.says().splitlines() if about in each]
    if words is None:
        c.checks.that(not lines, f"{what}: {node.place.name} says nothing", lines[:3])
    else:
        c.checks.that(len(lines) == 1 and words in lines[0], f"{what}: {node.place.name} says it in one line",
                      lines[:3])


def expect_refused(c: Cluster, it: Misfit, worker: Node, gateway: Node) -> None:
    time.sleep(SOME_ATTEMPTS)
    for method, body in (("GET", None), ("POST", {"name": "a stranger's"})):
        answer = try_ask(gateway, method, "/items/", body)
        c.checks.that(answer.status == 503 and "retry-after" in answer.headers,
                      f"{it.what}: {method} 503 with Retry-After", answer)
    ready = try_ask(gateway, "GET", "/readyz")
    reasons = [f"Worker {worker.endpoint}: {it.reason}"]
    c.checks.that(ready.status == 503 and ready.json()["reasons"] == reasons,
                  f"{it.what}: /readyz says \"{it.reason}\"", ready)
    expect_one_line(c, worker, it.what, WORKER_SAYS, it.worker_says)
    expect_one_line(c, gateway, it.what, GATEWAY_SAYS, it.gateway_says)


def expect_served(c: Cluster, what: str, worker: Node, gateway: Node) -> None:
    c.checks.within(TAKEN_BACK, f"{what}: the gateway has the worker", lambda: gateway.has(worker))
    c.checks.within(TAKEN_BACK, f"{what}: /readyz 200", lambda: status_of(gateway.address, "/readyz") == 200)
    made = try_ask(gateway, "POST", "/items/", {"name": what})
    read = try_ask(gateway, "GET", f"/items/{made.json()['id']}" if made.status == 201 else "/items/")
    c.checks.that((made.status, read.status) == (201, 200) and made.body == read.body,
                  f"{what}: an item is written and read", (made, read))
    expect_one_line(c, worker, what, WORKER_SAYS, None)


def renewed(c: Cluster, it: Misfit, at_fault: str, authority: Authority, name: str) -> None:
    """Refused, until the node at fault has a new certificate in the same place and is restarted."""
    worker, gateway = start(c, it.worker, it.gateway)
    expect_refused(c, it, worker, gateway)
    # As deploy/certificates says.
    shutil.rmtree(authority.directory / name)
    authority.make(name)
    stop_all(c, [worker if at_fault == "worker" else gateway])
    (worker if at_fault == "worker" else gateway).start()
    if at_fault == "gateway":
        worker.log_start = worker.log.stat().st_size  # it has said its line about the old one
    expect_served(c, f"{it.what}, then renewed", worker, gateway)
    stop_all(c, [gateway, worker])


def node_tls(c: Cluster, chance: random.Random) -> None:
    """Nodes that show certificates: those that fit serve; the others are refused, and it is said why."""
    ours, theirs = Authority(c.directory / "ours"), Authority(c.directory / "theirs")
    ours.make("worker-1", "worker-2", "gateway-1", "gateway-2")
    theirs.make("worker-1", "gateway-1")
    ca = ours.certificate
    at_worker, at_gateway = tls(ours, "worker-1", ca, "gateway-1"), tls(ours, "gateway-1", ca, "worker-1")

    worker, gateway = start(c, at_worker, at_gateway)
    expect_served(c, "certificates that fit", worker, gateway)
    stop_all(c, [gateway, worker])

    # A gateway at fault learns no more than that it is not taken: it has shown its certificate, and TLS 1.3
    # does not wait for an answer to that. A worker in clear takes TLS for garbage, of which it says nothing.
    misfits = [
        Misfit("a gateway in clear", at_worker, [], "wrong version number", NO_GREETING, NO_GREETING),
        Misfit("a worker in clear", [], at_gateway, None, "", "the connection was lost"),
        Misfit("a gateway of another authority", at_worker, tls(theirs, "gateway-1", ca, "worker-1"),
               UNVERIFIED, NO_GREETING, NO_GREETING),
        Misfit("a worker of another authority", tls(theirs, "worker-1", ca, "gateway-1"), at_gateway,
               "alert unknown ca", UNVERIFIED, TLS_FAILED),
        Misfit("a gateway that is not on the list", at_worker, tls(ours, "gateway-2", ca, "worker-1"),
               UNVERIFIED, NO_GREETING, NO_GREETING),
        Misfit("a worker that is not on the list", tls(ours, "worker-2", ca, "gateway-1"), at_gateway,
               "alert bad certificate", UNVERIFIED, TLS_FAILED),
    ]
    for each in chance.sample(misfits, len(misfits)):
        worker, gateway = start(c, each.worker, each.gateway)
        expect_refused(c, each, worker, gateway)
        stop_all(c, [gateway, worker])

    ours.expire("gateway-1")
    renewed(c, Misfit("a gateway whose certificate has expired", at_worker, at_gateway, UNVERIFIED,
                      NO_GREETING, NO_GREETING), "gateway", ours, "gateway-1")
    ours.expire("worker-1")
    renewed(c, Misfit("a worker whose certificate has expired", at_worker, at_gateway,
                      "alert certificate expired", UNVERIFIED, TLS_FAILED), "worker", ours, "worker-1")
