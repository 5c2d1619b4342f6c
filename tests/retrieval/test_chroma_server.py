"""The same index on a real Chroma server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from configs.errors import IndexError_
from retrieval.index import Index
from retrieval.ingest import ingest_docs, ingest_products
from retrieval.products import ProductSearch
from retrieval.search import Search

pytestmark = pytest.mark.server


def test_ingest_search_verify_rebuild(
    open_index: Callable[..., Index], pages: Path, products: list[Any], chroma_server: str
) -> None:
    index = open_index(chroma="server", chroma_url=chroma_server)
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
    open_index: Callable[..., Index], pages: Path, chroma_server: str
) -> None:
    index = open_index(chroma="server", chroma_url=chroma_server, exact_limit=1)
    ingest_docs(index, [pages])
    assert Search(index).search("return a lamp")[0].source == "returns.md"


def test_a_server_that_is_not_there(open_index: Callable[..., Index], pages: Path) -> None:
    index = open_index(chroma="server", chroma_url="http://127.0.0.1:9")
    with pytest.raises(IndexError_, match=r"no Chroma server at http://127\.0\.0\.1:9"):
        ingest_docs(index, [pages])
