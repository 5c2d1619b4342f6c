"""Tries parameters of the libraries' models on the grocer's validation window: ``python -m eval.recommend_tune``.

Every set of a grid is trained and asked as the suite ``recommend`` does it, 28 days earlier; the best is printed last of its kind and belongs into
``recommend_systems.CHOSEN``. The best is the one that loses least: of what the best of its grid reaches in NDCG at 10, for all products
and for new ones, the mean share. So a baseline is as strong as we could make it, and none was chosen on the test. Then Spark's factors beside the
library's, as kefu trains both, where Spark is installed.
"""

from __future__ import annotations

import itertools
import multiprocessing
import shutil
from collections.abc import Mapping, Sequence
from importlib.util import find_spec

import numpy as np
from rich.console import Console

from eval.purchases import Split, grocer, split
from eval.recommend_systems import Found, measured

VALIDATION = "2017-11-06"
GRIDS: Mapping[str, Mapping[str, Sequence[float]]] = {
    "als": {"factors": (64, 128), "alpha": (1, 3, 10), "regularization": (10, 30), "iterations": (15,)},
    "bpr": {"factors": (64,), "learning_rate": (0.01, 0.05), "regularization": (0.01, 0.1)},
    "cosine": {"K": (50, 200, 1000)},
    "bm25": {"K": (50, 200), "K1": (0.2, 1.2), "B": (0.2, 0.8)},
}


def main() -> None:
    out = Console(highlight=False, soft_wrap=True)
    parted = split(grocer().data, VALIDATION)
    for kind, grid in GRIDS.items():
        tried: list[tuple[Mapping[str, float], dict[str, float]]] = []
        for values in itertools.product(*grid.values()):
            parameters = dict(zip(grid, values, strict=True))
            found = _measured(f"implicit_{kind}", parted, parameters)
            reached = {task: float(np.nanmean(found.ndcg[task])) for task in ("all", "new")}
            tried.append((parameters, reached))
            _print(out, f"{kind} {_said(parameters)}", found)
        most = {task: max(reached[task] for _, reached in tried) for task in ("all", "new")}
        best, _ = max(tried, key=lambda own: sum(own[1][task] / most[task] for task in most))
        out.print(f"[bold]{kind}: {_said(best)}[/bold]")
    for name in ("als", "spark_als") if shutil.which("java") and find_spec("pyspark") else ("als",):
        _print(out, name, _measured(name, parted, None))


def _measured(name: str, parted: Split, parameters: Mapping[str, float] | None) -> Found:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found: Found = pool.apply(measured, (name, parted, None, parameters))
    return found


def _print(out: Console, name: str, found: Found) -> None:
    told = [
        f"{task} {np.nanmean(found.recall[task]):.4f} / {np.nanmean(found.ndcg[task]):.4f}"
        for task in ("all", "new")
    ]
    out.print(f"{name}: recall at 20 / NDCG at 10: {', '.join(told)}, {found.seconds:.0f} s")


def _said(parameters: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in parameters.items())


if __name__ == "__main__":
    main()
