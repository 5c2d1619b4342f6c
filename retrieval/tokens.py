"""Words of a text, as the lexical index sees them.

English words are stemmed, Chinese is cut by jieba (by pairs of characters where jieba is not installed),
numbers and codes stay whole and are also offered in parts. Does not know documents or queries.
"""

from __future__ import annotations

import functools
import importlib.util
import re
import threading
import unicodedata
from typing import Any

_HAN = r"㐀-䶿一-鿿豈-﫿"
_WORD = re.compile(rf"[{_HAN}]+|[^\W_{_HAN}]+(?:[.,:'’\-_/&][^\W_{_HAN}]+)*")
_PART = re.compile(r"[^\W_]+")

STOPWORDS = frozenset(
    """a about also am an and any are as at be been but by can cant could did didnt do does doesnt doing dont for
    from get got had has have having hello hey hi how i id if ill im in into is isnt it its ive just know let like
    lot me my of on one or our out please shall should so some tell than thank thanks that thats the their them
    then there these they this those to too u up us very want wanted was wasnt we were what whats when where which
    while who whom whose why will with wont would you your yours youre""".split()
)
CHINESE_STOPWORDS = frozenset(
    "的 了 吗 呢 吧 啊 呀 是 我 你 您 他 她 它 我们 你们 他们 请问 请 什么 怎么 怎样 如何 多少 哪 哪个 哪些 这 那 这个 那个 有 没有 "
    "在 和 与 或 也 都 就 还 很 要 想 能 可以 会 一个 一下 吗 不 对 把 被 从 到 给 为 用 上 下".split()
)

_IRREGULAR = dict(
    pair.split(":")
    for pair in """knives:knife shelves:shelf leaves:leaf loaves:loaf scarves:scarf halves:half wolves:wolf wives:wife
    children:child men:man women:woman feet:foot teeth:tooth mice:mouse""".split()
)

_PEOPLE = re.compile(r"([一两二双三四五六七八九十])个?人(?![民们工类])")
_HOW_MANY = dict(zip("一两二双三四五六七八九十", (1, 2, 2, 2, 3, 4, 5, 6, 7, 8, 9, 10), strict=True))

VERSION = 3
"""Raise it when a text gives other tokens than before: indexes are then built anew."""

_cutting = threading.Lock()


def jieba_installed() -> bool:
    return importlib.util.find_spec("jieba") is not None


def tokenize(text: str) -> list[str]:
    """Stems, Chinese words, numbers and codes of ``text``, in order, without stop words.

    A word of several parts gives itself and its parts: ``KIT-0042`` → ``kit-0042 kit 0042``.
    """
    return [token for token, _ in tokenize_with_words(text)]


def tokenize_with_words(text: str) -> list[tuple[str, str]]:
    """Like ``tokenize``, each token with the word of the text that it comes from."""
    tokens: list[tuple[str, str]] = []
    for found in _WORD.finditer(fold(text)):
        word = found.group()
        if re.match(rf"[{_HAN}]", word):
            tokens += [(piece, piece) for piece in _cut_chinese(word) if piece not in CHINESE_STOPWORDS]
            continue
        parts = _PART.findall(word)
        if len(parts) > 1 and "'" in word:  # shopper's, don't: one word
            word = re.sub(r"'s$", "", word).replace("'", "")
            parts = _PART.findall(word)
        if len(parts) > 1:
            tokens.append((word, word))
        tokens += [(stem(part), part) for part in parts if part not in STOPWORDS]
    return tokens


def has_chinese(text: str) -> bool:
    return re.search(rf"[{_HAN}]", text) is not None


def fold(text: str) -> str:
    """Lower case, half-width characters, straight apostrophes, no accents."""
    text = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", re.sub(r"[̀-ͯ]", "", decomposed))


_MARKS = re.compile(r"[\s.,:;!?…'\"“”‘’„«»()\[\]{}*_#|·•–—。，、：；！？（）「」《》]+")
"""Signs that do not change what a text says; currencies, percent, minus and the like do."""


def bare_words(text: str) -> str:
    """The text without regard to case, white space and punctuation: equal for texts that say the same."""
    return _MARKS.sub(" ", fold(text)).strip()


@functools.lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    if not word.isalpha():
        return word
    return str(_stemmer().stemWord(_IRREGULAR.get(word, word)))


@functools.cache
def _stemmer() -> Any:
    import Stemmer

    return Stemmer.Stemmer("english")


@functools.cache
def _jieba() -> Any:
    import logging

    import jieba

    jieba.setLogLevel(logging.WARNING)
    tokenizer = jieba.Tokenizer()
    with _cutting:
        tokenizer.initialize()
    return tokenizer


def _cut_chinese(run: str) -> list[str]:
    """Words of a run of Chinese; how many people something is for is one word: 双人 and 两个人 are both ``2人``."""
    pieces: list[str] = []
    end = 0
    for people in _PEOPLE.finditer(run):
        pieces += [*_words_of(run[end : people.start()]), f"{_HOW_MANY[people[1]]}人"]
        end = people.end()
    return [*pieces, *_words_of(run[end:])]


def _words_of(run: str) -> list[str]:
    if not run:
        return []
    if jieba_installed():
        return list(_jieba().cut_for_search(run))
    return [run] if len(run) == 1 else [run[i : i + 2] for i in range(len(run) - 1)]
