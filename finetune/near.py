"""Which texts say nearly the same: groups by MinHash over word triples (Broder 1997), with the index of datasketch.

Texts that share a group must not be parted by a split; of those that are nearer still, one is enough to learn from.
Two texts count as near if the shares of their triples overlap by the threshold or more, as estimated by the hashes and
then counted exactly. Knows no conversations.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

from datasketch import MinHash, MinHashLSH

from chatbot import lang

PERMUTATIONS = 128
"""Of the hash: the error of an estimated overlap is about 1/sqrt(128)."""
_SLACK = 0.1
"""How far below the threshold candidates are looked for: what the estimate misses, the exact count cannot find."""


def shingles(text: str) -> frozenset[str]:
    """Word triples of a text; each Chinese character is a word. A shorter text is one shingle."""
    words = lang.words(text)
    if len(words) < 3:
        return frozenset([" ".join(words)]) if words else frozenset()
    return frozenset(" ".join(words[start : start + 3]) for start in range(len(words) - 2))


def overlap(one: frozenset[Hashable], other: frozenset[Hashable]) -> float:
    """Jaccard's: what both have over what either has."""
    either = len(one | other)
    return len(one & other) / either if either else 1.0


def groups(texts: Sequence[str], threshold: float) -> list[int]:
    """For each text the number of its group: the place of its first member. A chain of near texts is one group."""
    leader = list(range(len(texts)))

    def top(place: int) -> int:
        while leader[place] != place:
            leader[place] = leader[leader[place]]
            place = leader[place]
        return place

    for one, other in pairs(texts, threshold):
        first, second = sorted((top(one), top(other)))
        leader[second] = first
    return [top(place) for place in range(len(texts))]


def pairs(texts: Sequence[str], threshold: float) -> Iterable[tuple[int, int]]:
    """Places of texts that are near each other, each with one that stands before it."""
    index = MinHashLSH(threshold=max(0.1, threshold - _SLACK), num_perm=PERMUTATIONS)
    every = [shingles(text) for text in texts]
    same: dict[frozenset[str], int] = {}
    for place, own in enumerate(every):
        if own in same:  # exact copies need no hash
            yield same[own], place
            continue
        same[own] = place
        if not own:
            continue
        sketch = MinHash(num_perm=PERMUTATIONS)
        sketch.update_batch([shingle.encode() for shingle in sorted(own)])
        for candidate in sorted(index.query(sketch)):
            if overlap(own, every[candidate]) >= threshold:
                yield candidate, place
        index.insert(place, sketch)
