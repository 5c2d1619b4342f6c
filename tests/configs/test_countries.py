"""Countries are found by code and by their names in English and Chinese."""

from __future__ import annotations

import pytest

from configs import countries


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Germany", "DE"),
        ("germany", "DE"),
        ("德国", "DE"),
        ("de", "DE"),
        ("the Netherlands", "NL"),
        ("Holland", "NL"),
        ("UK", "GB"),
        ("the U.K.", "GB"),
        ("us", "US"),
        ("U.S.", "US"),
        ("美国", "US"),
        ("EIRE", "IE"),
        ("NO", "NO"),
        ("Atlantis", None),
        ("", None),
    ],
)
def test_resolves_names_and_codes(name: str, code: str | None) -> None:
    assert countries.resolve(name) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Do you ship to the UK?", "GB"),
        ("How much is delivery to Northern Ireland", "GB"),
        ("and to ireland?", "IE"),
        ("寄到美国要多少钱", "US"),
        ("can you tell us how it works", None),
        ("is there no other colour in it", None),
        ("Germanys", None),
    ],
)
def test_finds_a_country_in_a_message(text: str, code: str | None) -> None:
    assert countries.find(text) == code


def test_every_name_means_one_country() -> None:
    table = countries._table()
    names = [str(name).casefold() for entry in table.values() for name in entry]
    assert len(names) == len(set(names))
    for code, entry in table.items():
        assert {countries.resolve(str(name)) for name in entry} == {code}
        assert countries.resolve(countries.display(code, "en")) == code
        assert countries.resolve(countries.display(code, "zh")) == code


def test_an_unknown_code_is_shown_as_it_is() -> None:
    assert countries.display("XK", "en") == "XK"
