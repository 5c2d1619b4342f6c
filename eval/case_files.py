"""Reads cases of a suite from a folder of YAML files, each case by the suite's own model. Runs none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

import yaml
from pydantic import ValidationError

from configs.errors import InputError


class _Case(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def split(self) -> str: ...
    @classmethod
    def model_validate(cls, obj: Any) -> Self: ...


C = TypeVar("C", bound=_Case)


def load_case_files(model: type[C], folder: Path, *, split: str = "all", only: str | None = None) -> list[C]:
    """``model`` is a pydantic model with an ``id`` and a ``split``.

    Raises:
        InputError: a case is malformed, an id occurs twice, or nothing is left to run.
    """
    cases: list[C] = []
    for file in sorted(folder.glob("*.yaml")):
        items: Sequence[Mapping[str, object]] = yaml.safe_load(file.read_text(encoding="utf-8"))
        for item in items:
            try:
                cases.append(model.model_validate(item))
            except ValidationError as error:
                raise InputError(
                    f"{file}: {item.get('id', item)}: {error}", hint="see eval/cases/README.md"
                ) from None
    if len({case.id for case in cases}) < len(cases):
        raise InputError(f"cases in {folder} share an id", hint="rename one of each")
    chosen = [case for case in cases if split in ("all", case.split) and only in (None, case.id)]
    if not chosen:
        raise InputError(f"no case is left of {len(cases)} with split {split!r} and id {only!r}")
    return chosen
