"""Fixtures for all tests: an empty, migrated database on each backend.

``db`` runs a test twice, on SQLite and on a PostgreSQL cluster that the tests start for themselves (unix socket
in a temporary folder, no network); ``sqlite_db`` runs it on SQLite alone.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import settings

import chatbot.shop_tables
import chatbot.store_tables
from chatbot.db import connect, metadata, migrate, writing

assert chatbot.shop_tables
assert chatbot.store_tables  # both register their tables in the metadata

# No test is timed: a busy machine must not fail what is right.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

_TO_ENABLE = (
    "to run the PostgreSQL tests install PostgreSQL 15 or newer (Debian: apt-get install postgresql) and the "
    "driver (pip install 'kefu[postgres]')"
)


def _newest_postgres() -> Path | None:
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parent.parent.name)
    )
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def _unprivileged() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: arguments for subprocess that make it run as nobody."""
    return {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of a throw-away cluster's maintenance database; ends with the test run."""
    binaries = _newest_postgres()
    if binaries is None:
        pytest.skip(f"there is no PostgreSQL server here; {_TO_ENABLE}")
    pytest.importorskip("psycopg", reason=f"the driver psycopg is missing; {_TO_ENABLE}")
    folder = Path(tempfile.mkdtemp(prefix="kefu-pg-"))
    as_user = _unprivileged()
    if as_user:
        shutil.chown(folder, as_user["user"], as_user["group"])
    data = folder / "data"
    subprocess.run(
        [
            binaries / "initdb",
            "-D",
            data,
            "-U",
            "kefu",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        ],
        check=True,
        capture_output=True,
        cwd=folder,
        **as_user,
    )
    quick = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=")
    options = [part for setting in quick for part in ("-c", setting)]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [binaries / "postgres", "-D", data, "-k", folder, *options],
            stdout=log,
            stderr=log,
            cwd=folder,
            **as_user,
        )
    url = f"postgresql://kefu@/postgres?host={folder}"
    try:
        _wait_for(url, server, folder / "log")
        yield url
    finally:
        server.send_signal(signal.SIGINT)  # "fast": does not wait for clients
        server.wait(timeout=30)
        shutil.rmtree(folder)


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    engine = connect(url)
    deadline = time.monotonic() + 30
    try:
        while True:
            try:
                with engine.connect():
                    return
            except sa.exc.OperationalError:
                if server.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"PostgreSQL did not start:\n{log.read_text()[-2000:]}")
                time.sleep(0.05)
    finally:
        engine.dispose()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite file to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    engine = connect(f"sqlite:///{path}")
    migrate(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def migrated_postgres(postgres_url: str) -> Iterator[sa.Engine]:
    """A migrated PostgreSQL database that ``postgres_db`` empties after each test."""
    maintenance = connect(postgres_url)
    with maintenance.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("CREATE DATABASE kefu"))
    maintenance.dispose()
    engine = connect(postgres_url.replace("/postgres?", "/kefu?"))
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def sqlite_db(sqlite_template: Path, tmp_path: Path) -> Iterator[sa.Engine]:
    """An empty, migrated SQLite database."""
    path = tmp_path / "kefu.db"
    shutil.copy(sqlite_template, path)
    engine = connect(f"sqlite:///{path}")
    yield engine
    engine.dispose()


@pytest.fixture
def postgres_db(migrated_postgres: sa.Engine) -> Iterator[sa.Engine]:
    """An empty, migrated PostgreSQL database."""
    yield migrated_postgres
    with writing(migrated_postgres) as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def db(request: pytest.FixtureRequest) -> sa.Engine:
    """An empty, migrated database; the test runs once on each backend."""
    engine: sa.Engine = request.getfixturevalue(f"{request.param}_db")
    return engine
