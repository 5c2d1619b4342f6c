"""The second stage: from what people thought of replies to an adapter that gives more of those that they liked.

A correction beside what it replaced is a pair; a thumb or a reviewer's label speaks of one reply alone. KTO (Ethayarajh et al.
2024) learns from both, DPO (Rafailov et al. 2023) from pairs. TRL trains, from the adapter of the first stage, which is also
what it must not stray from. How far the outcome agrees with people is counted on conversations that it did not see. Judges
no reply; whether the adapter is better is for the gate.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chatbot.conversation import Evidence, Message
from chatbot.prompt import ChatMessage, render
from configs.errors import InputError
from finetune.checkpoint import ADAPTER
from finetune.config import PreferenceConfig
from finetune.examples import Example, encode, load_tokenizer
from finetune.folders import PREFERENCE, digest_of
from finetune.logs import Conversation

FEWEST = 20
"""Replies of each kind, liked and disliked, below which nothing is learned but their accidents."""


@dataclass(frozen=True, slots=True)
class Preference:
    """A request and a reply to it that was liked, or one that was disliked, or one of each."""

    id: str
    group: str
    asked: tuple[ChatMessage, ...]
    liked: str = ""
    disliked: str = ""


@dataclass(frozen=True, slots=True)
class Preferred:
    """``agreement`` is the share of pairs held out, of a liked and a disliked reply, of which the adapter makes the liked one
    likelier by more than the first stage did; 0.5 is chance."""

    adapter: Path
    method: str
    pairs: int
    liked: int
    disliked: int
    agreement: float | None


def preferences(conversations: Iterable[Conversation]) -> Iterator[Preference]:
    """What is known of each answer of an agent."""
    for conversation in conversations:
        history: list[Message] = []
        for number, turn in enumerate(conversation.turns):
            if turn.role == "agent" and history and history[-1].role == "shopper":
                liked = turn.text if turn.liked or turn.rejected else ""
                disliked = turn.rejected or (turn.text if turn.liked is False else "")
                if (liked or disliked) and liked != disliked:
                    asked = render(history[-1].text, Evidence(), history[:-1])
                    name = f"{conversation.id}/{number}"
                    yield Preference(name, conversation.id, tuple(asked), liked, disliked)
            history.append(Message("shopper" if turn.role == "customer" else "assistant", turn.text))


def prefer(
    base: Path,
    start: Path,
    training: Sequence[Preference],
    held_out: Sequence[Preference],
    config: PreferenceConfig,
    folder: Path,
    tell: Callable[[int, int], None] = lambda done, of: None,
) -> Preferred:
    """Train on from the adapter ``start`` into ``folder``; what was there before is replaced when all is done.

    Raises:
        InputError: too few replies were liked or disliked.
    """
    chosen = _drawn(training, config.most, config)
    counted = {
        "pairs": sum(bool(one.liked and one.disliked) for one in chosen),
        "liked": sum(bool(one.liked) for one in chosen),
        "disliked": sum(bool(one.disliked) for one in chosen),
    }
    if min(counted["liked"], counted["disliked"]) < FEWEST:
        raise InputError(
            f"{counted['liked']} replies that somebody liked and {counted['disliked']} that somebody disliked",
            expected=f"at least {FEWEST} of each" + (" in pairs, for dpo" if config.method == "dpo" else ""),
            hint="import reviewed transcripts, or thumbs (`rating`: up or down)",
        )
    tokenizer = load_tokenizer(base)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="preference-", dir=folder) as part:
        _learn(base, start, chosen, config, tokenizer, Path(part), tell)
        seen = _drawn(held_out, config.validation, config)
        agreement = _agreement(base, start, Path(part) / ADAPTER, seen, config.limit, tokenizer)
        made = Preferred(folder / ADAPTER, config.method, **counted, agreement=agreement)
        (folder / ADAPTER).mkdir(exist_ok=True)
        for file in (Path(part) / ADAPTER).iterdir():
            file.replace(folder / ADAPTER / file.name)
    told = asdict(made) | {"start": digest_of(start), "config": config.model_dump(mode="json")}
    del told["adapter"]
    (folder / PREFERENCE).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return made


def _drawn(every: Sequence[Preference], most: int, config: PreferenceConfig) -> list[Preference]:
    """Those that the method can use, at most ``most`` of them, or all if it is 0."""
    fit = [one for one in every if config.method == "kto" or (one.liked and one.disliked)]
    return random.Random(config.seed).sample(fit, most) if most and len(fit) > most else fit


def _learn(
    base: Path,
    start: Path,
    chosen: Sequence[Preference],
    config: PreferenceConfig,
    tokenizer: Any,
    folder: Path,
    tell: Callable[[int, int], None],
) -> None:
    import torch
    from datasets import Dataset, disable_progress_bars
    from transformers import TrainerCallback
    from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer

    from finetune.model import load_adapter, peft_asks_by_an_old_name

    disable_progress_bars()  # the bar is ours

    class Told(TrainerCallback):  # type: ignore[misc]  # transformers has no types
        def on_step_end(self, _: Any, state: Any, *__: Any, **___: Any) -> None:
            tell(state.global_step, state.max_steps)

    model = load_adapter(base, start, trainable=True)
    common: dict[str, Any] = {
        "output_dir": str(folder / "trl"),
        "beta": config.beta,
        "learning_rate": config.learning_rate,
        "num_train_epochs": config.epochs,
        "per_device_train_batch_size": config.micro_batch,
        "gradient_accumulation_steps": max(1, config.batch // config.micro_batch),
        "max_length": config.limit,
        "warmup_steps": 0.1,  # below 1 it is a share
        "activation_checkpointing": False,
        "use_cpu": not torch.cuda.is_available(),
        "bf16": torch.cuda.is_available(),
        "save_strategy": "no",
        "report_to": "none",
        "logging_strategy": "no",
        "disable_tqdm": True,
        "seed": config.seed,
    }
    if config.method == "dpo":
        rows, trainer, arguments = _pairs(chosen), DPOTrainer, DPOConfig(**common)
    else:
        rows = _singles(chosen, config.seed)
        liked = sum(row["label"] for row in rows)
        # The rarer kind weighs as much as the other (section 4.2 of the paper).
        weights = {
            "desirable_weight": max(1.0, (len(rows) - liked) / liked),
            "undesirable_weight": max(1.0, liked / (len(rows) - liked)),
        }
        trainer, arguments = KTOTrainer, KTOConfig(**common, **weights)
    with peft_asks_by_an_old_name():
        trainer(
            model=model,
            args=arguments,
            train_dataset=Dataset.from_list(rows),
            processing_class=tokenizer,
            callbacks=[Told()],
        ).train()
    # TRL lays the adapter that it started from beside the trained one, under another name.
    model.save_pretrained(folder / ADAPTER, selected_adapters=["default"])


def _pairs(chosen: Sequence[Preference]) -> list[dict[str, Any]]:
    return [
        {"prompt": list(one.asked), "chosen": _said(one.liked), "rejected": _said(one.disliked)}
        for one in chosen
    ]


def _singles(chosen: Sequence[Preference], seed: int) -> list[dict[str, Any]]:
    rows = [
        {"prompt": list(one.asked), "completion": _said(text), "label": label}
        for one in chosen
        for text, label in ((one.liked, True), (one.disliked, False))
        if text
    ]
    # KTO takes batches in the order of the file, and holds the replies of one against each other's requests.
    random.Random(seed).shuffle(rows)
    return rows


def _said(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def _agreement(
    base: Path, start: Path, adapter: Path, held_out: Sequence[Preference], limit: int, tokenizer: Any
) -> float | None:
    """See ``Preferred``; None where nothing is held out."""
    liked, disliked = (
        _gains(base, start, adapter, [(one, text) for one, text in told if text], limit, tokenizer)
        for told in (
            [(one, one.liked) for one in held_out],
            [(one, one.disliked) for one in held_out],
        )
    )
    if not liked or not disliked:
        return None
    won = sum((one > other) + 0.5 * (one == other) for one in liked for other in disliked)
    return round(won / (len(liked) * len(disliked)), 4)


def _gains(
    base: Path,
    start: Path,
    adapter: Path,
    replies: Sequence[tuple[Preference, str]],
    limit: int,
    tokenizer: Any,
) -> list[float]:
    """By how many nats each reply became likelier."""
    from finetune.measure import losses

    every, _ = encode(
        (
            Example(one.id, one.id, (*one.asked, {"role": "assistant", "content": text}))
            for one, text in replies
        ),
        tokenizer,
        limit=limit,
    )
    lengths = [sum(one.learnt) for one in sorted(every, key=lambda one: one.group)]
    before, after = (losses(base, chosen, every) for chosen in (start, adapter))
    return [(old - new) * length for old, new, length in zip(before, after, lengths, strict=True)]
