"""Puts a stream of text under two deadlines: the first piece and the whole. Knows no engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from configs.errors import EngineTimeoutError


async def within(
    pieces: AsyncGenerator[str, None], *, first: float, total: float, model: str
) -> AsyncGenerator[str, None]:
    """Yield ``pieces`` as they come; close them when this generator is closed.

    Time that the consumer spends between two pieces counts: both deadlines are of the clock.

    Raises:
        EngineTimeoutError: the first piece took more than ``first`` seconds, or all of them more than ``total``.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    count = 0
    async with aclosing(pieces):
        while True:
            limit = min(first, total) if count == 0 else total
            try:
                # Never around the yield: it would cancel whatever the consumer does.
                async with asyncio.timeout_at(began + limit):
                    piece = await anext(pieces)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                if count == 0:
                    raise EngineTimeoutError(
                        f"model {model} gave no first token within {limit:g} s",
                        hint="raise engine.first_token_timeout, or give the model more cores",
                    ) from error
                raise EngineTimeoutError(
                    f"model {model} had not finished after {total:g} s ({count} pieces came)",
                    hint="raise engine.total_timeout, or lower sampling.max_tokens",
                ) from error
            count += 1
            yield piece
