"""The suite of two shops that nobody here wrote: their tables are ingested into empty stores by the functions behind
the guide's commands, then questions are asked. Needs the folder that ``KEFU_DATA`` names.

Knows their file names; what is asked and what is right stand in ``eval/cases/real``.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from chatbot import ingest
from chatbot.app import build
from configs.errors import InputError
from configs.settings import Settings, load
from eval.data import data_folder
from eval.demo import LOWER_IS_BETTER, case_scores, latency_by_rung, passes_by_category, replay
from eval.golden import CASES, Case
from eval.metrics import CaseResult, by, interval
from eval.outcome import Options, Outcome, Tell
from eval.real_cases import load_real_cases, resolve
from eval.report import err, failures

_GEAR = (
    "Catalog__SimpleProduct_products_gear_bags",
    "Catalog__SimpleProduct_products_gear_fitness_equipment",
    "Catalog__SimpleProduct_products_gear_fitness_equipment_strap",
    "Catalog__SimpleProduct_products_gear_watches",
    "Downloadable__products_training_video_download",
    "Bundle__yoga_bundle",
    "GroupedProduct__yoga_grouped",
)
_RETAIL = "online_retail_before_2011-11.parquet"
_UNSAID = {"simulated": False, "today": None, "email": "", "phone": "", "hours": ""}


@dataclass(frozen=True, slots=True)
class RealShop:
    """``tables`` are (kind, file, mapping) in the order of the guide; kind ``docs`` is for tables of pages."""

    name: str
    shop: Mapping[str, Any]
    tables: Sequence[tuple[Any, str, str]]


SHOPS = (
    RealShop(
        "magento",
        {
            **_UNSAID, "name": "Magento sample store", "currency": "USD", "timezone": "America/Los_Angeles",
            "return_days": 30, "order_number_pattern": r"\d{9}",
        },
        [
            ("products", "Configurable__products.csv", "magento_products"),
            *(("products", f"{file}.csv", "magento_simple_products") for file in _GEAR),
            ("products", "Catalog__SimpleProduct_products_gear_fitness_equipment_ball.csv", "magento_balls"),
            ("docs", "Cms__pages_pages.csv", "magento_pages"),
            ("docs", "Cms__blocks_categories_static_blocks.csv", "magento_blocks"),
            ("docs", "SalesRule__sales_rules.csv", "magento_promotions"),
            ("rates", "OfflineShipping__tablerate.csv", "magento_rates"),
        ],
    ),
    RealShop(
        "online_retail",
        {
            **_UNSAID, "name": "Online retail", "currency": "GBP", "timezone": "Europe/London",
            "return_days": 0, "order_number_pattern": r"C?\d{6}",
        },
        [(kind, _RETAIL, f"online_retail_{kind}") for kind in ("products", "customers", "orders", "purchases")],
    ),
)  # fmt: skip


def run(options: Options, tell: Tell) -> Outcome:
    """Ingest both shops, ask all questions.

    Raises:
        ConfigError: ``KEFU_DATA`` does not lead to the data.
        InputError: a fact is not in the data, or no case has the id ``only``.
    """
    data = data_folder(*(shop.name for shop in SHOPS))
    metrics: dict[str, float] = {}
    results: list[CaseResult] = []
    plots = []
    for shop in SHOPS:
        file = CASES / "real" / f"{shop.name}.yaml"
        cases = [resolve(case, data) for case in load_real_cases(file) if options.only in (None, case.id)]
        if not cases:
            continue
        found, seconds = _ask_shop(shop, cases, data, options.config, tell)
        results += found
        metrics |= _figures(shop.name, found, seconds)
        plots.append(passes_by_category(f"{shop.shop['name']}: cases passed by category", found))
    if not results:
        raise InputError(f"no real case has the id {options.only!r}")
    passed = by(results, lambda result: result.case.category)
    return Outcome(
        metrics,
        f"{len(results)} questions to two shops that nobody here wrote, whose tables were ingested into empty stores "
        "by the functions behind the guide's commands.",
        case_scores(results),
        [*plots, latency_by_rung(results)],
        [
            *(failures(results) if options.failures else ()),
            *(f"{name}: {right} of {all_}" for name, (right, all_) in passed.items()),
        ],
        LOWER_IS_BETTER,
    )


def _ask_shop(
    shop: RealShop, cases: Sequence[Case], data: Path, config: str | None, tell: Tell
) -> tuple[list[CaseResult], float]:
    """One shop in a home of its own; also how long the ingestion took."""
    with tempfile.TemporaryDirectory(prefix=f"kefu-{shop.name}-") as folder:
        settings = load(
            config,
            home=Path(folder),
            database_url="",
            shop=dict(shop.shop),
            retrieval={"languages": ("en",)},
        )
        started = time.perf_counter()
        for number, (kind, name, mapping) in enumerate(shop.tables):
            tell(f"{shop.name}: tables", number, len(shop.tables))
            _ingest(settings, kind, data / shop.name / name, mapping)
        seconds = time.perf_counter() - started

        async def asked() -> list[CaseResult]:
            app = build(settings)
            try:
                return await replay(app, cases, lambda done, of: tell(f"{shop.name}: cases", done, of))
            finally:
                await app.aclose()

        return asyncio.run(asked()), seconds


def _ingest(settings: Settings, kind: Any, path: Path, mapping: str) -> None:
    """What ``kefu ingest KIND FILE --mapping NAME`` does; rejected rows are reported by it and do not end the suite."""
    try:
        with redirect_stdout(sys.stderr):  # what the suite prints may be read by a program
            if kind == "docs":
                ingest.docs(settings, [path], mapping=mapping, strict=False)
            else:
                ingest.table(settings, kind, path, mapping=mapping, strict=False)
    except typer.Exit:
        err.print(f"[yellow]{path.name}: some rows were rejected[/yellow]")


def _figures(name: str, results: Sequence[CaseResult], seconds: float) -> dict[str, float]:
    turns = [turn for result in results for turn in result.turns]
    low, high = interval([result.passed for result in results])
    return {
        f"{name}_pass_rate": round(sum(result.passed for result in results) / len(results), 4),
        f"{name}_pass_rate_low": round(low, 4),
        f"{name}_pass_rate_high": round(high, 4),
        f"{name}_cases": len(results),
        f"{name}_wrong_facts": sum(len(turn.wrong) for turn in turns),
        f"{name}_leaks": sum(len(turn.leaked) for turn in turns),
        f"{name}_ingest_seconds": round(seconds, 1),
    }
