"""Wording: quoted evidence, citations, and a model's text cut into checked sentences.

Everything here takes evidence that somebody else found and returns pieces of a reply. Knows no router, no
store and no thresholds: each draft carries its confidence, and the caller decides whether it may be sent.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from dataclasses import astuple, dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from chatbot import conflict, expect, ground, lang
from chatbot.conversation import Citation
from configs.settings import CONFIG_DIR
from retrieval.chunk import CRUMB
from retrieval.passages import Passage

Encode = Callable[[Sequence[str]], NDArray[np.float32]]
Ask = Callable[[str], NDArray[np.float32]]

MAX_QUOTE_WORDS = 70
_TABLE_ROW = re.compile(r"[^.;:\n]{1,60}: [^;\n]+; ")
SAID_BEFORE = 0.12
"""What a unit that was just quoted loses in the ranking."""
CONTEXT_SHARE = 0.25
"""What a word counts that stands only in what the question leans on."""
STILL_RELEVANT = 0.75
"""Share of the best unit's ranking from which another page's unit speaks of what was asked too."""
MISSING_KIND = 0.45
"""What is left of the confidence in a quote without the number, time or address that the question asks for."""
_NOTE_NUMBER = re.compile(r"^\s*\[?\d{1,2}[.)\]]\s+")
_LIST_ITEM = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a reply that is sent at once, with what backs it."""

    text: str
    citations: Sequence[Citation] = ()


@dataclass(frozen=True, slots=True)
class QuoteSignals:
    """What speaks for a quote: the passage's own confidence; the cosines of the question with the best unit under
    its title, with the heading alone and with the best unit alone; the share of the question's content words that
    the passage holds."""

    passage: float
    unit: float
    heading: float
    text: float
    coverage: float


@dataclass(frozen=True, slots=True)
class QuoteDraft:
    """``confidence``: how sure it is that the quote answers the question, in [0, 1]; ``contradiction``: what another page
    says against it."""

    pieces: Sequence[Piece]
    passage: Passage
    confidence: float
    signals: QuoteSignals | None = None
    contradiction: Piece | None = None


@dataclass(frozen=True, slots=True)
class _Unit:
    """What is quoted as a whole: a sentence, a table row, or a list with the line that introduces it."""

    passage: Passage
    start: int
    end: int
    first: bool

    @property
    def text(self) -> str:
        return self.passage.text[self.start : self.end]

    def ranked_by(self, language: str) -> str:
        """What is embedded to rank the unit: under its title, unless a slow cross-lingual embedder has to do it."""
        return f"{self.passage.title}\n{self.text}" if language == self.passage.language else self.text


def quote_confidence(signals: QuoteSignals, *, same_language: bool) -> float:
    """The probability that the quote answers the question: a logistic regression fitted by ``python -m eval.quote_fit``."""
    intercept, *factors = _fitted()["same_language" if same_language else "cross_lingual"]
    logit = intercept + sum(factor * signal for factor, signal in zip(factors, astuple(signals), strict=True))
    return 1.0 / (1.0 + math.exp(-logit))


@cache
def _fitted() -> dict[str, list[float]]:
    coefficients: dict[str, list[float]] = json.loads((CONFIG_DIR / "quote.json").read_text(encoding="utf-8"))
    return coefficients


def quote(
    query: str,
    query_vector: NDArray[np.float32],
    passages: Sequence[Passage],
    encode: Encode,
    *,
    language: str,
    limit: int,
    said: Collection[tuple[str, int]] = (),
    context: str = "",
) -> QuoteDraft | None:
    """The sentences of the passages that answer best, verbatim, at most ``limit`` units from one passage.

    ``said`` names units, by passage and start, that the shopper has just been told: others go first, and a quote of
    nothing else is no answer.
    ``context`` is the question together with what it leans on: its words count a share.
    ``encode`` maps the units' texts to unit vectors (cached by the caller); ``query_vector`` has shape (dim,).
    """
    units = [unit for passage in passages for unit in _units(passage)]
    if not units:
        return None
    cosine = encode([unit.ranked_by(language) for unit in units]) @ query_vector
    wanted = {word: CONTEXT_SHARE * weight for word, weight in _idf_words(context, passages).items()}
    wanted |= _idf_words(query, passages)
    coverage = np.array([_coverage(wanted, f"{unit.passage.title} {unit.text}") for unit in units])
    found = np.array([unit.passage.score for unit in units])
    first = np.array([unit.first for unit in units], dtype=float)
    fitting = np.array([expect.gives(query, unit.text) or False for unit in units], dtype=float)
    ranking = 0.5 * cosine + 0.25 * coverage + 0.35 * found + 0.04 * first + 0.06 * fitting
    ranking -= SAID_BEFORE * np.array([(unit.passage.id, unit.start) in said for unit in units], dtype=float)
    best = int(np.argmax(ranking))
    passage = units[best].passage
    own = [index for index, unit in enumerate(units) if unit.passage is passage]
    chosen = _grow(best, own, units, ranking, limit)
    if all((passage.id, units[index].start) in said for index in chosen):
        # What holds all the words or the kind of thing that is asked for may be said once more.
        own_words = dict.fromkeys(lang.content_words(query), 1.0)
        holds = np.array([_coverage(own_words, unit.text) == 1.0 for unit in units]) | (fitting > 0)
        if not holds.any():
            return None
        again = int(np.argmax(np.where(holds, ranking, -np.inf)))
        passage, chosen = units[again].passage, [again]
        own = [index for index, unit in enumerate(units) if unit.passage is passage]
    alone = encode([passage.title.split(CRUMB)[-1], *(units[index].text for index in own)]) @ query_vector
    signals = QuoteSignals(
        passage=passage.score,
        unit=float(max(cosine[index] for index in own)),
        heading=float(alone[0]),
        text=float(alone[1:].max()),
        coverage=_coverage(wanted, f"{passage.title} {passage.text}"),
    )
    pieces = []
    for position, index in enumerate(chosen):
        unit = units[index]
        own_line = _LIST_ITEM.match(unit.text) or _TABLE_ROW.match(unit.text) or "\n" in unit.text
        lead = "" if position == 0 else "\n" if own_line else " "
        pieces.append(
            Piece(lead + readable(unit.text), (_citation(passage, unit.start, unit.end, position),))
        )
    confidence = quote_confidence(signals, same_language=language == passage.language)
    if expect.gives(query, "\n".join(units[index].text for index in chosen)) is False:
        confidence *= MISSING_KIND
    others = [
        index
        for index, unit in enumerate(units)
        if unit.passage.source != passage.source and ranking[index] >= STILL_RELEVANT * ranking[best]
    ]
    against = _contradiction([units[index] for index in chosen], [units[index] for index in others], encode)
    return QuoteDraft(pieces, passage, confidence, signals, against)


def _contradiction(said: Sequence[_Unit], others: Sequence[_Unit], encode: Encode) -> Piece | None:
    """The first unit of another page that contradicts what is to be said."""
    if not others:
        return None
    similarity = encode([unit.text for unit in said]) @ encode([unit.text for unit in others]).T
    for row, unit in zip(similarity, said, strict=True):
        for cosine, other in zip(row, others, strict=True):
            if conflict.disagree(unit.text, other.text, float(cosine)):
                cited = _citation(other.passage, other.start, other.end, len(said))
                return Piece(readable(other.text), (cited,))
    return None


def product_quote(
    question: str, passages: Sequence[Passage], encode: Encode, ask: Ask, *, limit: int
) -> QuoteDraft | None:
    """What a product's own text says to a question that names the product.

    The product's name says nothing about the answer, so it is taken out of the question first. The confidence is
    the mean of the rest's cosine with the best sentence and of the share of its content words that the text holds:
    on questions of both kinds the share alone tells asked-and-described from asked-and-not-described nearly always.
    """
    units = [unit for passage in passages for unit in _units(passage)]
    if not units:
        return None
    named = set(lang.content_words(" ".join(passage.title for passage in passages)))
    rest = [word for word in question.split() if not set(lang.content_words(word)) & named]
    wanted = dict.fromkeys((word for word in lang.content_words(" ".join(rest))), 1.0)
    if not wanted:
        return None
    cosine = encode([unit.text for unit in units]) @ ask(" ".join(rest))
    coverage = np.array([_coverage(wanted, unit.text) for unit in units])
    ranking = 0.5 * cosine + 0.5 * coverage
    best = int(np.argmax(ranking))
    held = _coverage(wanted, " ".join(passage.text for passage in passages))
    chosen = [
        index for index in np.argsort(-ranking, kind="stable") if ranking[index] >= 0.8 * ranking[best]
    ][:limit]
    pieces = [
        Piece(("\n" if position else "") + readable(units[index].text), (_citation(units[index].passage, units[index].start, units[index].end, position),))
        for position, index in enumerate(sorted(int(index) for index in chosen))
    ]  # fmt: skip
    return QuoteDraft(pieces, units[best].passage, 0.5 * held + 0.5 * max(0.0, float(cosine[best])))


def texts_to_keep(passages: Sequence[Passage], language: str) -> list[str]:
    """Every text that ``quote`` will embed for questions in a language, so that it can be embedded beforehand."""
    texts: list[str] = []
    for passage in passages:
        texts.append(passage.title.split(CRUMB)[-1])
        for unit in _units(passage):
            texts += [unit.ranked_by(language), unit.text]
    return list(dict.fromkeys(texts))


def _units(passage: Passage) -> Iterator[_Unit]:
    spans = [span for span in lang.sentences(passage.text) if not span.text.startswith("#")]
    position = 0
    first = True
    while position < len(spans):
        start, end = spans[position].start, spans[position].end
        text = spans[position].text
        position += 1
        if text.endswith((":", "：")):
            while position < len(spans) and _LIST_ITEM.match(spans[position].text):
                end = spans[position].end
                position += 1
        elif _LIST_ITEM.match(text) and text.lstrip().startswith("1"):
            number = 2
            while position < len(spans) and re.match(rf"^\s*{number}[.)]", spans[position].text):
                end = spans[position].end
                position += 1
                number += 1
        elif text.endswith(("?", "？")):
            continue  # a question is no answer
        yield _Unit(passage, start, end, first)
        first = False


def _grow(
    best: int, own: Sequence[int], units: Sequence[_Unit], ranking: NDArray[np.float64], limit: int
) -> list[int]:
    """Add neighbours of the best unit while they are nearly as good, or while the whole passage is short."""
    whole = sum(len(lang.words(units[index].text)) for index in own)
    chosen = [best]
    length = len(lang.words(units[best].text))
    while len(chosen) < limit:
        neighbours = [index for index in (min(chosen) - 1, max(chosen) + 1) if index in own]
        neighbours = [
            index for index in neighbours if length + len(lang.words(units[index].text)) <= MAX_QUOTE_WORDS
        ]
        if not neighbours:
            break
        following = max(neighbours, key=lambda index: ranking[index] + (0.05 if index > best else 0.0))
        row = _TABLE_ROW.match(units[following].text)  # rows of a table say nothing of each other
        if (whole > MAX_QUOTE_WORDS or row) and ranking[following] < (0.9 if row else 0.72) * ranking[best]:
            break
        chosen.append(following)
        length += len(lang.words(units[following].text))
    return sorted(chosen)


def _idf_words(query: str, passages: Sequence[Passage]) -> dict[str, float]:
    """Content words of the question; words that every found passage holds tell little."""
    words = set(lang.content_words(query))
    texts = [set(lang.content_words(f"{p.title} {p.text}")) for p in passages]
    return {
        word: 1.0 / (1.0 + 0.5 * sum(word in text for text in texts) / max(1, len(texts))) for word in words
    }


def _coverage(wanted: dict[str, float], text: str) -> float:
    if not wanted:
        return 0.0
    held = set(lang.content_words(text))
    return sum(weight for word, weight in wanted.items() if word in held) / sum(wanted.values())


def readable(text: str) -> str:
    """Markdown of a page as plain text: links by their words, no emphasis marks, list items with a dash."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"(\*\*|__|`)(.+?)\1", r"\2", text)
    text = re.sub(r"(?m)^\s*[*•]\s+", "- ", text)
    return text.strip()


def cite(sentence: str, passages: Sequence[Passage], number: int) -> Citation | None:
    """The span of the passages that backs a sentence best; None if none covers half of its content words."""
    wanted = set(lang.content_words(sentence))
    best: tuple[float, Passage, lang.Span] | None = None
    for passage in passages:
        for span in lang.sentences(passage.text):
            overlap = len(wanted & set(lang.content_words(f"{passage.title} {span.text}"))) / max(
                1, len(wanted)
            )
            overlap += 0.2 * len(lang.figures(sentence) & lang.figures(span.text))
            if best is None or overlap > best[0]:
                best = (overlap, passage, span)
    if best is None or best[0] < 0.5:
        return None
    return _citation(best[1], best[2].start, best[2].end, number)


def _citation(passage: Passage, start: int, end: int, sentence: int) -> Citation:
    return Citation(
        passage.id, passage.source, passage.title, passage.text[start:end], start, end, sentence, passage.url
    )


def unlabelled(sentence: str, titles: Collection[str]) -> str:
    """A sentence without the number and the title of a note, which a small model repeats before it reads it out."""
    bare = _NOTE_NUMBER.sub("", sentence)
    return next((bare[len(title) + 1 :].lstrip() for title in titles if bare.startswith(f"{title}:")), bare)


async def checked_sentences(
    stream: AsyncIterator[str],
    evidence: Sequence[str],
    embedding: ground.Embedding | None = None,
    titles: Collection[str] = (),
) -> AsyncIterator[tuple[str, ground.Check]]:
    """Cut a model's stream into sentences and check each as soon as it is complete.

    ``titles`` are those under which it got the evidence. The last sentence is left out if the stream ended in the
    middle of it.
    """
    text = ""
    done = 0
    async for piece in stream:
        text += piece
        spans = list(lang.sentences(text[done:]))
        for span in spans[:-1]:
            sentence = unlabelled(span.text, titles)
            yield sentence, await _checked(sentence, evidence, embedding)
        if len(spans) > 1:
            done += spans[-1].start
    rest = unlabelled(text[done:].strip(), titles)
    if rest and rest[-1] in ".!?。！？)\"'”":
        yield rest, await _checked(rest, evidence, embedding)


async def _checked(
    sentence: str, evidence: Sequence[str], embedding: ground.Embedding | None
) -> ground.Check:
    """In a thread if texts must be embedded: vectors of the evidence that are not kept yet take their time."""
    if embedding is None:
        return ground.check(sentence, evidence)
    return await asyncio.to_thread(ground.check, sentence, evidence, embedding)


def merged(one: Sequence[Passage], other: Sequence[Passage]) -> list[Passage]:
    """Both lists, each passage once with its better score, best first."""
    best: dict[str, Passage] = {}
    for passage in (*one, *other):
        if passage.id not in best or best[passage.id].score < passage.score:
            best[passage.id] = passage
    return sorted(best.values(), key=lambda passage: -passage.score)


def renumbered(citation: Citation, sentence: int) -> Citation:
    return Citation(
        citation.passage_id,
        citation.source,
        citation.title,
        citation.quote,
        citation.start,
        citation.end,
        sentence,
        citation.url,
    )
