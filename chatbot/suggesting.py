"""What a message says of suggestions beside that it wants some: how many, others, not this one, why these.

Rules over text, in English and Chinese, and the tool call that follows from them and from what was suggested before. Looks nothing
up: which words a catalogue knows, and which product is meant, is told by the caller.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from chatbot import asks, lang
from chatbot.conversation import ToolCall
from chatbot.dialogue import Dialogue
from chatbot.unwanted import unwanted, wanted
from retrieval.prices import without_price

MOST = 10
LIMITS = ("max_price", "min_price")

LEANT = 0.5
"""The score of a product that a message leans on without naming it."""
_NUMBERS = {
    "a": 1, "an": 1, "one": 1, "single": 1, "couple": 2, "two": 2, "few": 3, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "一": 1, "两": 2, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9, "十": 10,
}  # fmt: skip
_ONES = re.compile(r"\bones?\b", re.IGNORECASE)
_COUNT = re.compile(
    r"\b(?P<n>\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten|couple|few)(?: of)? (?:[\w-]+ ){0,2}?"
    r"(?:ideas?|suggestions?|recommendations?|products?|things?|items?|articles?|options?|gifts?|presents?)\b"
    r"|\b(?P<only>a|an|(?:just|only)(?: \w+){0,2} (?:one|a single)) (?:[\w-]+ )?(?:idea|suggestion|recommendation|product|thing|item)\b"
    r"|\b(?:just|only) (?P<bare>one|two|three|four|five|\d{1,2})\b(?!\s?(?:(?:person|people|euros?|eur|dollars?|pounds?|bucks)\b|[€$£]))"
    r"|(?:(?<=推荐)|(?<=来)|(?<=给我)|(?<=介绍)|(?<=要))(?P<zh>\d{1,2}|[一两二三四五六七八九十])(?:个|款|件|样|种)",
    re.IGNORECASE,
)


def count(text: str) -> int | None:
    """How many suggestions are asked for; None if the message does not say."""
    found = _COUNT.search(without_price(text))
    if found is None:
        return None
    said = (found["n"] or found["only"] or found["bare"] or found["zh"]).lower().split()[-1]
    number = int(said) if said.isdigit() else _NUMBERS.get(said, 1)
    return min(number, MOST) if number else None


def without_limits(text: str) -> str:
    """The message without prices, numbers of suggestions, and what is not wanted."""
    return " ".join(_COUNT.sub(" ", without_price(wanted(text))).split())


_OTHERS = re.compile(
    r"\b(?:something|anything|someone|what|show me) (?:else|different|other)\b|\b(?:other|more|different|further|another)(?: \w+)? (?:ideas?|suggestions?|recommendations?|products?|things?|options?|ones?)\b"
    r"|\bnone of (?:these|those|them)\b|\bother ones\b|\bshow me (?:more|others)\b|\bwhat else\b|^\W*(?:others?|more|next)\W*(?:please)?\W*$"
    r"|换一?(?:个|批|些|款)|别的|其他的?|还有(?:别的|其他)|再推荐|都不(?:喜欢|要|行)",
    re.IGNORECASE,
)
_REFUSES = re.compile(
    r"\b(?:not|no) (?:(?:this|that|it|these|those)(?= ones?\b|\W*$|\s*[,.!?;]| please\b)|the (?:first|second|third|fourth|last|other|\w+ ones?)\b)|\b(?:i )?(?:don't|dont|do not|didn't) (?:really )?(?:like|want|need|fancy) (?:(?:any|all|either|most) of )?(?:this|that|it|these|those|them|the (?:first|second|third|fourth|last|other|\w+ ones?))\b"
    r"|\bnot (?:for me|my (?:thing|style|taste))\b|\bnot interested in (?:this|that|it|these|those|them|the (?:first|second|third|fourth|last|other|\w+ ones?))\b|\bnone of (?:these|those|them)\b"
    r"|不要(?:这|那|它|第)|不喜欢(?:这|那|它|第)|不(?:想要|感兴趣)(?:这|那|它|第)?|都不(?:喜欢|要)|不适合我",
    re.IGNORECASE,
)
_ALL = re.compile(r"\b(?:these|those|them|any|all|none)\b|都|这些|那些", re.IGNORECASE)
_SERVICE = re.compile(
    r"\b(?:orders?|ordered|parcels?|packages?|deliver\w*|shipping|shipped|payments?|pay|paid|refunds?|return(?:s|ed|ing)?|receipts?|invoices?|newsletters?"
    r"|accounts?|service|vouchers?|coupons?|discounts?|warrant\w+|exchanges?|cancel\w*|address|password|sign in|log in|in stock|available|sold out|fees?)\b"
    r"|订单|包裹|快递|配送|运费|支付|付款|退|发票|换货|保修|优惠|账号|密码|客服",
    re.IGNORECASE,
)
"""The shop's own business: a message with one of these is not about the list that was suggested."""
_WHY = re.compile(
    r"^\W*(?:but |and |so |ok(?:ay)?,? )*why(?: exactly| just| only)?(?: (?:this|that|these|those|them|the (?:first|second|third|fourth|last))(?: (?:ones?|products?|items?))?)?\W*$"
    r"|^\W*(?:but |and )*why (?:the|a|an) [\w' -]{2,40}\W*$"
    r"|\b(?:why|how come) (?:do |did |are |would |should |have )?you (?:think|suggest|recommend|show|pick|choose|offer)\w*"
    r"|\bwhy (?:is|are|was|were) (?:this|that|it|these|those|they|the [\w' -]{2,30}?)(?: one)? (?:suggested|recommended|shown|for me|in (?:my|the) list)\b"
    r"|\bwhat makes you (?:think|suggest|recommend)\b|为什么.{0,6}推荐|^\W*(?:那|但|可是)?为什么(?:是)?(?:这|那|它|第)?[一二三四]?[个款件些]?\W*$|凭什么推荐",
    re.IGNORECASE,
)
_NO_SUGGESTION = re.compile(
    r"\b(?:late|delay\w*|wait|charged?|cost|expensive|so long|working|work|broken|difference|price)\b|坏|贵|慢",
    re.IGNORECASE,
)


def asks_others(text: str) -> bool:
    """Whether the message wants other suggestions than those that were shown."""
    return bool(_OTHERS.search(text))


def refusal(text: str) -> str:
    """The words that say that something that was suggested is not wanted; empty if none do."""
    found = _REFUSES.search(text)
    return found.group() if found else ""


def asks_why(text: str) -> bool:
    """Whether the message asks why something is suggested: "why is it so late?" does not."""
    return bool(_WHY.search(text)) and not _NO_SUGGESTION.search(text) and not _SERVICE.search(text)


_BAD = r"(?:terrible|awful|horrible|rubbish|useless|unacceptable|ridiculous|a joke|a disgrace)"
_COMPLAINS = re.compile(
    r"\b(?:broken|broke|damaged|defective|faulty|smashed|cracked|leak(?:s|ed|ing)|disappoint\w*|angry|furious|fed up|complain(?:t|ts|ing)?"
    r"|never arrived|not arrived|hasn't arrived|still waiting|wrong (?:item|product|size|colour|color|order)|scam|rip[- ]?off"
    r"|(?:not|un)[ -]?happy|not satisfied|dissatisfied|money back|stopped working|doesn't work|does not work"
    r"|(?:won't|wouldn't|would not|will not|can't|cannot|never) (?:\w+ )?recommend(?! (?:me|something|anything)))\b"
    r"|\b(?:i am|i'm|am|so|very|really) (?:upset|annoyed)\b"
    rf"|\b(?:this|that|it|you|they|service|quality|experience)(?: is|'s| are|'re| was| were)(?: \w+)? {_BAD}\b|\b(?:what|such) (?:a |an )?{_BAD}\b"
    r"|坏了|破损|损坏|投诉|失望|太差|差评|生气|骗|没收到|发错|漏发|不满意|退钱|垃圾(?![桶袋箱])",
    re.IGNORECASE,
)


_WHAT_TO_DO = re.compile(
    r"\bwhat (?:do|would|can|could|should) (?:you|i) (?:recommend|suggest|advise|do)\b|\bany (?:suggestions?|recommendations?|ideas?|advice)\b|有什么建议|你建议|怎么办",
    re.IGNORECASE,
)


def complains(text: str) -> bool:
    """Whether the message is about something that went wrong: nobody sells to somebody who complains."""
    return bool(_COMPLAINS.search(text))


def trouble(text: str, before: str = "") -> str | None:
    """What went wrong, if the message asks what to do about it: "what do you recommend?" wants no product then. ``before`` is the
    message before it."""
    if not _WHAT_TO_DO.search(text):
        return None
    told = " ".join(_WHAT_TO_DO.sub(" ", text).split()).strip(" ,?")
    # "Thanks. Any ideas for a present?" is about something else than what was complained of before.
    earlier = () if asks.names_a_thing(told) else (before,)
    return next((said for said in (told, *earlier) if complains(said)), None)


_CHEAPER = re.compile(
    r"\b(?:anything|something|any(?: ones?)?|but|similar|show me|somewhat|a (?:bit|little)) (?:\w+ )?cheaper\b|\bcheaper (?:ones?|alternatives?|options?|products?|things?)\b"
    r"|^\W*cheaper\W*(?:please)?\W*$|更便宜|便宜(?:一)?[点些]",
    re.IGNORECASE,
)
_BASKET = re.compile(
    r"\b(?:complete|finish|go(?:es)? (?:well )?with|match(?:es)?|suggest\w*|recommend\w*|add to|missing (?:in|from))\b.{0,40}\b(?:my (?:shopping )?(?:cart|basket|bag)|the (?:shopping )?cart|the shopping (?:basket|bag))\b"
    r"|(?:搭配|配).{0,6}购物车|购物车.{0,10}(?:搭配|配|推荐|还缺)",
    re.IGNORECASE,
)


_FAILS = re.compile(
    r"\b(?:can't|cannot|can not|won't|unable|errors?|problems?|fails?|failed|stuck|bug)\b|不了|无法|出错|失败",
    re.IGNORECASE,
)
_LEAVING = re.compile(r"\b(?:recommend|suggest) \w+ing\b|\bprices?\b", re.IGNORECASE)


def asks_cheaper(text: str) -> bool:
    return bool(_CHEAPER.search(text))


def asks_for_basket(text: str) -> bool:
    """Whether the message asks what goes with all that lies in the cart."""
    leaves = _SERVICE.search(text) or _LEAVING.search(text) or _FAILS.search(text)
    return bool(_BASKET.search(text)) and not leaves


_SIMILAR = re.compile(
    r"\bsimilar|\balternatives?\b|\blike (?:this|that|it)\b|\b(?:something|anything|ones?) like\b|类似|相似|同款",
    re.IGNORECASE,
)
_COMPLETE = re.compile(
    r"\bgoes? (?:well )?with\b|\bgo(?:es)? together\b|\bcombine|\bneed with\b|\bbuy with\b|\bmatch(?:es|ing)?\b|\bto go with\b|搭配|配套|一起买",
    re.IGNORECASE,
)


def asks_similar(text: str) -> bool:
    return bool(_SIMILAR.search(text))


def leans(text: str) -> bool:
    """Whether the message wants something like, or something that goes with, a product."""
    return bool(_SIMILAR.search(text) or _COMPLETE.search(text))


_COMPARES = re.compile(
    r"\bcompar(?:e|ing|ison)\b|\b(?:what(?:'s| is| are)|tell me|any) (?:the )?differen(?:ce|ces|t)\b|\bhow (?:do|does|are|is) .{2,60} differ\b|\bdiffer(?:ence|ences) between\b"
    r"|\bwhich (?:one |of (?:the two|these|them) )?is (?:the )?(?:\w+er|better|more \w+|less \w+)\b.*\bor\b|\b(?:versus|vs\.?)\s|比较一?下|[和与跟].{1,20}比较|比较.{1,20}[和与跟]|对比|区别|有什么不同|哪里不同|差别",
    re.IGNORECASE,
)
_BETWEEN = re.compile(
    r"(?:\bcompar(?:e|ing|ison (?:of|between))|\bbetween|\bhow (?:do|does|are|is)|比较(?:一下)?|对比(?:一下)?|请问)?\s*(?P<first>.{2,80}?)\s*(?:\b(?:and|with|to|vs\.?|versus|or|from)\b|和|跟|与)\s*(?P<second>.{2,80})$",
    re.IGNORECASE,
)
_TAIL = re.compile(
    r"\b(?:differ|compare)\b.*$|(?:的|有什么|有何|有啥)?(?:区别|差别|比较|对比|有什么不同|哪里不同|哪个).*$",
    re.IGNORECASE,
)


def asks_comparison(text: str) -> bool:
    """Whether the message wants two products set side by side."""
    return bool(_COMPARES.search(text))


def compared(text: str) -> tuple[str, str] | None:
    """The words for the two that are to be compared, if the message has them."""
    asked = re.search(r"\bbetween\b.*$|\bcompar\w+\b.*$|(?<=,).*\bor\b.*$", text, re.IGNORECASE)
    found = _BETWEEN.search(asked.group() if asked else text)
    if found is None:
        return None
    return found["first"].strip(" ?.!"), _TAIL.sub("", found["second"]).strip(" ?.!")


def awaits_unwanted(text: str, dialogue: Dialogue) -> bool:
    """Whether the message is the answer to what the shopper must avoid: "nuts", and not another question."""
    asked = dialogue.suggested_by.arguments if dialogue.suggested_by and dialogue.asked == "recommend" else {}
    if not asked.get("must_avoid") or asked.get("without"):
        return False
    bare = text.strip().rstrip(".!。！")
    return (
        not unwanted(bare)
        and len(lang.words(bare)) <= 6
        and not re.search(r"[?？]|\b(?:no|not|nothing)\b", bare)
    )


# --- the call -----------------------------------------------------------------------------------------------


def call(text: str, values: Mapping[str, Any], dialogue: Dialogue) -> ToolCall:
    """The call that answers: what the message says, and what still holds of the last one if the message goes on from it."""
    if asks_why(text) and dialogue.skus:
        return _why(values, dialogue)
    if asks_for_basket(text):
        return _suggest(text, values, dialogue, "complete", None)
    if asks.asks_again(text):
        return _suggest(text, values, dialogue, "again", None)
    sku = values.get("sku") or (dialogue.skus[0] if dialogue.skus else None)
    if sku and leans(text):
        return _suggest(text, values, dialogue, "similar" if asks_similar(text) else "complete", sku)
    return _suggest(text, values, dialogue, "for_me", None)


def _suggest(
    text: str, values: Mapping[str, Any], dialogue: Dialogue, mode: str, sku: str | None
) -> ToolCall:
    earlier = (
        dict(dialogue.suggested_by.arguments)
        if dialogue.suggested_by and goes_on(text, values, dialogue)
        else {}
    )
    if mode == "for_me" and earlier:
        mode, sku = str(earlier.get("mode", mode)), earlier.get("sku")
    limits = {
        name: values.get(name, earlier.get(name)) for name in (*LIMITS, "category", "count", "must_avoid")
    }
    cheaper = asks_cheaper(text)
    refused = _refused(text, values, dialogue)
    # "Not the second one" leaves the others where they are.
    anew = earlier and (asks_others(text) or cheaper or (refusal(text) and len(refused) != 1))
    lists = {
        "without": [*earlier.get("without", ()), *values.get("without", ())],
        "exclude": [
            *earlier.get("exclude", ()),
            *earlier.get("refused", ()),
            *(dialogue.suggested if anew else ()),
        ],
        "refused": refused,
        "cheaper_than": ([sku] if sku and not earlier else dialogue.suggested)
        if cheaper
        else earlier.get("cheaper_than", ()),
    }
    told = {name: list(dict.fromkeys(found)) for name, found in lists.items() if found}
    given = {"mode": mode, "sku": sku, **limits, **told}
    return ToolCall("recommend", {name: value for name, value in given.items() if value is not None})


def _why(values: Mapping[str, Any], dialogue: Dialogue) -> ToolCall:
    """The call that says why a product was suggested: the one that is meant, else the first."""
    sku = str(values.get("sku") or dialogue.skus[0])
    of: Mapping[str, Any] = dialogue.suggested_by.arguments if dialogue.suggested_by else {}
    if sku not in (*dialogue.suggested, *of.get("exclude", ())):
        # A search has its own reason; of what the shopper named, the recommender's is told.
        of = {} if dialogue.intent == "product_search" else {"mode": "for_me"}
    given = {"sku": sku, "mode": of.get("mode"), "with_sku": of.get("sku")}
    return ToolCall("why_suggested", {name: value for name, value in given.items() if value})


def goes_on(text: str, values: Mapping[str, Any], dialogue: Dialogue) -> bool:
    """Whether a message changes the list that was suggested last: other ones, without this, up to a price."""
    if dialogue.suggested_by is None or dialogue.intent != "recommend" or "order_id" in values:
        return False
    if asks.own_order(text) or _SERVICE.search(text):
        return False
    changes = asks_others(text) or bool(refusal(text)) or asks_cheaper(text)
    if asks.asks_suggestions(without_limits(text)) and not changes:
        return False
    more = changes or bool({*LIMITS, "without", "count"} & set(values))
    for said in (_REFUSES, _OTHERS, _CHEAPER, _ONES):
        text = said.sub(" ", text)
    return more and not asks.names_a_thing(without_limits(text))


def _refused(text: str, values: Mapping[str, Any], dialogue: Dialogue) -> Sequence[str]:
    """The products that are surely meant: "not this one" of four means none of them for sure."""
    said = refusal(text)
    if dialogue.suggested_by is None or not said:
        return ()
    if values.get("refused") and not _ALL.search(said):
        return (str(values["refused"]),)
    return dialogue.suggested if _ALL.search(said) or len(dialogue.suggested) == 1 else ()
