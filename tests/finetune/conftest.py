"""A model of a few thousand weights, and examples of random tokens."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from finetune.examples import Encoded

VOCABULARY = 97


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _model(tmp_path_factory.mktemp("base") / "tiny", VOCABULARY)


@pytest.fixture(scope="session")
def tiny_chat_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a tokenizer of single bytes, which knows the marks of our template."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    from finetune.examples import TEMPLATE

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    marks = ["<|im_start|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=marks, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(["Where is my lamp?"], trainer)
    folder = tmp_path_factory.mktemp("base") / "chat"
    made = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, additional_special_tokens=marks, eos_token="<|im_end|>"
    )
    made.chat_template = TEMPLATE.read_text(encoding="utf-8")
    made.save_pretrained(folder)
    return _model(folder, len(made))


def _model(folder: Path, vocabulary: int) -> Path:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    torch.set_num_threads(1)  # more of them wait for each other longer than they work
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=True,
        initializer_range=0.3,  # as usual, logits would be too small for any loss to fall
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def tokens(count: int, *, seed: int = 0, longest: int = 40) -> list[Encoded]:
    """Examples whose replies repeat one token, which is quickly learnt."""
    rng = random.Random(seed)
    made = []
    for number in range(count):
        asked, told = rng.randint(4, longest), rng.randint(2, 8)
        text = [rng.randrange(VOCABULARY) for _ in range(asked)] + [7] * told
        learnt = [False] * asked + [True] * told
        made.append(Encoded(f"e{number}", f"g{number // 2}", tuple(text), tuple(learnt)))
    return made


def with_prefix(count: int, shared: int) -> list[Encoded]:
    prefix = tuple(range(3, 3 + shared))
    return [
        Encoded(one.id, one.group, prefix + one.tokens, (False,) * shared + one.learnt)
        for one in tokens(count, seed=4)
    ]
