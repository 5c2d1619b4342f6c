"""Graded queries: how grades follow from data, and that the packaged ones can be read."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.shop import Product, Variant
from configs.errors import InputError
from eval.product_cases import SECTIONS, grades, load_queries
from eval.products import QUERIES, ndcg

HATS = [
    Product(
        "H1", "Straw hat", category="Hats", description="Keeps the sun off.", price=Decimal(20),
        attributes={"gender": "Men, Women"}, variants=(Variant("H1-R", {"colour": "Red"}, Decimal(18), None),),
    ),
    Product("H2", "Wool hat", category="Hats", price=Decimal(30), attributes={"gender": "Women"}),
    Product("H3", "Felt hat", category="Hats", price=Decimal(40), attributes={"gender": "Women"}),
    Product("S1", "Red scarf", category="Scarves", price=Decimal(5)),
]  # fmt: skip


def graded(tmp_path: Path, of: str, wanted: str = "") -> dict[str, int]:
    line = f"[a hat, {of}, {wanted}]" if wanted else f"[a hat, {of}]"
    file = tmp_path / "shop.yaml"
    file.write_text(
        "kinds:\n  hat: {category: Hats}\n  men: {gender: Men}\n"
        f"plain:\n  - {line}\n" + "".join(f"{name}: []\n" for name in (*SECTIONS[1:], "unanswerable"))
    )
    return grades(load_queries(file)[0][0], HATS)


@pytest.mark.parametrize(
    ("of", "wanted", "expected"),
    [
        ("hat", "", {"H1": 3, "H2": 3, "H3": 3}),
        ("men hat", "", {"H1": 3}),
        ("hat", "{colour: Red}", {"H1": 3, "H2": 1, "H3": 1}),
        ("hat", "{words: sun}", {"H1": 3, "H2": 1, "H3": 1}),
        ("hat", "{name|colour: wool|red}", {"H1": 3, "H2": 3, "H3": 1}),
        ("hat", "{name: wool, price: <=35}", {"H1": 2, "H2": 3, "H3": 1}),
        ("hat", "{gender: [Women, Men]}", {"H1": 3, "H2": 2, "H3": 2}),
        ("hat", "{price: 30-40}", {"H1": 1, "H2": 3, "H3": 3}),
        ("hat", "{price: '>=40'}", {"H1": 1, "H2": 1, "H3": 3}),
        ("hat", "{cheapest: 2}", {"H1": 3, "H2": 3, "H3": 1}),
        ("hat", "{dearest: 1}", {"H1": 1, "H2": 1, "H3": 3}),
    ],
)
def test_grades(tmp_path: Path, of: str, wanted: str, expected: dict[str, int]) -> None:
    assert graded(tmp_path, of, wanted) == expected


@pytest.mark.parametrize(("of", "wanted"), [("cap", ""), ("hat", "{price: cheap}")])
def test_what_cannot_be_read(tmp_path: Path, of: str, wanted: str) -> None:
    with pytest.raises(InputError):
        graded(tmp_path, of, wanted)


def test_packaged_queries() -> None:
    queries, unanswerable = load_queries(QUERIES)
    halves = Counter(query.split for query in queries)
    assert min(halves.values()) >= 150
    hard = sum(query.section in ("constraint", "typo") for query in queries)
    assert hard >= 0.45 * len(queries)
    assert not {query.text for query in queries} & set(unanswerable)


def test_ndcg_by_hand() -> None:
    right: Any = {"a": 3, "b": 1}
    assert ndcg([3, 1], right) == 1
    assert ndcg([0, 0], right) == 0
    assert ndcg([1, 3], right) == pytest.approx((1 + 7 / 1.584962500721156) / (7 + 1 / 1.584962500721156))


@given(st.lists(st.integers(0, 3), min_size=1, max_size=12), st.randoms())
def test_no_order_is_better_than_the_best(found: list[int], random: Any) -> None:
    right = {str(place): grade for place, grade in enumerate(found) if grade}
    shuffled = random.sample(found, len(found))
    assert 0 <= ndcg(shuffled, right) <= 1 + 1e-9
