"""What a message wants done to an order, told apart from questions of how that goes."""

from __future__ import annotations

import pytest

from chatbot import changing


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("cancel my order", "cancel_order"), ("Please cancel LL-120804", "cancel_order"), ("can I still cancel it?", "cancel_order"),
        ("I'd like you to cancel the order", "cancel_order"), ("could you please cancel order #LL-120804 for me", "cancel_order"),
        ("I want my order cancelled", "cancel_order"), ("取消我的订单", "cancel_order"), ("请帮我把订单LL-120804取消", "cancel_order"),
        ("change the address of my order", "change_address"), ("my delivery address is wrong", "change_address"),
        ("can you send it to another address", "change_address"), ("我想修改收货地址", "change_address"), ("地址填错了", "change_address"),
        ("I want to return the board", "request_return"), ("please send the mug back for me, I'd like to return it", "request_return"),
        ("I need a return label", "request_return"), ("我要退货", "request_return"), ("I'd like to exchange it for a larger one", "request_exchange"),
        ("send me the receipt again", "resend_receipt"), ("I lost my invoice, I need a copy of the invoice", "resend_receipt"),
        ("请重新发送发票", "resend_receipt"), ("tell me when it is back in stock", "restock_alert"), ("notify me as soon as the mug is available again", "restock_alert"),
        ("到货通知我", "restock_alert"),
    ],
)  # fmt: skip
def test_wishes(text: str, change: str) -> None:
    assert changing.wanted(text) == change


@pytest.mark.parametrize(
    "text",
    [
        "Until when can an order be cancelled?", "How do I cancel an order?", "How do I cancel a newsletter", "are there cancellation fees",
        "Can I cancel only a part of an order?", "was my order cancelled", "please don't cancel my order", "Until when can I change the address?",
        "can I change my email address", "can I return it?", "I want to return it, is that still possible?", "how do I return something",
        "what does a return cost", "Can I exchange a product for another size?", "can i pay by invoice in austria", "Do I get the invoice without VAT?",
        "How do I learn that a product is back?", "Can you tell me if the oak board is in stock?", "Do I need a receipt to return something?",
        "When do I get my invoice?", "Can I return it if I don't have the receipt?", "Can I cancel my order once it has been packed?",
        "Do I have to pay a fee if I want to cancel my order?", "Where can I cancel my order?", "My parcel went to the wrong address",
        "Can I return it to a different address?", "let me know when my order is shipped", "订单怎么取消", "可以退货吗", "是否可以开发票",
    ],
)  # fmt: skip
def test_questions(text: str) -> None:
    assert changing.wanted(text) is None


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("change the address of order LL-120804 to Lindenweg 4, 04103 Leipzig", "Lindenweg 4, 04103 Leipzig"),
        ("please send my order to 12 High Street, Bath BA1 2AB instead", "12 High Street, Bath BA1 2AB"),
        ("My new address is Lindenweg 4\n04103 Leipzig", "Lindenweg 4, 04103 Leipzig"),
        ("把收货地址改成 上海市静安区南京西路1266号", "上海市静安区南京西路1266号"),
        ("change the address of order LL-120804", None),
        ("can I change the address?", None),
    ],
)
def test_an_address_in_the_wish(text: str, address: str | None) -> None:
    assert changing.address(text) == address


@pytest.mark.parametrize(
    "text",
    ["undo that", "Oh no, undo it please", "I changed my mind", "take it back", "撤销", "还是不取消了"],
)
def test_taking_back(text: str) -> None:
    assert changing.undoes(text)


@pytest.mark.parametrize("text", ["where is my order", "cancel it", "is my order on its way?"])
def test_not_taking_back(text: str) -> None:
    assert not changing.undoes(text)
