"""``kefu eval run policies``: whole answers over policy pages that nobody here wrote, and silence where they say nothing.

Two shops without products: doc2dial's government services (dialogues with gold spans) and a company's own policy pages
with questions written for this suite (``cases/policies``: hard ones, in other words than the pages'). Unanswerable are
dialogues whose gold document was taken out of the index, and the policy questions that no page answers. Each composer
answers: quotes alone, the language model alone, and both as the settings have it; the model speaks with the adapter that is
live in the home. Needs the data folder named by ``KEFU_DATA``. Does not judge whether an answer is well put.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from statistics import fmean

from chatbot import ground, lang
from chatbot.adapters import Adapters
from chatbot.app import App, build
from chatbot.compose import readable
from chatbot.conversation import Done, Evidence, Reply, Turn
from chatbot.engine import build_engine
from chatbot.engine.base import Engine
from chatbot.engine.weights import adapters_folder
from chatbot.offer import section_name
from chatbot.prompt import system_prompt
from chatbot.turn import answer
from configs import templates
from configs.settings import Settings, load
from eval.metrics import interval
from eval.outcome import Curve, Options, Outcome, Tell
from eval.policy_data import SHOP, Place, Question, basecamp, doc2dial, holds
from finetune.gate import overlap
from retrieval.passages import Passage

COMPOSERS: Mapping[str, tuple[str, ...]] = {
    "quote": ("quote",),
    "model": ("model",),
    "mixed": ("quote", "model"),
}
DEFAULT = "mixed"
SAMPLE, UNANSWERABLE = 60, 150
"""Dialogues of doc2dial with their document and without."""
MODEL_EVERY = 20
"""The model alone answers every so many-th question: it takes two seconds for each."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One question with what came back for it, and the passages found for it by id."""

    shop: str
    question: Question
    answerable: bool
    reply: Reply
    passages: Mapping[str, Passage]

    @property
    def id(self) -> str:
        return self.question.id if self.answerable else f"{self.question.id}/without"

    @property
    def spoke(self) -> bool:
        return self.reply.kind == "answer"


def run(options: Options, tell: Tell) -> Outcome:
    """Ask everything; ``split`` is ``test`` unless ``dev`` is wanted, on whose half thresholds are fitted.

    Raises:
        ConfigError: ``KEFU_DATA`` does not lead to the data.
    """
    split = "dev" if options.split == "dev" else "test"
    settings = load(options.config)
    places = [*doc2dial(settings, split, SAMPLE, UNANSWERABLE, tell), *basecamp(settings, split, tell)]
    return outcome(asyncio.run(_ask_everywhere(settings, places, tell)), split)


async def _ask_everywhere(
    settings: Settings, places: Sequence[Place], tell: Tell
) -> dict[str, list[Answered]]:
    """One model for all homes, with one adapter: it knows none of them."""
    answered: dict[str, list[Answered]] = {name: [] for name in COMPOSERS}
    adapters = Adapters(adapters_folder(settings), settings.engine.model)
    engine = build_engine(settings, prefix=system_prompt(), adapter=adapters.live)
    try:
        for place in places:
            for name, found in (await _ask_all(place, engine, adapters, tell)).items():
                answered[name] += found
    finally:
        await engine.aclose()
    return answered


async def _ask_all(place: Place, engine: Engine, adapters: Adapters, tell: Tell) -> dict[str, list[Answered]]:
    app = build(place.settings, engine=engine)
    app = replace(app, bot=replace(app.bot, adapters=adapters))
    found: dict[str, list[Answered]] = {name: [] for name in COMPOSERS}
    stage = f"{place.shop}{'' if place.answerable else ', unanswerable'}"
    try:
        for number, question in enumerate(place.questions, 1):
            quoted = await ask(app, place, question, COMPOSERS["quote"])
            found["quote"].append(quoted)
            # where a quote speaks, the model is not asked
            mixed = quoted if quoted.spoke else await ask(app, place, question, COMPOSERS["mixed"])
            found["mixed"].append(mixed)
            if number % MODEL_EVERY == 0:
                found["model"].append(await ask(app, place, question, COMPOSERS["model"]))
            tell(stage, number, len(place.questions))
    finally:
        app.index.close()
        app.db.dispose()
    return found


async def ask(app: App, place: Place, question: Question, rungs: Sequence[str]) -> Answered:
    """One turn behind the dialogue so far; the model alone speaks from where a quote would."""
    compose = place.settings.compose
    update: dict[str, object] = {"rungs": ("approved", "tool", *rungs)}
    if "quote" not in rungs:
        update["model_threshold"] = compose.quote_threshold
    settings = place.settings.model_copy(update={"compose": compose.model_copy(update=update)})
    bot = replace(app.bot, settings=settings)
    conversation = app.store.create_conversation("policies", None, "en")
    for number, (customer, agent) in enumerate(question.history):
        app.store.add_turn(_turn(conversation.id, number, customer, agent))
    async for event in answer(bot, conversation, question.text):
        if isinstance(event, Done):
            reply = event.turn.reply
            found = {passage.id: passage for passage in event.turn.evidence.passages}
            return Answered(place.shop, question, place.answerable, reply, found)
    return Answered(place.shop, question, place.answerable, Reply("", "refuse", "handoff"), {})


def _turn(conversation_id: str, number: int, customer: str, agent: str) -> Turn:
    reply = Reply(agent, "answer", "quote")
    return Turn(
        uuid.uuid4().hex,
        conversation_id,
        number,
        customer,
        (),
        Evidence(),
        reply,
        {},
        "",
        "",
        datetime.now(UTC),
    )


# --- scores of one answer -----------------------------------------------------------------------------------


def token_f1(said: str, gold: Sequence[str]) -> float:
    """The best harmonic mean of precision and recall of words, as SQuAD has it; 0 for silence."""
    return max((overlap(said, text) for text in gold), default=0.0)


def supported(sentence: str, texts: Sequence[str]) -> bool:
    """Whether the texts say so: verbatim, or by the checks that a model's sentence has to pass."""
    plain = _plain(sentence)
    return any(plain in _plain(text) for text in texts) or ground.check(sentence, list(texts)).ok


def _plain(text: str) -> str:
    """Words and figures alone: a quote is shown without the page's markup."""
    return " ".join(lang.words(readable(text)))


def sentence_support(answered: Answered) -> list[bool]:
    """For each sentence of an answer, whether what it cites supports it (ALCE's citation recall; Gao et al. 2023).

    ALCE asks an entailment model; here the grounding check stands in for it. kefu's own sentences that
    introduce a quote, or that say of another part of the message that nothing was found, claim nothing and are left out;
    a sentence may be made of neighbouring quotes, as a list is.
    """
    quotes = [citation.quote for citation in answered.reply.citations]
    said = (span.text for span in lang.sentences(answered.reply.text))
    return [supported(text, [*quotes, "\n".join(quotes)]) for text in said if text not in _CLAIMS_NOTHING]


_CLAIMS_NOTHING = frozenset(
    span.text
    for key in (
        *("quoted_from_english", "quote_intro", "pages_disagree"),
        *("clarify_generic", "clarify_sections", "clarify_product", "no_answer", "out_of_scope"),
    )
    for span in lang.sentences(templates.load("en").text(key, shop=SHOP["name"]))
)


def citation_support(answered: Answered) -> list[bool]:
    """For each citation, whether it supports a sentence by itself (ALCE's citation precision)."""
    spans = [span.text for span in lang.sentences(answered.reply.text)]
    return [
        any(supported(span, [citation.quote]) or citation.quote in span for span in spans)
        for citation in answered.reply.citations
    ]


def offers_gold(answered: Answered) -> bool:
    """Whether one of the sections that were offered in place of an answer holds a gold text."""
    return any(
        section_name(passage.title) in answered.reply.quick_replies and holds(answered.question, passage.text)
        for passage in answered.passages.values()
    )


def finds_gold(answered: Answered) -> bool:
    """Whether a cited passage holds a gold text."""
    return any(
        citation.passage_id in answered.passages
        and holds(answered.question, answered.passages[citation.passage_id].text)
        for citation in answered.reply.citations
    )


# --- figures ------------------------------------------------------------------------------------------------


def outcome(answered: Mapping[str, Sequence[Answered]], split: str) -> Outcome:
    metrics: dict[str, float] = {}
    for name in (DEFAULT, *(name for name in COMPOSERS if name != DEFAULT)):
        rows = answered[name]
        prefix = "" if name == DEFAULT else f"{name}_"
        metrics |= _figures(rows, prefix)
        if name == DEFAULT:
            for shop in dict.fromkeys(row.shop for row in rows):
                metrics |= _figures([row for row in rows if row.shop == shop], f"{shop}_")
    asked = {row.id for row in answered["model"]}
    for name in COMPOSERS:  # the same questions for all three
        same = [
            token_f1(row.reply.text, row.question.gold) if row.spoke else 0.0
            for row in answered[name]
            if row.answerable and row.id in asked
        ]
        metrics[f"same_questions_{name}_answer_f1"] = round(fmean(same), 4) if same else 0.0
    rows = answered[DEFAULT]
    return Outcome(
        metrics,
        f"Whole answers over doc2dial_dev (documents of the {split} half; unanswerable: gold document taken away) and "
        f"basecamp_policies ({split} half of our questions), by the default composer; quote_ and model_ are the others",
        scores={
            "answer_f1": {
                row.id: token_f1(row.reply.text, row.question.gold) if row.spoke else 0.0
                for row in rows
                if row.answerable
            },
            "abstained": {row.id: float(not row.spoke) for row in rows if not row.answerable},
            "spoke": {row.id: float(row.spoke) for row in rows if row.answerable},
        },
        plots=[_risk_coverage(rows)],
    )


def _figures(rows: Sequence[Answered], prefix: str) -> dict[str, float]:
    answerable = [row for row in rows if row.answerable]
    spoken = [row for row in rows if row.spoke and row.reply.citations]
    backed = [ok for row in spoken for ok in sentence_support(row)]
    wanted: dict[str, Sequence[float]] = {
        "answer_f1": [
            token_f1(row.reply.text, row.question.gold) if row.spoke else 0.0 for row in answerable
        ],
        "answered_f1": [token_f1(row.reply.text, row.question.gold) for row in answerable if row.spoke],
        "finds_gold": [finds_gold(row) for row in answerable if row.spoke],
        "abstain_rate": [not row.spoke for row in rows if not row.answerable],
        "false_abstain_rate": [not row.spoke for row in answerable],
        "offers_gold": [offers_gold(row) for row in answerable if not row.spoke],
        "citation_precision": [ok for row in spoken for ok in citation_support(row)],
        "citation_recall": backed,
        "unsupported_rate": [not ok for ok in backed],
    }
    found: dict[str, float] = {}
    for name, values in wanted.items():
        if values:
            low, high = interval([float(value) for value in values])
            found |= {f"{prefix}{name}": round(fmean(values), 4)}
            found |= {f"{prefix}{name}_low": round(low, 4), f"{prefix}{name}_high": round(high, 4)}
    found[f"{prefix}questions"] = float(len(rows))
    return found


def _risk_coverage(rows: Sequence[Answered]) -> Curve:
    """Answering the surest first: the share of answers that are wrong (they cite no gold) as more is answered."""
    ordered = sorted(rows, key=lambda row: -row.reply.confidence)
    points, wrong = [], 0
    for number, row in enumerate(ordered, 1):
        wrong += not (row.answerable and row.spoke and finds_gold(row))
        if number >= 10:
            points.append((number / len(ordered), wrong / number))
    return Curve(
        "Risk and coverage",
        "share of questions answered",
        "share of answers without gold",
        {"default": points},
    )
