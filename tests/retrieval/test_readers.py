"""Each format gives the same kind of document; a bad file gives a message that helps."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path

import docx
import pytest
from pypdf import PdfWriter

from configs.errors import InputError
from retrieval.document import Document
from retrieval.readers import read


def read_text(tmp_path: Path, name: str, text: str) -> Document:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    [document] = read(path)
    return document


def pdf_of(lines: list[str]) -> bytes:
    """A PDF of one page, written by hand."""
    show = " T* ".join(f"({line}) Tj" for line in lines)
    stream = f"BT /F1 12 Tf 14 TL 72 720 Td {show} ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    start = len(out)
    out += b"xref\n0 6\n0000000000 65535 f \n" + table
    return out + b"trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % start


def test_markdown_front_matter(tmp_path: Path) -> None:
    document = read_text(
        tmp_path,
        "a.md",
        "---\ntitle: Gift cards\nlanguage: zh-CN\nupdated: 2026-09-14\naudience: staff\nvalid_from: 2026-12-01\n"
        "valid_until: 2026-12-31\nurl: https://shop.example/gift\n---\n\nText.\n",
    )
    assert document.title == "Gift cards"
    assert document.language == "zh"
    assert document.audience == "staff"
    assert (document.valid_from, document.valid_until) == (date(2026, 12, 1), date(2026, 12, 31))
    assert document.url == "https://shop.example/gift"
    assert document.updated == "2026-09-14"


def test_markdown_table_rows_carry_their_columns(tmp_path: Path) -> None:
    document = read_text(
        tmp_path, "a.md", "# T\n\n| Country | Price |\n|---|---|\n| Spain | 6.90 EUR |\n| Chad | |\n"
    )
    assert document.sections[0].text == "Country: Spain; Price: 6.90 EUR\nCountry: Chad"


def test_markdown_lists_links_and_emphasis_become_plain(tmp_path: Path) -> None:
    text = "# T\n\n1. Open *My orders*\n2. Choose `Return`\n   - or call [us](tel:123)\n\nSee **all**.\nNext line.\n"
    document = read_text(tmp_path, "a.md", text)
    assert document.sections[0].text == (
        "1. Open My orders\n2. Choose Return\n- or call us\n\nSee all. Next line."
    )


def test_see_also_lines_are_navigation(tmp_path: Path) -> None:
    text = "# T\n\nWrite to [us](mailto:a@b.example).\n\nSee also [one page](1.md), [another](2.md) and [third](3.md).\n"
    assert read_text(tmp_path, "a.md", text).sections[0].text == "Write to us."


def test_template_directives_are_removed(tmp_path: Path) -> None:
    text = 'Ask [support]({{ site.email }}).\n\n{% if x %}Yes.{% endif %}\n\n<a href="{{store url="contact"}}">Contact</a> us.\n'
    assert read_text(tmp_path, "a.md", text).sections[0].text == "Ask support.\n\nYes.\n\nContact us."


def test_html_main_content(tmp_path: Path) -> None:
    document = read_text(
        tmp_path,
        "a.html",
        """<!doctype html><html lang="de"><head><title>Versand | Laden</title><style>p {}</style></head><body>
        <nav><a href="/">Home</a></nav><header><p>Banner</p></header>
        <main><h1>Versand</h1><p>Zwei<br>Zeilen</p><!-- comment -->
        <table><tr><th>Land</th><th>Preis</th></tr><tr><td>Polen</td><td>6,90</td></tr></table>
        <details><summary>Wann?</summary>Morgen <b>fr&uuml;h</b>.</details>
        <ul><li><a href="/a">A</a></li><li><a href="/b">B</a></li></ul></main>
        <script>var x = "hidden"</script><footer>Impressum</footer></body></html>""",
    )
    assert document.title == "Versand"
    assert document.language == "de"
    assert [(section.path, section.text) for section in document.sections] == [
        ((), "Zwei\nZeilen\n\nLand: Polen; Preis: 6,90"),
        (("Wann?",), "Morgen früh."),
    ]


def test_html_table_without_head(tmp_path: Path) -> None:
    document = read_text(
        tmp_path,
        "a.html",
        "<table><tr><th>Phone</th><td>123</td></tr><tr><td>Fax</td><td>4</td></tr></table>",
    )
    assert document.sections[0].text == "Phone: 123\nFax: 4"


def test_html_in_a_declared_encoding(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_bytes('<meta charset="gbk"><p>退货政策</p>'.encode("gbk"))
    assert read(path)[0].sections[0].text == "退货政策"


def test_plain_text_with_underlined_headings(tmp_path: Path) -> None:
    document = read_text(tmp_path, "a.txt", "Care\n====\n\nOil it.\n\nWinter\n------\nKeep it dry.\n")
    assert document.title == "Care"
    assert [(section.path, section.text) for section in document.sections] == [
        ((), "Oil it."),
        (("Winter",), "Keep it dry."),
    ]


def test_pdf(tmp_path: Path) -> None:
    path = tmp_path / "size-guide.pdf"
    path.write_bytes(pdf_of(["Measure the chest at the wid-", "est point.", "Use a tape."]))
    [document] = read(path)
    assert document.title == "Size guide"
    assert document.sections[0].path == ("Page 1",)
    assert document.sections[0].text == "Measure the chest at the widest point.\n\nUse a tape."


def test_docx(tmp_path: Path) -> None:
    source = docx.Document()
    source.add_heading("Warranty", 0)
    source.add_paragraph("Two years.")
    source.add_heading("Claims", 1)
    source.add_paragraph("Write to us.", style="List Bullet")
    table = source.add_table(2, 2)
    for cell, text in zip(
        (c for row in table.rows for c in row.cells), ["Part", "Years", "Pan", "5"], strict=True
    ):
        cell.text = text
    path = tmp_path / "a.docx"
    source.save(str(path))
    [document] = read(path)
    assert document.title == "Warranty"
    assert [(section.path, section.text) for section in document.sections] == [
        ((), "Two years."),
        (("Claims",), "- Write to us.\n\nPart: Pan; Years: 5"),
    ]


def test_csv_export_of_pages(tmp_path: Path) -> None:
    path = tmp_path / "cms.csv"
    path.write_text(
        'title,identifier,content,is_active\nPrivacy,privacy,"<h2>Data</h2><p>We keep {{config path=""x""}} little.</p>",1\n'
        'Old,old,<p>Gone.</p>,0\nEmpty,empty,"{{widget x}}",1\n',
        encoding="utf-8",
    )
    [document] = read(path)
    assert (document.key, document.title) == ("privacy", "Privacy")
    assert document.sections[0].path == ("Data",)
    assert document.sections[0].text == "We keep little."


def empty_pdf() -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(100, 100)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.md", b"caf\xe9", "cannot be decoded"),
        ("a.md", b"a\0b", "NUL byte at 1"),
        ("a.md", b"---\ntitle: [\n---\nText.", "not YAML"),
        ("a.md", b"---\n- a\n---\nText.", "the front matter is a list"),
        ("a.md", b"---\nvalid_until: soon\n---\nText.", "valid_until is 'soon'"),
        ("a.md", b"---\nvalid_from: 2026-12-x\n---\nText.", "valid_from is '2026-12-x'"),
        (
            "a.md",
            b"---\nvalid_from: 2026-12-31\nvalid_until: 2026-12-01\n---\nText.",
            "valid from 2026-12-31 until 2026-12-01",
        ),
        ("a.md", b"---\ntitle: Empty\n---\n", "holds no text"),
        ("a.txt", b"  \n", "holds no text"),
        ("a.pdf", b"not a pdf", "the PDF is damaged"),
        ("a.pdf", empty_pdf(), "the PDF holds no text"),
        ("a.docx", b"PK\x03\x04 broken", "the DOCX is damaged"),
        ("a.csv", b"sku,price\n1,2\n", "no column content, title"),
        ("a.png", b"\x89PNG", "the format '.png' is unknown"),
    ],
)
def test_bad_files_say_what_is_wrong(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        read(path)
    assert message in caught.value.message
    assert caught.value.expected


def test_what_only_looks_like_a_marked_section_is_text(tmp_path: Path) -> None:
    file = tmp_path / "odd.html"
    file.write_text("<h1>Care</h1><p>Wash at 30 <![0 degrees.</p>", encoding="utf-8")
    (document,) = read(file)
    assert "degrees." in str(document)
