"""A keep-alive HTTP connection that does as little as possible."""

import re
import socket
from urllib.parse import urlsplit

from common import BenchError

# Seconds; above the 5 s after which the service itself gives up, and enough under valgrind.
TIMEOUT = 30
HEAD_END = b"\r\n\r\n"
CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def get(target: str) -> bytes:
    return f"GET {target} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()


def post(target: str, body: str) -> bytes:
    return (f"POST {target} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}").encode()


class Connection:
    """Sends requests and reads their answers, one by one."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._socket = socket.create_connection((address.hostname, address.port), TIMEOUT)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        self._socket.close()

    def send(self, request: bytes) -> None:
        self._socket.sendall(request)

    def receive(self) -> tuple[bytes, bytes]:
        """Reads one answer, which must be a success: its head and its body."""
        answer = b""
        while HEAD_END not in answer:
            answer += self._more()
        head_end = answer.index(HEAD_END) + len(HEAD_END)
        length = CONTENT_LENGTH.search(answer, 0, head_end)
        end = head_end + (int(length[1]) if length else 0)
        while len(answer) < end:
            answer += self._more()
        if not answer.startswith(b"HTTP/1.1 2"):
            raise BenchError(f"the service answered {answer.decode(errors='replace')}")
        return answer[:head_end], answer[head_end:]

    def _more(self) -> bytes:
        data = self._socket.recv(65536)
        if not data:
            raise BenchError("the service closed a connection")
        return data


def open_idle(url: str, count: int) -> list[Connection]:
    """Connections that had one answer each and stay open."""
    connections = []
    for number in range(count):
        connections.append(Connection(url))
        connections[-1].send(get(f"/items/{number + 1}"))
        connections[-1].receive()
    return connections


def close_all(connections: list[Connection]) -> None:
    for connection in connections:
        connection.close()
