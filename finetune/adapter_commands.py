"""What the commands of ``kefu adapters`` do: look at the registry, move its pointer, write adapters in other forms."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

from rich.markdown import Markdown
from rich.table import Table

from chatbot.adapters import BASE, MODEL_CARD, Adapters, Serving
from chatbot.engine.weights import ADAPTER_FILE, adapter_gguf, adapters_folder, gguf_path, transformers_path
from configs.errors import InputError
from configs.settings import Settings, load
from finetune.terminal import out

FORMS = ("peft", "merged", "gguf-adapter", "gguf-q8_0", "gguf-q4_0", "vllm")


def registry(settings: Settings) -> Adapters:
    return Adapters(adapters_folder(settings), settings.engine.model)


def list_adapters(as_json: bool, config: str | None) -> None:
    adapters = registry(load(config))
    now, found = adapters.serving(), adapters.all()
    if as_json:
        rows = [{"name": one.name, "state": _state(one.name, now), "card": dict(one.card)} for one in found]
        print(json.dumps({"live": now.live, "canary": now.canary, "share": now.share, "adapters": rows}))
        return
    if not found:
        out.print("no adapters; `kefu finetune run LOGS` makes one")
        return
    table = Table("adapter", "answers", "held-out loss", "gate", "made")
    for one in found:
        told = one.card.get("training", {})
        loss = f"{told.get('validation_loss_before', '?')} → {told.get('validation_loss', '?')}"
        gate = "passed" if one.passed else "not passed" if one.card.get("verdict") else "not judged"
        table.add_row(one.name, _state(one.name, now), loss, gate, str(one.card.get("made", ""))[:10])
    out.print(table)
    if now.live is None:
        out.print("the base model answers" + (" the other conversations" if now.canary else ""))


def _state(name: str, now: Serving) -> str:
    if name == now.live:
        return "everybody" if not now.canary else f"{1 - now.share:.0%}"
    return f"{now.share:.0%}" if name == now.canary else ""


def show_adapter(name: str, as_json: bool, config: str | None) -> None:
    adapter = registry(load(config)).get(name)
    if as_json:
        print(json.dumps(dict(adapter.card)))
        return
    out.print(Markdown((adapter.folder / MODEL_CARD).read_text(encoding="utf-8")))


def promote(name: str, unproven: bool, config: str | None) -> None:
    wanted = None if name == BASE else name
    _moved(config, lambda adapters: adapters.promote(wanted, unproven=unproven), wanted)


def canary(name: str, share: float, unproven: bool, config: str | None) -> None:
    _moved(config, lambda adapters: adapters.canary(name, share, unproven=unproven), name)


def rollback(config: str | None) -> None:
    _moved(config, lambda adapters: adapters.rollback())


def remove(name: str, config: str | None) -> None:
    registry(load(config)).remove(name)
    out.print(f"{name} is deleted")


def _moved(config: str | None, move: Callable[[Adapters], Serving], to: str | None = None) -> None:
    """
    Raises:
        EngineError: it is llama.cpp that answers, and it cannot load the adapter.
    """
    settings = load(config)
    adapters = registry(settings)
    if to is not None and settings.engine.kind == "llamacpp":
        adapter_gguf(adapters.folder, adapters.get(to).name)
    now = move(adapters)
    live = now.live or "the base model"
    told = f"{live} answers" + (f", {now.canary} {now.share:.0%} of new conversations" if now.canary else "")
    out.print(f"{told}; running servers follow with their next answer")


def export(name: str, form: str, target: Path | None, config: str | None) -> None:
    """
    Raises:
        NotFoundError: there is no such adapter.
        InputError: there is no such form, the target exists, the adapter cannot have this form, or it is to be merged with
            its base model, and that is not the one of the settings.
    """
    import shutil
    import tempfile

    from finetune import export as forms

    if form not in FORMS:
        raise InputError(f"there is no form {form!r}", expected=", ".join(FORMS))
    settings = load(config)
    adapter = registry(settings).get(name)
    if form == "vllm":
        rank = int(adapter.card["config"]["rank"])
        out.print(shlex.join(forms.vllm_flags(adapter.base, {name: adapter.folder}, rank)))
        return
    suffix = "" if form in ("peft", "merged") else ".gguf"
    target = target or Path(f"{name}-{form}{suffix}")
    if target.exists():
        raise InputError(f"{target} exists already", hint="name another with --out")
    if form != "peft":
        registry(settings).of_this_base(name)
    if form == "peft":
        shutil.copytree(adapter.folder, target, ignore=shutil.ignore_patterns(ADAPTER_FILE))
    elif form == "gguf-adapter":
        forms.gguf_adapter(transformers_path(settings), adapter.folder, target)
    elif form == "merged":
        forms.merged(transformers_path(settings), adapter.folder, target)
    else:
        with tempfile.TemporaryDirectory(prefix="kefu-export-") as folder:
            whole = forms.merged(transformers_path(settings), adapter.folder, Path(folder) / "merged")
            forms.gguf_model(gguf_path(settings), whole, target, "Q8_0" if form == "gguf-q8_0" else "Q4_0")
    out.print(f"written to {target}")
