"""Scenarios of nodes that die, freeze or lose each other under load."""

import random
import threading
import time

from cluster import Cluster, Node
from ledger import judge, name_of
from load import Load, load
from pulse import Pulse
from start_stop import TAKEN_BACK
from wire import Answer, NotAnswered, NotSent, ask_once, status_of

# A closed connection is noticed at once, a silent one after node.timeout and at most one heartbeat; half a
# second for a busy machine.
NOTICED_AT_ONCE = 0.5
NOTICED_SILENT = 4.5
# Reads around a death, and around a silence: the deadline of a request.
FAST_READ, READ_DEADLINE = 1.0, 5.0
STOP_BESIDE_FROZEN = 8.0


def expect_reads(c: Cluster, clients: Load, since: float, bound: float, what: str) -> None:
    """That reads since then were all answered, by whoever was left."""
    until = time.monotonic()
    time.sleep(0.3)  # what is under way is noted when it is answered
    slowest = clients.slowest(since, until)
    c.checks.that(slowest < bound, f"{what}: the slowest read took {slowest:.3f} s of {bound:g}")
    failed = clients.failed_reads(since, until)
    c.checks.that(not failed, f"{what}: all reads were answered 200", f"{len(failed)} not: {failed[:3]}")


def expect_gone(c: Cluster, gateways: list[Node], worker: Node, seconds: float, what: str,
                since: float) -> None:
    c.checks.within(seconds, f"{what}: {worker.place.name} is taken out",
                    lambda: not any(each.has(worker) for each in gateways), since)


def expect_back(c: Cluster, gateways: list[Node], worker: Node, what: str) -> None:
    c.checks.within(TAKEN_BACK, f"{what}: {worker.place.name} is taken back",
                    lambda: all(each.has(worker) for each in gateways))
    c.checks.within(2, f"{what}: {worker.place.name} works", lambda: c.works(worker))


def death(c: Cluster, clients: Load, gateways: list[Node], worker: Node) -> None:
    since = time.monotonic()
    worker.kill()
    expect_gone(c, gateways, worker, NOTICED_AT_ONCE, "kill -9", since)
    time.sleep(1)
    expect_reads(c, clients, since, FAST_READ, "kill -9")
    worker.launch()
    expect_back(c, gateways, worker, "restart after kill -9")


def freeze(c: Cluster, clients: Load, gateways: list[Node], worker: Node) -> None:
    since = time.monotonic()
    worker.freeze()
    expect_gone(c, gateways, worker, NOTICED_SILENT, "SIGSTOP", since)
    expect_reads(c, clients, since, READ_DEADLINE, "SIGSTOP")
    since = time.monotonic()
    worker.thaw()
    expect_back(c, gateways, worker, "SIGCONT")
    expect_reads(c, clients, since, FAST_READ, "SIGCONT")


def cut(c: Cluster, clients: Load, gateways: list[Node], worker: Node) -> None:
    since = time.monotonic()
    worker.place.cut()
    expect_gone(c, gateways, worker, NOTICED_SILENT, "cut link", since)
    expect_reads(c, clients, since, READ_DEADLINE, "cut link")
    since = time.monotonic()
    worker.place.heal()
    expect_back(c, gateways, worker, "healed link")
    expect_reads(c, clients, since, FAST_READ, "healed link")


def reboot(c: Cluster, clients: Load, gateways: list[Node], worker: Node) -> None:
    """The worker is away without a last packet, and there again before anyone has missed it."""
    since = time.monotonic()
    before = [each.losses(worker) for each in gateways]
    worker.place.lose_power(worker.kill)
    worker.launch()
    # It may be back at once.
    c.checks.within(NOTICED_SILENT, f"reboot: {worker.place.name} is taken out",
                    lambda: all(each.losses(worker) > lost for each, lost in zip(gateways, before)), since)
    expect_back(c, gateways, worker, "reboot")
    expect_reads(c, clients, since, READ_DEADLINE, "reboot")


def lose_workers(c: Cluster, chance: random.Random) -> None:
    """A worker killed, frozen, cut off, rebooted during load, in any order; each is taken back."""
    gateways, workers = c.standard()
    with load([each.address for each in gateways], f"b{chance.random():.6f}") as clients:
        time.sleep(1)
        for fault in chance.sample([death, freeze, cut, reboot], 4):
            fault(c, clients, gateways, chance.choice(workers))
            time.sleep(chance.uniform(0, 0.5))
        # Its last words are for all gateways, of which one does not listen.
        gateways[1].freeze()
        leaver = chance.choice(workers)
        took = leaver.stop()
        gateways[1].thaw()
        c.checks.that(took < STOP_BESIDE_FROZEN and leaver.exits[-1] == 0,
                      f"a worker stops though a gateway is frozen ({took:.2f} s of {STOP_BESIDE_FROZEN:g})",
                      f"{leaver.exits[-1]} after {took:.2f} s")
        leaver.launch()
        expect_back(c, gateways, leaver, "a thawed gateway")
    clients.ledger.compare(c.checks, c.database, c.name)


def lose_gateways(c: Cluster, chance: random.Random) -> None:
    """A gateway killed, rebooted, frozen: the other and the workers do not mind, and it is back soon."""
    (victim, other), workers = c.standard(workers=2)
    sockets = [each.sockets() for each in workers]
    with load([other.address], f"l{chance.random():.6f}") as clients:
        since = time.monotonic()
        for fault in chance.sample(["kill -9", "reboot", "freeze"], 3):
            time.sleep(chance.uniform(0.2, 0.6))
            if fault == "freeze":
                victim.freeze()
                time.sleep(chance.uniform(4.5, 5.5))  # the workers have given it up
                victim.thaw()
            else:
                if fault == "reboot":
                    victim.place.lose_power(victim.kill)
                else:
                    victim.kill()
                victim.launch()
            time.sleep(0.5)
            c.checks.within(TAKEN_BACK, f"{fault} of a gateway: it serves again",
                            lambda: status_of(victim.address, "/items/") == 200)
            c.checks.within(TAKEN_BACK, f"{fault} of a gateway: it has all workers",
                            lambda: all(victim.has(each) for each in workers))
            if fault == "reboot":  # the workers have not missed it yet
                pulse = Pulse(victim)
                pulse.start()
                time.sleep(NOTICED_SILENT)
                pulse.verdict(c.checks, "after a reboot it serves without an error")
        expect_reads(c, clients, since, FAST_READ, "meanwhile by the other gateway")
        c.checks.that(not clients.ledger.troubles, "the other gateway refused and lost nothing",
                      clients.ledger.troubles[:3])
    clients.ledger.compare(c.checks, c.database, c.name)
    c.checks.within(NOTICED_SILENT, "the workers have closed the sockets of lost gateways",
                    lambda: all(each.sockets() <= before for each, before in zip(workers, sockets)))


def one_way(c: Cluster, clients: Load, gateways: list[Node], worker: Node, heard: bool) -> None:
    """Only one direction is lost, between the worker and some of the gateways."""
    what = "the gateways are not heard" if heard else "the worker is not heard"
    pairs = [(each.place, worker.place) if heard else (worker.place, each.place) for each in gateways]
    since = time.monotonic()
    for one, other in pairs:
        one.mute(towards=other)
    expect_gone(c, gateways, worker, NOTICED_SILENT, what, since)
    expect_reads(c, clients, since, READ_DEADLINE, what)
    for one, other in pairs:
        one.unmute(towards=other)
    expect_back(c, gateways, worker, f"{what}, then again")


def one_direction(c: Cluster, chance: random.Random) -> None:
    """Links that lose one direction, all for moments, or some packets."""
    gateways, workers = c.standard(workers=2)
    with load([each.address for each in gateways], f"c{chance.random():.6f}") as clients:
        time.sleep(0.5)
        worker = chance.choice(workers)
        one_way(c, clients, gateways, worker, heard=False)
        # Between two nodes only: the other gateway keeps the worker.
        lonely, other = chance.sample(gateways, 2)
        one_way(c, clients, [lonely], worker, heard=True)
        c.checks.that("is gone" not in other.says().rpartition("is connected")[2],
                      "the gateway that heard the worker kept it")
        since = time.monotonic()
        for _ in range(8):
            worker.place.cut()
            time.sleep(chance.uniform(0.05, 0.2))
            worker.place.heal()
            time.sleep(chance.uniform(0.1, 0.4))
        time.sleep(1)
        c.checks.that(all(each.has(worker) for each in gateways), "cuts of 0.2 s: the worker is kept")
        expect_reads(c, clients, since, READ_DEADLINE, "cuts of 0.2 s")
        since = time.monotonic()
        if worker.place.disturb("40ms", "5%"):
            time.sleep(4)
            worker.place.calm()
            expect_reads(c, clients, since, READ_DEADLINE, "40 ms and 5 % loss")
        else:
            c.checks.note("skipped: delay and loss, this kernel or tc has no netem")
    clients.ledger.compare(c.checks, c.database, c.name)


def post_in_background(gateway: Node, name: str,
                       key: str | None) -> tuple[threading.Thread, list[Answer | None]]:
    answers: list[Answer | None] = []

    def post() -> None:
        try:
            answers.append(ask_once(gateway.address, "POST", "/items/", {"name": name}, key))
        except (NotSent, NotAnswered):
            answers.append(None)

    thread = threading.Thread(target=post, daemon=True)
    thread.start()
    return thread, answers


def last_worker(c: Cluster, chance: random.Random) -> None:
    """The only worker dies while PostgreSQL is at work for it: nobody may say that nothing was changed."""
    worker = c.worker("w1")
    gateway = c.gateway("g1", [worker])
    for each in (worker, gateway):
        each.start()
    c.await_connected([gateway], [worker])
    names = {"without a key": None, "with a key": "the key"}
    with c.database.locked(c.name, "items"):
        posts = {name: post_in_background(gateway, name, key) for name, key in names.items()}
        time.sleep(chance.uniform(0.3, 0.8))
        worker.kill()
        for thread, _ in posts.values():
            thread.join()
    time.sleep(0.5)
    for name, (_, [answer]) in posts.items():
        rows = int(c.database.sql(c.name, f"SELECT count(*) FROM items WHERE name = '{name}'"))
        c.checks.that(judge(answer) == "unknown" or rows == 0,
                      f"a create {name}: nothing is said to be refused that was carried out",
                      f"{rows} row, and the answer {name_of(answer)} "
                      f"{answer.body.decode() if answer else ''}")
    worker.start()
    c.await_connected([gateway], [worker])
    again = ask_once(gateway.address, "POST", "/items/", {"name": "with a key"}, "the key")
    rows = int(c.database.sql(c.name, "SELECT count(*) FROM items WHERE name = 'with a key'"))
    c.checks.that(again.status == 201 and rows == 1, "repeated with its key, the change is made once",
                  (again, rows))
