"""What a model is heard to say with an adapter that nobody has registered."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from configs.errors import ConfigError, InputError
from configs.settings import Settings
from finetune.config import TrainConfig
from finetune.export import check_base
from finetune.model import load_base, with_adapter
from finetune.speak import check_engine, replies

REQUESTS = [
    [{"role": "user", "content": "Where is my lamp?"}],
    [{"role": "user", "content": "May I return it?"}],
]


def settings(base: Path, home: Path, kind: str) -> Settings:
    return Settings(home=home, engine={"model": str(base), "kind": kind})  # type: ignore[arg-type]  # pydantic reads it


@pytest.mark.parametrize("method", ["rslora", "dora"])
def test_transformers_speaks_with_an_adapter_of_any_kind(
    tiny_chat_base: Path, tmp_path: Path, method: str
) -> None:
    torch.manual_seed(1)
    model = with_adapter(
        load_base(tiny_chat_base),
        TrainConfig(method=method, rank=4, alpha=32),
        10,  # type: ignore[arg-type]  # parametrized
    )
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.3)
    model.save_pretrained(tmp_path / "adapter")
    there = settings(tiny_chat_base, tmp_path / "home", "transformers")
    check_engine(there, method)
    heard: list[tuple[int, int]] = []
    plain = replies(there, None, REQUESTS, longest=12, tell=lambda done, of: heard.append((done, of)))
    tuned = replies(there, tmp_path / "adapter", REQUESTS, longest=12)
    assert heard == [(1, 2), (2, 2)]
    assert [told.text for told in plain] != [told.text for told in tuned]
    assert [told.text for told in tuned] == [
        told.text for told in replies(there, tmp_path / "adapter", REQUESTS, longest=12)
    ]
    assert all(told.seconds > 0 for told in (*plain, *tuned))


def test_what_llama_cpp_cannot_load_is_refused(tiny_chat_base: Path, tmp_path: Path) -> None:
    for kind in ("dora", "adalora"):
        with pytest.raises(InputError, match=f"no {kind} adapter"):
            check_engine(Settings(home=tmp_path), kind)
    with pytest.raises(ConfigError, match=r"engine\.kind to transformers"):
        check_engine(settings(tiny_chat_base, tmp_path, "llamacpp"), "rslora")
    with pytest.raises(InputError, match="qwen2"):
        check_base({"model_type": "qwen2"})
