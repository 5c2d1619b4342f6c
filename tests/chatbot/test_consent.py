"""A yes agrees and says nothing else; whatever adds to it is no yes."""

from __future__ import annotations

import pytest

from chatbot import lang
from chatbot.consent import consents
from configs import templates

OFFERED = "Yes, cancel LL-120849"


@pytest.mark.parametrize(
    "text",
    [
        "yes", "Yes.", "yes please", "yep!", "ok", "OK, do it", "sure, go ahead", "please do", "Yes, cancel LL-120849", "cancel LL-120849",
        "yes cancel it please", "confirm", "I confirm", "是", "是的", "确认", "可以",
    ],
)  # fmt: skip
def test_yes(text: str) -> None:
    assert consents(text, OFFERED) is True


@pytest.mark.parametrize(
    "text", ["好的，取消吧", "是的，取消ll-120849", "请取消订单", "可以，帮我取消它", "是"]
)
def test_yes_to_an_offer_in_chinese(text: str) -> None:
    assert consents(text, "是的，取消LL-120849") is True


@pytest.mark.parametrize(
    "text", ["no", "No, thanks", "nope", "don't", "stop", "wait", "never mind", "No, leave it", "I changed my mind", "不用了", "不要", "算了", "先不取消"]
)  # fmt: skip
def test_no(text: str) -> None:
    assert consents(text, OFFERED) is False


@pytest.mark.parametrize(
    "text",
    [
        "yes, but only the board", "yes and cancel LL-120850 too", "ok what does it cost?", "cancel", "cancel LL-120850", "when is it sent?",
        "yes if the money comes back", "please explain", "yes no", "好的，但是只取消一件", "可以退款吗", "取消LL-120850", "",
        "I want my order LL-120849", "I do want my order", "Yes, I want my order", "Is that LL-120849?", "LL-120849?", "sure?", "right?", "LL-120849",
        "ok so that is the order?", "No, LL-120850", "No, send it to Lindenweg 4, 04103 Leipzig", "请修改地址", "要修改地址", "请退货", "请撤销", "要订单", "行了",
    ],
)  # fmt: skip
def test_neither(text: str) -> None:
    assert consents(text, OFFERED) is None


YES = [
    (language, key, templates.load(language).text(key, order_id="LL-120849"))
    for language in templates.languages()
    for key in templates.load(language).texts
    if key.startswith("action_yes_")
]


@pytest.mark.parametrize(("language", "key", "offered"), YES)
def test_every_offered_yes_and_no_is_heard(language: str, key: str, offered: str) -> None:
    assert consents(offered, offered) is True
    assert consents(lang.normalise(offered), offered) is True
    assert consents(templates.load(language).text("action_no"), offered) is False
    assert consents("好的" if language == "zh" else "yes, please", offered) is True
    others = {text for own, other, text in YES if own == language and other != key}
    assert not [text for text in others if consents(text, offered) and text not in offered]


@pytest.mark.parametrize("text", ["请取消", "麻烦取消订单", "please cancel", "yes, cancel it"])
def test_a_yes_to_something_else_is_none(text: str) -> None:
    assert consents(text, "是的，改寄到这里") is None
    assert consents(text, "Yes, send it there") is None
