"""What is said when a person takes over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chatbot.tools.handoff import REASONS

if TYPE_CHECKING:
    from conftest import World


def test_ends_the_turn_and_says_when_people_are_there(world: World) -> None:
    assert world.tools["handoff"].terminal
    assert world.say(world.context(), "handoff", reason="requested") == (
        "Of course. I'm passing you on to a person of our team. Our team is there Monday to Friday 9:00-18:00, Saturday "
        "10:00-14:00 (Berlin time). You can also write to help@lumenloom.example or call +49 30 5550 0199."
    )
    assert "人工客服时间：周一至周五 9:00-18:00" in world.say(
        world.context(language="zh"), "handoff", reason="requested"
    )


@pytest.mark.parametrize("language", ["en", "zh"])
def test_each_reason_has_words_of_its_own(world: World, language: str) -> None:
    said = {world.say(world.context(language=language), "handoff", reason=reason) for reason in REASONS}
    assert len(said) == len(REASONS)


def test_a_reason_in_free_words_is_kept_but_not_spoken(world: World) -> None:
    result = world.run(world.context(), "handoff", reason="the model says {so}")
    assert result.data["reason_code"] == "the model says {so}"
    assert result.text.startswith("A person can help you better with this.")


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"email": ""}, "You can also call +49 30 5550 0199."),
        ({"phone": ""}, "You can also write to help@lumenloom.example."),
        ({"email": "", "phone": ""}, "(Berlin time)."),
        ({"email": "", "phone": "", "hours": ""}, "person of our team."),
    ],
)
def test_only_ways_that_the_shop_has(world: World, facts: dict[str, str], said: str) -> None:
    assert world.say(world.context(facts=facts), "handoff", reason="other").endswith(said)
