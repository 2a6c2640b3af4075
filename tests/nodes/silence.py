"""Scenario of connections whose other end vanishes without a word, as behind a firewall that forgot them."""

import random
import subprocess
import sys
import time

from cluster import Cluster
from start_stop import TAKEN_BACK
from wire import PORT, status_of

# tcp.keepalive is 20 s; the rest is for a busy machine.
NOTICED = 30.0

# Asks once, then keeps the connection open and silent.
IDLE_CLIENT = """
import http.client, sys, time
client = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2]), timeout=10)
client.request("GET", "/healthz")
client.getresponse().read()
print("connected", flush=True)
time.sleep(300)
"""


def forgotten(c: Cluster, _chance: random.Random) -> None:
    """An idle service notices that a client or PostgreSQL is gone, though nobody says so."""
    service = c.add("w1", "serve", f"--db.uri={c.uri}")
    service.start()
    c.checks.within(TAKEN_BACK, "the service serves", lambda: status_of(service.address, "/items/") == 200)
    time.sleep(0.5)  # the connections of these questions have ended
    before = service.sockets()
    away = c.places["g1"]
    client = subprocess.Popen([*away.inside(), sys.executable, "-c", IDLE_CLIENT, service.address, str(PORT)],
                              stdout=subprocess.PIPE, text=True)
    try:
        c.checks.that(client.stdout.readline() == "connected\n" and service.sockets() == before + 1,
                      "a client is connected")
        since = time.monotonic()
        away.cut()
        c.checks.within(NOTICED, "a client that is cut off is let go", lambda: service.sockets() == before, since)
    finally:
        client.kill()
        client.wait()
        away.heal()

    since = time.monotonic()
    service.place.cut()
    c.checks.within(NOTICED, "a database that is cut off is missed",
                    lambda: "PostgreSQL: connection refused or lost" in service.says(), since)
    service.place.heal()
    c.checks.within(TAKEN_BACK, "the service serves again",
                    lambda: status_of(service.address, "/items/") == 200)
