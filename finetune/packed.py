"""Examples of one forward pass laid end to end, without padding, and what all of them begin with computed once.

Requests to a shop's assistant begin with the same instructions. In a causal model what stands there does not depend on
what follows, so its states are the same for every example, and its gradient is the sum of theirs: sharing it changes
nothing but the work. Only attention sees the examples apart: on a processor by ``finetune.attention``; elsewhere each one's
own part is laid into a row of a padded batch, behind the keys of the shared part. Knows no weights and no loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import nn

from finetune import attention
from finetune.batches import shared_prefix
from finetune.examples import Encoded

ATTENTION = "kefu_packed"


@dataclass(frozen=True)
class Packed:
    """``tokens`` and ``positions`` have shape (1, total): ``shared`` tokens, then ``lengths`` of each example's own.

    ``before``, ``wanted`` and ``example`` have one entry for each token to be foretold: the place in front of it, the token,
    the example.
    """

    tokens: torch.Tensor
    positions: torch.Tensor
    shared: int
    lengths: tuple[int, ...]
    before: torch.Tensor
    wanted: torch.Tensor
    example: torch.Tensor

    @property
    def examples(self) -> int:
        return len(self.lengths)

    @property
    def longest(self) -> int:
        return max(self.lengths)

    @cached_property
    def rows(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """For a padded batch: where each example's own tokens lie (examples, longest), which of these there are, and what is
        added to attention scores (longest, shared + longest)."""
        device = self.tokens.device
        counts = torch.tensor(self.lengths, device=device)
        starts = self.shared + counts.cumsum(0) - counts
        along = torch.arange(self.longest, device=device)
        own = along < counts[:, None]
        # Padding reads the first own token and is thrown away.
        places = torch.where(own, starts[:, None] + along, self.shared)
        seen = torch.ones(self.longest, self.shared + self.longest, dtype=torch.bool, device=device)
        mask = torch.zeros(seen.shape, device=device).masked_fill_(~seen.tril(self.shared), float("-inf"))
        return places, own, mask


def pack(chosen: Sequence[Encoded], device: torch.device | str = "cpu") -> Packed:
    shared = shared_prefix(chosen)
    tokens, positions = list(chosen[0].tokens[:shared]), list(range(shared))
    before: list[int] = []
    wanted: list[int] = []
    example: list[int] = []
    for row, one in enumerate(chosen):
        start = len(tokens)
        tokens += one.tokens[shared:]
        positions += range(shared, len(one))
        for place in range(1, len(one)):
            if one.learnt[place]:
                before.append(place - 1 if place <= shared else start + place - 1 - shared)
                wanted.append(one.tokens[place])
                example.append(row)
    return Packed(
        torch.tensor([tokens], device=device),
        torch.tensor([positions], device=device),
        shared,
        tuple(len(one) - shared for one in chosen),
        torch.tensor(before, dtype=torch.long, device=device),
        torch.tensor(wanted, dtype=torch.long, device=device),
        torch.tensor(example, dtype=torch.long, device=device),
    )


def use_packed_attention(model: Any) -> None:
    """Let a transformers model attend within each example of a ``Packed`` that is handed to it as ``packed``."""
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(ATTENTION, attend)
    AttentionMaskInterface.register(ATTENTION, _no_mask)
    model.set_attn_implementation(ATTENTION)


def _no_mask(*_: Any, **__: Any) -> None:
    """transformers' own mask is of one sequence; the packed one comes with the batch."""


def attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    packed: Packed,
    scaling: float | None = None,
    dropout: float = 0.0,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Attention of each example to the shared tokens and to its own; all have shape (1, heads, total, width)."""
    scaling = scaling if scaling is not None else query.shape[-1] ** -0.5
    if query.device.type == "cpu" and not dropout:
        return attention.attend(query, key, value, packed.shared, packed.lengths, scaling), None
    return padded(module, query, key, value, packed, scaling, dropout), None


def padded(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    packed: Packed,
    scaling: float,
    dropout: float,
) -> torch.Tensor:
    """The same by torch's own kernel."""
    repeated = module.num_key_value_groups
    key, value = (part.repeat_interleave(repeated, dim=1) for part in (key, value))
    shared, (_, own, mask) = packed.shared, packed.rows
    parts = []
    if shared:
        said = nn.functional.scaled_dot_product_attention(
            query[:, :, :shared],
            key[:, :, :shared],
            value[:, :, :shared],
            dropout_p=dropout,
            is_causal=True,
            scale=scaling,
        )
        parts.append(said.transpose(1, 2)[0])
    said = nn.functional.scaled_dot_product_attention(
        _rows(query, packed),
        _behind_shared(key, packed),
        _behind_shared(value, packed),
        attn_mask=mask.to(query.dtype),
        dropout_p=dropout,
        scale=scaling,
    )
    parts.append(said.transpose(1, 2)[own])
    return torch.cat(parts)[None]


def _rows(states: torch.Tensor, packed: Packed) -> torch.Tensor:
    """(1, heads, total, width) to (examples, heads, longest, width)."""
    places = packed.rows[0]
    taken = states[0].transpose(0, 1).index_select(0, places.flatten())
    return taken.view(*places.shape, *taken.shape[1:]).transpose(1, 2)


def _behind_shared(states: torch.Tensor, packed: Packed) -> torch.Tensor:
    front = states[:, :, : packed.shared].expand(packed.examples, -1, -1, -1)
    return torch.cat([front, _rows(states, packed)], dim=2)
