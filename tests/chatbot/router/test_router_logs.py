"""A shop's labelled messages: which columns are found, what is rejected and how clearly."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chatbot.router.logs import Columns, Logs, read_logs
from configs.errors import InputError, RowError

KNOWN = {"en": ["order_status", "policy", "product_search"], "zh": ["order_status", "policy"]}
Read = Callable[..., Logs]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def reads(content: str | bytes, *, name: str = "log.csv", **options: Any) -> Logs:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_logs(path, KNOWN, language=options.pop("language", "en"), **options)

    return reads


@pytest.mark.parametrize(
    ("text", "intent"),
    [("text", "intent"), ("Message", "Label"), ("utterance", "category"), ("instruction", "intent")],
)
def test_columns_are_found_by_their_names(read: Read, text: str, intent: str) -> None:
    logs = read(f"number,{text},{intent}\n1,is it there yet,order_status\n")
    assert [(row.text, row.intent) for row in logs.rows] == [("is it there yet", "order_status")]


def test_columns_can_be_named_and_one_that_is_not_there_is_told(read: Read) -> None:
    content = "said,means\nis it there yet,order_status\n"
    assert len(read(content, columns=Columns("said", "means")).rows) == 1
    with pytest.raises(InputError, match=r"names no column of texts.*--text COLUMN.*said, means"):
        read(content)
    with pytest.raises(InputError, match="no column 'sayd'"):
        read(content, columns=Columns("sayd", "means"))


def test_json_lines_with_customer_and_language(read: Read) -> None:
    rows = [
        {"text": "where is it", "intent": "order_status", "customer_id": 7},
        {"text": "在哪里", "intent": "order_status", "language": "zh-CN"},
    ]
    logs = read("\n".join(json.dumps(row) for row in rows), name="log.jsonl")
    assert [(row.language, row.customer) for row in logs.rows] == [("en", "7"), ("zh", "")]
    assert logs.rejected == []


def test_every_bad_row_is_told_with_its_line_and_the_good_ones_stay(read: Read) -> None:
    logs = read(
        "text,intent,language\n"
        "fine,policy,\n"
        ",policy,\n"
        f"{'x' * 1001},policy,\n"
        "what,order_statsu,\n"
        "bonjour,policy,fr\n"
        "FINE,order_status,\n"
        "fine,policy,\n"
        "one cell\n"
    )
    assert [row.text for row in logs.rows] == ["fine"]
    told = {error.line: error for error in logs.rejected}
    assert sorted(told) == [3, 4, 5, 6, 7, 9]
    assert "did you mean order_status?" in str(told[5])
    assert "en, zh" in str(told[6])
    assert "policy, as an earlier row has it" in str(told[7])
    assert (logs.left_out, logs.unknown) == (1, {"order_statsu": 1})


def test_intents_of_the_shops_are_mapped_or_left_out(read: Read) -> None:
    content = "text,intent\nwhere,track_order\nnice page,praise\n"
    logs = read(content, mapping={"track_order": "order_status", "praise": ""})
    assert [row.intent for row in logs.rows] == ["order_status"]
    assert (logs.left_out, logs.rejected) == (1, [])
    with pytest.raises(InputError, match=r"track_order=order_stat leads to .* did you mean order_status\?"):
        read(content, mapping={"track_order": "order_stat"})


def test_strict_stops_at_the_first_bad_row(read: Read) -> None:
    with pytest.raises(RowError) as caught:
        read("text,intent\nfine,policy\nwhat,nonsense\n", strict=True)
    assert caught.value.line == 3


@pytest.mark.parametrize(
    ("content", "name", "told"),
    [
        ("", "log.csv", "first line of log.csv is empty"),
        ("text,intent\n", "log.csv", "holds no message"),
        ("", "log.jsonl", "holds no message"),
        (b"\x00\x01\x02", "log.csv", "binary file"),
        ("text,intent\n", "log.xlsx", "ends in '.xlsx'"),
        ("text,text\n1,2\n", "log.csv", "naming 'text' twice"),
    ],
)
def test_files_that_cannot_be_used(read: Read, content: str | bytes, name: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        read(content, name=name)


def test_a_file_that_is_not_there_and_a_language_that_is_not_known(read: Read, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        read_logs(tmp_path / "none.csv", KNOWN, language="en")
    with pytest.raises(InputError, match=r"no language 'fr'. Expected: one of en, zh"):
        read("text,intent\na,policy\n", language="fr")


def test_broken_json_lines_are_rejected_one_by_one(read: Read) -> None:
    logs = read(
        '{"text": "a", "intent": "policy"}\n{broken\n[1]\n{"text": 5, "intent": "policy"}\n', name="log.jsonl"
    )
    assert [row.text for row in logs.rows] == ["a"]
    assert sorted(error.line for error in logs.rejected) == [2, 3, 4]
