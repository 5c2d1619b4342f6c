"""Holding back what may become a stop string: streamed text equals the whole text, cut at the first stop."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.engine.transformers_ import settled


def streamed(pieces: list[str], stops: list[str]) -> str:
    text, shown = "", ""
    for piece in pieces:
        text += piece
        end, stopped = settled(text, stops)
        assert end >= len(shown)  # nothing that was shown is taken back
        shown = text[:end]
        if stopped:
            return shown
    return text


@given(
    pieces=st.lists(st.text("ab\n", max_size=4), max_size=12),
    stops=st.lists(st.text("ab\n", min_size=1, max_size=4), max_size=3),
)
def test_streamed_text_is_the_text_up_to_the_first_stop(pieces: list[str], stops: list[str]) -> None:
    """A stop string counts as soon as it is complete, so that the earliest end decides."""
    text = "".join(pieces)
    shown = streamed(pieces, stops)
    assert text.startswith(shown)
    assert not any(stop in shown for stop in stops)
    if not any(stop in text for stop in stops):
        assert shown == text
    else:
        rest = text[len(shown) :]
        assert any(rest.startswith(stop) for stop in stops)


@pytest.mark.parametrize(
    ("text", "stops", "expected"),
    [
        ("Hello", (), (5, False)),
        ("Hello\n", ("\n\n",), (5, False)),
        ("Hello\n\nmore", ("\n\n",), (5, True)),
        ("Hello <|im", ("<|im_end|>", "<|im_start|>"), (6, False)),
        ("aab", ("aaab",), (3, False)),
        ("aa", ("aaab",), (0, False)),
        ("one two", ("two", "one"), (0, True)),
    ],
)
def test_examples(text: str, stops: tuple[str, ...], expected: tuple[int, bool]) -> None:
    assert settled(text, stops) == expected
