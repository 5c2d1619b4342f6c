"""The approved answers: complete, each with a page behind it, and saying no number that the page does not say."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

DEMO = Path(str(files("chatbot.demo")))
ANSWERS: list[dict[str, Any]] = yaml.safe_load((DEMO / "answers.yaml").read_text(encoding="utf-8"))
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in sorted((DEMO / "pages").glob("*.md"))}
BY_ID = pytest.mark.parametrize("answer", ANSWERS, ids=[answer["id"] for answer in ANSWERS])
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def numbers(text: str) -> set[str]:
    return set(re.findall(r"\d+(?:[.:,]\d+)*", text))


def test_there_are_about_forty_with_unique_ids_and_questions() -> None:
    assert len(ANSWERS) >= 40
    assert len({answer["id"] for answer in ANSWERS}) == len(ANSWERS)
    questions = [question.casefold() for answer in ANSWERS for question in answer["questions"]]
    assert len(set(questions)) == len(questions)


@BY_ID
def test_shape(answer: dict[str, Any]) -> None:
    assert set(answer) == {"id", "questions", "answer", "source"}
    assert answer["source"] in PAGES
    chinese = [question for question in answer["questions"] if CHINESE.search(question)]
    assert 1 <= len(chinese) <= 2
    assert 3 <= len(answer["questions"]) - len(chinese) <= 6
    assert set(answer["answer"]) == {"en", "zh"}
    assert not CHINESE.search(answer["answer"]["en"])
    assert CHINESE.search(answer["answer"]["zh"])
    assert len(answer["answer"]["en"].split()) <= 60


@BY_ID
def test_numbers_and_addresses_come_from_the_page(answer: dict[str, Any]) -> None:
    page = PAGES[answer["source"]]
    for text in answer["answer"].values():
        assert numbers(text) - numbers(page) <= spelled_out(page)
        for address in re.findall(r"\w+@[\w.]+\w", text):
            assert address in page


@BY_ID
def test_both_languages_say_the_same_numbers(answer: dict[str, Any]) -> None:
    english, chinese = answer["answer"]["en"], answer["answer"]["zh"]
    assert numbers(english) - numbers(chinese) == set()
    assert numbers(chinese) - numbers(english) <= spelled_out(english)


def spelled_out(text: str) -> set[str]:
    """Numbers that English writes as a word ("one email", "twice") and Chinese may write as a digit."""
    words = {"1": r"\bone\b|\bonce\b|\ba\b", "2": r"\btwo\b|\btwice\b"}
    return {number for number, pattern in words.items() if re.search(pattern, text)}
