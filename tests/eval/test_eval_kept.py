"""Kept runs: written whole, read as they were, found by name; where they came from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.adapters import Adapters
from chatbot.engine.weights import adapters_folder
from configs.errors import InputError, NotFoundError
from configs.settings import load
from eval.kept import Origin, Run, find, from_json, keep, machine, newest, origin, read, to_json
from eval.outcome import Bars, Confusion, Curve, Outcome

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
NAMES = st.text(max_size=8)
PLOTS = st.one_of(
    st.builds(Curve, NAMES, NAMES, NAMES, st.dictionaries(NAMES, st.lists(st.tuples(NUMBERS, NUMBERS)))),
    st.builds(Bars, NAMES, NAMES, st.dictionaries(NAMES, st.dictionaries(NAMES, NUMBERS))),
    st.just(Confusion("c", ["a", "b"], [[1, 2], [0, 3]])),
)


def made(started: str = "20260101T000000Z", commit: str = "abc", **outcome: object) -> Run:
    found = Outcome(**{"metrics": {"x": 1.0}, "about": "", **outcome})  # type: ignore[arg-type]  # fields by name
    return Run(
        "demo", found, Origin(commit, "s", "d", {}), "kefu eval run demo", started, 1.5, {"cores": 2.0}
    )


@given(
    st.dictionaries(NAMES, NUMBERS),
    st.dictionaries(NAMES, st.dictionaries(NAMES, NUMBERS)),
    st.lists(PLOTS, max_size=3),
    st.lists(NAMES),
)
def test_a_run_comes_back_as_it_was(
    metrics: dict[str, float],
    scores: dict[str, dict[str, float]],
    plots: list[Curve | Bars | Confusion],
    notes: list[str],
) -> None:
    text = to_json(made(metrics=metrics, scores=scores, plots=plots, notes=notes))
    again = from_json(text)
    assert to_json(again) == text
    assert again.outcome.metrics == metrics
    assert [type(plot) for plot in again.outcome.plots] == [type(plot) for plot in plots]


def test_runs_are_found_by_name(tmp_path: Path) -> None:
    for started, commit in (
        ("20260103T000000Z", "ccc"),
        ("20260101T000000Z", "aaa"),
        ("20260102T000000Z", "bbb"),
    ):
        file = keep(tmp_path, made(started, commit))
    assert find(tmp_path, "demo").origin.commit == "ccc"
    assert find(tmp_path, "demo:latest").origin.commit == "ccc"
    assert find(tmp_path, "demo:previous").origin.commit == "bbb"
    assert find(tmp_path, "demo:aa").origin.commit == "aaa"
    assert find(tmp_path, str(file)) == read(file)
    assert newest(tmp_path, "demo") == find(tmp_path, "demo")
    assert newest(tmp_path, "router") is None
    assert not list(tmp_path.rglob("*.part"))


def test_runs_that_are_not_there(tmp_path: Path) -> None:
    keep(tmp_path, made())
    for wanted in ("demo:previous", "demo:zzz", "router", "router:latest", ""):
        with pytest.raises(NotFoundError, match="there is no run"):
            find(tmp_path, wanted)
    with pytest.raises(NotFoundError, match="there is no file"):
        find(tmp_path, str(tmp_path / "none.json"))


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"format": 0}', '{"format": 1, "outcome": {"plots": []}}']
)
def test_a_file_that_is_no_run(tmp_path: Path, content: str) -> None:
    (tmp_path / "x.json").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match="is no run that can be read"):
        read(tmp_path / "x.json")


def test_what_is_no_number_is_not_kept(tmp_path: Path) -> None:
    for outcome in ({"metrics": {"x": float("nan")}}, {"scores": {"x": {"case-1": float("inf")}}}):
        with pytest.raises(InputError, match="finite"):
            keep(tmp_path, made(**outcome))
    assert not list(tmp_path.rglob("*.json"))


def test_the_origin_follows_settings_and_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEFU_DATA", str(tmp_path))
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "rows.csv").write_text("1\n", encoding="utf-8")
    settings = load(home=tmp_path / "home")
    first = origin(settings, ["set"], "abc")
    assert origin(load(home=tmp_path / "other"), ["set"], "abc") == first
    assert origin(load(home=tmp_path, shop={"name": "Other"}), ["set"], "abc").settings != first.settings
    adapters = Adapters(adapters_folder(settings), settings.engine.model)
    (tmp_path / "made").mkdir()
    adapters.add("tone-1", tmp_path / "made", {"base": settings.engine.model}, "")
    adapters.promote("tone-1", unproven=True)
    assert origin(settings, ["set"], "abc") == replace(first, adapter="tone-1")
    (tmp_path / "set" / "rows.csv").write_text("2\n", encoding="utf-8")
    assert origin(settings, ["set"], "abc").data != first.data
    monkeypatch.delenv("KEFU_DATA")
    assert origin(settings, ["set"], "abc").data == ""


def test_only_a_commit_without_changes_is_repeatable() -> None:
    clean = Origin("0123456789ab", "s", "d", {})
    assert clean.repeatable
    assert not replace(clean, commit="0123456789ab+").repeatable
    assert not replace(clean, commit="unknown").repeatable


def test_no_secret_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEFU_SECRET", "s3cret-s3cret-s3cret-s3cret-s3cret")
    settings = load(home=tmp_path)
    kept = keep(tmp_path, replace(made(), origin=origin(settings, [], "abc"), machine=machine()))
    assert "s3cret" not in kept.read_text(encoding="utf-8")
    assert json.loads(kept.read_text(encoding="utf-8"))["machine"]["cores"] >= 1
