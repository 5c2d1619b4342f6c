"""Only what changed is read; what vanished goes; what is broken is reported and does no harm."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from configs.errors import InputError
from retrieval.index import Index
from retrieval.ingest import IngestReport, ingest_docs, ingest_products
from retrieval.search import Search


def counts(report: IngestReport) -> tuple[int, int, int, int, int]:
    return report.added, report.changed, report.unchanged, report.removed, report.rejected_count


def test_a_second_ingest_embeds_nothing(index: Index, pages: Path, embedder: Any) -> None:
    assert counts(ingest_docs(index, [pages])) == (3, 0, 0, 0, 0)
    before = embedder.embedded
    assert counts(ingest_docs(index, [pages])) == (0, 0, 3, 0, 0)
    assert embedder.embedded == before


def test_only_the_changed_file_is_embedded(index: Index, pages: Path, embedder: Any) -> None:
    ingest_docs(index, [pages])
    before = embedder.embedded
    (pages / "care.txt").write_text("Care\n====\n\nOil it daily.\n")
    assert counts(ingest_docs(index, [pages])) == (0, 1, 2, 0, 0)
    assert embedder.embedded == before + 3  # the passage, its heading and its one sentence


def test_deletions_are_followed(index: Index, pages: Path) -> None:
    ingest_docs(index, [pages])
    (pages / "returns.md").unlink()
    assert counts(ingest_docs(index, [pages])) == (0, 0, 2, 1, 0)
    assert all(passage.source != "returns.md" for passage in Search(index).search("return a lamp"))
    assert index.verify().problems == ()


def test_a_file_that_vanished_can_be_named(index: Index, pages: Path) -> None:
    ingest_docs(index, [pages])
    (pages / "returns.md").unlink()
    assert counts(ingest_docs(index, [pages / "returns.md"])) == (0, 0, 0, 1, 0)


def test_one_folder_does_not_delete_from_another(index: Index, pages: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "jobs.md").write_text("# Jobs\n\nNone at the moment.\n")
    ingest_docs(index, [pages])
    assert counts(ingest_docs(index, [other])) == (1, 0, 0, 0, 0)
    assert index.rows.count("page") == 5


def test_a_subfolder_of_a_root_deletes_below_itself_alone(index: Index, tmp_path: Path) -> None:
    root = tmp_path / "site"
    for name in ("a/1.md", "a/2.md", "b/1.md"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"# {name}\n\nText of {name}.\n")
    ingest_docs(index, [root])
    (root / "a/2.md").unlink()
    (root / "b/1.md").unlink()
    assert counts(ingest_docs(index, [root / "a"], root=root)) == (0, 0, 1, 1, 0)
    assert [document.id for document in index.rows.documents("page")] == ["a/1.md", "b/1.md"]


def test_a_bad_file_is_reported_and_its_last_good_version_stays(index: Index, pages: Path) -> None:
    ingest_docs(index, [pages])
    (pages / "returns.md").write_bytes(b"\xff\xfe\xfa")
    (pages / "also.md").write_bytes(b"\0")
    report = ingest_docs(index, [pages])
    assert counts(report) == (0, 0, 2, 0, 2)
    assert [(rejected.file, bool(rejected.expected)) for rejected in report.rejected] == [
        ("also.md", True),
        ("returns.md", True),
    ]
    assert Search(index).search("return a lamp")[0].source == "returns.md"


def test_strict_stops_before_anything_is_changed(index: Index, pages: Path) -> None:
    ingest_docs(index, [pages])
    (pages / "care.txt").write_text("Care\n====\n\nChanged.\n")
    (pages / "zzz.md").write_bytes(b"\0")
    with pytest.raises(InputError, match=r"zzz\.md: there is a NUL byte"):
        ingest_docs(index, [pages], strict=True)
    assert "four weeks" in Search(index).search("oil a board")[0].text


def test_files_of_other_kinds_are_skipped_in_folders_and_refused_by_name(index: Index, pages: Path) -> None:
    (pages / "logo.png").write_bytes(b"\x89PNG")
    (pages / ".hidden.md").write_text("# Hidden\n\nNot for anyone.\n")
    report = ingest_docs(index, [pages])
    assert (report.added, report.skipped, report.rejected_count) == (3, 1, 0)
    assert ingest_docs(index, [pages / "logo.png"]).rejected[0].what == "the format '.png' is unknown"


def test_a_path_that_does_not_exist_is_reported(index: Index, tmp_path: Path) -> None:
    report = ingest_docs(index, [tmp_path / "nowhere"])
    assert report.rejected[0].what == "there is no such file"


def test_the_same_name_below_two_roots_is_refused_until_one_is_gone(
    index: Index, pages: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(pages, copy)
    ingest_docs(index, [pages])
    assert ingest_docs(index, [copy]).rejected_count == 3
    shutil.rmtree(pages)
    assert counts(ingest_docs(index, [copy])) == (0, 3, 0, 0, 0)  # the folder has moved


def test_pages_may_take_the_place_of_others_of_their_name(index: Index, pages: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(pages, copy)
    ingest_docs(index, [pages])
    assert counts(ingest_docs(index, [copy], replace=True)) == (0, 3, 0, 0, 0)
    assert counts(ingest_docs(index, [copy], replace=True)) == (0, 0, 3, 0, 0)


def test_pages_of_a_csv_come_and_go_with_their_rows(index: Index, tmp_path: Path) -> None:
    path = tmp_path / "cms.csv"
    path.write_text("title,identifier,content\nA,a,<p>Text of apples.</p>\nB,b,<p>Text of bears.</p>\n")
    assert ingest_docs(index, [path]).added == 2
    path.write_text("title,identifier,content\nA,a,<p>Text of apples.</p>\n")
    report = ingest_docs(index, [path])
    assert (report.changed, report.removed) == (1, 1)
    assert [passage.source for passage in Search(index).search("bears apples")] == ["cms.csv/a"]


def test_expired_and_internal_pages_are_not_served(index: Index, pages: Path) -> None:
    (pages / "sale.md").write_text("---\nvalid_until: 2026-06-30\n---\n# Sale\n\nAll camels are reduced.\n")
    (pages / "staff.md").write_text("---\naudience: staff\n---\n# Staff\n\nCamels bite.\n")
    ingest_docs(index, [pages])

    def sources(day: date) -> set[str]:
        return {passage.source for passage in Search(index, today=day).search("camels", k=10)}

    assert "sale.md" in sources(date(2026, 6, 30))
    assert "sale.md" not in sources(date(2026, 7, 1))
    assert "staff.md" not in sources(date(2026, 6, 30))
    later = Search(index, today=date(2026, 7, 1))
    assert later.passage("sale.md#top/1") is None
    assert later.document("staff.md") == []


def test_a_page_is_served_on_its_days_alone_by_whatever_way(index: Index, pages: Path) -> None:
    sale = "---\nvalid_from: 2026-12-01\nvalid_until: 2026-12-24\n---\n# Sale\n\nAll camels are reduced.\n"
    (pages / "sale.md").write_text(sale)
    report = ingest_docs(index, [pages])
    assert report.rejected == []
    served = {}
    for day in (date(2026, 11, 30), date(2026, 12, 1), date(2026, 12, 24), date(2026, 12, 25)):
        search = Search(index, today=day)
        ways = [
            any(passage.source == "sale.md" for passage in search.search("camels", k=10)),
            any(
                passage.source == "sale.md"
                for passage in search.search("and then?", dialogue=["camels"], told=["sale.md#top/1"], k=10)
            ),
            search.passage("sale.md#top/1") is not None,
            bool(search.document("sale.md")),
            bool(search.document("sale")),
            any(passage.source == "sale.md" for passage in search.pages()),
        ]
        assert len(set(ways)) == 1
        served[day.isoformat()] = ways[0]
    assert list(served.values()) == [False, True, True, False]


def test_a_page_that_is_valid_from_today_on_appears_at_midnight(index: Index, pages: Path) -> None:
    (pages / "sale.md").write_text("---\nvalid_from: 2026-12-01\n---\n# Sale\n\nAll camels are reduced.\n")
    ingest_docs(index, [pages])
    snapshot = index.snapshot("page")
    place = snapshot.place["sale.md#top/1"]
    days = [date(2026, 11, 30), date(2026, 12, 1), date(2026, 11, 30)]
    assert [bool(snapshot.servable(day)[place]) for day in days] == [False, True, False]


def test_a_change_of_the_dates_alone_is_seen(index: Index, pages: Path) -> None:
    page = "---\nvalid_from: {}\n---\n# Sale\n\nAll camels are reduced.\n"
    (pages / "sale.md").write_text(page.format("2026-12-01"))
    ingest_docs(index, [pages])
    (pages / "sale.md").write_text(page.format("2027-12-01"))
    assert ingest_docs(index, [pages]).changed == 1
    assert Search(index, today=date(2026, 12, 2)).passage("sale.md#top/1") is None


def test_progress_is_told(index: Index, pages: Path) -> None:
    told: list[tuple[str, int, int]] = []
    ingest_docs(index, [pages], progress=lambda stage, done, total: told.append((stage, done, total)))
    assert ("read", 3, 3) in told
    assert ("embed page-hashing", 4, 4) in told
    assert all(0 < done <= total for _, done, total in told)


def test_products_are_kept_in_step(index: Index, products: list[Any], embedder: Any) -> None:
    assert counts(ingest_products(index, products)) == (5, 0, 0, 0, 0)
    before = embedder.embedded
    changed = [replace(products[0], price=Decimal("13.50")), *products[2:]]
    assert counts(ingest_products(index, changed)) == (0, 1, 3, 1, 0)
    assert embedder.embedded == before  # a price is a fact, not a text
    assert index.verify().problems == ()
