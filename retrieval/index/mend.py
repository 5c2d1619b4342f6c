"""Puts damaged rows right: from the last snapshot where its passages fit the seal, else by removing the document.

What nobody can vouch for is not served. Does not know files, shops or vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from retrieval.rows import DocumentRow, PassageRow, Rows, seal
from retrieval.snapshot import DAMAGES, Snapshot


@dataclass(frozen=True, slots=True)
class Mended:
    """``restored`` came back whole; ``dropped`` must be ingested again; ``gone`` are in the snapshot alone: an ingest
    that was cut off had removed them, or somebody else did."""

    restored: tuple[str, ...] = ()
    dropped: tuple[DocumentRow, ...] = ()
    gone: tuple[str, ...] = ()


def mend(rows: Rows, snapshots: Sequence[Snapshot]) -> Mended:
    """Leave no document whose seal is broken. Call it in a transaction."""
    gone = {source for snapshot in snapshots for source in snapshot.sources if rows.document(source) is None}
    broken = rows.broken_seals()
    seals = rows.seals()
    # All of them first: a passage may have been moved from one to another.
    rows.remove(document.id for document in broken)
    rows.remove_strays()
    restored, dropped = [], []
    for document in broken:
        passages = _last_good(document, snapshots)
        if seal(document, passages) == seals[document.id]:
            rows.put(document, passages)
            restored.append(document.id)
        else:
            dropped.append(document)
    return Mended(tuple(restored), tuple(dropped), tuple(sorted(gone)))


def _last_good(document: DocumentRow, snapshots: Sequence[Snapshot]) -> list[PassageRow]:
    for snapshot in snapshots:
        if found := snapshot.rows_of(document.id):
            try:
                return [snapshot.stored(row) for row in found]
            except DAMAGES:
                return []
    return []
