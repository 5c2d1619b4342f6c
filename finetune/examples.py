"""What a model is trained on: a request as production renders it, and the reply, of which alone it learns.

Every answer of an agent is one example, behind the dialogue before it. Text becomes tokens by our own chat template,
whose ``generation`` tags mark the reply; a template without them, or a reply cut off by the limit, would teach nothing,
so an empty mask is an error. Knows no training loop.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatbot.conversation import Evidence, Message
from chatbot.prompt import ChatMessage, render
from configs.errors import InputError
from configs.settings import CONFIG_DIR
from finetune.logs import Conversation

TEMPLATE = CONFIG_DIR / "chat_template.jinja"


@dataclass(frozen=True, slots=True)
class Example:
    """``group`` is the conversation; what is averaged over groups does not count a long one more often."""

    id: str
    group: str
    messages: tuple[ChatMessage, ...]

    @property
    def reply(self) -> str:
        return self.messages[-1]["content"]


@dataclass(frozen=True, slots=True)
class Encoded:
    """``learnt`` says of each token whether it is part of the reply."""

    id: str
    group: str
    tokens: tuple[int, ...]
    learnt: tuple[bool, ...]

    def __len__(self) -> int:
        return len(self.tokens)


def examples(conversations: Iterable[Conversation]) -> Iterator[Example]:
    """One for each answer of an agent that nobody disliked, without evidence: how the shop speaks, not what it knows."""
    for conversation in conversations:
        history: list[Message] = []
        for number, turn in enumerate(conversation.turns):
            answers = turn.role == "agent" and turn.liked is not False
            if answers and history and history[-1].role == "shopper":
                asked = render(history[-1].text, Evidence(), history[:-1])
                told: ChatMessage = {"role": "assistant", "content": turn.text}
                yield Example(f"{conversation.id}/{number}", conversation.id, (*asked, told))
            history.append(Message("shopper" if turn.role == "customer" else "assistant", turn.text))


def write_examples(path: Path, every: Iterable[Example]) -> int:
    """One JSON object a line, whole or not at all; returns how many."""
    part, count = path.with_name(f"{path.name}.part"), 0
    with part.open("w", encoding="utf-8") as file:
        for one in every:
            told = {"id": one.id, "group": one.group, "messages": one.messages}
            file.write(json.dumps(told, ensure_ascii=False) + "\n")
            count += 1
    part.replace(path)
    return count


def read_examples(path: Path) -> Iterator[Example]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            told = json.loads(line)
            yield Example(told["id"], told["group"], tuple(told["messages"]))


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer of a model, with our template.

    Raises:
        InputError: the model has no tokens for the template's marks, so that they would be cut into pieces.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    known = tokenizer.get_vocab()
    for mark in ("<|im_start|>", "<|im_end|>"):
        if mark not in known:
            raise InputError(
                f"the tokenizer of {folder} does not know {mark}",
                expected="a model that was trained on ChatML, or one whose tokenizer holds its marks",
            )
    tokenizer.chat_template = TEMPLATE.read_text(encoding="utf-8")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = "<|im_end|>"
    return tokenizer


def encode(every: Iterable[Example], tokenizer: Any, *, limit: int) -> tuple[list[Encoded], list[str]]:
    """The examples in tokens, and the ids of those that are longer than ``limit`` and left out.

    Raises:
        InputError: the template marks no reply.
    """
    kept, long = [], []
    for example in every:
        made = tokenizer.apply_chat_template(
            list(example.messages), return_dict=True, return_assistant_tokens_mask=True
        )
        tokens, learnt = tuple(made["input_ids"]), tuple(map(bool, made["assistant_masks"]))
        if not any(learnt):
            raise InputError(
                f"example {example.id}: no token of the reply is marked, so nothing would be learnt",
                expected="a chat template with {% generation %} around what the assistant says",
                hint=f"use the packaged template ({TEMPLATE.name}), and check that the reply is not empty",
            )
        if len(tokens) > limit:
            long.append(example.id)
        else:
            kept.append(Encoded(example.id, example.group, tokens, learnt))
    return kept, long


def check(training: Sequence[Encoded], validation: Sequence[Encoded]) -> None:
    """
    Raises:
        InputError: there is nothing to learn from, or nothing to see by what was learnt.
    """
    if not training or not validation:
        raise InputError(
            f"{len(training)} examples to learn from and {len(validation)} to look at",
            expected="at least one of each",
            hint="import more conversations: a tenth of the customers is for looking at",
        )


def digest(every: Sequence[Encoded]) -> str:
    """Of all tokens and marks, in order: equal data have equal digests."""
    total = hashlib.blake2b(digest_size=8)
    for one in every:
        total.update(f"{one.id} {one.tokens} {one.learnt}".encode())
    return total.hexdigest()
