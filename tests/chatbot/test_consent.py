"""A yes agrees and says nothing else; whatever adds to it is no yes."""

from __future__ import annotations

import pytest

from chatbot.consent import consents

OFFERED = "Yes, cancel LL-120849"


@pytest.mark.parametrize(
    "text",
    [
        "yes", "Yes.", "yes please", "yep!", "ok", "OK, do it", "sure, go ahead", "please do", "Yes, cancel LL-120849", "cancel LL-120849",
        "yes cancel it please", "confirm", "I confirm", "是", "是的", "好的，取消吧", "确认", "可以", "是的，取消ll-120849", "请取消订单",
    ],
)  # fmt: skip
def test_yes(text: str) -> None:
    assert consents(text, OFFERED) is True


@pytest.mark.parametrize(
    "text", ["no", "No, thanks", "nope", "don't", "stop", "wait", "never mind", "No, leave it", "不用了", "不要", "算了", "先不取消"]
)  # fmt: skip
def test_no(text: str) -> None:
    assert consents(text, OFFERED) is False


@pytest.mark.parametrize(
    "text",
    [
        "yes, but only the board", "yes and cancel LL-120850 too", "ok what does it cost?", "cancel", "cancel LL-120850", "when is it sent?",
        "yes if the money comes back", "please explain", "yes no", "好的，但是只取消一件", "可以退款吗", "取消LL-120850", "",
    ],
)  # fmt: skip
def test_neither(text: str) -> None:
    assert consents(text, OFFERED) is None
