"""Whether a message says yes or no to what was just proposed, and to nothing else.

A yes is made of words that can only agree, and of those that the offered yes itself used: "yes, cancel LL-100234". A question agrees to
nothing, nor does "yes, but to another address", nor "I want my order". Rules over text, in English and Chinese; what is proposed is the
caller's.
"""

from __future__ import annotations

import re

from chatbot import lang

_YES = re.compile(
    r"^(?:yes|yeah|yep|yup|y|sure|ok|okay|k|confirm|confirmed|correct|right|exactly|absolutely|certainly|definitely|agreed|go ahead|do it|do that"
    r"|please do|please|go for it|sounds good|that's right|that is right|fine|i (?:confirm|agree))\b",
    re.IGNORECASE,
)
_NO = re.compile(
    r"^(?:no|nope|nah|n|don't|dont|do not|stop|wait|never mind|nevermind|leave it|forget it|rather not|not now|no thanks|no thank you|keep it"
    r"|(?:i )?changed my mind|i've changed my mind)\b",
    re.IGNORECASE,
)
_AGREEING = frozenset(
    (
        "yes yeah yep yup y sure ok okay k confirm confirmed i agree do that it this please go ahead for now thanks thank you right correct exactly"
        " absolutely certainly definitely agreed sounds good that's is fine and kindly me"
    ).split()
)
_BESIDE = frozenset("the my a an order of then so just to".split())
"""Words that say nothing beside what the offered yes says: "yes, cancel the order"."""
_NO_ZH = re.compile(r"^(?:不|别|算了|先不|等等|等一下|否|我反悔了|改变主意)")
_PARTICLES_ZH = re.compile(
    r"是的|对的|好的|好吧|可以|确认|确定|同意|没问题|没错|就这样|麻烦您|麻烦你|麻烦|帮我|谢谢|请|是|对|好|行|嗯|要|吧|的|把|它|[,，、!！。.\s]"
)
_AGREES_ZH = re.compile(r"^(?:是|对|好|行|可以|确认|确定|同意|没问题|没错|嗯|要|请|麻烦|帮我|就这样)")
_CHINESE = re.compile(r"[\u4e00-\u9fff]+")
_WORDS = re.compile(r"[\w'-]+")
_NUMBER = re.compile(r"[a-z]*-?\d[\w-]*")


def consents(text: str, agreement: str) -> bool | None:
    """True for a yes, False for a no, None for anything else. ``agreement`` is the yes that was offered: its words agree too."""
    said, offered = _plain(text), _plain(agreement)
    if said == offered:
        return True
    if said.endswith("?"):
        return None
    numbers = _NUMBER.findall(offered)
    if _CHINESE.search(said):
        return _chinese(said, offered, numbers)
    words = set(_WORDS.findall(said))
    if _NO.match(said):
        return False if len(words) <= 4 and not _NUMBER.search(said) else None
    own = set(_WORDS.findall(offered)) - _AGREEING - set(numbers)
    restated = bool(own & words)
    agrees = bool(_YES.match(said)) or (restated and bool(words & set(numbers)))
    known = _AGREEING | own | set(numbers) | (_BESIDE if restated else frozenset())
    return True if agrees and words <= known else None


def _chinese(said: str, offered: str, numbers: list[str]) -> bool | None:
    if _NO_ZH.match(said):
        return None if _NUMBER.search(said) else False
    rest = said
    for number in numbers:
        rest = rest.replace(number, "")
    own = "".join(_CHINESE.findall(offered)).removeprefix("是的")
    pairs = [own, *(own[start : start + 2] for start in range(len(own) - 1))]
    bare = rest
    for piece in pairs:
        bare = bare.replace(piece, "") if piece else bare
    if bare != rest:
        bare = bare.replace("订单", "")
    return True if _AGREES_ZH.match(said) and not _PARTICLES_ZH.sub("", bare) else None


def _plain(text: str) -> str:
    """As a turn reads it, without quotes and a full stop around it."""
    return lang.normalise(text).strip().strip("\"'“”").rstrip(".!。 ").replace("’", "'").lower()
