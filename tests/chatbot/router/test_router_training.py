"""Training, comparing, serving and forgetting on a small space of words, without a real model."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from numpy.typing import NDArray

from chatbot.intents import IntentClassifier, Space, packaged_intents
from chatbot.router import store, training
from chatbot.router.logs import Labelled
from chatbot.router.served import Served
from chatbot.router.training import Router, forget, reset, train
from configs.errors import ConfigError, InputError

SHOPTALK = {"policy": "zorp", "order_status": "quix", "product_search": "blun"}
"""Words that no packaged example has: what they mean can only be learnt."""


def words(texts: Sequence[str]) -> NDArray[np.float32]:
    """Unit vectors of words, each with a place of its own among 256."""
    vectors = np.full((len(texts), 256), 1e-3, np.float32)
    for row, text in zip(vectors, texts, strict=True):
        for word in text.lower().split():
            row[zlib.crc32(word.encode()) % 256] += 1
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


SPACE = Space(words, words)
OTHER = Space(lambda texts: words(texts)[:, ::-1], lambda texts: words(texts)[:, ::-1])


def quiet(*_: object) -> None: ...


@pytest.fixture
def router(tmp_path: Path) -> Router:
    return Router(
        tmp_path / "router", "en", SPACE, lambda customer: f"mark of {zlib.crc32(customer.encode())}"
    )


def logs(customer: str = "") -> list[Labelled]:
    return [
        Labelled(f"{word} {word} number{n}", intent, "en", customer)
        for intent, word in SHOPTALK.items()
        for n in range(12)
    ]


def best(scores: dict[str, float]) -> str:
    return max(scores, key=lambda name: scores[name])


def test_what_was_learnt_is_served_at_once_and_reset_goes_back(router: Router) -> None:
    served = Served("en", router.folder, SPACE)
    zero_shot = served.scores("quix quix anew")
    outcome = train(router, logs(), quiet)
    assert (outcome.served, outcome.added, outcome.replaced) == (True, 36, 0)
    scores = served.scores("quix quix anew")
    assert best(scores) == "order_status"
    assert sum(scores.values()) == pytest.approx(1, abs=1e-4)
    assert reset(router.folder, "en")
    assert served.scores("quix quix anew") == zero_shot
    assert not reset(router.folder, "en")


def test_the_comparison_is_of_messages_held_out(router: Router) -> None:
    found = train(router, logs(), quiet).comparison
    assert found.messages == 36
    assert found.after.mean > 0.95 > 0.6 > found.zero_shot.mean
    assert found.before == found.zero_shot
    assert found.gain.low > 0
    assert found.worse == ""
    again = train(router, [Labelled("zorp anew", "policy", "en")], quiet).comparison
    assert again.before.mean > 0.9, "the model in service is what the next one is compared with"


def test_a_worse_model_is_not_served_unless_forced(router: Router) -> None:
    train(router, logs(), quiet)
    before = store.load(router.path)
    # the packaged examples themselves, each said to be of another intent
    intents = list(packaged_intents("en"))
    nonsense = [
        Labelled(text, intents[intents.index(intent) - 1], "en")
        for intent, texts in packaged_intents("en").items()
        for text in texts
    ]
    outcome = train(router, nonsense, quiet)
    assert not outcome.served
    assert "less often" in outcome.comparison.worse or "clearly worse" in outcome.comparison.worse
    after = store.load(router.path)
    assert before is not None
    assert after is not None
    assert after.examples == before.examples
    assert train(router, nonsense, quiet, force=True).served


def test_a_text_said_again_replaces_the_old_one(router: Router) -> None:
    train(router, logs(), quiet)
    outcome = train(router, [Labelled("ZORP zorp number0", "handoff", "en")], quiet, force=True)
    assert (outcome.added, outcome.replaced, outcome.examples) == (0, 1, 36)


def test_rows_of_another_language_are_not_taken(router: Router) -> None:
    with pytest.raises(InputError, match="no examples of the shop's"):
        train(router, [Labelled("zorp", "policy", "zh")], quiet)
    with pytest.raises(InputError, match="kefu router train FILE"):
        train(router, [], quiet)


# --- erasure ------------------------------------------------------------------------------------------------


def everything_below(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_what_a_customer_said_is_gone_from_every_file(router: Router) -> None:
    secret = "zorp secretword of theirs"
    train(router, [*logs(), Labelled(secret, "policy", "en", "C7")], quiet)
    vector = words([secret])[0].tobytes()
    (router.folder / "en.safetensors.part").write_bytes(b"cut off: " + secret.encode() + vector)
    held = everything_below(router.folder)
    assert secret.encode() in held
    assert vector in held
    assert b"C7" not in held, "a customer is kept as a mark alone"
    weights = store.load(router.path).trained.weights  # type: ignore[union-attr]  # it was trained

    assert forget(router, "C7") == 1
    held = everything_below(router.folder)
    assert b"secretword" not in held
    assert vector not in held
    assert router.mark("C7").encode() not in held
    assert weights.tobytes() not in held, "the weights were made of their words too"
    assert best(Served("en", router.folder, SPACE).scores("quix quix anew")) == "order_status"
    assert forget(router, "C7") == 0


def test_forgetting_the_only_customer_leaves_no_model(router: Router) -> None:
    train(router, logs("C7"), quiet)
    assert forget(router, "C8") == 0
    assert forget(router, "C7") == 36
    assert store.load(router.path) is None
    assert b"zorp" not in everything_below(router.folder)


def test_the_words_are_gone_even_if_the_training_after_fails(
    router: Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(router, [*logs(), Labelled("zorp secretword", "policy", "en", "C7")], quiet)

    def fails(*_: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(training, "compare", fails)
    with pytest.raises(RuntimeError):
        forget(router, "C7")
    assert b"secretword" not in everything_below(router.folder)
    assert best(Served("en", router.folder, SPACE).scores("where is my parcel")) == "order_status"


def test_nobody_is_forgotten_by_guess(router: Router) -> None:
    """With another secret the marks fit nobody: that must not look like nothing found."""
    train(router, logs("C7"), quiet)
    other = replace(router, mark=lambda customer: f"another mark of {customer}")
    for call in (lambda: forget(other, "C7"), lambda: train(other, logs(), quiet)):
        with pytest.raises(ConfigError, match="another secret"):
            call()
    router.path.write_bytes(b"damaged")
    with pytest.raises(ConfigError, match="damaged"):
        forget(router, "C7")


# --- what must not be used ----------------------------------------------------------------------------------


def zero_shot(space: Space = SPACE) -> IntentClassifier:
    return IntentClassifier(packaged_intents("en"), space.kept, space.ask)


def test_another_embedder_falls_back_and_says_so_once(
    router: Router, caplog: pytest.LogCaptureFixture
) -> None:
    train(router, logs(), quiet)
    served = Served("en", router.folder, OTHER)
    with caplog.at_level(logging.WARNING, logger="kefu.router"):
        for _ in range(3):
            assert served.scores("quix quix anew") == zero_shot(OTHER).scores("quix quix anew")
    assert [record.getMessage() for record in caplog.records] == [
        "router (en): the trained model is not used, nearest examples are: it was trained with another embedder"
    ]
    renewed = train(replace(router, space=OTHER), [], quiet)
    assert renewed.served
    assert best(served.scores("quix quix anew")) == "order_status"


def test_other_packaged_examples_make_it_stale_and_keep_the_shops(
    router: Router, caplog: pytest.LogCaptureFixture
) -> None:
    train(router, logs(), quiet)
    kept = store.load(router.path)
    assert kept is not None
    store.save(router.path, replace(kept, packaged="of an older package"))
    served = Served("en", router.folder, SPACE)
    assert served.scores("quix quix anew") == zero_shot().scores("quix quix anew")
    assert "other packaged examples" in caplog.text
    outcome = train(router, [], quiet)
    assert (outcome.served, outcome.examples) == (True, 36)
    assert best(served.scores("quix quix anew")) == "order_status"


@pytest.mark.parametrize("damage", ["cut", "junk", "empty", "folder", "metadata", "weights"])
def test_a_damaged_file_never_breaks_a_turn(
    router: Router, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    train(router, logs(), quiet)
    served = Served("en", router.folder, SPACE)
    assert best(served.scores("quix quix anew")) == "order_status"
    whole = router.path.read_bytes()
    kept = store.load(router.path)
    assert kept is not None
    assert kept.trained is not None
    router.path.unlink()
    match damage:
        case "cut":
            router.path.write_bytes(whole[: len(whole) // 2])
        case "junk":
            router.path.write_bytes(b"\xff" * 500)
        case "empty":
            router.path.touch()
        case "folder":
            router.path.mkdir()
        case "metadata":
            router.path.write_bytes(whole.replace(b"format", b"formad", 1))
        case "weights":
            store.save(
                router.path,
                replace(kept, trained=replace(kept.trained, weights=kept.trained.weights * np.nan)),
            )
    assert served.scores("quix quix anew") == zero_shot().scores("quix quix anew")
    assert "nearest examples are" in caplog.text


def test_two_trainings_at_once_are_refused(router: Router) -> None:
    router.folder.mkdir()
    with FileLock(router.folder / "writer.lock"), pytest.raises(ConfigError, match="another process"):
        train(router, logs(), quiet)


def test_what_is_saved_is_what_is_loaded(router: Router) -> None:
    train(router, logs("C7"), quiet)
    kept = store.load(router.path)
    assert kept is not None
    store.save(router.path, kept)
    again = store.load(router.path)
    assert again is not None
    assert again.examples == kept.examples
    assert np.array_equal(again.vectors, kept.vectors)
    assert again.trained is not None
    assert kept.trained is not None
    assert again.trained.figures == kept.trained.figures
    assert router.path.stat().st_mode & 0o077 == 0, "persons' words are for nobody else"
