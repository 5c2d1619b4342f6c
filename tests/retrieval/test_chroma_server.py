"""The same index on a real Chroma server."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from configs.errors import IndexError_
from retrieval.index import Index
from retrieval.ingest import ingest_docs, ingest_products
from retrieval.products import ProductSearch
from retrieval.search import Search

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = Path(sys.executable).with_name("chroma")
    if not program.exists():
        pytest.skip("the program `chroma` is not beside this Python; pip install chromadb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("chroma")
    with subprocess.Popen(
        [str(program), "run", "--path", str(folder), "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            _wait_until_up(f"http://127.0.0.1:{port}/api/v2/heartbeat", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _wait_until_up(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(150):
        assert process.poll() is None, "the server ended at once"
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail("the Chroma server did not start within 30 s")


def test_ingest_search_verify_rebuild(
    open_index: Callable[..., Index], pages: Path, products: list[Any], server: str
) -> None:
    index = open_index(chroma="server", chroma_url=server)
    ingest_docs(index, [pages])
    ingest_products(index, products)
    assert not (index.folder / "chroma").exists()
    assert Search(index).search("return a lamp")[0].source == "returns.md"
    assert ProductSearch(index).search("enamel mug")[0].sku == "MUG-0002"
    assert index.verify().problems == ()
    (pages / "returns.md").unlink()
    ingest_docs(index, [pages])
    assert index.verify().vectors["kefu-page-hashing"] == 2
    index.rebuild()
    assert index.verify().problems == ()


def test_the_graph_answers_above_the_limit(
    open_index: Callable[..., Index], pages: Path, server: str
) -> None:
    index = open_index(chroma="server", chroma_url=server, exact_limit=1)
    ingest_docs(index, [pages])
    assert Search(index).search("return a lamp")[0].source == "returns.md"


def test_a_server_that_is_not_there(open_index: Callable[..., Index], pages: Path) -> None:
    index = open_index(chroma="server", chroma_url="http://127.0.0.1:9")
    with pytest.raises(IndexError_, match=r"no Chroma server at http://127\.0\.0\.1:9"):
        ingest_docs(index, [pages])
