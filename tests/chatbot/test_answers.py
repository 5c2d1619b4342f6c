from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from numpy.typing import NDArray

from chatbot import answers, lang
from chatbot.db import connect, migrate
from configs.errors import InputError, RowError

YAML = """
- id: return-time
  questions: ["How long can I return something?", "多久可以退货？"]
  answer: {en: Within 30 days., zh: 30天内。}
  source: returns
- id: gift-cards
  questions: ["How long is a gift card valid?"]
  answer: Three years.
"""


@pytest.fixture
def db(tmp_path: Path) -> sa.Engine:
    engine = connect(f"sqlite:///{tmp_path / 'kefu.db'}")
    migrate(engine)
    return engine


def words(texts: Sequence[str]) -> NDArray[np.float32]:
    vectors = np.zeros((len(texts), 512), dtype=np.float32)
    for row, text in zip(vectors, texts, strict=True):
        for word in lang.content_words(text):
            row[sum(word.encode()) % 512] += 1
        row /= np.linalg.norm(row) or 1
    return vectors


def ask(text: str) -> NDArray[np.float32]:
    return words([text])[0]


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_import_is_idempotent_and_replaces_what_changed(db: sa.Engine, tmp_path: Path) -> None:
    file = write(tmp_path / "answers.yaml", YAML)
    assert answers.import_file(db, file) == (2, 0)
    assert answers.import_file(db, file) == (0, 2)
    write(file, YAML.replace("Three years.", "Four years."))
    assert answers.import_file(db, file) == (1, 1)
    assert {a.id: dict(a.answer) for a in answers.stored(db)}["gift-cards"] == {"en": "Four years."}


def test_csv_lines_with_one_id_are_wordings_and_languages(db: sa.Engine, tmp_path: Path) -> None:
    text = "id,question,answer,language,source\na,How long?,30 days.,en,returns\na,多久？,30天。,zh,returns\n"
    assert answers.import_file(db, write(tmp_path / "a.csv", text)) == (1, 0)
    assert answers.stored(db) == [
        answers.ApprovedAnswer("a", ("How long?", "多久？"), {"en": "30 days.", "zh": "30天。"}, "returns")
    ]


def test_jsonl(db: sa.Engine, tmp_path: Path) -> None:
    line = '{"id": "a", "questions": ["How long?"], "answer": "30 days."}\n'
    assert answers.import_file(db, write(tmp_path / "a.jsonl", line)) == (1, 0)


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("- questions: [x]\n  answer: y\n", "id"),
        ("- id: a\n  answer: y\n", "questions"),
        ("- id: a\n  questions: []\n  answer: y\n", "questions"),
        ("- id: a\n  questions: [x]\n", "answer"),
        ("- id: a\n  question: x\n  answer: y\n", "question"),
        ("- just text\n", r"\(entry\)"),
    ],
)
def test_a_bad_entry_is_named_and_nothing_is_imported(
    db: sa.Engine, tmp_path: Path, text: str, column: str
) -> None:
    good = "- id: good\n  questions: [q]\n  answer: a\n"
    with pytest.raises(RowError, match=f":2: column '{column}'"):
        answers.import_file(db, write(tmp_path / "bad.yaml", good + text))
    assert answers.stored(db) == []


@pytest.mark.parametrize(
    ("name", "text"), [("a.txt", "x"), ("a.yaml", "{"), ("a.json", "[{"), ("a.yaml", "a: 1\n")]
)
def test_an_unreadable_file_is_refused(db: sa.Engine, tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(InputError):
        answers.import_file(db, write(tmp_path / name, text))


def test_a_file_that_is_no_yaml_is_refused_with_its_line(db: sa.Engine, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"line 3, column \d+ cannot be parsed: [^\n]+$"):
        answers.import_file(db, write(tmp_path / "a.yaml", "- id: a\n  answer: 'open\n"))


def test_match_by_language(db: sa.Engine, tmp_path: Path) -> None:
    answers.import_file(db, write(tmp_path / "answers.yaml", YAML))
    kept = answers.Answers(db, {"en": words, "zh": words}, {"en": ask, "zh": ask})
    english = kept.match("how long can I return a lamp", "en")
    assert english is not None
    assert english.answer.id == "return-time"
    chinese = kept.match("多久可以退货", "zh")
    assert chinese is not None
    assert chinese.answer.answer["zh"] == "30天内。"
    assert chinese.score > 0.9
    assert kept.match("gift card", "fr") is None


def test_another_figure_or_no_common_word_lowers_the_score(db: sa.Engine, tmp_path: Path) -> None:
    answers.import_file(db, write(tmp_path / "answers.yaml", YAML))
    kept = answers.Answers(db, {"en": words}, {"en": ask})
    same = kept.match("How long can I return something?", "en")
    other = kept.match("How long can I return something after 60 days?", "en")
    assert same is not None
    assert other is not None
    assert other.score < same.score - 0.1


def test_reload_sees_new_answers(db: sa.Engine, tmp_path: Path) -> None:
    kept = answers.Answers(db, {"en": words}, {"en": ask})
    assert kept.match("How long is a gift card valid?", "en") is None
    answers.import_file(db, write(tmp_path / "answers.yaml", YAML))
    kept.reload()
    assert len(kept) == 2
    assert kept.match("How long is a gift card valid?", "en") is not None
