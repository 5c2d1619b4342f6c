"""An adapter says the same in every form: with PEFT, merged, as a GGUF adapter, and in a GGUF model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from configs.errors import InputError
from finetune.config import TrainConfig
from finetune.export import gguf_adapter, merged, peft_folder, vllm_flags
from finetune.folders import CONFIG, WEIGHTS
from finetune.model import load_adapter, load_base, with_adapter

HALF = {"rtol": 2e-3, "atol": 1e-4}
"""Sums of a few products of numbers in 16 bits."""


def adapter_of(base: Path, folder: Path, method: str) -> Path:
    torch.manual_seed(1)
    config = TrainConfig(method=method, rank=4, alpha=8)  # type: ignore[arg-type]  # parametrized
    model = with_adapter(load_base(base), config, 10)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.1)
    model.save_pretrained(folder)
    return folder


@torch.no_grad()
def logits(model: Any) -> torch.Tensor:
    told: torch.Tensor = model.eval()(torch.arange(20)[None]).logits
    return told


@pytest.mark.parametrize("method", ["lora", "rslora", "dora"])
def test_merged_weights_say_what_the_adapter_says(tiny_base: Path, tmp_path: Path, method: str) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    adapter = adapter_of(tiny_base, tmp_path / "adapter", method)
    apart = logits(PeftModel.from_pretrained(load_base(tiny_base), str(adapter)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("transformers.AutoTokenizer.from_pretrained", lambda _: NoTokenizer())
        together = merged(tiny_base, adapter, tmp_path / "merged")
    whole = logits(AutoModelForCausalLM.from_pretrained(together))
    assert float((apart - whole).abs().max()) < 1e-4
    assert float((apart - logits(load_base(tiny_base))).abs().max()) > 0.1


class NoTokenizer:
    chat_template = ""

    def save_pretrained(self, folder: Path) -> None:
        pass


@pytest.mark.parametrize("method", ["lora", "rslora"])
def test_the_gguf_adapter_holds_what_llama_cpp_adds(tiny_base: Path, tmp_path: Path, method: str) -> None:
    from gguf import GGUFReader
    from peft import PeftModel

    adapter = adapter_of(tiny_base, tmp_path / "adapter", method)
    reader = GGUFReader(gguf_adapter(tiny_base, adapter, tmp_path / "adapter.gguf"))
    found = {tensor.name: np.array(tensor.data) for tensor in reader.tensors}
    assert len(found) == 2 * 2 * 7
    scale = float(reader.fields["adapter.lora.alpha"].contents()) / 4
    model = PeftModel.from_pretrained(load_base(tiny_base), str(adapter))
    layer = model.base_model.model.model.layers[1]
    gate = scale * found["blk.1.ffn_gate.weight.lora_b"] @ found["blk.1.ffn_gate.weight.lora_a"]
    np.testing.assert_allclose(gate, layer.mlp.gate_proj.get_delta_weight("default").detach(), **HALF)
    # Queries: of each head of 8 rows, transformers' rows 0 and 4 are llama.cpp's 0 and 1.
    query = scale * found["blk.1.attn_q.weight.lora_b"] @ found["blk.1.attn_q.weight.lora_a"]
    theirs = layer.self_attn.q_proj.get_delta_weight("default").detach().numpy()
    order = [head * 8 + half * 4 + row for head in range(4) for row in range(4) for half in range(2)]
    np.testing.assert_allclose(query, theirs[order], **HALF)


@pytest.mark.parametrize("method", ["rslora", "dora"])
def test_what_is_registered_says_the_same_in_half_the_size_and_names_no_path(
    tiny_base: Path, tmp_path: Path, method: str
) -> None:
    adapter, kept = adapter_of(tiny_base, tmp_path / "adapter", method), tmp_path / "kept"
    peft_folder(adapter, kept, "tiny")
    before = logits(load_adapter(tiny_base, adapter))
    after = logits(load_adapter(tiny_base, kept))
    assert float((before - after).abs().max()) < 0.02 * float(before.std())
    assert float((before - logits(load_base(tiny_base))).abs().max()) > 0.1
    assert str(tmp_path) not in (kept / CONFIG).read_text()
    assert {values.dtype for values in load_file(kept / WEIGHTS).values()} == {np.dtype("float16")}


def test_what_a_gguf_adapter_cannot_hold_is_refused(tiny_base: Path, tmp_path: Path) -> None:
    adapter = adapter_of(tiny_base, tmp_path / "adapter", "dora")
    with pytest.raises(InputError, match="no dora adapter"):
        gguf_adapter(tiny_base, adapter, tmp_path / "adapter.gguf")
    assert not (tmp_path / "adapter.gguf").exists()


def test_the_command_for_vllm(tmp_path: Path) -> None:
    assert " ".join(vllm_flags("base", {"tone": tmp_path}, 16)) == (
        f"vllm serve base --enable-lora --max-lora-rank 16 --lora-modules tone={tmp_path}"
    )
