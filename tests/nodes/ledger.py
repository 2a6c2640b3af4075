"""What the clients were told about each item, and whether the table agrees."""

import json
import threading
from collections import Counter
from dataclasses import dataclass, field

from checks import Checks
from database import Database
from wire import Answer

ACKNOWLEDGED, REFUSED, UNKNOWN, WRONG = "acknowledged", "refused", "unknown", "wrong"
# How many cases a complaint names.
EXAMPLES = 3


def judge(answer: Answer | None) -> str:
    """What an answer to a change says about it; None stands for no answer at all."""
    if answer is None or answer.status == 504:
        return UNKNOWN
    if answer.status in (200, 201):
        return ACKNOWLEDGED
    if answer.status == 503 and "retry-after" in answer.headers:
        return UNKNOWN if b"outcome_unknown" in answer.body else REFUSED
    return WRONG


def name_of(answer: Answer | None) -> str:
    if answer is None:
        return "no answer"
    return f"{answer.status} outcome_unknown" if b"outcome_unknown" in answer.body else str(answer.status)


@dataclass
class Item:
    """An item that one client tried to create, and to change later."""
    name: str
    key: str | None
    fate: str = UNKNOWN
    # Attempts whose outcome is not known were made.
    doubtful: bool = False
    id: int = 0
    # The first acknowledgement, which each repetition has to equal.
    first: bytes = b""
    # What its description may be now: what was acknowledged last, and what may come or have come.
    description: str = ""
    perhaps: set[str] = field(default_factory=set)

    def note_created(self, answer: Answer | None) -> None:
        verdict = judge(answer)
        # One whose earlier attempt may have been made is not refused by a later answer.
        if verdict == UNKNOWN:
            self.doubtful = True
        self.fate = UNKNOWN if verdict == REFUSED and self.doubtful else verdict
        if verdict == ACKNOWLEDGED:
            self.id, self.first = answer.json()["id"], answer.body

    def note_replaced(self, description: str, answer: Answer | None) -> None:
        verdict = judge(answer)
        if verdict == ACKNOWLEDGED:
            self.description = description
        elif verdict == UNKNOWN:
            self.perhaps.add(description)

    def agrees(self, row: dict) -> bool:
        return (row["id"], row["name"]) == (self.id, self.name) and (
            row["description"] == self.description or row["description"] in self.perhaps)


class Ledger:
    def __init__(self) -> None:
        self.items: list[Item] = []
        self.answers: Counter[str] = Counter()  # "POST 201"
        self.faults: list[str] = []  # answers that are wrong by themselves
        self.troubles: list[str] = []  # what is neither an answer with 2xx nor nobody's fault
        self.replayed = 0
        self.lock = threading.Lock()

    def add(self, item: Item) -> None:
        with self.lock:
            self.items.append(item)

    def count(self, method: str, answer: Answer | None, otherwise: str = "") -> None:
        with self.lock:
            self.answers[f"{method} {name_of(answer)}"] += 1
            if answer is None or answer.status >= 300:
                self.troubles.append(f"{method}: {otherwise or name_of(answer)}")
            if answer is not None and answer.status >= 300 and judge(answer) == WRONG:
                self.faults.append(f"{method} was answered {answer.status} {answer.body[:200]!r}")

    def complain(self, sentence: str) -> None:
        with self.lock:
            self.faults.append(sentence)

    def acknowledged(self) -> list[Item]:
        with self.lock:
            return [each for each in self.items if each.fate == ACKNOWLEDGED]

    def note_counts(self, checks: Checks) -> None:
        kinds = Counter(f"{each.fate}{' with a key' if each.key else ''}" for each in self.items)
        checks.note("items: " + ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())))
        checks.note("answers: " + ", ".join(f"{count} {kind}" for kind, count in sorted(self.answers.items()))
                    + f", {self.replayed} replayed")

    def compare(self, checks: Checks, database: Database, name: str) -> None:
        """Checks everything that clients were told against the table."""
        self.note_counts(checks)
        rows = database.sql(name, "SELECT json_build_object('id', id, 'name', name, 'description', "
                            "description) FROM items").splitlines()
        table: dict[str, list[dict]] = {}
        for row in map(json.loads, rows):
            table.setdefault(row["name"], []).append(row)

        def expect(sentence: str, wrong: list[str]) -> None:
            checks.that(not wrong, sentence, f"{len(wrong)} are not, as {', '.join(wrong[:EXAMPLES])}")

        count = {each.name: len(table.get(each.name, ())) for each in self.items}
        expect("each acknowledged item is in the table once", [
            f"{each.name} ({count[each.name]} times)" for each in self.items
            if each.fate == ACKNOWLEDGED and count[each.name] != 1])
        expect("each refused item is absent", [
            each.name for each in self.items if each.fate == REFUSED and count[each.name] > 0])
        expect("each item of unknown outcome is there once or not at all", [
            f"{each.name} ({count[each.name]} times)" for each in self.items
            if each.fate == UNKNOWN and count[each.name] > 1])
        expect("each acknowledged item has the values that were acknowledged", [
            f"{each.name}: {table[each.name][0]} instead of {each.description!r}" for each in self.items
            if each.fate == ACKNOWLEDGED and count[each.name] == 1 and not each.agrees(table[each.name][0])])
        expect("each item in the table was asked for", sorted(set(table) - set(count)))
        expect("each answer is one of the contract", self.faults)
