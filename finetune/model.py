"""The base model with its adapter, and the loss of a batch: over the tokens of the reply alone.

Logits are computed where a reply's token is to be foretold and nowhere else: of a vocabulary of 49,000, on prompts three
times as long as replies, that is most of the last layer's work and memory. Knows no data and no steps.
"""

from __future__ import annotations

import ctypes
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from torch import nn

from configs.errors import ConfigError, InputError
from finetune.config import TrainConfig
from finetune.fused import fuse, losses
from finetune.packed import Packed, use_packed_attention

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""Names of malloc.h."""
_FEWEST = 4
"""Steps of AdaLoRA's schedule."""


class ReplyLoss(nn.Module):
    """For each example of a batch the sum of the cross entropies, in nats, of its reply's tokens: shape (examples,)."""

    def __init__(self, model: nn.Module, neftune: float = 0.0) -> None:
        super().__init__()
        self.model = model
        self.neftune = neftune
        use_packed_attention(_base(model))
        fuse(model)

    def forward(self, batch: Packed) -> torch.Tensor:
        base = _base(self.model)
        embedded = base.get_input_embeddings()(batch.tokens)
        if self.training and self.neftune:
            # Jain et al. 2023, NEFTune: uniform noise of strength alpha / sqrt(length x dimension); here the length is
            # that of the batch's longest example, and examples share the noise on what they share.
            length = batch.shared + batch.longest
            noise = torch.empty_like(embedded).uniform_(-1, 1)
            embedded = embedded + noise * (self.neftune / math.sqrt(length * embedded.shape[-1]))
        told = base.model(inputs_embeds=embedded, position_ids=batch.positions, use_cache=False, packed=batch)
        each = losses(base.lm_head, told.last_hidden_state[0].index_select(0, batch.before), batch.wanted)
        return each.new_zeros(batch.examples).index_add(0, batch.example, each)


def _base(model: nn.Module) -> Any:
    get = getattr(model, "get_base_model", None)
    return get() if get is not None else model


def _keep_freed_memory() -> None:
    """Let glibc keep what is freed: each pass frees hundreds of megabytes and takes them again, and pages that are new to
    the process cost a fifth of its time. Elsewhere nothing is done."""
    with suppress(
        OSError, AttributeError
    ):  # another C library: memory is then given back each time, only slower
        libc = ctypes.CDLL("libc.so.6")
        for option, size in ((_M_MMAP_THRESHOLD, 1 << 30), (_M_TRIM_THRESHOLD, (1 << 31) - 1)):
            libc.mallopt(option, size)


def load_base(folder: Path, *, quantized: bool = False) -> Any:
    """The model of a transformers folder, in float32.

    Raises:
        ConfigError: ``quantized`` without a GPU or bitsandbytes.
    """
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    _keep_freed_memory()
    logging.disable_progress_bar()  # the run shows its own
    if not quantized:
        return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    if not torch.cuda.is_available():
        raise ConfigError(
            "method qlora needs a GPU, and none is there",
            expected="CUDA and bitsandbytes",
            hint="use rslora, which trains in full precision",
        )
    from transformers import BitsAndBytesConfig

    quantization = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    return AutoModelForCausalLM.from_pretrained(folder, quantization_config=quantization)


def with_adapter(base: Any, config: TrainConfig, total_steps: int) -> Any:
    """The base with a new adapter, nothing else of it to be trained.

    Raises:
        InputError: the steps are too few for AdaLoRA to shift ranks.
    """
    from peft import AdaLoraConfig, LoraConfig, get_peft_model, prepare_model_for_kbit_training

    common: dict[str, Any] = {
        "lora_alpha": config.alpha,
        "lora_dropout": config.dropout,
        "target_modules": list(config.targets),
        "task_type": "CAUSAL_LM",
    }
    if config.method == "adalora":
        if total_steps < _FEWEST:
            raise InputError(
                f"adalora is to be trained in {total_steps} steps",
                expected=f"{_FEWEST} or more, over which ranks are shifted",
                hint="lower batch, raise epochs, or take another method",
            )
        # Ranks start half as high again and are cut to the wanted mean between a tenth and six tenths of the way.
        chosen: Any = AdaLoraConfig(
            **common,
            init_r=config.rank + config.rank // 2,
            target_r=config.rank,
            tinit=max(1, total_steps // 10),
            tfinal=max(1, total_steps * 2 // 5),
            total_step=total_steps,
        )
    else:
        chosen = LoraConfig(
            **common,
            r=config.rank,
            use_rslora=config.method in ("rslora", "qlora"),
            use_dora=config.method == "dora",
        )
    if config.method == "qlora":
        base = prepare_model_for_kbit_training(base, use_gradient_checkpointing=config.checkpointing)
    elif config.checkpointing:
        base.activation_checkpointing_enable()
        base.enable_input_require_grads()
    with peft_asks_by_an_old_name():
        return get_peft_model(base, chosen)


def load_adapter(base: Path, adapter: Path, *, trainable: bool = False) -> Any:
    """The model of a transformers folder with a trained adapter on it."""
    from peft import PeftModel

    with peft_asks_by_an_old_name():
        return PeftModel.from_pretrained(load_base(base), str(adapter), is_trainable=trainable)


@contextmanager
def peft_asks_by_an_old_name() -> Iterator[None]:
    """Keeps transformers' complaint about peft from whoever can do nothing about it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        yield


def continue_from(model: Any, adapter: Path) -> None:
    """Take over the weights of an adapter.

    Raises:
        InputError: it is not of the form that the model's has, or AdaLoRA has cut its ranks.
    """
    from peft import PeftConfig, load_peft_weights, set_peft_model_state_dict

    theirs, ours = PeftConfig.from_pretrained(str(adapter)), model.peft_config["default"]
    if theirs.peft_type == "ADALORA":
        raise InputError(
            f"adapter {adapter.name} was trained by AdaLoRA, which has cut its ranks",
            expected="lora, rslora, dora or qlora, to go on from it",
            hint="train anew, with the older logs as --replay",
        )
    for name in ("peft_type", "r", "lora_alpha", "use_rslora", "use_dora", "target_modules"):
        old, new = getattr(theirs, name, None), getattr(ours, name, None)
        if old != new:
            raise InputError(
                f"adapter {adapter.name} has {name} {_plain(old)}, and the training {_plain(new)}",
                expected="the same in both",
                hint="train with the configuration on the adapter's card",
            )
    set_peft_model_state_dict(model, load_peft_weights(str(adapter), device="cpu"))


def _plain(value: object) -> object:
    return ", ".join(sorted(value)) if isinstance(value, set) else value


def optimizer_of(model: Any, config: TrainConfig) -> torch.optim.Optimizer:
    if config.lora_plus > 1:
        from peft.optimizers import create_loraplus_optimizer

        made: torch.optim.Optimizer = create_loraplus_optimizer(
            model=model,
            optimizer_cls=torch.optim.AdamW,
            lr=config.learning_rate,
            loraplus_lr_ratio=config.lora_plus,
            weight_decay=config.weight_decay,
        )
        return made
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return torch.optim.AdamW(trained, lr=config.learning_rate, weight_decay=config.weight_decay)
