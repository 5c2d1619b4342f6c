"""What a message wants done to an order: cancel it, send it elsewhere, take something back, send the receipt again, or undo what was done.

Told apart from questions about how that goes, which the pages answer. Rules over text, in English and Chinese; whether it may be done, and
to which order, is the tools'.
"""

from __future__ import annotations

import re
from typing import Literal

Change = Literal["cancel_order", "change_address", "request_return", "request_exchange", "resend_receipt", "restock_alert", "undo"]  # fmt: skip

_WISH = r"(?:(?:and|i) (?:want|need|would like|wish)(?: you)? to|i'd like(?: you)? to|i'd rather|i have to|i've decided to|let me|help me|please|pls|kindly|can you|could you|can i|could i|may i|will you|would you|is it (?:still )?possible to|go ahead and|just)"
_IT = r"(?:it|this|that|them|the (?:whole |entire |last |latest |newest )?(?:order|purchase)|my (?:\w+ ){0,2}(?:order|purchase)|order (?:no\.? |number )?#?[\w-]*\d[\w-]*|[a-z]{1,4}-\d{3,})"
_CANCEL = re.compile(
    rf"(?:^|[,.;!]\s*)(?:(?:hi|hello|hey|ok|okay|so|well|then|no|actually|sorry)[,.!]? )*(?:{_WISH} )*(?:still |also |now |just |please )*cancel(?: {_IT}|\W*$)|\b{_WISH} (?:still |also |now |just |please )*cancel(?: {_IT}|\W*$)"
    rf"|\b{_IT} (?:\S+ ){{0,4}}(?:to be |be )?cancell?ed,? (?:please|pls)\b|\bwant {_IT} cancell?ed\b"
    r"|(?:帮我|请|我要|我想|想要|麻烦|能否|可以|能不能|可不可以).{0,6}取消.{0,12}(?:订单|[A-Z]{1,4}-\d+|它|这个)|取消(?:我的|这个|该|一下)?(?:订单|[A-Z]{1,4}-\d+)|把.{0,16}(?:订单|[A-Z]{1,4}-\d+).{0,4}取消",
    re.IGNORECASE,
)
_NOT_CANCEL = re.compile(
    r"\b(?:part of|only (?:one|a|some)|one (?:product|item|article)|newsletter|subscription|account|membership|gift card|cancellation fee|how (?:do|can|long|much)|until when|what happens|what if|if i|once|after|where|when can|fees?|don't cancel|do not cancel|not cancel)\b"
    r"|订阅|账户|账号|会员|怎么|如何|多久|手续费|不要取消|别取消|部分",
    re.IGNORECASE,
)
_ADDRESS = re.compile(
    r"\b(?:change|correct|update|modify|edit|fix|amend|new|different|another|wrong)\b.{0,30}\b(?:delivery |shipping |postal )?address\b"
    r"|\b(?:send|ship|deliver|redirect)\b.{0,40}\b(?:to (?:a |an )?(?:different|another|new|other) address|to this address instead|instead)\b"
    r"|\baddress\b.{0,20}\b(?:is|was) wrong\b|(?:修改|更改|换|改)(?:一下)?.{0,10}(?:收货)?地址|(?:收货)?地址.{0,6}(?:错|改)|寄到(?:别的|另一个|新)",
    re.IGNORECASE,
)
_ADDRESS_WISH = re.compile(
    rf"\b{_WISH}|^\W*(?:change|correct|update|modify|edit|fix|send|ship|deliver|redirect)\b|\bmy\b.{{0,25}}\baddress\b|\b(?:is|was) wrong\b|\bwrong address\b|帮我|请|我要|我想|麻烦|能不能|可以|错|把",
    re.IGNORECASE,
)
_NOT_ADDRESS = re.compile(
    r"\b(?:until when|how (?:do|can|long)|e-?mail address|billing|in my account|account|return(?:ed)?|(?:went|delivered|sent|shipped) to (?:the|a) wrong)\b|怎么|如何|什么时候|邮箱|账单|账户",
    re.IGNORECASE,
)
_RETURN = re.compile(
    rf"\b{_WISH} (?:\w+ )?(?:return|send back)\b(?! (?:policy|address|label costs?|period|rules?))|\b{_WISH} (?:\w+ )?send (?:\S+ ){{1,6}}back\b"
    r"|\b(?:register|start|open|request|arrange|book|initiate)\b (?:a |the |my )?return\b|\breturn label (?:please|for)\b|\bneed a return label\b"
    r"|(?:我要|我想|想要|帮我|请|麻烦).{0,8}(?:退货|退掉|退回|退了|申请退|办.{0,3}退)|(?:申请|登记|办理)(?:一下)?退货",
    re.IGNORECASE,
)
_ASKS_WHETHER = re.compile(
    r"^\W*(?:(?:hi|hello|hey)[,!.]? )?(?:can|could|may|is it|am i|are|do|does|what|how|when|until|which|why)\b|\bcan i\b|\bcould i\b|\bis (?:it|that|this) (?:still )?(?:possible|ok|okay|allowed|fine)\b|\bdoes (?:it|that|this) (?:still )?work\b"
    r"|吗|么[？?]?$|能不能|可不可以|是否|怎么|如何|多久|几天|什么",
    re.IGNORECASE,
)
_EXCHANGE = re.compile(
    rf"\b(?:{_WISH} )(?:\w+ )?(?:exchange|swap)\b|(?:我要|我想|想要|帮我|请).{{0,8}}(?:换货|调换|换(?:个|成))",
    re.IGNORECASE,
)
_RECEIPT = re.compile(
    r"\b(?:send|resend|re-send|email|e-mail|get|give|need|want|have|forward)\b.{0,40}\b(?:receipt|invoice|order confirmation)\b|\b(?:copy of|lost|missing|didn't (?:get|receive)|never (?:got|received))\b.{0,20}\b(?:receipt|invoice|order confirmation)\b"
    r"|(?:再|重新|重)(?:发|寄|开)?.{0,8}(?:发票|收据|订单确认)|(?:发票|收据|订单确认).{0,10}(?:再发|重发|重新|没收到|丢了|发给我|寄给我)",
    re.IGNORECASE,
)
_NOT_RECEIPT = re.compile(
    r"\b(?:pay|paying|buy|purchase) (?:by|on|with) (?:an )?invoice\b|\bby invoice\b|\bwithout vat\b|\bvat\b|\bcompany\b|\bis (?:there|an?|the) (?:receipt|invoice)\b|发票抬头|开.{0,6}发票吗|增值税|公司|怎么|如何|\b(?:how|when|why) (?:do|can|will|long)\b|\b(?:do|will|should|must) i\b|\bif i\b|\bneed (?:a|the|my) (?:receipt|invoice) to\b|\bwithout\b|\breturn\b",
    re.IGNORECASE,
)
_RESTOCK = re.compile(
    r"\b(?:tell|let|notify|inform|alert|e-?mail|message|remind|write to)\b.{0,40}\b(?:when|once|as soon as)\b.{0,60}\b(?:back|available|in stock|restocked|again|arrives?|returns?)\b"
    r"|\b(?:restock|back[- ]in[- ]stock|stock) (?:alert|notification|notice|reminder)\b|(?:到货|有货|补货)(?:了|时|后)?.{0,6}(?:通知|告诉|提醒)|(?:通知|告诉|提醒)我.{0,10}(?:到货|有货|补货)|到货(?:通知|提醒)",
    re.IGNORECASE,
)
_NOT_RESTOCK = re.compile(r"^\W*how\b|怎么|如何|\b(?:order|parcel|package|delivery|shipped)\b", re.IGNORECASE)
_UNDO = re.compile(
    r"^\W*(?:(?:no|oh|oops|sorry|wait|please|actually|can you|could you|stop)[,.!]? )*(?:undo|revert|reverse|take (?:that|it) back|un-?cancel)\b"
    r"|\b(?:don't|do not) cancel (?:it|the order|my order) (?:after all|anymore|any more)\b|\bchanged my mind\b|\b(?:didn't|did not) (?:mean|want) (?:to|that)\b|\bby mistake\b"
    r"|撤销|撤回|恢复(?:订单|它)?|我反悔了|改变主意|(?:弄|点|按|说)错了|还是不(?:取消|退)了",
    re.IGNORECASE,
)


def wanted(text: str) -> Change | None:
    """What is to be done, or None if nothing is, or if the message asks how it goes. Order numbers are best put as "it": no rule knows how they look."""
    if _CANCEL.search(text) and not _NOT_CANCEL.search(text):
        return "cancel_order"
    if _ADDRESS.search(text) and _ADDRESS_WISH.search(text) and not _NOT_ADDRESS.search(text):
        return "change_address"
    if _EXCHANGE.search(text) and not _ASKS_WHETHER.search(text):
        return "request_exchange"
    if _RETURN.search(text) and not _ASKS_WHETHER.search(text):
        return "request_return"
    if _RECEIPT.search(text) and not _NOT_RECEIPT.search(text):
        return "resend_receipt"
    if _RESTOCK.search(text) and not _NOT_RESTOCK.search(text):
        return "restock_alert"
    return None


def undoes(text: str) -> bool:
    """Whether the message wants back what was just done; said of nothing in particular, so only right after it."""
    return bool(_UNDO.search(text))


_NEW_ADDRESS = re.compile(
    r"(?:address|it|order|parcel|package|[A-Z]{1,4}-\d+)\b[^.!?\n]{0,40}?\b(?:to|is|:)\s*:?\s*(?P<to>[^\n?]*\d[^\n?]*)$|\bnew (?:delivery |shipping )?address(?: is|:)\s*:?\s*(?P<is>.+)$"
    r"|(?:地址)?(?:改成|改为|换成|更改为|修改为|改到|寄到|是|：|:)\s*(?P<zh>[^\n?？]*\d[^\n?？]*)$",
    re.IGNORECASE | re.DOTALL,
)


def address(text: str) -> str | None:
    """The new address that a wish to change it names: "… to Lindenweg 4, 04103 Leipzig"."""
    found = _NEW_ADDRESS.search(text.strip())
    if found is None:
        return None
    said = next(part for part in found.groups() if part)
    return tidy(said)


def tidy(said: str) -> str:
    """An address in one line, without what is no part of it."""
    lines = ", ".join(part.strip(" ,") for part in said.splitlines() if part.strip(" ,"))
    lines = re.sub(r"^(?:(?:please|ok|okay|sure)[, ]+)?(?:(?:send|ship|deliver) it )?(?:to|it's|it is|is|at)[: ]+", "", lines, flags=re.IGNORECASE)  # fmt: skip
    return re.sub(r"[\s,]*(?:,? (?:please|pls|instead|thanks|thank you)|谢谢|吧|。)?[\s.!。！]*$", "", lines, flags=re.IGNORECASE).strip(" ,")  # fmt: skip
