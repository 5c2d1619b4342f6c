"""The same factorization as ``als``, trained by Apache Spark: for purchases that do not fit on one machine.

Spark reads, fades and sums the interactions and factorizes; only the factors of the items come back, and with them an ``Als`` answers, so
that folding in, lists and files are the same whoever trained. Needs the extra ``spark`` and Java 17 or newer. Differs in one thing: Spark
multiplies the penalty of a row by its number of interactions (Zhou et al. 2008), so it is divided by the mean number here, and made
``LOOSER``: rows with many are held tighter than ``Als`` holds them, which costs quality where they are uneven. What was taken
so little or so long ago that its confidence would be below 1 has 1 in Spark. Keeps no customer.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from configs.errors import ConfigError, InputError
from retrieval.recommend.als import Als
from retrieval.recommend.interactions import Floats, Interactions, Known

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_BLOCKS, _BLOCKS_HERE = 10, 2
LOOSER = 0.3
"""Times the mean penalty; chosen on the grocer's validation window, where 1 and 3 were worse and .1 was no better."""
_LEAST = 1e-3
"""Of what was taken: a rating of zero would be none."""
MOST_ITERATIONS = 25
"""Spark computes all iterations as one chain, and a longer one may overflow the stack of its workers."""
COLUMNS = ("customer", "item", "at", "weight")
"""Of Parquet files: two texts, a timestamp in UTC, and a number as ``weight_of`` says it."""


class SparkAls:
    """After training: ``items``, the names in the order of the scores, and ``als``, which answers."""

    def __init__(
        self,
        factors: int = 64,
        penalty: float = 30.0,
        confidence: float = 3.0,
        iterations: int = 15,
        half_life: float = 90.0,
        seed: int = 0,
        master: str = "local[*]",
    ) -> None:
        """``master`` is the address of a cluster, or so many threads of this machine.

        Raises:
            ConfigError: more than ``MOST_ITERATIONS``.
        """
        if iterations > MOST_ITERATIONS:
            raise ConfigError(
                f"{iterations} iterations", expected=f"at most {MOST_ITERATIONS}: Spark chains them all"
            )
        self.iterations, self.seed, self.master = iterations, seed, master
        self.als = Als(factors, penalty, confidence, iterations, half_life, seed)
        self.items: tuple[str, ...] = ()

    def train(self, data: Interactions, now: np.datetime64) -> None:
        """
        Raises:
            ConfigError: pyspark or Java is not there, or the cluster does not answer.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        with tempfile.TemporaryDirectory(prefix="kefu-spark-") as folder:
            columns = {
                "customer": pa.array(data.customer),
                "item": pa.array(data.item),
                "at": pa.array(data.at.astype("datetime64[us]")),
                "weight": pa.array(data.weight.astype(np.float64)),
            }
            pq.write_table(pa.table(columns), Path(folder) / "rows.parquet")
            numbers, found = self._factorized(folder, now)
        factors = np.zeros((len(data.items), self.als.size), np.float32)
        factors[numbers.astype(np.int64)] = found
        self.items = data.items
        self.als.use(factors)

    def train_from(self, path: str, now: np.datetime64) -> None:
        """From Parquet files with ``COLUMNS``, at any address that the cluster reads; one factor row for each item that it names.

        Raises:
            ConfigError: as ``train``.
            InputError: there is nothing at the path, or a column is missing.
        """
        names, found = self._factorized(path, now)
        order = np.argsort(names)
        self.items = tuple(map(str, names[order]))
        self.als.use(found[order])

    def predict(self, known: Known) -> Floats:
        return self.als.predict(known)

    # --- inside ---

    def _factorized(self, path: str, now: np.datetime64) -> tuple[Any, Floats]:
        """The names of the items and their factors."""
        spark = self._session()
        try:
            rows = self._faded(self._read(spark, path), now).cache()
            customers, items = _numbered(rows, "customer"), _numbered(rows, "item")
            ratings = (
                rows.join(customers, "customer")
                .join(items, "item")
                .select("customer_number", "item_number", "rating")
            )
            count, rated = ratings.count(), (customers.count(), items.count())
            if count == 0:
                return np.zeros(0, str), np.zeros((0, self.als.size), np.float32)
            return self._als(ratings, count / float(np.sqrt(rated[0] * rated[1])), items)
        finally:
            spark.stop()

    def _als(self, ratings: DataFrame, mean: float, items: DataFrame) -> tuple[Any, Floats]:
        """``mean``: interactions of a row, between those of customers and of items."""
        from pyspark.ml.recommendation import ALS

        blocks = _BLOCKS_HERE if self.master.startswith("local") else _BLOCKS
        model = ALS(
            rank=self.als.size, maxIter=self.iterations, regParam=LOOSER * self.als.penalty / mean, implicitPrefs=True,
            alpha=1.0, userCol="customer_number", itemCol="item_number", ratingCol="rating",
            seed=self.seed, checkpointInterval=-1, numUserBlocks=blocks, numItemBlocks=blocks,
        ).fit(ratings)  # fmt: skip
        told = (
            model.itemFactors.join(items, model.itemFactors.id == items.item_number)
            .select("item", "features")
            .collect()
        )
        names = np.array([row["item"] for row in told])
        return names, np.array([row["features"] for row in told], np.float32).reshape(
            len(told), self.als.size
        )

    def _read(self, spark: SparkSession, path: str) -> DataFrame:
        from pyspark.errors import AnalysisException

        try:
            found = spark.read.parquet(path)
        except AnalysisException as error:
            raise InputError(f"Spark cannot read {path!r}", expected="Parquet files") from error
        missing = [name for name in COLUMNS if name not in found.columns]
        if missing:
            raise InputError(
                f"{path!r} has no column {', '.join(missing)}; it has {', '.join(found.columns)}",
                expected=f"the columns {', '.join(COLUMNS)}",
            )
        return found

    def _faded(self, rows: DataFrame, now: np.datetime64) -> DataFrame:
        """What ``Als`` reads from ``Interactions.matrix``: sums of faded weights, none below zero, of these log(1 + x), times the
        confidence; less the 1 that Spark adds."""
        from pyspark.sql import functions as F

        moment = F.timestamp_seconds(F.lit(int(now.astype("datetime64[s]").astype(np.int64))))
        days = (F.unix_micros(moment) - F.unix_micros(F.col("at").cast("timestamp"))) / (86_400 * 1e6)
        told = F.sum(F.col("weight") * F.pow(F.lit(0.5), days / self.als.half_life)).alias("told")
        summed = rows.groupBy("customer", "item").agg(told).where("told > 0")
        rating = F.greatest(self.als.confidence * F.log1p("told") - 1, F.lit(_LEAST))
        return summed.select("customer", "item", rating.alias("rating"))

    def _session(self) -> SparkSession:
        if shutil.which("java") is None:
            raise ConfigError(
                "Spark needs Java, and there is no `java` here", hint="install Java 17 or newer"
            )
        try:
            from pyspark.sql import SparkSession
        except ImportError as error:
            raise ConfigError("pyspark is not installed", hint="pip install 'kefu[spark]'") from error
        builder = (
            SparkSession.builder.master(self.master)
            .appName("kefu")
            .config("spark.ui.enabled", "false")
            .config("spark.ui.showConsoleProgress", "false")
            .config("spark.sql.session.timeZone", "UTC")
        )
        if self.master.startswith(
            "local"
        ):  # what Spark sets is for clusters: hundreds of tasks, and the name of the host
            builder = builder.config("spark.sql.shuffle.partitions", "4").config(
                "spark.driver.host", "127.0.0.1"
            )
        try:
            session: SparkSession = builder.getOrCreate()
        except Exception as error:  # py4j passes on whatever Java threw
            raise ConfigError(
                f"Spark does not start at {self.master!r}: {error}",
                hint="check the address of the cluster, and Java",
            ) from error
        session.sparkContext.setLogLevel("ERROR")
        return session


def _numbered(rows: DataFrame, name: str) -> DataFrame:
    """Distinct values with numbers from zero on: Spark's ALS takes no names. In order, so that whoever computes it again gets the same
    numbers."""
    from pyspark.sql import Row

    pairs = rows.select(name).distinct().orderBy(name).rdd.map(lambda row: row[0]).zipWithIndex()
    named = pairs.map(lambda pair: Row(**{name: pair[0], f"{name}_number": pair[1]}))
    made: DataFrame = named.toDF()
    from pyspark.sql import functions as F

    return made.withColumn(f"{name}_number", F.col(f"{name}_number").cast("int")).cache()
