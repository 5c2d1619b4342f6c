"""Two products side by side say what the catalogue says of them, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import World


def test_what_differs_and_what_is_the_same(world: World) -> None:
    context = world.context()
    said = world.say(context, "compare", first="KIT-1", second="KIT-2")
    assert said.splitlines() == [
        "Oak board and Paring knife 9 cm:",
        "- price: 39.00 EUR / 9.90 EUR",
        "- stock: in stock / only 3 pieces left",
        "- dishwasher safe: no / yes",
        "- material: oak / not stated",
        "- weight: 1.2 kg / not stated",
        "- food safe: yes / not stated",
        "- blade length: not stated / 9 cm",
        "- induction: not stated / no",
    ]
    assert [card.id for card in world.run(context, "compare", first="KIT-1", second="KIT-2").cards] == ["KIT-1", "KIT-2"]  # fmt: skip


def test_a_product_against_itself_and_one_that_is_not_there(world: World) -> None:
    context = world.context(language="zh")
    first, *lines = world.say(context, "compare", first="KIT-1", second="kit-1").splitlines()
    assert first == "橡木砧板和橡木砧板："
    *told, same = lines
    # Price and stock are always told; of the attributes none differs.
    assert [line.partition("：")[0] for line in told] == ["- 价格", "- 库存"]
    assert all(len(set(line.partition("：")[2].split(" / "))) == 1 for line in told)
    assert "两者相同" in same
    for first, second in (("KIT-1", "NOPE"), ("NOPE", "KIT-1")):
        assert world.run(context, "compare", first=first, second=second).error == "not_found"
