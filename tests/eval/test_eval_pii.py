"""The suite of personal data: its cases are sound, and it tells what was found from what was missed or taken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from configs.errors import ConfigError, InputError
from eval.case_files import load_case_files
from eval.golden import CASES
from eval.outcome import Options
from eval.pii import Case, judge, run


def test_the_cases_are_sound() -> None:
    cases = load_case_files(Case, CASES / "pii")
    english = [case for case in cases if case.language == "en"]
    assert len(english) >= 120
    assert len(cases) - len(english) >= 80
    clean = [case for case in cases if not case.spans]
    assert len(clean) >= 60
    assert all("clean" in case.id for case in clean)
    assert all(len(case.labels()) == len(case.spans) for case in cases)
    assert 0.4 < len(load_case_files(Case, CASES / "pii", split="dev")) / len(cases) < 0.6


def test_labels_lie_where_the_text_stands() -> None:
    case = Case(id="one", text="5, then 5 again", spans=(("order", "5"), ("order", "5")))
    assert case.labels() == [("order", 0, 1), ("order", 8, 9)]
    for spans in ((("order", "6"),), (("nose", "5"),)):
        with pytest.raises(InputError, match="case one"):
            Case(id="one", text="5", spans=spans).labels()


def test_four_fifths_are_found_and_the_rest_is_stray() -> None:
    text = "kim@mail.test or LL-100234, 42 pairs"
    told = judge("one", "dev", text, [("email", 0, 13), ("phone", 28, 36)])
    assert told.recalled == [("email", True), ("phone", False)]
    assert told.missed == ["42 pairs"]
    assert [one.text for one in told.strays] == ["LL-100234"]
    assert (told.findings, told.stray, told.clean) == (2, 2, False)


def test_the_figures_of_both_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEFU_DATA", str(tmp_path))
    with pytest.raises(ConfigError, match="presidio"):
        run(Options(), lambda *_: None)
    (tmp_path / "presidio").mkdir()
    spans = [
        {"entity_type": "EMAIL_ADDRESS", "start_position": 0, "end_position": 13},
        {"entity_type": "PERSON", "start_position": 18, "end_position": 21},
        {"entity_type": "LOCATION", "start_position": 25, "end_position": 29},
    ]
    sentence = {"full_text": "kim@mail.test from Kim in Rome", "spans": spans}
    (tmp_path / "presidio" / "generated_small.json").write_text(json.dumps([sentence]), encoding="utf-8")
    metrics = run(Options(), lambda *_: None).metrics
    assert metrics["presidio_recall_structured"] == 1.0
    assert metrics["presidio_recall_person"] == 0.0
    assert metrics["recall_structured"] >= 0.97
    assert (
        metrics["recall_structured_low"] <= metrics["recall_structured"] <= metrics["recall_structured_high"]
    )
    assert metrics["false_positive_rate"] <= 0.01
