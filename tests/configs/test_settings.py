from __future__ import annotations

from pathlib import Path

import pytest

from configs.errors import ConfigError
from configs.settings import CONFIG_DIR, Settings, load, with_address
from configs.settings_file import PACKAGED


def test_the_packaged_file_equals_the_defaults() -> None:
    assert load("embedded") == load()


@pytest.mark.parametrize("name", PACKAGED)
def test_every_packaged_file_loads(name: str) -> None:
    assert isinstance(load(CONFIG_DIR / f"{name}.yaml"), Settings)


def test_every_other_file_is_of_a_training() -> None:
    from finetune.config import PreferenceConfig, TrainConfig, load_config

    stages = {"lora": TrainConfig, "preference": PreferenceConfig}
    others = {file.stem for file in CONFIG_DIR.glob("*.yaml")} - set(PACKAGED)
    assert others == set(stages)
    for name, kind in stages.items():
        assert load_config(name, kind) == kind()


def test_a_misspelt_key_is_an_error_that_suggests_the_right_one() -> None:
    with pytest.raises(ConfigError, match=r"unknown setting 'engine\.knd' \(did you mean kind\?\)"):
        load(engine={"knd": "off"})


def test_a_misspelt_section_too() -> None:
    with pytest.raises(ConfigError, match="did you mean engine"):
        load(engin={})


def test_a_misspelt_variable_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEFU_ENGIN__KIND", "off")
    with pytest.raises(ConfigError, match="did you mean KEFU_ENGINE"):
        load()


def test_a_wrong_value_says_what_was_got() -> None:
    with pytest.raises(ConfigError, match=r"setting 'api\.port' has 'many'"):
        load(api={"port": "many"})


def test_environment_beats_file_and_keeps_the_rest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text("api: {port: 9000, max_message_chars: 100}\n", encoding="utf-8")
    monkeypatch.setenv("KEFU_CONFIG", str(file))
    monkeypatch.setenv("KEFU_API__PORT", "9001")
    settings = load()
    assert (settings.api.port, settings.api.max_message_chars) == (9001, 100)


def test_environment_beats_the_file_given_by_option(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text("api: {port: 9000, max_message_chars: 100}\n", encoding="utf-8")
    monkeypatch.setenv("KEFU_API__PORT", "9001")
    settings = load(file)
    assert (settings.api.port, settings.api.max_message_chars) == (9001, 100)


@pytest.mark.parametrize("text", ["secret: abc\n", "engine: {api_key: abc}\n"])
def test_secrets_are_refused_in_files(tmp_path: Path, text: str) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="secrets in the environment alone"):
        load(file)


def test_a_missing_file_names_the_packaged_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="embedded, scale"):
        load(tmp_path / "none.yaml")


def test_secrets_do_not_show_in_print(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEFU_SECRET", "topsecretvalue")
    assert "topsecretvalue" not in repr(load())


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load().api.port = 1


def test_with_address() -> None:
    settings = with_address(load(), host=None, port=1234)
    assert (settings.api.host, settings.api.port) == ("127.0.0.1", 1234)


@pytest.mark.parametrize("content", [b"shop: [broken\n", b"\xff\xfe\x00"])
def test_a_file_that_is_no_yaml_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "shop.yaml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"cannot read .*shop\.yaml: .*Expected: a YAML file in UTF-8"):
        load(file)


def test_the_secret_of_the_shops_system_is_no_setting_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret.yaml"
    file.write_text("actions_secret: abcdefghijklmnopqrstuvwxyz")
    with pytest.raises(ConfigError, match="KEFU_ACTIONS_SECRET"):
        load(file)
