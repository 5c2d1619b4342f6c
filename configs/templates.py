"""The texts that kefu speaks by itself, by language: ``templates/<language>.yaml``, key -> text with {fields}.

Values arrive already formatted (money, dates, lists); a text only says where they stand. Knows nothing of
tools, shops or formatting.
"""

from __future__ import annotations

import difflib
import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from configs.errors import ConfigError

TEMPLATE_DIR = Path(__file__).parent / "templates"
DEFAULT_LANGUAGE = "en"
_SPACES = re.compile(r" {2,}")


@dataclass(frozen=True, slots=True)
class Templates:
    """All texts of one language."""

    language: str
    texts: Mapping[str, str]

    def text(self, key: str, **data: object) -> str:
        """Fill one text; fields that it does not use are ignored.

        Raises:
            ConfigError: there is no such key, or a field of the text was not given.
        """
        try:
            pattern = self.texts[key]
        except KeyError:
            close = difflib.get_close_matches(key, self.texts, n=1)
            raise ConfigError(
                f"there is no template {key!r} in {self.language!r}",
                hint=f"did you mean {close[0]}?" if close else f"add it to {self.language}.yaml",
            ) from None
        try:
            filled = pattern.format_map(data)
        except KeyError as missing:
            raise ConfigError(
                f"template {key!r} ({self.language}) lacks the field {missing.args[0]!r}",
                expected=", ".join(sorted(fields(pattern))),
            ) from None
        # An optional note that is empty must not leave a hole.
        return "\n".join(_SPACES.sub(" ", line).strip() for line in filled.splitlines()).strip()

    def fields(self, key: str) -> frozenset[str]:
        """The names of the fields that a text needs."""
        return fields(self.texts[key])


def fields(pattern: str) -> frozenset[str]:
    """The field names of a text such as ``"Hello {name}"``."""
    return frozenset(name for _, name, _, _ in string.Formatter().parse(pattern) if name is not None)


def languages() -> tuple[str, ...]:
    """The languages that have a file."""
    return tuple(sorted(path.stem for path in TEMPLATE_DIR.glob("*.yaml")))


def supported(language: str) -> str:
    """The language whose file serves a tag such as ``zh-CN``; English if there is none."""
    base = re.split(r"[-_]", language.strip().lower(), maxsplit=1)[0]
    return base if base in languages() else DEFAULT_LANGUAGE


def load(language: str) -> Templates:
    """The texts for a language tag; English if kefu does not speak it.

    Raises:
        ConfigError: the file is no mapping of names to texts, or a field is more than a plain name.
    """
    return _load(supported(language))


@cache
def _load(language: str) -> Templates:
    return read(TEMPLATE_DIR / f"{language}.yaml")


def read(path: Path) -> Templates:
    """Read one file of texts; the file's stem is the language.

    Raises:
        ConfigError: as for ``load``.
    """
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(data, dict):
        raise ConfigError(f"{path} holds a {type(data).__name__}", expected="a mapping of names to texts")
    for key, text in data.items():
        if not isinstance(text, str):
            raise ConfigError(f"{path}: {key!r} has {text!r}", expected="a text")
        _check(path, key, text)
    return Templates(path.stem, data)


def _check(path: Path, key: str, text: str) -> None:
    """Only ``{name}``: attributes, indices and formats would let a text reach into its values."""
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError as error:
        raise ConfigError(f"{path}: {key!r} is not a valid text: {error}", expected="{name} fields") from None
    for _, name, form, conversion in parts:
        if name is not None and (not name.isidentifier() or form or conversion):
            raise ConfigError(f"{path}: {key!r} has the field {name!r}", expected="plain {name} fields")
