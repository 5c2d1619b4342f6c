"""``kefu verify`` and ``kefu rebuild`` on a small shop: what they find in the database, say and repair."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from chatbot import cli
from chatbot.ingest import approved, docs, table
from chatbot.upkeep import rebuild_index, verify_index
from configs.errors import IndexLockedError
from configs.settings import Settings, load
from retrieval.index import Index
from retrieval.lock import index_folder

pytestmark = pytest.mark.slow
ANSWERS = (
    '{"id": "lamps", "questions": ["Can I return a lamp?"], "answer": {"en": "Yes."}, "source": "returns"}\n'
)
PRODUCTS = (
    "sku,name,description,price,stock\nA-1,Blue mug,A heavy mug.,9.50,3\nA-2,Red mug,A light mug.,8.00,0\n"
)


@pytest.fixture
def shop(tmp_path: Path) -> Settings:
    """A home with two pages, two products and an approved answer."""
    settings = load(home=tmp_path / "home")
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "returns.md").write_text("# Returns\n\nEvery lamp can be returned within 30 days.\n")
    (pages / "care.md").write_text("# Care\n\nOil a wooden board every four weeks.\n")
    (tmp_path / "products.csv").write_text(PRODUCTS)
    (tmp_path / "answers.jsonl").write_text(ANSWERS)
    docs(settings, [pages], mapping=None, strict=True)
    table(settings, "products", tmp_path / "products.csv", mapping=None, strict=True)
    approved(settings, tmp_path / "answers.jsonl")
    return settings


@pytest.fixture
def verified(shop: Settings, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """What ``kefu verify --json`` tells of the shop."""

    def verify(**options: bool) -> dict[str, Any]:
        capsys.readouterr()
        good = verify_index(shop, as_json=True, **options)
        told: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert told["ok"] is good
        return told

    return verify


@contextmanager
def database(settings: Settings) -> Iterator[sqlite3.Connection]:
    with sqlite3.connect(settings.resolved_database_url.removeprefix("sqlite:///")) as db:
        yield db
    db.close()


def test_a_healthy_shop(
    shop: Settings, verified: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    told = verified()
    assert (told["problems"], told["full"]) == ([], False)
    assert told["passages"] == {"page": 2, "product": 2}
    full = verified(full=True)
    assert full["embedded"] == full["vectors"]
    assert verify_index(shop)
    assert "✓ the index agrees with itself and with the shop" in capsys.readouterr().out


def test_products_that_changed_in_the_database(
    shop: Settings, verified: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    with database(shop) as db:
        db.execute("UPDATE products SET description = 'A mug for tea.' WHERE sku = 'A-1'")
        db.execute("DELETE FROM products WHERE sku = 'A-2'")
    what = [problem["what"] for problem in verified()["problems"]]
    assert what == [
        "1 product (product:A-1) changed in the database since they were indexed",
        "1 product (product:A-2) in the index, and no longer in the database",
    ]
    assert {problem["repair"] for problem in verified()["problems"]} == {"kefu rebuild"}
    capsys.readouterr()
    assert rebuild_index(shop)
    assert "products taken from the database: 0 added, 1 changed, 1 removed" in capsys.readouterr().out
    assert verified()["problems"] == []


def test_an_approved_answer_without_its_page(
    shop: Settings, verified: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "pages" / "returns.md").unlink()
    docs(shop, [tmp_path / "pages"], mapping=None, strict=True)
    problem = verified()["problems"][0]
    assert problem["part"] == "approved answers"
    assert "'lamps' names the page 'returns'" in problem["what"]
    assert "kefu ingest docs" in problem["repair"]


def test_what_rebuild_cannot_mend_it_names(
    shop: Settings, verified: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with sqlite3.connect(index_folder(shop) / "index.db") as db:
        db.execute("UPDATE documents SET audience = 'staff' WHERE id = 'care.md'")
        db.execute("UPDATE passages SET text = 'Within 90 days.' WHERE document_id = 'returns.md'")
        db.execute("DELETE FROM passages WHERE document_id = 'product:A-1'")
    db.close()
    assert not verify_index(shop)
    said = capsys.readouterr().out
    assert "✗ index.db: 3 documents (care.md, product:A-1, returns.md) changed since the ingest" in said
    assert "repair it with: kefu rebuild" in said
    assert not rebuild_index(shop)
    said = capsys.readouterr().out
    assert "restored from the last snapshot: product:A-1, returns.md" in said
    assert "taken out, as their rows were damaged: care.md" in said
    assert f"ingest them again: kefu ingest docs {tmp_path / 'pages'}" in said
    assert verified()["problems"] == []
    docs(shop, [tmp_path / "pages"], mapping=None, strict=True)
    assert verified()["passages"] == {"page": 2, "product": 2}


HOLDER = """
    import pathlib, sys, time
    from retrieval.lock import writing
    with writing(pathlib.Path(sys.argv[1])):
        print("held", flush=True)
        time.sleep(120)
"""


def test_a_second_writer_is_refused_before_anything_is_loaded_or_changed(
    shop: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Index, "open", lambda settings: pytest.fail("the models were loaded"))
    folder = index_folder(shop)
    (tmp_path / "products.csv").write_text(PRODUCTS.replace("Blue", "Green"))
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLDER), str(folder)], stdout=subprocess.PIPE, text=True
    ) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "held\n"
            for command in (
                lambda: docs(shop, [tmp_path / "pages"], mapping=None, strict=True),
                lambda: table(shop, "products", tmp_path / "products.csv", mapping=None, strict=True),
                lambda: verify_index(shop),
                lambda: rebuild_index(shop),
            ):
                with pytest.raises(
                    IndexLockedError, match=rf"held by process {other.pid} on \S+ \(.*since 20"
                ):
                    command()
            monkeypatch.setenv("KEFU_HOME", str(shop.home))
            monkeypatch.setattr("sys.argv", ["kefu", "verify"])
            with pytest.raises(SystemExit, match="2"):
                cli.main()
            assert "What to do: wait until it has ended, or stop that process" in capsys.readouterr().err
        finally:
            other.kill()
    with database(shop) as db:
        assert db.execute("SELECT name FROM products WHERE sku = 'A-1'").fetchone() == ("Blue mug",)
    monkeypatch.undo()
    assert (folder / "writer.json").exists()  # the note of the dead
    table(shop, "products", tmp_path / "products.csv", mapping=None, strict=True)
