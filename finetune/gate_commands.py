"""What the commands of ``kefu finetune`` do with a trained adapter: judge it, and put it among those that can be served."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from configs.errors import InputError
from configs.settings import Settings, load
from finetune.folders import (
    CLEANED,
    CONFIG,
    GROUNDED,
    LEARNED,
    PREFERENCE,
    REPORT,
    VERDICT,
    adapter_of,
    digest_of,
    folder_of,
    there,
)
from finetune.terminal import bar, out

if TYPE_CHECKING:
    from finetune.speak import Told

_JUDGED = 40
"""Cases of each kind that the gate looks at."""
_LOST = 40
"""Of these, how many the held-out loss is of: a pass over a case costs as much as a reply to it."""
_LONGEST_PROMPT = 1024


def gate_adapter(name: str, as_json: bool, config: str | None) -> None:
    """Compare the trained adapter with what is live. Exits with 1 if it did not pass."""
    import typer

    told = judged(load(config), name)
    if as_json:
        print(json.dumps(told))
    else:
        show_verdict(told)
    if not told["passed"]:
        raise typer.Exit(1)


def judged(settings: Settings, name: str) -> dict[str, Any]:
    """The gate's verdict on the test part, which is kept beside the adapter.

    Raises:
        InputError: the engine of the settings cannot load it.
    """
    from chatbot.engine.weights import transformers_path
    from finetune.adapter_commands import registry
    from finetune.examples import encode, load_tokenizer, read_examples
    from finetune.export import kind_of
    from finetune.gate import case_of, judge
    from finetune.measure import losses
    from finetune.speak import check_engine, replies

    folder = folder_of(settings, name)
    candidate = adapter_of(folder)
    check_engine(settings, kind_of(json.loads((candidate / CONFIG).read_text(encoding="utf-8"))))
    adapters = registry(settings)
    now = adapters.live
    live = adapters.get(now).folder if now else None
    every = list(read_examples(there(folder / f"test{GROUNDED}", "ground")))
    cases = [case_of(example) for example in every]
    kinds = [[n for n, case in enumerate(cases) if case.answerable is kind] for kind in (True, False)]
    chosen = sorted(place for own in kinds for place in own[:: max(1, len(own) // _JUDGED)][:_JUDGED])
    base = transformers_path(settings)
    lost = [every[place] for place in chosen[:: max(1, -(-len(chosen) // _LOST))]]
    encoded, _ = encode(lost, load_tokenizer(base), limit=_LONGEST_PROMPT)
    requests = [every[place].messages[:-1] for place in chosen]
    told: list[list[Told]] = []
    losses_of: list[list[float]] = []
    with bar() as (progress, task):
        for who, adapter in ((now or "the base model", live), ("the candidate", candidate)):

            def tell(done: int, of: int, what: str = who) -> None:
                progress.update(task, completed=done, total=of, description=what)

            losses_of.append(losses(base, adapter, encoded, tell))
            longest = settings.sampling.max_tokens
            told.append(replies(settings, adapter, requests, longest=longest, tell=tell))
    public = [contact for contact in (settings.shop.email, settings.shop.phone) if contact]
    verdict = judge(
        [cases[place] for place in chosen], told[0], told[1], losses_of[0], losses_of[1], public=public
    )
    kept = verdict.told() | {"against": now or settings.engine.model, "candidate": digest_of(candidate)}
    (folder / VERDICT).write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return kept


def show_verdict(told: Mapping[str, Any]) -> None:
    table = Table("figure", told["against"], "candidate", "gain, 95 % interval", "")
    for row in told["rows"]:
        gain = f"{row['low']:+.3f} to {row['high']:+.3f}"
        table.add_row(
            row["figure"], f"{row['live']:.3f}", f"{row['candidate']:.3f}", gain, "" if row["ok"] else "✗"
        )
    if told["rows"]:
        out.print(table)
    said = "passed" if told["passed"] else f"not passed: {told['why']}"
    out.print(f"{escape(said)} ({told['cases']} cases)")


def register_adapter(adapter: str, name: str, config: str | None) -> None:
    """Put the trained adapter among those that can be served, with the gate's verdict if there is one."""
    import tempfile

    from chatbot.engine.weights import ADAPTER_FILE, transformers_path
    from finetune.adapter_commands import registry
    from finetune.card import card, model_card
    from finetune.checkpoint import RUN
    from finetune.export import gguf_adapter, peft_folder
    from finetune.logs import read
    from finetune.train import trained

    settings = load(config)
    folder = folder_of(settings, name)
    made = trained(there(folder / "run" / RUN, "train").parent)
    run = json.loads((folder / "run" / RUN).read_text(encoding="utf-8"))
    learned = read(there(folder / "train.jsonl", "split"))
    adapter_folder = adapter_of(folder)
    verdict = _told(folder / VERDICT)
    if verdict and verdict["candidate"] != digest_of(adapter_folder):
        verdict = None  # of what was trained here before
    second = adapter_folder.parent.name == "preference"
    report = _told(folder / REPORT)
    told = card(
        settings.engine.model,
        made,
        json.loads(there(folder / "run" / LEARNED, "train").read_text(encoding="utf-8")),
        # The report outlives the imported logs, until somebody is forgotten.
        conversations=report["read"] if report else sum(1 for _ in read(there(folder / CLEANED, "clean"))),
        simulated=all(one.simulated for one in learned),
        parent=run["start_from"],
        preference=_told(adapter_folder.parent / PREFERENCE) if second else None,
        verdict=verdict,
    )
    with tempfile.TemporaryDirectory(prefix="kefu-register-") as part:
        peft_folder(adapter_folder, Path(part), settings.engine.model)
        # An adapter that llama.cpp cannot load is registered for the other engines.
        with suppress(InputError):
            gguf_adapter(transformers_path(settings), adapter_folder, Path(part) / ADAPTER_FILE)
        registry(settings).add(adapter, Path(part), told, model_card(adapter, told))
    unproven = "" if verdict and verdict["passed"] else " --unproven"
    out.print(f"registered {adapter}; `kefu adapters promote {adapter}{unproven}` lets it answer")


def _told(file: Path) -> dict[str, Any] | None:
    told: dict[str, Any] | None = json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
    return told
