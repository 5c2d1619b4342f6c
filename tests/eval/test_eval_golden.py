"""Cases are read strictly: what is misspelt, empty or cannot fail is refused with the file and the case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from configs.errors import InputError
from eval.golden import load_cases

GOOD: dict[str, Any] = {
    "id": "a-1",
    "category": "policy",
    "split": "dev",
    "turns": [{"say": "hello?", "must": ["30 days", ["free", "no charge"]]}],
}


def write(folder: Path, *cases: Any, name: str = "cases.yaml") -> Path:
    (folder / name).write_text(yaml.safe_dump(list(cases), allow_unicode=True), encoding="utf-8")
    return folder


def test_a_good_case_is_read_with_its_defaults(tmp_path: Path) -> None:
    (case,) = load_cases(write(tmp_path, GOOD))
    assert (case.language, case.customer, case.answerable) == ("en", None, True)
    assert case.turns[0].must == ("30 days", ["free", "no charge"])
    assert case.turns[0].calls is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"catgory": "x"}, "catgory"),
        ({"split": "train"}, "split"),
        ({"id": "A 1"}, "id"),
        ({"turns": []}, "turns"),
        ({"turns": [{"say": ""}]}, "say"),
        ({"turns": [{"say": "x", "musst": ["y"]}]}, "musst"),
        ({"turns": [{"say": "x", "must": [[]]}]}, "alternatives"),
        ({"turns": [{"say": "x", "must": ["  "]}]}, "empty"),
        ({"turns": [{"say": "x", "must": ["date:2026-13-01"]}]}, "month"),
        ({"turns": [{"say": "x"}]}, "neither"),
        ({"turns": [{"say": "x", "kind": "answers"}]}, "kind"),
        ({"turns": [{"say": "x", "must": ["y"], "calls": [{"name": "order_stats"}]}]}, "calls"),
        ({"answerable": False}, "unanswerable"),
        ({"answerable": False, "turns": [{"say": "x", "kind": ["answer", "refuse"]}]}, "unanswerable"),
        ({"state": {"conversation": "gone"}}, "state"),
        ({"tags": ["loud"]}, "tags"),
    ],
)
def test_a_bad_case_is_refused_with_its_name(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError) as caught:
        load_cases(write(tmp_path, {**GOOD, **change}))
    assert told in str(caught.value)
    assert "cases.yaml" in str(caught.value)


def test_ids_are_unique_across_files(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    write(tmp_path, GOOD, name="more.yaml")
    with pytest.raises(InputError, match="a-1"):
        load_cases(tmp_path)


def test_split_and_only_choose(tmp_path: Path) -> None:
    folder = write(tmp_path, GOOD, {**GOOD, "id": "a-2", "split": "test"})
    assert [case.id for case in load_cases(folder, split="test")] == ["a-2"]
    assert [case.id for case in load_cases(folder, only="a-1")] == ["a-1"]
    for wrong in ({"split": "train"}, {"only": "a-3"}):
        with pytest.raises(InputError):
            load_cases(folder, **wrong)


def test_a_folder_without_cases_and_a_file_that_is_no_list_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no cases"):
        load_cases(tmp_path)
    (tmp_path / "x.yaml").write_text("id: x", encoding="utf-8")
    with pytest.raises(InputError, match="a dict"):
        load_cases(tmp_path)
