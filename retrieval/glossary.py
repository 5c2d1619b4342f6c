"""Adds English words to a query in another language, from ``configs/glossary/<language>.yaml``.

Embedders of a few megabytes know little of other languages; a few hundred words of shopping help them more than
anything else (60 Chinese questions on English pages: R@1 .50 without, .80 with). Does not translate.
"""

from __future__ import annotations

import functools
import re

import yaml

from configs.settings import CONFIG_DIR


def gloss(text: str, language: str) -> str:
    """The English of the words in ``text`` that the glossary knows; empty if it knows none."""
    words, pattern = _glossary(language)
    if pattern is None:
        return ""
    found = dict.fromkeys(match.group() for match in pattern.finditer(text))
    latin = re.findall(r"[A-Za-z0-9][\w.-]*", text)
    return " ".join([*(words[word] for word in found), *latin]) if found else ""


@functools.cache
def _glossary(language: str) -> tuple[dict[str, str], re.Pattern[str] | None]:
    path = CONFIG_DIR / "glossary" / f"{language}.yaml"
    if not re.fullmatch(r"[a-z]{2,3}", language) or not path.exists():
        return {}, None
    sections = yaml.safe_load(path.read_text(encoding="utf-8"))
    words = {str(word): str(english) for section in sections.values() for word, english in section.items()}
    longest_first = sorted(words, key=len, reverse=True)
    return words, re.compile("|".join(map(re.escape, longest_first)))


def stuff(text: str) -> list[str]:
    """The English words for what a Chinese text names that products are made of; empty if the table does not know it.

    A word of one character counts only if it is the whole text: 豆 is soy, and 咖啡豆 has none.
    """
    known = _stuff()
    longest = sorted((word for word in known if word == text or (len(word) > 1 and word in text)), key=len)
    return known[longest[-1]].split(", ") if longest else []


@functools.cache
def _stuff() -> dict[str, str]:
    told: dict[str, str] = yaml.safe_load((CONFIG_DIR / "tables" / "stuff.yaml").read_text(encoding="utf-8"))
    return told
