"""The registry: adapters never change, the pointer moves whole, and a conversation stays with what it began with."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from chatbot.adapters import Adapters
from configs.errors import InputError, NotFoundError

BASE = "smollm2-135m"


@pytest.fixture
def adapters(tmp_path: Path) -> Adapters:
    return Adapters(tmp_path / "adapters", BASE)


def add(adapters: Adapters, name: str, *, passed: bool = True, base: str = BASE) -> None:
    made_in = adapters.folder.parent / f"made-{name}"
    made_in.mkdir(exist_ok=True)
    (made_in / "adapter_model.safetensors").write_bytes(b"weights")
    card = {"base": base, "verdict": {"passed": passed}, "made": f"2026-01-0{len(adapters.all()) + 1}"}
    adapters.add(name, made_in, card, f"# {name}\n")


def test_a_new_shop_has_none_and_its_base_model_answers(adapters: Adapters) -> None:
    assert adapters.all() == []
    assert adapters.chosen("c1") is None
    with pytest.raises(NotFoundError, match="one of: none"):
        adapters.get("tone")
    with pytest.raises(InputError, match="nothing was live before"):
        adapters.rollback()


def test_an_adapter_is_added_whole_and_never_again(adapters: Adapters) -> None:
    add(adapters, "tone")
    found = adapters.get("tone")
    assert (found.folder / "adapter_model.safetensors").read_bytes() == b"weights"
    assert (found.folder / "README.md").read_text() == "# tone\n"
    assert found.passed
    with pytest.raises(InputError, match="already"):
        adapters.add("tone", found.folder, {}, "")


@pytest.mark.parametrize("name", ["", "../kefu", "A", "a/b", ".hidden", "x" * 65])
def test_a_name_that_is_no_folder_is_refused(adapters: Adapters, name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be named"):
        adapters.add(name, tmp_path, {}, "")
    with pytest.raises(NotFoundError):
        adapters.promote(name)


def test_only_what_the_gate_passed_is_promoted_unless_one_insists(adapters: Adapters) -> None:
    add(adapters, "poor", passed=False)
    with pytest.raises(InputError, match="did not pass the gate"):
        adapters.promote("poor")
    with pytest.raises(InputError, match="did not pass the gate"):
        adapters.canary("poor", 0.1)
    assert adapters.promote("poor", unproven=True).live == "poor"


def test_an_adapter_of_another_base_model_is_neither_promoted_nor_chosen(adapters: Adapters) -> None:
    add(adapters, "foreign", base="other-model")
    with pytest.raises(InputError, match="other-model"):
        adapters.promote("foreign")
    add(adapters, "tone")
    adapters.promote("tone")
    assert adapters.live == "tone"
    elsewhere = Adapters(adapters.folder, "other-model")
    assert (elsewhere.chosen("c1"), elsewhere.live) == (None, None)


def test_rollback_goes_back_one_promotion_at_a_time(adapters: Adapters) -> None:
    for name in ("one", "two", "three"):
        add(adapters, name)
        adapters.promote(name)
    assert [adapters.rollback().live for _ in range(3)] == ["two", "one", None]
    assert [change.what for change in adapters.serving().history] == ["promoted"] * 3 + ["rolled back"] * 3


def test_rollback_ends_a_canary_first(adapters: Adapters) -> None:
    add(adapters, "live")
    add(adapters, "tried")
    adapters.promote("live")
    adapters.canary("tried", 0.5)
    assert (adapters.rollback().live, adapters.serving().canary) == ("live", None)
    assert adapters.rollback().live is None


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 1.5])
def test_a_canary_takes_a_real_share(adapters: Adapters, share: float) -> None:
    add(adapters, "tried")
    with pytest.raises(InputError, match="share"):
        adapters.canary("tried", share)


def test_a_canary_gets_its_share_and_each_conversation_always_the_same(adapters: Adapters) -> None:
    add(adapters, "live")
    add(adapters, "tried")
    adapters.promote("live")
    adapters.canary("tried", 0.2)
    chosen = {f"c{n}": adapters.chosen(f"c{n}") for n in range(2000)}
    share = sum(name == "tried" for name in chosen.values()) / len(chosen)
    assert 0.17 < share < 0.23
    assert chosen == {name: adapters.chosen(name) for name in chosen}


def test_a_conversation_stays_with_what_it_began_with_while_that_is_served(adapters: Adapters) -> None:
    add(adapters, "live")
    add(adapters, "tried")
    adapters.promote("live")
    adapters.canary("tried", 0.999)
    assert adapters.chosen("c1", begun_with="live") == "live"
    assert adapters.chosen("c1", begun_with="tried") == "tried"
    adapters.rollback()
    assert adapters.chosen("c1", begun_with="tried") == "live"


def test_a_conversation_begun_with_the_base_model_stays_with_it_as_long_as_it_is_live(
    adapters: Adapters,
) -> None:
    add(adapters, "tried")
    adapters.canary("tried", 0.999)
    assert adapters.chosen("c1") == "tried"
    assert adapters.chosen("c1", begun_with="base") is None
    adapters.promote("tried")
    assert adapters.chosen("c1", begun_with="base") == "tried"


def test_the_name_of_a_deleted_adapter_is_not_given_again(adapters: Adapters) -> None:
    add(adapters, "one")
    adapters.remove("one")
    with pytest.raises(InputError, match="a server that runs may still hold its weights"):
        add(adapters, "one")
    with pytest.raises(InputError, match="cannot be named 'base'"):
        add(adapters, "base")


def test_another_process_sees_a_change_at_once(adapters: Adapters) -> None:
    add(adapters, "tone")
    running = Adapters(adapters.folder, BASE)
    assert running.chosen("c1") is None
    adapters.promote("tone")
    assert running.chosen("c1") == "tone"
    adapters.rollback()
    assert running.chosen("c1") is None


def test_what_was_live_before_takes_over_from_a_deleted_adapter(adapters: Adapters) -> None:
    for name in ("one", "two", "three"):
        add(adapters, name)
        adapters.promote(name)
    adapters.remove("two")
    adapters.remove("three")
    assert (adapters.serving().live, adapters.chosen("c1")) == ("one", "one")
    assert [one.name for one in adapters.all()] == ["one"]
    assert adapters.rollback().live is None


def test_changes_from_many_threads_are_all_kept(adapters: Adapters) -> None:
    names = [f"a{number}" for number in range(8)]
    for name in names:
        add(adapters, name)
    threads = [threading.Thread(target=adapters.promote, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(str(change.live) for change in adapters.serving().history) == names
    json.loads((adapters.folder / "serving.json").read_text())
