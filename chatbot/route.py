"""From a message and what was said before to a plan: intent, language, slots, search query, tool calls.

Intents are told apart by embeddings of example sentences (``configs/intents``); slots by the rules of
``slots``; what "it" and "the second one" mean comes from the last turns. Decides what to look up, never what
to answer, and knows no customer: whose order a number names is for the tools to find out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from chatbot import asks, lang, referents, slots, suggesting, unwanted
from chatbot.calls import calls_for, change_for, given
from chatbot.conversation import Plan, ToolCall
from chatbot.dialogue import CHANGE, Dialogue
from chatbot.intents import PERSONAL, PRODUCT, SOCIAL, Classifier
from chatbot.referents import SOLD
from configs import countries
from configs.settings import ShopSettings
from retrieval.prices import without_price
from retrieval.products import ProductSearch
from retrieval.search import Search

HANDOFF_THRESHOLD = 0.85
PRODUCT_WEIGHT = 0.7
PAGE_WEIGHT = 1.4
SURE_PAGE = 0.65
"""How the search's confidence in a page counts against wording, and from where on a page surely answers. Chosen on the development half of the golden cases."""
SURE_PERSONAL = 0.4
"""Below this, a message is not taken for one about the shopper's own orders."""
NO_DIALOGUE = Dialogue()

_OWN = re.compile(
    r"\b(?:my|i (?:have )?(?:bought|ordered|got|received))\b|我的|我买|我订|我收到", re.IGNORECASE
)
_HOW_TO = re.compile(
    r"\bhow (?:do|can|would|should|to)\b|\bwhat (?:is|are|do) .*\b(?:policy|conditions?|rules?)\b|怎么|如何|怎样|政策|条件",
    re.IGNORECASE,
)
_REQUEST_CHANGE = re.compile(
    r"\b(?:cancel|change|modify|update|amend)\b|取消|修改|更改|改(?:地址|订单)", re.IGNORECASE
)
_ABOUT = re.compile(
    r"\b(?:tell|more|know|describe|information|details)\b.{0,20}\babout\b|\bdescribe\b|介绍|详情",
    re.IGNORECASE,
)
_GENERIC_SEARCH = re.compile(
    r"\b(?:do you (?:have|sell|carry|stock|offer)|have you got|looking for|show me|find me|any|some|which .{0,30} (?:do|have) you|i need|i want|search)\b"
    r"|有没有|有哪些|想买|找|推荐",
    re.IGNORECASE,
)


def _family(intent: str) -> str:
    """Intents that compete as one."""
    return "product" if intent in PRODUCT else "personal" if intent in PERSONAL else intent


class Router:
    """Plans for messages; ``classifiers`` by language, English being the fallback; ``offered`` are the changes of orders that the shop has
    done in a chat."""

    def __init__(
        self,
        classifiers: Mapping[str, Classifier],
        products: ProductSearch,
        facts: ShopSettings,
        search: Search,
        offered: Collection[str] = (),
    ) -> None:
        self._classifiers = classifiers
        self._offered = offered
        self._search = search
        self._products = products
        self._facts = facts

    def plan(self, message: str, dialogue: Dialogue, *, language: str) -> list[Plan]:
        """One plan for each question of the message, at most three; none but a refusal if it commands the machine."""
        if asks.commands_machine(message):
            question = slots.core(message)
            return [Plan("out_of_scope", 1.0, language, question, {}, (), question)]
        plans: list[Plan] = []
        for part in slots.questions(message):
            plan = self._plan_one(part, dialogue, language)
            if not plan.calls or plan.calls not in [other.calls for other in plans]:  # asked in two ways
                plans.append(plan)
            dialogue = dialogue.after(plan)
        if len(plans) > 1:  # "Hello! Where is my order?" is one question
            plans = [plan for plan in plans if plan.intent not in SOCIAL] or plans[:1]
        return plans

    def _plan_one(self, text: str, dialogue: Dialogue, language: str) -> Plan:
        question = slots.core(text)
        scores = self._classifiers.get(language, self._classifiers["en"]).scores(question)
        if asks.asks_for_person(text) or scores.get("handoff", 0.0) > HANDOFF_THRESHOLD:
            call = ToolCall("handoff", {"reason": "requested"})
            return Plan("handoff", 1.0, language, question, {}, (call,), question)
        trouble = suggesting.trouble(text, *dialogue.messages[:1])
        if trouble:
            return Plan("policy", 0.9, language, slots.core(trouble), {}, (), slots.core(trouble))
        if suggesting.awaits_unwanted(text, dialogue):  # "nuts", asked what they are allergic to
            text = question = f"对{text}过敏" if language == "zh" else f"allergic to {text}"
        wished = self._wished(text)
        wanted = unwanted.wanted(text, wished.get("without", ()))
        values = slots.slot_values(
            wanted, order_pattern=self._facts.order_number_pattern, vocabulary=self._products.vocabulary
        )
        country = countries.find(text)
        if country:
            values["country"] = country
        values |= wished
        meant = unwanted.wanted(question, wished.get("without", ()))
        refusal = suggesting.refusal(meant) if dialogue.suggested_by else ""
        if refusal:  # "not this one, something like the oak board": what is refused is not what is meant
            of = referents.find(refusal, values, dialogue, self._products, language, scores)
            if float(of.get("sku_score", 0.0)) > suggesting.LEANT:
                values["refused"] = of["sku"]
            meant = meant.replace(refusal, " ") if asks.names_a_thing(meant.replace(refusal, " ")) else meant
        values |= referents.find(meant, values, dialogue, self._products, language, scores)
        change = change_for(text, values, dialogue, self._offered)
        if change is not None:
            return Plan(CHANGE, 0.9, language, question, values, (change,), slots.core(text))
        if suggesting.complains(text):
            scores = {**scores, "recommend": 0.0}
        if suggesting.asks_comparison(text):
            values |= referents.pair(question, dialogue, self._products)
        intent, certain = self._choose(question, scores, values, dialogue)
        confidence = max(scores.get(intent, 0.0), 0.9 if certain else 0.0)
        if not certain and (intent not in SOCIAL or confidence < 0.6):
            intent, confidence = self._weigh(question, intent, scores, values, dialogue, language)
        named = float(values.get("sku_score", 0.0)) > suggesting.LEANT
        if (
            intent == "product_details"
            and "without" in values
            and not named
            and not slots.is_follow_up(question)
        ):
            intent = "product_search"  # what a product shall not have is no question of one
        plain = suggesting.without_limits(question)
        named |= "category" in values
        if intent == "product_search" and "must_avoid" in values and not asks.names_a_thing(plain):
            intent = "recommend"  # "I have allergies, any ideas?": the tool asks what to avoid
        leans = suggesting.leans(question) or self._about_suggestions(text, values, dialogue)
        if intent == "recommend" and asks.names_a_thing(plain) and not named and not leans:
            intent, question = "product_search", asks.thing(plain)
        own = values.get("order_id") or asks.own_order(text)
        if intent in PERSONAL and not own and asks.dictates(text):
            return Plan("out_of_scope", 1.0, language, question, {}, (), question)
        question = meant if intent == "product_search" and question != asks.thing(plain) else question
        query = self._query(question, intent, dialogue, language)
        calls = calls_for(question, query, intent, values, dialogue)
        return Plan(intent, round(confidence, 4), language, query, values, tuple(calls), slots.core(text))

    def _weigh(
        self,
        question: str,
        intent: str,
        scores: Mapping[str, float],
        values: Mapping[str, Any],
        dialogue: Dialogue,
        language: str,
    ) -> tuple[str, float]:
        """Where nothing literal decides, the shop's own content does.

        Each family of intents gets its confidence by wording plus what supports it: how sure the search is that a
        page answers, how sure it is that the catalogue has it, a country for delivery. The best one wins.
        """
        page = self._page(question, dialogue, language)
        named = float(values.get("sku_score", 0.0))
        hits = [] if named else self._products.search(without_price(question), language=language, k=1)
        catalogue = max(named, hits[0].score if hits else 0.0)
        if asks.whether_sold(question) and hits and catalogue >= SOLD and not values.get("aspect"):
            return "product_search", 0.9
        leans = slots.is_follow_up(question) or slots.is_elliptic(question)
        # "how long will you hold it?" with no product in sight is not about a product
        worded = (
            0.0
            if leans and not named and not dialogue.skus
            else sum(scores.get(name, 0.0) for name in PRODUCT)
        )
        where = values.get("country") or dialogue.country
        own = (
            PERSONAL
            if asks.own_order(question) or values.get("order_id")
            else PERSONAL - {"return_eligibility"}
        )
        support = {
            "policy": scores.get("policy", 0.0)
            + min(1.0, PAGE_WEIGHT * page)
            + (0.3 if _HOW_TO.search(question) else 0.0),
            "product": worded + PRODUCT_WEIGHT * catalogue,
            "personal": sum(scores.get(name, 0.0) for name in own)
            + (0.3 if _OWN.search(question) else 0.0)
            + (0.3 if dialogue.signed_in else 0.0),
            "delivery_estimate": scores.get("delivery_estimate", 0.0)
            * (1.0 if where or dialogue.own_country else 0.7)
            + (0.6 if where else 0.2 if dialogue.own_country else 0.0),
            "out_of_scope": scores.get("out_of_scope", 0.0) + 0.2,
        }
        if leans and dialogue.intent:
            support[_family(dialogue.intent)] = support.get(_family(dialogue.intent), 0.0) + 0.4
        if page >= SURE_PAGE and not named and (intent == "product_details" or scores.get(intent, 0.0) < 0.5):
            support["policy"] += 0.6  # a page that surely answers, against a product that nobody named
        best = max(support, key=lambda name: support[name])
        if page < SURE_PAGE and asks.asks_about_business(question):
            best = "out_of_scope"
        elif best == "delivery_estimate" and asks.delivers_goods(question):
            best = "policy"
        confidence = min(1.0, support[best] / 1.5)
        if best == _family(intent) and (best != "personal" or confidence >= SURE_PERSONAL):
            return intent, confidence
        if best == "product":
            return ("product_details" if named else "product_search"), confidence
        if best == "personal" and confidence >= SURE_PERSONAL:
            chosen = max(sorted(own), key=lambda name: scores.get(name, 0.0))
            return ("order_status" if leans and dialogue.order_id else chosen), confidence
        return ("policy" if best == "personal" else best), confidence

    def _page(self, question: str, dialogue: Dialogue, language: str) -> float:
        """How sure the search is that a page answers the question, or the question at the end of it."""
        texts = [question, slots.focus(question)]
        if _HOW_TO.search(question):
            texts.append(slots.head(question))
        return max(self._top(text, language, dialogue) for text in dict.fromkeys(texts))

    def _choose(
        self, text: str, scores: Mapping[str, float], values: Mapping[str, Any], dialogue: Dialogue
    ) -> tuple[str, bool]:
        """The intent, and whether something literal in the message makes it certain."""
        intent = max(scores, key=lambda name: scores[name])
        leans = slots.is_follow_up(text) and (
            dialogue.order_id is not None or (dialogue.signed_in and dialogue.intent in PERSONAL)
        )
        own_order = bool(values.get("order_id") or asks.own_order(text) or leans)
        sku_score = float(values.get("sku_score", 0.0))

        if values.get("compare"):
            return "product_details", True
        sells = scores.get("recommend", 1.0) > 0  # nobody sells to somebody who complains
        if sells and (values.get("category") or self._about_suggestions(text, values, dialogue)):
            return "recommend", True
        if values.get("order_id") and intent not in PERSONAL and len(lang.content_words(text)) <= 3:
            asked = dialogue.asked or dialogue.intent
            return (asked if asked in PERSONAL else "order_status"), True
        if slots.is_elliptic(text) and dialogue.intent and scores[intent] < 0.85:
            inherited = self._inherit(values, dialogue)
            if inherited:
                return inherited, True
        bare = len(lang.content_words(text)) <= 2 and not values.get("sku")
        if dialogue.intent == "delivery_estimate" and values.get("aspect") == "price" and bare:
            return "delivery_estimate", True
        if sells and asks.asks_suggestions(suggesting.without_limits(text)) and not values.get("sku"):
            return "recommend", True
        if sells and asks.asks_again(text) and not values.get("order_id"):
            return "recommend", True
        if (
            sells
            and suggesting.asks_similar(text)
            and intent in PRODUCT
            and (values.get("sku") or dialogue.skus)
        ):
            return "recommend", True
        limited = bare and bool({"max_price", "min_price"} & set(values))
        if (slots.other_ones(text) or limited) and dialogue.intent == "product_search":
            return "product_search", True
        if _REQUEST_CHANGE.search(text) and intent in PERSONAL:
            return "policy", True
        if intent == "return_eligibility":
            if not own_order or (_HOW_TO.search(text) and not values.get("order_id")):
                return "policy", False
            return intent, True
        if intent == "order_list" and leans and dialogue.order_id and not values.get("order_id"):
            return "order_status", True
        if intent in PERSONAL and (values.get("order_id") or (own_order and scores[intent] > 0.6)):
            return intent, True
        if intent == "product_search" and values.get("sku") and asks.another_kind_of_it(text):
            return "product_details", True
        if intent == "product_search" and values.get("sku") and not _GENERIC_SEARCH.search(text):
            return "product_details", False
        if intent == "product_details" and bare and values.get("aspect") and slots.is_follow_up(text):
            # "is it in stock?" of nothing that was named: ask which product
            return ("policy", False) if dialogue.intent == "policy" else (intent, True)
        if intent == "product_details" and not values.get("sku") and "max_price" in values:
            return "product_search", False
        if intent == "recommend" and values.get("sku") and _ABOUT.search(text):
            return "product_details", True
        if intent not in PRODUCT | PERSONAL | {"policy", "delivery_estimate"} and sku_score >= 0.75:
            return "product_details", False
        if intent not in PRODUCT | {"policy"} and sku_score == 0.5 and scores[intent] < 0.7:
            return "product_details", False
        return intent, intent in PRODUCT and sku_score >= 0.8 and scores[intent] >= 0.85

    def _wished(self, text: str) -> dict[str, Any]:
        """How many suggestions, of which category, without what; words that the catalogue does not speak of limit nothing."""
        careful = True if unwanted.must_avoid(text) else None
        # Of what could do harm nothing is dropped: that the catalogue does not speak of it is no promise.
        without = [said for said in unwanted.unwanted(text) if careful or self._products.knows(said)]
        plain = suggesting.without_limits(text)
        kind = self._products.category(asks.thing(plain)) if asks.speaks_of_suggestions(text) else None
        return given(count=suggesting.count(text), without=without or None, must_avoid=careful, category=kind)

    @staticmethod
    def _about_suggestions(text: str, values: Mapping[str, Any], dialogue: Dialogue) -> bool:
        """Whether the message is about the products that were suggested, or the cart: others, fewer, cheaper, why these."""
        why = suggesting.asks_why(text) and dialogue.intent in PRODUCT and bool(dialogue.skus)
        return why or suggesting.asks_for_basket(text) or suggesting.goes_on(text, values, dialogue)

    @staticmethod
    def _inherit(values: Mapping[str, Any], dialogue: Dialogue) -> str | None:
        """What "and …?" goes on with, if the message brings the detail that the last intent takes."""
        if values.get("country") and dialogue.intent in ("delivery_estimate", "policy"):
            return "delivery_estimate"
        if values.get("order_id") and dialogue.intent in PERSONAL:
            return dialogue.intent
        if dialogue.intent in PRODUCT and ("aspect" in values or {"colour", "size"} & set(values)):
            return "product_details" if values.get("sku") else "product_search"
        if dialogue.intent in PRODUCT and values.get("sku"):
            return "product_details"
        if dialogue.intent == "product_search" and {"max_price", "min_price"} & set(values):
            return "product_search"
        return None

    def _query(self, text: str, intent: str, dialogue: Dialogue, language: str) -> str:
        """What to search for: the message, after the last question where it leans on it."""
        if intent == "product_search":
            text = without_price(text)
        joined = f"{dialogue.query} {text}" if dialogue.query and dialogue.intent == intent else text
        if slots.is_elliptic(text) or (intent == "policy" and slots.is_follow_up(text)):
            return joined
        if intent == "product_search" and (slots.other_ones(text) or not self._products.names_a_kind(text)):
            return joined
        if intent != "policy":
            return text
        # A short question may lean on the last one without saying so, and a long one may end in its question.
        short = len(lang.content_words(text)) <= 2
        best, sure = text, self._top(text, language)
        others = {joined if short and sure < 0.5 else text, slots.focus(text)}
        if _HOW_TO.search(text):
            others.add(slots.head(text))
        for query in sorted(others - {text}):
            score = self._top(query, language)
            if score > sure:
                best, sure = query, score
        return best

    def _top(self, query: str, language: str, dialogue: Dialogue = NO_DIALOGUE) -> float:
        """How sure the search is of its best page."""
        earlier = dialogue.messages[:2]
        found = self._search.search(query, dialogue=earlier, told=dialogue.told, language=language, k=1)
        return found[0].score if found else 0.0
