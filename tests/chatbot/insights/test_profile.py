"""What a profile says of a shopper, each entry with the facts behind it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from chatbot.insights.churn import RETURNING
from chatbot.insights.profile import Evidence, Profile

if TYPE_CHECKING:
    from .conftest import Town


@pytest.fixture
def regular(town: Town) -> Town:
    """Dark coffee every ten days, a red cup once; what everybody else buys is tin cups."""
    for number, days_ago in enumerate((45, 35, 25, 15, 5)):
        town.order(number, "C1", days_ago, "COF-1")
    town.order(9, "C1", 25, "CUP-1-RED")
    for number in range(20):
        town.order(100 + number, f"other{number}", 30, "CUP-2")
    return town


def test_how_they_buy(regular: Town) -> None:
    regular.order(10, "C1", 60, "MUG-1", status="refunded")
    regular.purchase("C1", 50, "MUG-1", "elsewhere")
    told = regular.insights.profile("C1").buying
    assert (told.orders, told.days_since, told.first, told.last) == (8, 5, "2026-09-21", "2026-11-15")
    assert (told.spent, told.average) == ({"EUR": Decimal("60.00")}, {"EUR": Decimal("10.00")})
    assert (told.sent_back, told.unpriced) == (1, 1)
    assert told.evidence[0] == Evidence("order", "O-4", "2026-11-15T12:00:00+00:00")


def test_interests_are_shares_of_what_they_take_beside_what_is_usual(regular: Town) -> None:
    told = regular.insights.profile("c1")
    assert [one.value for one in told.categories] == ["Coffee", "Cups"]
    coffee = told.categories[0]
    assert coffee.share + told.categories[1].share == pytest.approx(1, abs=1e-3)
    assert coffee.usual == pytest.approx(5 / 26, abs=1e-4)
    assert [one.id for one in coffee.evidence] == ["O-4", "O-3", "O-2", "O-1", "O-0"]
    assert coffee.evidence[0] == Evidence("order", "O-4", "2026-11-15T12:00:00+00:00", "COF-1", "Dark beans")
    assert [one.value for one in told.brands] == ["Ridge", "Potter"]


def test_attributes_tell_what_is_more_than_usual_and_shared_by_products(regular: Town) -> None:
    told = {(one.of, one.value): one for one in regular.insights.profile("C1").attributes}
    assert {("organic", "organic"), ("roast", "dark")} == set(told)
    assert ("weight", "250 g") not in told  # a measure is no taste
    assert ("material", "clay") not in told  # once is no taste
    assert told["roast", "dark"].facts == 5


def test_the_option_that_was_chosen_is_a_taste(town: Town) -> None:
    for number in range(3):
        town.order(number, "C1", 30 - number, f"CUP-1-{'RED' if number else 'BLU'}")
    rows = [{"sku": f"CUP-{n}", "name": "Cup", "category": "Cups", "price": "5", "variants": [
        {"sku": f"CUP-{n}-RED", "options": {"colour": "red"}, "price": None, "stock": 1}]} for n in (7, 8)]  # fmt: skip
    town.bring("products", rows)
    town.order(50, "C2", 9, "CUP-2")
    told = [(one.of, one.value) for one in town.insights.profile("C1").attributes]
    assert ("colour", "red") in told
    assert ("colour", "blue") not in told  # once is no taste


def test_what_lately_happened_counts_more(town: Town) -> None:
    town.order(1, "C1", 300, "COF-1")
    town.order(2, "C1", 10, "CUP-2")
    told = town.insights.profile("C1").categories
    assert [one.value for one in told] == ["Cups", "Coffee"]
    assert told[0].share > 0.85


def test_looking_liking_and_refusing_count_as_the_settings_say(town: Town) -> None:
    town.did("C1", 3, "like", "COF-1")
    town.did("C1", 3, "view", "CUP-1")
    town.did("C1", 2, "dislike", "POT-1")
    told = town.insights.profile("C1")
    assert [one.value for one in told.categories] == ["Coffee"]
    assert told.categories[0].evidence[0].kind == "like"
    assert (told.facts, told.buying.days_since) == ({"orders": 0, "events": 3, "messages": 0}, None)


def test_price_level_within_the_categories(town: Town) -> None:
    for number, sku in enumerate(("COF-2", "COF-2", "COF-4", "CUP-2")):
        town.order(number, "C1", 9 - number, sku)
    levels = {one.of: one for one in town.insights.profile("C1").prices}
    assert levels["Coffee"].level == "high"
    assert levels["Coffee"].rank == pytest.approx((2 * 7 / 8 + 5 / 8) / 3, abs=0.01)
    assert "Cups" not in levels  # one product is no level
    assert levels["all"].products == 3
    assert {one.kind for one in levels["all"].evidence} == {"order"}


def test_cycles_of_products_and_of_categories(regular: Town) -> None:
    told = regular.insights.profile("C1").cycles
    (coffee,) = told
    assert (coffee.of, coffee.sku, coffee.name) == ("product", "COF-1", "Dark beans")
    assert (coffee.times, coffee.every_days, coffee.last, coffee.due) == (5, 10.0, "2026-11-15", "2026-11-25")
    assert (coffee.due_in, coffee.over) == (5, False)
    for number, days_ago in enumerate((40, 30, 20, 10)):
        regular.order(60 + number, "C1", days_ago, "COF-3")
    category = [one for one in regular.insights.profile("C1").cycles if one.of == "category"]
    assert [(one.name, one.times, one.every_days) for one in category] == [("Coffee", 9, 5.0)]


def test_versions_are_one_product_and_a_habit_ends(town: Town) -> None:
    for number, days_ago in enumerate((90, 80, 70)):
        town.order(number, "C1", days_ago, "CUP-1-RED" if number else "CUP-1-BLU")
    (cup,) = town.insights.profile("C1").cycles
    assert (cup.sku, cup.times, cup.due_in, cup.over) == ("CUP-1", 3, -60, True)


def test_a_product_that_the_catalogue_lost_keeps_its_cycle_and_nothing_else(town: Town) -> None:
    for number, days_ago in enumerate((30, 20, 10)):
        town.order(number, "C1", days_ago, "OLD-1")
    told = town.insights.profile("C1")
    assert [(one.sku, one.name) for one in told.cycles] == [("OLD-1", "OLD-1")]
    assert (told.categories, told.attributes, told.prices) == ((), (), ())


def test_keywords_from_their_own_questions_without_their_name(town: Town) -> None:
    turn = town.said("C1", 2, "Hello, I am Ada. Do you have a zither? My order is late, ada@shop.example")
    town.said("C1", 1, "And a zither bow?")
    town.said("C2", 1, "a harp")
    told = town.insights.profile("C1").keywords
    assert told[0].word == "zither"
    assert (told[0].messages, told[0].evidence[1].id) == (2, turn)
    words = [one.word for one in told]
    assert {"order", "late", "bow"} <= set(words)
    assert words.index("bow") < words.index("order")
    assert not {"ada", "example", "harp"} & set(words)


# --- risk ---------------------------------------------------------------------------------------------------


def test_a_shop_with_too_few_who_came_back_says_so_and_tells_no_figure(regular: Town) -> None:
    risk = regular.insights.profile("C1").risk
    assert (risk.churn, risk.alive, risk.expected) == (None, None, None)
    assert "1 of 21 customers came back" in risk.why
    regular.did("C9", 1, "view", "COF-1", session="s9")
    assert "no order is known" in regular.insights.profile("C9").risk.why


def test_whoever_ordered_lately_and_often_is_less_at_risk(town: Town) -> None:
    rows = [
        {"customer_id": f"c{n}", "sku": "COF-1", "quantity": 1, "order_id": f"o{n}-{k}", "at": f"2026-{1 + (n + 3 * k) % 10:02}-{1 + n % 27:02}T10:00:00Z"}
        for n in range(2 * RETURNING)
        for k in range(1 + n % 3)
    ]  # fmt: skip
    town.bring("purchases", rows)
    for number, days_ago in enumerate((200, 150, 100, 50, 8)):
        town.order(number, "often", days_ago, "COF-1")
    for number, days_ago in enumerate((300, 295, 290)):
        town.order(40 + number, "once upon a time", days_ago, "COF-1")
    often, gone = (town.insights.profile(name).risk for name in ("often", "once upon a time"))
    assert often.churn is not None
    assert gone.churn is not None
    assert often.expected is not None
    assert often.alive is not None
    assert often.churn + 0.1 < gone.churn
    assert often.period == 60
    assert 1 - often.churn <= min(often.expected, often.alive)
    assert "BG/NBD, fitted on" in often.why


def every_entry(told: Profile) -> list[tuple[Evidence, ...]]:
    parts = (told.categories, told.brands, told.attributes, told.prices, told.cycles, told.keywords)
    return [one.evidence for part in parts for one in part]  # type: ignore[attr-defined]


def test_every_entry_has_its_evidence(regular: Town) -> None:
    regular.did("C1", 1, "cart", "COF-2")
    regular.did("C1", 1, "rating", "COF-1", stars=5)
    regular.said("C1", 1, "Which grinder suits an espresso?")
    told = regular.insights.profile("C1")
    evidence = every_entry(told)
    assert len(evidence) >= 8
    assert all(1 <= len(one) <= 5 for one in evidence)
    assert {one.kind for entry in evidence for one in entry} == {"order", "cart", "rating 5", "message"}
