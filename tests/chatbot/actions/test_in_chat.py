"""From a wish over a yes to a changed order, through whole turns, with both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from chatbot import shop_tables
from chatbot.actions.journal import Actions
from chatbot.adapters import Adapters
from chatbot.answers import Answers
from chatbot.conversation import Conversation, Done, Reply
from chatbot.route import Router
from chatbot.shop import Shop
from chatbot.store import Store
from chatbot.tools import BUILTIN
from chatbot.tools.base import load_tools
from chatbot.turn import Bot, Embedding, answer
from configs.settings import ActionSettings, load

from ..scripted_bot import RETURNS, Keywords, ListedSearch, NoProducts, ScriptedEngine, words
from .conftest import NOW

Chat = Callable[[str], Reply]
Begin = Callable[..., Chat]
NUMBERS = r"O-[a-z_]+"


@pytest.fixture
def begin(db: sa.Engine, shop: Shop, actions: Actions, tmp_path: Path) -> Begin:
    """A conversation of a customer, by what is said in it."""

    def made(customer: str | None = "C1", *, language: str = "en", acts: Actions | None = actions) -> Chat:
        settings = load(shop={"order_number_pattern": NUMBERS})
        products: Any = NoProducts()
        search: Any = ListedSearch([RETURNS])
        store = Store(db)
        offered = acts.offered if acts else frozenset[str]()
        languages: Any = {"en": Keywords(), "zh": Keywords()}
        bot = Bot(
            settings=settings,
            store=store,
            shop=shop,
            search=search,
            products=products,
            recommending=None,
            engine=ScriptedEngine(),
            router=Router(languages, products, settings.shop, search, offered),
            answers=Answers(db, {"en": words}, {"en": lambda text: words([text])[0]}),
            tools=load_tools(BUILTIN),
            embeddings={"en": Embedding(words, words), "zh": Embedding(words, words)},
            adapters=Adapters(tmp_path / "adapters", settings.engine.model),
            clock=lambda: NOW,
            actions=acts,
        )
        conversation = store.create_conversation("s", customer, language)
        return lambda text: asyncio.run(_said(bot, conversation, text))

    return made


async def _said(bot: Bot, conversation: Conversation, text: str) -> Reply:
    last = [event async for event in answer(bot, conversation, text)][-1]
    assert isinstance(last, Done), last
    return last.turn.reply


def status(shop: Shop, order_id: str) -> str:
    order = shop.order("C1", order_id)
    assert order is not None
    return order.status


def test_a_yes_cancels_what_was_named_and_nothing_else(begin: Begin, shop: Shop) -> None:
    say = begin()
    asked = say("Please cancel my order O-processing")
    assert "Shall I cancel it?" in asked.text
    assert asked.quick_replies == ("Yes, cancel O-processing", "No, leave it")
    assert [card.id for card in asked.cards] == ["O-processing"]
    assert status(shop, "O-processing") == "processing"
    done = say("yes please")
    assert done.text.startswith("Done: order O-processing is cancelled.")
    assert "Reference: A-" in done.text
    assert [card.fields["state"] for card in done.cards] == ["cancelled"]
    assert (status(shop, "O-processing"), status(shop, "O-pending_payment")) == (
        "cancelled",
        "pending_payment",
    )


@pytest.mark.parametrize(
    "reply", ["no", "No, leave it", "wait, what happens to my money?", "yes, but only the mug"]
)
def test_anything_else_cancels_nothing(begin: Begin, shop: Shop, reply: str) -> None:
    say = begin()
    say("cancel order O-processing")
    say(reply)
    say("yes")
    assert status(shop, "O-processing") == "processing"


@pytest.mark.parametrize(
    "first", ["yes", "Yes, cancel O-processing", "I hereby confirm the cancellation of O-processing: yes"]
)
def test_a_yes_to_nothing_does_nothing(begin: Begin, shop: Shop, first: str) -> None:
    begin()(first)
    assert status(shop, "O-processing") == "processing"


def test_of_several_orders_it_asks_which(begin: Begin, shop: Shop) -> None:
    say = begin()
    asked = say("I want to cancel my order")
    assert asked.kind == "clarify"
    assert {"O-processing", "O-pending_payment"} <= set(asked.quick_replies)
    assert "O-packed" not in asked.text
    assert "O-pending_payment" in say("O-pending_payment please").text
    say("ok")
    assert (status(shop, "O-pending_payment"), status(shop, "O-processing")) == ("cancelled", "processing")


@pytest.mark.parametrize(
    ("order_id", "said"),
    [
        ("O-packed", "can no longer be cancelled"), ("O-cancelled", "is cancelled already"), ("O-large", "a person of our team has to do that"),
        ("O-foreign", "I can't find an order O-foreign in your account"), ("O-unknown", "I can't find an order O-unknown in your account"),
    ],
)  # fmt: skip
def test_what_may_not_be_cancelled_is_not_offered(begin: Begin, shop: Shop, order_id: str, said: str) -> None:
    say = begin()
    assert said.lower() in say(f"cancel order {order_id}").text.lower()
    say("yes")
    other = shop.order("C2", "O-foreign")
    assert other is not None
    assert (other.status, status(shop, "O-packed"), status(shop, "O-large")) == (
        "processing",
        "packed",
        "processing",
    )


def test_an_address_is_asked_for_and_told_back(begin: Begin, shop: Shop) -> None:
    say = begin()
    assert say("change the delivery address of order O-processing").kind == "clarify"
    assert (
        "Shall I have it sent to: Lindenweg 4, 04103 Leipzig?"
        in say("to Lindenweg 4, 04103 Leipzig please").text
    )
    assert say("Yes, send it there").text.startswith(
        "Done: order O-processing goes to Lindenweg 4, 04103 Leipzig."
    )
    order = shop.order("C1", "O-processing")
    assert order is not None
    assert shop.address(order) == "Lindenweg 4, 04103 Leipzig"


def test_an_address_in_another_country_is_refused(begin: Begin, shop: Shop) -> None:
    said = begin()("Change the address of O-processing to 4 Rue de la Paix, 75002 Paris, France").text
    assert "within its country alone" in said


def test_a_return_is_registered_without_what_is_final_sale(begin: Begin, shop: Shop) -> None:
    say = begin()
    assert "Shall I register the return?" in say("I want to return order O-delivered").text
    assert "is registered" in say("yes").text
    assert status(shop, "O-delivered") == "return_requested"
    assert "A return is already registered" in say("I want to return order O-delivered").text


def test_asking_whether_it_can_be_returned_offers_to_do_it(begin: Begin, shop: Shop) -> None:
    say = begin()
    say("where is my order O-delivered")
    assert say("I want to return it, is that possible?").kind != "handoff"
    assert status(shop, "O-delivered") == "delivered"


def test_a_number_is_not_an_address_and_a_question_neither(begin: Begin, shop: Shop) -> None:
    say = begin()
    assert say("Is it possible to change the address of order O-processing").kind == "clarify"
    assert "Shall I have it sent" not in say("what does it cost from 5 pieces on?").text


def test_another_wish_is_not_taken_for_taking_back(begin: Begin, shop: Shop) -> None:
    say = begin()
    say("cancel order O-processing")
    say("yes")
    asked = say("I changed my mind, cancel order O-pending_payment instead")
    assert "Order O-pending_payment" in asked.text
    assert "Shall I cancel it?" in asked.text


def test_a_person_who_was_offered_is_called_by_a_yes(begin: Begin) -> None:
    say = begin()
    say("cancel order O-large")
    assert say("yes").kind == "handoff"


def test_an_answer_in_between_makes_a_yes_mean_nothing(begin: Begin, shop: Shop) -> None:
    say = begin()
    say("Cancel order O-processing. How long can I return an order?")
    say("yes")
    assert status(shop, "O-processing") == "processing"


def test_what_was_done_is_taken_back(begin: Begin, shop: Shop) -> None:
    say = begin()
    say("cancel order O-processing")
    say("yes")
    assert "Shall I take this back: the cancellation of order O-processing?" in say("oh no, undo that").text
    assert say("yes").text.startswith("Taken back: the cancellation of order O-processing.")
    assert status(shop, "O-processing") == "processing"
    assert "nothing of this conversation" in say("undo that").text


def test_a_yes_that_was_carried_out_before_the_turn_was_stored_is_told_and_not_repeated(
    begin: Begin, db: sa.Engine, actions: Actions, shop: Shop
) -> None:
    """As after a crash between the two: the message is answered once more."""
    say = begin()
    say("cancel order O-processing")
    (made,) = actions.of_conversation(_conversation(db))
    actions.confirm(made.id, "C1")
    assert say("yes").text.startswith("Done: order O-processing is cancelled.")
    with db.connect() as connection:
        assert (
            connection.execute(sa.select(sa.func.count()).select_from(shop_tables.executions)).scalar() == 1
        )


def _conversation(db: sa.Engine) -> str:
    with db.connect() as connection:
        return str(connection.execute(sa.text("SELECT id FROM conversations")).scalar_one())


def test_who_is_not_signed_in_is_asked_to(begin: Begin, shop: Shop) -> None:
    say = begin(None)
    assert "Please sign in" in say("cancel my order O-processing").text
    say("yes")
    assert status(shop, "O-processing") == "processing"


def test_a_shop_that_offers_none_answers_from_its_pages(begin: Begin, db: sa.Engine, shop: Shop) -> None:
    off = Actions(db, b"a secret of this test", None, ActionSettings())
    for acts in (off, None):
        reply = begin(acts=acts)("cancel my order O-processing")
        assert reply.rung == "quote"
    assert status(shop, "O-processing") == "processing"


def test_in_chinese(begin: Begin, shop: Shop) -> None:
    say = begin(language="zh")
    assert "要取消它吗？" in say("请帮我取消订单O-processing").text
    assert say("好的，取消吧").text.startswith("已办好：订单O-processing已取消。")
    assert status(shop, "O-processing") == "cancelled"
