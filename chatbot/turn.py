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
from collections.abc import AsyncIterator, Sequence

from chatbot import compose, lang, offer
from chatbot import prompt as prompts
from chatbot.adapters import BASE
from chatbot.consent import consents
from chatbot.conversation import (
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
    Retrieved,
    Rung,
    Sentence,
    ToolCall,
    ToolRan,
    ToolResult,
)
from chatbot.dialogue import CHANGE
from chatbot.engine.base import Sampling
from chatbot.gather import Gathering
from chatbot.intents import SOCIAL
from chatbot.tools import CHANGES
from chatbot.turn_state import Bot, Embedding, kind_of
from configs import templates
from configs.errors import EngineError
from retrieval.passages import Passage

__all__ = ["Bot", "Embedding", "answer"]

log = logging.getLogger("kefu.turn")

SURE_MATCH = 0.88
SURE_QUOTE = 0.8
"""An approved answer nearer than the first stands; below it, a quote of another passage surer than the second wins."""
MIN_RELEVANCE = 0.4
"""Cosine of question and sentence below which a model's sentence answers something else."""
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
    except Exception as error:  # the border of the product: a shopper must never see a traceback
        log.exception("turn %s failed", turn.id)
        turn.error = f"{type(error).__name__}: {error}"
        sorry = turn.text("tool_broken")
        turn.speak(compose.Piece(sorry), rung="handoff", kind="handoff", confidence=0.0)
        stored = await turn.store(message_ids)
        yield turn.event(Failed, text=stored.reply.text)
        return
    stored = await turn.store(message_ids)
    yield turn.event(Done, turn=stored)
    await asyncio.to_thread(bot.search.remember, stored.reply.text, turn.language)  # the shopper is reading


class _Turn(Gathering):
    """Runs down the ladder."""

    async def run(self) -> AsyncIterator[Event]:
        bot = self.bot
        self._history = await asyncio.to_thread(bot.store.turns, self.conversation.id)
        if not re.search(r"\w", self.message):
            yield self.speak(
                compose.Piece(self.text("empty_message")), rung="clarify", kind="clarify", confidence=1.0
            )
            return
        self.language = self._language()
        proposed = self._proposed()
        agreed = consents(self.message, proposed.quick_replies[0]) if proposed else None
        if proposed is not None and agreed is not None:
            async for event in self._decide(proposed, agreed):
                yield event
            return
        dialogue = await asyncio.to_thread(self._dialogue)
        if self._accepts_person():
            self._plans = [Plan("handoff", 1.0, self.language, self.message, {}, (ToolCall("handoff", {"reason": "requested"}),), self.message)]  # fmt: skip
        else:
            asked = self._accepted_section() or self.message
            self._plans = await asyncio.to_thread(bot.router.plan, asked, dialogue, language=self.language)
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

    async def _decide(self, proposed: ToolResult, agreed: bool) -> AsyncIterator[Event]:
        """Carry out what was proposed, or leave it; and say what came of it."""
        plan = Plan(CHANGE, 1.0, self.language, self.message, {}, (proposed.call,), self.message)
        self._plans = [plan]
        yield self.event(Planned, plan=plan)
        result = await asyncio.to_thread(self._decided, proposed, agreed)
        self._results.append(result)
        yield self.event(ToolRan, result=result)
        if result.error == "running":
            self._quick_replies.append(self.text("handoff_button"))
        async for event in self._say_tool(plan, result):
            yield event

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
            if not all(self._may_fall_through(result) for result in results):
                for number, result in enumerate(results):
                    async for event in self._say_tool(plan, result, lead="\n" if number else ""):
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
        approved, match = self._approved(plan) if "approved" in allowed else (None, None)
        passages = await asyncio.to_thread(self._find, plan)
        self._mark("retrieved")
        yield self.event(Retrieved, passages=passages)
        draft = None
        if match is None or match.score < SURE_MATCH:
            draft = await asyncio.to_thread(self._quote, plan, passages)
        if approved is not None and match is not None and not self._outweighs(draft, approved):
            async for event in self._say_pieces([approved], "approved", match.score, approved.citations):
                yield event
            return
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
        async for event in self._say_unknown(plan, fallback, passages):
            yield event

    @staticmethod
    def _outweighs(draft: compose.QuoteDraft | None, approved: compose.Piece) -> bool:
        """Whether another passage answers much more surely than an approved answer that is merely near."""
        cited = {citation.passage_id for citation in approved.citations}
        return draft is not None and draft.passage.id not in cited and draft.confidence >= SURE_QUOTE

    # --- the rungs ---

    async def _say_tool(self, plan: Plan, result: ToolResult, *, lead: str = "") -> AsyncIterator[Event]:
        said = lead + templates.load(self.language).text(result.template, **result.data)
        if result.call.name == "handoff":
            await asyncio.to_thread(self.bot.store.set_status, self.conversation.id, "waiting")
            yield self.speak(compose.Piece(said), rung="handoff", kind="handoff", confidence=1.0)
            yield self.event(HandedOver, reason=str(result.call.arguments.get("reason", "")))
            return
        kind = kind_of(result)
        yield self.speak(compose.Piece(said), rung="tool", kind=kind, confidence=plan.confidence)
        self._quick_replies += result.quick_replies
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
        if draft.contradiction is not None:
            said, other = self.text("pages_disagree"), draft.contradiction
            pieces = [compose.Piece(f"{said}\n"), *pieces, compose.Piece(f"\n{other.text}", other.citations)]
            self._quick_replies.append(self.text("handoff_button"))
        citations = []
        for offset, piece in enumerate(pieces):
            citations += [compose.renumbered(citation, first + offset) for citation in piece.citations]
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
        # What was said to something that kefu did not answer is no context for an answer, and may be an attack.
        answered = [turn for turn in self._history if turn.reply.kind == "answer"][-2:]
        history = [m for turn in answered for m in (Message("shopper", turn.message), Message("assistant", turn.reply.text))]  # fmt: skip
        spoken_to = (turn for turn in reversed(self._history) if turn.adapter or turn.reply.rung == "model")
        begun_with = next((turn.adapter or BASE for turn in spoken_to), None)
        self.adapter = self.bot.adapters.chosen(self.conversation.id, begun_with)
        stream = self.bot.engine.stream(prompts.render(plan.query, evidence, history), drawn, self.adapter)
        spoken = 0
        try:
            # The check was fitted on the cosines of this embedder; without them it has another set of weights.
            english = self.bot.embeddings["en"] if self.bot.settings.retrieval.embedder == "minilm" else None
            titles = [passage.title for passage in passages]
            checked = compose.checked_sentences(self._timed(stream), texts, english, titles)
            async for sentence, check in checked:
                if not check.ok:
                    self._dropped.append(Dropped(sentence, check.reason))
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

    async def _say_unknown(
        self, plan: Plan, fallback: ToolResult | None, passages: Sequence[Passage] = ()
    ) -> AsyncIterator[Event]:
        """Say what could not be found, ask which section is meant, ask to say it otherwise, or offer a person; the second
        time in a row, always offer a person."""
        failed_before = bool(self._history) and self._history[-1].reply.kind in ("clarify", "refuse")
        person = self.text("handoff_button")
        if fallback is not None and fallback.template:
            said = templates.load(self.language).text(fallback.template, **fallback.data)
            piece = compose.Piece(said)
            yield self.speak(piece, rung="tool", kind=kind_of(fallback), confidence=plan.confidence)
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
        settings = self.bot.settings.compose
        vague = len(lang.content_words(plan.query)) < 2 or plan.confidence < settings.intent_threshold
        told = {c.passage_id for turn in self._history[-1:] for c in turn.reply.citations}
        untold = [passage for passage in passages if passage.id not in told]
        offered = offer.sections(untold, self.language, least=settings.offer_threshold)
        self._quick_replies += [*([] if failed_before else offered), person]
        if (offered or vague) and not failed_before:
            yield self.speak(
                compose.Piece(self.text("clarify_sections" if offered else "clarify_generic")),
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
        personal = result.call.name.startswith(("order_", "return_")) or result.call.name in CHANGES
        return result.error in _FALL_THROUGH and not found_some and not personal
