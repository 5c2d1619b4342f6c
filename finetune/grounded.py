"""Examples with evidence, out of support logs and the shop's own index: what production would have shown the model.

For each question of a log the index is searched as in a turn. If the passages found back every sentence of the agent's
reply, that is an answerable example: the reply behind the passages, among them some that say nothing about it, in an order
that is drawn. The same question without the passages that back anything of it is an unanswerable one, whose reply is the
sentence by which the model says so: between the two nothing but the notes can tell. Replies that nothing backs teach the model to make things up, so they give no
example of the first kind; what tools answer (orders, stock, prices) is none of the model's work and is left out.
Knows no tokens; the search and the check are handed in.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence

from chatbot import lang
from chatbot.conversation import Evidence, Message
from chatbot.prompt import ChatMessage, notes, render
from finetune.examples import Example
from finetune.logs import Conversation
from retrieval.passages import Passage

Find = Callable[[str, Sequence[str]], Sequence[Passage]]
"""The passages for a question behind earlier turns, newest first, as a turn would find them."""
Backs = Callable[[str, Sequence[str]], bool]
"""Whether the texts say the sentence."""

UNANSWERABLE = "I don't know."
"""What the instructions of ``configs/prompts/answer.md`` ask for."""
WITHOUT = "/without"
"""How the names of unanswerable examples end."""
MOST_NOTES = 4
VERSION = 2
"""Of what is made of the same logs and pages."""
LONGEST = 60
"""Words of a reply: the model is asked for one or two sentences."""
DIALOGUE = 4
"""Earlier messages that the search sees."""


def grounded(
    conversations: Iterable[Conversation], find: Find, backs: Backs, *, seed: int = 0
) -> Iterator[Example]:
    """Both halves, one of each for a question if there are notes for it; order and number of notes are drawn by ``seed``."""
    for conversation in conversations:
        rng = random.Random(f"{seed}:{conversation.id}")
        history: list[Message] = []
        for number, turn in enumerate(conversation.turns):
            answers = turn.role == "agent" and turn.liked is not False
            if answers and history and history[-1].role == "shopper":
                name = f"{conversation.id}/{number}"
                yield from _pair(name, conversation.id, history, turn.text, find, backs, rng)
            history.append(Message("shopper" if turn.role == "customer" else "assistant", turn.text))


def _pair(
    name: str,
    group: str,
    history: Sequence[Message],
    reply: str,
    find: Find,
    backs: Backs,
    rng: random.Random,
) -> Iterator[Example]:
    sentences = [span.text for span in lang.sentences(reply)]
    question, earlier = history[-1].text, history[:-1]
    passages = find(question, [message.text for message in reversed(earlier)][:DIALOGUE])
    if not passages:
        return
    texts = [passage.text for passage in passages]
    told = [sentence for sentence in sentences if backs(sentence, texts)]
    # What only greets or asks back is no claim; a claim that nothing backs spoils the whole reply.
    unbacked = [sentence for sentence in sentences if sentence not in told and _claims(sentence)]
    if (
        not any(_claims(sentence, words=3) for sentence in told)
        or unbacked
        or len(" ".join(told).split()) > LONGEST
    ):
        return
    backing = [passage for passage in passages if any(backs(sentence, [passage.text]) for sentence in told)]
    others = [passage for passage in passages if passage not in backing]
    # Its neighbours on the same page may say it in other words, so without it they go too.
    pages = {passage.source for passage in backing}
    without = [passage for passage in others if passage.source not in pages][:MOST_NOTES]
    shown = [*backing[:2], *others[: rng.randint(0, MOST_NOTES - len(backing[:2]))]]
    rng.shuffle(shown)
    if not _shows(shown, told, backs):
        # the prompt has room for so many words: what backs the reply goes first
        shown.sort(key=lambda passage: passage not in backing)
    if _shows(shown, told, backs):
        yield _made(name, group, question, shown, earlier, " ".join(told))
        if without:
            yield _made(f"{name}{WITHOUT}", group, question, without, earlier, UNANSWERABLE)


def _shows(passages: Sequence[Passage], told: Sequence[str], backs: Backs) -> bool:
    """Whether the notes of the prompt, cut as they are, back every sentence."""
    texts = notes(Evidence(tuple(passages), ()))
    return all(backs(sentence, texts) for sentence in told)


def _claims(sentence: str, words: int = 5) -> bool:
    """Whether a sentence says something that could be false: a figure, or so many words of content and no question."""
    asks = sentence.rstrip().endswith("?")
    return bool(lang.figures(sentence)) or (not asks and len(set(lang.content_words(sentence))) >= words)


def _made(
    name: str, group: str, question: str, passages: Sequence[Passage], earlier: Sequence[Message], reply: str
) -> Example:
    asked = render(question, Evidence(tuple(passages), ()), earlier)
    told: ChatMessage = {"role": "assistant", "content": reply}
    return Example(name, group, (*asked, told))
