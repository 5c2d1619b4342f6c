"""What kind of answer a question asks for: a year, a number, a time, a telephone number, an address.

A text without anything of that kind does not answer, however near its words are. English and Chinese; knows no
evidence and no shop.
"""

from __future__ import annotations

import re

_FIGURE = r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|fourteen|thirty|free|no|none|half|twice|once)\b|[一二两三四五六七八九十]|免"
_TIME = (
    _FIGURE
    + r"|\b(?:days?|weeks?|months?|years?|hours?|minutes?|always|never|daily|weekly|monthly|immediately|at once|until|before|after|"
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day|january|february|march|april|may|june|july|august|september|october|november|december)\b"
)
_KINDS: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = tuple(
    (re.compile(asked, re.IGNORECASE), re.compile(given, re.IGNORECASE))
    for asked, given in (
        (r"\b(?:which|what) year\b|哪一?年", r"\b(?:1[89]|20)\d{2}\b"),
        (
            r"\b(?:phone|telephone) (?:number|no)\b|\bnumber (?:can|may|do|should) i call\b|电话",
            r"\+?\(?\d[\d\s()/-]{5,}\d",
        ),
        (r"\be-?mail address\b|邮箱|邮件地址", r"\S+@\S+"),
        (
            r"\bhow (?:many|much|tall|wide|heavy|big|old|far)\b|\bwhat (?:is|are|does|do|would|will)\b.*\b(?:costs?|prices?|fees?|charges?|maximum|minimum|limit)\b|多少|几个|几欧",
            _FIGURE,
        ),
        (
            r"\bhow (?:long|often|soon|quickly|fast)\b|\b(?:until|since) when\b|^\W*when\b|\bwhat time\b|多久|几天|什么时候|何时|哪天",
            _TIME,
        ),
    )
)


def gives(question: str, text: str) -> bool | None:
    """Whether the text holds what the question asks for; None where the question asks for nothing of a kind."""
    for asked, given in _KINDS:
        if asked.search(question):
            return bool(given.search(text))
    return None
