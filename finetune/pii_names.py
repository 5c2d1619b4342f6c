"""Names of people, only where the text says that one stands there: after a title, a greeting, "my name is", 我叫.

Yields ``(start, end)`` of the name without what announces it. Knows no list of names but the common Chinese surnames, so
a name that nothing announces is not seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from finetune.pii_marks import Span

SURNAMES_ZH = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔"
    "钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
)

_WORD = r"[^\W\d_a-zà-öø-ÿ][^\W\d_]{0,40}(?:['’-][^\W\d_]{1,30}){0,3}(?!\w)"
_NAME = rf"{_WORD}(?:\.?[ ]{_WORD}){{0,3}}"
_NOBODY = re.compile(
    r"(?:sir|madam|ma'am|all|team|customer|customers|support|service|shop|store|friends?|colleagues?|kefu|client|valued|seller"
    r"|everyone|everybody|hiring|the|a|an|not|on|in|at|i|we|you|my|our|your|and|or|the|it|is|thanks|order|company|none|n/a)\b",
    re.I,
)
_ANNOUNCED = (
    re.compile(
        rf"\b(?i:my[ ](?:(?:full|last|first|maiden)[ ])?name(?:'s|[ ]is)|(?:last|maiden)[ ]name(?:[ ]is|\?|:)|(?:partner|wife|husband)'s[ ]name(?:[ ]is)?)[ ](?P<name>{_NAME})"
    ),
    re.compile(rf"\b(?i:mr|mrs|ms|miss|dr|prof|herr|frau|mme)\b\.?[ ](?P<name>{_WORD}(?:[ ]{_WORD}){{0,2}})"),
    re.compile(rf"(?:^|\n)[ ]*(?i:dear|hi|hello)[ ](?P<name>{_WORD}(?:[ ]{_WORD}){{0,2}})(?=[ ]?[,:!\n])"),
    re.compile(
        rf"\b(?i:regards|sincerely|best wishes|cheers|thanks|thank you|yours|faithfully|truly)[,.!]?[ ]*\n\s*(?P<name>{_NAME})[ .]*(?=\n|$)"
    ),
    re.compile(
        rf"(?:^|[\n,;])[ ]*(?i:name|full name|recipient|attn|attention|contact|card ?holder|ship to|bill to|customer)[ ]?[:：][ ]?(?P<name>{_NAME})"
    ),
)
# What goes on after a name in a message: 我叫赵明远，…
_AFTER_ZH = r"(?=$|[^\u4e00-\u9fff]|的|是|先生|女士|小姐|电话|手机|收)"
_GIVEN_ZH = r"(?:(?!小姐|女士|[的是先您你电手收说要在有])[\u4e00-\u9fff])"
_ANNOUNCED_ZH = (
    re.compile(
        rf"(?:我叫|名字[是叫]|姓名[是为]?|收件人[是为]?|收货人[是为]?|联系人[是为]?|户名[是为]?|持卡人[是为]?)[:： ]{{0,2}}(?P<name>[{SURNAMES_ZH}]{_GIVEN_ZH}{{1,3}}){_AFTER_ZH}"
    ),
    re.compile(rf"(?P<name>[{SURNAMES_ZH}]{_GIVEN_ZH}{{0,2}}?)(?:先生|女士|小姐(?!姐)|太太|老师)(?!们)"),
)


def people(text: str) -> Iterator[Span]:
    for expression in _ANNOUNCED:
        for found in expression.finditer(text):
            if not _NOBODY.match(found["name"]):
                yield found.span("name")
    for expression in _ANNOUNCED_ZH:
        yield from (found.span("name") for found in expression.finditer(text))
