"""The commands that bring logs in, as somebody types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chatbot.cli import cli
from configs.errors import ConfigError, InputError
from finetune.config import PreferenceConfig, TrainConfig, load_config

runner = CliRunner()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KEFU_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def logs(folder: Path, count: int = 60) -> Path:
    file = folder / "chats.jsonl"
    rows = [
        {
            "id": f"c{n}",
            "customer": f"p{n % 40}",
            "messages": [
                {"role": "user", "content": f"May I return article {n * 37}, which came in week {n}?"},
                {"role": "assistant", "content": f"Yes: box {n * 13} is open until the {n % 28 + 1}th of month {n % 12 + 1}."},
            ],
        }
        for n in range(count)
    ]  # fmt: skip
    file.write_text("\n".join(map(json.dumps, rows)) + "\n{broken\n", encoding="utf-8")
    return file


def test_logs_are_imported_cleaned_and_split(tmp_path: Path, home: Path) -> None:
    done = runner.invoke(cli, ["finetune", "import", str(logs(tmp_path))])
    assert done.exit_code == 0, done.output
    assert "60 conversations read (chats.jsonl as messages), 1 left out" in done.stdout
    assert "chats.jsonl:61: no JSON" in done.stderr
    done = runner.invoke(cli, ["finetune", "clean"])
    assert done.exit_code == 0, done.output
    report = json.loads((home / "finetune" / "logs" / "cleaned.report.json").read_text(encoding="utf-8"))
    assert (report["read"], report["kept"] + sum(report["removed"].values())) == (60, 60)
    done = runner.invoke(cli, ["finetune", "split"])
    assert done.exit_code == 0, done.output
    parts = [
        (home / "finetune" / "logs" / f"{part}.jsonl").read_text() for part in ("train", "validation", "test")
    ]
    assert sum(len(part.splitlines()) for part in parts) == report["kept"]


def test_personal_data_are_replaced_and_the_shops_own_contacts_stay(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEFU_SHOP__EMAIL", "service@realshop.eu")
    monkeypatch.setenv("KEFU_SHOP__PHONE", "+49 40 3344 5566")
    said = {
        "instruction": "I am at ada.lovelace@mailbox.org, card 4539 1488 0343 6467, call +49 171 2345678",
        "output": "We wrote to ada.lovelace@mailbox.org. Our line is +49 40 3344 5566, our mail service@realshop.eu.",
    }
    file = tmp_path / "one.jsonl"
    file.write_text(json.dumps(said), encoding="utf-8")
    for command in (["import", str(file)], ["clean"]):
        done = runner.invoke(cli, ["finetune", *command])
        assert done.exit_code == 0, done.output
    kept = (home / "finetune" / "logs" / "cleaned.jsonl").read_text(encoding="utf-8")
    for private in ("lovelace", "4539", "2345678"):
        assert private not in kept
    for own in ("+49 40 3344 5566", "service@realshop.eu"):
        assert own in kept
    asked, answered = json.loads(kept)["turns"]
    surrogate = answered[1].split("We wrote to ")[1].split(". Our")[0]
    assert surrogate in asked[1]


def test_a_customer_is_deleted_from_all_that_was_imported(tmp_path: Path, home: Path) -> None:
    for command in (["import", str(logs(tmp_path))], ["clean"], ["split"]):
        assert runner.invoke(cli, ["finetune", *command]).exit_code == 0
    folder = home / "finetune" / "logs"
    files = list(folder.glob("*.jsonl"))
    assert len(files) == 5
    before = sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)
    done = runner.invoke(cli, ["finetune", "forget", "p7"])
    assert done.exit_code == 0, done.output
    assert "deleted from" in done.stdout
    assert not any('"p7"' in file.read_text(encoding="utf-8") for file in files)
    assert not (folder / "cleaned.report.json").exists()
    # Two conversations of theirs, in three files each.
    assert before - sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files) == 6
    assert "no conversation of p7" in runner.invoke(cli, ["finetune", "forget", "p7"]).stdout


def test_the_report_goes_where_somebody_is_forgotten_of_whom_nothing_else_is_left(
    tmp_path: Path, home: Path
) -> None:
    for command in (["import", str(logs(tmp_path))], ["clean", "--consent-needed"]):
        assert runner.invoke(cli, ["finetune", *command]).exit_code == 0
    folder = home / "finetune" / "logs"
    (folder / "imported.jsonl").unlink()
    assert (folder / "cleaned.report.json").exists()
    assert runner.invoke(cli, ["finetune", "forget", "p7"]).exit_code == 0
    assert not (folder / "cleaned.report.json").exists()


@pytest.mark.parametrize("name", ["shop/eu", "../x", "", ".hidden"])
def test_logs_have_a_folder_of_their_own_and_no_other(tmp_path: Path, name: str) -> None:
    done = runner.invoke(cli, ["finetune", "import", str(logs(tmp_path)), "--name", name])
    assert isinstance(done.exception, InputError)
    assert f"logs cannot be named {name!r}" in str(done.exception)


@pytest.mark.parametrize(("step", "before"), [("clean", "import"), ("split", "clean"), ("train", "split")])
def test_a_step_without_the_one_before_says_which(step: str, before: str) -> None:
    done = runner.invoke(cli, ["finetune", step])
    assert done.exit_code != 0
    assert isinstance(done.exception, InputError)
    assert f"kefu finetune {before}" in str(done.exception)


def test_columns_that_do_not_exist_are_named(tmp_path: Path) -> None:
    done = runner.invoke(cli, ["finetune", "import", str(logs(tmp_path)), "--columns", "buyer=x"])
    assert "names 'buyer'" in str(done.exception)


def test_the_packaged_configuration_says_the_defaults() -> None:
    assert load_config("lora", TrainConfig) == TrainConfig()
    assert load_config("preference", PreferenceConfig) == PreferenceConfig()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("rnak: 8", "unknown key 'rnak' (did you mean rank?)"),
        ("rank: 0", "rank is 0"),
        ("method: magic", "method is 'magic'"),
        ("- a list", "expected keys with values"),
        ("a: [", "is no YAML"),
    ],
)
def test_a_wrong_configuration_says_what_is_wrong(tmp_path: Path, text: str, wanted: str) -> None:
    from configs.errors import ConfigError

    file = tmp_path / "my.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(file, TrainConfig)
    assert wanted in str(caught.value)


# --- from logs to a registered adapter, on a model of a few thousand weights --------------------------------


@pytest.fixture
def tiny(tiny_chat_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Configurations of both stages that are over in seconds."""
    monkeypatch.setenv("KEFU_ENGINE__MODEL", str(tiny_chat_base))
    monkeypatch.setenv("KEFU_ENGINE__KIND", "transformers")
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "tiny.yaml").write_text(
        "rank: 4\nalpha: 8\nbatch: 8\ntokens: 4096\nlimit: 4096\nepochs: 1\nevaluate_every: 4\nexamples: logs\nreplay: 0.25\n",
        encoding="utf-8",
    )
    (tmp_path / "opinions.yaml").write_text(
        "batch: 4\nmicro_batch: 4\nlimit: 2048\nmost: 30\n", encoding="utf-8"
    )
    return tmp_path


def reviewed(folder: Path, name: str, first: int) -> Path:
    rows = [
        {
            "id": f"{name}-{n}",
            "customer": f"{name}{n % 40}",
            "turns": [
                {
                    "message": f"May I return article {n * 37}, which came in week {n}?",
                    "reply": f"No idea about {n * 91}, sorry.",
                    "correction": f"Yes: box {n * 13} is open until the {n % 28 + 1}th of month {n % 12 + 1}.",
                }
            ],
        }
        for n in range(first, first + 60)
    ]
    file = folder / f"{name}.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return file


def say(*words: str) -> str:
    done = runner.invoke(cli, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def prepared(file: Path, name: str) -> None:
    say("finetune", "import", str(file), "--name", name)
    say("finetune", "clean", "--name", name)
    say("finetune", "split", "--name", name)


def test_two_stages_and_a_second_training_that_goes_on_from_the_first(tiny: Path, home: Path) -> None:
    first, second = str(tiny / "tiny.yaml"), str(tiny / "opinions.yaml")
    prepared(reviewed(tiny, "old", 0), "logs")
    assert "validation loss" in say("finetune", "train", "-c", first)
    assert "kto on 30 liked and 30 disliked replies" in say("finetune", "prefer", "-c", second)
    say("finetune", "register", "tone-1")
    card = json.loads(say("adapters", "show", "tone-1", "--json"))
    assert (card["parent"], card["preference"]["method"], card["verdict"]) == (None, "kto", {})
    learned = set(card["data"]["customers"])
    parts = (home / "finetune" / "logs" / "train.jsonl").read_text(encoding="utf-8")
    assert len(learned) == len({json.loads(line)["customer"] for line in parts.splitlines()})
    # Their conversations are deleted, and what learned from them is named.
    gone = json.loads(parts.splitlines()[0])["customer"]
    told = say("finetune", "forget", gone)
    assert f"the adapter in {home / 'finetune' / 'logs' / 'run'} learned from them" in told
    assert "kefu adapters remove tone-1" in told

    say("adapters", "promote", "tone-1", "--unproven")
    prepared(reviewed(tiny, "new", 1000), "more")
    say("finetune", "train", "-c", first, "--name", "more", "--from", "live", "--replay", "logs")
    say("finetune", "register", "tone-2", "--name", "more")
    card = json.loads(say("adapters", "show", "tone-2", "--json"))
    assert (card["parent"], card["preference"]) == ("tone-1", {})
    assert set(card["data"]["customers"]) > learned
    new = len((home / "finetune" / "more" / "train.jsonl").read_text(encoding="utf-8").splitlines())
    assert card["data"]["examples"] == new + round(0.25 * new)
    assert "kefu adapters remove tone-2" in say("finetune", "forget", gone)


def test_an_unknown_adapter_to_go_on_from_is_named(tiny: Path) -> None:
    prepared(reviewed(tiny, "old", 0), "logs")
    done = runner.invoke(cli, ["finetune", "train", "-c", str(tiny / "tiny.yaml"), "--from", "tone-9"])
    assert "tone-9" in str(done.exception)


def test_the_second_stage_notes_whom_it_learned_from_as_well(tiny: Path, home: Path) -> None:
    (tiny / "few.yaml").write_text(
        (tiny / "tiny.yaml").read_text(encoding="utf-8") + "most: 8\n", encoding="utf-8"
    )
    prepared(reviewed(tiny, "old", 0), "logs")
    say("finetune", "train", "-c", str(tiny / "few.yaml"))
    noted = home / "finetune" / "logs" / "run" / "customers.json"
    first = json.loads(noted.read_text(encoding="utf-8"))
    assert 0 < len(first) <= 8
    say("finetune", "prefer", "-c", str(tiny / "opinions.yaml"))
    assert set(json.loads(noted.read_text(encoding="utf-8"))) > set(first)


# --- all in one command -------------------------------------------------------------------------------------


@pytest.fixture
def everything(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """``kefu finetune run`` on the tiny model; search and gate, which need a shop, are stood in for."""
    from configs.settings import Settings
    from finetune import gate_commands, log_commands
    from finetune.examples import write_examples
    from finetune.folders import GROUNDED, VERDICT, adapter_of, digest_of, folder_of
    from finetune.pipeline import PARTS

    def ground(name: str, config: str | None) -> None:
        for part in PARTS:
            write_examples(folder_of(Settings(), name) / f"{part}{GROUNDED}", [])

    def judged(settings: Settings, name: str) -> dict[str, object]:
        folder = folder_of(settings, name)
        told = {"passed": True, "why": "", "cases": 0, "rows": [], "against": settings.engine.model}
        told["candidate"] = digest_of(adapter_of(folder))
        (folder / VERDICT).write_text(json.dumps(told), encoding="utf-8")
        return told

    monkeypatch.setattr(log_commands, "ground_logs", ground)
    monkeypatch.setattr(gate_commands, "judged", judged)
    file = reviewed(tiny, "old", 0)
    return ["finetune", "run", str(file), "-c", str(tiny / "tiny.yaml"), "--as", "tone-1"]


@pytest.mark.slow
def test_a_run_that_is_stopped_goes_on_and_what_is_done_stays_done(
    everything: list[str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from finetune import train as training

    real = training.train
    with monkeypatch.context() as patched:
        patched.setattr(training, "train", lambda *a, **k: replace(real(*a, **k), stopped="interrupted"))
        done = runner.invoke(cli, everything)
    assert done.exit_code == 130, done.output
    assert "the same command goes on" in done.output
    assert "7 of 8" not in done.output
    told = say(*everything)
    assert "5 of 8: plan: done before" in told
    assert "registered tone-1" in told
    # What was imported holds what was taken out of it: it may go, and nothing is done again for that.
    (home / "finetune" / "logs" / "imported.jsonl").unlink()
    say("finetune", "register", "tone-2")
    assert json.loads(say("adapters", "show", "tone-2", "--json"))["data"]["conversations"] == 60
    say("adapters", "promote", "tone-1")
    told = say(*everything)
    assert told.count("done before") == 8


@pytest.mark.slow
def test_a_name_that_is_taken_is_refused_and_the_rules_of_cleaning_are_kept(
    everything: list[str], tiny: Path, home: Path
) -> None:
    say(*everything)
    more = [
        word if word != str(tiny / "old.jsonl") else str(reviewed(tiny, "new", 500)) for word in everything
    ]
    done = runner.invoke(cli, more)
    assert isinstance(done.exception, InputError)
    assert "there is an adapter 'tone-1' already" in str(done.exception)
    assert "tone-2" in say(*more[:-1], "tone-2")
    done = runner.invoke(cli, [*more[:-1], "Tone_3!"])
    assert "cannot be named 'Tone_3!'" in str(done.exception)
    # Nobody here said yes, so nothing is left to learn from.
    done = runner.invoke(cli, [*more, "--consent-needed"])
    assert done.exit_code != 0
    assert (home / "finetune" / "logs" / "cleaned.jsonl").read_text(encoding="utf-8") == ""


def test_what_the_engine_could_not_load_is_refused_before_anything_is_done(
    everything: list[str], tiny: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEFU_ENGINE__KIND", "llamacpp")
    done = runner.invoke(cli, everything)
    assert isinstance(done.exception, ConfigError)
    assert "engine.kind to transformers" in str(done.exception)
    monkeypatch.delenv("KEFU_ENGINE__MODEL")
    with (tiny / "tiny.yaml").open("a", encoding="utf-8") as file:
        file.write("method: dora\n")
    done = runner.invoke(cli, everything)
    assert isinstance(done.exception, InputError)
    assert "llama.cpp loads no dora adapter" in str(done.exception)
    assert not (home / "finetune").exists()
