"""Scenarios of peers on the node port, and behind the names of workers, that are no nodes."""

import random
import socket
import struct
import threading
import time
from collections.abc import Callable

from cluster import HEALTH_PORT, NODE_PORT, Cluster, Node
from database import PORT as DATABASE_PORT
from network import HUB
from pulse import Pulse
from start_stop import TAKEN_BACK
from wire import status_of

CROWD = 500
# A worker listens to 64 peers at a time; the oldest makes room for a gateway.
CROWD_BOUND = 6.0
# Of one core, while peers are silent.
CALM = 0.15
# Longer than the patience of a worker with a peer that says nothing.
SILENCE = 3.0
# The same for one that has begun to greet: a silent node is given up after 4 s.
PATIENCE = 5.0
# What a server of HTTP/2 says first, as nginx does: SETTINGS and WINDOW_UPDATE.
HTTP2_SETTINGS = bytes.fromhex("000012040000000000000300000080000400010000000500ffffff"
                               "000004080000000000007fff0000")
# The first 32 bytes of CAF 0.17's protocol: operation, two of nothing, flags, length of the payload, data,
# and two actors.
CLIENT_HANDSHAKE = 1


def header(payload: int, operation: int = CLIENT_HANDSHAKE) -> bytes:
    return struct.pack(">BBBBIQQQ", operation, 0, 0, 0, payload, 0, 0, 0)


class Guest:
    """A peer that sends some bytes and stays."""

    def __init__(self, worker: Node, says: bytes) -> None:
        self.socket = socket.create_connection((worker.address, NODE_PORT), 5)
        if says:
            self.socket.sendall(says)

    def is_dismissed(self) -> bool:
        self.socket.setblocking(False)
        try:
            while self.socket.recv(4096):
                pass  # a worker greets whoever looks like a node
            return True
        except BlockingIOError:
            return False
        except OSError:
            return True

    def leave(self) -> None:
        self.socket.close()


def guests(chance: random.Random) -> dict[str, bytes]:
    return {
        "random bytes": chance.randbytes(400),
        "an HTTP request": b"GET /items/ HTTP/1.1\r\nHost: troupe\r\n\r\n",
        "a TLS greeting": b"\x16\x03\x01\x00\xee\x01\x00\x00\xea\x03\x03" + chance.randbytes(64),
        "a greeting without payload": header(0),
        "a greeting of 4 GiB": header(0xFFFFFFFF),
        "a greeting with random payload": header(30) + chance.randbytes(30),
        "a message instead of a greeting": header(30, operation=2) + chance.randbytes(30),
        "a greeting that breaks off": header(30),
        "silence": b"",
        "half a header": header(30)[:16],
    }


def node_port(c: Cluster, chance: random.Random) -> None:
    """Garbage on the node port: the worker lives, stays calm, and serves its gateways."""
    worker = c.worker("w1")
    first, second = (c.gateway(name, [worker]) for name in ("g1", "g2"))
    for each in (worker, first):
        each.start()
    c.await_connected([first], [worker])
    pulse = Pulse(first)
    pulse.start()
    for what, says in chance.sample(list(guests(chance).items()), len(guests(chance))):
        visitors = [Guest(worker, says) for _ in range(3)]
        c.checks.within(PATIENCE, f"{what}: dismissed", lambda: all(each.is_dismissed() for each in visitors))
        c.checks.that(worker.lives(), f"{what}: the worker lives")
        for each in visitors:
            each.leave()
    pulse.verdict(c.checks, "a gateway was served all the time")

    used = worker.cpu()
    visitors = [Guest(worker, chance.choice([b"", header(30)[:16]])) for _ in range(60)]
    time.sleep(SILENCE)
    share = (worker.cpu() - used) / SILENCE
    c.checks.that(share < CALM, f"60 silent peers: the worker uses {100 * share:.1f} % of a core")
    for each in visitors:
        each.leave()

    sockets = worker.sockets()
    pulse = Pulse(first)
    pulse.start()
    for each in [Guest(worker, b"") for _ in range(CROWD)]:
        each.leave()
    second.start()
    c.checks.within(TAKEN_BACK, f"{CROWD} peers that came and left: a new gateway connects",
                    lambda: second.has(worker))
    second.stop()
    crowd = [Guest(worker, b"") for _ in range(CROWD)]
    second.start()
    c.checks.within(CROWD_BOUND, f"{CROWD} peers that stay and say nothing: a new gateway connects",
                    lambda: second.has(worker))
    for each in crowd:
        each.leave()
    pulse.verdict(c.checks, "a gateway was served all the time")
    second.stop()
    c.checks.within(SILENCE, "the worker has closed the sockets of all of them",
                    lambda: worker.sockets() <= sockets)


def listener(serve: Callable[[socket.socket], None]) -> int:
    """A TCP port of this process, each of whose peers is served so."""
    server = socket.create_server((HUB, 0))

    def accept() -> None:
        while True:
            peer, _ = server.accept()
            threading.Thread(target=serve, args=[peer], daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return server.getsockname()[1]


def say_and_stay(what: bytes) -> Callable[[socket.socket], None]:
    def serve(peer: socket.socket) -> None:
        try:
            peer.sendall(what)
            time.sleep(SILENCE)
        except OSError:
            pass
        peer.close()

    return serve


def false_workers(c: Cluster, chance: random.Random) -> None:
    """A gateway that is given addresses of other things serves by the one that is a worker."""
    worker = c.worker("w1")
    worker.start()
    false = {
        "an HTTP server": f"{worker.address}:{HEALTH_PORT}",
        "PostgreSQL": f"{HUB}:{DATABASE_PORT}",
        "a port without a listener": f"{worker.address}:1",
        "a machine that is off": "10.77.0.250:4711",
        "a name that nobody has": "nobody.invalid:4711",
        "silence": f"{HUB}:{listener(say_and_stay(b''))}",
        "random bytes": f"{HUB}:{listener(say_and_stay(chance.randbytes(400)))}",
        "an SSH server": f"{HUB}:{listener(say_and_stay(b'SSH-2.0-OpenSSH_9.2p1 Debian-2' + bytes(2)))}",
        "zeros": f"{HUB}:{listener(say_and_stay(bytes(64)))}",
        # In CAF's words a greeting without a payload, where it follows a null pointer.
        "an HTTP/2 server": f"{HUB}:{listener(say_and_stay(HTTP2_SETTINGS))}",
    }
    for what, address in chance.sample(list(false.items()), len(false)):
        gateway = c.add("g1", "gateway", f"--node.workers={address},{worker.endpoint}")
        gateway.launch()
        c.checks.within(TAKEN_BACK, f"beside {what}: the gateway serves by the worker",
                        lambda node=gateway: status_of(node.address, "/items/") == 200)
        time.sleep(0.7)  # some more attempts
        c.checks.that(gateway.lives() and status_of(gateway.address, "/items/") == 200,
                      f"beside {what}: the gateway lives", f"exit code {gateway.process.returncode}")
        if gateway.lives():
            gateway.kill()
