"""``answer()``: one shopper's message to one stored, checked reply, told as events. This is the product.

The ladder, cheapest rung first: approved answer, tool result in a template, quoted evidence, the language model
over evidence, a clarifying question, a person. A rung speaks only if its confidence passes its threshold; a dead
or slow engine costs one rung. Knows no transport: the API, the terminal and the evaluation all read its events.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chatbot import compose, lang
from chatbot import prompt as prompts
from chatbot.answers import Answers
from chatbot.conversation import (
    Card,
    Carded,
    Citation,
    Cited,
    Conversation,
    Done,
    Dropped,
    Event,
    Evidence,
    Failed,
    HandedOver,
    Message,
    Plan,
    Planned,
    Reply,
    ReplyKind,
    Retrieved,
    Rung,
    Sentence,
    ToolCall,
    ToolRan,
    ToolResult,
    Turn,
)
from chatbot.engine.base import Engine, Sampling
from chatbot.route import SOCIAL, Dialogue, Router
from chatbot.shop import Shop
from chatbot.store import Store
from chatbot.tools.base import Context, Tool, run_tool
from configs import templates
from configs.errors import EngineError
from configs.settings import Settings
from retrieval.passages import Passage
from retrieval.products import ProductSearch
from retrieval.recommend import Recommender
from retrieval.search import Search

log = logging.getLogger("kefu.turn")

Vectors = NDArray[np.float32]
MIN_RELEVANCE = 0.4
"""Cosine of question and sentence below which a model's sentence answers something else."""
_YES = re.compile(
    r"^\W*(?:yes|yeah|yep|sure|please|ok(?:ay)?|do that|go ahead|y|好的?|是的?|可以|行|要|嗯)\b.{0,30}$|^\W*(?:好的?|是的?|可以|行|要|嗯)",
    re.IGNORECASE,
)
_CLARIFYING = frozenset({"sign_in", "no_country", "no_product", "ambiguous", "unknown_option"})
_FAILING = frozenset(
    {
        "not_found",
        "no_price",
        "no_stock_data",
        "no_attributes",
        "unknown_attribute",
        "no_recommender",
        "broken",
    }
)
_FALL_THROUGH = frozenset(
    {
        "unknown_attribute",
        "no_attributes",
        "no_rates",
        "no_country",
        "no_rule",
        "not_found",
        "no_product",
        "filtered_out",
    }
)
"""Errors of read tools after which the pages may still know the answer."""


@dataclass(frozen=True, slots=True)
class Embedding:
    """How texts of one language become unit vectors: single queries, and kept passages."""

    query: Callable[[str], Vectors]
    passages: Callable[[Sequence[str]], Vectors]


@dataclass(frozen=True, slots=True)
class Bot:
    """All that a turn needs. ``embeddings`` has at least ``en``."""

    settings: Settings
    store: Store
    shop: Shop
    search: Search
    products: ProductSearch
    recommender: Recommender | None
    engine: Engine
    router: Router
    answers: Answers
    tools: Mapping[str, Tool]
    embeddings: Mapping[str, Embedding]
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)


async def answer(
    bot: Bot, conversation: Conversation, text: str, *, message_ids: Sequence[str] = ()
) -> AsyncIterator[Event]:
    """Answer one message; the last event is ``Done`` or ``Failed``, and the turn is stored before either.

    ``message_ids`` are the stored messages that this turn answers. Never raises for what a shopper wrote or for
    a broken backend: what goes wrong is logged, stored in ``Turn.error`` and told as ``Failed``.
    """
    turn = _Turn(bot, conversation, text)
    try:
        async for event in turn.run():
            yield event
    except Exception as error:
        log.exception("turn %s failed", turn.id)
        turn.error = f"{type(error).__name__}: {error}"
        sorry = turn.text("tool_broken")
        turn.speak(compose.Piece(sorry), rung="handoff", kind="handoff", confidence=0.0)
        stored = await turn.store(message_ids)
        yield turn.event(Failed, text=stored.reply.text)
        return
    yield turn.event(Done, turn=await turn.store(message_ids))


class _Turn:
    """The state of one turn while it runs."""

    def __init__(self, bot: Bot, conversation: Conversation, text: str) -> None:
        self.id = uuid.uuid4().hex
        self.bot = bot
        self.conversation = conversation
        self.original = text
        self.message = lang.normalise(text)
        self.language = conversation.locale if conversation.locale in bot.embeddings else "en"
        self.error: str | None = None
        self._started = time.perf_counter()
        self._created_at = datetime.now(UTC)
        self._now = bot.clock()
        self._events = 0
        self._history: list[Turn] = []
        self._plans: list[Plan] = []
        self._passages: dict[str, Passage] = {}
        self._results: list[ToolResult] = []
        self._sentences: list[str] = []
        self._citations: list[Citation] = []
        self._cards: list[Card] = []
        self._dropped: list[Dropped] = []
        self._quick_replies: list[str] = []
        self._spoken: list[tuple[Rung, ReplyKind, float]] = []
        self._timings: dict[str, float] = {}
        self._engine_ms = 0.0

    # --- what the outside sees ---

    def event(self, kind: type[Event], **values: Any) -> Event:
        self._events += 1
        return kind(id=f"{self.id}:{self._events}", **values)

    def text(self, key: str, **data: object) -> str:
        facts = self.bot.settings.shop
        known = {"shop": facts.name, "email": facts.email, "phone": facts.phone, "hours": facts.hours}
        return templates.load(self.language).text(key, **{**known, **data})

    async def run(self) -> AsyncIterator[Event]:
        bot = self.bot
        self._history = await asyncio.to_thread(bot.store.turns, self.conversation.id)
        if not re.search(r"\w", self.message):
            yield self.speak(
                compose.Piece(self.text("empty_message")), rung="clarify", kind="clarify", confidence=1.0
            )
            return
        self.language = self._language()
        dialogue = await asyncio.to_thread(self._dialogue)
        if self._accepts_person():
            self._plans = [Plan("handoff", 1.0, self.language, self.message, {}, (ToolCall("handoff", {"reason": "requested"}),), self.message)]  # fmt: skip
        else:
            self._plans = await asyncio.to_thread(
                bot.router.plan, self.message, dialogue, language=self.language
            )
        self._mark("planned")
        for plan in self._plans:
            yield self.event(Planned, plan=plan)
        for number, plan in enumerate(self._plans):
            before = len(self._sentences)
            async for event in self._respond(plan):
                if number and isinstance(event, Sentence) and event.index == before:
                    event = Sentence(event.id, f"\n\n{event.text}", event.index)
                    self._sentences[before] = event.text
                yield event

    async def store(self, message_ids: Sequence[str]) -> Turn:
        """Keep the turn; its number is the next of the conversation."""
        self._mark("done")
        self._timings["engine"] = round(self._engine_ms, 2)
        number = await asyncio.to_thread(self.bot.store.next_number, self.conversation.id)
        turn = Turn(
            id=self.id,
            conversation_id=self.conversation.id,
            number=number,
            message=self.original,
            plans=tuple(self._plans),
            evidence=Evidence(tuple(self._passages.values()), tuple(self._results)),
            reply=self._reply(),
            timings=dict(self._timings),
            model=self.bot.engine.model,
            index_version=self.bot.search.version,
            created_at=self._created_at,
            error=self.error,
        )
        await asyncio.to_thread(self.bot.store.add_turn, turn, message_ids)
        return turn

    def _reply(self) -> Reply:
        """The whole reply. Where parts differ, an answer outranks the rest, and the first part's rung stands."""
        rung, kind, confidence = self._spoken[0] if self._spoken else ("handoff", "refuse", 0.0)
        for part in self._spoken:
            if part[1] in ("answer", "handoff") and kind not in ("answer", "handoff"):
                rung, kind, confidence = part
        return Reply(
            text="".join(self._sentences),
            kind=kind,
            rung=rung,
            citations=tuple(self._citations),
            cards=tuple(self._cards),
            quick_replies=tuple(dict.fromkeys(self._quick_replies)),
            dropped=tuple(self._dropped),
            confidence=round(confidence, 4),
        )

    # --- one question ---

    async def _respond(self, plan: Plan) -> AsyncIterator[Event]:
        """Go down the ladder until a rung speaks."""
        allowed = self.bot.settings.compose.rungs
        if plan.intent in SOCIAL:
            yield self.speak(
                compose.Piece(self.text(plan.intent)),
                rung="social",
                kind="answer",
                confidence=plan.confidence,
            )
            return
        fallback: ToolResult | None = None
        if plan.calls and ("tool" in allowed or plan.intent == "handoff"):
            results = []
            for call in plan.calls:
                result = await asyncio.to_thread(self._run, call)
                self._results.append(result)
                results.append(result)
                yield self.event(ToolRan, result=result)
            self._mark("tools")
            if not self._may_fall_through(results[-1]):
                async for event in self._say_tool(plan, results[-1]):
                    yield event
                return
            fallback = results[-1]
        asks_which = (
            plan.intent == "product_details" and not plan.slots.get("sku") and bool(plan.slots.get("aspect"))
        )
        if asks_which or (plan.intent == "out_of_scope" and plan.confidence >= 0.9):
            async for event in self._say_unknown(plan, fallback):
                yield event
            return
        approved, similarity = self._approved(plan) if "approved" in allowed else (None, 0.0)
        passages = await asyncio.to_thread(self._find, plan)
        self._mark("retrieved")
        yield self.event(Retrieved, passages=passages)
        if approved is not None:
            async for event in self._say_pieces([approved], "approved", similarity, approved.citations):
                yield event
            return
        draft = await asyncio.to_thread(self._quote, plan, passages)
        compose_settings = self.bot.settings.compose
        if draft and "quote" in allowed and draft.confidence >= compose_settings.quote_threshold:
            async for event in self._say_quote(draft):
                yield event
            return
        confidence = draft.confidence if draft else 0.0
        if "model" in allowed and passages and confidence >= compose_settings.model_threshold:
            spoke = False
            async for event in self._say_model(plan, passages, confidence):
                spoke = True
                yield event
            if spoke:
                return
        async for event in self._say_unknown(plan, fallback):
            yield event

    def _approved(self, plan: Plan) -> tuple[compose.Piece | None, float]:
        """The approved answer to this question, if one is near enough, and how near it is."""
        match = self.bot.answers.match(plan.question, plan.language)
        if match is None or match.score < self.bot.settings.compose.approved_threshold:
            return None, 0.0
        text = match.answer.answer[plan.language]
        sources = self.bot.search.document(match.answer.source) if match.answer.source else []
        english = match.answer.answer.get("en", text)
        cited = [compose.cite(span.text, sources, len(self._sentences)) for span in lang.sentences(english)]
        unique = {(c.passage_id, c.start): c for c in cited if c is not None}
        for passage in sources:
            if any(c.passage_id == passage.id for c in unique.values()):
                self._passages[passage.id] = passage
        return compose.Piece(text, tuple(unique.values())), match.score

    def _find(self, plan: Plan) -> list[Passage]:
        """Passages for one question: of the pages, and of the product that is asked about."""
        sku = plan.slots.get("sku")
        earlier = [
            turn.message for turn in reversed(self._history[-self.bot.settings.retrieval.dialogue_turns :])
        ]
        found = self.bot.search.search(
            plan.query, dialogue=earlier, language=plan.language, k=self.bot.settings.retrieval.passages
        )
        if plan.intent == "product_details" and sku:
            # The product was named: its own text is what the question is about.
            found = self.bot.search.document(f"product:{sku}") + found
        for passage in found:
            self._passages[passage.id] = passage
        return found

    def _quote(self, plan: Plan, passages: Sequence[Passage]) -> compose.QuoteDraft | None:
        """The best quote; the text of a product that was named comes before the pages if it may speak."""
        embedding = self.bot.embeddings.get(plan.language, self.bot.embeddings["en"])
        settings = self.bot.settings.compose
        vector = embedding.query(plan.query)
        pages = [passage for passage in passages if passage.kind == "page"]
        named = [passage for passage in passages if passage.kind == "product"]
        limit = settings.quote_sentences
        page = compose.quote(
            plan.query, vector, pages, embedding.passages, language=plan.language, limit=limit
        )
        product = compose.product_quote(plan.question, named, embedding.passages, limit=limit)
        if product is not None and product.confidence >= settings.product_quote_threshold:
            return replace(product, confidence=max(product.confidence, settings.quote_threshold))
        return page

    # --- the rungs ---

    async def _say_tool(self, plan: Plan, result: ToolResult) -> AsyncIterator[Event]:
        said = templates.load(self.language).text(result.template, **result.data)
        if result.call.name == "handoff":
            await asyncio.to_thread(self.bot.store.set_status, self.conversation.id, "waiting")
            yield self.speak(compose.Piece(said), rung="handoff", kind="handoff", confidence=1.0)
            yield self.event(HandedOver, reason=str(result.call.arguments.get("reason", "")))
            return
        kind = _kind_of(result)
        yield self.speak(compose.Piece(said), rung="tool", kind=kind, confidence=plan.confidence)
        for card in result.cards:
            self._cards.append(card)
            yield self.event(Carded, card=card)

    async def _say_pieces(
        self, pieces: Sequence[compose.Piece], rung: Rung, confidence: float, citations: Sequence[Citation]
    ) -> AsyncIterator[Event]:
        for piece in pieces:
            yield self.speak(piece, rung=rung, kind="answer", confidence=confidence)
        for citation in citations:
            self._citations.append(citation)
            yield self.event(Cited, citation=citation)

    async def _say_quote(self, draft: compose.QuoteDraft) -> AsyncIterator[Event]:
        first = len(self._sentences)
        pieces = list(draft.pieces)
        if self.language != draft.passage.language:
            note = (
                self.text("quoted_from_english")
                if draft.passage.language == "en"
                else self.text("quote_intro")
            )
            pieces = [compose.Piece(f"{note}\n"), *pieces]
        citations = []
        for offset, piece in enumerate(pieces):
            citations += [_renumbered(citation, first + offset) for citation in piece.citations]
        async for event in self._say_pieces(pieces, "quote", draft.confidence, citations):
            yield event

    async def _say_model(
        self, plan: Plan, passages: Sequence[Passage], confidence: float
    ) -> AsyncIterator[Event]:
        """Sentences of the model that the evidence backs; yields nothing if none does or the engine fails."""
        evidence = Evidence(tuple(passages), ())
        texts = [passage.text for passage in passages]
        embedding = self.bot.embeddings.get(plan.language, self.bot.embeddings["en"])
        asked = await asyncio.to_thread(embedding.query, plan.query)
        sampling = self.bot.settings.sampling
        drawn = Sampling(sampling.temperature, sampling.top_p, sampling.repeat_penalty, sampling.max_tokens)
        history = [m for turn in self._history[-2:] for m in (Message("shopper", turn.message), Message("assistant", turn.reply.text))]  # fmt: skip
        stream = self.bot.engine.stream(prompts.render(plan.query, evidence, history), drawn)
        spoken = 0
        try:
            async for sentence, check in compose.checked_sentences(self._timed(stream), texts):
                if not check.ok:
                    self._dropped.append(compose.dropped(sentence, check))
                    continue
                relevance = float(asked @ await asyncio.to_thread(embedding.query, sentence))
                if relevance < MIN_RELEVANCE:
                    self._dropped.append(Dropped(sentence, f"relevance {relevance:.2f}"))
                    continue
                number = len(self._sentences)
                citation = compose.cite(sentence, passages, number)
                if citation is None:
                    self._dropped.append(Dropped(sentence, "no span to cite"))
                    continue
                lead = " " if spoken else ""
                yield self.speak(
                    compose.Piece(lead + sentence), rung="model", kind="answer", confidence=confidence
                )
                self._citations.append(citation)
                yield self.event(Cited, citation=citation)
                spoken += 1
                if spoken == self.bot.settings.compose.quote_sentences:
                    break
        except EngineError as error:
            log.warning("engine: %s", error)
            self.error = f"{type(error).__name__}: {error}"

    async def _timed(self, stream: AsyncIterator[str]) -> AsyncIterator[str]:
        """The same stream; the time spent waiting for it goes to the engine's account."""
        try:
            while True:
                started = time.perf_counter()
                try:
                    piece = await anext(stream)
                except StopAsyncIteration:
                    return
                finally:
                    self._engine_ms += (time.perf_counter() - started) * 1000
                yield piece
        finally:
            close = getattr(stream, "aclose", None)
            if close is not None:
                await close()

    async def _say_unknown(self, plan: Plan, fallback: ToolResult | None) -> AsyncIterator[Event]:
        """Say what could not be found, ask, or offer a person; the second time in a row, always offer a person."""
        failed_before = bool(self._history) and self._history[-1].reply.kind in ("clarify", "refuse")
        person = self.text("handoff_button")
        if fallback is not None and fallback.template:
            said = templates.load(self.language).text(fallback.template, **fallback.data)
            piece = compose.Piece(said)
            yield self.speak(piece, rung="tool", kind=_kind_of(fallback), confidence=plan.confidence)
            for card in fallback.cards:
                self._cards.append(card)
                yield self.event(Carded, card=card)
            return
        if plan.intent == "out_of_scope" and plan.confidence >= self.bot.settings.compose.intent_threshold:
            yield self.speak(
                compose.Piece(self.text("out_of_scope")),
                rung="clarify",
                kind="refuse",
                confidence=plan.confidence,
            )
            return
        if plan.intent == "product_details" and not plan.slots.get("sku"):
            yield self.speak(
                compose.Piece(self.text("clarify_product")),
                rung="clarify",
                kind="clarify",
                confidence=plan.confidence,
            )
            return
        vague = (
            len(lang.content_words(plan.query)) < 2
            or plan.confidence < self.bot.settings.compose.intent_threshold
        )
        self._quick_replies.append(person)
        if vague and not failed_before:
            yield self.speak(
                compose.Piece(self.text("clarify_generic")),
                rung="clarify",
                kind="clarify",
                confidence=plan.confidence,
            )
            return
        yield self.speak(
            compose.Piece(self.text("no_answer")), rung="handoff", kind="refuse", confidence=plan.confidence
        )

    # --- small parts ---

    @staticmethod
    def _may_fall_through(result: ToolResult) -> bool:
        """Whether the pages may know what the tool does not; orders are in no page."""
        if result.error == "unsure":  # a page that surely answers is better than products that may not fit
            return True
        found_some = result.call.name == "product_search" and bool(result.cards)
        personal = result.call.name.startswith(("order_", "return_"))
        return result.error in _FALL_THROUGH and not found_some and not personal

    def speak(self, piece: compose.Piece, *, rung: Rung, kind: ReplyKind, confidence: float) -> Event:
        self._mark("first_sentence", keep=True)
        self._spoken.append((rung, kind, confidence))
        self._sentences.append(piece.text)
        return self.event(Sentence, text=piece.text, index=len(self._sentences) - 1)

    def _mark(self, stage: str, *, keep: bool = False) -> None:
        if keep and stage in self._timings:
            return
        self._timings[stage] = round((time.perf_counter() - self._started) * 1000, 2)

    def _language(self) -> str:
        """Of the message; a bare number or name goes on in the language of the conversation."""
        detected = lang.detect_language(self.message)
        if detected == "en" and len(re.findall(r"[A-Za-z]{2,}", self.message)) < 2:
            if self._history and self._history[-1].plans:
                return self._history[-1].plans[-1].language
            return self.language if not re.search(r"[A-Za-z]{3,}", self.message) else detected
        return detected

    def _accepts_person(self) -> bool:
        """Whether the message says yes to the person who was offered in the last turn, or names the offer."""
        if self.message == self.text("handoff_button"):
            return True
        if not self._history:
            return False
        reply = self._history[-1].reply
        return reply.kind == "refuse" and reply.rung == "handoff" and bool(_YES.match(self.message))

    def _dialogue(self) -> Dialogue:
        """What was said before, and what is known of a signed-in customer."""
        dialogue = Dialogue.of(self._history[-6:])
        customer_id = self.conversation.customer_id
        customer = self.bot.shop.customer(customer_id) if customer_id else None
        return replace(
            dialogue, signed_in=customer_id is not None, own_country=customer.country if customer else None
        )

    def _run(self, call: ToolCall) -> ToolResult:
        return run_tool(self.bot.tools, self._context(), call)

    def _context(self) -> Context:
        customer_id = self.conversation.customer_id
        return Context(
            customer=self.bot.shop.customer(customer_id) if customer_id else None,
            conversation_id=self.conversation.id,
            language=self.language,
            now=self._now,
            shop=self.bot.shop,
            facts=self.bot.settings.shop,
            products=self.bot.products,
            recommender=self.bot.recommender,
        )


def _kind_of(result: ToolResult) -> ReplyKind:
    """What a tool's result is to the shopper: an answer, a question back, or a no."""
    if result.error in _CLARIFYING:
        return "clarify"
    if result.error in _FAILING or (result.error == "filtered_out" and not result.cards):
        return "refuse"
    return "answer"


def _renumbered(citation: Citation, sentence: int) -> Citation:
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
