"""A trained recommender in one file of plain arrays, no pickle, replaced whole: a reader sees the old one or the new one.

The file carries a hash of what it was trained on, so that the same purchases are not trained on twice. Holds products and sums
over customers, no customer's row.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from retrieval.recommend.baskets import Baskets
from retrieval.recommend.blend import Blend
from retrieval.recommend.ease import Ease
from retrieval.recommend.features import NAMES, Parts
from retrieval.recommend.interactions import Floats, Interactions, Ints
from retrieval.recommend.recommender import Recommender

FORMAT = 3
FILE = "model.npz"
_log = logging.getLogger(__name__)


def digest(
    data: Interactions, texts: Floats | None = None, groups: Ints | None = None, catalogue: str = ""
) -> str:
    """Of all that a training reads: another for any change in it, in the format, or in what features there are."""
    state = hashlib.blake2b(repr((FORMAT, NAMES, catalogue)).encode(), digest_size=16)
    for names in (data.customers, data.items):
        state.update("\x1f".join(names).encode() + b"\x1d")
    for column in (data.customer, data.item, data.at, data.weight, data.order, texts, groups):
        state.update(b"\x1d" if column is None else np.ascontiguousarray(column).tobytes())
    return state.hexdigest()


def save(folder: Path, made: Recommender, key: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    ease, baskets = made.parts.ease, made.parts.baskets.similarity
    told = {
        "key": key,
        "skus": made.skus,
        "latest": None if made.latest is None else str(made.latest),
        "blend": made.blend.told(),
        "penalty": ease.penalty,
        "half_life": ease.half_life,
        "kin": ease.kin.shape,
    }
    target = folder / FILE
    part = folder / f".{FILE}.{os.getpid()}"
    with part.open("wb") as file:
        np.savez(
            file,
            told=np.frombuffer(json.dumps(told).encode(), np.uint8),
            vectors=ease.vectors, shrunk=ease.shrunk, diagonal=ease.diagonal, own=ease.own,
            kin=ease.kin.data, kin_indices=ease.kin.indices, kin_indptr=ease.kin.indptr,
            data=baskets.data, indices=baskets.indices, indptr=baskets.indptr,
            popular=made.parts.popular, texts=made.parts.texts.astype(np.float16),
            staple=made.staple, groups=made.groups,
        )  # fmt: skip
    part.replace(target)
    return target


def load(folder: Path) -> tuple[Recommender, str] | None:
    """The recommender and the hash of its data; None if there is none, or the file is damaged or of another version."""
    path = folder / FILE
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            told: dict[str, Any] = json.loads(file["told"].tobytes())
            made = _made(told, {name: file[name] for name in file.files if name != "told"})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        _log.warning(
            "%s is damaged or of another version; the recommender is trained again", path, exc_info=True
        )
        return None
    return made, str(told["key"])


def _made(told: dict[str, Any], arrays: dict[str, Any]) -> Recommender:
    skus: Sequence[str] = tuple(told["skus"])
    ease = Ease(told["penalty"], told["half_life"])
    ease.vectors, ease.shrunk = arrays["vectors"], arrays["shrunk"]
    ease.diagonal, ease.own = arrays["diagonal"], arrays["own"]
    ease.kin = sp.csr_matrix((arrays["kin"], arrays["kin_indices"], arrays["kin_indptr"]), told["kin"])
    baskets = Baskets()
    baskets.similarity = sp.csr_matrix(
        (arrays["data"], arrays["indices"], arrays["indptr"]), (len(skus), len(skus))
    )
    parts = Parts(ease, baskets, arrays["popular"], arrays["texts"].astype(np.float32))
    return Recommender(
        tuple(skus),
        parts,
        Blend.read(told["blend"]),
        arrays["staple"],
        arrays["groups"],
        None if told["latest"] is None else np.datetime64(told["latest"]),
        {sku.casefold(): place for place, sku in enumerate(skus)},
    )
