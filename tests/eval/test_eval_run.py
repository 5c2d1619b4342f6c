"""The harness on suites made for it: what is kept, what is not run twice, who fails alone; the commands."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import pytest

from chatbot import cli
from configs.errors import ConfigError, InputError
from eval.kept import read, runs
from eval.outcome import Options, Outcome, Tell
from eval.run import run, run_all
from eval.suites import SUITES, Suite, suite_named


@dataclass
class Bench:
    """Suites ``one``, ``two``, ``three`` in an empty home; ``behave`` says what each does when it is run."""

    home: Path
    monkeypatch: pytest.MonkeyPatch
    calls: list[str] = field(default_factory=list)
    behave: dict[str, Callable[[], float]] = field(default_factory=dict)

    def install(self, *names: str) -> None:
        suites = tuple(
            Suite(name, f"made_for_tests_{name}", f"what {name} does", "none", ("set",)) for name in names
        )
        for name in names:
            module = ModuleType(f"made_for_tests_{name}")
            module.run = self._run(name)  # type: ignore[attr-defined]  # a module made by hand
            self.monkeypatch.setitem(sys.modules, module.__name__, module)
        for place in ("eval.run.SUITES", "eval.suites.SUITES", "eval.html_report.SUITES"):
            self.monkeypatch.setattr(place, suites)
        self.at("0123456789ab")

    def _run(self, name: str) -> Callable[[Options, Tell], Outcome]:
        def made(options: Options, tell: Tell) -> Outcome:
            self.calls.append(name)
            tell("cases", 1, 2)
            value = self.behave.get(name, lambda: 0.5)()
            return Outcome(
                {"x": value, "x_low": 0.4, "x_high": 0.6},
                name,
                {"x": {"case": value}},
                notes=[f"split {options.split}"],
            )

        return made

    def at(self, commit: str) -> None:
        self.monkeypatch.setattr("eval.run.commit", lambda: commit)

    def kept(self, name: str) -> list[float]:
        return [read(file).outcome.metrics["x"] for file in runs(self.home, name)]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("KEFU_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KEFU_DATA", str(tmp_path))
    times = iter(f"20260101T0000{second:02}Z" for second in range(60))
    monkeypatch.setattr("eval.run.now", lambda: next(times))
    (tmp_path / "set").mkdir()
    made = Bench(tmp_path / "home", monkeypatch)
    made.install("one", "two", "three")
    return made


def refuse() -> float:
    raise ConfigError("KEFU_DATA is not set, so there is no data")


def other_setting() -> float:
    raise ConfigError("the embedder needs a package")


def crash() -> float:
    raise ZeroDivisionError("1 / 0")


def interrupt() -> float:
    raise KeyboardInterrupt


def kefu(bench: Bench, *words: str) -> tuple[int, str, str]:
    bench.monkeypatch.setattr("sys.argv", ["kefu", *words])
    out, err, status = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            cli.main()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
    return status, out.getvalue(), err.getvalue()


def test_all_suites_are_run_once_and_not_again(bench: Bench) -> None:
    assert run_all(Options()) == 0
    assert bench.calls == ["one", "two", "three"]
    assert run_all(Options()) == 0
    assert bench.calls == ["one", "two", "three"]
    assert run_all(Options(), fresh=True) == 0
    assert len(bench.calls) == 6
    assert bench.kept("one") == [0.5, 0.5]


def test_another_commit_other_data_other_settings_are_run_again(bench: Bench) -> None:
    run_all(Options())
    bench.at("ba9876543210")
    run_all(Options())
    assert len(bench.calls) == 6
    (bench.home.parent / "set" / "rows.csv").write_text("1", encoding="utf-8")
    run_all(Options())
    assert len(bench.calls) == 9
    bench.monkeypatch.setenv("KEFU_SHOP__NAME", "Other")
    run_all(Options())
    assert len(bench.calls) == 12
    run_all(Options())
    assert len(bench.calls) == 12


@pytest.mark.parametrize("commit", ["0123456789ab+", "unknown"])
def test_changed_files_are_never_taken_for_a_commit(bench: Bench, commit: str) -> None:
    bench.at(commit)
    run_all(Options())
    run_all(Options())
    assert len(bench.calls) == 6


def test_missing_data_are_told_and_are_no_failure(bench: Bench) -> None:
    bench.behave["two"] = refuse
    status, out, err = kefu(bench, "eval", "run", "all", "--json")
    told = json.loads(out.splitlines()[-1])
    assert status == 0
    assert {name: one["state"] for name, one in told["suites"].items()} == {
        "one": "ran",
        "two": "skipped",
        "three": "ran",
    }
    assert "KEFU_DATA is not set" in told["suites"]["two"]["reason"]
    assert "skipped two: KEFU_DATA is not set" in err
    assert bench.kept("two") == []


@pytest.mark.parametrize("broken", [crash, other_setting])
def test_a_suite_that_fails_fails_alone(bench: Bench, broken: Callable[[], float]) -> None:
    bench.behave["one"] = broken
    assert run_all(Options()) == 1
    assert bench.calls == ["one", "two", "three"]
    bench.behave.clear()
    assert run_all(Options()) == 0
    assert bench.calls[3:] == ["one"]


def test_a_figure_that_is_no_number_fails_its_suite(bench: Bench) -> None:
    bench.behave["three"] = lambda: float("nan")
    assert run_all(Options()) == 1
    assert bench.kept("three") == []


def test_what_is_done_when_interrupted_is_kept(bench: Bench) -> None:
    bench.behave["two"] = interrupt
    status, _, err = kefu(bench, "eval", "run", "all")
    assert status == 130
    assert "interrupted: what is done is kept" in err
    assert (bench.kept("one"), bench.kept("two")) == ([0.5], [])
    bench.behave.clear()
    assert run_all(Options()) == 0
    assert bench.calls == ["one", "two", "two", "three"]


def test_all_takes_no_part(bench: Bench) -> None:
    for options in (Options(split="dev"), Options(only="x"), Options(failures=True)):
        with pytest.raises(InputError, match="runs everything"):
            run_all(options)
    assert bench.calls == []


def test_one_suite_ends_with_one_object(bench: Bench) -> None:
    status, out, err = kefu(bench, "eval", "run", "two", "--json")
    told = json.loads(out.splitlines()[-1])
    assert status == 0
    assert told.keys() == {"suite", "metrics", "command", "commit", "seconds"}
    assert (told["suite"], told["command"]) == ("two", "kefu eval run two --json")
    assert told["metrics"] == {"x": 0.5, "x_low": 0.4, "x_high": 0.6}
    assert "split all" in err
    assert bench.kept("two") == [0.5]


def test_a_part_is_not_kept(bench: Bench) -> None:
    run("one", Options(split="dev"))
    run("one", Options(only="x"))
    assert bench.kept("one") == []


def test_comparing_by_name(bench: Bench) -> None:
    run("one", Options())
    bench.behave["one"] = lambda: 0.75
    run("one", Options())
    status, out, _ = kefu(bench, "eval", "compare", "one:previous", "one:latest", "--json")
    told = json.loads(out.splitlines()[-1])
    assert status == 0
    assert told["measures"]["x"]["difference"] == 0.25
    assert (told["measures"]["x"]["better"], told["measures"]["x"]["verdict"]) == (1, "better")
    status, out, err = kefu(bench, "eval", "compare", "one", "two")
    assert (status, out) == (2, "")
    assert err.startswith("kefu: there is no run 'two'")
    run("two", Options())
    assert "of two suites, one and two" in kefu(bench, "eval", "compare", "one", "two")[2]


def test_report_and_list(bench: Bench, tmp_path: Path) -> None:
    assert "kefu eval run all" in kefu(bench, "eval", "report")[2]
    run("one", Options())
    assert kefu(bench, "eval", "report", "--out", str(tmp_path / "page.html"))[0] == 0
    assert 'id="one"' in (tmp_path / "page.html").read_text(encoding="utf-8")
    shown = kefu(bench, "eval", "suites")[1]
    assert "what two does" in shown
    assert "-0123456789ab" in shown


def test_an_unknown_suite_gets_a_suggestion() -> None:
    with pytest.raises(InputError, match="did you mean doc2dial"):
        suite_named("doc2dail")


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_every_suite_of_the_table_is_there(suite: Suite) -> None:
    module = Path(__file__).parents[2].joinpath(*suite.module.split(".")).with_suffix(".py")
    assert "def run(options: Options, tell: Tell) -> Outcome:" in module.read_text(encoding="utf-8")
