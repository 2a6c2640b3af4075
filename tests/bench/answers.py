"""What the services are asked, and how many bytes their answers must have."""

import json
import random
from dataclasses import dataclass

from common import BenchError
from http_client import Connection, get, post
from servers import ITEMS

# Rows that a list asks for: the default of the API.
LIST_LIMIT = 10
NEW_NAME, NEW_DESCRIPTION = "Desk lamp", "Warm white, dimmable"
NEW_BODY = f'{{"name":"{NEW_NAME}","description":"{NEW_DESCRIPTION}"}}'
# Of a mix.
CREATES = 0.1
# Different requests, after which they repeat: many enough to meet every page of the table.
REQUESTS = 10_000


def item_json(name: str, description: str, key: int) -> str:
    return json.dumps({"name": name, "description": description, "id": key}, separators=(",", ":"))


def stored_item(key: int) -> str:
    """One of those that Postgres.fill() makes."""
    return item_json(f"Item {key}", f"Description of item {key}", key)


@dataclass(frozen=True)
class Request:
    target: str
    # Of its answer; empty for a create, whose answer depends on the id that comes.
    answer: str = ""

    @property
    def creates(self) -> bool:
        return not self.answer

    def text(self) -> str:
        """As requests.lua reads it."""
        if not self.creates:
            return f"GET {self.target}\n"
        return f"POST {self.target} {NEW_BODY}\n"

    def answer_body(self, new_key: int) -> str:
        return self.answer or item_json(NEW_NAME, NEW_DESCRIPTION, new_key)


def draw(kind: str, seed: int) -> list[Request]:
    """The requests of a kind of load, at random but the same for the same seed."""
    source = random.Random(seed)

    def find() -> Request:
        key = source.randint(1, ITEMS)
        return Request(f"/items/{key}", stored_item(key))

    def create() -> Request:
        return Request("/items/")

    def page() -> Request:
        skip = source.randint(0, ITEMS - LIST_LIMIT)
        rows = (stored_item(skip + number) for number in range(1, LIST_LIMIT + 1))
        return Request(f"/items/?skip={skip}&limit={LIST_LIMIT}", f"[{','.join(rows)}]")

    make = {"get": find, "post": create, "list": page,
            "mix": lambda: create() if source.random() < CREATES else find()}[kind]
    return [make() for _ in range(REQUESTS)]


@dataclass(frozen=True)
class Sizes:
    """How long a service's answers are, judged by one to a read and one to a create."""
    read_head: int  # without the digits of Content-Length
    create_head: int
    last_key: int  # of the create, if there was one

    def of(self, request: Request, new_key: int) -> int:
        body = len(request.answer_body(new_key))
        return (self.create_head if request.creates else self.read_head) + len(str(body)) + body


def learn_sizes(url: str, requests: list[Request]) -> Sizes:
    """Asks the first read and the first create of these, whose answers must be right to the byte."""
    connection = Connection(url)
    heads, last_key = {True: 0, False: 0}, 0
    first_of_each = {request.creates: request for request in reversed(requests)}
    for request in first_of_each.values():
        connection.send(post(request.target, NEW_BODY) if request.creates else get(request.target))
        head, body = connection.receive()
        if request.creates:
            last_key = json.loads(body)["id"]
        if body.decode() != request.answer_body(last_key):
            raise BenchError(f"{request.target} was answered {body.decode(errors='replace')} "
                             f"instead of {request.answer_body(last_key)}")
        heads[request.creates] = len(head) - len(str(len(body)))
    connection.close()
    return Sizes(heads[False], heads[True], last_key)


def fault_in(requests: list[Request], sizes: Sizes, sent: int, answered: int, received: int) -> str:
    """Why the bytes received cannot be those of full answers; empty if they can. It is exact but for the
    requests that were under way at the end, of which any part may have come."""
    new_key, total, longest = sizes.last_key, 0, 0
    for number in range(sent):
        request = requests[number % len(requests)]
        new_key += request.creates
        size = sizes.of(request, new_key)
        total, longest = total + size, max(longest, size)
    least = total - (sent - answered) * longest
    if least <= received <= total:
        return ""
    return f"{received:,} bytes came for {answered:,} answers, of {least:,} to {total:,}"
