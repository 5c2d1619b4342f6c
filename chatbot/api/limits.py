"""How often somebody may do something: a sliding window for each name. Knows no HTTP and no names."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from configs.errors import LimitError


class Limiter:
    """At most ``most`` times in any ``seconds``. Used on the event loop alone, so it needs no lock."""

    def __init__(
        self, what: str, most: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._what, self._most, self._seconds, self._clock = what, most, seconds, clock
        self._times: dict[str, deque[float]] = {}
        self._swept = clock()

    def take(self, name: str) -> None:
        """Count one.

        Raises:
            LimitError: it would be one too many; it is not counted.
        """
        now = self._clock()
        self._sweep(now)
        times = self._times.setdefault(name, deque())
        while times and times[0] <= now - self._seconds:
            times.popleft()
        if len(times) >= self._most:
            wait = (times[0] if times else now) + self._seconds - now
            raise LimitError(
                f"more than {self._most} {self._what} in {self._seconds:g} seconds",
                retry_after=wait,
                hint=f"wait {max(1, round(wait))} s and send it again; nothing of this one was kept",
            )
        times.append(now)

    def _sweep(self, now: float) -> None:
        """Forget the names that were quiet for a whole window, once in each window."""
        if now - self._swept < self._seconds:
            return
        self._swept = now
        self._times = {
            name: times for name, times in self._times.items() if times and times[-1] > now - self._seconds
        }
