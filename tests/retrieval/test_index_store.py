"""Rows, vectors and snapshot agree, whatever happens to the writer."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from configs.errors import IndexError_, IndexLockedError
from retrieval.index import Index
from retrieval.ingest import ingest_docs, ingest_products
from retrieval.lock import writing
from retrieval.search import Search

OpenIndex = Callable[..., Index]


def test_an_empty_index_answers(index: Index) -> None:
    assert index.version == "0"
    assert Search(index).search("anything") == []
    assert index.verify().problems == ()


def test_ingest_fills_all_parts(index: Index, pages: Path, products: list[Any]) -> None:
    ingest_docs(index, [pages])
    ingest_products(index, products)
    verified = index.verify()
    assert verified.problems == ()
    assert verified.passages == {"page": 4, "product": 5}
    assert verified.vectors["kefu-page-hashing"] == 4
    assert (
        verified.vectors["kefu-page-sentences3-hashing"] == 4 + 5
    )  # headings; two table rows are two sentences
    snapshot = index.snapshot("page")
    assert np.allclose(np.linalg.norm(snapshot.vectors["hashing"], axis=1), 1, atol=1e-5)


def test_the_version_changes_with_the_content_alone(index: Index, pages: Path) -> None:
    first = ingest_docs(index, [pages]).version
    assert ingest_docs(index, [pages]).version == first
    (pages / "care.txt").write_text("Care\n====\n\nOil it twice.\n")
    assert ingest_docs(index, [pages]).version != first


def test_a_second_writer_is_refused_at_once_and_told_who_writes(index: Index, pages: Path) -> None:
    code = f"""
        import pathlib, sys, time
        from retrieval.lock import writing
        with writing(pathlib.Path({str(index.folder)!r})):
            print("locked", flush=True)
            time.sleep(60)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True
    ) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "locked\n"
            started = time.perf_counter()
            with pytest.raises(IndexLockedError, match=f"process {other.pid}"):
                ingest_docs(index, [pages])
            assert time.perf_counter() - started < 1
        finally:
            other.kill()
    assert ingest_docs(index, [pages]).added == 3  # the lock died with its holder


def test_two_index_objects_of_one_process_do_not_write_at_once(open_index: OpenIndex, pages: Path) -> None:
    with open_index().write(), pytest.raises(IndexLockedError):
        ingest_docs(open_index(), [pages])


def test_the_lock_is_freed_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="oops"), writing(tmp_path):
        raise ValueError("oops")
    with writing(tmp_path):
        assert json.loads((tmp_path / "writer.json").read_text())["pid"]


def test_publishing_needs_the_lock(index: Index) -> None:
    with pytest.raises(IndexError_, match="without the writer's lock"):
        index.publish()


KILLED = """
    import importlib.util, os, pathlib, signal, sys
    from unittest.mock import patch
    spec = importlib.util.spec_from_file_location("helpers", sys.argv[1])
    helpers = importlib.util.module_from_spec(spec)
    sys.modules["helpers"] = helpers
    spec.loader.exec_module(helpers)
    from retrieval.index import Index
    from retrieval.index.chroma import ChromaVectors
    from retrieval.ingest import ingest_docs
    from retrieval.rows import Rows
    from retrieval import snapshot

    def die(*args, **kwargs):
        os.kill(os.getpid(), signal.SIGKILL)

    calls = iter(range(100))
    owner, name = {"put": (ChromaVectors, "put"), "note": (Rows, "note_vectors"), "delete": (ChromaVectors, "delete"),
                   "save": (snapshot, "save"), "meta": (Rows, "set_meta")}[sys.argv[4]]
    real, fatal = getattr(owner, name), int(sys.argv[5])

    def sometimes(*args, **kwargs):
        if next(calls) == fatal:
            die()
        return real(*args, **kwargs)

    setattr(owner, name, sometimes)
    index = Index(pathlib.Path(sys.argv[2]), helpers.HashingEmbedder())
    ingest_docs(index, [pathlib.Path(sys.argv[3])])
    raise SystemExit("survived")
"""


@pytest.mark.parametrize(
    ("step", "call"), [("put", 0), ("put", 1), ("note", 1), ("note", 2), ("note", 3), ("delete", 0), ("save", 0), ("save", 1), ("meta", 0), ("meta", 2), ("meta", 3), ("meta", 4)]
)  # fmt: skip
def test_the_next_ingest_repairs_what_a_killed_one_left(
    open_index: OpenIndex, pages: Path, tmp_path: Path, step: str, call: int
) -> None:
    index = open_index()
    before = ingest_docs(index, [pages]).version
    (pages / "returns.md").write_text(
        "# Returns\n\nA camel can be returned within 9 days. It must be unused.\n"
    )
    (pages / "care.txt").unlink()
    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(Path(__file__).parent / "conftest.py"),
         str(index.folder), str(pages), step, str(call)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert killed.returncode == -9, killed.stderr
    assert index.version == before  # readers keep the old state, whole
    assert Search(index).search("return a lamp") is not None
    assert index.verify().problems != ()
    ingest_docs(index, [pages])
    assert index.verify().problems == ()
    found = Search(index).search("camel")
    assert found[0].text.startswith("A camel")
    assert {passage.source for passage in found} == {"returns.md", "delivery.md"}


def test_verify_finds_what_chroma_lost_and_rebuild_mends_it(index: Index, pages: Path) -> None:
    ingest_docs(index, [pages])
    lost = index.rows.passages("page")[0].passage.id
    index._vectors.delete("kefu-page-hashing", [lost])
    assert any("1 vector (" in str(problem) and lost in str(problem) for problem in index.verify().problems)
    index.rebuild()
    assert index.verify().problems == ()
    assert Search(index).search("lamp")


def test_verify_finds_foreign_vectors(index: Index, pages: Path) -> None:
    ingest_docs(index, [pages])
    index._vectors.put("kefu-page-hashing", ["ghost"], np.ones((1, 256), np.float32), ["ghost"])
    assert "Chroma kefu-page-hashing: 1 vector (ghost) of no passage" in map(str, index.verify().problems)


def _bytes_of(index: Index) -> bytes:
    """All files of an index, one after the other."""
    return b"".join(path.read_bytes() for path in index.folder.rglob("*") if path.is_file())


REBUILD = """
    import importlib.util, pathlib, sys
    spec = importlib.util.spec_from_file_location("helpers", sys.argv[1])
    helpers = importlib.util.module_from_spec(spec)
    sys.modules["helpers"] = helpers
    spec.loader.exec_module(helpers)
    from retrieval.index import Index
    Index(pathlib.Path(sys.argv[2]), helpers.HashingEmbedder()).rebuild()
"""


def test_rebuild_leaves_nothing_of_what_was_deleted(open_index: OpenIndex, pages: Path) -> None:
    (pages / "secret.md").write_text("# Zanzibar\n\nThe quokka lives behind the waterfall.\n")
    index = open_index()
    ingest_docs(index, [pages])
    secret = index._vectors.get("kefu-page-hashing", ["secret.md#top/1"], 256)[0].tobytes()
    assert secret in _bytes_of(index)
    (pages / "secret.md").unlink()
    ingest_docs(index, [pages])
    assert secret in _bytes_of(index)  # an ingest deletes, but does not erase
    index.close()
    helpers = str(Path(__file__).parent / "conftest.py")
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(REBUILD), helpers, str(index.folder)], check=True, timeout=120
    )
    files = _bytes_of(index)
    assert b"delivery.md" in files
    assert secret not in files
    assert not any(trace in files for trace in (b"secret.md", b"anzibar", b"quokka", b"waterfal"))


def test_vectors_of_an_embedder_that_is_no_longer_set_are_dropped(
    open_index: OpenIndex, pages: Path, embedder: Any
) -> None:
    ingest_docs(open_index(multilingual=type(embedder)("second")), [pages])
    index = open_index()
    ingest_docs(index, [pages])
    assert index.rows.collections() == ["kefu-page-hashing", "kefu-page-sentences3-hashing"]
    assert index.verify().problems == ()
    names = {collection.name for collection in index._vectors._client().list_collections()}
    assert "kefu-page-second" not in names


def test_a_reader_follows_another_writer(open_index: OpenIndex, pages: Path) -> None:
    reader = Search(open_index())
    assert reader.search("lamp") == []
    ingest_docs(open_index(), [pages])
    before = reader.version
    assert reader.search("lamp")[0].source == "returns.md"
    (pages / "new.md").write_text("# Camels\n\nCamels are sent by ship.\n")
    ingest_docs(open_index(), [pages])
    assert reader.version != before
    assert reader.search("camels")[0].source == "new.md"


def test_a_missing_snapshot_says_how_to_mend_it(index: Index, pages: Path) -> None:
    ingest_docs(index, [pages])
    for path in index.folder.glob("snapshot-*/page/passages.json"):
        path.unlink()
    with pytest.raises(IndexError_, match="kefu rebuild"):
        Search(index).search("lamp")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path, embedder: Any) -> None:
    (tmp_path / "index.db").write_bytes(b"this is no database, it only looks like a file" * 100)
    with pytest.raises(IndexError_, match="is damaged"):
        Index(tmp_path, embedder)


def test_above_the_limit_of_exact_search_chroma_finds_the_same(open_index: OpenIndex, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for n in range(40):
        (folder / f"{n:02}.txt").write_text(
            f"Topic {n}\n===\n\nAnimal{n} eats plant{n % 7} in month{n % 5}.\n"
        )
    ingest_docs(open_index(), [folder])
    exact = Search(open_index())
    queries = ["animal3 plant3", "plant2 month1", "month4", "animal39"]
    wanted = [exact.search(query, k=1)[0].id for query in queries]
    large = open_index(exact_limit=10)
    (folder / "00.txt").write_text("Topic 0\n===\n\nAnimal0 eats nothing.\n")
    ingest_docs(large, [folder])
    snapshot = large.snapshot("page")
    vectors = large.embedder.queries(queries)
    near = large.candidates(snapshot, "page", large.embedder, vectors, 5)
    assert near is not None
    cosines = vectors @ snapshot.vectors["hashing"].T
    assert all(cosine[best].min() >= np.sort(cosine)[-5] for cosine, best in zip(cosines, near, strict=True))
    found = [Search(large).search(query, dialogue=["animals"], k=1)[0].id for query in queries]
    assert found == wanted


def test_old_snapshots_are_deleted(index: Index, pages: Path) -> None:
    for n in range(4):
        (pages / "care.txt").write_text(f"Care\n====\n\nOil it {n} times.\n")
        ingest_docs(index, [pages])
    assert len(list(index.folder.glob("snapshot-*"))) == 2


def test_threads_search_while_a_writer_writes(open_index: OpenIndex, pages: Path) -> None:
    writer, search = open_index(), Search(open_index())
    ingest_docs(writer, [pages])
    stop = threading.Event()

    def ask() -> int:
        asked = 0
        while not stop.is_set():
            found = search.search("return a lamp", dialogue=["delivery"])
            assert found[0].source == "returns.md"
            asked += 1
        return asked

    with ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(ask) for _ in range(3)]
        try:
            for n in range(4):
                (pages / "care.txt").write_text(f"Care\n====\n\nOil it {n} times.\n")
                ingest_docs(writer, [pages])
        finally:
            stop.set()
        assert all(future.result() > 0 for future in asking)
