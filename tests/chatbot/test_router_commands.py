"""``kefu router`` as a person types it, with the real embedder, and a running app that takes over what was trained."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from chatbot import cli
from chatbot.app import build
from chatbot.dialogue import Dialogue
from configs.settings import load

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SHOPTALK = [
    "does the glimmer gauge of mine need a new wick",
    "my glimmer gauge blinks twice",
    "the glimmer gauge is stuck at four",
    "glimmer gauge says low",
    "reset my glimmer gauge",
    "why is the glimmer gauge dark",
]
"""A word of this shop alone; here it is a matter for a person."""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def kefu(monkeypatch: pytest.MonkeyPatch, home: Path) -> Run:
    monkeypatch.setenv("KEFU_HOME", str(home))
    monkeypatch.setenv("KEFU_ENGINE__KIND", "off")

    def run(*words: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["kefu", "router", *map(str, words)])
        out, err, status = io.StringIO(), io.StringIO(), 0
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                cli.main()
            except SystemExit as end:
                status = end.code if isinstance(end.code, int) else int(end.code is not None)
        return status, out.getvalue(), err.getvalue()

    return run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "log.csv"
    with path.open("w", encoding="utf-8", newline="") as lines:
        rows = csv.writer(lines)
        rows.writerow(["message", "label", "customer"])
        rows.writerows([text, "expert", "C7" if n == 0 else ""] for n, text in enumerate(SHOPTALK))
        rows.writerow(["how do I send a scarf back", "policy", "C8"])
    return path


def test_train_show_forget_reset_and_a_running_app_follows(kefu: Run, file: Path) -> None:
    status, _, err = kefu("train", file, "--map", "expert=handof")
    assert status == 2
    assert "did you mean handoff?" in err

    app = build(load())
    message = "the glimmer gauge of my sister blinks"

    def handed_over() -> bool:
        return app.bot.router.plan(message, Dialogue(), language="en")[0].intent == "handoff"

    assert not handed_over()
    status, out, err = kefu("train", file, "--map", "expert=handoff")
    assert (status, "the new model is in service" in out) == (0, True), out + err
    assert "zero-shot" in out
    assert handed_over(), "the running app took the new model over"

    status, out, _ = kefu("show", "--json")
    shown = json.loads(out)
    assert (status, shown["en"]["in_service"], shown["zh"]["in_service"]) == (0, "trained", "zero-shot")
    assert shown["en"]["examples"]["handoff"]["shop"] == len(SHOPTALK)
    assert shown["en"]["figures"]["after"] > shown["en"]["figures"]["zero_shot"]

    status, out, _ = kefu("forget", "C7")
    assert (status, out) == (0, "1 examples of customer C7 removed\n")
    home = load().home
    for path in home.rglob("*"):
        if path.is_file():
            assert SHOPTALK[0].encode() not in path.read_bytes(), path
    assert handed_over()

    status, out, _ = kefu("reset")
    assert (status, out) == (0, "reset: en\n")
    assert not handed_over()
    assert kefu("forget", "C8")[:2] == (0, "0 examples of customer C8 removed\n")
    asyncio.run(app.aclose())


def test_bad_rows_are_told_and_end_in_one(kefu: Run, file: Path) -> None:
    status, out, err = kefu("train", file, "--json")
    assert status == 1
    assert json.loads(out)["en"]["examples"] == 1
    assert "log.csv:2: column 'label' has 'expert'. Expected: an intent of kefu's" in err
    assert "6 rows have the unknown intent expert" in err
    assert kefu("reset")[0] == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["train", "none.csv"], "there is no file none.csv"),
        (["train"], "has no examples of the shop's to train on"),
        (["train", "FILE", "--language", "fr"], "there is no language 'fr'"),
        (["train", "FILE", "--text", "said"], "has no column 'said'"),
        (["train", "FILE", "--map", "expert"], "--map has 'expert'"),
        (["train", "FILE", "--strict"], "log.csv:2"),
        (["reset", "--language", "fr"], "there is no language 'fr'"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(kefu: Run, file: Path, words: list[str], told: str) -> None:
    status, _, err = kefu(*(str(file) if word == "FILE" else word for word in words))
    assert status == 2
    assert told in err.splitlines()[-1]
