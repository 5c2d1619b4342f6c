"""Profiles as they are kept: true whatever comes late, changes or goes, and gone with the person. On both backends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatbot import shop_tables, store_tables
from chatbot.db import writing
from chatbot.insights import history
from chatbot.insights.folded import Folded
from chatbot.insights.kept import KEPT, Insights
from configs.errors import NotFoundError
from configs.settings import EventWeights, RecommendSettings, Settings

if TYPE_CHECKING:
    from .conftest import Town


def stored(db: sa.Engine) -> list[Any]:
    with db.connect() as connection:
        return list(connection.execute(sa.select(store_tables.profiles)))


def from_nothing(town: Town, customer: str = "C1") -> dict[str, Any]:
    """What is kept if nothing was before."""
    with writing(town.db) as connection:
        connection.execute(store_tables.profiles.delete())
    return town.insights.kept(customer)


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many facts were folded in, each time that something was."""
    counts: list[int] = []
    add = Folded.add

    def counted(self: Folded, fact: history.Fact, weights: Any) -> None:
        counts[-1] += 1
        add(self, fact, weights)

    def filled(*given: Any) -> Any:
        counts.append(0)
        return real(*given)

    real = history.filled
    monkeypatch.setattr(Folded, "add", counted)
    monkeypatch.setattr(history, "filled", filled)
    return counts


def test_only_what_came_after_is_read(town: Town, reading: list[int], anew: Callable[[], Insights]) -> None:
    town.order(1, "C1", 9, "COF-1")
    town.order(2, "C1", 8, "COF-1")
    town.insights.profile("C1")
    town.insights.profile("C1")
    town.order(3, "C1", 2, "CUP-1")
    town.said("C1", 1, "a zither")
    anew().profile("c1")
    assert reading == [2, 2]
    assert (stored(town.db)[0].read, len(stored(town.db))) == (4, 1)
    assert town.insights.kept("C1") == from_nothing(town)


def test_a_late_order_with_an_earlier_date_is_put_in_its_place(town: Town, reading: list[int]) -> None:
    for number, days_ago in enumerate((30, 10)):
        town.order(number, "C1", days_ago, "COF-1")
    assert town.insights.profile("C1").cycles == ()
    town.order(7, "C1", 20, "COF-1")
    (coffee,) = town.insights.profile("C1").cycles
    assert (coffee.times, coffee.every_days) == (3, 10.0)
    assert reading == [2, 3]
    assert town.insights.kept("C1") == from_nothing(town)


def test_an_order_that_is_cancelled_or_sent_back_later_counts_as_that(town: Town) -> None:
    town.order(1, "C1", 9, "COF-1")
    town.order(2, "C1", 8, "CUP-2")
    assert town.insights.profile("C1").buying.orders == 2
    town.order(1, "C1", 9, "COF-1", status="refunded")
    told = town.insights.profile("C1")
    assert (told.buying.orders, told.buying.sent_back) == (2, 1)
    town.order(2, "C1", 8, "CUP-2", status="cancelled")
    told = town.insights.profile("C1")
    assert (told.buying.orders, told.categories) == (1, ())


def test_what_was_deleted_elsewhere_is_no_longer_in_the_profile(town: Town) -> None:
    town.order(1, "C1", 9, "COF-1")
    turn = town.said("C1", 2, "a zither")
    assert [one.word for one in town.insights.profile("C1").keywords] == ["zither"]
    with writing(town.db) as connection:
        connection.execute(store_tables.turns.delete().where(store_tables.turns.c.id == turn))
    assert town.insights.profile("C1").keywords == ()
    assert "zither" not in str(stored(town.db)[0].folded)


def test_other_weights_make_it_anew(town: Town, anew: Callable[[], Insights]) -> None:
    town.did("C1", 3, "view", "COF-1")
    town.did("C1", 3, "cart", "CUP-1")
    assert town.insights.profile("C1").categories[0].value == "Cups"
    weights = EventWeights(view=5.0)
    others = Insights(
        town.db, Settings(recommend=RecommendSettings(weights=weights)), lambda: datetime.now(UTC)
    )
    assert others.profile("C1").categories[0].value == "Coffee"
    assert anew().profile("C1").categories[0].value == "Cups"


steps = st.lists(
    st.tuples(
        st.integers(0, 6),
        st.integers(1, 60),
        st.sampled_from(["delivered", "cancelled", "refunded", "shipped"]),
        st.sampled_from(["COF-1", "CUP-1", "OLD-1"]),
        st.booleans(),
    ),
    max_size=8,
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps)
def test_whatever_the_order_of_arrival_it_is_what_reading_all_at_once_gives(
    town: Town, arrivals: list[tuple[int, int, str, str, bool]]
) -> None:
    with writing(town.db) as connection:
        for table in (shop_tables.orders, store_tables.profiles):
            connection.execute(table.delete())
    for number, days_ago, status, sku, asked in arrivals:
        town.order(number, "C1", days_ago, sku, status=status)
        if asked:
            town.insights.kept("C1")
    assert town.insights.kept("C1") == from_nothing(town)


def test_two_at_once_store_one_whole_profile(town: Town, anew: Callable[[], Insights]) -> None:
    for number in range(12):
        town.order(number, "C1", 40 - number, "COF-1")
    told: list[Any] = []
    threads = [threading.Thread(target=lambda: told.append(anew().kept("C1"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == [from_nothing(town)] * 4
    assert len(stored(town.db)) == 1


# --- gone with the person -----------------------------------------------------------------------------------


def test_erasing_deletes_profile_and_events_in_every_session_and_says_what_stays(town: Town) -> None:
    town.order(1, "C1", 9, "COF-1")
    town.said("C1", 2, "a zither")
    for session in ("phone", "laptop"):
        town.did("C1", 3, "view", "COF-2", session=session)
    town.did("C2", 3, "view", "COF-2", session="other")
    town.insights.profile("C1")
    town.insights.profile("C2")
    gone = town.insights.erase("c1")
    assert (gone.profile, gone.events, gone.orders, gone.messages) == (True, 2, 1, 1)
    assert [row.customer_key for row in stored(town.db)] == ["c2"]
    again = town.insights.erase("C1")
    assert (again.profile, again.events) == (False, 0)
    told = town.insights.profile("C1")
    assert told.facts == {"orders": 1, "events": 0, "messages": 1}


def test_whoever_was_events_alone_is_unknown_afterwards(town: Town) -> None:
    town.did("stranger", 3, "view", "COF-2", session="x")
    assert town.insights.profile("stranger").name == ""
    town.insights.erase("stranger")
    for ask in (town.insights.profile, town.insights.erase):
        with pytest.raises(NotFoundError, match="nothing is known of a customer 'stranger'"):
            ask("stranger")
    assert stored(town.db) == []


def test_a_profile_does_not_outlive_its_facts(town: Town) -> None:
    town.did("stranger", 3, "view", "COF-2", session="x")
    town.insights.profile("stranger")
    with writing(town.db) as connection:
        connection.execute(store_tables.events.delete())
    with pytest.raises(NotFoundError):
        town.insights.profile("stranger")
    assert stored(town.db) == []


def test_what_nobody_asks_for_goes_after_a_month(town: Town) -> None:
    town.order(1, "C1", 9, "COF-1")
    town.order(2, "C2", 9, "COF-1")
    town.insights.profile("C1")
    old = datetime.now(UTC) - KEPT - timedelta(days=1)
    with writing(town.db) as connection:
        connection.execute(store_tables.profiles.update().values(updated_at=old))
    town.insights.profile("C2")
    assert [row.customer_key for row in stored(town.db)] == ["c2"]


@pytest.mark.parametrize(
    "odd", ["", "   ", "nobody", "a\0b", "a\nb", "\ud800", "x" * 201, "' OR 1=1 --", "../../etc", "%", "_"]
)
def test_ids_that_nobody_has_are_not_found(town: Town, odd: str) -> None:
    town.order(1, "C1", 9, "COF-1")
    for ask in (town.insights.profile, town.insights.kept, town.insights.erase):
        with pytest.raises(NotFoundError, match="nothing is known"):
            ask(odd)
    assert stored(town.db) == []


def test_a_customer_of_whom_nothing_else_is_known_has_an_empty_profile(town: Town) -> None:
    told = town.insights.profile("C1")
    assert (told.name, told.facts) == ("Ada Example", {"orders": 0, "events": 0, "messages": 0})
    assert stored(town.db) == []


def test_retention_of_the_shop(town: Town) -> None:
    for customer, days in (("a", (100, 90)), ("b", (100,)), ("c", (1,))):
        for days_ago in days:
            town.order(days_ago * 10 + ord(customer), customer, days_ago, "COF-1")
    found = town.insights.retention(30)
    assert [(cohort.month, cohort.customers) for cohort in found.cohorts] == [("2026-08", 2), ("2026-11", 1)]
    assert [None if share is None else share.share for share in found.overall] == [0.5, 0.0]
    assert town.insights.retention().period == 60
