"""Where somebody lives: streets, boxes, postcodes with their towns. English and what its neighbours write; Chinese.

An address is a core (a street with its number, a box, a postcode that is named) and what follows it: unit, town, state,
postcode, country, on one line or on the next ones. Knows no gazetteer: a town alone is no address, and an unusual street
counts only where the text speaks of an address or a postcode follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from finetune.pii_marks import Span

COUNTRIES = frozenset(
    """afghanistan albania algeria andorra angola argentina armenia australia austria azerbaijan bahrain bangladesh belarus
belgium belize benin bhutan bolivia botswana brazil brunei bulgaria burundi cambodia cameroon canada chad chile china
colombia congo croatia cuba cyprus denmark ecuador egypt england estonia eswatini ethiopia fiji finland france gabon gambia
georgia germany ghana greece grenada guatemala guinea guyana haiti honduras hungary iceland india indonesia iran iraq
ireland israel italy jamaica japan jordan kazakhstan kenya kosovo kuwait laos latvia lebanon lesotho liberia libya
liechtenstein lithuania luxembourg madagascar malawi malaysia maldives mali malta mauritania mauritius mexico moldova monaco
mongolia montenegro morocco mozambique myanmar namibia nepal netherlands nicaragua niger nigeria norway oman pakistan panama
paraguay peru philippines poland portugal qatar romania russia rwanda samoa scotland senegal serbia singapore slovakia
slovenia somalia spain sudan suriname sweden switzerland syria taiwan tajikistan tanzania thailand togo tonga tunisia turkey
turkmenistan tuvalu uganda ukraine uruguay usa uk uzbekistan vanuatu venezuela vietnam wales yemen zambia zimbabwe
deutschland österreich schweiz""".split()
)
_LONG_COUNTRIES = (
    "united[ ](?:kingdom|states)|vatican[ ]city|new[ ]zealand|sri[ ]lanka|costa[ ]rica|(?:south|saudi|north)[ ](?:africa|arabia|korea|macedonia)"
    "|puerto[ ]rico|czech[ ]republic|hong[ ]kong|el[ ]salvador|sierra[ ]leone|burkina[ ]faso|ivory[ ]coast|bosnia[ ]and[ ]herzegovina"
)
STREET_TYPES = frozenset(
    """street st road rd avenue ave boulevard blvd lane ln drive dr court ct place pl square sq terrace crescent close way
parkway pkwy highway hwy circle grove gardens mews row walk hill park trail quay wharf rise view""".split()
)
_PLAIN_TYPES = "street|st|road|rd|avenue|ave|boulevard|blvd|lane|ln|crescent|terrace|parkway|pkwy|highway|hwy"
STREET_SUFFIXES = (
    "strasse straße straat str gasse gatan vägen väg gata laan gracht kade singel plein weg platz allee ufer damm veien gade vej "
    "katu utca stræti vegur plaats"
).split()
FOREIGN_TYPES = frozenset(
    """rue avenue boulevard bd chemin impasse quai allée allee place route cours via viale corso piazza calle carrer plaza
avenida rua ulica ul gürtel útja utca rkp""".split()
)
UNITS = frozenset("apt apartment suite ste unit flat floor fl room box bldg building p.o po".split())

# bounded, so that a word without end is not read anew from each of its letters
_W = r"[^\W\d_]{1,40}(?:['’.\-][^\W\d_]{1,30}){0,3}\.?"
_CAP = rf"(?![a-zà-ÿ]){_W}"
_NOT_IN_NAMES = (
    "a about after ago and are at before between bulbs but by can cm day days do euros every first for from g gb ghz had has have "
    "hour hours i in inch is it items kg km last less m mb min minute minutes mm month months more my next of off old on only "
    "or order orders our pack per pieces pcs please second see size tb than that the their this times to until v w was week "
    "weeks were which with x year years you your usb hard hz mhz new people metre metres foot feet mile miles"
)
_NAME = rf"(?!(?:{_NOT_IN_NAMES.replace(' ', '|')})\b){_W}"
_NO_NAME = re.compile(rf"(?:{_NOT_IN_NAMES.replace(' ', '|')})\b", re.I)
_NUM = r"[0-9]{1,5}[A-Za-z]?(?:[/-][0-9]{1,4}[A-Za-z]?)?"
_LEADING = rf"(?<![\w.,/$€£-])(?<![0-9][ ])(?:(?i:flat|unit|apt\.?|suite)[ ][0-9A-Za-z]{{1,5}},?[ ])?{_NUM},?[ ](?:{_NUM},?[ ])?"
_ADJECTIVES = (
    "Alte[rnm]?|Neue[rnm]?|Große[rnm]?|Kleine[rnm]?|Obere|Untere|Korte|Lange|Am|An[ ]der|In[ ]der|Zum|Zur|Im"
)
_UK = r"[A-Z]{1,2}[0-9][0-9A-Z]?[ ][0-9][A-Z]{2}"
_CANADA = r"[A-Z][0-9][A-Z][ ]?[0-9][A-Z][0-9]"
_POSTCODE = rf"(?:{_UK}|{_CANADA}|[0-9]{{4}}[ ][A-Z]{{2}}\b|[0-9]{{5}}-[0-9]{{4}}|[0-9]{{4,6}})(?![0-9A-Za-z_]|[.,][0-9])"
_SUFFIXED = rf"(?:[^\W\d_]|-){{2,30}}?(?i:{'|'.join(STREET_SUFFIXES)})(?![^\W\d_])\.?"

_SURE = (
    # 1207 Old Quarry Road; lower-case only where the type is no everyday word
    re.compile(rf"{_LEADING}(?:{_NAME}[ ]){{1,4}}(?i:{_PLAIN_TYPES})\b\.?"),
    re.compile(rf"{_LEADING}(?:{_CAP}[ ]){{1,4}}(?i:{'|'.join(sorted(STREET_TYPES))})\b\.?"),
    # Lindenstraße 14, 75 Auerstrasse 12, 01 Korte Noordsstraat 307
    re.compile(rf"(?:{_LEADING}|(?<!\w))(?:(?:{_ADJECTIVES})[ ])?(?<!\w){_SUFFIXED},?[ ]{_NUM}(?!\w)"),
    # Gumpendorfer Straße 44
    re.compile(
        rf"(?:{_LEADING}|(?<!\w)){_CAP}(?:[ ]{_CAP})?[ ](?:Strasse|Straße|Str\.|Gasse|Weg|Platz|Allee|Ufer|Damm|út|utca|útja|tér),?[ ]{_NUM}(?!\w)"
    ),
    # 22 rue des Tilleuls, 48 107 Rue Abdelaziz Thâalbi
    re.compile(
        rf"{_LEADING}(?:bis[ ]|ter[ ])?(?i:rue|avenue|av\.|boulevard|bd|chemin|impasse|quai|allée|place|route|cours)"
        rf"[ ](?:(?:de|du|des|la|le|les|van|von)[ ]|[ld]['’]){{0,3}}{_NAME}(?:[ -](?:(?:de|du|des|la|le|et)[ ]){{0,2}}{_CAP}){{0,3}}"
    ),
    # Via Garibaldi 31
    re.compile(
        rf"(?<!\w)(?:Via|Viale|Corso|Piazza|Calle|Carrer|Avenida|Rua|Plaza|[Uu]lica|[Uu]l\.)[ ](?:(?:de|del|della|dei|la|las|los|do|da)[ ]){{0,2}}{_CAP}(?:[ ]{_CAP}){{0,3}},?[ ]{_NUM}(?!\w)"
    ),
    re.compile(rf"(?:{_LEADING}|(?<!\w))(?:P\.?[ ]?O\.?[ ]?Box|Postfach)[ ]#?[0-9]{{1,6}}(?!\w)", re.I),
    re.compile(
        rf"(?:the[ ])?corner[ ]of[ ](?:{_NUM}[ ])?(?:{_NAME}[ ]){{1,3}}(?:{_NUM}[ ])?and[ ](?:{_NAME}[ ]?){{1,4}}(?:{_NUM}(?!\w))?",
        re.I,
    ),
)
_NAMED = re.compile(
    r"(?:\b(?:zip|postal|post)[ ]?(?:code)?|\bplz|邮编|邮政编码)(?:[ ](?:is|was)|是|为)?[ ]?[:：]?[ ]?"
    rf"(?P<code>{_POSTCODE})",
    re.I,
)
_ALONE = (
    re.compile(rf"(?<![\w-]){_UK}(?!\w)"),
    re.compile(r"(?<![\w-])[A-Z][0-9][A-Z][ ][0-9][A-Z][0-9](?!\w)"),
    re.compile(rf"(?<!\w)(?i:{'|'.join(sorted(COUNTRIES))})[ ][0-9]{{5}}(?!\w)"),
    re.compile(r"(?<!\w)[AFD]PO[ ]A[APE][ ][0-9]{5}(?!\w)"),
    re.compile(r"(?<!\w)(?:apt|apartment)\.?[ ][0-9]{1,5}[A-Z]?(?!\w)", re.I),
)
_SPOKEN_OF = re.compile(
    r"\b(?:address(?:es)?|adress|lives?|lived|living|located|reside[sd]?|(?:return|send|sent|ship|deliver|go|move)(?:e?d)?(?:[ ]it)?[ ]to|restaurant|house|home)\b"
    r"(?:[^.!\n]{0,30}[ ](?:to|at|is|in|with|on|are|from)[ ]?|[^.!\n]{0,20}[:：]\s*|\s*)$",
    re.I,
)
_MONTHS = "january february march april may june july august september october november december jan feb mar apr jun jul aug sep oct nov dec"
_WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday"
_NO_TOWN = re.compile(
    rf"(?:{'|'.join([*_MONTHS.split(), *_WEEKDAYS.split()])}|please|thanks?|thank|the|this|that|it|i|i'm|i'd|we|you|my|our|phone|tel|mobile|email|e-mail|fax|order|and|or"
    r"|but|can|could|is|not|no|yes|ok|nobody|best|kind|regards|attn|call|if|since|because|when|desk|where|sorry|dear|hello|hi)\b",
    re.I,
)

_GAP = r"[ ]*[,;]?[ ]*(?:\n[ \t?>*|]*){0,2},?[ ]*"
_UNIT = re.compile(
    rf"\.?{_GAP}(?:apt|apartment|suite|ste|unit|flat|floor|room|bldg)\.?[ ]?#?[0-9]{{1,5}}[A-Z]?(?!\w)|{_GAP}#[ ]?[0-9]{{1,5}}[A-Z]?(?!\w)",
    re.I,
)
_CODE = re.compile(rf"(?P<gap>{_GAP})(?:[A-Za-z]{{2,3}},?[ ])?(?P<code>{_POSTCODE})")
_TOWN = re.compile(
    rf"(?P<gap>{_GAP})(?P<name>{_CAP}(?:[ ](?:am|an[ ]der|upon|on|de|del|da|do|di|la|van|nad|im)(?=[ ]))?(?:[ ]{_CAP}){{0,2}})(?!\w)"
)
_TOWN_STATE_CODE = re.compile(
    rf"{_GAP}(?:{_NAME}[ ]?){{1,3}},?[ ][A-Za-z]{{2,3}},?[ ][0-9]{{5}}(?:-[0-9]{{4}})?(?!\w)"
)
_TOWN_COUNTRY = re.compile(
    rf"{_GAP}(?:{_NAME}[ ]){{1,3}}(?:{'|'.join(sorted(COUNTRIES))}|{_LONG_COUNTRIES})(?!\w)", re.I
)
_STATE = re.compile(rf"{_GAP}[A-Z]{{2}}(?!\w)")
_COUNTRY = re.compile(rf"{_GAP}(?:the[ ])?(?:{'|'.join(sorted(COUNTRIES))}|{_LONG_COUNTRIES})(?!\w)", re.I)
_LINES = re.compile(
    r"(?:[ ]*\.?,?\n[ \t?>*|,]*(?![^\n]*:)(?:(?:apt|suite)\.?[ ][0-9]{1,5}|[^\n0-9]{0,30})[ ]*){0,4}?"
    r"[ ]*\.?,?\n[ \t?>*|,]*(?:[^\W\d_][^\n0-9,:]{0,30}[ ])?[0-9]{4,6}(?:-[0-9]{4})?(?!\w|[.,][0-9]|[ ]?(?:pcs|units|items|EUR|USD))",
    re.I,
)


def addresses(text: str) -> Iterator[Span]:
    """Everything that looks like an address, without a full stop behind it; some lie within others."""
    for start, end in _addresses(text):
        yield start, start + len(text[start:end].rstrip(" .,\n"))


def _addresses(text: str) -> Iterator[Span]:
    for expression in _SURE:
        for found in expression.finditer(text):
            yield found.start(), _end(text, found.end())[0]
    yield from (found.span("code") for found in _NAMED.finditer(text))
    for expression in _ALONE:
        yield from (found.span() for found in expression.finditer(text))
    yield from _chinese(text)
    for expression, is_likely in _LIKELY:
        for found in expression.finditer(text):
            end, steps = _end(text, found.end())
            spoken = _SPOKEN_OF.search(text, max(0, found.start() - 60), found.start()) is not None
            if is_likely(found[0], spoken, steps):
                yield found.start(), end


def _end(text: str, place: int) -> tuple[int, list[str]]:
    """Where the address that has begun ends, and what was added to it, in order."""
    steps = ["street"]
    for _ in range(8):
        step = _step(text, place, steps[-1])
        if not step:
            break
        place = step[0]
        steps.append(step[1])
    return place, steps


def _step(text: str, place: int, after: str) -> tuple[int, str] | None:
    if found := _LINES.match(text, place):
        return found.end(), "lines"
    if found := _UNIT.match(text, place):
        return found.end(), "unit"
    coded = after in ("code", "lines")
    if not coded and (found := _TOWN_STATE_CODE.match(text, place)):
        return found.end(), "code"
    if not coded and (found := _CODE.match(text, place)) and _is_code(found, after):
        return found.end(), "code"
    if after == "unit" and (found := _TOWN_COUNTRY.match(text, place)):
        return found.end(), "country"
    if found := _COUNTRY.match(text, place):
        return found.end(), "country"
    if (
        (coded or after in ("street", "unit"))
        and (found := _TOWN.match(text, place))
        and _is_town(text, found, after)
    ):
        return found.end(), "end" if coded else "town"
    if after in ("town", "end") and (found := _STATE.match(text, place)):
        return found.end(), "state"
    return None


def _is_code(found: re.Match[str], after: str) -> bool:
    """After a mere space only a long one: "5 Oak Road 2025" ends with the street."""
    code = found["code"]
    year = re.fullmatch("(?:19|20)[0-9]{2}", code)
    return not year and (bool(re.search("[,\n]", found["gap"])) or after == "town" or len(code) >= 5)


def _is_town(text: str, found: re.Match[str], after: str) -> bool:
    """A name in capitals, behind a comma or as a line of its own; right behind a postcode or a unit without either."""
    if _NO_TOWN.match(found["name"]):
        return False
    if "\n" in found["gap"]:
        return bool(re.match(r"[ ]*(?:[,\n.]|$|[A-Z]{2}\b|[0-9])", text[found.end() : found.end() + 20]))
    return "," in found["gap"] or after in ("unit", "code", "lines")


def _numbers_twice(core: str, spoken: bool, steps: list[str]) -> bool:
    return not _begins_plainly(core) and (spoken or "unit" in steps or "lines" in steps)


def _number_behind(core: str, spoken: bool, steps: list[str]) -> bool:
    """ "May 5, 2025 Something" begins like a street with a postcode after it."""
    plain = any(_NO_TOWN.match(word) or _NO_NAME.match(word) for word in core.split())
    return not plain and bool({"unit", "code", "lines"} & set(steps))


def _number_before(core: str, spoken: bool, steps: list[str]) -> bool:
    """Two numbers before, and a unit; or one where an address is spoken of."""
    if _begins_plainly(core) or not {"unit", "code", "lines"} & set(steps):
        return False
    return spoken or ("unit" in steps and re.match(rf"{_NUM}[ ]{_NUM}[ ]", core) is not None)


def _begins_plainly(core: str) -> bool:
    return _NO_TOWN.match(re.sub(r"^[\d/, -]+[A-Za-z]?[ ,]+", "", core)) is not None


_LIKELY = (
    # 46 velký průhon 426; 06 Reyes Católicos 17
    (re.compile(rf"{_LEADING}(?:{_NAME}[ ]){{1,4}}{_NUM}\.?(?!\w)"), _numbers_twice),
    # Am Alten Markt 7
    (re.compile(rf"(?<!\w)(?:{_CAP}[ ]){{1,4}}{_NUM}(?!\w)"), _number_behind),
    # 63 30 N. Stadion
    (re.compile(rf"{_LEADING}{_NAME}(?:[ ]{_CAP}){{0,3}}"), _number_before),
)


# --- Chinese ------------------------------------------------------------------------------------------------

# Words that stand before an address, never in it: "送到", "我在", "地址是", "位于".
_NAME_ZH = re.compile(
    r"(?![是在到寄送住为改成从往给发我你他她您们请把了的和与或这那个就地址收货填写邮至换去来帮放错退位店]|于(?![洪都]))[\u4e00-\u9fff]"
)
ROADS_ZH = "大街|大道|胡同|路|街|道|巷|弄|里"
AREAS_ZH = "壮族自治区|回族自治区|维吾尔自治区|自治区|自治州|特别行政区|工业园区|开发区|新区|街道|省|市|区|县|镇|乡|村"
BLOCKS_ZH = "小区|花园|公寓|家园|广场|大厦|苑|新村|国际城|园区|产业园|园"
PARTS_ZH = "号楼|号院|号|弄|栋|幢|座|单元|层|楼|室|组|户"
_AREA_ZH = re.compile("[省市区县镇乡村州道]")
_PART_ZH = rf"[0-9A-Za-z]{{1,5}}(?:-[0-9A-Za-z]{{1,5}})?(?:{PARTS_ZH})"
_CHINESE = re.compile(
    # a road and a number, then block, building, unit, room
    rf"(?:{ROADS_ZH})(?<![知频渠味通报]道)(?<![线网思半公一]路)(?<!逛街)(?<![这那哪]里)"
    rf"(?:[东西南北中][路段街]?|[一二三四五六七八九]段)?[0-9]{{1,5}}(?:-[0-9]{{1,5}})?[号弄](?:院|楼)?"
    rf"(?:[\u4e00-\u9fff]{{0,8}}?(?:{BLOCKS_ZH}))?(?:{_PART_ZH}){{0,4}}(?:[0-9]{{3,5}}(?![0-9年月元])|[0-9]{{1,2}}F)?"
    # a block or a village without a road
    rf"|(?:{BLOCKS_ZH}|村)(?:{_PART_ZH}){{1,4}}(?:[0-9]{{3,4}}(?![0-9年月元]))?"
)
_LONGEST_ZH, _LONGEST_NAME_ZH = 40, 8


def _chinese(text: str) -> Iterator[Span]:
    """From the road back over all that may be a name: areas have no border in the writing."""
    for found in _CHINESE.finditer(text):
        start = found.start()
        while start and found.start() - start < _LONGEST_ZH and _NAME_ZH.match(text, start - 1):
            start -= 1
        if not _AREA_ZH.search(text, start, found.start()):
            start = max(start, found.start() - _LONGEST_NAME_ZH)
        if start < found.start():
            yield start, found.end()
