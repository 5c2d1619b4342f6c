"""Brings files and products into the index: only what changed is read anew, what vanished is removed.

A file that cannot be read is reported and its last good version stays. Does not know formats or vectors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from configs.errors import InputError
from retrieval import screen
from retrieval.catalogue import CATALOGUE, ProductLike, product_rows, served, text_hash
from retrieval.chunk import chunk
from retrieval.document import Document, Section
from retrieval.index import Index, StageProgress
from retrieval.passages import PassageKind
from retrieval.readers import READERS, read
from retrieval.rows import DocumentRow, PassageRow, Rows

CHUNKER = 5
"""Raise it when the same file would give other passages, or other orders are kept back: every page is then read anew."""
_REJECTED_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Rejected:
    file: str
    what: str
    expected: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """A piece of a document that commands the machine which reads it, and so is not served."""

    document: str
    text: str
    reason: str


@dataclass
class IngestReport:
    """Counts of documents. ``rejected`` keeps the first thousand; ``rejected_count`` counts all."""

    kind: PassageKind
    read: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    skipped: int = 0
    """Files of an ingested folder whose format is none of ours (pictures, styles)."""
    rejected_count: int = 0
    rejected: list[Rejected] = field(default_factory=list)
    withheld: list[Kept] = field(default_factory=list)
    """Of the documents that were read anew."""
    version: str = ""

    def reject(self, file: str, error: InputError) -> None:
        self.rejected_count += 1
        if len(self.rejected) < _REJECTED_KEPT:
            self.rejected.append(Rejected(file, error.message, error.expected))


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    root: Path
    id: str


def ingest_docs(
    index: Index,
    paths: Sequence[Path],
    *,
    root: Path | None = None,
    progress: StageProgress | None = None,
    strict: bool = False,
    replace: bool = False,
) -> IngestReport:
    """Ingest files and folders. A page's id is its path below ``root`` (a given folder is its own root).

    With ``replace``, a page takes the place of one with its id below another root.

    Raises:
        IndexLockedError: somebody else writes.
        InputError: with ``strict``, the first file that cannot be used; nothing is changed then.
    """
    report = IngestReport("page")
    with index.write() as rows:
        known = {document.id: document for document in rows.documents("page")}
        put: dict[str, tuple[DocumentRow, list[PassageRow]]] = {}
        seen: set[str] = set()
        broken: set[str] = set()
        scopes: list[tuple[Path, str]] = []
        files = list(_files(paths, root, known, scopes, report))
        for number, file in enumerate(files, 1):
            try:
                for document, passages in _read(
                    file, index.chunk_tokens, known, {} if replace else known, put, report.withheld
                ):
                    seen.add(document.id)
                    if passages is not None:
                        put[document.id] = document, passages
            except InputError as error:
                report.reject(file.id, error)
                broken |= {known_id for known_id in known if _within(known_id, file.id)}
            if progress:
                progress("read", number, len(files))
        if strict and report.rejected:
            first = report.rejected[0]
            raise InputError(
                f"{first.file}: {first.what}", expected=first.expected, hint="nothing was changed"
            )
        gone = [
            document.id
            for document in known.values()
            if document.id not in seen | broken
            and any(document.root == str(base) and _within(document.id, prefix) for base, prefix in scopes)
        ]
        with rows.transaction():
            for document, passages in put.values():
                rows.put(document, passages)
            rows.remove(gone)
        report.read = len(files)
        report.added = len(put.keys() - known.keys())
        report.changed = len(put.keys() & known.keys())
        report.unchanged = len(seen & known.keys() - put.keys())
        report.removed = len(gone)
        report.version = index.publish(progress)
    return report


def ingest_products(
    index: Index, products: Iterable[ProductLike], *, progress: StageProgress | None = None
) -> IngestReport:
    """Make the index hold exactly these products.

    Raises:
        IndexLockedError: somebody else writes.
    """
    with index.write() as rows:
        with rows.transaction():
            report = put_products(rows, products)
        report.version = index.publish(progress)
    return report


def product_differences(rows: Rows, products: Iterable[ProductLike]) -> dict[str, list[str]]:
    """The ids of products that the rows lack, have otherwise, or have beyond ``products``; empty if they agree."""
    known = {document.id: document.hash for document in rows.documents("product")}
    indexed = (product_rows(served(product)[0]) for product in products)
    shop = {document.id: document.hash for document, _ in indexed}
    found = {
        "missing": sorted(shop.keys() - known.keys()),
        "changed": sorted(key for key in shop.keys() & known.keys() if shop[key] != known[key]),
        "foreign": sorted(known.keys() - shop.keys()),
    }
    return {what: ids for what, ids in found.items() if ids}


def put_products(rows: Rows, products: Iterable[ProductLike]) -> IngestReport:
    """Make the rows hold exactly these products. Call it in a transaction, and publish."""
    report = IngestReport("product")
    known = {document.id: document.hash for document in rows.documents("product")}
    fresh: dict[str, tuple[DocumentRow, list[PassageRow]]] = {}
    for product in products:
        shown, kept = served(product)
        document, passages = product_rows(shown)
        fresh[document.id] = document, passages
        if known.get(document.id) != document.hash:
            report.withheld += [Kept(document.id, item.text, item.reason) for item in kept]
    put = [(doc, passages) for doc, passages in fresh.values() if known.get(doc.id) != doc.hash]
    gone = sorted(known.keys() - fresh.keys())
    for document, passages in put:
        assert document.root == CATALOGUE
        rows.put(document, passages)
    rows.remove(gone)
    report.read = len(fresh)
    report.added = sum(document.id not in known for document, _ in put)
    report.changed = len(put) - report.added
    report.unchanged = len(fresh) - len(put)
    report.removed = len(gone)
    return report


def _files(
    paths: Sequence[Path],
    root: Path | None,
    known: dict[str, DocumentRow],
    scopes: list[tuple[Path, str]],
    report: IngestReport,
) -> Iterator[_File]:
    """The files to read. ``scopes`` gets (root, prefix of ids) within which a page that is not seen is gone."""
    for path in paths:
        path = path.absolute()
        base = (root or (path if path.is_dir() else path.parent)).absolute()
        if not path.is_relative_to(base):
            report.reject(
                str(path), InputError("the path is outside the root", expected=f"a path below {base}")
            )
            continue
        prefix = "" if path == base else path.relative_to(base).as_posix()
        if path.is_dir():
            scopes.append((base, prefix))
            for file in sorted(path.rglob("*")):
                relative = file.relative_to(base)
                if not file.is_file() or any(part.startswith(".") for part in relative.parts):
                    continue
                if file.suffix.lower() not in READERS or file.suffix.lower() == ".csv":
                    report.skipped += 1
                    continue
                yield _File(file, base, relative.as_posix())
        elif path.is_file():
            scopes.append((base, prefix))
            yield _File(path, base, prefix)
        elif any(doc.root == str(base) and _within(doc.id, prefix) for doc in known.values()):
            scopes.append((base, prefix))  # it was ingested and has vanished
        else:
            report.reject(str(path), InputError("there is no such file", expected="a file or a folder"))


def _read(
    file: _File,
    chunk_tokens: int,
    known: dict[str, DocumentRow],
    owners: dict[str, DocumentRow],
    put: dict[str, tuple[DocumentRow, list[PassageRow]]],
    withheld: list[Kept],
) -> list[tuple[DocumentRow, list[PassageRow] | None]]:
    """The documents of a file, with ``None`` for the passages if the file has not changed."""
    try:
        digest = text_hash(f"{CHUNKER} {chunk_tokens} ".encode() + file.path.read_bytes())
        before = [doc for doc in known.values() if doc.root == str(file.root) and _within(doc.id, file.id)]
        if before and all(doc.hash == digest for doc in before):
            return [(doc, None) for doc in before]
        documents = read(file.path)
    except OSError as error:
        raise InputError(
            f"the file cannot be read ({error.strerror or error})", expected="a readable file"
        ) from error
    out: list[tuple[DocumentRow, list[PassageRow] | None]] = []
    for document in documents:
        document_id = f"{file.id}/{document.key}" if document.key else file.id
        _check_free(document_id, file, owners, put)
        document = _screened(document, document_id, withheld)
        passages = chunk(document, document_id, limit=chunk_tokens)
        row = DocumentRow(
            id=document_id,
            kind="page",
            root=str(file.root),
            title=document.title,
            hash=digest,
            audience=document.audience,
            valid_from=document.valid_from.isoformat() if document.valid_from else "",
            valid_until=document.valid_until.isoformat() if document.valid_until else "",
        )
        out.append((row, [PassageRow(p, "", text_hash(f"{p.title}\n{p.text}")) for p in passages]))
    return out


def _screened(document: Document, document_id: str, withheld: list[Kept]) -> Document:
    """The document without what commands the machine, in headings and in text."""

    def clean(text: str) -> str:
        found = screen.screened(text)
        withheld.extend(Kept(document_id, item.text, item.reason) for item in found.withheld)
        return found.text

    headings = {heading: clean(heading) for heading in (document.title, *_headings(document))}
    sections = []
    for section in document.sections:
        path = tuple(headings[heading] for heading in section.path if headings[heading])
        text = clean(section.text)
        if text:
            sections.append(Section(path, text))
    return replace(document, title=headings[document.title] or document_id, sections=tuple(sections))


def _headings(document: Document) -> dict[str, None]:
    return dict.fromkeys(heading for section in document.sections for heading in section.path)


def _check_free(
    document_id: str,
    file: _File,
    owners: dict[str, DocumentRow],
    put: dict[str, tuple[DocumentRow, list[PassageRow]]],
) -> None:
    """Two roots may hold files of the same name, but an id can only be one page."""
    owner = put[document_id][0] if document_id in put else owners.get(document_id)
    if owner and owner.root != str(file.root) and (Path(owner.root) / file.id).exists():
        raise InputError(
            f"the id {document_id!r} is taken by a page below {owner.root}",
            expected="ids that differ",
            hint="give a common parent folder as the root",
        )


def _within(document_id: str, prefix: str) -> bool:
    return not prefix or document_id == prefix or document_id.startswith(f"{prefix}/")
