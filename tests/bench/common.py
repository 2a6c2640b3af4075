"""What all parts of the benchmark share: paths, clear errors, starting and ending programs."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent.parent
BUILD = ROOT / "build"

# Seconds; a server that is not ready by then will not be: the slowest, under valgrind, takes ten.
START_TIMEOUT = 60
# Seconds; a clean shutdown takes one or two, a checkpoint on a slow disk many.
STOP_TIMEOUT = 20
# A line of a log that tells of an error: of Troupe, of PostgreSQL, of Python and uvicorn. Whether PostgreSQL
# has started is asked before it has.
ERROR_LINE = re.compile(r"^(?:[-+0-9T:.]+ error "
                        r"|.*(?:ERROR|FATAL|PANIC):  (?!the database system is starting up)"
                        r"|(?:ERROR|CRITICAL): |Traceback ).*", re.MULTILINE)


class BenchError(Exception):
    """A reason to give up, in words for whoever started us."""


def progress(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def require(command: str, package: str) -> str:
    """The path of a program, or an error that says where it comes from."""
    path = shutil.which(command)
    if path is None:
        raise BenchError(f"{command} is missing; install the package {package}")
    return path


def clean_environment(**additions: str) -> dict[str, str]:
    """Ours, without what would change libpq's or the parties' mind, in a neutral language."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("PG", "LC_", "LANG")) and name != "DATABASE_URL"}
    return kept | {"LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"} | additions


def output_of(command: list[str], **options) -> str:
    """What a program prints; an error with its own words if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          **{"env": clean_environment()} | options)
    if done.returncode != 0:
        raise BenchError(f"{' '.join(command)} failed:\n{done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def error_lines(log: str) -> list[str]:
    return ERROR_LINE.findall(log)


def exit_fault(code: int) -> str:
    """In what way an end was not a good one; empty if it was."""
    if code == 0:
        return ""
    return f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def end(process: subprocess.Popen, stop_signal: int) -> str:
    """Ends a server; tells what was wrong with its end, if anything."""
    if (code := process.poll()) is not None:
        return f"{exit_fault(code) or 'ended'} before it was asked to"
    process.send_signal(stop_signal)
    try:
        return exit_fault(process.wait(STOP_TIMEOUT))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return f"had not ended {STOP_TIMEOUT} s after it was asked to"


@contextmanager
def running(command: list[str], log: Path, stop_signal: int = signal.SIGTERM,
            **options) -> Iterator[subprocess.Popen]:
    """A server for the duration of the block; an error if it ends with another code than 0, by a signal, late
    or before it is asked to, or logs an error. In a session of its own, so that Ctrl-C reaches only us."""
    with log.open("ab") as output:
        start_of_log = output.tell()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                   start_new_session=True, **{"env": clean_environment()} | options)
    try:
        yield process
    except BenchError as error:
        # What the block complains of may be the consequence.
        if fault := end(process, stop_signal):
            raise BenchError(f"{error}\n{log.stem} {fault}") from error
        raise
    except BaseException:
        end(process, stop_signal)
        raise
    fault = end(process, stop_signal)
    logged = log.read_bytes()[start_of_log:].decode(errors="replace")
    if fault or (errors := error_lines(logged)):
        what = [f"{log.stem} {fault}" if fault else f"{log.stem} logged errors"]
        raise BenchError("\n".join(what + (logged.splitlines() if fault else errors)[-10:]))


def wait_until(ready: Callable[[], bool], process: subprocess.Popen, log: Path) -> None:
    """Returns when a server answers; an error with the end of its log if it ends or takes too long."""
    deadline = time.monotonic() + START_TIMEOUT
    while not ready():
        ended = process.poll() is not None
        if ended or time.monotonic() > deadline:
            end_of_log = "\n".join(log.read_text(errors="replace").splitlines()[-10:])
            what = "ended" if ended else f"is not ready after {START_TIMEOUT} s"
            raise BenchError(f"a server {what}; {log.name}:\n{end_of_log}")
        time.sleep(0.05)


def run_main(name: str, main: Callable[[], int]) -> None:
    """Runs a command of ours: ends what it started also on SIGTERM, and says errors in one line."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        sys.exit(main())
    except BenchError as error:
        sys.exit(f"{name}: {error}")
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
