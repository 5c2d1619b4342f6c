"""The short way of the arithmetic gives what the long way gives."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from finetune import attention, fused
from finetune.config import TrainConfig
from finetune.model import ReplyLoss, load_base, with_adapter
from finetune.packed import attend, pack, padded

from .conftest import tokens, with_prefix

CONFIG = TrainConfig(rank=4, alpha=8)
FROZEN = {"mlp", "norm", "input_layernorm", "post_attention_layernorm"}


def model_of(base: Path, config: TrainConfig) -> Any:
    torch.manual_seed(2)
    model = with_adapter(load_base(base), config, 10)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            nn.init.normal_(weight, std=0.1)
    return model


def values(loss: ReplyLoss) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    told = loss(pack(tokens(6)))
    told.sum().backward()
    return told.detach(), {
        name: weight.grad for name, weight in loss.named_parameters() if weight.grad is not None
    }


def short(model: nn.Module) -> set[str]:
    """Names of the layers that go the short way."""
    return {
        name.rpartition(".")[2] for name, layer in model.named_modules() if isinstance(layer.forward, partial)
    }


def long_losses(head: nn.Module, hidden: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    return nn.functional.cross_entropy(head(hidden), wanted, reduction="none")


@pytest.mark.parametrize("method", ["lora", "rslora", "dora"])
def test_loss_and_gradient_are_those_of_peft_and_transformers(
    tiny_base: Path, monkeypatch: pytest.MonkeyPatch, method: Any
) -> None:
    config = CONFIG.model_copy(update={"method": method})
    monkeypatch.setattr(fused, "ROWS", 3)
    loss = ReplyLoss(model_of(tiny_base, config))
    found, grads = values(loss)
    monkeypatch.setattr("finetune.model.fuse", lambda _: None)
    monkeypatch.setattr("finetune.model.losses", long_losses)
    plain = ReplyLoss(model_of(tiny_base, config))
    wanted, wanted_grads = values(plain)
    assert short(loss) == (FROZEN if method == "dora" else {*CONFIG.targets, *FROZEN})
    assert short(plain) == set()
    assert torch.allclose(found, wanted, atol=1e-4)
    assert grads.keys() == wanted_grads.keys()
    for name, grad in grads.items():
        assert torch.allclose(grad, wanted_grads[name], atol=1e-4), name


def test_what_is_switched_off_or_dropped_goes_the_long_way(tiny_base: Path) -> None:
    model = model_of(tiny_base, CONFIG)
    fused.fuse(model)
    text = torch.arange(9)[None]
    with torch.no_grad(), model.disable_adapter():
        off = model(text).logits
    with torch.no_grad():
        assert torch.allclose(off, load_base(tiny_base)(text).logits, atol=1e-5)
        assert not torch.allclose(off, model(text).logits, atol=1e-2)
    dropping = model_of(tiny_base, CONFIG.model_copy(update={"dropout": 0.1}))
    fused.fuse(dropping)
    assert short(dropping) == FROZEN


def doubles(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def test_each_gradient_is_that_of_finite_differences() -> None:
    torch.manual_seed(0)
    frozen, bias = doubles(5, 4).detach(), doubles(5).detach()
    given, first, second = doubles(2, 3, 4), doubles(2, 4), doubles(5, 2)
    assert torch.autograd.gradcheck(
        lambda x, a, b: fused._Adapted.apply(x, frozen, bias, a, b, 0.7), (given, first, second)
    )
    assert torch.autograd.gradcheck(fused._Gated.apply, (doubles(3, 4), doubles(3, 4)))
    assert torch.autograd.gradcheck(lambda x: fused._Normed.apply(x, frozen[0], 1e-5), (doubles(3, 4),))
    head = nn.Linear(4, 6, dtype=torch.float64).requires_grad_(False)
    wanted = torch.tensor([0, 5, 2])
    assert torch.autograd.gradcheck(lambda x: fused.losses(head, x, wanted), (doubles(3, 4),))


class Heads:
    num_key_value_groups = 3


@pytest.mark.parametrize("shared", [0, 1, 9])
@pytest.mark.parametrize("rows", [1, 3, 64])
def test_attention_is_that_of_torchs_kernel(monkeypatch: pytest.MonkeyPatch, shared: int, rows: int) -> None:
    monkeypatch.setattr(attention, "ROWS", rows)
    torch.manual_seed(0)
    packed = pack(with_prefix(5, shared))
    total = packed.tokens.shape[1]
    query, key, value = (torch.randn(1, heads, total, 8, requires_grad=True) for heads in (6, 2, 2))
    weight = torch.randn(1, total, 6, 8)
    found = []
    for told in (
        attend(Heads, query, key, value, None, packed=packed)[0],
        padded(Heads, query, key, value, packed, 8**-0.5, 0.0),
    ):
        grads = torch.autograd.grad((told * weight).sum(), (query, key, value))
        found.append((told.detach(), *grads))
    for short_way, long_way in zip(*found, strict=True):
        assert torch.allclose(short_way, long_way, atol=1e-4)
