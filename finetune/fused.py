"""The same arithmetic with fewer passes over memory: on a processor, those cost a training step a third of its time.

An adapter's small products are added into the frozen layer's result where it lies. Norms and the gate of the inner layers keep
what they read, not what they compute. The loss takes the last layer a few rows at a time and keeps the gradient that it will need, not
the logits. Values are those of peft and transformers up to rounding. A layer of another kind (a variant of LoRA, dropout,
quantised weights), and every layer on a GPU, where autocast chooses types, is left as it is. Knows no data.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import nn

ROWS = 256
"""Of logits at a time: 50 MB for a vocabulary of 49,000."""


def fuse(model: nn.Module) -> None:
    """Let the layers of a model compute in the short way, as far as they are of a kind that allows it."""
    from peft.tuners.lora import Linear

    for module in model.modules():
        if type(module) is Linear and _is_plain(module):
            module.forward = partial(_adapted, module)
        elif _is_gated(module):
            module.forward = partial(_gated, module)
        elif _is_norm(module):
            module.forward = partial(_normed, module)


# --- the adapter --------------------------------------------------------------------------------------------


def _is_plain(layer: Any) -> bool:
    return (
        type(layer.base_layer) is nn.Linear
        and len(layer.active_adapters) == 1
        and not layer.lora_variant
        and all(isinstance(dropout, nn.Identity) for dropout in layer.lora_dropout.values())
        and all(small.bias is None for small in layer.lora_B.values())
    )


def _adapted(layer: Any, given: torch.Tensor) -> torch.Tensor:
    if given.device.type != "cpu" or layer.disable_adapters or layer.merged:
        told: torch.Tensor = type(layer).forward(layer, given)
        return told
    (name,) = layer.active_adapters
    frozen = layer.base_layer
    first, second = layer.lora_A[name].weight, layer.lora_B[name].weight
    made: torch.Tensor = _Adapted.apply(given, frozen.weight, frozen.bias, first, second, layer.scaling[name])  # type: ignore[no-untyped-call]  # torch has no types for it
    return made


class _Adapted(torch.autograd.Function):
    """``x W' + b + s (x A') B'`` (Hu et al. 2021, LoRA), W and b frozen."""

    @staticmethod
    def forward(
        ctx: Any,
        given: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        first: torch.Tensor,
        second: torch.Tensor,
        scaling: float,
    ) -> torch.Tensor:
        rows = given.reshape(-1, given.shape[-1])
        small = rows @ first.t()
        made = nn.functional.linear(rows, weight, bias)
        made.addmm_(small, second.t(), alpha=scaling)
        ctx.save_for_backward(given, weight, first, second, small)
        ctx.scaling = scaling
        return made.view(*given.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        given, weight, first, second, small = ctx.saved_tensors
        grad = grads[0].reshape(-1, grads[0].shape[-1])
        narrow = (grad @ second).mul_(ctx.scaling)
        of_first = narrow.t() @ given.reshape(-1, given.shape[-1])
        of_second = (grad.t() @ small).mul_(ctx.scaling)
        of_given = None
        if ctx.needs_input_grad[0]:
            of_given = (grad @ weight).addmm_(narrow, first).view(given.shape)
        return of_given, None, None, of_first, of_second, None


# --- the gate -----------------------------------------------------------------------------------------------


def _is_gated(module: nn.Module) -> bool:
    """Whether it is ``down(silu(gate(x)) * up(x))`` and nothing else, as in the models of the Llama family."""
    own = {name for name, _ in module.named_children()}
    return own == {"gate_proj", "up_proj", "down_proj", "act_fn"} and isinstance(
        module.act_fn, nn.SiLU | _silu()
    )


def _silu() -> type[nn.Module]:
    from transformers.activations import ACT2CLS

    found = ACT2CLS["silu"]
    return found if isinstance(found, type) else found[0]


def _gated(layer: Any, given: torch.Tensor) -> torch.Tensor:
    if given.device.type != "cpu":
        told: torch.Tensor = type(layer).forward(layer, given)
        return told
    gated = _Gated.apply(layer.gate_proj(given), layer.up_proj(given))  # type: ignore[no-untyped-call]  # as above
    made: torch.Tensor = layer.down_proj(gated)
    return made


class _Gated(torch.autograd.Function):
    """``silu(gate) * up`` (Shazeer 2020, SwiGLU); silu is computed again on the way back."""

    @staticmethod
    def forward(ctx: Any, gate: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(gate, up)
        return nn.functional.silu(gate).mul_(up)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        gate, up = ctx.saved_tensors
        grad = grads[0]
        of_up = nn.functional.silu(gate).mul_(grad)
        of_gate = torch.ops.aten.silu_backward(grad * up, gate)
        return of_gate, of_up


# --- norms --------------------------------------------------------------------------------------------------


def _is_norm(module: nn.Module) -> bool:
    """Whether it is ``weight * x / rms(x)`` with a frozen weight; some families call other formulas by this name."""
    if not type(module).__name__.endswith("RMSNorm") or not hasattr(module, "variance_epsilon"):
        return False
    weight = module.weight
    assert isinstance(weight, torch.Tensor)
    probe = torch.linspace(-1, 2, len(weight), dtype=weight.dtype, device=weight.device)[None]
    with torch.no_grad():
        return not weight.requires_grad and torch.allclose(module(probe), _normed(module, probe), atol=1e-5)


def _normed(layer: Any, given: torch.Tensor) -> torch.Tensor:
    if given.device.type != "cpu":
        told: torch.Tensor = type(layer).forward(layer, given)
        return told
    made: torch.Tensor = _Normed.apply(given, layer.weight, layer.variance_epsilon)  # type: ignore[no-untyped-call]  # as above
    return made


class _Normed(torch.autograd.Function):
    """Zhang and Sennrich 2019, RMSNorm."""

    @staticmethod
    def forward(ctx: Any, given: torch.Tensor, weight: torch.Tensor, epsilon: float) -> torch.Tensor:
        length = torch.linalg.vector_norm(given, dim=-1, keepdim=True)
        scale = length.square_().div_(given.shape[-1]).add_(epsilon).rsqrt_()
        ctx.save_for_backward(given, weight, scale)
        made: torch.Tensor = (given * scale).mul_(weight)
        return made

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        given, weight, scale = ctx.saved_tensors
        grad = grads[0] * weight
        along = torch.linalg.vecdot(grad, given)[..., None]
        along.mul_(scale.pow(3)).div_(-given.shape[-1])
        return grad.mul_(scale).addcmul_(given, along), None, None


# --- the last layer -----------------------------------------------------------------------------------------


def losses(head: nn.Module, hidden: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Cross entropies in nats, shape (rows,), of ``wanted`` after ``hidden`` (rows, width) by the last layer ``head``."""
    learns = torch.is_grad_enabled() and any(weight.requires_grad for weight in head.parameters())
    if type(head) is not nn.Linear or learns or hidden.device.type != "cpu":
        return nn.functional.cross_entropy(head(hidden).float(), wanted, reduction="none")
    each: torch.Tensor = _Losses.apply(hidden, head.weight, head.bias, wanted)  # type: ignore[no-untyped-call]  # as above
    return each


class _Losses(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, wanted: torch.Tensor
    ) -> torch.Tensor:
        each = hidden.new_empty(len(wanted))
        grad = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        for start in range(0, len(wanted), ROWS):
            own = slice(start, start + ROWS)
            logits, right = nn.functional.linear(hidden[own], weight, bias), wanted[own, None]
            total = logits.logsumexp(1, keepdim=True)
            each[own] = (total - logits.gather(1, right))[:, 0]
            if grad is not None:
                # The gradient of a row's loss: its distribution less the one that has the right token alone.
                logits.sub_(total).exp_().scatter_add_(1, right, logits.new_full(right.shape, -1.0))
                torch.mm(logits, weight, out=grad[own])
        if grad is not None:
            ctx.save_for_backward(grad)
        return each

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (grad,) = ctx.saved_tensors
        return grad * grads[0][:, None], None, None, None
