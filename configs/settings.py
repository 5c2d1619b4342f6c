"""One typed, frozen ``Settings`` for the whole service.

Order of precedence: constructor arguments, environment (``KEFU_ENGINE__KIND=openai``), the YAML file named by
``KEFU_CONFIG`` or ``--config``, the defaults below. ``embedded.yaml`` holds the same values as the defaults.
Secrets (``KEFU_SECRET``, the engine's API key) are read from the environment alone, never from YAML.
Does not know who reads it.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from configs.errors import ConfigError
from configs.settings_file import read_yaml

CONFIG_DIR = Path(__file__).parent
THRESHOLDS = CONFIG_DIR / "thresholds.json"
"""Written by ``python -m eval.threshold_fit``."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ShopSettings(_Section):
    """Facts of the shop that tools and templates need."""

    name: str = "Lumen & Loom"
    """As shoppers see it."""
    currency: str = "EUR"
    """Three letters; for prices that name none."""
    locale: str = "en"
    """Language of a conversation until the shopper writes: `en` or `zh`."""
    timezone: str = "Europe/Berlin"
    """In which dates and times are said to shoppers."""
    email: str = "help@lumenloom.example"
    """Where people answer; given to shoppers who want one. Empty: not offered."""
    phone: str = "+49 30 5550 0199"
    """The same."""
    hours: str = "Monday to Friday 9:00-18:00, Saturday 10:00-14:00 (Berlin time)"
    """When people answer."""
    order_number_pattern: str = r"LL-\d{6}"
    """How an order number looks in a message; used to find it, never to trust it."""
    return_days: int = 30
    """Days from delivery in which an article can be returned; 0 switches the return tool off."""
    cancellable_states: tuple[str, ...] = ("pending_payment", "processing")
    """States in which an order can still be cancelled."""
    express_cutoff: str = "14:00"
    """Time of day until which an express order leaves the same day; empty: there is none."""
    simulated: bool = True
    """Shown wherever the shop is shown: its products, customers and orders are simulated."""
    today: str | None = "2026-11-20T12:00:00+00:00"
    """A fixed moment (ISO 8601) instead of the clock, so that a simulated shop stays the same; a real shop
    (``simulated: false``) always goes by the clock."""

    @model_validator(mode="before")
    @classmethod
    def _real_shops_go_by_the_clock(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and given.get("simulated") in (False, "false", "0", 0):
            return {**given, "today": None}
        return given


class EngineSettings(_Section):
    kind: Literal["llamacpp", "transformers", "openai", "off"] = "llamacpp"
    """Who runs the language model; `openai` is any server that speaks that protocol, `off` does without a model."""
    model: str = "smollm2-135m"
    """A packaged model, a path of a GGUF file or of a transformers folder, or the server's model name."""
    quantization: Literal["as_packaged", "Q8_0"] = "Q8_0"
    """Of the packaged model under llamacpp; `Q8_0` is faster and is made once."""
    context_tokens: int = 2048
    """Longest prompt and answer together."""
    threads: int = 2
    """Processor threads of the model."""
    parallel: int = 2
    """Answers that the model writes at the same time."""
    base_url: str = "http://127.0.0.1:8000/v1"
    """Where the server of kind `openai` is."""
    api_key: SecretStr | None = None
    """Its key; from the environment alone."""
    first_token_timeout: float = 8.0
    """Seconds to wait for the first token; then the next rung answers."""
    total_timeout: float = 30.0
    """Seconds for a whole answer of the model."""


class SamplingSettings(_Section):
    temperature: float = 0.0
    """0 always takes the likeliest word."""
    top_p: float = 1.0
    """Share of likely words to draw from, if the temperature is above 0."""
    repeat_penalty: float = 1.1
    """Above 1 the model repeats itself less."""
    max_tokens: int = 120
    """Longest answer of the model."""


class RetrievalSettings(_Section):
    chroma: Literal["embedded", "server"] = "embedded"
    """Where the vectors live: in this process, or on a Chroma server."""
    chroma_url: str = "http://127.0.0.1:8001"
    """That server; keep it on a private network."""
    embedder: Literal["minilm", "e5-small-q4"] = "minilm"
    """`minilm` knows English, `e5-small-q4` many languages (needs the extra `multilingual`)."""
    languages: tuple[Literal["en", "zh"], ...] = ("en", "zh")
    """Languages that shoppers write in; without `zh` the pages are not embedded a second time."""
    chunk_tokens: int = 200
    """Pages are cut into passages of at most this size."""
    passages: int = 6
    """How many passages a turn looks at."""
    weights: Mapping[str, float] = Field(
        default_factory=lambda: {
            "lexical_last": 0.4,
            "lexical_dialogue": 0.4,
            "lexical_page": 4.0,
            "dense_last": 1.0,
            "dense_dialogue": 1.0,
            "dense_page": 1.0,
            "sentence_last": 1.0,
        }
    )
    """Weights of the z-scores that are summed; learnt on development data."""
    dialogue_turns: int = 3
    """How many earlier messages the search reads with the last one."""


def _fitted(name: str) -> float:
    """A threshold that ``python -m eval.threshold_fit`` chose on development data."""
    told: Mapping[str, Any] = json.loads(THRESHOLDS.read_text(encoding="utf-8"))
    return float(told[name]["threshold"])


class ComposeSettings(_Section):
    """Which rung may speak. The numbers are calibrated confidences in [0, 1], fitted in ``configs/thresholds.json``."""

    rungs: tuple[Literal["approved", "tool", "quote", "model"], ...] = ("approved", "tool", "quote", "model")
    """Kinds of answers that may be given at all."""
    approved_threshold: float = _fitted("approved")
    """From which an approved answer is given."""
    quote_threshold: float = _fitted("quote")
    """From which the shop's pages are quoted."""
    product_quote_threshold: float = _fitted("product_quote")
    """For the text of a product that the question names: there is no doubt about where to look."""
    model_threshold: float = _fitted("model")
    """From which the model may try to word an answer."""
    offer_threshold: float = _fitted("offer")
    """From which sections of the pages are offered where none is quoted."""
    intent_threshold: float = _fitted("intent")
    """From which a message's purpose counts as known."""
    quote_sentences: int = 3
    """Longest quote."""


class ApiSettings(_Section):
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(default=8080, ge=1, le=65535)
    """Port to listen on."""
    allowed_origins: tuple[str, ...] = ()
    """Origins of the shop's pages that may embed the widget; the server's own origin is always allowed."""
    session_minutes: int = 60 * 24
    """How long a shopper's session lasts."""
    max_message_chars: int = 4000
    """Longest message of a shopper."""
    max_body_bytes: int = 64 * 1024
    """Largest request."""
    messages_per_10s: int = 10
    """Messages of one session in ten seconds before 429."""
    sessions_per_minute: int = 60
    """New anonymous sessions of one address in a minute before 429."""
    event_batches_per_minute: int = 60
    """Batches of events of one session in a minute before 429."""


class EventWeights(_Section):
    purchase: float = 1.0
    """What one line of an order is worth."""
    cart: float = 0.3
    """A product that was put into a cart."""
    view: float = 0.1
    """A product's page that was seen."""
    like: float = 1.0
    """A thumb up; a rating of n stars is worth (n - 3) / 2 of them."""
    dislike: float = -2.0
    """A thumb down, or "not this"."""
    returned: float = -1.0
    """A product that was sent back."""


class RecommendSettings(_Section):
    weights: EventWeights = EventWeights()
    """What one event of a kind says of a product; below zero it speaks against it."""
    diversity: float = Field(default=0.0, ge=0, le=10)
    """How much of its score a suggestion loses for each one of its category that stands before it; 0: the likeliest, however alike."""
    explore: float = Field(default=0.0, ge=0, le=0.5)
    """Share of the lists whose last place goes to a product that may be better than is known; 0: none, and nothing is recorded."""
    retrain_hours: float = Field(default=24.0, ge=0)
    """Hours between two trainings in the background of a running server, if something was sold or done; 0: none."""


class ActionSettings(_Section):
    """What a shopper may have done to an order, and who does it."""

    system: Literal["auto", "off", "database", "http"] = "auto"
    """`database` carries out in kefu's own tables what a shopper confirms, `http` asks the shop's system to, `off` proposes nothing. `auto` is
    `database` for a simulated shop and `off` for a real one, whose orders are not kefu's to change unasked."""
    url: str = ""
    """Address of the shop's system, for `http`; requests are signed with ``KEFU_ACTIONS_SECRET``."""
    offered: tuple[
        Literal["cancel_order", "change_address", "request_return", "request_exchange", "resend_receipt", "restock_alert"], ...
    ] = ("cancel_order", "change_address", "request_return", "resend_receipt", "restock_alert")  # fmt: skip
    """What is done; the others are answered from the pages."""
    confirm_minutes: int = Field(default=15, ge=1, le=1440)
    """After so long a yes confirms nothing any more."""
    undo_minutes: int = Field(default=30, ge=0, le=1440)
    """So long a shopper can take back what was done, as long as nobody has worked on it; 0: never."""
    person_above: float = Field(default=500.0, ge=0)
    """Orders of a larger total are changed by people alone."""


class InsightSettings(_Section):
    period_days: int = Field(default=60, ge=1, le=3650)
    """The period in which a customer is expected to buy again: churn risk and retention count by it."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="KEFU_",
        env_nested_delimiter="__",
        frozen=True,
        extra="forbid",
        nested_model_default_partial_update=True,
    )

    home: Path = Path(".kefu")
    """Where the database, the index and converted models live."""
    database_url: str = ""
    """SQLAlchemy URL; empty means SQLite at ``home/kefu.db``."""
    secret: SecretStr | None = None
    """Signs shopper sessions; if ``KEFU_SECRET`` is not set, a random one is kept in ``home/secret``."""
    staff_key: SecretStr | None = None
    """Bearer key of the staff pages and ``/metrics``; without ``KEFU_STAFF_KEY`` only loopback gets them."""
    actions_secret: SecretStr | None = None
    """Signs what is asked of the shop's system; the same value stands there."""
    shop: ShopSettings = ShopSettings()
    engine: EngineSettings = EngineSettings()
    sampling: SamplingSettings = SamplingSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    compose: ComposeSettings = ComposeSettings()
    recommend: RecommendSettings = RecommendSettings()
    actions: ActionSettings = ActionSettings()
    insights: InsightSettings = InsightSettings()
    api: ApiSettings = ApiSettings()

    @property
    def resolved_database_url(self) -> str:
        return self.database_url or f"sqlite:///{(self.home / 'kefu.db').absolute()}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _YamlSource(settings_cls)


_file: ContextVar[Path | None] = ContextVar("file", default=None)
"""The file that ``load`` was asked for, while it builds the settings."""


class _YamlSource(PydanticBaseSettingsSource):
    """The file that ``load`` was given, else the one named by ``KEFU_CONFIG``, else nothing."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        path = _file.get() or os.environ.get("KEFU_CONFIG")
        return read_yaml(Path(path)) if path else {}


def load(config: str | Path | None = None, **overrides: Any) -> Settings:
    """Build the settings; ``config`` is a YAML file or the name of a packaged one.

    Raises:
        ConfigError: a key is misspelt (the message suggests the right one) or a value has the wrong type.
    """
    _check_environment()
    token = _file.set(Path(config) if config is not None else None)
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise ConfigError(_explain(error)) from error
    finally:
        _file.reset(token)


def with_address(settings: Settings, *, host: str | None, port: int | None) -> Settings:
    """The same settings with another address to listen on, where one is given."""
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    return settings.model_copy(update={"api": settings.api.model_copy(update=given)})


def _check_environment() -> None:
    """A misspelt ``KEFU_…`` variable would be ignored silently: refuse it."""
    known = {"KEFU_CONFIG", "KEFU_DATA"} | {f"KEFU_{name.upper()}" for name in Settings.model_fields}
    for variable in os.environ:
        top = variable.split("__")[0]
        if variable.startswith("KEFU_") and top not in known:
            raise ConfigError(f"unknown environment variable {variable}", hint=_suggest(top, known))


def _suggest(got: str, known: set[str]) -> str:
    close = difflib.get_close_matches(got, known, n=1)
    return f"did you mean {close[0]}?" if close else f"known: {', '.join(sorted(known))}"


def _explain(error: ValidationError) -> str:
    lines = []
    for item in error.errors():
        where = ".".join(str(part) for part in item["loc"])
        if item["type"] == "extra_forbidden":
            lines.append(
                f"unknown setting {where!r} ({_suggest(str(item['loc'][-1]), _keys_at(item['loc'][:-1]))})"
            )
        else:
            lines.append(f"setting {where!r} has {item['input']!r}: {item['msg']}")
    return "; ".join(lines)


def _keys_at(location: tuple[int | str, ...]) -> set[str]:
    model: type[BaseModel] = Settings
    for part in location:
        annotation = model.model_fields[str(part)].annotation if str(part) in model.model_fields else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            break
        model = annotation
    return set(model.model_fields)
