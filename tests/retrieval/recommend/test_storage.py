"""A recommender comes back from its file as it was, and a file that is damaged is no file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from retrieval.recommend import Interactions, storage
from retrieval.recommend.training import trained

from .conftest import LATER, START, purchases, random_shop


def test_what_was_saved_says_the_same(tmp_path: Path) -> None:
    data = random_shop(60, 40, 2000)
    texts = np.eye(40, dtype=np.float32)
    made = trained(data, LATER, texts=texts, groups=np.arange(40) % 4)
    storage.save(tmp_path, made, "key")
    found = storage.load(tmp_path)
    assert found is not None
    again, key = found
    assert key == "key"
    assert (again.skus, again.latest) == (made.skus, made.latest)
    for known in data.by_customer(LATER)[:5]:
        before, after = made.recommend(known, diversity=0.1), again.recommend(known, diversity=0.1)
        assert [(one.sku, one.why) for one in before] == [(one.sku, one.why) for one in after]
        assert np.allclose([one.score for one in before], [one.score for one in after], atol=1e-3)
    assert [sku for sku, _ in again.similar("i001")] == [sku for sku, _ in made.similar("i001")]
    assert [path.name for path in tmp_path.iterdir()] == [storage.FILE]


def test_of_customers_the_file_says_nothing(tmp_path: Path) -> None:
    data = purchases(*((f"customer-{n}", "tea cup", n) for n in range(9)))
    storage.save(tmp_path, trained(data, LATER), "key")
    assert b"customer-" not in (tmp_path / storage.FILE).read_bytes()


def test_an_empty_shop_is_kept_too(tmp_path: Path) -> None:
    storage.save(tmp_path, trained(purchases(), LATER), "key")
    found = storage.load(tmp_path)
    assert found is not None
    assert found[0].skus == ()


def test_any_change_of_the_data_is_another_key() -> None:
    data = random_shop(20, 10, 100)
    other = Interactions.of(["a"], ["b"], [START])
    keys = [
        storage.digest(data),
        storage.digest(data.before(START + np.timedelta64(100, "D"))),
        storage.digest(replace(data, weight=data.weight * 2)),
        storage.digest(replace(data, items=tuple(f"{name}x" for name in data.items))),
        storage.digest(data, np.eye(10, dtype=np.float32)),
        storage.digest(other),
    ]
    assert len(set(keys)) == len(keys)
    assert storage.digest(random_shop(20, 10, 100)) == keys[0]


@pytest.mark.parametrize("damage", ["cut", "text", "none"])
def test_a_file_that_is_damaged_is_told_and_left(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    storage.save(tmp_path, trained(random_shop(20, 10, 100), LATER), "key")
    file = tmp_path / storage.FILE
    if damage == "cut":
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    elif damage == "text":
        file.write_text("no model", encoding="utf-8")
    else:
        file.unlink()
    assert storage.load(tmp_path) is None
    assert ("damaged" in caplog.text) is (damage != "none")
