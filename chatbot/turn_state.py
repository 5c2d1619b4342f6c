"""What a turn needs and what it has said so far: the parts of a service, and the state of one running turn.

Knows how to speak, time, store and look back; which rung speaks is decided in ``chatbot.turn``.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from chatbot import compose, lang
from chatbot.actions.journal import Action, Actions
from chatbot.adapters import Adapters
from chatbot.answers import Answers
from chatbot.behaviour import Done as Noted
from chatbot.consent import consents
from chatbot.conversation import (
    Card,
    Citation,
    Conversation,
    Dropped,
    Event,
    Evidence,
    Plan,
    Reply,
    ReplyKind,
    Rung,
    Sentence,
    ToolCall,
    ToolResult,
    Turn,
)
from chatbot.dialogue import CHANGE, Dialogue
from chatbot.engine.base import Engine
from chatbot.exploring import Exploring
from chatbot.recommending import Recommending
from chatbot.route import Router
from chatbot.shop import Shop, fold
from chatbot.store import Store
from chatbot.tools import actions as receipts
from chatbot.tools.base import Context, Tool, run_tool
from configs import templates
from configs.errors import ConfigError
from configs.settings import Settings
from retrieval.passages import Passage
from retrieval.products import ProductSearch
from retrieval.recommend import Known, Recommender
from retrieval.recommend.interactions import NOTHING
from retrieval.search import Search

Vectors = NDArray[np.float32]
Mask = NDArray[np.bool_]
_YES = re.compile(
    r"^\W*(?:yes|yeah|yep|sure|please|ok(?:ay)?|do that|go ahead|y|好的?|是的?|可以|行|要|嗯)\b.{0,30}$|^\W*(?:好的?|是的?|可以|行|要|嗯)",
    re.IGNORECASE,
)


_CLARIFYING = frozenset(
    {
        "sign_in",
        "no_country",
        "no_product",
        "no_cart",
        "avoid_what",
        "ambiguous",
        "unknown_option",
        "which_order",
        "no_address",
    }
)
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


@dataclass(frozen=True, slots=True)
class Embedding:
    """How texts of one language become unit vectors: a shopper's words, which nobody keeps, and kept passages."""

    queries: Callable[[Sequence[str]], Vectors]
    passages: Callable[[Sequence[str]], Vectors]

    def query(self, text: str) -> Vectors:
        return cast(Vectors, self.queries([text])[0])


@dataclass(frozen=True, slots=True)
class Bot:
    """All that a turn needs. ``embeddings`` has at least ``en``."""

    settings: Settings
    store: Store
    shop: Shop
    search: Search
    products: ProductSearch
    recommending: Recommending | None
    engine: Engine
    router: Router
    answers: Answers
    tools: Mapping[str, Tool]
    embeddings: Mapping[str, Embedding]
    adapters: Adapters
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    exploring: Exploring | None = None
    actions: Actions | None = None


class TurnState:
    """The state of one turn while it runs."""

    def __init__(self, bot: Bot, conversation: Conversation, text: str) -> None:
        self.id = uuid.uuid4().hex
        self.bot = bot
        self.conversation = conversation
        self.original = text
        self.message = lang.normalise(text)
        self.language = conversation.locale if conversation.locale in bot.embeddings else "en"
        self.error: str | None = None
        self.adapter: str | None = None
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
            adapter=self.adapter,
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

    # --- small parts ---

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
        reply, results = self._history[-1].reply, self._history[-1].evidence.results
        offered = reply.kind == "refuse" and reply.rung == "handoff"
        for_a_person = any(result.error == "too_large" for result in results[-1:])
        return (offered or for_a_person) and bool(_YES.match(self.message))

    def _accepted_section(self) -> str | None:
        """The best of the sections offered in the last turn, or the wish that its tool offered, if the message says yes to them."""
        reply = self._history[-1].reply if self._history else None
        results = self._history[-1].evidence.results if self._history else ()
        offered = [
            one.quick_replies[0]
            for one in results[-1:]
            if one.quick_replies and not one.error and not one.proposal
        ]
        if offered and consents(self.message, offered[0]):
            return offered[0]
        if reply is None or reply.text != self.text("clarify_sections") or not _YES.match(self.message):
            return None
        return reply.quick_replies[0]

    def _proposed(self) -> ToolResult | None:
        """What the last turn asked the shopper to confirm."""
        last = self._history[-1] if self._history else None
        if last is None or not last.plans or last.plans[-1].intent != CHANGE:
            return None  # something else was asked last
        return next((result for result in last.evidence.results[-1:] if result.proposal), None)

    def said(self, *, leans: bool) -> set[tuple[str, int]]:
        """What was quoted for earlier questions of this message and, if the question leans on it, in the last reply."""
        last = self._history[-1].reply if leans and self._history else None
        quoted = last.citations if last and last.rung == "quote" else ()
        return {(citation.passage_id, citation.start) for citation in (*self._citations, *quoted)}

    def _dialogue(self) -> Dialogue:
        """What was said before, and what is known of a signed-in customer."""
        dialogue = Dialogue.of(self._history)
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
            recommender=self.bot.recommending.current() if self.bot.recommending else None,
            known=self._known,
            masked=self._masked,
            cart=self._cart,
            note=self._note,
            offered=self.bot.actions.offered if self.bot.actions else frozenset(),
            may=self.bot.settings.actions,
            propose=self._propose,
            undoable=lambda: self.bot.actions.undoable(self.conversation) if self.bot.actions else None,
            explored=self._explored,
            diversity=self.bot.settings.recommend.diversity,
        )

    def _known(self, recommender: Recommender) -> Known:
        if self.bot.recommending is None:
            return NOTHING
        conversation = self.conversation
        return self.bot.recommending.known(
            recommender, conversation.session_id, conversation.customer_id, self._now
        )

    def _masked(self, recommender: Recommender, allowed: Mask) -> Mask:
        if self.bot.recommending is None:
            return np.ones(len(recommender.skus), np.bool_)
        return self.bot.recommending.masked(recommender, allowed)

    def _cart(self) -> list[str]:
        if self.bot.recommending is None:
            return []
        own = self.conversation
        return self.bot.recommending.behaviour.cart(own.session_id, own.customer_id)

    def _note(self, sku: str, kind: str) -> None:
        if self.bot.recommending is not None:
            # By the turn and the product, so that it is noted once; at the clock of the shop's pages, whose events it is weighed with.
            name = hashlib.blake2b(f"{self.id} {fold(sku)}".encode(), digest_size=16).hexdigest()
            noted = Noted(name, sku, kind, datetime.now(UTC))
            own = self.conversation
            self.bot.recommending.behaviour.add(own.session_id, own.customer_id, [noted])

    def _decided(self, proposed: ToolResult, agreed: bool) -> ToolResult:
        """What came of a proposal of the last turn; the customer is the session's."""
        owner, action_id = self.conversation.customer_id, proposed.proposal
        assert self.bot.actions is not None
        assert owner is not None
        assert action_id is not None
        if agreed:
            action = self.bot.actions.confirm(action_id, owner)
        else:
            self.bot.actions.decline(action_id, owner)
            action = self.bot.actions.action(action_id, owner)
        return receipts.outcome(self._context(), proposed.call, action)

    def _propose(self, kind: str, arguments: Mapping[str, Any]) -> Action:
        if self.bot.actions is None:
            raise ConfigError("no changes are offered here", hint="set actions.system")
        return self.bot.actions.propose(self.conversation, cast(Any, kind), arguments)

    def _explored(self, skus: Sequence[str], features: NDArray[np.float64]) -> int:
        if self.bot.exploring is None:
            return 0
        own = self.conversation
        return self.bot.exploring.choose(
            self.id, own.session_id, own.customer_id, skus, features, datetime.now(UTC)
        )


def kind_of(result: ToolResult) -> ReplyKind:
    """What a tool's result is to the shopper: an answer, a question back, or a no."""
    if result.error in _CLARIFYING:
        return "clarify"
    if result.error in _FAILING or (result.error == "filtered_out" and not result.cards):
        return "refuse"
    return "answer"
