"""Golden cases: what shoppers say and what a right reply must contain. Strict: a misspelt key is an error.

The format is described in ``eval/cases/README.md``. Knows no bot and scores nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from configs.errors import InputError

CASES = Path(__file__).parent / "cases"
ABSTAINING = frozenset({"clarify", "refuse", "handoff"})
TOOLS = (
    "product_search", "product_details", "compare", "recommend", "why_suggested", "order_status", "order_list",
    "return_eligibility", "delivery_estimate", "handoff", "cancel_order", "change_address", "resend_receipt", "request_return",
    "restock_alert", "undo_change",
)  # fmt: skip

Kind = Literal["answer", "clarify", "refuse", "handoff"]
Split = Literal["dev", "test"]


def _checked(entry: str | list[str]) -> str | list[str]:
    for option in [entry] if isinstance(entry, str) else entry:
        if not option.strip(" *"):
            raise ValueError("an entry is empty, and an empty text is in every reply")
        if option.startswith("date:"):
            date.fromisoformat(option.removeprefix("date:"))
    if not entry:
        raise ValueError("a list of alternatives is empty, so nothing could meet it")
    return entry


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Entry = Annotated[str | list[str], AfterValidator(_checked)]
"""A fact, or a list of alternatives of which one is enough; how it is matched: ``eval.match``."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Call(_Strict):
    """A tool call that must be made; ``arguments`` are those that matter, others may be there too."""

    name: Literal[
        "product_search", "product_details", "compare", "recommend", "why_suggested", "order_status", "order_list",
        "return_eligibility", "delivery_estimate", "handoff", "cancel_order", "change_address", "resend_receipt", "request_return",
        "restock_alert", "undo_change",
    ]  # fmt: skip
    arguments: Mapping[str, str | int | float | bool] = Field(default_factory=dict)


class Say(_Strict):
    """One message of the shopper and what holds for the reply."""

    say: str = Field(min_length=1)
    must: tuple[Entry, ...] = ()
    must_not: tuple[Entry, ...] = ()
    calls: tuple[Call, ...] | None = None
    """None: not checked; an empty list: no call at all."""
    sources: tuple[Entry, ...] = ()
    """Names of pages, or ``product:SKU``."""
    kind: Annotated[tuple[Kind, ...], BeforeValidator(_listed)] = ()
    """Any of these; none: not checked."""


class State(_Strict):
    """How the conversation stands after the last turn."""

    conversation: Literal["bot", "waiting", "person", "closed"]


class Case(_Strict):
    id: str = Field(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$")
    category: str = Field(min_length=1)
    split: Split
    language: Literal["en", "zh"] = "en"
    customer: str | None = None
    answerable: bool = True
    tags: tuple[Literal["terse", "lower-case", "typo", "angry", "polite", "two-questions"], ...] = ()
    turns: tuple[Say, ...] = Field(min_length=1)
    state: State | None = None

    @model_validator(mode="after")
    def _is_checkable(self) -> Case:
        """A case that cannot fail proves nothing."""
        last = self.turns[-1]
        if self.answerable and not any(turn.must or turn.kind for turn in self.turns):
            raise ValueError("an answerable case has neither 'must' nor 'kind' in any turn")
        if not self.answerable and not (last.kind and set(last.kind) <= ABSTAINING):
            raise ValueError(
                "the last turn of an unanswerable case needs 'kind' out of clarify, refuse, handoff"
            )
        return self


def load_cases(folder: Path, *, split: str = "all", only: str | None = None) -> list[Case]:
    """All cases of a folder's YAML files, in order.

    Raises:
        InputError: the folder has none, a case is malformed, an id occurs twice, or nothing is left to run.
    """
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise InputError(f"there are no cases in {folder}", expected="YAML files, each a list of cases")
    cases = [case for file in files for case in _read(file)]
    twice = [name for name, count in Counter(case.id for case in cases).items() if count > 1]
    if twice:
        raise InputError(f"cases in {folder} share an id: {', '.join(twice)}", hint="rename one of each")
    if split not in ("all", "dev", "test"):
        raise InputError(f"there is no split {split!r}", expected="dev, test or all")
    chosen = [c for c in cases if (split == "all" or c.split == split) and (only is None or c.id == only)]
    if not chosen:
        raise InputError(f"no case is left of {len(cases)} with split {split!r} and id {only!r}")
    return chosen


def _read(file: Path) -> list[Case]:
    data = yaml.safe_load(file.read_text(encoding="utf-8"))
    if not isinstance(data, list):
        raise InputError(f"{file} holds a {type(data).__name__}", expected="a list of cases")
    return [_parse(item, file, number) for number, item in enumerate(data, 1)]


def _parse(item: Any, file: Path, number: int) -> Case:
    name = item.get("id", f"number {number}") if isinstance(item, dict) else f"number {number}"
    try:
        return Case.model_validate(item)
    except ValidationError as error:
        told = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc']) or 'case'}: {problem['msg']}"
            for problem in error.errors()
        )
        raise InputError(f"{file}: case {name}: {told}", hint="see eval/cases/README.md") from None


def counts(cases: Sequence[Case]) -> dict[str, int]:
    """How many cases there are of each sort that the set must have."""
    return {
        "cases": len(cases),
        "multi_turn": sum(len(case.turns) > 1 for case in cases),
        "unanswerable": sum(not case.answerable for case in cases),
        "chinese": sum(case.language == "zh" for case in cases),
        "dev": sum(case.split == "dev" for case in cases),
        "test": sum(case.split == "test" for case in cases),
    }
