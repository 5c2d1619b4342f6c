"""An adapter in the forms in which it is served: PEFT's folder as it is, merged weights, GGUF adapter, GGUF model.

The GGUF adapter is loaded beside the base model and chosen request by request; merged files are for whoever serves one
adapter alone. Of adapters only LoRA and rsLoRA exist in GGUF: DoRA and AdaLoRA change weights in ways that a pair of
matrices does not say, so they are merged. Knows no registry.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chatbot.engine import weights
from configs.errors import InputError
from finetune.folders import CONFIG, WEIGHTS

Array = NDArray[np.floating[Any]]
HALF = np.float16
"""What an adapter's weights are kept in: half the size, and nothing is lost that an answer shows."""
Quantization = Literal["Q8_0", "Q4_0"]
_TENSOR = re.compile(r"base_model\.model\.(?P<layer>.+)\.lora_(?P<which>[AB])\.weight")


def merged(base: Path, adapter: Path, target: Path) -> Path:
    """Write the base model with the adapter added to its weights, as a transformers folder of safetensors."""
    from transformers import AutoTokenizer

    from finetune.examples import TEMPLATE
    from finetune.model import load_adapter

    model = load_adapter(base, adapter).merge_and_unload()
    model.save_pretrained(target)
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.chat_template = TEMPLATE.read_text(encoding="utf-8")
    tokenizer.save_pretrained(target)
    return target


def gguf_adapter(base: Path, adapter: Path, target: Path) -> Path:
    """Write the adapter as a GGUF file for llama.cpp, which scales it by its ``alpha`` over the rank; weights in 16 bits.

    Raises:
        InputError: it is no LoRA or rsLoRA of a model with llama's layers.
    """
    from gguf import GGUFWriter

    config = json.loads((adapter / CONFIG).read_text(encoding="utf-8"))
    model = json.loads((base / "config.json").read_text(encoding="utf-8"))
    check_kind(kind_of(config))
    check_base(model)
    names = _names(model)
    rank = int(config["r"])
    # peft multiplies by alpha / rank or, for rsLoRA, by alpha / sqrt(rank).
    alpha = config["lora_alpha"] * (math.sqrt(rank) if config.get("use_rslora") else 1.0)
    part = target.with_name(f".{target.name}.part")
    with closing(GGUFWriter(part, model["model_type"])) as writer:
        writer.add_string("general.type", "adapter")
        writer.add_string("adapter.type", "lora")
        writer.add_float32("adapter.lora.alpha", alpha)
        for tensor, values in sorted(_tensors(adapter).items()):
            found = _TENSOR.fullmatch(tensor)
            name = names.get_name(f"{found['layer']}") if found else None
            if found is None or name is None:
                raise InputError(f"{adapter} changes {tensor}", expected="a layer that GGUF has a name for")
            if found["which"] == "B":
                values = _as_llama(f"{found['layer']}.weight", values, model)
            writer.add_tensor(f"{name}.weight.lora_{found['which'].lower()}", values.astype(HALF))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    part.replace(target)
    return target


def kind_of(config: Mapping[str, Any]) -> str:
    """What peft's configuration of an adapter says that it is: ``lora`` (rsLoRA too), ``dora``, ``adalora``."""
    return "dora" if config.get("use_dora") else str(config["peft_type"]).lower()


def check_kind(kind: str) -> None:
    """
    Raises:
        InputError: llama.cpp cannot load adapters of this kind.
    """
    if kind not in ("lora", "rslora", "qlora"):
        raise InputError(
            f"llama.cpp loads no {kind} adapter",
            expected="lora or rslora, which are all that a GGUF adapter can hold",
            hint="set engine.kind (KEFU_ENGINE__KIND) to transformers, which serves all, or export it merged",
        )


def check_base(model: Mapping[str, Any]) -> None:
    """
    Raises:
        InputError: names and order of the layers of a model with this ``config.json`` are not known here.
    """
    if model["model_type"] != "llama":
        raise InputError(
            f"the base model is of type {model['model_type']!r}",
            expected="llama, whose layers' names and order in GGUF are known here",
            hint="set engine.kind (KEFU_ENGINE__KIND) to transformers, or serve the PEFT folder with vLLM",
        )


def peft_folder(adapter: Path, target: Path, base: str) -> None:
    """Write the files of a PEFT folder into another: weights in 16 bits, and the base model by its name instead of a path."""
    from safetensors.numpy import save_file

    target.mkdir(parents=True, exist_ok=True)
    config = json.loads((adapter / CONFIG).read_text(encoding="utf-8"))
    config |= {"base_model_name_or_path": base, "target_modules": sorted(config["target_modules"])}
    (target / CONFIG).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    save_file({name: values.astype(HALF) for name, values in _tensors(adapter).items()}, target / WEIGHTS)


def gguf_model(source: Path, folder: Path, target: Path, quantization: Quantization) -> Path:
    """Write a GGUF model like ``source`` with the weights of the transformers folder, which has the same layers.

    Embeddings stay at 8 bits under ``Q4_0``, since the last layer's work is theirs too.
    """
    from safetensors.numpy import load_file

    model = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    check_base(model)
    names = _names(model)
    replaced: dict[str, Array] = {}
    for file in sorted(folder.glob("*.safetensors")):
        for tensor, values in load_file(file).items():
            name = names.get_name(tensor.removesuffix(".weight"))
            if name is not None:
                replaced[f"{name}.weight"] = _as_llama(tensor, values.astype(np.float32), model)
    weights.rewritten(source, target, quantization, replaced=replaced)
    return target


def vllm_flags(base: str, adapters: Mapping[str, Path], rank: int) -> list[str]:
    """The command that serves the adapters beside their base by vLLM; kefu asks for one by its name as the model."""
    modules = [f"{name}={path}" for name, path in adapters.items()]
    return ["vllm", "serve", base, "--enable-lora", "--max-lora-rank", str(rank), "--lora-modules", *modules]


def _names(model: Mapping[str, Any]) -> Any:
    from gguf import MODEL_ARCH, get_tensor_name_map

    return get_tensor_name_map(MODEL_ARCH.LLAMA, int(model["num_hidden_layers"]))


def _tensors(adapter: Path) -> dict[str, Array]:
    from safetensors.numpy import load_file

    found = load_file(adapter / WEIGHTS)
    return {name: values.astype(np.float32) for name, values in found.items()}


def _as_llama(tensor: str, values: Array, model: Mapping[str, Any]) -> Array:
    """llama.cpp rotates neighbouring rows of queries and keys, transformers rows half a head apart."""
    heads = {
        "q_proj": model["num_attention_heads"],
        "k_proj": model.get("num_key_value_heads") or model["num_attention_heads"],
    }
    head_count = next((count for part, count in heads.items() if f".{part}." in tensor), None)
    if head_count is None:
        return values
    rows = values.reshape(head_count, 2, values.shape[0] // head_count // 2, *values.shape[1:])
    return np.ascontiguousarray(rows.swapaxes(1, 2).reshape(values.shape))
