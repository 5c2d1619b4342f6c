"""What is kept of an adapter beside its weights: ``card.json`` for programs and a model card for people.

Customers whose conversations it learned from are in it by a pseudonym alone, a keyed hash, so that it can be found again
when one of them must be forgotten, and nobody can read who they are. Knows no registry and decides nothing.
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import yaml

from finetune.checkpoint import RUN
from finetune.train import Trained

_LIBRARIES = ("torch", "transformers", "peft", "accelerate")


def card(
    base: str,
    made: Trained,
    customers: Iterable[str],
    *,
    conversations: int,
    simulated: bool = False,
    parent: str | None = None,
    preference: Mapping[str, Any] | None = None,
    verdict: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The card of a trained adapter; its configuration is read from the run's folder.

    ``customers`` are the pseudonyms of those in the data, ``conversations`` is how many were imported, ``simulated`` says
    that they are nobody's. ``parent`` is the
    adapter it was continued from, ``preference`` what the second stage told, if there was one.
    """
    run = json.loads((made.adapter.parent / RUN).read_text(encoding="utf-8"))
    return {
        "base": base,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "parent": parent,
        "data": {
            "training": run["training"],
            "validation": run["validation"],
            "conversations": conversations,
            "examples": run["examples"],
            "simulated": simulated,
            "customers": sorted(set(customers)),
        },
        "config": run["config"],
        "training": {
            "validation_loss_before": round(made.before, 4),
            "validation_loss": round(made.best, 4),
            "step": made.best_step,
            "steps": made.steps,
            "seconds": round(made.seconds, 1),
            "tokens": made.tokens,
            "ended": made.stopped,
        },
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in _LIBRARIES},
        },
        "preference": dict(preference or {}),
        "verdict": dict(verdict or {}),
    }


def model_card(name: str, told: Mapping[str, Any]) -> str:
    """The card as Markdown."""
    data, training, config, verdict = told["data"], told["training"], told["config"], told["verdict"]
    of_whom = "simulated conversations" if data["simulated"] else "the shop's support conversations"
    lines = [
        f"# {name}",
        "",
        f"A {config['method']} adapter of rank {config['rank']} for {told['base']}, trained on {data['examples']:,} replies "
        f"out of {of_whom}.",
        "",
        "| | |",
        "|---|---|",
        f"| base model | {told['base']} |",
        f"| continued from | {told['parent'] or 'the base model'} |",
        f"| made | {told['made']} |",
        f"| held-out loss, nats a token | {training['validation_loss_before']} before, {training['validation_loss']} after |",
        f"| steps | best at {training['step']} of {training['steps']} ({training['ended']}) |",
        f"| customers in the data | {len(data['customers'])}, by pseudonyms alone |",
        f"| second stage | {_told_preference(told['preference'])} |",
        f"| gate | {_told_verdict(verdict)} |",
        "",
    ]
    if verdict.get("rows"):
        lines += [f"## Figures of the gate, {verdict['cases']} cases", ""]
        lines += [f"| | {verdict['against']} | {name} | gain, 95 % interval |", "|---|---|---|---|"]
        lines += [
            f"| {row['figure']} | {row['live']:.3f} | {row['candidate']:.3f} | {row['low']:+.3f} to {row['high']:+.3f} |"
            for row in verdict["rows"]
        ]
        lines.append("")
    lines += [
        "## Limits",
        "",
        "It has learned how the shop's agents speak, and may have learned facts that are no longer true. kefu sends none of its "
        "sentences that the evidence of the turn does not back; served elsewhere, nothing checks them.",
        "",
        "## To make it again",
        "",
        *_commands(name, data, told["parent"]),
        "",
        "```yaml",
        *yaml.safe_dump(config, default_flow_style=None, sort_keys=False).splitlines(),
        "```",
        "",
        ", ".join(f"{library} {version}" for library, version in told["versions"].items()),
        "",
    ]
    return "\n".join(lines)


def _commands(name: str, data: Mapping[str, Any], parent: str | None) -> list[str]:
    """Logs that everybody can make are made first, in a home where the packaged adapter then rests: the gate compares with
    what is live."""
    simulated = [
        f"kefu finetune simulate logs.jsonl --count {data['conversations']}",
        "kefu adapters promote base",
    ]
    if not data["simulated"]:
        simulated = []
    start = f" --from {parent}" if parent else ""
    return [
        f"With this configuration in `training.yaml`{'' if simulated else ', and the logs'}:",
        "",
        "```sh",
        *simulated,
        f"kefu finetune run logs.jsonl -c training.yaml --minutes 600 --as {name}-again{start}",
        "```",
    ]


def _told_preference(told: Mapping[str, Any]) -> str:
    if not told:
        return "none"
    agreed = "" if told["agreement"] is None else f", agrees with {told['agreement']:.0%} of pairs held out"
    return f"{told['method']} on {told['liked']} replies that were liked and {told['disliked']} that were not{agreed}"


def _told_verdict(verdict: Mapping[str, Any]) -> str:
    if not verdict:
        return "not judged"
    return "passed" if verdict.get("passed") else f"not passed: {verdict.get('why', 'no reason given')}"
