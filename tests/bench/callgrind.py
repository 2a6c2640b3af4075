"""Counts with valgrind's callgrind the instructions that the service executes for requests."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from common import BenchError, output_of
from servers import Postgres, Service, troupe_service

# Whatever the machine has: the requests of a wave meet in one lane, and so in the same batches everywhere.
LANES = 1
# Of a line of a profile, so that names of templates do not flood a terminal.
LINE_WIDTH = 160


@dataclass
class Counter:
    """The service under callgrind."""
    service: Service
    directory: Path
    _dumps: int = 0

    def count(self, work: Callable[[], None]) -> tuple[int, Path]:
        """Instructions, of the service alone, while `work` runs; and the profile of it."""
        self._dump()  # what was before; dumping sets the counters to zero
        work()
        profile = self._dump()
        total = re.search(r"^totals: (\d+)", profile.read_text(), re.MULTILINE)
        if total is None:
            raise BenchError("callgrind's output has no total")
        return int(total[1]), profile

    def _dump(self) -> Path:
        output_of(["vgdb", f"--vgdb-prefix={self.directory / 'vgdb'}", f"--pid={self.service.process.pid}",
                   "dump"])
        self._dumps += 1
        return self.directory / f"callgrind.out.{self._dumps}"


@contextmanager
def counted_service(troupe: Path, postgres: Postgres, directory: Path) -> Iterator[Counter]:
    under = ("valgrind", "--tool=callgrind", "--trace-children=no", "--quiet",
             f"--callgrind-out-file={directory / 'callgrind.out'}", f"--vgdb-prefix={directory / 'vgdb'}")
    with troupe_service(troupe, postgres, directory / "troupe.log", LANES, under=under) as service:
        yield Counter(service, directory)


def top_functions(profile: Path, count: int) -> str:
    """The functions that execute the most instructions themselves."""
    # callgrind_annotate takes a call that has not returned yet, as that of a thread's loop, for the
    # caller's own cost: leave these out, each a line `calls=0` and the one behind it.
    complete = profile.with_suffix(".complete")
    complete.write_text(re.sub(r"^calls=0 .*\n.*\n", "", profile.read_text(), flags=re.MULTILINE))
    listing = output_of(["callgrind_annotate", "--auto=no", "--show-percs=yes", "--threshold=100",
                         str(complete)])
    rows = [line for line in listing.splitlines() if re.match(r"^ *[\d,]+ +\( *[\d.]+%\)", line)]
    return "\n".join(row[:LINE_WIDTH] for row in rows[:count + 1])  # the first is the total
