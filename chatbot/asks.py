"""What a message asks for in so many words: a person, suggestions, the shop's own business, that goods be sent.

Rules over text, in English and Chinese, for what embeddings tell apart badly. Looks nothing up and decides nothing.
"""

from __future__ import annotations

import re

from chatbot import lang
from retrieval import commands, screen

_PERSON = re.compile(
    r"\b(?:talk|speak|chat|call|connect|transfer|put|pass|get|give|want|need|let|have|forward|escalate|prefer|reach)\b.{0,40}"
    r"\b(?:human|person|people|agent|representative|rep|operator|manager|supervisor|boss|employee|colleague|advis[eo]r|staff member|someone|somebody|(?:support|service) (?:team|staff|agent)|real (?:one|person))\b"
    r"|^\W*(?:human|agent|operator|representative|real person|a person)(?: please| now)?\W*$"
    r"|人工(?!智能)|真人|转接|客服人员|找(?:个|你们)?(?:人|经理|主管)",
    re.IGNORECASE,
)
_NOT_PERSON = re.compile(
    r"\b(?:are|is) (?:you|this|it)\b.{0,30}\b(?:human|person|real)|\bdo(?:n't| not) (?:want|need)\b|你是(?:不是)?真人",
    re.IGNORECASE,
)


_SUGGESTING = re.compile(
    r"\b(?:(?:what|that|it|there)'s|i'm|either|also|too|instead|rather|recommend\w*|suggest\w*|ideas?|popular|best[- ]?sell\w*|trend\w*|sell(?:s|ing)?|sold|surprise\w*|inspir\w*|lik(?:e|ed|es)"
    r"|lov(?:e|ed)|enjoy\w*|get|buy(?:ing)?|bought|order(?:s|ed)?|purchas\w*|next|else|new|others?|another|customers?|people|everyone|most|more"
    r"|usually|right|now|today|currently|week|month|season|products?|things?|stuff|items?|articles?|something|anything|show|give"
    r"|find|need|want|well|good|great|nice|best|top|favou?rites?|based?|history|shop|store|might|may|could|try|add|worth|interesting|moment|lately|days|choose|help|know|(?<!-)(?:allerg(?:y|ies|ic)|intoleran\w+)(?!-))\b"
    r"|给|我|推荐|点|些|东西|吧|有|什么|么|类似|的|吗|最近|现在|卖|得|好|热销|热门|流行|猜|喜欢|会|搭配|商品|产品|哪|买|值|还|别的|其他|请|你们|能|可以|一下|呢",
    re.IGNORECASE,
)


_POPULAR = re.compile(
    r"\b(?:popular|best[- ]?sell\w*|trending|recommend(?:ations?)?|suggest(?:ions?)?|inspire me)\b|推荐|热销|热门",
    re.IGNORECASE,
)


def speaks_of_suggestions(text: str) -> bool:
    return bool(_POPULAR.search(text))


def asks_suggestions(text: str) -> bool:
    """Whether the message asks for suggestions of nothing particular."""
    return speaks_of_suggestions(text) and not names_a_thing(text)


def thing(text: str) -> str:
    """What a wish for suggestions is of: "tent" of "recommend a tent"; empty where it is of nothing particular."""
    left = " ".join(_SUGGESTING.sub(" ", text).split())
    return left if lang.content_words(left) else ""


def names_a_thing(text: str) -> bool:
    """Whether a wish for suggestions says of what: "recommend a tent" does, "what would you recommend?" does not."""
    return bool(thing(text))


_SOLD = re.compile(
    r"\bdo you (?:(?:also|even|still) )?(?:have|sell|stock|carry)\b|\bhave you got\b|有没有|有卖|卖.{0,8}吗",
    re.IGNORECASE,
)


def whether_sold(text: str) -> bool:
    """Whether the message asks if the shop has something: "do you have candles?"."""
    return bool(_SOLD.search(text))


_IT_IN = re.compile(
    r"\b(?:have|got|sell|stock|carry|get|buy|order|comes?) (?:it|this|that|them|these|those|(?:this|that) one) in\b"
    r"|\b(?:is|are) (?:it|this|that|they|these|those|(?:this|that) one) (?:also )?available in\b|\b(?:does|do) (?:it|they|this|that) come in\b"
    r"|(?:它|这款|这件|这个|那款)(?:还)?有.{0,6}(?:色|号|码|尺寸)",
    re.IGNORECASE,
)


def another_kind_of_it(text: str) -> bool:
    """Whether the message asks for what was spoken of in a colour, a size or a material: "do you have it in blue?"."""
    return bool(_IT_IN.search(text))


_AGAIN = re.compile(
    r"\b(?:what|which|anything|something|things|products?)\b.{0,40}\b(?:buy|order|get|need)\b.{0,20}\bagain\b"
    r"|\bmy (?:usuals|usual (?:products?|things|items|shopping|groceries))\b|\bdo i (?:usually|often|regularly|normally|always) (?:buy|order|get)\b"
    r"|\bam i (?:running )?(?:low|out) (?:on|of)\b|\bdue (?:for )?(?:again|another)\b"
    r"|(?:我)?(?:经常|常常|常|平时|通常)(?:会)?(?:买|订)(?:的|什么|哪些)|(?:该|可以|要)?(?:再买|回购|复购)(?:什么|哪些|点什么|一次什么)",
    re.IGNORECASE,
)


def asks_again(text: str) -> bool:
    """Whether the message asks what the shopper buys again and again."""
    return bool(_AGAIN.search(text))


_FOR_SOMEBODY = re.compile(
    r"\bfor (?:[\w-]+ ){0,3}?(?:people|persons?|someone|somebody|manager|boss|colleague|employee|human|agent)s?\b",
    re.IGNORECASE,
)


def asks_for_person(text: str) -> bool:
    """Whether the message asks for a person; "a tent for four people" does not."""
    return bool(_PERSON.search(_FOR_SOMEBODY.sub(" ", text))) and not _NOT_PERSON.search(text)


_OWN_ORDER = re.compile(
    r"\bmy (?:\w+ ){0,2}(?:order|orders|parcel|package|delivery|purchase|shipment)\b|\b(?:this|that|the) order\b|\bi (?:\w+ )?(?:bought|ordered)\b"
    r"|(?:我的|这个|那个|这张)(?:最近的|上一个|最新的)?(?:订单|包裹|快递|快件)|我(?:买|订)的",
    re.IGNORECASE,
)


def own_order(text: str) -> bool:
    """Whether the message speaks of an order of the shopper's own."""
    return bool(_OWN_ORDER.search(text))


_GOODS = re.compile(
    r"\b(?:can|could|may|will|are|is) (?P<passive>.{3,40}?) (?:(?:allowed|permitted) to )?be (?:sent|shipped|delivered|posted|imported)\b"
    r"|\b(?:send|ship|deliver|post) (?P<active>.{3,40}?) (?:to|into)\b|\b(?P<duty>import (?:tax|duty|duties)|customs|vat)\b",
    re.IGNORECASE,
)
_ANY_GOODS = frozenset(
    lang.stem(word)
    for word in "parcel package order delivery thing stuff item article product anything something everything present gift purchase".split()
)


def delivers_goods(text: str) -> bool:
    """Whether a question of delivery is whether some kind of goods can be sent, or what customs take."""
    found = None if re.search(r"\bhow (?:much|long|soon)\b", text, re.IGNORECASE) else _GOODS.search(text)
    return bool(found and set(lang.content_words(found[found.lastgroup or 0])) - _ANY_GOODS)


_BUSINESS = re.compile(
    r"\b(?:suppliers?|profits?|margins?|revenue|turnover|sales figures|salar(?:y|ies)|shareholders?|investors?|bankrupt\w*)\b"
    r"|\bhow many .{1,60}\b(?:did|have|do) you (?:\w+ )?(?:sell|sold)\b|供应商|利润|营业额|工资|股东|投资人|销量",
    re.IGNORECASE,
)


def asks_about_business(text: str) -> bool:
    """Whether the message wants to know of the shop's own business, which no tool knows."""
    return bool(_BUSINESS.search(text))


_OUT_OF_ORDER: tuple[commands.Kind, ...] = (
    "rules set aside",
    "prompt asked for",
    "role or rules lifted",
    "other people's data",
    "role tag",
    "tool or data demanded",
    "encoded order",
)
"""Orders that no shopper has reason to give; "include the invoice in your reply" is not one of them."""


def commands_machine(text: str) -> bool:
    """Whether the message gives orders to the machine instead of asking the shop."""
    return screen.orders(text, _OUT_OF_ORDER)


def dictates(text: str) -> bool:
    """Whether the message says how to answer or sets a task of writing: it may be answered, but asks for no data."""
    return screen.orders(text, ("reply dictated", "machine addressed", "task set"))
