"""Vectors of texts that do not change often (intents, approved answers, sentences of pages), kept on disk.

One SQLite file beside the index, keyed by the embedder's name and the text's hash, so that a restart embeds
nothing again. Does not know what the texts are for.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Encode = Callable[[Sequence[str]], NDArray[np.float32]]


class VectorCache:
    """Safe for threads and for several processes; a lost cache costs time, never data."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, timeout=30, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID"
        )
        self._lock = threading.Lock()

    def encode(self, name: str, encode: Encode, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of ``texts``, shape (n, dim); only those that are not kept yet go through ``encode``.

        ``name`` must differ for each way of embedding (model, and query or passage).
        """
        keys = [hashlib.blake2b(f"{name}\0{text}".encode(), digest_size=16).digest() for text in texts]
        with self._lock:
            found = {key: vector for key in set(keys) if (vector := self._get(key)) is not None}
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        if missing:
            vectors = np.asarray(encode(list(missing.values())), dtype=np.float32)
            fresh = dict(zip(missing, vectors, strict=True))
            with self._lock, self._db:
                self._db.executemany(
                    "INSERT OR REPLACE INTO vectors VALUES (?, ?)",
                    [(key, vector.tobytes()) for key, vector in fresh.items()],
                )
            found |= fresh
        if not keys:
            return np.zeros((0, 0), dtype=np.float32)
        return np.stack([found[key] for key in keys])

    def _get(self, key: bytes) -> NDArray[np.float32] | None:
        row = self._db.execute("SELECT vector FROM vectors WHERE key = ?", (key,)).fetchone()
        return np.frombuffer(row[0], dtype=np.float32) if row else None

    def close(self) -> None:
        self._db.close()
