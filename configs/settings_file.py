"""Reads a settings file, which holds no secret. Knows no setting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from configs.errors import ConfigError

PACKAGED = ("embedded", "scale")
"""The settings files that come with kefu; the other files beside this module are of trainings and tables."""
_FOLDER = Path(__file__).parent
_SECRET_KEYS = {"secret", "api_key", "password", "token", "actions_secret"}


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a settings file.

    Raises:
        ConfigError: the file is missing, is no YAML, is no mapping, or holds a secret.
    """
    resolved = path if path.exists() else _FOLDER / f"{path}.yaml"
    if not resolved.exists():
        raise ConfigError(
            f"there is no settings file {path}", hint=f"name a file, or one of: {', '.join(PACKAGED)}"
        )
    try:
        data = yaml.safe_load(resolved.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(
            f"cannot read {resolved}: {' '.join(str(error).split())}", expected="a YAML file in UTF-8"
        ) from error
    if not isinstance(data, dict):
        raise ConfigError(f"{resolved} holds a {type(data).__name__}", expected="a mapping of sections")
    for key in _leaf_keys(data):
        if key in _SECRET_KEYS:
            raise ConfigError(
                f"{resolved} sets {key!r}",
                expected="secrets in the environment alone",
                hint=f"export KEFU_{key.upper()}",
            )
    return data


def _leaf_keys(data: Mapping[str, Any]) -> Iterator[str]:
    for key, value in data.items():
        if isinstance(value, Mapping):
            yield from _leaf_keys(value)
        else:
            yield str(key)
