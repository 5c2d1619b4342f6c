"""What a sentence looks like that gives orders to the machine which reads it, instead of telling a person something.

Rules over one sentence, by kind, in English, Chinese and, for the plainest kinds, German, French, Spanish and Italian.
A sentence that warns of such orders ("scammers write: ignore …") gives none. Knows no document and no shopper: which
kinds count where is the caller's to say.
"""

from __future__ import annotations

import re
from typing import Literal

Kind = Literal[
    "rules set aside", "prompt asked for", "role or rules lifted", "other people's data", "role tag",
    "machine addressed", "reply dictated", "tool or data demanded", "encoded order", "task set",
]  # fmt: skip

_START = (
    r"(?:^|[.!?:;,>|\"“”'‘’\])}~*–—-]\s*|\b(?:please|kindly|now|then|just|must|should|shall|to|and|instead|also|will|can|may"
    r"|immediately|first|always|simply|only|so|nevermind|you)\s+)"
)
"""Where a command begins: at the start of a sentence or clause, or behind "please", "you must" and the like."""
_DROP = r"(?:ignore|disregard|forget|override|bypass|overlook|discard|neglect|abandon|drop|leave aside|set aside|put aside|stop following|don'?t follow|do not follow)"
_OLD = (
    r"(?:previous|prior|above|earlier|preceding|former|foregoing|initial|original|existing|current|following|system|safety|content"
    r"|developer|hidden|other|all|any|every|everything|your|these|those|operator'?s?)"
)
_RULES = (
    r"(?:instructions?|rules?|prompts?|guidelines?|guardrails?|directives?|polic(?:y|ies)|restrictions?|constraints?|commands?"
    r"|programming|training|protocols?)"
)
_TELL = (
    r"(?:reveal|show|print|tell|give|repeat|output|display|dump|send|share|recite|list|disclose|leak|expose|write out|write down"
    r"|reproduce|summari[sz]e|quote|echo|provide|return|read out|copy|paste|translate|include|append|encode|what (?:is|are|was|were))"
)
_MACHINE = r"(?:AIs?|A\.I\.|LLMs?|GPT|(?:AI |language )models?|chat ?bots?|bots?|assistants?|(?:AI|coding|automated) (?:agents?|systems?|assistants?|reviewers?|tools?))"
_REPLY = r"(?:reply|replies|response|responses|answers?|outputs?|summary|summaries|completions?)"
_PUT = (
    r"(?:add|append|include|insert|integrate|incorporate|mention|modify|enhance|augment|end|begin|start|finish|close|prefix|put|convert"
    r"|replace|write|provide|misspell|rearrange|scramble|group|remove|use|express|inject|embed|place|introduce|weave|attach|make|encode"
    r"|format|give|deliver|present|shuffle|jumble|swap|substitute|change|alter|structure|craft|offer|promote|work|slip|conclude|reverse)"
)
_PRIVATE = (
    r"(?:customers?(?:'s?)? (?:list|data(?:base)?|records?|e-?mails?|names?|addresses)|(?:customer|user|private|client)(?:s'?)? (?:list|data(?:base)?|records?|files?|pages?|e-?mails?)"
    r"|credentials?|passwords?|api[ _-]?keys?|secrets?|access tokens?|environment variables?|env(?:ironment)? vars?|(?:whole|full|entire) (?:conversation|chat)|(?:conversation|chat) (?:history|logs?|transcripts?)"
    r"|(?:internal|private|confidential|restricted|admin\w*) (?:data|configuration|config|pages?|settings|files?|area|records?|documents?|notes?)|KEFU_[A-Z_]+|\S+[.·]db\b)"
)
_ORDER = r"(?:^|[.!?:;,>|\"“”'‘’\])}~*–—-]\s*|\b(?:please|kindly|now|then|just|must|should|and|instead|immediately|first|simply)\s+)"
"""Where an order to hand something out begins: "we will send you …" is none."""
_NO = r"(?:no|without(?: any)?|not (?:bound|limited|restricted) by(?: any)?|free (?:of|from)(?: all| any)?)"
_LIMITS = r"(?:(?:content |ethical |moral |safety )?(?:restrictions|rules|limits|limitations|filters?|polic(?:y|ies)|guidelines|censorship|boundaries|guardrails|typical confines))"

_RULES_OF: dict[Kind, tuple[str, ...]] = {
    "rules set aside": (
        rf"{_START}{_DROP}\b[^.!?\n]{{0,40}}?\b{_OLD}\b[^.!?\n]{{0,40}}?\b{_RULES}\b",
        rf"{_START}{_DROP}\b[^.!?\n]{{0,30}}?\b(?:{_RULES}|notes?|text|context|documents?|evidence|passages?)\b[^.!?\n]{{0,30}}\b(?:above|before|you were|you have|you had|you got|so far|until now)\b",
        rf"{_START}{_DROP} (?:everything|all|anything|what(?:ever)?)\b[^.!?\n]{{0,20}}\b(?:above|before|you(?:'ve| have| were| had)?|i said|said|so far|until now)\b",
        rf"\b(?:leave|put|set|lay|throw|cast)\b[^.!?\n]{{0,40}}\b(?:previous|prior|earlier|your|all|old)\b[^.!?\n]{{0,20}}\b{_RULES}\b[^.!?\n]{{0,20}}\b(?:aside|away|behind|out)\b",
        rf"\b(?:supersedes?|overrides?|replaces?|cancels?)\b[^.!?\n]{{0,20}}\b(?:all|any|every|your) (?:other |prior |previous |earlier )?(?:{_RULES}|ones|prior ones)\b",
        r"\bnew (?:instructions?|directives?|task|orders?|system prompt)\b\s*[:：]|\byour (?:new|real|true|actual|only) (?:task|directive|goal|purpose|instructions?|orders?|mission)\b",
        r"\byour (?:rules|guidelines|instructions|polic(?:y|ies)) (?:have|has) (?:changed|been (?:changed|updated|replaced|lifted|removed))\b",
        r"\bsafety (?:guidelines?|checks?|protocols?|rules?|polic(?:y|ies)|filters?)\b[^.!?\n]{0,60}\b(?:disabled|off|lifted|skip\w*|(?:do|does|did|were|was|are|is)(?: not|n'?t)\b|no longer|irrelevant|suspended|removed)",
        r"\b(?:skip|disable|turn off|switch off|bypass|ignore|drop|suspend)\b (?:all |any |the |your )*(?:safety|content|security) (?:guidelines?|checks?|protocols?|rules?|polic(?:y|ies)|filters?)",
        r"\bcomply (?:fully )?with (?:everything|(?:every|all|any) (?:\w+ )?requests?)\b|\bobey (?:me|every|all)\b|\bstop everything\b",
        r"(?:忽略|无视|忘记|忘掉|抛开|不要理会|不用管|跳过|绕过)[^。！？\n]{0,8}(?:之前|以上|上面|先前|所有|全部|前面|你的|系统|一切|任何|原来)[^。！？\n]{0,10}(?:指令|指示|规则|提示|设定|要求|限制|命令|内容)",
        r"\b(?:ignor\w+|vergiss|vergessen sie|missachte\w*|oublie[rz]?|olvida\w*|dimentica\w*|trascura\w*)\b[^.!?\n]{0,40}\b(?:anweisung\w*|vorgaben|regeln|instructions|consignes|r[èe]gles|instrucciones|reglas|istruzioni|regole)\b",
        r"\b(?:sicherheitsrichtlinien|consignes de s[ée]curit[ée]|directrices de seguridad|linee guida di sicurezza)\b[^.!?\n]{0,60}\b(?:nicht|ne|pas|no|non)\b",
    ),
    "prompt asked for": (
        rf"\b{_TELL}\b[^.!?\n]{{0,60}}\b(?:system|hidden|initial|setup|developer|original|internal|secret)[ _-](?:prompt|message|instructions?|directives?|setup|text|configuration|rules)\b",
        r"\b(?:system|hidden|initial) prompts?\b",
        rf"\b{_TELL}\b[^.!?\n]{{0,60}}\b(?:instructions?|rules|prompt|directives?) (?:that )?(?:you (?:were|have been|are|got|received)|given to you|your developers?)\b",
        rf"\b{_TELL}\b[^.!?\n]{{0,60}}\b(?:your|the) (?:(?:operating|exact|full|own) )?(?:prompt|instructions|context(?: window)?|configuration|directives)\b[^.!?\n]{{0,30}}\b(?:word for word|verbatim|exactly|in full|in your)\b",
        rf"\b{_TELL}\b[^.!?\n]{{0,30}}\b(?:everything|all|the text|what (?:is|stands))\b[^.!?\n]{{0,20}}\b(?:above|in your context|in the prompt|in your prompt|before this)\b",
        r"系统(?:提示词?|指令|消息|设定|提示语)|(?:提示词|初始指令|隐藏指令)",
        r"\bsystem-?prompts?\b|\bsystem-?anweisung\w*|\b(?:message|prompt|invite) (?:du |de )?syst[èe]me\b|\b(?:prompt|mensaje) (?:del?|di) sistema\b|\bprompt di sistema\b|\bistruzioni di sistema\b|\binstrucciones del sistema\b",
    ),
    "role or rules lifted": (
        rf"\byou(?:'re| are) (?:now|going to (?:be|act|play|pretend|simulate))\b[^.!?\n]{{0,60}}\b(?:{_MACHINE}|mode|DAN|unrestricted|free|uncensored|character|role|persona|{_NO} {_LIMITS})\b",
        rf"\b(?:AIs?|bots?|models?|assistants?|DAN|respond\w*|answer\w*|operating|compl(?:y|ies)|persona)\b[^.!?\n]{{0,50}}\b{_NO} (?:\w+ )?{_LIMITS}\b",
        rf"\byou (?:now |will |may |shall |also )?(?:have|operate|work|act|are)\b[^.!?\n]{{0,20}}\b{_NO} (?:\w+ )?{_LIMITS}\b\W*(?:$|\n|[.!?,;]|and\b|from\b)",
        rf"\bpretend\b[^.!?\n]{{0,20}}\b(?:you|to be)\b[^.!?\n]{{0,30}}\b(?:{_MACHINE}|admin\w*|root|unrestricted|{_LIMITS})\b",
        r"\b(?:developer|DAN|god|debug|root|admin(?:istrator)?|unrestricted|jailbreak|sudo|maintenance|unfiltered|evil)[ -]mode\b|\bjailbr[eo]ak\w*|\bdo anything now\b|\bstay in character\b|\bbreak(?:ing)? character\b",
        rf"\bact (?:as|like)\b[^.!?\n]{{0,40}}\b(?:DAN|unrestricted|uncensored|jailbroken|{_MACHINE} (?:without|with no|that))\b",
        r"\bfrom (?:now|here|this point) on(?:ward)?s?\b[^.!?\n]{0,60}\b(?:you|all|every)\b[^.!?\n]{0,40}\b(?:must|will|shall|have|are|can|answer|act|obey|comply|never|always)\b",
        r"\byou (?:may|can|must|are allowed to|are permitted to) (?:now )?(?:reveal|disclose)\b[^.!?\n]{0,30}\b(?:confidential|private|secret|internal)\b|\byou now allow all\b",
        r"\bgrant\b[^.!?\n]{0,30}\badmin\w*|\b(?:i am|i'm|as) (?:the |an? |your )?(?:admin(?:istrator)?|developer|system operator|root)\b|\bgranted (?:me |you |itself )?permission to (?:skip|ignore|bypass)\b",
        r"从现在(?:开始|起)[^。！？\n]{0,8}你|你(?:现在)?(?:是|扮演)[^。！？\n]{0,16}(?:没有|不受|无)[^。！？\n]{0,8}(?:限制|约束|规则)|(?:服从|听从|执行)我的?(?:所有|一切|任何)|(?:开发者|管理员|越狱)模式",
        r"\b(?:ohne (?:einschr[äa]nkung\w*|regeln|filter)|sans (?:restrictions?|limites?|filtres?)|sin (?:restricciones|l[ií]mites|filtros)|senza (?:restrizioni|limiti|filtri))\b",
    ),
    "other people's data": (
        r"\b(?:show|list|give|print|tell|send|read|dump|export|output|name|reveal)\b[^.!?\n]{0,60}\b(?:other|all|every|another|somebody else'?s?|someone else'?s?|each) (?:the )?(?:\w+ )?(?:customers?|users?|shoppers?|clients?|accounts?)\b[^.!?\n]{0,30}\b(?:names?|e-?mails?|addresses|orders?|data|details|tracking|records?|phone|passwords?)\b",
        r"\b(?:show|list|give|print|tell|send|read|dump|export|output)\b[^.!?\n]{0,40}\b(?:names?|e-?mails?|addresses|orders?|data|details|records?)\b[^.!?\n]{0,20}\bof (?:all |the |your )*(?:other )?(?:customers|users|shoppers|clients)\b",
        r"(?:列出|告诉|显示|给我|发给?|导出|提供)[^。！？\n]{0,12}(?:其他|所有|全部|别的|别人|每个)(?:的)?(?:顾客|客户|用户|人)?的?[^。！？\n]{0,14}(?:姓名|邮箱|订单|地址|电话|资料|信息)|(?:其他|所有|全部|别的)(?:顾客|客户|用户)的[^。！？\n]{0,20}(?:列出|发给|告诉|导出|显示)",
    ),
    "role tag": (
        r"<\|[^|>\n]{1,30}\|>|\[/?(?:INST|SYS|SYSTEM|ASSISTANT|USER)\]|<</?SYS>>|</?(?:system|assistant|instructions?|think(?:ing)?|prompt|scratchpad|reasoning|sys)>",
        r"[-=#*_]{2,}\s*(?:end|begin|start)(?:ing)? (?:of )?(?:the )?(?:document|user|input|system|prompt|context|data|instructions?|page|text|email|message)\b|^[-#=*\s]*(?:###?\s*)(?:system|instructions?|new instructions?|assistant|response)\s*:?\s*$",
        r"^\W*(?:assistant|developer)(?: (?:note|message|reasoning|thought))?\s*[:：]\s*\S",
        r"^\W*(?:SYSTEM|System|system)(?: (?:note|message|prompt|update|override|instruction|alert|notice|command)s?)?\s*[:：](?=.*\b(?:you|your|ignore|must|reveal|tell|reply|answer|respond|grant|call|all|every|required|new|now|print|append|before|delete|send)\b)",
        r"\b(?:important )?system (?:note|message|update|override|instruction|alert|notice|command)\b\s*[:：]",
        r"\b(?:note syst[èe]me|nota del sistema|nota di sistema|systemhinweis|systemnachricht)\b",
        r"^\W*(?:系统|助手)(?:提示|消息|通知|指令)?\s*[:：]",
        r"^\W*override\s*:",
        r"^\W*(?:user|human)\s*[:：][^\n]*\?",
    ),
    "machine addressed": (
        rf"\b{_MACHINE}\b(?:[ ,]+[\w'-]+){{0,9}}? (?:must|should|shall|has to|have to|is to|are to|need to|needs to|ought to|(?:are|is) (?:hereby )?(?:instructed|required|asked|told|ordered)|please|kindly)\b",
        rf"\b(?:notes?|notice|attention|message|instructions?|memo|reminder|warning)\b,?\s+(?:to|for)\s+(?:the |any |all |every |our |your )*{_MACHINE}\b|\b(?:dear|hello|hey|hi|attention),? (?:(?:\w+ )?{_MACHINE}\b|['\"“‘])",
        rf"\((?:for|to) (?:any |all |the )*{_MACHINE}\)|\bas the (?:assistant|AI|bot|model), (?:i|you|we)\b",
        r"\b(?:when|if|before|after|once|while|whenever) you (?:process|read|summari[sz]e|see|parse|reply|respond|continue)\b[^.!?\n]{0,60}\b(?:also|must|always|include|append|e-?mail|send|call|add|forward|delete|ignore|first)\b",
        r"(?:人工智能|AI|机器人|大?模型|智能助手|助手)[^。！？\n]{0,10}(?:请注意|必须|应当|应该|务必|请在|请忽略)|致(?:所有)?(?:AI|人工智能|机器人|助手)",
        r"\bas an? (?:AI )?language model\b|\byou are programmed to\b|\byour (?:primary |only |sole |real )?(?:purpose|goal|task|job) is now\b",
        r"^\W*(?:processing|processor|pipeline|workflow|automation|indexing|retrieval|agent) (?:note|notice|instruction|directive|memo)s?\s*[:：]",
        r"\bcome assistente\b|\bals (?:ki-)?assistent\b|\ben tant qu['’]assistant\b|\bcomo asistente\b",
    ),
    "reply dictated": (
        rf"{_ORDER}{_PUT}\b[^.!?\n]{{0,200}}?\b(?:your|each|every) (?:\w+ ){{0,2}}?{_REPLY}\b(?!\s+(?:to (?:our|us|this|the)|by (?:e-?mail|post)))",
        rf"\bin your (?:\w+ )?{_REPLY}\b,?\s+(?:always |please |also )?{_PUT}\b|\bend of (?:your|the|each|every|any) (?:\w+ )?{_REPLY}\b",
        r"\b(?:before|when|whenever|while|as) (?:you )?(?:answer|reply|respond|summari[sz])(?:ing|e|es)?\b[^.!?\n]{0,60}[,，]\s*(?:you |please |always |also )*(?:tell|say|append|add|include|send|mention|must|call|ask|write|insert|direct|inform)\b",
        r"\b(?:repl(?:y|ies)|respond|answer)\b (?:only |just |always |every \w+ |each \w+ )*with (?:only |just )?(?:the (?:word|words|phrase|sentence|text|token|code)|(?-i:[A-Z]{3})|[\"“'‘])|\byou answer every\b",
        r"\b(?:just|only|solely) (?:say|print|reply|respond|output|write|type)\b(?: with)?\s*(?:[:：\"“'‘]|the (?:word|phrase|sentence|text)|(?-i:[A-Z]{3}))",
        r"\btell (?:every|all|each|any) (?:the |of the )?(?:customers?|shoppers?|users?|readers?|visitors?)\b",
        r"\b(?:verification|access|tracking|confirmation|reference) (?:code|token|value)\b[^.!?\n]{0,60}\b(?:summar\w+|repl(?:y|ies)|responses?|answers?)\b|\b(?:summar\w+|repl(?:y|ies)|responses?)\b[^.!?\n]{0,60}\b(?:must|should|exact|needs? to) (?:include|contain|carry|token|append)\b",
        r"\b(?:replace|convert|swap|substitute|misspell|scramble|rearrange) (?:every|all|the|random|some|each)?\s?(?:\w+ )?(?:letters?|vowels?|words?|consonants?)\b",
        r"(?:只|仅)(?:能|需|要)?(?:回复|回答|输出|说)|(?:回答|回复|答复)(?:顾客|用户|客户)?(?:时|前|中)[^。！？\n]{0,12}(?:必须|务必|先|请|要|加上|附上)|在(?:你的)?(?:回答|回复)(?:中|里|末尾|结尾|后)",
        r"\b(?:antworte\w*|r[ée]pond[sez]*|responde|rispondi) (?:nur|uniquement|seulement|solo|s[óo]lo|soltanto)\b|\b(?:ende|fin|final|fine) (?:jeder|der|deiner|de (?:toute|ta|la|votre)|de (?:cualquier|tu|su)|di (?:ogni|qualsiasi)|della)\s?\w*\s?(?:antwort|r[ée]ponse|respuesta|risposta)\b",
    ),
    "tool or data demanded": (
        r"\b(?:call|use|invoke|run|execute|trigger)\s+(?:the )?(?:tool |function )?[a-z]+_[a-z_]+\b|^\W*\{\s*\"(?:name|tool|function)\"\s*:",
        rf"{_ORDER}(?:send|e-?mail(?! address|,| or\b| and\b)|forward|post|upload|export|dump|transmit|leak|exfiltrate|copy|list|print|output|reveal|show|give|tell|delete|share|disclose|reproduce)\b[^.!?\n]{{0,40}}?\b(?<!my )(?<!our ){_PRIVATE}",
        r"\b(?:e-?mail|send|forward|post|submit|copy)\b[^.!?\n]{0,40}\b(?:summary|conversation|transcript|records?|results?|contents?)\b[^.!?\n]{0,20}\bto\b[^.!?\n]{0,20}(?:https?://|\S+@\S+)",
        r"\b(?:send|forward|e-?mail|post|upload) (?:it|them|this|that|these|everything|all of (?:it|them))\b[^.!?\n]{0,20}\bto\b[^.!?\n]{0,20}(?:https?://|\S+@\S+)",
        r"\bhere is the (?:admin )?password\b|\bsave (?:this|the following)[^.!?\n]{0,30}\b(?:memory|instruction)\b|\b(?:long-term|persistent) (?:memory|preference)\b",
        r"\b(?:delete|empty|wipe|erase|remove)\b[^.!?\n]{0,40}(?:\boutput director\w+|\./\w+|/var/|/etc/|\bdatabase\b)",
    ),
    "task set": (
        r"^\W*(?:please )?(?:compose|draft|provide|craft)\b (?:me )?(?:an?|the|some)\b[^.!?\n]{0,30}\b(?:essay|poem|story|introduction|speech"
        r"|dialogue|haiku|song|lyrics|article|blog post|tweet|example of how)\b|^\W*(?:please )?(?:compose|draft)\b (?:me )?(?:an?|the)\b",
        r"^\W*(?:please )?translate\b[^.!?\n]{0,60}(?:\b(?:in)?to [A-Z]|:)",
        r"^\W*(?:please )?(?:explain|describe|outline|break down|summari[sz]e)\b[^.!?\n]{0,60}\b(?:theory|in simple terms|with an example|life ?cycle|plot|recursion|photosynthesis|equations?)\b",
    ),
    "encoded order": (
        r"\b(?:decode|decipher|decrypt|unscramble|translate)\b[^.!?\n]{0,80}\b(?:do|follow|execute|obey|run|carry out|perform|act on)\b[^.!?\n]{0,30}\b(?:it|says?|instructions?|command|as|what|inside)\b",
    ),
}  # fmt: skip
_NEEDED: dict[Kind, tuple[str, ...]] = {
    "rules set aside": tuple(
        "instruct rule note text context document evidence passage prompt guideline guardrail directive polic restrict constraint command programming training protocol safety"
        " security content above before said until comply obey everything anything whatever 指令 指示 规则 提示 设定 要求 限制 命令"
        " 内容 anweis vorgab regel consigne règle instruc istruz regol sicherheits directrices linee".split()
    ),
    "prompt asked for": tuple(
        "prompt instruct message directive setup configuration context rules above before 系统 提示词 隐藏指令 初始指令 anweisung"
        " sistema syst istruzioni".split()
    ),
    "role or rules lifted": tuple(
        "mode jailbr dan character restrict rules limits limitations filter polic guideline censor boundar guardrail confines"
        " pretend unrestricted uncensored from reveal disclose allow share admin developer root permission operator anything"
        " bot model assistant gpt llm persona 现在 没有 服从 听从 执行 模式 ohne sans sin senza".split()
    ),
    "other people's data": tuple("customer user shopper client account 其他 所有 全部 别".split()),
    "role tag": tuple(
        "< [ -- == ## ** __ user human assistant developer system syst sistema override 系统 助手".split()
    ),
    "machine addressed": tuple(
        "ai llm gpt hello hey hi dear attention model bot assistant agent system process read summar parse reply respond continue see purpose goal task job programmed pipeline workflow automation indexing retrieval 人工智能 机器人 模型"
        " 助手 assistent asistente".split()
    ),
    "reply dictated": tuple(
        "repl respon answer output summar completion say print write type tell letter vowel word consonant 回 只 仅 输出 antwort"
        " répon repon rispo".split()
    ),
    "tool or data demanded": tuple(
        "_ { customer user client private credential passw api secret token environment env conversation chat internal"
        " confidential restricted admin kefu db summary transcript record result content memory preference director ./ /var /etc"
        " @ http".split()
    ),
    "encoded order": ("deco", "deci", "decr", "unscramble", "translate"),
    "task set": tuple("compose draft provide craft translate explain describe outline break summar".split()),
}
"""One of these stands in every order of the kind: a quick look before the slow one."""
_COMPILED = {
    kind: re.compile("|".join(f"(?:{rule})" for rule in rules), re.IGNORECASE | re.MULTILINE)
    for kind, rules in _RULES_OF.items()
}
_WARNS = re.compile(
    r"\b(?:scam\w*|phish\w*|fraud\w*|criminals?|attackers?|hackers?|thieves|imposters?|impostors?|spam\w*)\b.{0,60}\b(?:say|says|ask\w*|send\w*|sent|try|tries|claim\w*"
    r"|pretend\w*|tell\w*|want\w*|urge\w*|write\w*|may|might|can|will|often)\b|\b(?:do not|don'?t|never|should not|shouldn'?t|must not|mustn'?t)\s+(?:simply |just )?(?:ignore|disregard|forget|override|bypass|neglect)\b"
    r"|\bif you (?:ignore|disregard|forget|bypass|neglect)\b|骗子|诈骗|钓鱼|切勿|请勿",
    re.IGNORECASE,
)
_OUR_MAIL = re.compile(
    r"\b(?:order number|customer number|photos?|pictures?|receipt|invoice|screenshot|our (?:e-?mail|message|letter|request|form)|by e-?mail|within \d+|survey|review)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"\"[^\"\n]*\"|“[^”\n]*”|(?<=\w)[.!?](?=\w)")
_TAKEN_BY_CONTEXT: frozenset[Kind] = frozenset(
    {"rules set aside", "role or rules lifted", "other people's data", "tool or data demanded"}
)


def masked(text: str) -> str:
    """The text, as long as before, with dots for full stops that end no sentence: in quotation marks and in addresses."""
    return _QUOTED.sub(lambda found: re.sub(r"[.!?]", "·", found.group()), text)


def kind_of(sentence: str) -> Kind | None:
    """What kind of order to a machine the sentence is; None if it is none."""
    return next((kind for kind in _COMPILED if gives(sentence, kind)), None)


def gives(sentence: str, kind: Kind) -> bool:
    """Whether the sentence gives an order of this kind."""
    lowered = sentence.lower()
    if not any(needed in lowered for needed in _NEEDED[kind]) or not _COMPILED[kind].search(masked(sentence)):
        return False
    if kind == "reply dictated" and _OUR_MAIL.search(sentence):
        return False  # "include the order number in your reply" is said to a shopper
    return not (kind in _TAKEN_BY_CONTEXT and _WARNS.search(sentence))
