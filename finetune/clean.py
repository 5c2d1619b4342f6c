"""Logs made fit to learn from, and a report of what was taken out and why, with samples.

In order: what may not be learned from (no consent, too old), what ``finetune.tidy`` cannot use, sentences that agents
paste under everything, placeholders of anonymisation, personal data, and copies. A corrected conversation is kept
before its copies. Keeps the order. Reads and writes no file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from chatbot import lang
from configs.settings import ShopSettings
from finetune import near, placeholders
from finetune.logs import Conversation, Said
from finetune.tidy import tidy

SAMPLES = 5
"""Shown of each reason."""
Redact = Callable[[Sequence[str]], Sequence[str]]
"""The texts of one conversation without personal data."""


@dataclass(frozen=True, slots=True)
class Rules:
    """``retention`` counts back from ``now``; a conversation of unknown age is kept. ``boilerplate`` is the share of all
    conversations from which on a sentence of the agents' says nothing; ``near`` the overlap from which on one of two
    conversations is enough."""

    shop: ShopSettings
    now: datetime
    retention: timedelta | None = None
    consent_needed: bool = False
    boilerplate: float = 0.1
    fewest: int = 20
    near: float = 0.8


@dataclass(slots=True)
class Report:
    """``removed`` counts conversations and ``changed`` those with something taken out, by reason; ``samples`` show some."""

    read: int = 0
    kept: int = 0
    removed: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    samples: dict[str, list[str]] = field(default_factory=dict)
    languages: Counter[str] = field(default_factory=Counter)

    def told(self) -> dict[str, Any]:
        """For a file."""
        counted = {"removed": self.removed, "changed": self.changed, "languages": self.languages}
        return {
            "read": self.read,
            "kept": self.kept,
            **{name: dict(counter.most_common()) for name, counter in counted.items()},
            "samples": self.samples,
        }

    def show(self, reason: str, text: str) -> None:
        shown = self.samples.setdefault(reason, [])
        if len(shown) < SAMPLES:
            shown.append(" ".join(text.split())[:200])

    def remove(self, reason: str, conversation: Conversation, redact: Redact | None) -> None:
        """``redact`` takes out of the sample what the conversation still says of people."""
        self.removed[reason] += 1
        if len(self.samples.get(reason, ())) < SAMPLES:
            text = conversation.text()
            self.show(reason, redact([text])[0] if redact else text)


def clean(
    conversations: Iterable[Conversation], rules: Rules, redact: Redact | None = None
) -> tuple[list[Conversation], Report]:
    """What may be learned from, and what became of the rest."""
    report = Report()
    kept = []
    for conversation in conversations:
        report.read += 1
        if why := refused(conversation, rules):
            report.removed[why] += 1  # and is quoted nowhere
            continue
        made = tidy(conversation)
        if isinstance(made, str):
            report.remove(made, conversation, redact)
        else:
            kept.append(made)
    kept = _without_boilerplate(kept, rules, report, redact)
    kept = _without_placeholders(kept, rules, report, redact)
    if redact is not None:
        kept = _redacted(kept, redact, report)
    kept = _without_copies(kept, rules, report)
    report.kept = len(kept)
    report.languages.update(conversation.language or "?" for conversation in kept)
    return kept, report


def refused(conversation: Conversation, rules: Rules) -> str | None:
    """Why it may not be learned from, whatever it says."""
    if conversation.consent is False or (rules.consent_needed and not conversation.consent):
        return "no consent"
    started = conversation.started_at
    if rules.retention and started and rules.now - started > rules.retention:
        return f"older than {rules.retention.days} days"
    return None


def _without_boilerplate(
    conversations: Sequence[Conversation], rules: Rules, report: Report, redact: Redact | None
) -> list[Conversation]:
    """A sentence that agents say in a good part of all conversations, word for word, is their signature."""
    used: Counter[str] = Counter()
    for conversation in conversations:
        used.update({span.text for span in lang.sentences(conversation.text("agent"))})
    least = max(rules.fewest, rules.boilerplate * len(conversations))
    pasted = {sentence for sentence, times in used.items() if times >= least}
    kept = []
    for conversation in conversations:
        turns = [_less(turn, pasted) for turn in conversation.turns] if pasted else list(conversation.turns)
        if turns == list(conversation.turns):
            kept.append(conversation)
            continue
        report.changed["boilerplate"] += 1
        made = tidy(replace(conversation, turns=tuple(turns)))
        if isinstance(made, str):
            report.remove("nothing but boilerplate", conversation, redact)
        else:
            kept.append(made)
    for sentence in sorted(pasted, key=lambda sentence: (-used[sentence], sentence)):
        report.show("boilerplate", redact([sentence])[0] if redact else sentence)
    return kept


def _less(turn: Said, pasted: set[str]) -> Said:
    if turn.role == "customer":
        return turn
    return replace(turn, text=_unpasted(turn.text, pasted), rejected=_unpasted(turn.rejected, pasted))


def _unpasted(text: str, pasted: set[str]) -> str:
    for span in reversed(list(lang.sentences(text))):
        if span.text in pasted:
            text = text[: span.start] + text[span.end :]
    return text


def _without_placeholders(
    conversations: Sequence[Conversation], rules: Rules, report: Report, redact: Redact | None
) -> list[Conversation]:
    kept = []
    for conversation in conversations:
        asked, turns = "", []
        for turn in conversation.turns:
            asked += f"\n{turn.text}" if turn.role == "customer" else ""
            text, rejected = (
                placeholders.filled(said, asked, rules.shop) or "" for said in (turn.text, turn.rejected)
            )
            turns.append(replace(turn, text=text, rejected=rejected))
        if turns == list(conversation.turns):
            kept.append(conversation)
        elif not all(turn.text for turn in turns):
            report.remove("placeholders that nobody can fill", conversation, redact)
        else:
            report.changed["placeholders"] += 1
            kept.append(replace(conversation, turns=tuple(turns)))
    return kept


def _redacted(conversations: Sequence[Conversation], redact: Redact, report: Report) -> list[Conversation]:
    kept = []
    for conversation in conversations:
        # What was replaced by a correction stands behind what was said: all of a conversation has the same surrogates.
        rejected = [turn.rejected for turn in conversation.turns if turn.rejected]
        told = iter(redact([*(turn.text for turn in conversation.turns), *rejected]))
        turns = tuple(replace(turn, text=text) for turn, text in zip(conversation.turns, told, strict=False))
        turns = tuple(replace(turn, rejected=next(told)) if turn.rejected else turn for turn in turns)
        if turns != conversation.turns:
            report.changed["personal data"] += 1
            report.show("personal data (as replaced)", "\n".join(turn.text for turn in turns))
        kept.append(replace(conversation, turns=turns))
    return kept


def _without_copies(
    conversations: Sequence[Conversation], rules: Rules, report: Report
) -> list[Conversation]:
    """Of conversations that say nearly the same, the one that a reviewer corrected, or else the first."""
    found = near.groups([conversation.text() for conversation in conversations], rules.near)
    best: dict[int, int] = {}
    for place, group in enumerate(found):
        chosen = best.setdefault(group, place)
        if _corrected(conversations[place]) and not _corrected(conversations[chosen]):
            best[group] = place
    kept = set(best.values())
    for place, conversation in enumerate(conversations):
        if place not in kept:
            report.remove("says what another says", conversation, None)
    return [conversations[place] for place in sorted(kept)]


def _corrected(conversation: Conversation) -> bool:
    return any(turn.corrected for turn in conversation.turns)
