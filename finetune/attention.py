"""Attention of packed examples on a processor, exactly as much of it as is needed.

A general kernel takes a padded batch and a mask: it works for the padding, for the half of the scores that the mask throws
away, and on copies of keys and values for every head. Here each example is a few blocks of rows, each against the shared
beginning and its own part up to itself, all heads of a key in one product. Scores are not kept for the way back but computed
again (Dao et al. 2022). Knows no model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.autograd.function import once_differentiable

ROWS = 64
"""Of a block: what lies behind the mask is half a block for each, and smaller products are slower ones."""


def attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    shared: int,
    lengths: Sequence[int],
    scaling: float,
) -> torch.Tensor:
    """What each token sees of those before it, shape (1, total, heads, width).

    ``query`` has shape (1, heads, total, width), ``key`` and ``value`` as many heads or a divisor of it. ``total`` is the
    ``shared`` tokens, which see each other, and ``lengths`` of each example, which sees them and itself.
    """
    told: torch.Tensor = _Attention.apply(  # type: ignore[no-untyped-call]  # torch has no types for it
        query, key, value, shared, tuple(lengths), scaling
    )
    return told


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        shared: int,
        lengths: tuple[int, ...],
        scaling: float,
    ) -> torch.Tensor:
        ctx.save_for_backward(query, key, value)
        ctx.told = shared, lengths, scaling
        _, heads, total, width = query.shape
        made = query.new_empty(total, heads, width)
        by_key = _by_key(made, key)
        for start, _, keys, values, blocks in _parts(key[0], value[0], shared, lengths):
            for first, last, seen in blocks:
                rows = slice(start + first, start + last)
                weights, _ = _weights(query, keys, seen, rows, scaling)
                by_key[:, :, rows] = torch.bmm(weights, values[:, :seen]).view(by_key[:, :, rows].shape)
        return made[None]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        query, key, value = ctx.saved_tensors
        shared, lengths, scaling = ctx.told
        of_query = torch.empty_like(grad[0])
        of_key, of_value = torch.zeros_like(key[0]), torch.zeros_like(value[0])
        grads, queries = _by_key(grad[0], key), _by_key(of_query, key)
        for start, count, keys, values, blocks in _parts(key[0], value[0], shared, lengths):
            of_keys, of_values = torch.zeros_like(keys), torch.zeros_like(values)
            for first, last, seen in blocks:
                rows = slice(start + first, start + last)
                weights, scaled = _weights(query, keys, seen, rows, scaling)
                told = grads[:, :, rows].reshape(scaled.shape)
                of_values[:, :seen].baddbmm_(weights.transpose(1, 2), told)
                of_weights = torch.bmm(told, values[:, :seen].transpose(1, 2))
                of_scores = torch.ops.aten._softmax_backward_data(of_weights, weights, -1, weights.dtype)
                of_keys[:, :seen].baddbmm_(of_scores.transpose(1, 2), scaled)
                of_rows = torch.bmm(of_scores, keys[:, :seen]).mul_(scaling)
                queries[:, :, rows] = of_rows.view(queries[:, :, rows].shape)
            front = keys.shape[1] - count
            for whole, part in ((of_key, of_keys), (of_value, of_values)):
                whole[:, :front] += part[:, :front]
                whole[:, start : start + count] += part[:, front:]
        return of_query.transpose(0, 1)[None], of_key[None], of_value[None], None, None, None


def _by_key(states: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
    """(total, heads, width) seen as (key heads, heads of each, total, width)."""
    total, _, width = states.shape
    return states.view(total, key.shape[1], -1, width).permute(1, 2, 0, 3)


def _parts(
    key: torch.Tensor, value: torch.Tensor, shared: int, lengths: Sequence[int]
) -> Iterator[tuple[int, int, torch.Tensor, torch.Tensor, list[tuple[int, int, int]]]]:
    """The shared beginning, then each example: where it starts and how long it is, the keys and values that it sees, and
    its blocks: from which row to which, and how many of the keys the last of them sees."""
    start = 0
    for front, count in ((0, shared), *((shared, length) for length in lengths)):
        if count:
            own = slice(start, start + count)
            keys, values = (torch.cat([part[:, :front], part[:, own]], 1) for part in (key, value))
            step = -(-count // max(1, round(count / ROWS)))
            ends = [(first, min(count, first + step)) for first in range(0, count, step)]
            yield start, count, keys, values, [(first, last, front + last) for first, last in ends]
        start += count


def _weights(
    query: torch.Tensor, keys: torch.Tensor, seen: int, rows: slice, scaling: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """How much each row attends to each of the ``seen`` keys, and the scaled queries, both with all heads of a key as rows."""
    heads, _, width = keys.shape
    scaled = (query[0, :, rows] * scaling).reshape(heads, -1, width)
    scores = torch.bmm(scaled, keys[:, :seen].transpose(1, 2))
    count = rows.stop - rows.start
    # A block sees all keys before it, and of its own those up to each row.
    own = scores.view(heads, -1, count, seen)[..., seen - count :]
    own.masked_fill_(torch.ones(count, count, dtype=torch.bool).triu_(1), float("-inf"))
    return torch.softmax(scores, -1), scaled
