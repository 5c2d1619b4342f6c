"""The guide's examples work as they stand."""

from __future__ import annotations

import os
import re
from importlib.resources import files
from pathlib import Path

import pytest
import sqlalchemy as sa

from chatbot import answers
from chatbot.importers import import_file, load_mapping, pages_from_table
from chatbot.importers.kinds import LINE, targets
from chatbot.importers.mapping import MAPPINGS, Source, TableMapping
from chatbot.importers.transforms import _PLAIN, _WITH_ARGUMENT
from chatbot.shop import ORDER_STATES, Shop

GUIDE = files("chatbot").joinpath("docs/bring-your-own-shop.md").read_text(encoding="utf-8")
EXAMPLES = {name: text for _, name, text in re.findall(r"^```(\w+) (\S+)\n(.*?)^```", GUIDE, re.M | re.S)}
KINDS = ("products", "customers", "orders", "purchases", "rates")


def example(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_text(EXAMPLES[name], encoding="utf-8")
    return path


def test_the_files_of_the_guide_make_a_shop(sqlite_db: sa.Engine, tmp_path: Path) -> None:
    for kind in KINDS:
        report = import_file(sqlite_db, kind, example(tmp_path, f"{kind}.csv"), strict=True)  # type: ignore[arg-type]  # KINDS holds the literals
        assert report.added > 0
        assert report.notes == ()
    assert import_file(sqlite_db, "products", example(tmp_path, "products.jsonl"), strict=True).added == 1
    shop = Shop(sqlite_db)
    assert [(p.sku, p.stock, len(p.variants)) for p in shop.all_products()] == [
        ("MUG-1", None, 0),
        ("TEE-7", 4, 2),
        ("TEE-8", 2, 1),
    ]
    order = shop.order("1001", "ms10001")
    assert order is not None
    assert (str(order.total), len(order.lines)) == ("58.70", 2)
    assert [str(rate.price) for rate in shop.rates("DE")] == ["3.90", "0.00"]


def test_the_mapping_of_the_guide(sqlite_db: sa.Engine, tmp_path: Path) -> None:
    table = tmp_path / "export.csv"
    table.write_bytes(
        "Code;Title;Price;Path;Extra;Status\n"
        "A;<b>Käse</b>brett;1.234,50;Küche/Bretter;material=Buche,art=rund;on\n"
        "B;Brett;5,00;Outlet/Bretter;;on\nC;Brett;5,00;X;;off\nGIFT-1;Brett;;X;;on\n".encode("cp1252")
    )
    mapping = load_mapping(example(tmp_path, "my-products.yaml"))
    report = import_file(sqlite_db, "products", table, mapping, strict=True)
    assert (report.source, report.added) == ("back-office", 2)
    assert report.skipped == {"not on sale": 1, "gift without a price": 1}
    board, outlet = Shop(sqlite_db).all_products()
    assert (board.name, str(board.price), board.category) == ("Käsebrett", "1234.50", "Bretter")
    assert (board.attributes, board.final_sale, outlet.final_sale) == ({"material": "Buche"}, False, True)


def test_the_mapping_of_variants(sqlite_db: sa.Engine, tmp_path: Path) -> None:
    table = tmp_path / "shirts.csv"
    table.write_text("code,type,title,price,left,size\nT1,parent,Tee,,,\nT1-S-Red,child,,9,2,S\n")
    mapping = load_mapping(example(tmp_path, "my-shirts.yaml"))
    assert import_file(sqlite_db, "products", table, mapping, strict=True).added == 1
    assert Shop(sqlite_db).all_products()[0].variants[0].options == {"size": "S"}


def test_the_mapping_of_pages(tmp_path: Path) -> None:
    table = tmp_path / "pages.csv"
    table.write_text("slug,headline,body,published\na,A,<p>x</p>,1\nb,B,<p>y</p>,0\n")
    mapping = load_mapping(example(tmp_path, "my-pages.yaml"))
    assert list(pages_from_table(table, mapping)) == [("a", "A", "<p>x</p>")]


def test_the_guide_names_every_field_key_transform_and_state() -> None:
    words = set(re.findall(r"\w+", GUIDE))
    fields = {name for kind in KINDS for name in targets(kind, "UTC", None)} | set(LINE)
    keys = set(TableMapping.model_fields) | set(Source.model_fields)
    wanted = fields | keys | set(_PLAIN) | set(_WITH_ARGUMENT) | set(ORDER_STATES)
    assert wanted - words == set()


def test_the_commands_of_the_guide_name_packaged_mappings() -> None:
    named = re.findall(r"--mapping (\w+)$", EXAMPLES["online_retail"] + EXAMPLES["magento"], re.M)
    assert {MAPPINGS / f"{name}.yaml" for name in named} == set(MAPPINGS.glob("*.yaml"))


@pytest.mark.skipif(
    "KEFU_DATA" not in os.environ, reason="set KEFU_DATA to the folder of the public data sets"
)
def test_the_commands_of_the_guide_name_files_that_are_there() -> None:
    data = Path(os.environ["KEFU_DATA"])
    names = re.findall(r"\w+__\w+|[\w-]+\.parquet", EXAMPLES["online_retail"] + EXAMPLES["magento"])
    assert len(names) > 12
    for name in names:
        assert list(data.glob(f"*/{name}")) or (data / "magento" / f"{name}.csv").is_file(), name


def test_the_approved_answers_of_the_guide(sqlite_db: sa.Engine, tmp_path: Path) -> None:
    assert answers.import_file(sqlite_db, example(tmp_path, "my-answers.yaml")) == (1, 0)
    [kept] = answers.stored(sqlite_db)
    assert (kept.id, len(kept.questions), kept.source) == ("gift-wrapping", 2, "gift-wrapping")
