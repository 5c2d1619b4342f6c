"""Spark's factors say what the library's say, and serve through the same code."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from configs.errors import ConfigError, InputError
from retrieval.recommend import Interactions, Known
from retrieval.recommend.als import Als
from retrieval.recommend.spark_als import COLUMNS, MOST_ITERATIONS, SparkAls

from .conftest import LATER, random_shop

needs_spark = pytest.mark.skipif(
    importlib.util.find_spec("pyspark") is None or shutil.which("java") is None,
    reason="Spark is not here: install Java 17 and pip install 'kefu[spark]'",
)
pytestmark = [
    pytest.mark.slow,
    # pyspark 4.3 leaves sockets to the garbage collector, and warns of pandas 3, which is not used with it here.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def overlap(one: Als | SparkAls, other: Als | SparkAls, data: Interactions) -> float:
    """Of the first ten of each customer."""
    shares = []
    for known in data.by_customer(LATER):
        tops = [set(np.argsort(-model.predict(known), kind="stable")[:10].tolist()) for model in (one, other)]
        shares.append(len(tops[0] & tops[1]) / 10)
    return float(np.mean(shares))


@needs_spark
def test_whoever_trains_the_lists_are_alike() -> None:
    als = pytest.importorskip(
        "implicit.cpu.als", reason="implicit is not installed: pip install 'kefu[recommend]'"
    )
    data = random_shop(120, 90, 6000)
    ours, other_seed, spark = (
        Als(factors=16, penalty=5.0),
        Als(factors=16, penalty=5.0, seed=7),
        SparkAls(factors=16, penalty=5.0, master="local[2]"),
    )
    for model in (ours, other_seed, spark):
        model.train(data, LATER)
    assert spark.items == data.items
    assert spark.als.factors.shape == ours.factors.shape
    # As alike as the same library is to itself with another seed, give or take the other penalty.
    assert overlap(ours, spark, data) > 0.85 * overlap(ours, other_seed, data)
    assert overlap(ours, spark, data) > 0.5
    # Somebody new is served too: with their taste, which is an item's number modulo 3, and with what the library says of the factors.
    known = Known.of([3, 6, 9])
    told = spark.predict(known)
    assert (np.argsort(-told)[:10] % 3 == 0).mean() >= 0.8
    library = als.AlternatingLeastSquares(factors=16, regularization=ours.penalty, alpha=ours.confidence)
    library.item_factors = spark.als.factors
    row = sp.csr_matrix((np.log1p(np.ones(3)), ([0] * 3, known.item)), (1, len(data.items)), np.float32)
    assert np.allclose(told, library.recalculate_user(0, row) @ spark.als.factors.T, atol=1e-3)


@needs_spark
def test_from_parquet_files_as_from_memory(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    data = random_shop(40, 30, 900)
    names = {"customer": np.array(data.customers)[data.customer], "item": np.array(data.items)[data.item]}
    whole = {**names, "at": data.at.astype("datetime64[us]"), "weight": data.weight.astype(float)}
    for part, rows in enumerate(np.array_split(np.arange(len(data)), 3)):
        pq.write_table(
            pa.table({key: values[rows] for key, values in whole.items()}), tmp_path / f"{part}.parquet"
        )
    memory, files = SparkAls(factors=8, master="local[2]"), SparkAls(factors=8, master="local[2]")
    memory.train(data, LATER)
    files.train_from(str(tmp_path), LATER)
    assert files.items == data.items
    assert overlap(memory, files, data) > 0.8
    pq.write_table(pa.table({"customer": ["a"], "item": ["b"]}), tmp_path / "bad.parquet")
    with pytest.raises(InputError, match="has no column at, weight"):
        files.train_from(str(tmp_path / "bad.parquet"), LATER)
    with pytest.raises(InputError, match="Spark cannot read"):
        files.train_from(str(tmp_path / "nothing"), LATER)
    assert set(COLUMNS) == set(whole)


def test_without_java_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(ConfigError, match=r"needs Java.*17 or newer"):
        SparkAls().train(random_shop(3, 3, 9), LATER)


def test_more_iterations_than_spark_can_chain_are_refused() -> None:
    assert SparkAls(iterations=MOST_ITERATIONS).iterations == MOST_ITERATIONS
    with pytest.raises(ConfigError, match=f"^{MOST_ITERATIONS + 1} iterations"):
        SparkAls(iterations=MOST_ITERATIONS + 1)
