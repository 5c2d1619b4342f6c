"""Simulated support logs over the demo shop: what its customers could have asked, and good and bad agents answered.

Grammar (``demo_logs.yaml``), orders, products and approved answers of the shop are the material. A conversation is of one
customer of the simulated shop in a mood, who has one to three goals: a question about the rules, an order, a product,
something that nobody can know, a complaint, a person. Customers write in lower case, with typos or tersely, ask two
things at once, forget their order number, doubt and thank. Most agents are good, each with a style; one in eight is bad:
wrong figures, rude, evasive, endless, or guessing where they should say that they do not know. A reviewer's label and
correction stand beside what is wrong, in the form of kefu's own reviewed transcripts. Every record says ``simulated``.

The same seed and shop give the same bytes. English alone. What it does not have: facts that are in no table or approved answer,
moods that change, customers who are wrong about themselves, and the long tail of real life.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from chatbot.shop import Order, Product, Shop

COUNT = 3200
MOODS = {"neutral": 30, "friendly": 15, "terse": 25, "angry": 12, "worried": 10, "chatty": 8}
STYLES = {"warm": 45, "brief": 35, "formal": 20}
GOALS = {
    "rule": 34, "order": 22, "product": 18, "unknown": 10, "complaint": 6, "cancel": 5, "person": 5
}  # fmt: skip
BAD_AGENTS = 0.125
TYPO_RATES = {
    "neutral": 0.01,
    "friendly": 0.01,
    "terse": 0.05,
    "angry": 0.03,
    "worried": 0.01,
    "chatty": 0.02,
}
_PART = re.compile(r"\{(\w+)\}|\[([^\[\]]*)\]")
_NEAR_KEYS = {
    "a": "sq", "c": "xv", "d": "sf", "e": "wr", "g": "fh", "h": "gj", "i": "uo", "l": "k", "m": "n", "n": "bm",
    "o": "ip", "r": "et", "s": "ad", "t": "ry", "u": "yi", "w": "qe",
}  # fmt: skip

Rule = tuple[Sequence[str], str]
"""Ways to ask, and the approved answer."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """``wrong`` is what a bad agent said in place of ``reply``."""

    message: str
    reply: str
    wrong: str | None = None
    label: str = "wrong"


@cache
def grammar() -> Mapping[str, Sequence[str]]:
    text = (files("finetune") / "demo_logs.yaml").read_text(encoding="utf-8")
    told: Mapping[str, Sequence[str]] = yaml.safe_load(text)
    return told


def conversations(
    shop: Shop, *, now: datetime, count: int = COUNT, seed: int = 0
) -> Iterator[dict[str, Any]]:
    """Records of kefu's reviewed transcripts, in the order of their dates."""
    scene = _Scene(shop, random.Random(seed), now)
    days = sorted(scene.rng.uniform(0, 360) for _ in range(count))
    for number, day in enumerate(reversed(days)):
        yield scene.conversation(number, now - timedelta(days=day))


class _Scene:
    """The shop as the logs see it, and the dice."""

    def __init__(self, shop: Shop, rng: random.Random, now: datetime) -> None:
        self.shop, self.rng, self.now = shop, rng, now
        self.products = [product for product in shop.all_products() if product.price is not None]
        self.customers = sorted(set(shop.purchases().customer_ids))
        answers = yaml.safe_load((files("chatbot.demo") / "answers.yaml").read_text(encoding="utf-8"))
        self.rules: list[Rule] = [
            ([asked for asked in one["questions"] if asked.isascii()], one["answer"]["en"]) for one in answers
        ]

    def say(self, name: str, **facts: str) -> str:
        """A drawn expansion of a grammar entry."""

        def part(found: re.Match[str]) -> str:
            slot, either = found.groups()
            if slot is None:
                return str(self.rng.choice(either.split("|")))
            return facts.get(slot) or self.say(slot, **facts)

        text: str = self.rng.choice(grammar()[name])
        while _PART.search(text):
            text = _PART.sub(part, text)
        return text

    def pick(self, weights: Mapping[str, int]) -> str:
        return self.rng.choices(list(weights), list(weights.values()))[0]

    # --- a conversation ---

    def conversation(self, number: int, at: datetime) -> dict[str, Any]:
        customer = self.rng.choice(self.customers)
        mood, style = self.pick(MOODS), self.pick(STYLES)
        bad = self.rng.random() < BAD_AGENTS
        goals = [self.pick(GOALS) for _ in range(self.rng.choices((1, 2, 3), (55, 33, 12))[0])]
        exchanges: list[Exchange] = []
        for goal in goals:
            told = self._goals()[goal](customer)
            joined = goal in ("rule", "product") and exchanges and self.rng.random() < 0.2
            if joined and len(told) == 1:  # two questions in one message, answered one after the other
                before, own = exchanges.pop(), told[0]
                exchanges.append(
                    Exchange(
                        before.message + self.say("and_also") + own.message, f"{before.reply}\n\n{own.reply}"
                    )
                )
            else:
                exchanges += told
        if goals[-1] in ("rule", "product") and self.rng.random() < 0.3:
            exchanges.append(Exchange(self.say("follow_up_doubt"), self.say("say_sure")))
        if self.rng.random() < 0.3:
            exchanges.append(Exchange(self.say("follow_up_thanks"), self.say("say_welcome")))
        turns = [
            self._turn(exchange, mood, style, bad=bad, first=place == 0, last=place == len(exchanges) - 1)
            for place, exchange in enumerate(exchanges)
        ]
        return {
            "id": f"demo-{number:05d}",
            "customer": customer,
            "created_at": at.isoformat(timespec="seconds"),
            "language": "en",
            "simulated": True,
            "consent": True,
            "mood": mood,
            "agent": "bad" if bad else style,
            "turns": turns,
        }

    def _turn(
        self, exchange: Exchange, mood: str, style: str, *, bad: bool, first: bool, last: bool
    ) -> dict[str, Any]:
        message = exchange.message
        if first:
            message = self.say(f"open_{mood}") + message
        if last:
            message += self.say(f"close_{mood}")
        asked = self._written(message, mood)
        apology = self.say("sorry") if mood == "angry" and first and style != "brief" else ""
        lead = self.say(f"lead_{style}") if first else ""
        good = _sentence_case(f"{lead}{apology}{exchange.reply}{self.say(f'end_{style}') if last else ''}")
        if not bad or self.rng.random() < 0.25:  # even they get some right
            return {"message": asked, "reply": good, "label": "good" if self.rng.random() < 0.4 else None}
        wrong = exchange.wrong or self._spoilt(exchange.reply)
        return {"message": asked, "reply": wrong, "label": exchange.label, "correction": good}

    def _spoilt(self, reply: str) -> str:
        """The same with another figure or, where there is none to change, a bad manner."""
        figures = [found for found in re.finditer(r"\d+", reply) if found.group() != "0"]
        if figures and self.rng.random() < 0.6:
            found = self.rng.choice(figures)
            other = str(int(found.group()) + self.rng.choice((1, 2, 5, 10, 30)))
            return reply[: found.start()] + other + reply[found.end() :]
        return self.say(self.rng.choice(("bad_rude", "bad_evasive", "bad_endless")))

    def _written(self, text: str, mood: str) -> str:
        """As somebody in this mood types it."""
        rate = TYPO_RATES[mood]
        if mood == "terse" or self.rng.random() < 0.2:
            text = text.lower() if self.rng.random() < 0.8 else text
        if mood == "angry" and self.rng.random() < 0.25:
            text = text.upper() if self.rng.random() < 0.5 else text.replace("?", "???").replace(".", "!")
        if mood == "terse" and self.rng.random() < 0.5:
            text = text.rstrip("?.! ")
        written = []
        for letter in text:
            if letter in _NEAR_KEYS and self.rng.random() < rate * 0.5:
                kind = self.rng.random()
                near = self.rng.choice(_NEAR_KEYS[letter])
                letter = near if kind < 0.4 else "" if kind < 0.7 else letter * 2
            written.append(letter)
        return "".join(written).strip()

    # --- goals ---

    def _goals(self) -> Mapping[str, Callable[[str], list[Exchange]]]:
        return {
            "rule": self._rule, "order": self._order, "product": self._product, "unknown": self._unknown,
            "complaint": self._complaint, "cancel": self._cancel, "person": self._person,
        }  # fmt: skip

    def _rule(self, _: str) -> list[Exchange]:
        questions, answer = self.rng.choice(self.rules)
        return [Exchange(self.rng.choice(questions), answer)]

    def _order(self, customer: str) -> list[Exchange]:
        facts, told = self._about_order(customer)
        if facts is None:
            return self._rule(customer)
        reply = self.say(told, **facts)
        if self.rng.random() < 0.25:
            asked = self.say("ask_order_no_number", **facts)
            return [
                Exchange(asked, self.say("ask_for_number")), Exchange(self.say("give_number", **facts), reply)
            ]  # fmt: skip
        return [Exchange(self.say("ask_order", **facts), reply)]

    def _about_order(self, customer: str) -> tuple[dict[str, str] | None, str]:
        """The facts of one of the customer's orders, and what is to be said of it."""
        orders = self.shop.orders(customer, limit=5)
        if not orders:
            return None, ""
        order = self.rng.choice(orders)
        facts = {
            "order": order.id,
            "placed": _day(order.placed_at),
            "item": order.lines[0].name if order.lines else "parcel",
            "carrier": order.carrier or "our carrier",
            "tracking": order.tracking or "not known yet",
            "shipped": _day(order.shipped_at),
            "delivered": _day(order.delivered_at),
            "eta": _day(order.eta),
        }
        return facts, _state(order)

    def _cancel(self, customer: str) -> list[Exchange]:
        facts, told = self._about_order(customer)
        if facts is None:
            return self._rule(customer)
        able = told in ("say_processing", "say_unpaid")
        said = "say_can_cancel" if able else told if told == "say_cancelled" else "say_cannot_cancel"
        wrong = "Done, it is cancelled." if not able else None
        return [Exchange(self.say("ask_cancel", **facts), self.say(said, **facts), wrong)]

    def _product(self, _: str) -> list[Exchange]:
        product = self.rng.choice(self.products)
        facts = {"product": product.name, "price": _price(product), "stock": str(product.stock or 0)}
        about = self.rng.choice(("price", "stock", "attribute"))
        if about == "attribute" and product.attributes:
            name, value = self.rng.choice(sorted(product.attributes.items()))
            facts |= {"attribute": name.replace("_", " "), "value": value}
            return [Exchange(self.say("ask_attribute", **facts), self.say("say_attribute", **facts))]
        if about == "stock" and product.stock is not None:
            said = "say_in_stock" if product.stock else "say_no_stock"
            return [Exchange(self.say("ask_stock", **facts), self.say(said, **facts))]
        return [Exchange(self.say("ask_price", **facts), self.say("say_price", **facts))]

    def _unknown(self, _: str) -> list[Exchange]:
        asked = self.say("ask_unknown", product=self.rng.choice(self.products).name)
        ours = any(
            word in asked for word in ("weather", "write my", "lawyer", "doctor", "restaurant", "hotel")
        )
        guess = self.rng.choice(("Yes, of course.", "I believe so.", "Probably not.", "About 120, I think."))
        return [Exchange(asked, self.say("say_not_ours" if ours else "say_unknown"), guess)]

    def _complaint(self, customer: str) -> list[Exchange]:
        facts, _ = self._about_order(customer)
        if facts is None:
            return self._person(customer)
        asked = self.say("complain", **facts)
        reply = f"{self.say('sorry')}{self.say('say_complaint', **facts)}"
        return [Exchange(asked, reply, self.say("bad_rude"), "should_have_handed_over")]

    def _person(self, _: str) -> list[Exchange]:
        asked, reply = self.say("ask_person"), self.say("say_handover")
        return [Exchange(asked, reply, self.say("bad_evasive"), "should_have_handed_over")]


def _state(order: Order) -> str:
    """Which grammar entry says how the order stands."""
    if order.status == "cancelled" or order.cancelled_at:
        return "say_cancelled"
    if order.delivered_at:
        return "say_delivered"
    if order.shipped_at:
        return "say_shipped"
    return "say_unpaid" if order.status == "pending_payment" else "say_processing"


def _day(at: datetime | None) -> str:
    return f"{at.day} {at:%B %Y}" if at else "a day that is not known yet"


def _price(product: Product) -> str:
    return f"{product.price} {product.currency}"


def _sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:]
