"""The recommender of the paper that kefu comes from, as it stands there: named baselines, not what answers.

``Additive``: a linear layer over the concatenated vectors of customer and item. Its score is a number for the customer plus a
number for the item, so everybody gets the same list (a test proves it). ``Bilinear``: the formula beside it, pᵀVq. Both are
trained by gradient descent on the mean squared error over what was taken and as many drawn pairs that were not.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from retrieval.recommend.interactions import Floats, Interactions, Known

HALF_LIFE = 90.0


class PaperModel:
    """``bilinear`` chooses between the two. Somebody who was not trained on is the mean of all customers."""

    def __init__(
        self,
        *,
        bilinear: bool,
        size: int = 32,
        epochs: int = 5,
        rate: float = 0.01,
        batch: int = 4096,
        seed: int = 0,
    ) -> None:
        self.bilinear, self.size, self.epochs = bilinear, size, epochs
        self.rate, self.batch, self.seed = rate, batch, seed
        self._net: Any = None

    def train(self, data: Interactions, now: np.datetime64) -> None:
        import torch

        torch.manual_seed(self.seed)
        rng = np.random.default_rng(self.seed)
        rows, taken = data.matrix(now, HALF_LIFE).nonzero()
        net = network(*data.shape, self.size, bilinear=self.bilinear)
        optimizer = torch.optim.Adam(net.parameters(), lr=self.rate)
        for _ in range(self.epochs):
            drawn = rng.integers(0, data.shape[1], len(rows))
            customer, item = np.concatenate([rows, rows]), np.concatenate([taken, drawn])
            wanted = np.repeat(np.array([1.0, 0.0], np.float32), len(rows))
            order = rng.permutation(len(wanted))
            for start in range(0, len(order), self.batch):
                part = order[start : start + self.batch]
                told = net(torch.from_numpy(customer[part]).long(), torch.from_numpy(item[part]).long())
                loss = torch.nn.functional.mse_loss(told, torch.from_numpy(wanted[part]))
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]  # torch's own types lack it
                optimizer.step()
        self._net = net

    def predict(self, known: Known) -> Floats:
        import torch

        with torch.no_grad():
            every = self._net.customer.weight
            customer = every[known.customer] if known.customer >= 0 else every.mean(0)
            return np.asarray(self._net.of(customer[None], self._net.item.weight).numpy(), np.float32)


def network(customers: int, items: int, size: int, *, bilinear: bool) -> Any:
    """The paper's class: vectors for customers and items, and what makes a score of a pair of them."""
    from torch import nn

    class Recommender(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.customer, self.item = nn.Embedding(customers, size), nn.Embedding(items, size)
            self.linear = nn.Linear(size, size, bias=False) if bilinear else nn.Linear(2 * size, 1)

        def forward(self, customer: Any, item: Any) -> Any:
            return self.of(self.customer(customer), self.item(item))

        def of(self, customer: Any, item: Any) -> Any:
            """Of vectors, shapes (pairs or 1, size) and (pairs, size): scores, shape (pairs,)."""
            import torch

            if bilinear:
                return (self.linear(customer) * item).sum(-1)
            return self.linear(torch.cat([customer.expand(len(item), -1), item], -1)).squeeze(-1)

    return Recommender()
