"""Personal data in support logs: what is found, what is left alone, and what holds for every surrogate."""

from __future__ import annotations

import itertools
import re
from datetime import date

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from configs.errors import ConfigError
from finetune.checksums import iban_valid, id_card_valid, id_check, luhn, with_iban_check, with_luhn
from finetune.pii import Finding, find, presidio_findings, redact
from finetune.surrogates import is_surrogate

SALT = "a salt for tests alone"


def seen(text: str) -> list[tuple[str, str]]:
    return [(finding.kind, finding.text) for finding in find(text)]


# --- what is found ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("mail 'kim.os@mail.test', thanks", [("email", "kim.os@mail.test")]),
        ("写信到kim@mail.test谢谢", [("email", "kim@mail.test")]),
        ("reach me: +44 20 7946 0991", [("phone", "+44 20 7946 0991")]),
        ("tel +49 (0)30 23125-206", [("phone", "+49 (0)30 23125-206")]),
        ("(212) 555-0142 x7", [("phone", "(212) 555-0142 x7")]),
        ("call 555-0142", [("phone", "555-0142")]),
        ("手机13812345678，勿外传", [("phone", "13812345678")]),
        ("座机0571-86001234转8", [("phone", "0571-86001234转8")]),
        ("4111 1111 1111 1111 is mine", [("card", "4111 1111 1111 1111")]),
        ("卡号4111111111111111", [("card", "4111111111111111")]),
        ("to gb82 west 1234 5698 7654 32 please", [("iban", "gb82 west 1234 5698 7654 32")]),
        ("身份证11010119900307451X错了", [("id_card", "11010119900307451X")]),
        ("110101199003074514", [("id_card", "110101199003074514")]),
        ("ssn 219 09 9999", [("ssn", "219 09 9999")]),
        ("from 81.187.44.203 and ::ffff:81.187.44.203", [("ip", "81.187.44.203")] * 2),
        ("at fe80::1ff:fe23:4567:890a", [("ip", "fe80::1ff:fe23:4567:890a")]),
        ("https://a.test/x?sid=abcdef123456&l=en", [("url", "abcdef123456")]),
        ("https://joe:pw@a.test/x", [("url", "joe:pw")]),
        ("about LL-100234", [("order", "LL-100234")]),
        ("Order #12345 and invoice no. 99812", [("order", "12345"), ("order", "99812")]),
        ("订单号：20250315008", [("order", "20250315008")]),
        ("12 Elm Street, Salem, OR 97301", [("address", "12 Elm Street, Salem, OR 97301")]),
        ("12 elm street\nsalem\nor 97301\nthanks", [("address", "12 elm street\nsalem\nor 97301")]),
        ("P.O. Box 12, Salem, OR 97301", [("address", "P.O. Box 12, Salem, OR 97301")]),
        ("Ahornweg 4a, 10115 Berlin", [("address", "Ahornweg 4a, 10115 Berlin")]),
        ("8 rue des Lilas, 75011 Paris", [("address", "8 rue des Lilas, 75011 Paris")]),
        ("3 Mill Lane, York YO1 7AB.", [("address", "3 Mill Lane, York YO1 7AB")]),
        ("送到上海市徐汇区漕溪路12号3楼", [("address", "上海市徐汇区漕溪路12号3楼")]),
        ("Dear Ms. Okafor, hello", [("person", "Okafor")]),
        ("My name is Ana Ruiz.", [("person", "Ana Ruiz")]),
        ("Thanks,\nPiotr Zielinski\n", [("person", "Piotr Zielinski")]),
        ("我叫王小明。", [("person", "王小明")]),
        ("收件人：李雷 电话13812345678", [("person", "李雷"), ("phone", "13812345678")]),
    ],
)
def test_it_is_found_and_nothing_beside_it(text: str, wanted: list[tuple[str, str]]) -> None:
    assert seen(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "205/55 R16 for 1,299.00 or 1.299,00 EUR, 20% off until 31.12.2025",
        "open 9:00-17:30, 10.00 - 14.00; since 2019-2024; 2025-03-01 14:48:14",
        "firmware 2.4.1.103, version 1.2.3.4, v10.0.0.1",
        "SKU AB-123456, EAN 4006381333931, ISO-27001, model KX-100200",
        "to order 10000 flyers, can I order 25000 of them",
        "3 shirts in 42, 2 pairs in 10-12, 5 of 9, 120 x 60 x 75 cm",
        "std::vector and 12:30:45 and a::b",
        "4111 1111 1111 1112 does not check",
        "110101199003074515 does not check",
        "Dear customer, dear Sir, Hello Team,",
        "My name is not on the list. Mr. and Mrs.",
        "May 5, 2025 Delivery, Model 3, 2024 Edition",
        "不知道3号能到吗，味道5号，8月1日，42号鞋，货号10023456",
        "先生您好，小姐姐，第3步",
        "https://a.test/p/4111111?page=2&size=123456",
    ],
)
def test_figures_that_concern_nobody_are_left_alone(text: str) -> None:
    assert seen(text) == []
    assert redact([text], salt=SALT)[0] == [text]


def test_findings_are_in_order_and_do_not_overlap() -> None:
    text = (
        "Order LL-100234, card 4111111111111111, 12 Elm Street, Salem, OR 97301, kim@mail.test, 415-555-0132"
    )
    findings = find(text)
    assert [finding.kind for finding in findings] == ["order", "card", "address", "email", "phone"]
    assert all(text[one.start : one.end] == one.text for one in findings)
    assert all(one.end <= other.start for one, other in itertools.pairwise(findings))


def test_the_shop_says_how_its_orders_look() -> None:
    assert seen("K7/998 and AB-123456") == [("order", "AB-123456")]
    found = find("K7/998 and AB-123456", order_pattern=r"K\d/\d+")
    assert [one.text for one in found] == ["K7/998"]


def test_long_texts_are_read() -> None:
    """Nothing here may backtrack over the whole text; the time limit of a test would tell."""
    for piece in (
        "1 ",
        "12-",
        "a.",
        "Aa ",
        "路1",
        "(0)",
        "a@",
        "1 Aa ",
        "::",
        "订单",
        "市区",
        "GB82",
        "\n1 a",
        "http://a:",
    ):
        text = piece * (20_000 // len(piece))
        redact([text], salt=SALT)


# --- what comes instead -------------------------------------------------------------------------------------


def test_the_same_becomes_the_same_in_all_texts_of_a_conversation() -> None:
    texts = [
        "I am kim@mail.test, +1 415 666 0132",
        "KIM@mail.test? (415) 666-0132, yes",
        "kim@mail.test and lee@mail.test",
    ]
    changed, counts, findings = redact(texts, salt=SALT)
    mails = [re.findall(r"\S+@[\w.]+", text) for text in changed]
    assert mails[0] == mails[2][:1]
    assert mails[2][0] != mails[2][1]
    assert re.sub(r"\D", "", changed[0])[-10:] == re.sub(r"\D", "", changed[1])[-10:]
    assert counts == {"email": 4, "phone": 2}
    assert len(findings) == 6


def test_the_salt_decides() -> None:
    text = "kim@mail.test, LL-100234, 我叫王小明"
    first, again, other = (redact([text], salt=salt)[0] for salt in (SALT, SALT, f"{SALT} of another run"))
    assert first == again != other


def test_a_short_salt_is_refused() -> None:
    with pytest.raises(ConfigError, match="token_hex"):
        redact(["hello"], salt="pepper")


def test_a_name_that_was_announced_goes_everywhere() -> None:
    texts = [
        "My name is Ana Castellanos.",
        "Castellanos here again, Ana Castellanos",
        "我叫王小明",
        "王小明又来了",
    ]
    changed, _, _ = redact(texts, salt=SALT)
    assert not re.search("Castellanos|王小明", "\n".join(changed))
    name = changed[0].removeprefix("My name is ").rstrip(".")
    assert changed[1] == f"{name.split()[1]} here again, {name}"


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("kim_99@mail.test", r"[a-z]+_[a-z]+\d\d@example\.(com|org|net)"),
        ("call (212) 736-5000 x7", r"call \(\d{3}\) 555-01\d\d x\d"),
        ("+44 7911 123456", r"\+44 7700 900\d{3}"),
        ("手机13812345678", r"手机154\d{8}"),
        ("4539 1488 0343 6467", r"4000 00\d\d \d{4} \d{4}"),
        ("GB82 WEST 1234 5698 7654 32", r"GB\d\d XXXX \d{4} \d{4} \d{4} \d\d"),
        ("110101199003074514", r"99\d{15}[\dX]"),
        ("219-09-9999", r"9\d\d-[1-4]\d-\d{4}"),
        ("81.187.44.203", r"(192\.0\.2|198\.51\.100|203\.0\.113)\.\d+"),
        ("LL-100234", r"LL-9\d{5}"),
        ("INV-2025-00817", r"INV-2025-9\d{4}|INV-9\d{3}-\d{5}"),
        ("12 Elm Street, Salem, OR 97301", r"\d\d [A-Z][a-z]+ Street, [A-Z][a-z]+, OR \d{5}"),
        ("Ahornweg 4a, 10115 Berlin", r"[A-Z][a-z]+weg \da, \d{5} [A-Z][a-z]+"),
        ("上海市徐汇区漕溪路12号3楼", r"\w\w市\w\w区\w\w路\d\d号\d楼"),
    ],
)
def test_surrogates_keep_the_shape(text: str, shape: str) -> None:
    assert re.fullmatch(shape, redact([text], salt=SALT)[0][0])


def test_another_finder_counts_where_there_is_nothing_yet() -> None:
    def also(text: str) -> list[Finding]:
        return [Finding("person", at, at + 4, "Kofi") for at in [text.find("Kofi")] if at >= 0]

    changed, counts, _ = redact(["Kofi wrote to kofi@mail.test"], salt=SALT, also=also)
    assert "Kofi" not in changed[0]
    assert counts == {"person": 1, "email": 1}


def test_presidio_is_asked_for_by_name() -> None:
    try:
        import presidio_analyzer  # noqa: F401  # only whether it is there
    except ImportError:
        with pytest.raises(ConfigError, match="pip install presidio-analyzer"):
            presidio_findings("hello")


# --- what always holds --------------------------------------------------------------------------------------

TWELVE = st.text("0123456789", min_size=12, max_size=12)


def identity(digits: str, day: date) -> str:
    body = f"3101{digits[:2]}{day:%Y%m%d}{digits[2:5]}"
    return body + id_check(body)


CARDS = TWELVE.map(lambda digits: with_luhn(f"453{digits}"))
IBANS = TWELVE.map(lambda digits: with_iban_check("DE", f"5001{digits}77"))
IDENTITIES = st.builds(identity, TWELVE, st.dates(date(1930, 1, 1), date(2020, 1, 1)))
DATA = st.one_of(
    CARDS,
    IBANS,
    IDENTITIES,
    TWELVE.map(lambda digits: f"kim{digits[:4]}@mail.test"),
    TWELVE.map(lambda digits: f"+49 30 {digits[:8]}"),
    TWELVE.map(lambda digits: f"138{digits[:8]}"),
    TWELVE.map(lambda digits: f"LL-1{digits[:5]}"),
    TWELVE.map(lambda digits: f"1{digits[0]} Elm Street, Salem, OR 9{digits[:4]}"),
    TWELVE.map(lambda digits: f"上海市徐汇区漕溪路1{digits[0]}号"),
    st.sampled_from(
        ["219-09-9999", "81.187.44.203", "https://joe:pw@a.test/", "Mr. Okafor", "王先生", "M20 4XD"]
    ),
)
FILLER = st.one_of(
    st.sampled_from(
        [
            "Order ",
            "call ",
            "订单号",
            " 手机",
            "Dear ",
            ",\n",
            "address: ",
            " 12.50 EUR ",
            "?",
            " v",
            "路",
            "1 ",
            "(0)",
            "\n",
        ]
    ),
    st.text(max_size=12),
)
TEXTS = st.lists(st.one_of(FILLER, DATA), max_size=8).map("".join)


@given(st.lists(TEXTS, max_size=3))
@settings(max_examples=150, deadline=None)
def test_redacting_again_changes_nothing(texts: list[str]) -> None:
    once, _, _ = redact(texts, salt=SALT)
    again, counts, findings = redact(once, salt="quite another salt")
    assert again == once
    assert not counts
    assert not findings


@given(TEXTS)
@settings(max_examples=150, deadline=None)
def test_text_outside_of_findings_stays_as_it_was(text: str) -> None:
    (changed,), _, findings = redact([text], salt=SALT)
    if not findings:
        assert changed == text
    # findings are told in the order of the text; those of a second round stand in the changed text
    place, pattern = 0, ""
    for finding in findings:
        assume(finding.start >= place and text[finding.start : finding.end] == finding.text)
        pattern += re.escape(text[place : finding.start]) + ".+?"
        place = finding.end
    kept = pattern + re.escape(text[place:])
    assert re.fullmatch(kept, changed, re.S)


@given(st.lists(DATA, min_size=1, max_size=4))
@settings(max_examples=150, deadline=None)
def test_no_original_survives(values: list[str]) -> None:
    text = " ; ".join(values)
    found = find(text)
    (changed,), _, _ = redact([text], salt=SALT)
    assert [
        one.text
        for one in found
        if len(one.text) > 3 and one.text in changed and not is_surrogate(one.kind, one.text)
    ] == []


@given(CARDS, IBANS, IDENTITIES)
@settings(max_examples=100, deadline=None)
def test_check_digits_are_right(card: str, iban: str, identity_card: str) -> None:
    (changed,), counts, _ = redact([f"{card} ; {iban} ; {identity_card}"], salt=SALT)
    assert counts == {"card": 1, "iban": 1, "id_card": 1}
    new_card, new_iban, new_identity = changed.split(" ; ")
    assert luhn(new_card)
    assert iban_valid(new_iban)
    assert id_card_valid(new_identity)
    assert (new_card, new_iban, new_identity) != (card, iban, identity_card)
    assert [len(new_card), len(new_iban), len(new_identity)] == [len(card), len(iban), len(identity_card)]


@given(DATA, st.lists(TEXTS, max_size=2))
@settings(max_examples=100, deadline=None)
def test_the_same_becomes_the_same(value: str, between: list[str]) -> None:
    changed, _, _ = redact([f"! {value} !", *between, f"! {value} !"], salt=SALT)
    assert changed[0] == changed[-1]


@pytest.mark.parametrize(
    "text",
    [
        "Call +90 555 012 34 56 please",
        "my number is +52 55 5012 3456",
        "my zip code is 02139",
        "Dresden, Germany, postal code 01067",
        "my postal code is V6B 4Y8",
    ],
)
def test_what_only_begins_like_an_invented_one_is_replaced(text: str) -> None:
    found = find(text)
    (changed,), _, findings = redact([text], salt=SALT)
    assert found
    assert len(findings) >= len(found)
    assert not any(one.text in changed for one in found)
    assert redact([changed], salt="quite another salt")[0] == [changed]
