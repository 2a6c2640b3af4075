"""One HTTP connection that tells a request that was never sent from one that was not answered."""

import json
import socket
import time
from dataclasses import dataclass

# Above the gateways' own deadline of 5 s.
PATIENCE = 8.0
CONNECT_PATIENCE = 1.0
PORT = 8080


class NotSent(Exception):
    """There is no connection: nobody has seen the request."""


class NotAnswered(Exception):
    """The request may have been seen, and may have been carried out."""


class ResetAtFirst(NotAnswered):
    """The first request of a connection met a reset: the kernel had made the connection, and the server never
    took it. That is what becomes of those that wait in the queue of a port when it is closed."""


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> object:
        return json.loads(self.body)

    @property
    def closes(self) -> bool:
        return self.headers.get("connection", "") == "close"


class Wire:
    def __init__(self, address: str, port: int = PORT) -> None:
        try:
            self.socket = socket.create_connection((address, port), CONNECT_PATIENCE)
        except OSError as why:
            raise NotSent(str(why)) from why
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.host = address
        self.asked = 0

    def close(self) -> None:
        self.socket.close()

    def ask(self, method: str, path: str, body: object = None, key: str | None = None) -> Answer:
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\n"
        content = b""
        if body is not None:
            content = json.dumps(body).encode()
            head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
        if key is not None:
            head += f"Idempotency-Key: {key}\r\n"
        self.asked += 1
        deadline = time.monotonic() + PATIENCE
        try:
            self.socket.settimeout(PATIENCE)
            self.socket.sendall(head.encode() + b"\r\n" + content)
            return self.read(deadline)
        except OSError as why:
            kind = ResetAtFirst if self.asked == 1 and isinstance(why, ConnectionResetError) else NotAnswered
            raise kind(f"request {self.asked} of its connection: {why or type(why).__name__}") from why

    def read(self, deadline: float) -> Answer:
        raw = b""
        while b"\r\n\r\n" not in raw:
            raw += self.receive(deadline)
        head, _, body = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        length = int(headers.get("content-length", "0"))
        while len(body) < length:
            body += self.receive(deadline)
        return Answer(int(first.split()[1]), headers, body)

    def receive(self, deadline: float) -> bytes:
        self.socket.settimeout(max(0.001, deadline - time.monotonic()))
        got = self.socket.recv(65536)
        if not got:
            raise ConnectionError("closed before the answer")
        return got


def ask_once(address: str, method: str, path: str, body: object = None, key: str | None = None,
             port: int = PORT) -> Answer:
    """One request on a connection of its own."""
    wire = Wire(address, port)
    try:
        return wire.ask(method, path, body, key)
    finally:
        wire.close()


def status_of(address: str, path: str, port: int = PORT) -> int:
    """The status of a GET, 0 if there is no answer."""
    try:
        return ask_once(address, "GET", path, port=port).status
    except (NotSent, NotAnswered):
        return 0
