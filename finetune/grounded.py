"""Examples with evidence, out of support logs and the shop's own index: what production would have shown the model.

For each question of a log the index is searched as in a turn. If the passages found back every sentence of the agent's
reply, that is an answerable example: the reply behind the passages, among them some that say nothing about it, in an order
that is drawn. The same question without the passages that back anything of it is an unanswerable one, whose reply is the
sentence by which the model says so. Replies that nothing backs teach the model to make things up, so they give no
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
MOST_NOTES = 4
LONGEST = 60
"""Words of a reply: the model is asked for one or two sentences."""
SHARE_UNANSWERABLE = 0.5
DIALOGUE = 4
"""Earlier messages that the search sees."""


def grounded(
    conversations: Iterable[Conversation], find: Find, backs: Backs, *, seed: int = 0
) -> Iterator[Example]:
    """Both halves; which questions become unanswerable is drawn by ``seed``."""
    for conversation in conversations:
        rng = random.Random(f"{seed}:{conversation.id}")
        history: list[Message] = []
        for number, turn in enumerate(conversation.turns):
            answers = turn.role == "agent" and turn.liked is not False
            if answers and history and history[-1].role == "shopper":
                made = _example(
                    f"{conversation.id}/{number}", conversation.id, history, turn.text, find, backs, rng
                )
                if made is not None:
                    yield made
            history.append(Message("shopper" if turn.role == "customer" else "assistant", turn.text))


def _example(
    name: str,
    group: str,
    history: Sequence[Message],
    reply: str,
    find: Find,
    backs: Backs,
    rng: random.Random,
) -> Example | None:
    sentences = [span.text for span in lang.sentences(reply)]
    question, earlier = history[-1].text, history[:-1]
    passages = find(question, [message.text for message in reversed(earlier)][:DIALOGUE])
    if not passages:
        return None
    texts = [passage.text for passage in passages]
    told = [sentence for sentence in sentences if backs(sentence, texts)]
    # What only greets or asks back is no claim; a claim that nothing backs spoils the whole reply.
    unbacked = [sentence for sentence in sentences if sentence not in told and _claims(sentence)]
    if not told or unbacked or len(" ".join(told).split()) > LONGEST:
        return None
    backing = [passage for passage in passages if any(backs(sentence, [passage.text]) for sentence in told)]
    others = [passage for passage in passages if passage not in backing]
    if rng.random() < SHARE_UNANSWERABLE and others:
        # Its neighbours on the same page may say it in other words, so they go too.
        pages = {passage.source for passage in backing}
        shown = [passage for passage in others if passage.source not in pages][:MOST_NOTES]
        if not shown:
            return None
        return _made(f"{name}/without", group, question, shown, earlier, UNANSWERABLE)
    shown = [*backing[:2], *others[: rng.randint(0, MOST_NOTES - len(backing[:2]))]]
    rng.shuffle(shown)
    if not _shows(
        shown, told, backs
    ):  # the prompt has room for so many words: what backs the reply goes first
        shown.sort(key=lambda passage: passage not in backing)
        if not _shows(shown, told, backs):
            return None
    return _made(name, group, question, shown, earlier, " ".join(told))


def _shows(passages: Sequence[Passage], told: Sequence[str], backs: Backs) -> bool:
    """Whether the notes of the prompt, cut as they are, back every sentence."""
    texts = notes(Evidence(tuple(passages), ()))
    return all(backs(sentence, texts) for sentence in told)


def _claims(sentence: str) -> bool:
    """Whether a sentence says something that could be false: a figure, or three words of content and no question."""
    return bool(lang.figures(sentence)) or (
        not sentence.rstrip().endswith("?") and len(set(lang.content_words(sentence))) >= 5
    )


def _made(
    name: str, group: str, question: str, passages: Sequence[Passage], earlier: Sequence[Message], reply: str
) -> Example:
    asked = render(question, Evidence(tuple(passages), ()), earlier)
    told: ChatMessage = {"role": "assistant", "content": reply}
    return Example(name, group, (*asked, told))
