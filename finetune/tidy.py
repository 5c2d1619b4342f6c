"""One conversation made fit to learn from: plain text, no quoted mails, turns in turn, no half of an exchange.

Pure functions over text and turns; each says why nothing is left. Does not compare conversations.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace

from chatbot import lang
from finetune.logs import Conversation, Said

LONGEST_TURN = 4000
"""Characters: what is longer is a pasted document or a machine's output."""
LONGEST_WORD = 120
_UNSEEN = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff\ufffd]"
)
_SPACES = re.compile(r"[^\S\n]+")
_LINES = re.compile(r" ?\n ?(?:\n ?)+")
_QUOTED = re.compile(
    r"(?ims)^\s*(?:>.*?(?=^(?!\s*>)|\Z)"  # lines of a quotation
    r"|on\b[^\n]{6,100}\bwrote:.*\Z|am\b[^\n]{6,100}\bschrieb\b[^\n]*:.*\Z|在[^\n]{4,60}写道[:：].*\Z"
    r"|-{2,}\s*(?:original message|forwarded message|原始邮件)\s*-{2,}.*\Z"
    r"|from:[^\n]*\n(?:sent|date|to):.*\Z|发件人[:：][^\n]*\n.*\Z)"
)
_SIGNATURE = re.compile(r"(?ims)^(?:--\s*$|sent from my \w+|get outlook for|发自我的).*\Z")


def tidy(conversation: Conversation) -> Conversation | str:
    """The conversation in plain words that goes from a customer's question to an agent's answer; or why it cannot."""
    turns = [
        replace(turn, text=plain(turn.text), rejected=plain(turn.rejected)) for turn in conversation.turns
    ]
    turns = list(merged([turn for turn in turns if turn.text]))
    while turns and turns[0].role == "agent":  # a greeting answers nobody
        turns.pop(0)
    while turns and turns[-1].role == "customer":  # nobody answered
        turns.pop()
    if not turns:
        return "no question with an answer"
    for turn in turns:
        if reason := unfit(turn.text):
            return reason
    language = conversation.language or lang.detect_language(turns[0].text)
    return replace(conversation, turns=tuple(turns), language=language)


def plain(text: str) -> str:
    """Composed characters, no markup's entities, nothing unseen, no quoted mail and no signature."""
    text = unicodedata.normalize("NFC", html.unescape(text)).replace("\r\n", "\n").replace("\r", "\n")
    text = _UNSEEN.sub("", text)
    text = _SIGNATURE.sub("", _QUOTED.sub("", text))
    return _LINES.sub("\n\n", _SPACES.sub(" ", text)).strip()


def merged(turns: Sequence[Said]) -> Iterator[Said]:
    """Turns in turn: what one side says in several messages is one."""
    held: Said | None = None
    for turn in turns:
        if held and held.role == turn.role:
            held = _joined(held, turn)
        else:
            if held:
                yield held
            held = turn
    if held:
        yield held


def _joined(one: Said, other: Said) -> Said:
    rejected = ""
    if one.rejected or other.rejected:
        rejected = f"{one.rejected or one.text}\n{other.rejected or other.text}"
    thought = (one.liked, other.liked)
    liked = False if False in thought else True if True in thought else None
    return Said(one.role, f"{one.text}\n{other.text}", one.corrected or other.corrected, liked, rejected)


def unfit(text: str) -> str | None:
    """Why nobody can learn from a text."""
    if len(text) > LONGEST_TURN:
        return f"a turn of more than {LONGEST_TURN} characters"
    if any(len(word) > LONGEST_WORD for word in text.split()) and not any(
        "\u4e00" <= c <= "\u9fff" for c in text
    ):
        return "a word that is none"
    written = sum(c.isalnum() for c in text)
    return "hardly a letter in it" if written < 0.4 * len(text.replace(" ", "")) else None
