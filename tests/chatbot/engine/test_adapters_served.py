"""Adapters of the real model in the real engines: chosen by request, loaded under traffic, the same in every form."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from chatbot.engine import build_engine, weights
from chatbot.engine.base import Engine, Sampling
from chatbot.engine.llamacpp import LlamaCppEngine
from chatbot.prompt import ChatMessage
from configs.errors import EngineError
from configs.settings import Settings

ASKED: list[ChatMessage] = [
    {
        "role": "system",
        "content": "You answer in one sentence.",
    },  # without one, templates put different ones in
    {"role": "user", "content": "Name three fruits."},
]


@pytest.fixture(scope="module")
def shop(home: Path, configure: Callable[..., Settings], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two adapters of the packaged model that were drawn at random, strong enough to be heard."""
    import torch

    from finetune.config import TrainConfig
    from finetune.export import gguf_adapter
    from finetune.model import load_base, with_adapter

    base = weights.transformers_path(configure("transformers"))
    folder = tmp_path_factory.mktemp("shop")
    (folder / "models").symlink_to(home / "models")
    for seed, name in enumerate(("tone", "other.tone")):
        torch.manual_seed(seed)
        model = with_adapter(load_base(base), TrainConfig(rank=8, alpha=8, method="rslora"), 10)
        for weight_name, weight in model.named_parameters():
            if "lora_B" in weight_name:
                torch.nn.init.normal_(weight, std=0.02)
        own = folder / "adapters" / name
        model.save_pretrained(own)
        gguf_adapter(base, own, own / weights.ADAPTER_FILE)
    return folder


@pytest_asyncio.fixture(params=["llamacpp", "transformers"])
async def engine(request: Any, shop: Path, configure: Callable[..., Settings]) -> AsyncIterator[Engine]:
    made = build_engine(configure(request.param).model_copy(update={"home": shop}))
    yield made
    await made.aclose()


async def said(engine: Engine, adapter: str | None = None, tokens: int = 12) -> str:
    async with aclosing(engine.stream(ASKED, Sampling(max_tokens=tokens), adapter)) as stream:
        return "".join([piece async for piece in stream])


async def test_each_request_is_answered_by_the_adapter_that_it_names(engine: Engine) -> None:
    plain = await said(engine)
    tone, other = await said(engine, "tone"), await said(engine, "other.tone")
    assert len({plain, tone, other}) == 3
    assert [await said(engine), await said(engine, "tone")] == [plain, tone]


async def test_an_adapter_without_files_is_refused_and_the_others_go_on(engine: Engine) -> None:
    for name in ("never-made", "../adapters/tone", ""):
        with pytest.raises(EngineError, match="no adapter"):
            await said(engine, name)
    assert await said(engine, "tone")


async def test_every_form_says_the_same(
    shop: Path, configure: Callable[..., Settings], tmp_path: Path
) -> None:
    from finetune.export import gguf_model, merged

    settings = configure("llamacpp").model_copy(update={"home": shop})
    base = weights.transformers_path(settings)
    folder = merged(base, shop / "adapters" / "tone", tmp_path / "merged")
    told: dict[str, str] = {}
    forms = {
        "adapter": (settings, "tone"),
        "merged Q8_0": (_of(settings, gguf_model(weights.gguf_path(settings), folder, tmp_path / "q8.gguf", "Q8_0")), None),
        "merged safetensors": (_of(configure("transformers"), folder), None),
    }  # fmt: skip
    for form, (wanted, adapter) in forms.items():
        engine = build_engine(wanted)
        told[form] = await said(engine, adapter, tokens=8)
        await engine.aclose()
    assert len(set(told.values())) == 1, told
    small = gguf_model(weights.gguf_path(settings), folder, tmp_path / "q4.gguf", "Q4_0")
    assert small.stat().st_size < 0.75 * (tmp_path / "q8.gguf").stat().st_size
    engine = build_engine(_of(settings, small))
    assert (await said(engine, tokens=8)).strip()
    await engine.aclose()


def _of(settings: Settings, model: Path) -> Settings:
    return settings.model_copy(update={"engine": settings.engine.model_copy(update={"model": str(model)})})


async def test_a_new_adapter_is_loaded_while_others_are_answered(
    shop: Path, configure: Callable[..., Settings]
) -> None:
    engine = build_engine(configure("llamacpp").model_copy(update={"home": shop}))
    plain = await said(engine, tokens=40)
    running = [asyncio.create_task(said(engine, tokens=40)) for _ in range(2)]
    await asyncio.sleep(0.05)
    # What is computed beside others is rounded otherwise, so that drawn weights need not say the same to all.
    switched = await asyncio.gather(*(said(engine, "tone") for _ in range(3)))
    assert not any(plain.startswith(text) for text in switched)
    assert await asyncio.gather(*running) == [plain, plain]
    assert await said(engine, tokens=40) == plain
    await engine.aclose()


async def test_what_is_expected_is_loaded_from_the_start(
    shop: Path, configure: Callable[..., Settings]
) -> None:
    settings = configure("llamacpp").model_copy(update={"home": shop})
    engine = LlamaCppEngine(settings, prefix="You are kind.", adapter="tone")
    plain = await said(engine)
    first = engine.pid
    assert await said(engine, "tone") != plain
    assert engine.pid == first
    await said(engine, "other.tone")
    assert engine.pid != first
    await engine.aclose()


@pytest.mark.parametrize("content", [b"no weights", None])
async def test_an_adapter_that_cannot_be_loaded_keeps_nobody_else_waiting(
    home: Path, configure: Callable[..., Settings], tmp_path: Path, content: bytes | None
) -> None:
    (tmp_path / "models").symlink_to(home / "models")
    (tmp_path / "adapters" / "broken").mkdir(parents=True)
    if content is not None:
        (tmp_path / "adapters" / "broken" / weights.ADAPTER_FILE).write_bytes(content)
    engine = LlamaCppEngine(configure("llamacpp").model_copy(update={"home": tmp_path}), adapter="broken")
    for _ in range(20):  # the first start fails
        if (await engine.health()).ready:
            break
        await asyncio.sleep(0.5)
    assert await said(engine)
    with pytest.raises(EngineError):
        await said(engine, "broken")
    assert await said(engine)
    await engine.aclose()
