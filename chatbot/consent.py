"""Whether a message says yes or no to what was just proposed, and to nothing else.

A yes is made of words that can only agree, and of what the proposal itself named: "yes, cancel LL-100234". "Yes, but to another address"
is none. Rules over text, in English and Chinese; what is proposed is the caller's.
"""

from __future__ import annotations

import re

_YES = re.compile(
    r"^(?:yes|yeah|yep|yup|y|sure|ok|okay|k|confirm|confirmed|correct|right|exactly|absolutely|certainly|definitely|agreed|go ahead|do it|do that"
    r"|please do|please|go for it|sounds good|that's right|that is right|fine|i (?:confirm|agree|do))\b",
    re.IGNORECASE,
)
_NO = re.compile(
    r"^(?:no|nope|nah|n|don't|dont|do not|stop|wait|never mind|nevermind|leave it|forget it|rather not|not now|no thanks|no thank you|keep it|cancel that)\b",
    re.IGNORECASE,
)
_AGREEING = frozenset(
    (
        "yes yeah yep yup y sure ok okay k confirm confirmed i agree do that it this please go ahead for now thanks thank you right correct exactly"
        " absolutely certainly definitely agreed sounds good that's is fine the my an a order of course want to so and kindly just them"
    ).split()
)
_YES_ZH = re.compile(
    r"^(?:是的?|对的?|好的?|好吧|行|可以|确认|确定|同意|没问题|没错|嗯+|要|请|麻烦|就这样)(?:[,，、!！。.\s]|是的?|对的?|好的?|行|可以|确认|确定|吧|了|的|请|帮我|办理?|执行|谢谢|麻烦你?了?|取消|修改|登记|发送|订单|通知|撤销|退货|地址|发票|收据|它)*$"
)
_NO_ZH = re.compile(r"^(?:不|别|算了|先不|等等|等一下|不用|不要|取消吧不|否)")
_WORDS = re.compile(r"[\w'-]+")
_NUMBER = re.compile(r"[A-Za-z]*-?\d[\w-]*")


def consents(text: str, agreement: str) -> bool | None:
    """True for a yes, False for a no, None for anything else. ``agreement`` is the yes that was offered: its words agree too."""
    said = text.strip().strip("\"'“”").rstrip(".!。！ ").replace("’", "'").lower()
    if said == agreement.lower():
        return True
    numbers = [number.lower() for number in _NUMBER.findall(agreement)]
    if re.search(r"[\u4e00-\u9fff]", said):
        for number in numbers:
            said = said.replace(number, "")
        return False if _NO_ZH.match(said) else True if _YES_ZH.match(said) else None
    if _NO.match(said):
        return False
    words, known = set(_WORDS.findall(said)), _AGREEING | set(_WORDS.findall(agreement.lower()))
    agrees = _YES.match(said) or any(number in words for number in numbers)
    return True if agrees and words <= known else None
