"""What a message says literally: order numbers, price limits, options, follow-up marks, several questions.

Rules over text, in English and Chinese. Knows the shop's order-number pattern and the catalogue's vocabulary,
but looks nothing up: whether an order or a product exists, and whose it is, is for the tools to find out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chatbot import lang
from retrieval.prices import price_limits

_FOLLOW_UP = re.compile(
    r"^\s*(?:and|also|what about|how about|then|ok(?:ay)?,? and|but)\b|\b(?:it|its|it's|they|them|this one|that one|these|those|the same"
    r"|this|that|the (?:\w+ )?ones?|the (?:first|second|third|fourth|last|other|cheaper|cheapest|bigger|smaller|larger))\b",
    re.IGNORECASE,
)
_FOLLOW_UP_ZH = re.compile(r"^(?:那|还有|另外)|它|这个|那个|这款|那款|这件|第[一二三四]个|呢[？?]?$")
_ELLIPTIC = re.compile(r"^\s*(?:and|what about|how about|same for|also)\b", re.IGNORECASE)
_ELLIPTIC_ZH = re.compile(r"^那|呢[？?]?\s*$|^还有")
_ORDINALS = {"first": 0, "second": 1, "third": 2, "fourth": 3, "last": -1, "第一": 0, "第二": 1, "第三": 2, "第四": 3, "最后": -1}  # fmt: skip
_ORDINAL = re.compile(
    r"\bthe (first|second|third|fourth|last)(?: one| product| item)?\b|(第[一二三四]|最后)(?:个|款|件)",
    re.IGNORECASE,
)


def order_numbers(text: str, pattern: str) -> list[str]:
    """Order numbers in the shop's own form, upper case, in order and without repeats.

    ``pattern`` of the form ``LITERAL\\d{n}`` also accepts what people write instead: ``ll 100234``, ``100234``.
    """
    found = [
        match.group().upper()
        for match in re.finditer(rf"(?<![A-Za-z0-9-])(?:{pattern})(?![A-Za-z0-9-])", text, re.IGNORECASE)
    ]
    shape = re.fullmatch(r"([A-Za-z]+[-_ ]?)\\d\{(\d+)\}", pattern)
    if shape:
        letters = re.sub(r"[^A-Za-z]", "", shape[1])
        loose = rf"(?<![A-Za-z0-9-])(?:{letters}[\s_-]?|#\s?)?(\d{{{shape[2]}}})(?![A-Za-z0-9-])"
        found += [shape[1].upper() + match[1] for match in re.finditer(loose, text, re.IGNORECASE)]
    return list(dict.fromkeys(found))


_OCCASION = re.compile(
    r"\b(?:an? |some |the )?(?:gifts?|presents?)(?: ideas?)? for\b|\b(?:lovers?|fans?|enthusiasts?|addicts?|(?:who|that) (?:loves?|likes?|enjoys?))\b",
    re.IGNORECASE,
)


def without_occasion(text: str) -> str:
    """The wish without whom it is for: "coffee" of "a gift for a coffee lover"; the whole text if nothing is left."""
    left = " ".join(_OCCASION.sub(" ", text).split())
    return left if lang.content_words(left) else text


_OPTIONS = ("colour", "size")
"""Those that a tool takes. Of another one, "Count" or "Category", the name may be that of a slot of its own."""


def options(text: str, vocabulary: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Colour and size, by their values in the catalogue, that the message names, the longest match first."""
    spoken = f" {' '.join(lang.words(text))} "
    found: dict[str, str] = {}
    for name in _OPTIONS:
        for value in sorted(vocabulary.get(name, ()), key=len, reverse=True):
            said = " ".join(lang.words(value))
            if not said or f" {said} " not in spoken:
                continue
            if name == "size" and not _names_a_size(text, value):
                continue
            found[name] = value
            break
    return found


def _names_a_size(text: str, value: str) -> bool:
    """``M`` or ``38`` is a size only where the message says so; "I'm", "l" and figures alone are not."""
    if len(value) > 3:
        return True
    exact = re.escape(value)
    return bool(
        re.search(
            rf"\b(?:size|in|a|an|尺码)\s?{exact}\b|\b{exact}\s?(?:码|号|size)|(?<![\w']){exact}(?![\w'])",
            text,
        )
    ) and (value.isupper() or "size" in text.lower() or "码" in text)


def is_follow_up(text: str) -> bool:
    """Whether the message leans on what was said before."""
    return bool(_FOLLOW_UP.search(text) or _FOLLOW_UP_ZH.search(text))


def is_elliptic(text: str) -> bool:
    """Whether the message only changes a detail of the last question ("and to France?")."""
    return bool(_ELLIPTIC.search(text) or _ELLIPTIC_ZH.search(text)) and len(lang.words(text)) <= 14


def ordinal(text: str) -> int | None:
    """The index that "the second one" names in what was listed before."""
    match = _ORDINAL.search(text)
    return _ORDINALS[(match[1] or match[2]).lower()] if match else None


_OTHER_ONES = re.compile(r"\b(?!(?:the|these|those|which|first|last)\b)\w+ ones\b", re.IGNORECASE)


def other_ones(text: str) -> bool:
    """Whether the message asks for others of a kind: "and blue ones?"."""
    return bool(_OTHER_ONES.search(text))


_WHICH_ONE = re.compile(
    r"\bthe ((?!same|other|first|second|third|fourth|last|next|right|wrong)[\w-]+(?: [\w-]+)?) ones?\b",
    re.IGNORECASE,
)


def which_one(text: str) -> str | None:
    """The word that picks one of several: "pond" in "is the pond one free of latex?"."""
    match = _WHICH_ONE.search(text)
    return match[1] if match else None


def aspect(text: str) -> str | None:
    """What of a product is asked for: ``price``, ``stock`` or ``variants``; None if it is something else."""
    lowered = text.lower()
    for name, pattern in _ASPECTS:
        if pattern.search(lowered):
            return name
    return None


_ASPECTS: Sequence[tuple[str, re.Pattern[str]]] = (
    ("stock", re.compile(r"\bin stock\b|\bstock\b|\bavailab|\bsold out\b|\bhow many (?:are|do you have|of them|left)|\bleft\b|有货|库存|还有货|缺货|还剩|现货")),
    ("variants", re.compile(r"\b(?:which|what|other|different) (?:colou?rs?|sizes?|variants?|versions?)|\bcome in\b|\bcolou?r options?\b|哪些颜色|什么颜色|哪些尺码|什么尺码|哪些规格|几种")),
    ("price", re.compile(r"\bhow much\b(?! (?:does|do) (?:it|they|the .{1,30}) (?:weigh|hold))|\bprices?\b|\bcosts?\b|\bexpensive\b|\bpay for\b|多少钱|价格|价钱|售价")),
)  # fmt: skip


def questions(text: str) -> list[str]:
    """Split a message that asks several things; what is said before the first question stays with it.

    "Do you ship to Spain, and how long can I return things?" becomes two questions; a statement followed by one
    question stays whole.
    """
    pieces = [span.text for span in lang.sentences(text)]
    parts: list[str] = []
    lead = ""
    for piece in pieces:
        if not _is_question(piece):
            lead = f"{lead} {piece}".strip()
            continue
        halves = _halves(piece)
        parts.append(f"{lead} {halves[0]}".strip())
        parts += halves[1:]
        lead = ""
    if lead and parts:
        parts[-1] = f"{parts[-1]} {lead}"
    return parts[:3] if parts else [text]


_QUESTION_START = (
    r"(?:how|what|when|where|which|who|why|can|could|do|does|did|is|are|will|would|may|should|have|has)"
)
_JOINT = re.compile(rf",?\s+(?:and|also|plus)(?: also)?\s+(?={_QUESTION_START}\b)", re.IGNORECASE)


def _is_question(sentence: str) -> bool:
    return sentence.rstrip("\"'”’)").endswith(("?", "？")) or bool(
        re.match(rf"\s*{_QUESTION_START}\b", sentence, re.IGNORECASE)
    )


def _halves(question: str) -> list[str]:
    """Split at "and how …" where both halves can stand alone."""
    halves = _JOINT.split(question)
    if len(halves) < 2 or any(
        len(lang.content_words(half)) < 1 or len(lang.words(half)) < 3 for half in halves
    ):
        return [question]
    return halves


_PLEASANTRIES = re.compile(
    r"^(?:hello|hi(?: there)?|hey(?: there)?|good (?:morning|afternoon|evening|day)|dear (?:team|sir or madam|all))[,.!\s]+"
    r"|\b(?:i hope (?:you are|you're|this finds you) (?:well|fine)|thanks?(?: you)?(?: (?:so|very) much)?(?: in advance)?"
    r"|many thanks(?: in advance)?|kind regards|best wishes|sorry to bother you)\b[.!,]*"
    r"|\b(?:please|plz|pls|kindly)\b[,]?"
    r"|\bi (?:was|am) (?:just )?wondering (?:if|whether) (?:it (?:would|might) be (?:at all )?possible (?:for me )?to|i (?:can|could))?"
    r"|\b(?:could|can|would) you (?:tell|let) me(?: know)?(?: if| whether)?\b|\bi(?:'d| would) like to know(?: if| whether)?\b|\bi am afraid,?"
    r"|^(?:你好|您好|请问|麻烦问一下)[，,！!。\s]*|谢谢[！!。]*$"
    r"|^(?:我想(?:买|要|找)|我要买?|有没有|你们(?:这里)?有)(?:一个|一款|一些|一把|一条|一张)?",
    re.IGNORECASE,
)


_SHORTHAND = {
    "2fa": "two-step sign-in", "mfa": "two-step sign-in", "eta": "delivery time", "pw": "password",
    "pwd": "password", "acct": "account", "addr": "address", "u": "you", "ur": "your", "tel": "telephone", "msg": "message",
    "t&c": "terms", "t&cs": "terms", "b2b": "business order", "qty": "quantity", "xmas": "Christmas", "bday": "birthday",
    "w/o": "without", "thx": "thanks", "2nd": "second",
}  # fmt: skip
_SHORT_WORD = re.compile(
    rf"(?<![\w&/.@-])(?:{'|'.join(re.escape(word) for word in sorted(_SHORTHAND, key=len, reverse=True))})(?![\w&/.@-])",
    re.IGNORECASE,
)


def core(text: str) -> str:
    """The message without greetings, thanks and polite wrapping, shouting and shorthand; never empty."""
    text = _SHORT_WORD.sub(lambda match: _SHORTHAND[match.group().lower()], text)
    letters = [c for c in text if c.isascii() and c.isalpha()]
    if len(letters) > 12 and sum(c.isupper() for c in letters) > 0.6 * len(letters):
        text = text.lower()
    kept = re.sub(r"([!?])\1+", r"\1", _PLEASANTRIES.sub(" ", text))
    kept = re.sub(r"\s+([?.!,])", r"\1", " ".join(kept.split())).strip(" ,")
    return kept if len(lang.words(kept)) > 1 else text.strip()


def focus(text: str) -> str:
    """The question at the end of a message that tells a story first; the whole message if there is none."""
    asked = [span.text for span in lang.sentences(text) if _is_question(span.text)]
    last = asked[-1] if asked else text
    clauses = re.split(rf"[,，;]\s+(?=(?:and |so |but )?{_QUESTION_START}\b)", last, flags=re.IGNORECASE)
    return clauses[-1] if len(lang.content_words(clauses[-1])) >= 2 else last


def head(text: str) -> str:
    """The question without what it is for: "how do I get a quote" of "how do I get a quote for 40 notebooks"."""
    cut = re.split(r"\s(?:for|with|from|on|of|about)\s", text, maxsplit=1)[0]
    return cut if lang.content_words(cut) else text


def slot_values(text: str, *, order_pattern: str, vocabulary: Mapping[str, Iterable[str]]) -> dict[str, Any]:
    """All of the above that goes into ``Plan.slots``."""
    slots: dict[str, Any] = {**price_limits(text), **options(text, vocabulary)}
    orders = order_numbers(text, order_pattern)
    if orders:
        slots["order_id"] = orders[0]
    found = aspect(text)
    if found:
        slots["aspect"] = found
    if re.search(r"\bexpress\b|\bovernight\b|\bnext[- ]day\b|加急|次日", text, re.IGNORECASE):
        slots["express"] = True
    return slots
