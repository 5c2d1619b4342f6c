"""Support logs of every system become the same conversations, and what cannot be read is named."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from configs.errors import InputError
from finetune.formats import Columns, moment
from finetune.logs import Conversation, Said, read, write
from finetune.sources import read_logs

ASKED, ANSWERED = "Where is my parcel?", "It left our warehouse today."
EXCHANGE = (Said("customer", ASKED), Said("agent", ANSWERED))

RECORDS: dict[str, dict[str, Any]] = {
    "messages": {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": ASKED}, {"type": "image_url"}]},
            {"role": "assistant", "content": ANSWERED},
        ]
    },
    "sharegpt": {"conversations": [{"from": "human", "value": ASKED}, {"from": "gpt", "value": ANSWERED}]},
    "alpaca": {"instruction": ASKED, "input": "", "output": ANSWERED},
    "kefu": {
        "turns": [
            {"message": ASKED, "reply": "I don't know.", "correction": ANSWERED},
        ]
    },
    "zendesk": {
        "requester_id": 7,
        "comments": [
            {"author_id": 7, "public": True, "html_body": f"<p>{ASKED}</p>"},
            {"author_id": 1, "public": False, "body": "Looks lost to me"},
            {"author_id": 1, "public": True, "plain_body": ANSWERED},
        ],
    },
    "intercom": {
        "source": {"author": {"type": "user", "id": "u1"}, "body": f"<p>{ASKED}</p>"},
        "conversation_parts": {
            "conversation_parts": [
                {"part_type": "note", "author": {"type": "admin"}, "body": "<p>Looks lost to me</p>"},
                {"part_type": "comment", "author": {"type": "admin"}, "body": f"<p>{ANSWERED}</p>"},
                {"part_type": "close", "author": {"type": "admin"}, "body": None},
            ]
        },
    },
}


def told(conversation: Conversation) -> list[tuple[str, str]]:
    return [(turn.role, turn.text) for turn in conversation.turns]


@pytest.mark.parametrize("name", RECORDS)
def test_each_format_is_known_by_its_first_record(tmp_path: Path, name: str) -> None:
    file = tmp_path / "logs.jsonl"
    file.write_text(json.dumps(RECORDS[name]) + "\n\n", encoding="utf-8")
    found = read_logs([file])
    assert (found.formats, found.rejected) == ({"logs.jsonl": name}, [])
    assert [told(conversation) for conversation in found.conversations] == [told(Conversation("", EXCHANGE))]
    assert found.conversations[0].origin == "logs.jsonl:1"


def test_a_correction_is_told_apart(tmp_path: Path) -> None:
    file = tmp_path / "reviewed.jsonl"
    file.write_text(json.dumps(RECORDS["kefu"]), encoding="utf-8")
    turns = read_logs([file]).conversations[0].turns
    assert [turn.corrected for turn in turns] == [False, True]
    assert turns[1].rejected == "I don't know."


def test_labels_and_thumbs_say_what_was_thought_of_a_reply(tmp_path: Path) -> None:
    thought = [
        {"label": "good"}, {"label": "wrong"}, {"label": "should_have_handed_over"}, {"rating": "up"}, {"rating": "down"},
        {"label": "wrong", "rating": "up"}, {"label": None, "rating": "up"}, {},
    ]  # fmt: skip
    file = tmp_path / "reviewed.jsonl"
    turns = [{"message": ASKED, "reply": ANSWERED, **told} for told in thought]
    file.write_text(json.dumps({"id": "c", "turns": turns}), encoding="utf-8")
    read_back = read_logs([file]).conversations[0].turns
    assert [turn.liked for turn in read_back[1::2]] == [True, False, False, True, False, False, True, None]


@pytest.mark.parametrize("wrapped", [lambda row: [row], lambda row: {"tickets": [row], "count": 1}])
def test_a_list_and_an_object_around_it_are_read_alike(tmp_path: Path, wrapped: Any) -> None:
    file = tmp_path / "export.json"
    file.write_text(json.dumps(wrapped(RECORDS["zendesk"])), encoding="utf-8")
    found = read_logs([tmp_path])
    assert [told(conversation) for conversation in found.conversations] == [told(Conversation("", EXCHANGE))]
    assert found.conversations[0].customer == "7"


def test_what_cannot_be_read_is_named_and_the_rest_stays(tmp_path: Path) -> None:
    good = RECORDS["messages"]
    broken = [
        json.dumps(good),
        "{no json",
        json.dumps([1, 2]),
        json.dumps({"messages": [{"role": "alien", "content": "hi"}]}),
        json.dumps({"messages": [{"content": "hi"}]}),
        json.dumps({"messages": []}),
        json.dumps({**good, "created_at": "last Tuesday"}),
        json.dumps({"messages": [{"role": "user", "content": 5}]}),
        json.dumps(
            {**good, "id": "c9", "consent": "no", "created_at": "2026-03-01T10:00:00", "customer_id": 4}
        ),
    ]
    file = tmp_path / "logs.jsonl"
    file.write_text("\n".join(broken), encoding="utf-8")
    found = read_logs([file])
    assert [one.id for one in found.conversations] == ["logs.jsonl:1", "c9"]
    last = found.conversations[1]
    assert (last.customer, last.consent) == ("4", False)
    assert last.started_at == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert [one.where for one in found.rejected] == [f"logs.jsonl:{n}" for n in range(2, 9)]
    reasons = " | ".join(one.why for one in found.rejected)
    for wanted in ("no JSON", "a list", "'alien'", "it lacks 'role'", "nobody says", "last Tuesday", "a int"):
        assert wanted in reasons


def test_a_table_of_exchanges_is_known_by_its_columns(tmp_path: Path) -> None:
    file = tmp_path / "bitext.csv"
    file.write_text(f'instruction,intent,response\n{ASKED},track,"{ANSWERED}"\n,track,x\n', encoding="utf-8")
    found = read_logs([file])
    assert [(told(one), one.intent) for one in found.conversations] == [
        (told(Conversation("", EXCHANGE)), "track")
    ]
    assert [one.where for one in found.rejected] == ["bitext.csv:3"]


def test_rows_of_one_conversation_belong_together_in_their_order(tmp_path: Path) -> None:
    file = tmp_path / "turns.tsv"
    rows = [
        ("c1", "agent", ANSWERED, "2026-01-01T10:01:00"),
        ("c2", "customer", "Hello?", "2026-01-01T09:00:00"),
        ("c1", "customer", ASKED, "2026-01-01T10:00:00"),
    ]
    lines = ["ticket\twho\tsaid\tat", *("\t".join(row) for row in rows)]
    file.write_text("\n".join(lines), encoding="utf-8")
    found = read_logs([file], columns=Columns(conversation="ticket", role="who", text="said", at="at"))
    assert [(one.id, told(one)) for one in found.conversations] == [
        ("c1", told(Conversation("", EXCHANGE))),
        ("c2", [("customer", "Hello?")]),
    ]
    assert found.conversations[0].started_at == datetime(2026, 1, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "text", "columns", "wanted"),
    [
        ("a.csv", "x,y\n1,2\n", None, "columns x, y"),
        ("a.csv", "x,y\n1,2\n", Columns(customer="x", agent="z"), "no column 'z'"),
        ("a.csv", "x,y\n1,2\n", Columns(customer="x"), "not named"),
        ("a.jsonl", "", None, "is empty"),
        ("a.jsonl", '{"foo": 1}\n', None, "foo"),
        ("a.txt", "hello", None, "holds no logs"),
    ],
)
def test_files_that_say_nothing_are_refused_with_what_was_expected(
    tmp_path: Path, name: str, text: str, columns: Columns | None, wanted: str
) -> None:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="Expected") as caught:
        read_logs([file], columns=columns)
    assert wanted in str(caught.value)


def test_unknown_formats_and_missing_files_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text("{}\n", encoding="utf-8")
    with pytest.raises(InputError, match="no format 'xml'"):
        read_logs([file], format="xml")
    with pytest.raises(InputError, match="there is no"):
        read_logs([tmp_path / "gone.jsonl"])


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    full = Conversation(
        "c1",
        (
            Said("customer", "你好"),
            Said("agent", "Hello", corrected=True, rejected="Go away"),
            Said("agent", "?", liked=False),
        ),
        "4",
        datetime(2026, 1, 1, tzinfo=UTC),
        "greet",
        "zh",
        consent=True,
        origin="a:1",
    )
    bare = Conversation("c2", EXCHANGE)
    file = tmp_path / "deep" / "kept.jsonl"
    assert write(file, [full, bare]) == 2
    assert list(read(file)) == [full, bare]
    file.write_text('{"id": "x", "turns": [["alien", "hi"]]}\n', encoding="utf-8")
    with pytest.raises(InputError, match="alien"):
        list(read(file))


def test_a_broken_first_line_is_left_out_and_the_format_known_by_the_next(tmp_path: Path) -> None:
    file = tmp_path / "logs.jsonl"
    good = json.dumps(RECORDS["messages"])
    stamped = json.dumps({**RECORDS["messages"], "id": "late", "created_at": 1_764_000_000_000_000_000})
    file.write_text(f"{{broken\n{good}\n{stamped}\n", encoding="utf-8")
    found = read_logs([file])
    assert len(found.conversations) == 1
    assert [one.where for one in found.rejected] == ["logs.jsonl:1", "logs.jsonl:3"]
    file.write_text("{broken\n{again\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"logs\.jsonl:1: no JSON"):
        read_logs([file])


@pytest.mark.parametrize("name", ["logs.csv", "logs.jsonl", "logs.json"])
def test_a_file_that_is_not_utf8_is_named(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes("question,answer\nWo ist die Lampe für Küche?,Hier.\n".encode("cp1252"))
    with pytest.raises(InputError, match=rf"{name} is not UTF-8"):
        read_logs([file])


def test_a_table_may_have_seconds_since_1970() -> None:
    assert moment("1764000000") == moment(1_764_000_000) == datetime(2025, 11, 24, 16, tzinfo=UTC)
    assert moment("20251124") == datetime(2025, 11, 24, tzinfo=UTC)
