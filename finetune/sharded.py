"""A model that one GPU does not hold: its frozen weights lie in parts over the processes (FSDP2, Zhao et al. 2023).

Each layer's weights are gathered when it is their turn, and let go. The adapter, some millionth of the memory, is whole on
each process, so that optimizer, checkpoints and saving know nothing of this. Chosen by accelerate's launcher
(``configs/accelerate/fsdp.yaml``). Knows no data and no steps.
"""

from __future__ import annotations

import os
from typing import Any

import torch
from accelerate import Accelerator
from torch import nn

from configs.errors import ConfigError


def is_wanted(accelerator: Accelerator) -> bool:
    """Whether the launcher was told to shard, and there are processes to do it."""
    return accelerator.num_processes > 1 and os.environ.get("ACCELERATE_USE_FSDP", "").lower() == "true"


def shard(loss: nn.Module, base: Any, device: torch.device) -> None:
    """Part the frozen weights of ``base``, a transformers model inside of ``loss``, over all processes, in place.

    Raises:
        ConfigError: the weights are quantised, which FSDP cannot part.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    adapter = {weight for weight in loss.parameters() if weight.requires_grad}
    if not all(weight.is_floating_point() for weight in loss.parameters()):
        raise ConfigError(
            "quantised weights cannot be parted over processes",
            expected="another method than qlora, or a launch without FSDP",
            hint="use configs/accelerate/gpus.yaml, which keeps the whole model on each GPU",
        )
    loss.to(device)
    mesh = init_device_mesh(device.type, (torch.distributed.get_world_size(),))
    for layer in base.model.layers:
        fully_shard(layer, mesh=mesh, ignored_params=adapter)
    fully_shard(loss, mesh=mesh, ignored_params=adapter)


def exchange(accelerator: Accelerator, model: nn.Module) -> None:
    """Give every process the mean of the adapter's gradients, which sharding leaves alone."""
    for weight in model.parameters():
        if weight.requires_grad and weight.grad is not None:
            weight.grad = accelerator.reduce(weight.grad, "mean")
