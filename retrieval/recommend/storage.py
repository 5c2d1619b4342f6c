"""Keeps a fitted recommender on disk, under the hash of the data that it was fitted on. Plain arrays, no pickle."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

FORMAT = 1
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """What is on disk."""

    skus: tuple[str, ...]
    similarity: Any
    popularity: NDArray[np.float32]
    latest: datetime | None


def digest(
    customer_ids: Sequence[str],
    skus: Sequence[str],
    at: ArrayLike,
    quantity: ArrayLike,
    order_ids: Sequence[str],
    *,
    parameters: Sequence[float],
) -> str:
    """A hash of the columns and of the parameters: another model for any change in either."""
    state = hashlib.blake2b(repr((FORMAT, tuple(parameters))).encode(), digest_size=16)
    for column in (customer_ids, skus, order_ids):
        state.update(b"\x1d")
        state.update("\x1f".join(column).encode())
    state.update(np.ascontiguousarray(np.asarray(at, dtype="datetime64[s]")).tobytes())
    state.update(np.ascontiguousarray(np.asarray(quantity, dtype=np.int64)).tobytes())
    return state.hexdigest()


def save(folder: Path, key: str, kept: Kept) -> None:
    """Write to a temporary file, then move it in place: a reader sees the old model or the new one."""
    folder.mkdir(parents=True, exist_ok=True)
    target = _path(folder, key)
    temporary = target.with_suffix(f".{os.getpid()}.tmp")
    meta = {"skus": kept.skus, "latest": kept.latest.isoformat() if kept.latest else None}
    with temporary.open("wb") as file:
        np.savez(
            file,
            meta=np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8),
            data=kept.similarity.data,
            indices=kept.similarity.indices,
            indptr=kept.similarity.indptr,
            popularity=kept.popularity,
        )
    temporary.replace(target)
    for old in folder.glob("model-*.npz"):
        if old != target:
            old.unlink(missing_ok=True)


def load(folder: Path, key: str) -> Kept | None:
    """The model of this data; None if there is none, or the file is damaged (it is then fitted again)."""
    path = _path(folder, key)
    if not path.exists():
        return None
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            meta = json.loads(file["meta"].tobytes())
            count = len(meta["skus"])
            similarity = sp.csr_matrix((file["data"], file["indices"], file["indptr"]), shape=(count, count))
            popularity = file["popularity"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        _log.warning("%s is damaged; the recommender is fitted again", path, exc_info=True)
        return None
    latest = datetime.fromisoformat(meta["latest"]) if meta["latest"] else None
    return Kept(tuple(meta["skus"]), similarity, popularity, latest)


def _path(folder: Path, key: str) -> Path:
    return folder / f"model-{key}.npz"
