"""Orders of a real shop are changed only if it says so."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from chatbot.actions.http_system import HttpSystem
from chatbot.actions.system import DatabaseSystem
from chatbot.app import system_of
from configs.errors import ConfigError
from configs.settings import load


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({}, DatabaseSystem),
        ({"shop": {"simulated": False}}, type(None)),
        ({"shop": {"simulated": False}, "actions": {"undo_minutes": 5}}, type(None)),
        ({"shop": {"simulated": False}, "actions": {"system": "database"}}, DatabaseSystem),
        ({"actions": {"system": "off"}}, type(None)),
    ],
)
def test_who_carries_it_out(sqlite_db: sa.Engine, given: dict[str, Any], kind: type) -> None:
    assert isinstance(system_of(load(**given), sqlite_db), kind)


def test_the_shops_own_system_needs_an_address_and_a_secret(sqlite_db: sa.Engine) -> None:
    http = {"system": "http", "url": "https://shop.example/kefu"}
    assert isinstance(
        system_of(load(actions=http, actions_secret="a secret of both sides"), sqlite_db), HttpSystem
    )
    with pytest.raises(ConfigError, match="KEFU_ACTIONS_SECRET has 0 characters"):
        system_of(load(actions=http), sqlite_db)
    with pytest.raises(ConfigError, match=r"actions\.url is ''"):
        system_of(load(actions={"system": "http"}), sqlite_db)
