"""What ``/metrics`` tells: turns, their times, requests, errors, the engine. Knows no endpoint and no store."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from chatbot.conversation import Turn

_SECONDS = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 15.0, 30.0, 60.0)


class Metrics:
    """A registry of its own, so that several apps can live in one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._turns = Counter(
            "kefu_turns", "Turns answered", ["rung", "kind", "language"], registry=self._registry
        )
        self._turn_seconds = Histogram(
            "kefu_turn_seconds",
            "From the start of a turn to its last event",
            ["rung"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._first_seconds = Histogram(
            "kefu_first_sentence_seconds",
            "From the start of a turn to its first sentence",
            ["rung"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.turns_running = Gauge("kefu_turns_running", "Turns that run now", registry=self._registry)
        self._failures = Counter(
            "kefu_turn_failures", "Turns that broke or were stored with an error", registry=self._registry
        )
        self._requests = Counter(
            "kefu_http_requests", "Requests answered", ["method", "route", "status"], registry=self._registry
        )
        self._request_seconds = Histogram(
            "kefu_http_request_seconds",
            "From the request to the end of its answer (streams: to the end of the stream)",
            ["method", "route"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._engine_up = Gauge(
            "kefu_engine_up", "1 while the language model would answer", ["model"], registry=self._registry
        )

    def turn(self, turn: Turn, seconds: float, first_sentence: float | None) -> None:
        language = turn.plans[0].language if turn.plans else "unknown"
        self._turns.labels(turn.reply.rung, turn.reply.kind, language).inc()
        self._turn_seconds.labels(turn.reply.rung).observe(seconds)
        if first_sentence is not None:
            self._first_seconds.labels(turn.reply.rung).observe(first_sentence)
        if turn.error:
            self.failure()

    def failure(self) -> None:
        self._failures.inc()

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        # A method is free text of the client: only the usual ones may become a label.
        known = method if method in {"GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"} else "other"
        self._requests.labels(known, route, str(status)).inc()
        self._request_seconds.labels(known, route).observe(seconds)

    def engine(self, model: str, ready: bool) -> None:
        self._engine_up.labels(model).set(1 if ready else 0)

    def render(self) -> bytes:
        return generate_latest(self._registry)
