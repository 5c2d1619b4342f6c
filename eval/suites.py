"""Every suite of ``kefu eval run``: its name, the module that runs it, what it measures on which data.

Imports a suite when it is run, and no sooner.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from configs.errors import InputError
from eval.outcome import Options, Outcome, Tell


@dataclass(frozen=True, slots=True)
class Suite:
    """``data`` are the folders that it reads below ``KEFU_DATA``. ``figures`` are what the table of results shows; by
    default every figure that has an interval. ``baselines`` are names of baselines that have intervals too."""

    name: str
    module: str
    what: str
    dataset: str
    data: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()
    baselines: tuple[str, ...] = ()

    @property
    def command(self) -> str:
        return f"{'KEFU_DATA=... ' if self.data else ''}kefu eval run {self.name}"

    def run(self, options: Options, tell: Tell) -> Outcome:
        module = importlib.import_module(self.module)
        return cast(Callable[[Options, Tell], Outcome], module.run)(options, tell)


SUITES = (
    Suite(
        "demo",
        "eval.demo",
        "golden cases of the demo shop, replayed through the whole pipeline",
        "packaged cases, the half not fitted on",
        figures=(
            "answerable_pass_rate_test",
            "unanswerable_abstain_rate_test",
            "wrong_facts",
            "leaks",
            "facts_checked",
        ),
    ),
    Suite(
        "real",
        "eval.real_shops",
        "questions about two shops that nobody here wrote",
        "Magento sample store; UCI Online Retail",
        ("magento", "online_retail"),
        (
            "magento_pass_rate",
            "online_retail_pass_rate",
            *(
                f"{shop}_{wrong}"
                for shop in ("magento", "online_retail")
                for wrong in ("wrong_facts", "leaks")
            ),
        ),
    ),
    Suite(
        "policies",
        "eval.policies",
        "whole answers over policy pages, and silence where they say nothing",
        "doc2dial and basecamp_policies, halves not fitted on",
        ("doc2dial_dev", "basecamp_policies"),
        (
            "answer_f1",
            "finds_gold",
            "abstain_rate",
            "false_abstain_rate",
            "citation_precision",
            "citation_recall",
        ),
        ("quote", "model"),
    ),
    Suite(
        "doc2dial",
        "eval.doc2dial",
        "retrieval with dialogue context, and its speed at 10,000 chunks",
        "doc2dial, documents not fitted on",
        ("doc2dial_dev",),
        (
            "recall_at_1",
            "recall_at_5",
            "mrr",
            "new_topic_recall_at_5",
            "new_topic_mrr",
            "search_p95_ms",
            "search_embedded_p95_ms",
        ),
    ),
    Suite(
        "pages",
        "eval.pages",
        "search of single questions beside its legs, in English, Chinese and across",
        "demo pages (fitted on), CMRC 2018",
        ("cmrc2018",),
        tuple(
            f"{corpus}_{measure}"
            for corpus in ("demo", "demo_zh", "cmrc")
            for measure in ("recall_at_5", "mrr")
        ),
    ),
    Suite(
        "router",
        "eval.router",
        "the intent classifier, and what it takes to be out of scope",
        "banking77, clinc150",
        ("banking77", "clinc150"),
    ),
    Suite(
        "products",
        "eval.products",
        "product search with attributes, prices, typos and other words",
        "Magento sample store, graded queries not fitted on",
        ("magento",),
        ("ndcg_at_10",),
    ),
    Suite(
        "grounding",
        "eval.grounding",
        "which sentences the evidence does not support",
        "sentences made from doc2dial, basecamp and Magento documents not fitted on; the model's own, labelled by hand",
        ("doc2dial_dev", "basecamp_policies", "magento"),
        ("unsupported_f1", "planted", "planted_passed", "true_dropped_rate", "hand_precision", "hand_recall"),
    ),
    Suite(
        "plans",
        "eval.plans",
        "plans for two questions in one message and for follow-ups",
        "packaged messages",
    ),
    Suite(
        "pii",
        "eval.pii",
        "personal data found in support messages, and what is taken for such",
        "packaged messages, the half not fitted on; presidio's synthetic sentences (looked at)",
        ("presidio",),
        (
            "recall_structured_test",
            "false_positive_rate_test",
            "presidio_recall_structured",
            "presidio_recall_address",
        ),
    ),
    Suite(
        "replies",
        "eval.replies",
        "what trained adapters changed in the replies to messages held out",
        "the test part of every set of logs that has an adapter",
        figures=("loss_drop", "rouge_l_gain", "similarity_gap_closed"),
    ),
    Suite(
        "recommend",
        "eval.recommend",
        "what customers took next, against each model's own library",
        "completejourney, the last 28 days; UCI Online Retail, October 2011",
        figures=(
            "all_recall_at_20",
            "all_ndcg_at_10",
            "new_recall_at_20",
            "new_ndcg_at_10",
            "cart_recall_at_20",
            "cold_item_recall_at_20",
            "cold_item_new_recall_at_20",
            "five_items_recall_at_20",
            "call_p95_ms",
            "gifts_new_hit_at_10",
        ),
        baselines=(
            "popularity",
            "personal",
            "ease",
            "mixed_by_hand",
            "implicit_als",
            "implicit_bm25",
            "implicit_cosine",
            "text",
        ),
    ),
    Suite(
        "retention",
        "eval.retention",
        "who buys again within a period, by churn risk, recency and frequency",
        "UCI Online Retail, 60 days from 2 September 2011; completejourney, the last 28 days",
        ("online_retail",),
        ("gifts_auc", "gifts_brier", "grocer_auc", "grocer_brier"),
        ("recency", "frequency", "base"),
    ),
    Suite(
        "injection",
        "eval.injection",
        "attacks in messages, pages, products and orders",
        "bastioncorpus, giskard, bipia, our own",
        ("bastioncorpus", "giskard_injections", "bipia", "bitext"),
        ("tool_calls", "disclosures", "changed_answers", "benign_blocked_rate"),
    ),
)


def suite_named(name: str) -> Suite:
    """
    Raises:
        InputError: there is no such suite.
    """
    names = [suite.name for suite in SUITES]
    if name not in names:
        near = difflib.get_close_matches(name, names, 1)
        raise InputError(
            f"there is no suite {name!r}",
            expected=" or ".join(names),
            hint=f"did you mean {near[0]}?" if near else "",
        )
    return next(suite for suite in SUITES if suite.name == name)
