"""Staff's page for trying the bot, in Gradio: the answer as it comes, and beside it what led to it.

Reads the events of ``chatbot.turn.answer`` like everybody else. Its conversations are stored as any shopper's are,
under sessions that start with ``try-``. This module imports Gradio; ``tryout`` imports it late.
"""

from __future__ import annotations

import asyncio
import html
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr
from fastapi import FastAPI

from chatbot.conversation import Conversation
from chatbot.turn import answer
from chatbot.web.trace import Trace

if TYPE_CHECKING:
    from chatbot.app import App

_FONTS = ("-apple-system", "Segoe UI", "Roboto", "Noto Sans", "Noto Sans CJK SC", "system-ui", "sans-serif")
_MONO = ("ui-monospace", "Menlo", "Consolas", "monospace")
_AT_ONCE = 2
_WAITING = 16

Chat = list[dict[str, str]]


def mounted_page(app: App) -> FastAPI:
    """The page as an application of its own, made for the root of whatever it is mounted at."""
    mounted: FastAPI = gr.mount_gradio_app(
        FastAPI(openapi_url=None),
        build_page(app),
        path="/",
        show_error=False,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        max_file_size="1kb",
        theme=gr.themes.Base(primary_hue="emerald", neutral_hue="stone", font=_FONTS, font_mono=_MONO),
    )
    return mounted


def build_page(app: App) -> Any:
    async def ask(
        text: str, shown: Chat, conversation_id: str | None, customer: str
    ) -> AsyncIterator[tuple[Any, ...]]:
        text = text.strip()[: app.settings.api.max_message_chars]
        if not text:
            yield shown, "", conversation_id, _problem(""), *Trace().tables()
            return
        found = await asyncio.to_thread(_customer_id, app, customer)
        if customer.strip() and found is None:
            unknown = (
                f"There is no customer {customer.strip()!r}; the id is that of the import, such as C00001."
            )
            yield shown, text, conversation_id, _problem(unknown), *Trace().tables()
            return
        conversation = await asyncio.to_thread(_conversation, app, conversation_id, found)
        before = shown if conversation.id == conversation_id else []
        trace = Trace()
        yield _with(before, text, "…"), "", conversation.id, _problem(""), *trace.tables()
        async for event in answer(app.bot, conversation, text):
            trace.take(event)
            yield _with(before, text, trace.text or "…"), "", conversation.id, _problem(""), *trace.tables()

    def restart() -> tuple[Any, ...]:
        return [], "", None, _problem(""), *Trace().tables()

    with gr.Blocks(title="Try the bot", analytics_enabled=False, fill_width=True) as page:
        conversation_id = gr.State(None)
        notice = f"# Try the bot\nAnswers of {app.settings.shop.name}, and what led to them."
        gr.Markdown(notice + (" The shop is simulated." if app.settings.shop.simulated else ""))
        with gr.Row():
            with gr.Column(scale=5):
                chat = gr.Chatbot(
                    label="Conversation",
                    height=470,
                    render_markdown=False,
                    buttons=["copy"],
                    feedback_options=None,
                )
                box = gr.Textbox(label="Message", placeholder="What does delivery to Austria cost?", lines=1)
                with gr.Row():
                    customer = gr.Textbox(label="Customer id", placeholder="empty: a guest", scale=2)
                    again = gr.Button("Start again", scale=1)
                    send = gr.Button("Send", variant="primary", scale=1)
                problem = gr.Textbox(label="Problem", interactive=False, visible=False)
            with gr.Column(scale=7):
                with gr.Row():
                    summary = _table("Rung and reply", ["What", "Value"], ["35%", "65%"])
                    timings = _table("Timings", ["Stage", "Milliseconds"], ["55%", "45%"])
                plan = _table(
                    "Plan",
                    ["Intent", "Confidence", "Language", "Query", "Slots", "Calls"],
                    ["15%", "15%", "13%", "23%", "16%", "18%"],
                )
                evidence = _table("Evidence", ["Score", "Cited", "Title", "Text"], ["8%", "8%", "28%", "56%"])
                checks = _table(
                    "Checks: sentences that were kept back", ["Reason", "Sentence"], ["35%", "65%"]
                )
        outputs = [chat, box, conversation_id, problem, summary, plan, evidence, checks, timings]
        inputs = [box, chat, conversation_id, customer]
        private = {"api_visibility": "private", "show_progress": "hidden"}
        for trigger in (box.submit, send.click):
            trigger(ask, inputs, outputs, concurrency_limit=_AT_ONCE, concurrency_id="turns", **private)
        for trigger in (again.click, chat.clear):
            trigger(restart, None, outputs, **private)
    page.queue(max_size=_WAITING)
    return page


def _table(label: str, headers: Sequence[str], widths: Sequence[str]) -> Any:
    return gr.Dataframe(
        label=label,
        headers=list(headers),
        column_widths=list(widths),
        datatype="str",
        type="array",
        interactive=False,
        wrap=True,
        buttons=[],
    )


def _problem(text: str) -> Any:
    return gr.update(value=text, visible=bool(text))


def _with(shown: Chat, question: str, reply: str) -> Chat:
    """Gradio shows markup in messages even where Markdown is off, so the texts are escaped."""
    return [
        *shown,
        {"role": "user", "content": html.escape(question)},
        {"role": "assistant", "content": html.escape(reply)},
    ]


def _customer_id(app: App, wanted: str) -> str | None:
    found = app.shop.customer(wanted.strip()) if wanted.strip() else None
    return found.id if found else None


def _conversation(app: App, conversation_id: str | None, customer_id: str | None) -> Conversation:
    """The conversation of this page; another customer means another conversation."""
    if conversation_id is not None:
        known = app.store.conversation(conversation_id)
        if known.customer_id == customer_id:
            return known
    session = f"try-{uuid.uuid4().hex}"
    return app.store.create_conversation(session, customer_id, app.settings.shop.locale)
