"""Says for each expectation whether it held, in one line, and remembers what did not."""

import time
from collections.abc import Callable


class Checks:
    def __init__(self) -> None:
        self.scenario = ""
        self.made = 0
        self.violations: list[str] = []

    def that(self, holds: bool, sentence: str, otherwise: object = "") -> bool:
        """`otherwise` is said too if it does not hold."""
        self.made += 1
        if holds:
            print(f"  ok     {sentence}", flush=True)
        else:
            detail = f": {otherwise}" if otherwise != "" else ""
            print(f"  FAULT  {sentence}{detail}", flush=True)
            self.violations.append(f"{self.scenario}: {sentence}{detail}")
        return holds

    def within(self, seconds: float, sentence: str, holds: Callable[[], bool],
               since: float | None = None) -> bool:
        """That it comes true in time, counted from now or from `since`."""
        start = time.monotonic() if since is None else since
        while not (held := holds()) and time.monotonic() < start + seconds:
            time.sleep(0.02)
        took = time.monotonic() - start
        return self.that(held, f"{sentence} ({took:.2f} s of {seconds:g})" if held else sentence,
                         f"not within {seconds:g} s")

    def note(self, sentence: str) -> None:
        print(f"         {sentence}", flush=True)
