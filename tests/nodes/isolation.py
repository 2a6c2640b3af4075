"""Gives this process a network, mounts and process ids of its own, which vanish with it however it ends."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

# What ctest takes for "skipped", see CMakeLists.txt.
SKIPPED = 77
CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET = 0x00020000, 0x20000000, 0x40000000
PR_SET_PDEATHSIG = 1
MNT_DETACH = 2
LIBC = ctypes.CDLL(None, use_errno=True)


class Impossible(Exception):
    """Why the tests cannot run here, in words."""


def quietly(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Impossible(f"{' '.join(command)}: {done.stderr.strip()}")


def separate() -> None:
    if os.geteuid() != 0:
        raise Impossible("network namespaces need root")
    if shutil.which("ip") is None:
        raise Impossible("ip is missing; install the package iproute2")
    if LIBC.unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID) != 0:
        raise Impossible(f"no namespaces can be made: {os.strerror(ctypes.get_errno())}")


def settle_in(directory: Path) -> None:
    """Mounts what a process in the new namespaces needs. None of it is seen outside."""
    quietly("mount", "--make-rprivate", "/")
    quietly("mount", "-t", "proc", "proc", "/proc")
    # Where `ip netns` keeps its names.
    Path("/run/netns").mkdir(exist_ok=True)
    quietly("mount", "-t", "tmpfs", "tmpfs", "/run/netns")
    # In memory: these tests are about nodes, not about disks.
    quietly("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(directory))
    quietly("ip", "link", "set", "lo", "up")


def isolated(work: Callable[[Path], int]) -> int:
    """Runs `work` with an empty directory, isolated. Its processes and networks end with it, and with us."""
    directory = Path(tempfile.mkdtemp(prefix="troupe-nodes-", dir="/var/tmp"))
    directory.chmod(0o755)  # PostgreSQL's account has to enter
    try:
        separate()
        child = os.fork()
        if child == 0:
            os._exit(inner(work, directory))
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, lambda number, _: os.kill(child, number))
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    except Impossible as why:
        print(f"tests/nodes: skipped: {why}", flush=True)
        return SKIPPED
    finally:
        LIBC.umount2(str(directory).encode(), MNT_DETACH)  # we share the mounts of the child
        directory.rmdir()


def inner(work: Callable[[Path], int], directory: Path) -> int:
    # The first process of the new namespace: with it, the kernel ends all others.
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        settle_in(directory)
        return work(directory)
    except Impossible as why:
        print(f"tests/nodes: skipped: {why}", flush=True)
        return SKIPPED
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except Exception:  # whatever it is, it must not unwind into the parent's code
        sys.excepthook(*sys.exc_info())
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
