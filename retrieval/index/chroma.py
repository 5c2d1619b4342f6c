"""Vectors in Chroma, embedded or on a server. Does not know what they are vectors of."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from configs.errors import IndexError_, KefuError
from retrieval.minilm import Vectors

_PAGE = 2000
"""Ids in one call: Chroma passes them to SQLite as variables."""


class ChromaVectors:
    """Vectors in Chroma: embedded (files in ``folder``) or on a server (``url``).

    Connects when first used. Calls take turns, so that one thread may let go of the files under another. Only ``put``
    creates anything: a reader that did would get in the way of a writer.
    """

    def __init__(self, folder: Path, url: str | None) -> None:
        self._folder = folder
        self._url = url
        self._lock = threading.RLock()
        self._client_: Any = None
        self._known: dict[str, Any] = {}

    def put(self, name: str, ids: Sequence[str], vectors: Vectors, passages: Sequence[str]) -> None:
        """Add or replace; ``passages`` are the ids of the passages that the vectors belong to."""
        for start in range(0, len(ids), _PAGE):
            part = slice(start, start + _PAGE)
            metadatas = [{"passage": passage_id} for passage_id in passages[part]]
            with self._asking():
                self._made(name).upsert(ids=list(ids[part]), embeddings=vectors[part], metadatas=metadatas)

    def delete(self, name: str, passages: Sequence[str]) -> None:
        """Delete all vectors of these passages."""
        for start in range(0, len(passages), _PAGE):
            with self._asking():
                if collection := self._of(name):
                    part = list(passages[start : start + _PAGE])
                    collection.delete(where={"passage": {"$in": part}})

    def get(self, name: str, ids: Sequence[str], dim: int) -> Vectors:
        """Vectors in the order of ``ids``.

        Raises:
            IndexError_: some are missing.
        """
        out = self.kept(name, ids, dim)
        lost = [passage_id for passage_id, row in zip(ids, out, strict=True) if np.isnan(row).any()]
        if lost:
            raise IndexError_(
                f"Chroma has lost {len(lost)} vectors of {name}, such as that of {lost[0]}",
                hint="run `kefu rebuild`",
            )
        return out

    def kept(self, name: str, ids: Sequence[str], dim: int) -> Vectors:
        """Vectors in the order of ``ids``; rows of NaN where there is none."""
        out = np.full((len(ids), dim), np.nan, np.float32)
        place = {passage_id: i for i, passage_id in enumerate(ids)}
        for start in range(0, len(ids), _PAGE):
            with self._asking():
                if not (collection := self._of(name)):
                    break
                found = collection.get(ids=list(ids[start : start + _PAGE]), include=["embeddings"])
            for passage_id, vector in zip(found["ids"], found["embeddings"], strict=True):
                if len(vector) == dim:
                    out[place[passage_id]] = vector
        return out

    def ids(self, name: str) -> set[str]:
        with self._asking():
            collection = self._of(name)
            return set(collection.get(include=[])["ids"]) if collection else set()

    def nearest(self, name: str, query: Vectors, count: int) -> list[str]:
        """The ids of the ``count`` vectors that the graph finds nearest to ``query``."""
        with self._asking():
            if not (collection := self._of(name)):
                return []
            found = collection.query(query_embeddings=[query], n_results=count, include=[])
            return list(found["ids"][0])

    def unfound(self, name: str, ids: Sequence[str], vectors: Vectors) -> list[str]:
        """Vectors whose own query does not find them (or an equal one)."""
        with self._asking():
            if not ids or not (collection := self._of(name)):
                return []
            found = collection.query(query_embeddings=list(vectors), n_results=1, include=["distances"])
        return [
            passage_id
            for passage_id, distances in zip(ids, found["distances"], strict=True)
            if not distances or abs(distances[0]) > 1e-3
        ]

    def drop(self, names: Iterable[str]) -> None:
        """Delete whole collections."""
        with self._asking():
            if not self._exists():
                return
            existing = {collection.name for collection in self._client().list_collections()}
            for name in existing & set(names):
                self._client().delete_collection(name)
                self._known.pop(name, None)

    def close(self) -> None:
        """Let go of the files or the server; the next call connects anew."""
        with self._lock:
            if self._client_ is not None:
                self._client_.close()
                if self._url is not None:  # Chroma 1.5 leaves the connections of its HTTP clients open
                    for client in (self._client_, self._client_._admin_client):
                        client._server._session.close()
                self._client_ = None
                self._known.clear()

    @property
    def embedded(self) -> bool:
        return self._url is None

    def refresh(self, folder: Path) -> None:
        """Forget what embedded Chroma has in memory: another process may have written the files, or others."""
        if self.embedded:
            with self._lock:
                self.close()
                self._folder = folder

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Chroma's turn; whatever it raises becomes an error of ours."""
        with self._lock:
            try:
                yield
            except KefuError:
                raise
            except Exception as error:  # Chroma raises errors of many libraries
                self.close()  # a client that has failed once may be broken for good
                raise IndexError_(
                    f"Chroma failed ({type(error).__name__}: {error})", hint="run `kefu verify`"
                ) from error

    def _client(self) -> Any:
        with self._lock:
            if self._client_ is None:
                self._client_ = _connect(self._folder, self._url)
            return self._client_

    def _exists(self) -> bool:
        return not self.embedded or (self._folder / "chroma.sqlite3").exists()

    def _of(self, name: str) -> Any:
        """The collection, or ``None`` if there is none."""
        from chromadb.errors import NotFoundError

        if name not in self._known:
            if not self._exists():
                return None
            try:
                self._known[name] = self._client().get_collection(name, embedding_function=None)
            except NotFoundError:
                return None
        return self._known[name]

    def _made(self, name: str) -> Any:
        """The collection, made if there is none."""
        if name not in self._known:
            # Our own vectors only: an embedding function named in a collection's settings would be loaded.
            self._known[name] = self._client().get_or_create_collection(
                name,
                embedding_function=None,
                configuration={"hnsw": {"space": "cosine", "ef_search": 200}},
            )
        return self._known[name]


def _connect(folder: Path, url: str | None) -> Any:
    from urllib.parse import urlsplit

    import chromadb
    from chromadb.config import Settings as ChromaSettings

    options = ChromaSettings(anonymized_telemetry=False)
    if url is None:
        folder.mkdir(parents=True, exist_ok=True)
        return chromadb.PersistentClient(str(folder), settings=options)
    parts = urlsplit(url)
    try:
        return chromadb.HttpClient(
            host=parts.hostname or "127.0.0.1",
            port=parts.port or (443 if parts.scheme == "https" else 80),
            ssl=parts.scheme == "https",
            settings=options,
        )
    except ValueError as error:
        raise IndexError_(
            f"there is no Chroma server at {url} ({error})",
            expected="a running `chroma run`",
            hint="start it, or set retrieval.chroma to embedded",
        ) from error
