"""Gold that is looked up in a shop's own tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from configs.errors import ConfigError, InputError
from eval.golden import CASES
from eval.outcome import Options
from eval.real_cases import RealCase, load_real_cases, resolve
from eval.real_shops import run

TABLE = """sku,name,price,options,buyer,quantity
A-1,Red <b>Hat</b>,12.5,"size=S,color=Red",7.0,2
A-2,Red Hat,12.5,"size=M,color=Red",7.0,3
B-1,Scarf,8,,8.0,1
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "shop.csv").write_text(TABLE, encoding="utf-8")
    return tmp_path


def case(*must_from: Any, **more: Any) -> RealCase:
    turn = {"say": more.pop("say", "how much?"), "must_from": must_from, **more.pop("turn", {})}
    return RealCase.model_validate({"id": "x", "category": "c", "turns": [turn], **more})


def must(data: Path, *lookups: Any) -> tuple[Any, ...]:
    return resolve(case(*lookups), data).turns[0].must


def test_facts_are_looked_up_in_each_format(data: Path) -> None:
    first = {"file": "shop.csv", "where": {"sku": "A-1"}}
    every = {"file": "shop.csv", "where": {"sku": "A-*"}}
    assert must(data, {**first, "column": "name"}) == ("Red Hat",)
    assert must(data, {**first, "column": "price", "format": "money"}) == ("12.50",)
    assert must(data, {**every, "column": "options", "part": "size", "format": "each"}) == ("S", "M")
    assert must(data, {**every, "column": "options", "part": "size", "format": "any"}) == (["S", "M"],)
    assert must(data, {**every, "product_of": ["price", "quantity"]}) == ("62.50",)
    assert must(data, [{**first, "column": "sku"}, {**first, "column": "name"}]) == (["A-1", "Red Hat"],)


def test_names_and_the_customer_come_from_the_data_too(data: Path) -> None:
    name = {"file": "shop.csv", "where": {"sku": "B-1"}, "column": "name"}
    made = resolve(
        case(
            {**name, "column": "price"},
            say="is the {thing} nice?",
            names={"thing": name},
            customer_from={**name, "column": "buyer"},
        ),
        data,
    )
    assert made.turns[0].say == "is the Scarf nice?"
    assert made.customer == "8.0"


@pytest.mark.parametrize(
    "lookup",
    [
        {"file": "shop.csv", "where": {"sku": "C-1"}, "column": "name"},
        {"file": "shop.csv", "where": {"colour": "red"}, "column": "name"},
        {"file": "shop.csv", "where": {"sku": "B-1"}, "column": "options"},
        {"file": "shop.csv", "where": {"sku": "B-1"}},
    ],
)
def test_a_fact_that_is_not_there_is_an_error(data: Path, lookup: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        must(data, lookup)


def test_figures_that_do_not_stand_in_the_data_are_an_error(data: Path) -> None:
    cell = {"file": "shop.csv", "where": {"sku": "A-1"}, "column": "price"}
    assert resolve(case(turn={"must": ["12.5"], "stands_in": cell}), data).turns[0].must == ("12.5",)
    with pytest.raises(InputError, match="does not stand"):
        resolve(case(turn={"must": ["13"], "stands_in": cell}), data)


def test_the_packaged_cases_are_well_formed_and_enough() -> None:
    shops = {name: load_real_cases(CASES / "real" / f"{name}.yaml") for name in ("magento", "online_retail")}
    assert len(shops["magento"]) == 30
    assert len(shops["online_retail"]) == 15
    assert {found.category for found in shops["magento"]} == {"product", "delivery", "returns", "privacy"}
    assert all(found.customer_from for found in shops["online_retail"])
    for found in (*shops["magento"], *shops["online_retail"]):
        asks = [turn for turn in found.turns if turn.must or turn.must_from or turn.kind]
        assert asks, found.id


def test_without_the_data_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("KEFU_DATA", raising=False)
    with pytest.raises(ConfigError, match="KEFU_DATA is not set"):
        run(Options(), lambda *_: None)
    monkeypatch.setenv("KEFU_DATA", str(tmp_path))
    (tmp_path / "magento").mkdir()
    with pytest.raises(ConfigError, match="online_retail"):
        run(Options(), lambda *_: None)
