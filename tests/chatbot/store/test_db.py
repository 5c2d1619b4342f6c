"""Connections, column types and migrations, on both backends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import alembic.command
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import chatbot.shop_tables as shop_tables
import chatbot.store_tables
from chatbot import db as database
from chatbot.db import CleanText, Money, UtcTime, connect, migrate, revision, writing
from chatbot.migrations import HEAD
from configs.errors import ConfigError, InputError

assert chatbot.store_tables  # registers its tables

probe = sa.Table(
    "probe",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("amount", Money),
    sa.Column("moment", UtcTime),
    sa.Column("text", CleanText),
)


@pytest.fixture
def probing(db: sa.Engine) -> Iterator[sa.Engine]:
    probe.create(db)
    yield db
    probe.drop(db)


def _store(db: sa.Engine, **values: object) -> sa.Row[tuple[object, ...]]:
    with writing(db) as connection:
        connection.execute(probe.delete())
        connection.execute(probe.insert().values(id=1, **values))
        return connection.execute(sa.select(probe)).one()


def test_migrations_make_exactly_the_tables_of_the_code(db: sa.Engine) -> None:
    with db.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, database.metadata) == []


def test_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", "chatbot:migrations")
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_migrating_twice_does_nothing(db: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alembic.command.upgrade", lambda *_: pytest.fail("Alembic ran at head"))
    migrate(db)
    assert revision(db) == HEAD


def test_two_processes_may_migrate_at_once(postgres_or_sqlite_url: str) -> None:
    engines = [connect(postgres_or_sqlite_url) for _ in range(3)]
    errors: list[BaseException] = []

    def run(engine: sa.Engine) -> None:
        try:
            migrate(engine)
        except BaseException as error:  # noqa: BLE001  (a thread's error must reach the test)
            errors.append(error)

    threads = [threading.Thread(target=run, args=(engine,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert revision(engines[0]) == HEAD
    for engine in engines:
        engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def postgres_or_sqlite_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database that was not migrated."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new' / 'kefu.db'}"
    url: str = request.getfixturevalue("postgres_url")
    engine = connect(url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("DROP DATABASE IF EXISTS unmigrated WITH (FORCE)"))
        connection.execute(sa.text("CREATE DATABASE unmigrated"))
    engine.dispose()
    return url.replace("/postgres?", "/unmigrated?")


def test_what_was_told_before_stays_and_may_be_taken_back_after(postgres_or_sqlite_url: str) -> None:
    engine = connect(postgres_or_sqlite_url)
    config = Config()
    config.set_main_option("script_location", "chatbot:migrations")
    config.set_main_option("path_separator", "os")
    events = chatbot.store_tables.events

    def tell(connection: sa.Connection, event_id: str, kind: str) -> None:
        told = {"sku": "A", "kind": kind, "at": datetime.fromisoformat("2026-11-20T12:00:00+00:00")}
        connection.execute(events.insert().values(session_id="s1", id=event_id, **told))

    with writing(engine) as connection:
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, "0004")
        tell(connection, "e1", "cart")
    migrate(engine)
    with writing(engine) as connection:
        tell(connection, "e2", "uncart")
    with pytest.raises(sa.exc.IntegrityError), writing(engine) as connection:
        tell(connection, "e3", "hug")
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        alembic.command.downgrade(config, "0004")
        assert connection.execute(sa.select(events.c.id)).scalars().all() == ["e1"]
    engine.dispose()


def test_a_failing_migration_leaves_nothing(
    postgres_or_sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = connect(postgres_or_sqlite_url)

    def broken(config: Config, _target: str) -> None:
        config.attributes["connection"].execute(sa.text("CREATE TABLE half (id INTEGER)"))
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("alembic.command.upgrade", broken)
        with pytest.raises(RuntimeError, match="disk is full"):
            migrate(engine)
    assert sa.inspect(engine).get_table_names() == []
    migrate(engine)
    assert revision(engine) == HEAD
    engine.dispose()


def test_a_database_of_a_newer_kefu_is_refused(db: sa.Engine) -> None:
    with writing(db) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigError, match=r"'9999'.*install the kefu that made it"):
        migrate(db)
    with writing(db) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :head"), {"head": HEAD})


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.decimals(
        min_value=Decimal("-999999999999"), max_value=Decimal("999999999999"), places=4, allow_nan=False
    )
)
def test_amounts_are_exact(probing: sa.Engine, amount: Decimal) -> None:
    stored = _store(probing, amount=amount).amount
    assert stored == amount
    assert -stored.as_tuple().exponent >= 2


def test_whole_amounts_may_be_ints_but_never_floats(probing: sa.Engine) -> None:
    assert _store(probing, amount=7).amount == Decimal(7)
    with pytest.raises(InputError, match="an exact amount"):
        _store(probing, amount=0.1)


def test_amounts_come_back_with_cents(probing: sa.Engine) -> None:
    assert str(_store(probing, amount=Decimal("49.9")).amount) == "49.90"
    assert str(_store(probing, amount=Decimal(100)).amount) == "100.00"
    assert str(_store(probing, amount=Decimal("0.0010")).amount) == "0.001"


@pytest.mark.parametrize("amount", [Decimal("0.00001"), Decimal("1000000000000")])
def test_an_amount_that_would_be_rounded_is_refused(probing: sa.Engine, amount: Decimal) -> None:
    with pytest.raises(InputError, match="at most 4 decimals"):
        _store(probing, amount=amount)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.datetimes(min_value=datetime(1900, 1, 2), max_value=datetime(2199, 12, 30)),
    st.integers(min_value=-12 * 60, max_value=14 * 60),
)
def test_times_come_back_as_the_same_moment_in_utc(probing: sa.Engine, naive: datetime, minutes: int) -> None:
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    stored = _store(probing, moment=moment).moment
    assert stored == moment
    assert stored.utcoffset() == timedelta(0)


def test_a_time_without_zone_is_refused(probing: sa.Engine) -> None:
    with pytest.raises(InputError, match="no time zone"):
        _store(probing, moment=datetime(2025, 1, 1))


@pytest.mark.parametrize(
    ("given_text", "stored"), [("刀 é 😀", "刀 é 😀"), ("a\0b", "a\ufffdb"), ("a\ud800b", "a\ufffdb")]
)
def test_text_of_any_kind_can_be_stored(probing: sa.Engine, given_text: str, stored: str) -> None:
    assert _store(probing, text=given_text).text == stored


def test_a_failed_write_leaves_nothing(db: sa.Engine) -> None:
    row: dict[str, object] = {
        "key": "de",
        "source": "s",
        "digest": "d",
        "country": "DE",
        "method": "standard",
    }
    row |= {"min_subtotal": Decimal(0), "price": Decimal(1), "currency": "EUR"}

    def fail() -> None:
        with writing(db) as connection:
            connection.execute(shop_tables.rates.insert().values(row))
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        fail()
    with db.connect() as connection:
        assert connection.execute(sa.select(shop_tables.rates)).all() == []


def test_sqlite_keeps_its_promises(sqlite_db: sa.Engine) -> None:
    with sqlite_db.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 30000


@pytest.mark.parametrize("url", ["mysql://root@localhost/shop", "not a url"])
def test_another_kind_of_database_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="sqlite:///path or postgresql://"):
        connect(url)


def test_an_unreachable_database_is_named_without_its_password() -> None:
    engine = connect("postgresql://kefu:hunter2@127.0.0.1:1/shop")
    with pytest.raises(ConfigError, match=r"cannot open the database .*127\.0\.0\.1:1/shop") as caught:
        migrate(engine)
    assert "hunter2" not in str(caught.value)
