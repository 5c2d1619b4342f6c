"""Suggestions through the whole server: what a shopper did a moment ago, what they refuse, what they want to know of a list."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, cast

import pytest

from chatbot.app import build, open_database
from chatbot.importers import import_rows
from chatbot.shop import Shop
from configs.settings import EngineSettings, Settings
from retrieval.embed import load_embedder
from retrieval.index import Index
from retrieval.ingest import ingest_products

pytestmark = pytest.mark.slow

NAMES = {
    "TEA-1": ("Green tea", "Tea", "6.00"), "TEA-2": ("Black tea", "Tea", "5.00"), "CUP-1": ("Blue cup", "Cups", "9.00"),
    "POT-1": ("Tea pot", "Cups", "29.00"), "SOAP-1": ("Pine soap", "Care", "4.50"), "OIL-1": ("Olive oil", "Pantry", "12.00"),
    "KNIFE-1": ("Bread knife", "Knives", "30.00"), "SPREAD-1": ("Hazelnut spread", "Pantry", "7.00"),
}  # fmt: skip
SETS = (
    ("TEA-1", "CUP-1", "POT-1"),
    ("TEA-2", "CUP-1"),
    ("SOAP-1", "OIL-1", "SPREAD-1"),
    ("SOAP-1", "KNIFE-1"),
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, api_helpers: Any) -> Iterator[Any]:
    settings = Settings(
        home=tmp_path_factory.mktemp("home"), secret="a secret of the tests, long enough", engine=EngineSettings(kind="off"),
    )  # fmt: skip
    db = open_database(settings)
    products = [
        {"sku": sku, "name": name, "category": category, "price": price, "stock": 5, "age_limit": 18 if category == "Knives" else None}
        for sku, (name, category, price) in NAMES.items()
    ]  # fmt: skip
    bought = [
        {"customer_id": f"p{number}", "sku": sku, "quantity": 1, "at": f"2026-11-{1 + number % 20:02}T10:00:00Z", "order_id": f"o{number}"}
        for number in range(80)
        for sku in SETS[number % len(SETS)]
    ]  # fmt: skip
    for kind, rows in (("products", products), ("purchases", bought), ("customers", [{"id": "p0", "name": "Ada"}])):  # fmt: skip
        import_rows(db, cast(Any, kind), rows, source="test", currency="EUR", strict=True)
    index = Index.open(settings, load_embedder(settings.retrieval.embedder))
    ingest_products(index, Shop(db).all_products())
    index.close()
    app = build(settings, db=db)
    server = api_helpers.run(app)
    yield server
    server.stop()
    server.http.close()
    asyncio.run(app.aclose())


def ask(server: Any, session: dict[str, str], conversation: str, text: str) -> tuple[str, list[str]]:
    reply = server.post(session, conversation, text)[-1]["turn"]["reply"]
    return reply["text"], [card["id"] for card in reply["cards"]]


def tell(server: Any, session: dict[str, str], kind: str, sku: str) -> None:
    event = {"id": f"{kind}-{sku}", "kind": kind, "sku": sku}
    assert server.http.post("/api/events", headers=session, json={"events": [event]}).json()["stored"] == 1


def test_the_next_list_knows_what_was_looked_at(shop: Any) -> None:
    session = shop.session()
    conversation = shop.conversation(session)
    before, _ = ask(shop, session, conversation, "what would you recommend?")
    assert before.startswith("Popular this month: ")
    tell(shop, session, "view", "TEA-1")
    told, shown = ask(shop, session, conversation, "what would you recommend?")
    assert "Since you looked at Green tea, you may like " in told
    assert shown[0] in ("CUP-1", "POT-1")
    # Somebody else's list is as it was.
    other = shop.session()
    assert ask(shop, other, shop.conversation(other), "what would you recommend?")[0] == before


def test_what_is_refused_stays_refused_in_the_next_conversation(shop: Any) -> None:
    session = shop.session("p0")
    conversation = shop.conversation(session)
    _, first = ask(shop, session, conversation, "what would you recommend?")
    _, second = ask(shop, session, conversation, "not the first one")
    assert first[0] not in second
    assert set(first[1:]) <= set(second)
    kinds = [(done.sku, done.kind) for done in shop.app.behaviour.of("another", "p0")]
    assert kinds == [(first[0], "dislike")]
    _, later = ask(shop, session, shop.conversation(session), "what would you recommend?")
    assert first[0] not in later


def test_limits_hold_over_the_conversation_and_reasons_are_told(shop: Any) -> None:
    session = shop.session()
    conversation = shop.conversation(session)
    said, shown = ask(shop, session, conversation, "recommend something under 10 euros, but no soap")
    assert said.startswith("Within your limits (up to 10.00 EUR, without soap): ")
    assert shown
    assert not {"SOAP-1", "POT-1", "OIL-1", "KNIFE-1"} & set(shown)
    _, others = ask(shop, session, conversation, "something else")
    assert not {"SOAP-1", "POT-1", "OIL-1", "KNIFE-1", *shown} & set(others)
    _, again = ask(shop, session, conversation, "recommend something for me")
    why, about = ask(shop, session, conversation, "why the first one?")
    assert about == again[:1]
    assert "What speaks for " in why
    assert "%" in why


def test_what_lies_in_the_cart_is_completed(shop: Any) -> None:
    session = shop.session()
    conversation = shop.conversation(session)
    assert (
        "can't see what is in your cart" in ask(shop, session, conversation, "what goes with my basket?")[0]
    )
    tell(shop, session, "cart", "TEA-2")
    said, shown = ask(shop, session, conversation, "what goes with my basket?")
    assert said.startswith("Often bought together with Black tea: Blue cup")
    assert "TEA-2" not in shown
    tell(shop, session, "uncart", "TEA-2")
    assert (
        "can't see what is in your cart" in ask(shop, session, conversation, "what goes with my basket?")[0]
    )


def test_nothing_is_sold_to_whoever_complains(shop: Any) -> None:
    session = shop.session()
    conversation = shop.conversation(session)
    for text in (
        "My tea pot arrived broken, what do you recommend?",
        "what would you suggest?",
        "我的杯子坏了，你有什么建议？",
    ):
        said, shown = ask(shop, session, conversation, text)
        assert not shown, said
        assert "Popular" not in said


CARE = "If it could do harm, please read the ingredients or ask a person first."


def test_what_could_harm_stays_out_for_the_whole_conversation(shop: Any) -> None:
    session = shop.session()
    conversation = shop.conversation(session)
    for text in (
        "I have a nut allergy. What do you recommend?",
        "recommend something under 20 euros",
        "do you have spreads?",
        "anything similar to the olive oil?",
        "what would you recommend?",
    ):
        told, shown = ask(shop, session, conversation, text)
        assert "SPREAD-1" not in shown, text
        assert "Hazelnut" not in told, text
        assert CARE in told, text
    # Of a product that they name they are told what there is.
    assert "7.00" in ask(shop, session, conversation, "how much is the hazelnut spread?")[0]


@pytest.mark.parametrize(
    "text", ["I have allergies, what would you recommend?", "I have allergies, any ideas?"]
)
def test_whoever_does_not_say_what_they_are_allergic_to_is_asked(shop: Any, text: str) -> None:
    session = shop.session()
    conversation = shop.conversation(session)
    told, shown = ask(shop, session, conversation, text)
    assert told.startswith("What do you have to avoid?")
    assert not shown
    told, shown = ask(shop, session, conversation, "nuts")
    assert shown
    assert "SPREAD-1" not in shown
    assert CARE in told


def test_a_search_that_goes_on_keeps_out_what_was_not_wanted(shop: Any) -> None:
    session = shop.session()
    conversation = shop.conversation(session)
    _, shown = ask(shop, session, conversation, "do you have something for the pantry without hazelnut?")
    assert "SPREAD-1" not in shown
    _, shown = ask(shop, session, conversation, "under 20 euros?")
    assert "SPREAD-1" not in shown
