"""The database: one engine by URL, the column types that both backends share, and migrations at start-up.

SQLite (write-ahead log) by default, PostgreSQL by URL. Tables are SQLAlchemy Core in ``shop_tables`` and
``store_tables``; the schema in the database is made by Alembic alone. Does not know what any table means.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, DontWrapMixin, NoSuchModuleError

from chatbot.migrations import HEAD
from configs.errors import ConfigError, InputError

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

MONEY_DECIMALS = 4
_MONEY_SCALE = 10**MONEY_DECIMALS
_CENT = Decimal("0.01")
_MONEY_LIMIT = Decimal(10) ** 12
# 30 s: a turn that meets the last phase of a large import waits for it instead of being lost.
_BUSY_SECONDS = 30
_MIGRATION_LOCK = 5_550_199  # any constant: the advisory lock that two starting servers compete for


class _UnstorableError(InputError, DontWrapMixin):
    """Reaches the caller as it is; SQLAlchemy would wrap any other error of a column type."""


class Money(sa.types.TypeDecorator[Decimal]):
    """An exact amount with up to four decimals: NUMERIC on PostgreSQL, scaled integers on SQLite.

    Comes back with two decimals, or with more where the amount has them.
    """

    impl = sa.Numeric(16, MONEY_DECIMALS)
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.BigInteger())
        return dialect.type_descriptor(sa.Numeric(16, MONEY_DECIMALS))

    def process_bind_param(self, value: Decimal | int | None, dialect: sa.Dialect) -> Any:
        if value is None:
            return None
        if isinstance(value, float):
            raise _UnstorableError(
                f"the amount {value} is a float", expected="an exact amount: Decimal or int"
            )
        value = Decimal(value)
        scaled = value * _MONEY_SCALE
        if scaled != scaled.to_integral_value() or abs(value) >= _MONEY_LIMIT:
            raise _UnstorableError(
                f"the amount {value} cannot be stored",
                expected="at most 4 decimals and 12 digits before them",
            )
        return int(scaled) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Decimal | None:
        if value is None:
            return None
        amount = Decimal(value).scaleb(-MONEY_DECIMALS) if dialect.name == "sqlite" else Decimal(value)
        cents = amount.quantize(_CENT)
        return cents if cents == amount else amount.normalize()


class UtcTime(sa.types.TypeDecorator[datetime]):
    """A moment. Goes in with a time zone, comes out in UTC, on both backends."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise _UnstorableError(
                f"the time {value} has no time zone", expected="a time in UTC or with an offset"
            )
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class CleanText(sa.types.TypeDecorator[str]):
    """Text from outside, of any length unless one is given.

    PostgreSQL cannot hold NUL and neither backend lone surrogates: both become U+FFFD.
    """

    impl = sa.String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        return None if value is None else clean(value)


def clean(text: str) -> str:
    """What ``CleanText`` stores of a text."""
    if "\0" not in text and (text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text)):
        return text
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def connect(url: str) -> sa.Engine:
    """Open the database. ``sqlite:///path`` or ``postgresql://user:password@host/name``.

    Raises:
        ConfigError: the URL cannot be read, names another kind of database, or its driver is not installed.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigError(
            f"cannot read the database URL that begins with {url[:10]!r}",
            expected="sqlite:///path or postgresql://user@host/name",
        ) from error
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        try:
            return sa.create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
        except (ModuleNotFoundError, NoSuchModuleError) as error:
            raise ConfigError(
                "the PostgreSQL driver is not installed", hint="pip install 'kefu[postgres]'"
            ) from error
    if backend != "sqlite":
        raise ConfigError(
            f"the database URL names {backend!r}", expected="sqlite:///path or postgresql://user@host/name"
        )
    if parsed.database and parsed.database != ":memory:":
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(parsed)
    sa.event.listen(engine, "connect", _configure_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _configure_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver's own transactions begin late and commit before DDL; we send BEGIN ourselves.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={_BUSY_SECONDS * 1000}")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")
    deadline = time.monotonic() + _BUSY_SECONDS
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:  # this one statement does not heed busy_timeout
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            break  # an in-memory database stays as it is


def _begin_sqlite(connection: sa.Connection) -> None:
    mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")


@contextmanager
def writing(db: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that will write: all or nothing.

    SQLite takes the write lock at once, so that a read inside it is never followed by "database is locked".
    """
    with db.connect().execution_options(sqlite_begin="IMMEDIATE") as connection, connection.begin():
        yield connection


def revision(db: sa.Engine) -> str | None:
    """The schema's revision, or None if the database is empty."""
    with db.connect() as connection:
        return _revision(connection)


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def migrate(db: sa.Engine) -> None:
    """Bring the schema to the newest revision. Costs one query when it is there already.

    Raises:
        ConfigError: the database cannot be reached, or was made by a newer kefu.
    """
    try:
        if revision(db) == HEAD:
            return
    except DBAPIError as error:
        shown = db.url.render_as_string(hide_password=True)
        raise ConfigError(f"cannot open the database {shown}: {error.orig}") from error

    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", "chatbot:migrations")
    config.set_main_option("path_separator", "os")
    with writing(db) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
        found = _revision(connection)
        if found == HEAD:  # another process was faster
            return
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise ConfigError(
                f"the database has revision {found!r}, which this kefu does not know",
                expected=f"a revision up to {HEAD!r}",
                hint="install the kefu that made it, or name another database",
            ) from error
