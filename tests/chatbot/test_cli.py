"""The commands as a person types them, on a small demo shop: exit status, what is printed, what goes wrong clearly."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import jwt
import pytest
import yaml

from chatbot import cli, terminal
from chatbot.auth import build_auth
from chatbot.conversation import Failed
from chatbot.demo import seed, simulate
from configs.settings import load

QUESTION = "How many days do I have to return something?"
PAGES = ("returns.md", "delivery.md")


@dataclass(frozen=True)
class Ran:
    status: int
    out: str
    err: str


Kefu = Callable[..., Ran]


@pytest.fixture
def kefu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Kefu:
    """Runs ``kefu WORD…`` in an empty home without a language model."""
    monkeypatch.setenv("KEFU_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KEFU_ENGINE__KIND", "off")
    return partial(run, monkeypatch)


def run(monkeypatch: pytest.MonkeyPatch, *words: str | Path) -> Ran:
    monkeypatch.setattr("sys.argv", ["kefu", *map(str, words)])
    out, err, status = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            cli.main()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
    return Ran(status, out.getvalue(), err.getvalue())


# --- what needs no shop -------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [("serve",), ("chat",), ("search", "delivery"), ("ingest", "docs", ".")])
def test_an_unknown_setting_is_one_clear_line(kefu: Kefu, tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "shop.yaml").write_text("compose: {quote_treshold: 0.5}\n", encoding="utf-8")
    ran = kefu(*words, "--config", tmp_path / "shop.yaml")
    assert (ran.status, ran.out) == (2, "")
    assert ran.err == "kefu: unknown setting 'compose.quote_treshold' (did you mean quote_threshold?).\n"


def test_an_unknown_variable_too(kefu: Kefu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEFU_HOMME", "x")
    ran = kefu("verify")
    assert ran.status == 2
    assert ran.err == "kefu: unknown environment variable KEFU_HOMME. What to do: did you mean KEFU_HOME?.\n"


def test_a_home_that_cannot_be_made(kefu: Kefu, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("KEFU_HOME", str(tmp_path / "file" / "home"))
    for words in (["verify"], ["answers", "import", str(tmp_path / "none.yaml")]):
        ran = kefu(*words)
        assert ran.status == 2
        assert ran.err.startswith("kefu: cannot make the folder ")
        assert ran.err.endswith("What to do: set home (KEFU_HOME) to another.\n")


def test_the_keys_are_those_that_the_server_takes(kefu: Kefu, tmp_path: Path) -> None:
    ran = kefu("keys")
    site_key, identity_secret = (line.split()[2] for line in ran.out.splitlines())
    auth = build_auth(load(home=tmp_path / "home"))
    auth.check_site_key(site_key)
    claims = {"aud": "kefu:identity", "sub": "1001", "jti": "a", "exp": int(time.time()) + 300}
    assert auth.read_identity(jwt.encode(claims, identity_secret, "HS256")) == "1001"


def test_a_port_out_of_range(kefu: Kefu) -> None:
    ran = kefu("serve", "--port", "99999")
    assert ran.status == 2
    assert "less than or equal to 65535" in ran.err


def test_no_command_shows_the_commands(kefu: Kefu) -> None:
    shown = kefu("--help").out
    assert all(word in shown for word in ("chat", "demo", "serve", "ingest", "answers", "eval", "bench"))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("- answer: Yes.\n", "column 'id' has None. Expected: "),
        ("- {id: a, answer: Yes.}\n", "column 'questions' has None. Expected: "),
        ("- [broken\n", "cannot be parsed"),
    ],
)
def test_a_bad_approved_answer_names_its_place(kefu: Kefu, tmp_path: Path, content: str, told: str) -> None:
    file = tmp_path / "answers.yaml"
    file.write_text(content, encoding="utf-8")
    ran = kefu("answers", "import", file)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith(f"kefu: {file}")
    assert told in ran.err


def test_a_missing_table(kefu: Kefu, tmp_path: Path) -> None:
    ran = kefu("ingest", "products", tmp_path / "none.csv")
    assert (ran.status, ran.err) == (2, f"kefu: there is no file {tmp_path / 'none.csv'}.\n")


def test_a_bad_row_is_shown_and_the_rest_is_imported(kefu: Kefu, tmp_path: Path) -> None:
    table = tmp_path / "purchases.csv"
    table.write_text("customer_id,sku,at\n1,A,2026-11-01\n2,A,yesterday\n", encoding="utf-8")
    ran = kefu("ingest", "purchases", table)
    assert ran.status == 1
    assert "2 rows read" in ran.out
    assert "1 added" in ran.out
    assert "purchases.csv:3: column 'at' has 'yesterday'. Expected: " in ran.out
    strict = kefu("ingest", "purchases", table, "--strict")
    assert (strict.status, strict.out) == (2, "")
    assert "purchases.csv:3: column 'at'" in strict.err


def test_a_suite_that_does_not_exist(kefu: Kefu) -> None:
    ran = kefu("eval", "run", "nosuch")
    assert ran.status == 2
    assert ran.err.startswith("kefu: there is no suite 'nosuch'. Expected: ")


# --- on a small demo shop -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Ran]]:
    """A home made by ``kefu demo --once``: two pages, every twelfth product, thirty customers."""
    folder, home = tmp_path_factory.mktemp("demo") / "demo", tmp_path_factory.mktemp("home")
    shutil.copytree(seed._FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    products = (folder / "products.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "products.jsonl").write_text("".join(products[::12]), encoding="utf-8")
    for page in (folder / "pages").iterdir():
        if page.name not in PAGES:
            page.unlink()
    answers = yaml.safe_load((folder / "answers.yaml").read_text(encoding="utf-8"))
    kept = [answer for answer in answers if f"{answer['source']}.md" in PAGES]
    (folder / "answers.yaml").write_text(yaml.safe_dump(kept, allow_unicode=True), encoding="utf-8")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(seed, "_FOLDER", folder)
        monkeypatch.setattr(simulate, "simulate", partial(simulate.simulate, customers=30, purchases=300))
        monkeypatch.setenv("KEFU_ENGINE__KIND", "off")
        monkeypatch.setenv("KEFU_HOME", str(home))
        yield home, run(monkeypatch, "demo", "--once", QUESTION)


@pytest.fixture
def shop(prepared: tuple[Path, Ran], kefu: Kefu, monkeypatch: pytest.MonkeyPatch) -> Kefu:
    """Runs commands on the prepared shop."""
    monkeypatch.setenv("KEFU_HOME", str(prepared[0]))
    return kefu


@pytest.mark.slow
def test_demo_once_prepares_with_progress_and_answers_with_sources(prepared: tuple[Path, Ran]) -> None:
    _, ran = prepared
    assert ran.status == 0
    assert f"? {QUESTION}" in ran.out
    assert "30 days" in ran.out
    assert "(returns.md)" in ran.out
    assert "rung: " in ran.out
    assert " ms" in ran.out
    assert "✓ demo shop: " in ran.err
    assert "✓ index: 2 pages, " in ran.err


@pytest.mark.slow
def test_a_second_time_nothing_is_made_again(shop: Kefu) -> None:
    ran = shop("demo", "--once", QUESTION)
    assert (ran.status, "30 days" in ran.out) == (0, True)
    assert "rows …" not in ran.err
    assert "embed" not in ran.err


@pytest.mark.slow
def test_demo_once_json_is_one_object(shop: Kefu) -> None:
    ran = shop("demo", "--once", QUESTION, "--json")
    assert (ran.status, ran.err.strip()) == (0, "")
    turn = json.loads(ran.out)
    assert turn["message"] == QUESTION
    assert "30 days" in turn["reply"]["text"]
    assert {citation["source"] for citation in turn["reply"]["citations"]} == {"returns.md"}
    assert turn["timings"]["done"] > 0


@pytest.mark.slow
def test_a_customer_sees_their_own_orders_and_a_stranger_is_refused(shop: Kefu) -> None:
    ran = shop("demo", "--once", "Show me my orders", "--customer", "C00001", "--json")
    turn = json.loads(ran.out)
    assert [call["call"]["name"] for call in turn["evidence"]["results"]] == ["order_list"]
    unknown = shop("demo", "--once", "Show me my orders", "--customer", "C99999")
    assert unknown.status == 2
    assert unknown.err.splitlines()[-1].startswith("kefu: there is no customer 'C99999'. What to do: ")


@pytest.mark.slow
def test_search_shows_pages_and_products(shop: Kefu) -> None:
    pages = shop("search", "how long can I return something", "-k", "3")
    assert pages.status == 0
    assert "Returns" in pages.out
    products = shop("search", "mug", "--products")
    assert products.status == 0
    assert any(line[:2] == "│ " and "-0" in line for line in products.out.splitlines())


@pytest.mark.slow
def test_bad_files_are_named_and_good_ones_are_read(shop: Kefu, tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "parking.md").write_text("# Parking\n\nCars park behind the shop.\n", encoding="utf-8")
    (folder / "broken.docx").write_bytes(b"no zip")
    ran = shop("ingest", "docs", folder)
    assert ran.status == 1
    assert "1 added" in ran.out
    assert "1 rejected" in ran.out
    assert "broken.docx: the DOCX is damaged" in ran.out
    assert "Parking" in shop("search", "where do cars park?").out
    strict = shop("ingest", "docs", folder, "--strict")
    assert strict.status == 2
    assert strict.err.splitlines()[-1].startswith("kefu: broken.docx: ")


@pytest.mark.slow
def test_verify_and_rebuild(shop: Kefu) -> None:
    assert shop("rebuild").status == 0
    ran = shop("verify")
    assert ran.status == 0
    assert ran.out.startswith("✓ the index agrees with itself and with the shop\n")
    told = json.loads(shop("verify", "--json").out)
    assert (told["ok"], told["problems"]) == (True, [])


@pytest.mark.slow
def test_chat_ends_with_the_input(shop: Kefu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{QUESTION}\nquit\n"))
    ran = shop("chat", "--trace")
    assert ran.status == 0
    assert "simulated shop" in ran.out
    assert "30 days" in ran.out
    assert "plan" in ran.out


@pytest.mark.slow
def test_a_turn_that_breaks_says_so(shop: Kefu, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> AsyncIterator[Failed]:
        yield Failed(id="1", text="Something went wrong here.")

    monkeypatch.setattr(terminal, "answer", broken)
    ran = shop("demo", "--once", QUESTION)
    assert (ran.status, "Something went wrong here." in ran.out) == (1, True)
    ran = shop("demo", "--once", QUESTION, "--json")
    assert (ran.status, json.loads(ran.out)["type"]) == (1, "failed")
