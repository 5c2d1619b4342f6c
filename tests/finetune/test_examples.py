"""What a model is trained on: production's request, and the reply alone is learnt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from configs.errors import InputError
from finetune.examples import TEMPLATE, digest, encode, examples, load_tokenizer
from finetune.logs import Conversation, Said

TALK = Conversation(
    "c1",
    (
        Said("customer", "Where is my lamp?"),
        Said("agent", "It left us today."),
        Said("customer", "And when does it arrive?"),
        Said("agent", "On Friday."),
    ),
)


@pytest.fixture
def tokenizer(tiny_chat_base: Path) -> Any:
    return load_tokenizer(tiny_chat_base)


def test_every_answer_is_one_example_behind_the_dialogue_before_it() -> None:
    first, second = examples([TALK])
    assert (first.id, second.id, first.group) == ("c1/1", "c1/3", "c1")
    assert (first.reply, second.reply) == ("It left us today.", "On Friday.")
    assert first.messages[1]["content"].endswith("Question: Where is my lamp?")
    asked = second.messages[1]["content"]
    assert "Customer: Where is my lamp?\nShop: It left us today." in asked
    assert asked.endswith("Question: And when does it arrive?")


def test_what_was_disliked_is_read_and_not_learnt() -> None:
    disliked = Conversation("c", (*TALK.turns[:1], Said("agent", "No idea.", liked=False), *TALK.turns[2:]))
    (only,) = examples([disliked])
    assert (only.id, only.reply) == ("c/3", "On Friday.")
    assert "Shop: No idea." in only.messages[1]["content"]


def test_what_an_agent_says_first_answers_nothing() -> None:
    greeted = Conversation("c", (Said("agent", "Welcome!"), *TALK.turns[:2]))
    assert [example.reply for example in examples([greeted])] == ["It left us today."]


def test_the_reply_and_its_end_are_learnt_and_nothing_else(tokenizer: Any) -> None:
    kept, long = encode(examples([TALK]), tokenizer, limit=2000)
    assert long == []
    for one, reply in zip(kept, ("It left us today.", "On Friday."), strict=True):
        learnt = [token for token, own in zip(one.tokens, one.learnt, strict=True) if own]
        assert tokenizer.decode(learnt) == f"{reply}<|im_end|>"
        whole = tokenizer.decode(one.tokens)
        assert whole.startswith("<|im_start|>system\n")
        assert whole.endswith(f"<|im_start|>assistant\n{reply}<|im_end|>\n")


def test_long_examples_are_left_out_by_name(tokenizer: Any) -> None:
    kept, _ = encode(examples([TALK]), tokenizer, limit=2000)
    limit = len(kept[0])
    assert encode(examples([TALK]), tokenizer, limit=limit)[1] == ["c1/3"]


def test_a_template_that_marks_no_reply_is_an_error_that_says_what_to_do(tokenizer: Any) -> None:
    tokenizer.chat_template = TEMPLATE.read_text(encoding="utf-8").replace("{%- generation -%}", "").replace("{%- endgeneration -%}", "")  # fmt: skip
    with pytest.raises(InputError, match="generation") as caught:
        encode(examples([TALK]), tokenizer, limit=2000)
    assert "c1/1" in str(caught.value)
    assert "What to do" in str(caught.value)


def test_a_tokenizer_without_the_marks_is_refused(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({"a": 0, "[UNK]": 1}, unk_token="[UNK]"))
    PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]").save_pretrained(tmp_path)
    with pytest.raises(InputError, match="im_start"):
        load_tokenizer(tmp_path)


def test_equal_data_have_equal_digests(tokenizer: Any) -> None:
    one, _ = encode(examples([TALK]), tokenizer, limit=2000)
    two, _ = encode(examples([TALK]), tokenizer, limit=2000)
    assert digest(one) == digest(two) != digest(one[:1])
