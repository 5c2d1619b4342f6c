"""Trains the recommender again and again beside a running server, in a process of its own that yields to whoever answers.

What is answered with changes when the new file is there. Several servers over one home train one after the other, under a file
lock, and the second finds that nothing changed. Knows no shopper.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import threading
from contextlib import suppress

from filelock import FileLock

from chatbot.app import clock, open_database
from chatbot.behaviour import Behaviour
from chatbot.recommending import Recommending, Trained
from chatbot.shop import Shop
from configs.settings import Settings
from retrieval.products import ProductSearch
from retrieval.search import Search

_log = logging.getLogger(__name__)
_FIRST = 60.0
"""Seconds after the start: what changed while nothing ran."""


def opened(settings: Settings) -> tuple[Shop, Recommending]:
    """The shop and its recommender, without a server around them."""
    db = open_database(settings)
    shop = Shop(db)
    products = ProductSearch(Search.open(settings).index)
    return shop, Recommending(
        shop,
        Behaviour(db),
        products.columns,
        settings.home / "recommender",
        settings.recommend.weights,
        clock(settings),
    )


def train(settings: Settings, *, force: bool = False) -> Trained:
    """Train unless nothing changed; waits for whoever trains already. Old events are dropped first."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with FileLock(settings.home / ".recommender.lock"):
        _, recommending = opened(settings)
        return recommending.train(force=force)


class Retraining:
    """Starts with ``start`` and ends with ``stop``, or with the process."""

    def __init__(self, settings: Settings, first: float = _FIRST) -> None:
        self._settings, self._first = settings, first
        self._stopping = threading.Event()

    def start(self) -> None:
        if self._settings.recommend.retrain_hours:
            threading.Thread(target=self._run, name="retraining", daemon=True).start()

    def stop(self) -> None:
        self._stopping.set()

    def _run(self) -> None:
        wait = self._first
        while not self._stopping.wait(wait):
            wait = self._settings.recommend.retrain_hours * 3600
            process = multiprocessing.get_context("spawn").Process(
                target=_train_quietly, args=(self._settings,), name="recommender", daemon=True
            )
            process.start()
            while process.is_alive():
                process.join(0.5)
                if self._stopping.is_set():
                    process.terminate()
            if process.exitcode and not self._stopping.is_set():
                _log.error("the recommender was not trained: its process ended with %s", process.exitcode)


def _train_quietly(settings: Settings) -> None:
    with suppress(OSError):
        os.nice(15)
    told = train(settings)
    if told.anew:
        _log.info("trained the recommender on %s interactions in %.0f s", told.interactions, told.seconds)
