"""Searches go on while another process ingests and rebuilds: none fails, none sees half of it, all see it afterwards."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from retrieval.index import Index
from retrieval.ingest import ingest_docs
from retrieval.search import Search

WRITER = """
    import importlib.util, pathlib, sys
    spec = importlib.util.spec_from_file_location("helpers", sys.argv[1])
    helpers = importlib.util.module_from_spec(spec)
    sys.modules["helpers"] = helpers
    spec.loader.exec_module(helpers)
    from retrieval.index import Index
    from retrieval.ingest import ingest_docs
    options = {"chroma": "server", "chroma_url": sys.argv[5]} if sys.argv[5] else {}
    index = Index(pathlib.Path(sys.argv[2]), helpers.HashingEmbedder(), exact_limit=int(sys.argv[4]), **options)
    for state in sys.stdin.read().split():
        helpers.write_state(pathlib.Path(sys.argv[3]), state)
        ingest_docs(index, [pathlib.Path(sys.argv[3])])
        index.rebuild()
        print(state, flush=True)
    index.close()
"""
COUNT = 40


def of_one_state(texts: list[str]) -> bool:
    """Every passage ends in the state that wrote it."""
    return len({text.rsplit(" ", 1)[-1] for text in texts}) == 1


@contextmanager
def searching(search: Search, found: list[list[str]]) -> Iterator[None]:
    """Three threads search until the block ends; fails if one of them did."""
    stop = threading.Event()

    def ask(number: int) -> int:
        asked = 0
        while not stop.is_set():
            results = search.search(f"animal {number}", dialogue=["what do animals eat"], k=8)
            found.append([passage.text for passage in results])
            asked += 1
            time.sleep(0.02)  # the writer needs the processor too
        return asked

    with ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(ask, number) for number in range(3)]
        try:
            yield
        finally:
            stop.set()
        assert all(future.result() > 0 for future in asking)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("exact_limit", "chroma"),
    [
        pytest.param(1000, "embedded", id="exact"),
        pytest.param(10, "embedded", id="graph"),
        pytest.param(10, "server", id="graph-server", marks=pytest.mark.server),
    ],
)
def test_no_search_fails_or_mixes_while_another_process_ingests_and_rebuilds(
    open_index: Callable[..., Index],
    tmp_path: Path,
    index_helpers: Any,
    request: pytest.FixtureRequest,
    exact_limit: int,
    chroma: str,
) -> None:
    url = request.getfixturevalue("chroma_server") if chroma == "server" else ""
    options = {"chroma": "server", "chroma_url": url} if url else {}
    folder = tmp_path / "pages"
    index_helpers.write_state(folder, "S0.")
    index = open_index(exact_limit=exact_limit, **options)
    ingest_docs(index, [folder])
    search = Search(index)
    found: list[list[str]] = []
    states = ["S1.", "S2."]
    with (
        searching(search, found),
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(WRITER), str(Path(__file__).parent / "conftest.py"),
             str(index.folder), str(folder), str(exact_limit), url],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as writer,
    ):  # fmt: skip
        said, wrong = writer.communicate("\n".join(states), timeout=500)
    assert writer.returncode == 0, wrong
    assert said.split() == states
    assert all(len(texts) == 8 for texts in found)
    assert all(of_one_state(texts) for texts in found)
    seen = {texts[0].rsplit(" ", 1)[-1] for texts in found}
    assert "S0." in seen
    after = search.search("animal 1", k=8)  # the same searcher, not opened again
    assert {passage.text.rsplit(" ", 1)[-1] for passage in after} == {"S2."}
    assert index.verify().problems == ()


def test_a_search_above_the_limit_goes_on_without_chroma(
    open_index: Callable[..., Index], tmp_path: Path, index_helpers: Any
) -> None:
    index_helpers.write_state(tmp_path / "pages", "S0.")
    index = open_index(exact_limit=10)
    ingest_docs(index, [tmp_path / "pages"])
    before = Search(index).search("animal 7", k=3)
    index._vectors.drop(["kefu-page-hashing"])
    assert Search(index).search("animal 7", k=3) == before


def test_a_searcher_that_started_before_the_swap_finishes_on_its_own_state(
    open_index: Callable[..., Index], tmp_path: Path, index_helpers: Any
) -> None:
    """Its files are gone by then; what it has opened stays readable."""
    index_helpers.write_state(tmp_path / "pages", "S0.")
    index = open_index(exact_limit=10)
    ingest_docs(index, [tmp_path / "pages"])
    snapshot = index.snapshot("page")
    index_helpers.write_state(tmp_path / "pages", "S1.")
    ingest_docs(index, [tmp_path / "pages"])
    index.rebuild()
    assert of_one_state([snapshot.passage(row).text for row in range(len(snapshot))])
    assert snapshot.vectors["hashing"].shape == (COUNT, 256)
    assert index.candidates(snapshot, "page", index.embedder, snapshot.vectors["hashing"][:1], 3) is None
