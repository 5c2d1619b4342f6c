"""Steps are done once for the same input, again for other input, and anew after a failure."""

from __future__ import annotations

from pathlib import Path

import pytest

from finetune.pipeline import Step, fitting, run, set_aside


class Done:
    """Steps that write what they read, with a note of who was called."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.names, self.said = folder, list[str](), list[str]()
        (folder / "logs").write_text("one")

    def step(self, name: str, reads: str, *, fails: bool = False, **told: str) -> Step:
        def do() -> None:
            self.names.append(name)
            if fails:
                raise RuntimeError("power cut")
            (self.folder / name).write_text((self.folder / reads).read_text() + name)

        return Step(name, [self.folder / reads], [self.folder / name], do, told)

    def run(self, *steps: Step) -> list[str]:
        self.names.clear()
        self.said.clear()
        run(self.folder, steps, self.said.append)
        return self.names

    def chain(self, **told: str) -> list[Step]:
        return [self.step("a", "logs"), self.step("b", "a", **told), self.step("c", "b")]


def test_what_was_done_is_not_done_again(tmp_path: Path) -> None:
    done = Done(tmp_path)
    assert done.run(*done.chain()) == ["a", "b", "c"]
    assert done.run(*done.chain()) == []
    assert done.said == ["1 of 3: a: done before", "2 of 3: b: done before", "3 of 3: c: done before"]


def test_other_input_and_other_settings_do_it_again_from_there_on(tmp_path: Path) -> None:
    done = Done(tmp_path)
    done.run(*done.chain())
    assert done.run(*done.chain(rank="8")) == ["b", "c"]
    (tmp_path / "logs").write_text("two")
    assert done.run(*done.chain(rank="8")) == ["a", "b", "c"]
    (tmp_path / "c").unlink()
    assert done.run(*done.chain(rank="8")) == ["c"]


def test_after_a_failure_it_goes_on_there(tmp_path: Path) -> None:
    done = Done(tmp_path)
    steps = [done.step("a", "logs"), done.step("b", "a", fails=True), done.step("c", "b")]
    with pytest.raises(RuntimeError):
        done.run(*steps)
    assert done.run(*done.chain()) == ["b", "c"]


def test_a_step_that_fails_on_new_input_is_not_taken_for_done_with_the_old(tmp_path: Path) -> None:
    done = Done(tmp_path)
    done.run(*done.chain())
    with pytest.raises(RuntimeError):
        done.run(done.step("a", "logs"), done.step("b", "a", fails=True, rank="8"), done.step("c", "b"))
    assert done.run(*done.chain()) == ["b", "c"]


def test_another_training_is_moved_aside_and_its_own_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "run.json").write_text('{"config": {"rank": 4}, "training": "x"}')
    set_aside(folder, {"config": {"rank": 4}, "training": "x"})
    assert folder.exists()
    set_aside(folder, {"config": {"rank": 4}, "training": "y"})
    assert not folder.exists()
    assert [path.name.partition(".")[0] for path in tmp_path.iterdir()] == ["run"]
    set_aside(folder, {"config": {}})


@pytest.mark.parametrize(
    ("seconds", "there", "fits"),
    [
        (10_000, 5000, (992, 1)),  # 62 steps of 16
        (10_000, 900, (900, 1)),
        (10_000, 500, (500, 2)),
        (10_000, 100, (100, 3)),  # no more epochs than are wanted
        (10, 5000, (96, 1)),  # six steps, however short the time
        (10, 50, (50, 1)),
    ],
)
def test_what_fits_is_whole_steps_and_rather_more_examples_than_epochs(
    seconds: int, there: int, fits: tuple[int, int]
) -> None:
    assert fitting([10] * there, lambda tokens, steps: tokens, seconds, batch=16, epochs=3) == fits


def test_what_else_takes_time_leaves_less_for_examples() -> None:
    def takes(tokens: int, steps: int) -> float:
        return tokens + 1000 * (1 + -(-steps // 25))

    assert fitting([10] * 5000, takes, 10_000, batch=16, epochs=3) == (688, 1)  # 43 steps, 3 looks
    assert takes(6880, 43) <= 10_000 < takes(7040, 44)
