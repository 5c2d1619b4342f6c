"""What a turn gathers before it speaks: the approved answer to a question, the passages, the best quote of them.

Decides nothing: which rung speaks is the ladder's to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from chatbot import compose, lang
from chatbot.answers import Match
from chatbot.conversation import Plan
from chatbot.turn_state import TurnState
from retrieval.passages import Passage

NAMED = 0.75
"""From this score on, a product was surely named."""


class Gathering(TurnState):
    """A turn that can look things up."""

    def _approved(self, plan: Plan) -> tuple[compose.Piece | None, Match | None]:
        """The approved answer to this question, if one is near enough, and its match."""
        match = self.bot.answers.match(plan.question, plan.language)
        if match is None or match.score < self.bot.settings.compose.approved_threshold:
            return None, None
        text = match.answer.answer[plan.language]
        sources = self.bot.search.document(match.answer.source) if match.answer.source else []
        english = match.answer.answer.get("en", text)
        cited = [compose.cite(span.text, sources, len(self._sentences)) for span in lang.sentences(english)]
        unique = {(c.passage_id, c.start): c for c in cited if c is not None}
        for passage in sources:
            if any(c.passage_id == passage.id for c in unique.values()):
                self._passages[passage.id] = passage
        return compose.Piece(text, tuple(unique.values())), match

    def _find(self, plan: Plan) -> list[Passage]:
        """Passages for one question: of the pages, and of the product that is asked about."""
        sku = plan.slots.get("sku")
        turns = self._history[-self.bot.settings.retrieval.dialogue_turns :]
        earlier = [text for turn in reversed(turns) for text in (turn.reply.text, turn.message) if text]
        k = self.bot.settings.retrieval.passages
        told = {citation.passage_id for turn in self._history[-1:] for citation in turn.reply.citations}
        found = self.bot.search.search(plan.query, dialogue=earlier, told=told, language=plan.language, k=k)
        if plan.query != plan.question:  # it leans on what was said: the words alone may find the better page
            found = compose.merged(found, self.bot.search.search(plan.question, language=plan.language, k=k))
        if sku and (plan.intent == "product_details" or float(plan.slots.get("sku_score", 0.0)) >= NAMED):
            # The product was named: its own text may be what the question is about.
            found = self.bot.search.document(f"product:{sku}") + found
        for passage in found:
            self._passages[passage.id] = passage
        return found

    def _quote(self, plan: Plan, passages: Sequence[Passage]) -> compose.QuoteDraft | None:
        """The best quote; the text of a product that was named comes before the pages if it may speak."""
        embedding = self.bot.embeddings.get(plan.language, self.bot.embeddings["en"])
        settings = self.bot.settings.compose
        vector = embedding.query(plan.query)
        if plan.query != plan.question:
            vector = vector + embedding.query(plan.question)
            vector /= np.linalg.norm(vector)
        said = self.said(leans=plan.query != plan.question)
        pages = [passage for passage in passages if passage.kind == "page"]
        named = [passage for passage in passages if passage.kind == "product"]
        limit = settings.quote_sentences
        page = compose.quote(
            plan.question,
            vector,
            pages,
            embedding.passages,
            language=plan.language,
            limit=limit,
            said=said,
            context=plan.query,
        )
        product = compose.product_quote(
            plan.question, named, embedding.passages, embedding.query, limit=limit
        )
        surely = page is not None and page.confidence >= settings.quote_threshold
        if plan.intent == "policy" and surely:
            return page
        if product is not None and product.confidence >= settings.product_quote_threshold:
            return replace(product, confidence=max(product.confidence, settings.quote_threshold))
        return page
