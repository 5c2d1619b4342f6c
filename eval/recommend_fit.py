"""Fits the weights that a young shop begins with: ``python -m eval.recommend_fit`` writes ``configs/recommend.json``.

From UCI Online Retail (CC BY 4.0) before October 2011, below ``KEFU_DATA``: what customers of a shop for gifts took in the last 28 days
of that. Held near zero more firmly than a shop's own weights are near these, since they must do for shops of other kinds.
"""

from __future__ import annotations

import json

import numpy as np

from configs.settings import CONFIG_DIR
from eval.purchases import DAYS, gifts, split
from eval.recommend import GIFTS_DAY, vectors
from retrieval.recommend.blend import LEVELS, TASKS, Blend
from retrieval.recommend.features import NAMES
from retrieval.recommend.interactions import DAY
from retrieval.recommend.training import fitted

STRENGTH = 300.0


def main() -> None:
    record = gifts()
    data = split(record.data, GIFTS_DAY).train
    assert data.latest is not None
    nothing = Blend({task: np.zeros((len(LEVELS), len(NAMES))) for task in TASKS})
    cut = data.latest + np.timedelta64(1, "s") - DAYS * DAY
    blend, _ = fitted(data, cut, vectors(data.items, record.texts), nothing, STRENGTH)
    (CONFIG_DIR / "recommend.json").write_text(json.dumps(blend.told(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
