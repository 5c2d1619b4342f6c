"""An embedder that needs no model, an index in a temporary folder, a Chroma server, makers of pages and products."""

from __future__ import annotations

import hashlib
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval.index import Index
from retrieval.minilm import Vectors
from retrieval.tokens import tokenize


class HashingEmbedder:
    """Bags of words in 256 dimensions: texts that share words are near. Counts what it was asked for."""

    name = "hashing"
    dim = 256

    def __init__(self, name: str = "hashing") -> None:
        self.name = name
        self.embedded = 0

    def queries(self, texts: Sequence[str]) -> Vectors:
        out = np.zeros((len(texts), self.dim), np.float32)
        for row, text in zip(out, texts, strict=True):
            for token in tokenize(text) or [text]:
                digest = hashlib.blake2b(token.encode(), digest_size=4).digest()
                row[int.from_bytes(digest[:2], "big") % self.dim] += 1
            row /= np.linalg.norm(row)
        return out

    def passages(self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None) -> Vectors:
        self.embedded += len(texts)
        if progress:
            progress(len(texts), len(texts))
        return self.queries(texts)


@dataclass(frozen=True)
class FakeVariant:
    sku: str
    options: Mapping[str, str] = field(default_factory=dict)
    price: Decimal | None = None
    stock: int | None = None


@dataclass(frozen=True)
class FakeProduct:
    sku: str
    name: str
    name_zh: str = ""
    category: str = ""
    category_zh: str = ""
    brand: str = ""
    description: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    price: Decimal | None = None
    stock: int | None = None
    age_limit: int | None = None
    variants: tuple[FakeVariant, ...] = ()
    url: str | None = None


@pytest.fixture
def embedder() -> HashingEmbedder:
    return HashingEmbedder()


@pytest.fixture
def open_index(tmp_path: Path, embedder: HashingEmbedder) -> Iterator[Callable[..., Index]]:
    """Opens the index of this test, as another process would: any number of times."""
    opened: list[Index] = []

    def open_(**options: object) -> Index:
        index = Index(tmp_path / "index", embedder, **options)  # type: ignore[arg-type]  # options are any of Index's
        opened.append(index)
        return index

    yield open_
    for index in opened:
        index.close()


@pytest.fixture
def index(open_index: Callable[..., Index]) -> Index:
    return open_index()


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """Three small pages."""
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "returns.md").write_text(
        "---\ntitle: Returns\nupdated: 2026-01-02\n---\n\n# Returns\n\n## How long can I return a lamp?\n\n"
        "Every lamp can be returned within 30 days from delivery.\n\n## What does a return cost?\n\n"
        "Returns from Spain are free, and the label is in the parcel.\n",
        encoding="utf-8",
    )
    (folder / "delivery.md").write_text(
        "---\ntitle: Delivery\n---\n\n## What does delivery cost?\n\n| Country | Price |\n|---|---|\n"
        "| Spain | 6.90 EUR |\n| China | 19.90 EUR |\n",
        encoding="utf-8",
    )
    (folder / "care.txt").write_text("Care\n====\n\nOil a wooden board every four weeks.\n", encoding="utf-8")
    return folder


@pytest.fixture
def products() -> list[FakeProduct]:
    return [
        FakeProduct(
            "MUG-0001",
            "Harbour stoneware mug",
            name_zh="港湾炻器马克杯",
            category="Mugs & cups",
            category_zh="马克杯",
            brand="Tidewell",
            description="A heavy mug for large hands.",
            attributes={"material": "stoneware", "capacity": "350 ml"},
            price=Decimal("12.90"),
            variants=(
                FakeVariant("MUG-0001-BLU", {"colour": "blue"}, None, 4),
                FakeVariant("MUG-0001-RED", {"colour": "red"}, None, 0),
            ),
        ),
        FakeProduct(
            "MUG-0002",
            "Harbour enamel mug",
            name_zh="港湾搪瓷杯",
            category="Mugs & cups",
            category_zh="马克杯",
            brand="Tidewell",
            description="Light and made for camping.",
            attributes={"material": "enamel", "colour": "white"},
            price=Decimal("9.50"),
            stock=12,
        ),
        FakeProduct(
            "KNI-0001",
            "Kogane santoku 17 cm",
            name_zh="黄金纹三德刀 17厘米",
            category="Kitchen knives",
            category_zh="厨房刀具",
            brand="Tarnfell",
            description="A knife for vegetables and fish.",
            attributes={"blade_length": "17 cm"},
            price=Decimal("119.00"),
            stock=0,
        ),
        FakeProduct(
            "TEN-0001",
            "Fellside two-person tent",
            category="Camping",
            description="Stands in wind and rain, and weighs 2.1 kg.",
            price=Decimal("249.00"),
            stock=None,
        ),
        FakeProduct(
            "85123A",
            "WHITE HANGING HEART T-LIGHT HOLDER",
            category="Candles",
            price=Decimal("2.55"),
            stock=40,
        ),
    ]


@pytest.fixture(scope="module")
def chroma_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
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


def write_state(folder: Path, state: str) -> None:
    """Forty pages, of which each ends in ``state``; in each state another one is missing."""
    folder.mkdir(exist_ok=True)
    for n in range(41):
        path = folder / f"{n:02}.txt"
        path.write_text(f"Animal {n}\n===\n\nAnimal {n} eats plant {n % 7} in month {n % 5}, as of {state}\n")
        if f"S{n}." == state:
            path.unlink()


@pytest.fixture
def index_helpers() -> Any:
    """What a test needs of this file."""
    return sys.modules[__name__]
