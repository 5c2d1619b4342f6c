"""The demo shop's pages: well-formed, of readable size, linked, and holding the facts that were agreed."""

from __future__ import annotations

import csv
import re
from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from chatbot.demo.fulfilment import CARRIERS, RETURN_DAYS, SHOP_ZONE, TRANSFER_DAYS

DEMO = Path(str(files("chatbot.demo")))
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in sorted((DEMO / "pages").glob("*.md"))}
SHOP = yaml.safe_load((DEMO / "shop.yaml").read_text(encoding="utf-8"))
with (DEMO / "rates.csv").open(encoding="utf-8", newline="") as lines:
    RATES = list(csv.DictReader(lines))


def split(text: str) -> tuple[dict[str, object], str]:
    _, front, body = text.split("---\n", 2)
    return yaml.safe_load(front), body


def test_there_are_enough_pages() -> None:
    assert len(PAGES) >= 18


@pytest.mark.parametrize("stem", PAGES)
def test_front_matter_is_complete(stem: str) -> None:
    front, body = split(PAGES[stem])
    assert set(front) == {"title", "language", "updated", "url", "audience"}
    assert front["url"] == f"/pages/{stem}"
    assert (front["language"], front["audience"]) == ("en", "shopper")
    assert isinstance(front["updated"], date)
    assert date(2026, 1, 1) <= front["updated"] <= date(2026, 11, 20)
    assert body.strip().splitlines()[0] == f"# {front['title']}"


@pytest.mark.parametrize("stem", PAGES)
def test_length_and_headings(stem: str) -> None:
    _, body = split(PAGES[stem])
    assert 250 <= len(body.split()) <= 600
    headings = re.findall(r"^(#+) (.+)$", body, re.MULTILINE)
    assert [level for level, _ in headings].count("#") == 1
    assert {level for level, _ in headings} == {"#", "##"}
    titles = [title for level, title in headings if level == "##"]
    assert len(titles) >= 5
    assert len(set(titles)) == len(titles)
    for section in re.split(r"^#+ .+$", body, flags=re.MULTILINE)[2:]:
        assert section.strip(), f"{stem}: a heading without text"


@pytest.mark.parametrize("stem", PAGES)
def test_sentences_can_be_quoted_alone(stem: str) -> None:
    _, body = split(PAGES[stem])
    opening = re.compile(r"(?:^|[.!?:] )((?:It|This|That|These|Those|They|He|She)\b[^.]*)", re.MULTILINE)
    assert opening.findall(body) == []


@pytest.mark.parametrize("stem", PAGES)
def test_tables_have_equal_rows(stem: str) -> None:
    for table in re.findall(r"(?:^\|.*\|\n)+", PAGES[stem], re.MULTILINE):
        assert len({row.count("|") for row in table.splitlines()}) == 1
        assert set(table.splitlines()[1]) <= set("|-: ")


def test_links_resolve_and_every_page_is_linked() -> None:
    linked = set()
    for stem, text in PAGES.items():
        for target in re.findall(r"\]\(([^)]+)\)", text):
            assert target.removesuffix(".md") in PAGES, f"{stem} links to {target}"
            assert target != f"{stem}.md"
            linked.add(target.removesuffix(".md"))
    assert linked == set(PAGES)


FACTS = [
    (
        "delivery",
        "Standard delivery within Germany costs 3.90 EUR and is free from an order value of 49 EUR.",
    ),
    ("delivery", "costs 6.90 EUR and is free from 79 EUR"),
    ("delivery", "Delivery to the United Kingdom and Switzerland costs 12.90 EUR"),
    ("delivery", "delivery to the United States and China costs 19.90 EUR"),
    ("delivery", "2-3 working days within Germany and 3-6 working days to the other EU countries"),
    (
        "delivery",
        "5-8 working days to the United Kingdom and Switzerland and 7-14 working days to the United States",
    ),
    ("delivery", "Express delivery is offered in Germany only and costs 9.90 EUR"),
    ("delivery", "placed before 14:00 (Berlin time) on a working day arrives on the next working day"),
    ("returns", "Products can be returned within 30 days from delivery."),
    ("returns", "Returned products must be unused"),
    ("returns", "Returns from EU countries are free"),
    ("returns", "are sent at the shopper's cost"),
    ("returns", "gift cards,"),
    ("returns", '"Personal care"'),
    ("returns", "perishable food,"),
    ("returns", "personalised items,"),
    ("refunds", "within 5 working days of the arrival of the return parcel"),
    ("refunds", "Refunds always go to the original means of payment."),
    ("warranty", "2 years (24 months)"),
    ("warranty", "Knives and cookware have a longer warranty of 5 years"),
    ("care-knives", "warranty of 5 years"),
    ("gift-cards", "from 10 EUR to 250 EUR"),
    ("gift-cards", "valid for 3 years"),
    ("gift-cards", "sent by email at once"),
    ("loyalty", "1 Threads point per euro"),
    ("loyalty", "100 Threads points are worth 5 EUR."),
    ("loyalty", "expire after 12 months without a purchase"),
    ("payment", "credit and debit cards"),
    ("payment", "online wallet"),
    ("payment", "held for 7 days"),
    ("payment", "within 14 days of the invoice date"),
    ("payment", "Germany and Austria only"),
    ("order-changes", "can be cancelled until the order is packed"),
    ("order-changes", "address can be changed until the order is packed"),
    ("damaged-parcels", "reported within 14 days of delivery"),
    ("damaged-parcels", "at least one photo"),
    ("damaged-parcels", "chooses between a replacement and a refund"),
    ("business-orders", "from 10 units"),
    ("business-orders", "within 2 working days"),
    ("business-orders", "Companies with a valid VAT id see net prices."),
    ("tracking", "Order numbers begin with LL- and have six digits"),
    ("contact", "help@lumenloom.example"),
    ("contact", "+49 30 5550 0199"),
    ("contact", "Monday to Friday between 9:00 and 18:00 and on Saturday between 10:00 and 14:00"),
    ("contact", "Lumen & Loom is a simulated shop"),
]


@pytest.mark.parametrize(("stem", "fact"), FACTS)
def test_agreed_facts_stand_where_a_shopper_looks(stem: str, fact: str) -> None:
    assert fact in PAGES[stem]


def test_every_served_country_is_named() -> None:
    names = [
        "Germany", "Austria", "Netherlands", "Belgium", "France", "Luxembourg", "Italy", "Spain", "Poland",
        "Ireland", "United Kingdom", "Switzerland", "United States", "China",
    ]  # fmt: skip
    assert len({row["country"] for row in RATES}) == len(names)
    assert [name for name in names if name not in PAGES["international"]] == []
    assert [name for name in names if name not in PAGES["delivery"]] == []


def test_every_price_and_time_of_the_rates_is_in_the_delivery_page() -> None:
    for row in RATES:
        if row["price"] != "0.00":
            assert f"{row['price']} EUR" in PAGES["delivery"]
        if row["min_subtotal"] != "0.00":
            assert f"{float(row['min_subtotal']):.0f} EUR" in PAGES["delivery"]
        if row["method"] == "standard":
            assert f"{row['days_min']}-{row['days_max']}" in PAGES["delivery"]


def test_shop_file_agrees_with_pages_and_simulation() -> None:
    assert SHOP["email"] in PAGES["contact"]
    assert SHOP["phone"] in PAGES["contact"]
    assert SHOP["return_days"] == RETURN_DAYS == 30
    assert SHOP["cancellable_states"] == ["pending_payment", "processing"]
    assert SHOP["timezone"] == SHOP_ZONE.key
    assert SHOP["simulated"] is True
    assert re.fullmatch(SHOP["order_number_pattern"], "LL-100234")
    assert f"held for {TRANSFER_DAYS} days" in PAGES["payment"]
    for carrier, _ in CARRIERS.values():
        assert carrier in PAGES["tracking"]
