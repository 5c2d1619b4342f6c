"""Matrix factorization for implicit feedback (Hu, Koren and Volinsky 2008) by alternating least squares.

The ``implicit`` library factorizes; a customer is folded in by one more least-squares step over what is known of them, so
nothing is kept of anybody by name. For catalogues of which EASE's vectors would not fit: a list costs one product of items
by factors. Customers of whom nothing is known score zero everywhere.
"""

from __future__ import annotations

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it ships no types

from configs.errors import ConfigError
from retrieval.recommend.interactions import Floats, Interactions, Known


class Als:
    """After ``train``: ``factors`` (items, factors)."""

    def __init__(
        self,
        factors: int = 64,
        penalty: float = 30.0,
        confidence: float = 3.0,
        iterations: int = 15,
        half_life: float = 90.0,
        seed: int = 0,
    ) -> None:
        """``confidence``: how much more an item that was taken weighs than one that was not, for each count."""
        self.size, self.penalty, self.confidence = factors, penalty, confidence
        self.iterations, self.half_life, self.seed = iterations, half_life, seed
        self.factors: Floats = np.zeros((0, factors), np.float32)
        self._gram: Floats = np.zeros((factors, factors), np.float32)

    def train(self, data: Interactions, now: np.datetime64) -> None:
        """
        Raises:
            ConfigError: the library is not installed.
        """
        try:
            from implicit.cpu.als import AlternatingLeastSquares
        except ImportError as error:
            raise ConfigError("implicit is not installed", hint="pip install 'kefu[recommend]'") from error
        matrix = data.matrix(now, self.half_life).log1p()
        # The library runs its own threads over customers; numpy's beside them would get in their way, and it warns of them.
        with threadpool_limits(1, "blas"):
            model = AlternatingLeastSquares(
                factors=self.size, regularization=self.penalty, alpha=self.confidence,
                iterations=self.iterations, random_state=self.seed, num_threads=0,
            )  # fmt: skip
            model.fit(matrix, show_progress=False)
        self.use(np.asarray(model.item_factors, np.float32))

    def use(self, factors: Floats) -> None:
        """Take factors that somebody else has trained: items by factors."""
        self.factors = np.ascontiguousarray(factors)
        self._gram = self.factors.T @ self.factors

    def predict(self, known: Known) -> Floats:
        items, told = known.faded(self.half_life)
        items, told = items[told > 0], told[told > 0]
        if len(items) == 0:
            return np.zeros(len(self.factors), np.float32)
        weight = self.confidence * np.log1p(told).astype(np.float32)
        own = self.factors[items]
        # (Y'Y + Y'(C - I)Y + λI) x = Y'C p, as the library has it: the confidence of what was taken is alpha times its count.
        left = self._gram + (own * (weight - 1)[:, None]).T @ own
        left[np.diag_indices(self.size)] += self.penalty
        row = np.linalg.solve(left, own.T @ weight)
        return np.asarray(self.factors @ row.astype(np.float32), np.float32)
