"""``kefu ingest docs`` killed at any moment: what an earlier one had acknowledged stays, and nothing is doubled."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from configs.settings import Settings, load
from retrieval.index import Index
from retrieval.lock import index_folder
from retrieval.search import Search

KILLS = 12
FINISHED_EVERY = 4
WORDS = "quokka narwhal axolotl okapi pangolin tapir kakapo dugong numbat fossa aardvark gharial".split()


def start(settings: Settings, pages: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "chatbot.cli", "ingest", "docs", str(pages)],
        env={**os.environ, "KEFU_HOME": str(settings.home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def finish(settings: Settings, pages: Path) -> float:
    """Run to the end; returns for how long it wrote."""
    process, began = start(settings, pages), 0.0
    while process.poll() is None:
        if not began and writes(settings, process):
            began = time.monotonic()
        time.sleep(0.005)
    assert process.returncode == 0
    return time.monotonic() - began


def writes(settings: Settings, process: subprocess.Popen[bytes]) -> bool:
    try:
        return str(process.pid) in (index_folder(settings) / "writer.json").read_text()
    except OSError:
        return False


def change(pages: Path, kill: int) -> None:
    """Two new pages, and another wording of one that was there."""
    for n in (2 * kill, 2 * kill + 1):
        page = (
            f"# The {WORDS[n % 12]} of day {n}\n\nA {WORDS[n % 12]} number{n} is sent within {n + 2} days.\n"
        )
        (pages / f"{n:02}.md").write_text(
            f"{page}\n## How is it packed?\n\nBox{n} holds one {WORDS[n % 12]}.\n"
        )
    (pages / "changing.md").write_text(f"# Prices\n\nEvery wombat costs {kill} euros.\n")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_nothing_acknowledged_is_lost_however_often_an_ingest_is_killed(tmp_path: Path) -> None:
    rng = random.Random(20261126)
    settings, pages = load(home=tmp_path / "home"), tmp_path / "pages"
    pages.mkdir()
    change(pages, 0)
    writing = finish(settings, pages)
    index = Index.open(settings)
    search = Search(index)
    acknowledged, last = 2, 0
    killed = 0
    try:
        for kill in range(1, KILLS + 1):
            change(pages, kill)
            process = start(settings, pages)
            while not writes(settings, process) and process.poll() is None:
                time.sleep(0.005)
            time.sleep(rng.uniform(0, 1.2 * writing))
            process.send_signal(signal.SIGKILL)
            if process.wait() == 0:  # it had ended
                acknowledged, last = 2 * kill + 2, kill
            else:
                killed += 1
            for n in range(acknowledged):
                found = search.search(f"number{n} {WORDS[n % 12]}", k=3)
                assert any(f"number{n} " in passage.text for passage in found), (kill, n)
                assert len(search.document(f"{n:02}.md")) == 2, (kill, n)
            prices = search.document("changing.md")[0].text
            assert prices in {f"Every wombat costs {n} euros." for n in range(last, kill + 1)}
            if kill % FINISHED_EVERY == 0:
                writing = finish(settings, pages)
                acknowledged, last = 2 * kill + 2, kill
                assert index.verify().problems == ()
                times = Counter(passage.text for passage in search.pages())
                assert len(times) == 2 * acknowledged + 1
                assert set(times.values()) == {1}
        assert index.verify(full=True).problems == ()
    finally:
        index.close()
    assert killed >= KILLS // 2
