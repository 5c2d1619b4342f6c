"""Every way in which the parts of an index can come apart is named, and mended or said to be beyond mending."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from configs.errors import IndexError_
from retrieval.index import Index
from retrieval.index.collections import lexical_tokens
from retrieval.index.verify import SAMPLE
from retrieval.ingest import ingest_docs, ingest_products, product_differences
from retrieval.lexical import LexicalIndex
from retrieval.search import Search
from retrieval.snapshot import Snapshot

Plant = Callable[[Index], object]
LAMP = "returns.md#how-long-can-i-return-a-lamp/1"
COST = "returns.md#what-does-a-return-cost/1"
PAGES, SENTENCES = "kefu-page-hashing", "kefu-page-sentences3-hashing"


def sql(statement: str) -> Plant:
    """A change in index.db that the index knows nothing of."""

    def plant(index: Index) -> None:
        with sqlite3.connect(index.folder / "index.db") as db:
            db.execute(statement, {"lamp": LAMP} if ":lamp" in statement else {})
        db.close()

    return plant


def file_of(index: Index, name: str, kind: str = "page") -> Path:
    return index.folder / f"snapshot-{index.version}" / kind / name


def bytes_of(name: str, change: Callable[[bytes], bytes]) -> Plant:
    def plant(index: Index) -> None:
        path = file_of(index, name)
        path.write_bytes(change(path.read_bytes()))

    return plant


def flipped(data: bytes) -> bytes:
    place = len(data) * 2 // 3
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def other_postings(index: Index) -> None:
    """The lexical index of a snapshot, well formed, in which two passages have each other's tokens."""
    texts = [lexical_tokens(row) for row in index.rows.passages("page")]
    place = Snapshot.load(file_of(index, "")).place
    texts[place[LAMP]], texts[place[COST]] = texts[place[COST]], texts[place[LAMP]]
    LexicalIndex.build(texts).save(file_of(index, "lexical"))


def other_vectors(name: str, place: int = 0) -> Plant:
    def plant(index: Index) -> None:
        matrix = np.load(file_of(index, name))
        matrix[place] = -matrix[place]
        np.save(file_of(index, name), matrix)

    return plant


def from_another_version(index: Index) -> None:
    """The files of the version before, whole, in the place of the current ones."""
    new, old = file_of(index, "").parent, index.folder / "old"
    new.rename(old)
    ingest_docs(index, [index.folder.parent / "pages"])
    current = file_of(index, "")
    for path in sorted(current.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    current.rmdir()
    (old / "page").rename(current)


def swapped(index: Index) -> None:
    first, second = index._vectors.get(PAGES, [LAMP, COST], 256)
    index._vectors.put(PAGES, [LAMP, COST], np.stack([second, first]), [LAMP, COST])


def swapped_everywhere(index: Index) -> None:
    """In Chroma and in the snapshot: only the embedder knows."""
    swapped(index)
    matrix = np.load(file_of(index, "vectors/hashing.npy"))
    place = Snapshot.load(file_of(index, "")).place
    matrix[[place[LAMP], place[COST]]] = matrix[[place[COST], place[LAMP]]]
    np.save(file_of(index, "vectors/hashing.npy"), matrix)


def overwritten(index: Index) -> None:
    index._vectors.put(PAGES, [LAMP], np.eye(1, 256, dtype=np.float32), [LAMP])


def one_sentence_deleted(index: Index) -> None:
    index._vectors._of(SENTENCES).delete(ids=[f"{LAMP}~1"])


PLANTED: dict[str, tuple[Plant, str]] = {
    "a passage's row deleted": (sql("DELETE FROM passages WHERE id = :lamp"), "returns.md"),
    "a passage's row added": (
        sql(
            "INSERT INTO passages SELECT 'returns.md#new/1', document_id, 9, kind, title, 'Camels.', hidden, language, "
            "url, meta, hash FROM passages WHERE id = :lamp"
        ),
        "returns.md",
    ),
    "a passage's text changed": (
        sql("UPDATE passages SET text = 'Within 90 days.' WHERE id = :lamp"),
        "returns.md",
    ),
    "a passage's hash changed": (sql("UPDATE passages SET hash = 'x' WHERE id = :lamp"), "returns.md"),
    "text and hash changed": (
        sql("UPDATE passages SET text = 'Never.', hash = 'x' WHERE id = :lamp"),
        "returns.md",
    ),
    "passages in another order": (
        sql("UPDATE passages SET position = 7 WHERE id = :lamp"),
        "returns.md",
    ),
    "a passage moved to another page": (
        sql("UPDATE passages SET document_id = 'delivery.md' WHERE id = :lamp"),
        "delivery.md",
    ),
    "a page's audience changed": (
        sql("UPDATE documents SET audience = 'staff' WHERE id = 'returns.md'"),
        "returns.md",
    ),
    "a page's validity changed": (
        sql("UPDATE documents SET valid_until = '2020-01-01' WHERE id = 'returns.md'"),
        "returns.md",
    ),
    "a page deleted": (sql("DELETE FROM documents WHERE id = 'returns.md'"), LAMP),
    "a page added": (
        sql(
            "INSERT INTO documents SELECT 'x.md', kind, root, title, hash, audience, valid_until, facts, valid_from, "
            "seal FROM documents WHERE id = 'returns.md'"
        ),
        "x.md",
    ),
    "a note of a vector deleted": (sql("DELETE FROM vectors WHERE passage_id = :lamp"), LAMP),
    "a note of a vector that is not": (
        sql("INSERT INTO vectors VALUES ('kefu-page-hashing', 'ghost', 'x')"),
        "ghost",
    ),
    "a version that is not": (
        sql("UPDATE meta SET value = '99-' || substr(value, 3) WHERE key = 'version'"),
        "its files are missing",
    ),
    "a vector missing": (lambda index: index._vectors.delete(PAGES, [LAMP]), LAMP),
    "a sentence's vector missing": (one_sentence_deleted, f"{LAMP}~1"),
    "a foreign vector": (
        lambda index: index._vectors.put(PAGES, ["ghost"], np.ones((1, 256), np.float32), ["ghost"]),
        "ghost",
    ),
    "two vectors swapped": (swapped, LAMP),
    "two vectors swapped in Chroma and in the snapshot": (swapped_everywhere, LAMP),
    "a vector overwritten": (overwritten, LAMP),
    "a collection dropped": (lambda index: index._vectors.drop([SENTENCES]), f"{SENTENCES}: 9 vectors"),
    "passages truncated": (bytes_of("passages.jsonl", lambda data: data[:-40]), "passages.jsonl"),
    "columns truncated": (bytes_of("passages.json", lambda data: data[:-40]), "passages.json"),
    "vectors truncated": (bytes_of("vectors/hashing.npy", lambda data: data[:-40]), "vectors/hashing.npy"),
    "sentences emptied": (bytes_of("sentences.npy", lambda data: b""), "sentences.npy"),
    "a bit of the passages flipped": (bytes_of("passages.jsonl", flipped), "passages.jsonl"),
    "a bit of the vectors flipped": (bytes_of("vectors/hashing.npy", flipped), "vectors/hashing.npy"),
    "a bit of the postings flipped": (
        bytes_of("lexical/data.csc.index.npy", flipped),
        "lexical/data.csc.index.npy",
    ),
    "a bit of the manifest flipped": (bytes_of("manifest.json", flipped), "manifest.json"),
    "postings altered": (
        other_postings,
        f"the lexical index has other tokens for 2 passages ({LAMP}, {COST})",
    ),
    "vectors altered": (
        other_vectors("vectors/hashing.npy"),
        "1 vector (care.txt#top/1) not the same in the snapshot",
    ),
    "sentences altered": (
        other_vectors("sentences.npy", 1),
        "1 vector (care.txt#top/1~1) not the same in the snapshot",
    ),
    "a file missing": (lambda index: file_of(index, "sentences.npy").unlink(), "sentences.npy is missing"),
    "a file too many": (
        lambda index: np.save(file_of(index, "vectors/ghost.npy"), np.ones(3)),
        "vectors/ghost.npy does not belong there",
    ),
    "files of another version": (from_another_version, "are of version"),
}


IN_CHROMA = [kind for kind in PLANTED if ("vector" in kind and "note" not in kind) or "collection" in kind]
EMBEDDED, SERVER = "embedded", pytest.param("server", marks=pytest.mark.server)


@pytest.fixture
def healthy(
    request: pytest.FixtureRequest, open_index: Callable[..., Index], pages: Path, products: list[Any]
) -> Index:
    """An index of pages and products, in embedded Chroma or on a server."""
    server = {}
    if getattr(request, "param", EMBEDDED) == "server":
        server = {"chroma": "server", "chroma_url": request.getfixturevalue("chroma_server")}
    index = open_index(**server)
    index._vectors.drop([collection.name for collection in index._collections])  # of the test before
    ingest_docs(index, [pages])
    ingest_products(index, products)
    return index


def told(index: Index) -> str:
    return "\n".join(map(str, index.verify().problems))


@pytest.mark.parametrize("healthy", [EMBEDDED, SERVER], indirect=True)
def test_a_healthy_index_has_no_problems(healthy: Index, pages: Path) -> None:
    assert told(healthy) == ""
    (pages / "care.txt").unlink()
    ingest_docs(healthy, [pages])
    assert told(healthy) == ""
    healthy.rebuild()
    assert told(healthy) == ""


@pytest.mark.parametrize(
    ("healthy", "kind"),
    [(EMBEDDED, kind) for kind in PLANTED]
    + [pytest.param("server", kind, marks=pytest.mark.server) for kind in IN_CHROMA],
    indirect=["healthy"],
)
def test_what_was_planted_is_named_and_mended(healthy: Index, pages: Path, kind: str) -> None:
    plant, named = PLANTED[kind]
    before = Search(healthy).search("return a lamp", k=4)
    plant(healthy)
    assert named in told(healthy)
    mended = healthy.rebuild().mended
    assert told(healthy) == ""
    ingest_docs(healthy, [pages])  # brings back what could not be mended
    assert told(healthy) == ""
    assert Search(healthy).search("return a lamp", k=4) == before
    lost = [document.id for document in mended.dropped] + list(mended.gone)
    beyond = ("audience", "validity", "deleted", "moved", "added")
    assert not lost or any(word in kind for word in beyond), lost


def test_damaged_rows_come_back_from_the_snapshot(healthy: Index) -> None:
    sql("UPDATE passages SET text = 'Within 90 days.' WHERE id = :lamp")(healthy)
    assert healthy.rebuild().mended.restored == ("returns.md",)
    assert "30 days" in Search(healthy).search("return a lamp")[0].text


def test_damaged_rows_without_a_snapshot_are_taken_out_and_named(healthy: Index) -> None:
    sql("UPDATE passages SET text = 'Within 90 days.' WHERE id = :lamp")(healthy)
    file_of(healthy, "manifest.json").unlink()
    assert [document.id for document in healthy.rebuild().mended.dropped] == ["returns.md"]
    assert told(healthy) == ""
    assert all(passage.source != "returns.md" for passage in Search(healthy).search("return a lamp"))


def test_a_damaged_database_says_what_to_do(open_index: Callable[..., Index], pages: Path) -> None:
    index = open_index()
    ingest_docs(index, [pages])
    index.rows.compact()
    index.close()
    path = index.folder / "index.db"
    data = bytearray(path.read_bytes())
    for start in range(4096 * 2, len(data), 4096):
        data[start : start + 16] = b"\xff" * 16
    path.write_bytes(data)
    index = open_index()
    problem = index.verify().problems[0]
    assert problem.part == "index.db"
    assert "ingest again" in problem.repair
    with pytest.raises(IndexError_, match="ingest again"):
        index.rebuild()


def test_verify_compares_a_sample_with_the_embedder_or_all(
    index: Index, tmp_path: Path, embedder: Any
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for n in range(SAMPLE + 20):
        (folder / f"{n:03}.txt").write_text(f"Topic {n}\n===\n\nAnimal{n} eats plant{n % 7}.\n")
    ingest_docs(index, [folder])
    assert index.verify().embedded[PAGES] == SAMPLE
    assert index.verify(full=True).embedded == {PAGES: SAMPLE + 20, SENTENCES: 2 * SAMPLE + 40, "kefu-product-hashing": 0}  # fmt: skip


def test_the_shop_has_other_products_than_the_index(index: Index, products: list[Any]) -> None:
    ingest_products(index, products)
    assert product_differences(index.rows, products) == {}
    changed = [*products[1:4], type(products[4])("85123A", "Red candle"), type(products[4])("NEW-1", "New")]
    assert product_differences(index.rows, changed) == {
        "missing": ["product:NEW-1"],
        "changed": ["product:85123A"],
        "foreign": ["product:MUG-0001"],
    }


def test_verify_is_refused_while_somebody_writes(open_index: Callable[..., Index], pages: Path) -> None:
    ingest_docs(open_index(), [pages])
    with open_index().write(), pytest.raises(IndexError_, match="is held by"):
        open_index().verify()
