"""Asks the shop's system again, beside a running server, for what it has not answered.

A shopper who said yes was told that it is tried on; whatever comes of it stands in the journal, and in the state of the order. Several
servers over one database may ask at the same time: each deed has its key. Knows no shopper.
"""

from __future__ import annotations

import logging
import threading
from datetime import timedelta

from chatbot.actions.journal import Actions

_log = logging.getLogger(__name__)
EVERY = 30.0
"""Seconds between two rounds; the first comes at once, for what an earlier process left."""


class Settling:
    """Starts with ``start`` and ends with ``stop``, or with the process."""

    def __init__(self, actions: Actions, every: float = EVERY) -> None:
        self._actions, self._every = actions, every
        self._stopping = threading.Event()

    def start(self) -> None:
        if self._actions.offered:
            threading.Thread(target=self._run, name="settling", daemon=True).start()

    def stop(self) -> None:
        self._stopping.set()

    def _run(self) -> None:
        while True:
            try:
                # What is younger may be under way in a turn.
                settled = self._actions.finish(older_than=timedelta(seconds=self._every))
                if settled:
                    _log.info("%d changes that waited for the shop's system are settled", settled)
            except Exception:  # noqa: BLE001 - a database that is away for a moment must not end this for good
                _log.exception("what waits for the shop's system could not be asked for")
            if self._stopping.wait(self._every):
                return
