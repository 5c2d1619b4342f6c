"""What is drawn: the report page and its plots, the table of results, figures read out of flat metrics."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.errors import InputError, NotFoundError
from eval.drawing import mistakes, plot
from eval.figures import figures, number, others
from eval.html_report import newest_runs, page, write_page
from eval.kept import Origin, Run, keep
from eval.outcome import Bars, Confusion, Curve, Outcome
from eval.suites import SUITES, Suite
from eval.table import BEGIN, BUSY, END, HEAD, markdown, renew

README = Path(__file__).parents[2] / "eval" / "README.md"
EVIL = "<script>alert('x')</script>&\"'"
NUMBERS = st.integers(-(10**8), 10**8).map(lambda number: number / 100)
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), max_size=12)


def run(**outcome: object) -> Run:
    found = Outcome(**{"metrics": {"x": 0.5, "x_low": 0.4, "x_high": 0.6}, "about": "", **outcome})  # type: ignore[arg-type]  # fields by name
    return Run(
        "demo",
        found,
        Origin("0123456789ab", "s", "d", {"numpy": "2"}),
        "kefu",
        "20260102T030405Z",
        61.0,
        {"cpu": "a"},
    )


def demo() -> Suite:
    return Suite("demo", "eval.demo", "what", "packaged cases")


class Tags(HTMLParser):
    """Names of all elements, and every attribute that could load or run something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs


def evil_run() -> Run:
    return run(
        metrics={EVIL: 0.5, f"{EVIL}_low": 0.4, f"{EVIL}_high": 0.6, f"b {EVIL}_c": 3},
        about=EVIL,
        scores={"passed": {EVIL: 1.0}},
        plots=[
            Curve(EVIL, EVIL, EVIL, {EVIL: [(0, 1), (1, 2)]}),
            Bars(EVIL, EVIL, {EVIL: {EVIL: 1.0}}),
            Confusion(EVIL, [EVIL, "b"], [[1, 2], [3, 4]]),
        ],
        notes=[f"[bold]{EVIL}[/bold]", f"[/broken] {EVIL}"],
    )


def test_the_page_runs_nothing_and_loads_nothing() -> None:
    text = page([(demo(), evil_run())])
    tags = Tags(text)
    assert "script" not in tags.names
    assert "svg" in tags.names
    assert not [pair for pair in tags.attributes if pair[0].startswith("on") or pair[0] == "src"]
    assert {value[:1] for name, value in tags.attributes if name == "href" and value} == {"#"}
    assert not re.search(r"url\(|@import|https?:", text)
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;" in text
    assert "[/broken]" in text
    assert "[bold]" not in text


def test_the_page_tells_figures_baselines_and_origin() -> None:
    text = page(
        [(demo(), run(metrics={"x": 0.5, "x_low": 0.4, "x_high": 0.6, "bm25_x": 0.3, "count": 1234}))]
    )
    for told in (
        "0.500",
        "0.400 to 0.600",
        "bm25 0.300",
        "1,234",
        "0123456789ab",
        "2026-01-02",
        "packaged cases",
    ):
        assert told in text


LINES = st.dictionaries(TEXT, st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=3), max_size=3)
GROUPS = st.dictionaries(TEXT, st.dictionaries(TEXT, NUMBERS, max_size=2), max_size=3)


@settings(max_examples=40, deadline=None)
@given(TEXT, st.one_of(LINES, GROUPS, st.integers(1, 20)))
def test_every_plot_is_well_formed_and_named(title: str, given: Any) -> None:
    title = f"T {title}"
    plots: list[Curve | Bars | Confusion] = []
    if isinstance(given, int):
        counts = [[row * column % 5 for column in range(given)] for row in range(given)]
        plots = [Confusion(title, [f"{title} {n}" for n in range(given)], counts)]
    elif all(isinstance(value, list) for value in given.values()):
        plots = [Curve(title, "x", "y", given)]
    else:
        plots = [Bars(title, "y", given)]
    for drawn in plots:
        found = ElementTree.fromstring(plot(drawn))
        for svg in found.iter("svg"):
            named = (svg.get("aria-labelledby") or "").split()
            assert [child.get("id") for child in list(svg)[:2]] == named
            assert all(child.text for child in list(svg)[:2])


def test_curves_of_any_scale_get_few_round_ticks() -> None:
    for low, high in ((0, 1), (0.97, 0.99), (-3, 40_000), (5, 5), (0, 0), (1e-300, 2e-300), (-1e6, 1e6)):
        text = plot(Curve("c", "x", "y", {"a": [(low, low), (high, high)]}))
        assert 2 <= text.count('text-anchor="end"') <= 8


def test_a_large_confusion_shows_its_most_frequent_mistakes() -> None:
    size = 40
    counts = [[50 if row == column else 0 for column in range(size)] for row in range(size)]
    counts[7][31], counts[31][7], counts[3][4] = 20, 9, 15
    confusion = Confusion("c", [f"label-{n}" for n in range(size)], counts)
    assert mistakes(confusion) == [
        (20, "label-7", "label-31"), (15, "label-3", "label-4"), (9, "label-31", "label-7"),
    ]  # fmt: skip
    text = plot(confusion)
    assert "44 of 2,044 were taken for something else; drawn are 4 of 40 labels" in text
    assert "label-7 taken for label-31: 20" in text
    assert "label-12" not in text


def test_baselines_are_told_beside_their_figure() -> None:
    metrics = {
        "mrr": 0.6, "mrr_low": 0.5, "mrr_high": 0.7, "bm25_mrr": 0.4, "bm25_mrr_gain_low": 0.1, "bm25_mrr_gain_high": 0.3,
        "new_topic_mrr": 0.3, "new_topic_mrr_low": 0.2, "new_topic_mrr_high": 0.4, "new_topic_bm25_mrr": 0.1,
        "questions": 12.0,
    }  # fmt: skip
    first, second = figures(metrics)
    assert (first.name, first.baselines) == ("mrr", {"bm25": 0.4})
    assert (second.name, second.baselines) == ("new_topic_mrr", {"bm25": 0.1})
    assert str(first) == "0.600 (0.500 to 0.700)"
    assert others(metrics) == {"bm25_mrr_gain_low": 0.1, "bm25_mrr_gain_high": 0.3, "questions": 12.0}
    assert [figure.name for figure in figures(metrics, ("questions", "nosuch", "mrr"))] == [
        "questions",
        "mrr",
    ]


def test_a_baseline_with_an_interval_is_named() -> None:
    metrics = {f"{whose}f1{end}": 0.5 for whose in ("", "quote_", "shop_") for end in ("", "_low", "_high")}
    assert [figure.name for figure in figures(metrics)] == ["f1", "quote_f1", "shop_f1"]
    first, second = figures(metrics, baselines=["quote"])
    assert (first.name, first.baselines, second.name) == ("f1", {"quote": 0.5}, "shop_f1")
    assert others(metrics, ["quote"]) == {}


@pytest.mark.parametrize(
    ("value", "told"),
    [(0.0, "0"), (12, "12"), (0.8624, "0.862"), (55.34, "55.3"), (-0.5, "-0.500"), (12345.6, "12,346")],
)
def test_numbers(value: float, told: str) -> None:
    assert number(value) == told


def test_without_runs_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="kefu eval run all"):
        newest_runs(tmp_path)


def test_a_page_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEFU_HOME", str(tmp_path))
    keep(tmp_path, run())
    with pytest.raises(InputError, match="cannot write"):
        write_page(tmp_path / "none" / "page.html")
    write_page(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!doctype html>")


# --- the table of results -----------------------------------------------------------------------------------


def test_the_table_is_renewed_between_its_marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEFU_HOME", str(tmp_path))
    keep(tmp_path, run(metrics={"wrong_facts": 0, "leaks": 0}))
    file = tmp_path / "page.md"
    file.write_text(f"before\n\n{BEGIN}\nold\n{END}\n\nafter\n", encoding="utf-8")
    renew(file)
    once = file.read_text(encoding="utf-8")
    renew(file)
    assert file.read_text(encoding="utf-8") == once
    assert once.startswith(f"before\n\n{BEGIN}\n| suite |")
    assert once.endswith(f"|\n{END}\n\nafter\n")
    assert "| demo | `wrong_facts` | 0 |" in once
    assert "old" not in once
    file.write_text(f"{END}\n{END}\n", encoding="utf-8")
    with pytest.raises(InputError, match="both marks, once each"):
        renew(file)


def test_a_bar_in_a_text_does_not_break_the_table() -> None:
    rows = markdown([(Suite("a|b", "m", "w", "c|d"), run())]).splitlines()
    assert {row.count("|") for row in rows} == {len(HEAD) + 1}


def test_times_of_a_busy_machine_are_marked() -> None:
    made = run(metrics={"search_ms": 9, "recall": 0.5})
    suite = Suite("demo", "m", "w", "d", figures=("search_ms", "recall"))
    for load, marked in ((5.0, 1), (1.0, 0)):
        text = markdown([(suite, replace(made, machine={"load": load, "cores": 2.0}))])
        assert text.count(BUSY) == text.count(f"9{BUSY} |") == marked


def test_the_table_in_the_guide_is_sound() -> None:
    """Its figures are of whoever ran the suites last; its shape, suites and commands must hold."""
    text = README.read_text(encoding="utf-8")
    assert (text.count(BEGIN), text.count(END)) == (1, 1)
    head, rule, *rows = text.partition(BEGIN)[2].partition(END)[0].strip().splitlines()
    assert [cell.strip() for cell in head.strip("|").split("|")] == list(HEAD)
    assert set(rule) == set("| -")
    known = {suite.name: suite for suite in SUITES}
    assert rows
    for row in rows:
        name, figure, value, _, data, command, commit = (cell.strip() for cell in row.strip("|").split("|"))
        assert (data, command) == (known[name].dataset, f"`{known[name].command}`")
        assert re.fullmatch(r"`[a-z0-9_]+`", figure)
        assert re.fullmatch(r"-?[\d.,]+(?: \(-?[\d.,]+ to -?[\d.,]+\))?", value.removesuffix(BUSY))
        assert re.fullmatch(r"[0-9a-f]{12}", commit), "only a clean commit can be looked up"
