"""``build(settings)``: the only place that chooses backends and puts the parts together."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from chatbot import compose
from chatbot.actions.http_system import HttpSystem
from chatbot.actions.journal import Actions
from chatbot.actions.system import DatabaseSystem, System
from chatbot.adapters import Adapters
from chatbot.answers import Answers
from chatbot.auth import load_secret
from chatbot.behaviour import Behaviour
from chatbot.db import connect, migrate
from chatbot.dialogue import Dialogue
from chatbot.engine import build_engine
from chatbot.engine.base import Engine
from chatbot.engine.weights import adapters_folder
from chatbot.exploring import Exploring
from chatbot.intents import Space, packaged_intents
from chatbot.prompt import system_prompt
from chatbot.recommending import Recommending
from chatbot.route import Router
from chatbot.router.served import Served
from chatbot.shop import Shop
from chatbot.store import Store
from chatbot.tools import BUILTIN
from chatbot.tools.base import load_tools
from chatbot.turn import Bot, Embedding
from configs.errors import ConfigError
from configs.settings import Settings
from retrieval.embed import Embedder, load_embedder, multilingual_installed
from retrieval.index import Index, StageProgress
from retrieval.products import ProductSearch
from retrieval.search import Search
from retrieval.vectors import VectorCache

Vectors = NDArray[np.float32]
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class App:
    """The parts of a running service. ``aclose`` ends the engine and closes the database."""

    settings: Settings
    db: sa.Engine
    shop: Shop
    store: Store
    behaviour: Behaviour
    index: Index
    search: Search
    products: ProductSearch
    recommending: Recommending
    engine: Engine
    actions: Actions
    bot: Bot

    def load(self) -> None:
        """Load every model and table that the first questions would have to wait for."""
        for language, example in (("en", "a gift"), ("zh", "礼物")):
            self.bot.router.plan(example, Dialogue(), language=language)
            self.products.search(example, language=language)
            embedding = self.bot.embeddings[language]
            found = self.search.search(example, dialogue=[example], language=language)
            compose.quote(
                example, embedding.query(example), found, embedding.passages, language=language, limit=1
            )
            self.bot.answers.match(example, language)

    def warm(self, progress: StageProgress | None = None) -> None:
        """Embed every sentence of the pages that a quote may need and that was not embedded before."""
        pages = self.search.pages()
        for language, embedding in self.bot.embeddings.items():
            texts = compose.texts_to_keep(pages, language)
            for start in range(0, len(texts), 64):
                embedding.passages(texts[start : start + 64])
                if progress:
                    progress(f"sentences ({language})", min(start + 64, len(texts)), len(texts))

    async def aclose(self) -> None:
        await self.engine.aclose()
        self.index.close()
        self.db.dispose()


def make_home(settings: Settings) -> None:
    """Create the folder in which everything is kept.

    Raises:
        ConfigError: it cannot be made.
    """
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"cannot make the folder {settings.home} ({error.strerror})",
            hint="set home (KEFU_HOME) to another",
        ) from error


def open_database(settings: Settings) -> sa.Engine:
    """The database at its newest schema."""
    # Chroma and transformers must never look for a hub or send statistics, whatever the caller's environment.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")
    make_home(settings)
    db = connect(settings.resolved_database_url)
    migrate(db)
    return db


def build(settings: Settings, *, db: sa.Engine | None = None, engine: Engine | None = None) -> App:
    """Everything that answers shoppers, loaded and warm but for the engine, which starts in the background.

    Raises:
        ConfigError: a backend's library, model or address is missing.
    """
    db = db or open_database(settings)
    adapters = Adapters(adapters_folder(settings), settings.engine.model)
    engine = engine or build_engine(settings, prefix=system_prompt(), adapter=adapters.live)
    search = Search.open(settings)
    index, embedder = search.index, search.embedder
    products = ProductSearch(index)
    shop, store = Shop(db), Store(db)
    behaviour = Behaviour(db)
    recommending = Recommending(
        shop,
        behaviour,
        products.columns,
        settings.home / "recommender",
        settings.recommend.weights,
        clock(settings),
    )
    if recommending.current() is None:
        recommending.train()
    embeddings = embeddings_of(settings, embedder)
    encoders = {language: embedding.passages for language, embedding in embeddings.items()}
    askers = {language: embedding.query for language, embedding in embeddings.items()}
    actions = Actions(db, load_secret(settings), system_of(settings, db), settings.actions)
    router = Router(
        {
            language: Served(language, router_folder(settings), Space(embedding.passages, embedding.queries))
            for language, embedding in embeddings.items()
        },
        products,
        settings.shop,
        search,
        actions.offered,
    )
    bot = Bot(
        settings=settings,
        store=store,
        shop=shop,
        search=search,
        products=products,
        recommending=recommending,
        engine=engine,
        router=router,
        answers=Answers(db, encoders, askers),
        tools=load_tools(BUILTIN),
        embeddings=embeddings,
        adapters=adapters,
        clock=clock(settings),
        exploring=Exploring(db, shop, settings.recommend.explore),
        actions=actions,
    )
    return App(
        settings, db, shop, store, behaviour, index, search, products, recommending, engine, actions, bot
    )


def system_of(settings: Settings, db: sa.Engine) -> System | None:
    """Who carries out what shoppers confirm."""
    match settings.actions.system:
        case "database" | "auto" if settings.actions.system == "database" or settings.shop.simulated:
            return DatabaseSystem(db, settings.shop, settings.actions, clock(settings))
        case "http":
            secret = settings.actions_secret
            return HttpSystem(settings.actions.url, secret.get_secret_value() if secret else "")
    return None


def router_folder(settings: Settings) -> Path:
    """Where the trained classifiers of intents are kept."""
    return settings.home / "router"


def clock(settings: Settings) -> Callable[[], datetime]:
    """The wall clock, or the fixed day of a simulated shop."""
    if settings.shop.today is None:
        return lambda: datetime.now(UTC)
    fixed = datetime.fromisoformat(settings.shop.today)
    if fixed.tzinfo is None:
        fixed = fixed.replace(tzinfo=UTC)
    return lambda: fixed


# --- embeddings ---------------------------------------------------------------------------------------------


def embeddings_of(settings: Settings, embedder: Embedder) -> dict[str, Embedding]:
    """English by the shop's embedder; Chinese by e5, or by its characters where e5 is not installed."""
    cache = VectorCache(settings.home / "vectors.db")
    english = Embedding(
        queries=embedder.queries,
        passages=lambda texts: cache.encode(f"{embedder.name}/passage", embedder.passages, texts),
    )
    if not multilingual_installed() or "zh" not in settings.retrieval.languages:
        return {"en": english, "zh": Embedding(characters, characters)}
    return {"en": english, "zh": _centred_e5(cache)}


def _centred_e5(cache: VectorCache) -> Embedding:
    """e5 with its common direction removed.

    All cosines of e5 lie between 0.7 and 1; without the mean of some everyday sentences they spread as MiniLM's
    do, so that one set of thresholds serves both.
    """
    loaded: list[Embedder] = []
    lock = threading.Lock()

    def model() -> Embedder:
        with lock:
            if not loaded:
                loaded.append(load_embedder("e5-small-q4"))
        return loaded[0]

    def kept(kind: str, texts: Sequence[str]) -> Vectors:
        encode = (lambda t: model().queries(t)) if kind == "query" else (lambda t: model().passages(t))
        return cache.encode(f"e5-small-q4/{kind}", encode, texts)

    @functools.cache
    def mean() -> Vectors:
        return cast(Vectors, kept("query", everyday_sentences()).mean(axis=0))

    def centred(vectors: Vectors) -> Vectors:
        moved = vectors - mean()
        return cast(Vectors, moved / np.linalg.norm(moved, axis=1, keepdims=True))

    return Embedding(
        queries=lambda texts: centred(model().queries(texts)),
        passages=lambda texts: centred(kept("query", texts)),
    )


def everyday_sentences() -> list[str]:
    return [
        text for language in ("en", "zh") for list_ in packaged_intents(language).values() for text in list_
    ]


def characters(texts: Sequence[str]) -> Vectors:
    """Unit vectors of character pairs, shape (n, 2048): what Chinese is matched by without an embedder."""
    vectors = np.zeros((len(texts), 2048), dtype=np.float32)
    for row, text in zip(vectors, texts, strict=True):
        for pair in zip(f"^{text}", f"{text}$", strict=True):
            row[int.from_bytes("".join(pair).encode()[-7:], "big") % 2048] += 1
        row /= np.linalg.norm(row) or 1
    return vectors
