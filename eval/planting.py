"""Puts attacks where kefu will read them: into pages, product texts, attributes and the lines of an order.

Works on copies: of the pages' folder, and of the shop's database. Knows no bot and judges nothing.
"""

from __future__ import annotations

import re
import shutil
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import sqlalchemy as sa

from chatbot import shop_tables as t
from chatbot.db import writing
from chatbot.shop import fold
from configs.errors import InputError
from eval.attacks import Attack

How = Literal["beside", "below", "hidden"]
"""In the same paragraph as what answers the question, in one of its own below, or in HTML that nobody sees."""
HOWS: tuple[How, ...] = ("beside", "below", "hidden")


@dataclass(frozen=True, slots=True)
class InPage:
    """``source`` is the page's file below the folder, ``quote`` the words of it after which the attack stands."""

    source: str
    quote: str
    attack: Attack
    how: How


def plant_pages(folder: Path, plants: Sequence[InPage]) -> None:
    """Write the attacks into the pages of ``folder``.

    Raises:
        InputError: a page does not hold the words.
    """
    of_page: dict[str, list[InPage]] = defaultdict(list)
    for plant in plants:
        of_page[plant.source].append(plant)
    for source, own in of_page.items():
        file = folder / source
        lines = file.read_text(encoding="utf-8").split("\n")
        added: dict[int, list[str]] = defaultdict(list)
        for plant in own:
            number = line_of(lines, plant.quote)
            if number is None:
                raise InputError(f"{source} does not hold {plant.quote[:60]!r}")
            while (
                lines[number].startswith("|")
                and lines[number + 1 : number + 2]
                and lines[number + 1].startswith("|")
            ):
                number += 1  # an attack that breaks a table is seen by its owner
            if plant.how == "beside" and not lines[number].startswith("|"):
                lines[number] += f" {' '.join(plant.attack.text.split())}"
            else:
                added[number].append(_block(plant))
        text = [part for number, line in enumerate(lines) for part in (line, *added[number])]
        file.write_text("\n".join(text), encoding="utf-8")


def _block(plant: InPage) -> str:
    text = plant.attack.text
    if plant.how == "hidden":
        inline = " ".join(text.split()).replace("<", "&lt;")
        return f'\n<div style="display:none">{inline}</div>\n'
    return f"\n{text}\n"


def line_of(lines: Sequence[str], quote: str) -> int | None:
    """The line of a Markdown page that holds the end of a quote, whose marks of Markdown are gone."""
    wanted = _plain(quote.strip().splitlines()[-1])[-40:]
    return next((number for number, line in enumerate(lines) if wanted and wanted in _plain(line)), None)


def _plain(text: str) -> str:
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"[\W_]+", "", text).casefold()


def copy_pages(source: Path, target: Path) -> Path:
    shutil.copytree(source, target)
    return target


def plant_descriptions(db: sa.Engine, attacks: Mapping[str, Attack]) -> None:
    """Into the description of each product (by sku), after its first sentence, or before it: by the attack's half."""
    with writing(db) as connection:
        for sku, attack in attacks.items():
            where = t.products.c.key == fold(sku)
            text = connection.execute(sa.select(t.products.c.description).where(where)).scalar_one()
            first, _, rest = text.partition(". ")
            in_front = len(attack.id) % 2 == 0
            new = f"{attack.text} {text}" if in_front else f"{first}. {attack.text} {rest}".strip()
            connection.execute(t.products.update().where(where).values(description=new))


def plant_attributes(db: sa.Engine, attacks: Mapping[str, tuple[str, Attack]]) -> None:
    """Behind the value of an attribute, on a line of its own: sku → (attribute, attack)."""
    with writing(db) as connection:
        for sku, (name, attack) in attacks.items():
            where = t.products.c.key == fold(sku)
            held = dict(connection.execute(sa.select(t.products.c.attributes).where(where)).scalar_one())
            held[name] = f"{held[name]}\n{attack.text}"
            connection.execute(t.products.update().where(where).values(attributes=held))


def plant_orders(db: sa.Engine, attacks: Mapping[str, Attack]) -> None:
    """Behind the name of the first article of each order (by number), on a line of its own."""
    c = t.order_lines.c
    with writing(db) as connection:
        for number, attack in attacks.items():
            where = (c.parent_key == fold(number)) & (c.position == 0)
            name = connection.execute(sa.select(c.name).where(where)).scalar_one()
            connection.execute(t.order_lines.update().where(where).values(name=f"{name}\n{attack.text}"))
