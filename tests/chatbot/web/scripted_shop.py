"""A scripted shop that speaks kefu's HTTP API.

It answers what a test tells it to, at the pace that the test wants, and breaks connections on request; nothing in
it is clever.
"""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse

from chatbot.web import mount
from configs.settings import Settings, ShopSettings

DELIVERY = (
    "Standard delivery within Germany costs 3.90 EUR and is free from an order value of 49 EUR. "
    "🚚 Delivery to Austria costs 6.90 EUR and is free from 79 EUR.\n\n"
    "- Express delivery arrives on the next working day.\n"
    "- Orders have to be placed before 14:00.\n\n"
    "| Country | Price |\n|---|---|\n| Germany | 3.90 EUR |\n| Austria | 6.90 EUR |"
)
AUSTRIA = "Delivery to Austria costs 6.90 EUR and is free from 79 EUR."


@dataclass
class Answer:
    """What the shop says.

    With ``gate`` the second sentence waits until it is set; after ``break_after`` sentences the connection ends.
    """

    sentences: list[str]
    citations: list[dict[str, Any]] = field(default_factory=list)
    cards: list[dict[str, Any]] = field(default_factory=list)
    quick_replies: list[str] = field(default_factory=list)
    kind: str = "answer"
    gate: threading.Event | None = None
    break_after: int | None = None


def citation(
    passage: str, text: str, quote: str, sentence: int = 0, title: str = "Delivery › What it costs"
) -> dict[str, Any]:
    start = text.index(quote)
    return {
        "passage_id": passage,
        "source": f"{passage}.md",
        "title": title,
        "quote": quote,
        "start": start,
        "end": start + len(quote),
        "sentence": sentence,
        "url": f"/pages/{passage}",
    }


class ScriptedShop:
    """The server's state: what it will say, and what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.reset()

    def reset(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.refusals: list[tuple[str, int, dict[str, str]]] = []
        self.passages = {
            "delivery": {
                "id": "delivery",
                "title": "Delivery › What it costs",
                "text": DELIVERY,
                "source": "delivery.md",
                "url": "/pages/delivery",
            }
        }
        self.pages: dict[str, str] = {}
        """The shop's own pages: their HTML by name, served under /shop/."""
        self.products = [
            product("KIT-0001", "Alder chef's knife 20 cm", "Kitchen knives", "49.90", 23),
            product("CTE-0004", "Morrow pour-over kettle", "Coffee & tea", "64.00", 3),
            product("BED-0010", "Linen pillowcase, oat", "Bedding", "24.50", 0),
        ]
        self.asked: list[tuple[str, str]] = []
        self.posted: list[str] = []
        self.sessions: dict[str, str | None] = {}
        self.conversations: dict[str, dict[str, Any]] = {}
        self.turns: dict[str, dict[str, Any]] = {}
        self.feedback: list[dict[str, Any]] = []
        self.batches: list[tuple[str, list[dict[str, Any]]]] = []
        self.events: dict[tuple[str, str], dict[str, Any]] = {}

    @property
    def told(self) -> list[tuple[str, str]]:
        """What was told of whom, each event once."""
        return [(event["kind"], event["sku"]) for event in self.events.values()]

    def refuse(self, path_part: str, status: int, headers: dict[str, str] | None = None) -> None:
        """Refuse the next request whose path contains this."""
        self.refusals.append((path_part, status, headers or {}))


def product(sku: str, name: str, category: str, price: str, stock: int) -> dict[str, Any]:
    return {
        "sku": sku,
        "name": name,
        "name_zh": "",
        "category": category,
        "category_zh": "",
        "brand": "Tarnfell",
        "description": f"A plain and sturdy thing: {name}.",
        "attributes": {"weight": "198 g"},
        "price": price,
        "currency": "EUR",
        "stock": stock,
        "final_sale": False,
        "url": None,
        "variants": [],
    }


CUSTOMERS = {"C00001": "Mira Castellan", "C00002": "Jonas Feld"}


def scripted_api(shop: ScriptedShop) -> FastAPI:
    api = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @api.middleware("http")
    async def note(request: Request, call_next: Any) -> Response:
        path = request.url.path
        shop.asked.append((request.method, path))
        for refusal in shop.refusals:
            if refusal[0] in path:
                shop.refusals.remove(refusal)
                body = {"error": {"code": "refused", "message": "not now", "expected": "", "hint": ""}}
                return JSONResponse(body, refusal[1], headers=refusal[2])
        return cast(Response, await call_next(request))

    def error(status: int, message: str) -> JSONResponse:
        return JSONResponse(
            {"error": {"code": "error", "message": message, "expected": "", "hint": ""}}, status
        )

    def session_of(request: Request) -> str | None:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        return token if token in shop.sessions else None

    @api.get("/api/shop")
    async def facts() -> dict[str, Any]:
        return {
            "name": "Lumen & Loom",
            "currency": "EUR",
            "locale": "en",
            "simulated": True,
            "email": "",
            "phone": "",
            "hours": "",
        }

    @api.post("/api/sessions", status_code=201)
    async def sessions(request: Request) -> Any:
        identity = (await request.json()).get("identity")
        customer = None
        if identity:
            claims = json.loads(base64.urlsafe_b64decode(identity.split(".")[1] + "=="))
            customer = claims["sub"]
            if claims.get("expired"):
                return error(401, "the identity token has expired")
        token = f"token-{len(shop.sessions) + 1}"
        shop.sessions[token] = customer
        known = {"id": customer, "name": CUSTOMERS[customer]} if customer else None
        return {"token": token, "expires_at": "2030-01-01T00:00:00Z", "customer": known}

    @api.post("/api/conversations", status_code=201)
    async def conversations(request: Request) -> Any:
        token = session_of(request)
        if token is None:
            return error(401, "there is no session")
        made = {
            "id": f"conversation-{len(shop.conversations) + 1}",
            "locale": (await request.json())["locale"],
            "status": "bot",
        }
        shop.conversations[made["id"]] = {**made, "token": token, "turns": [], "pending": []}
        return {**made, "created_at": "2026-11-01T12:00:00Z"}

    def own(request: Request, conversation: str) -> dict[str, Any] | JSONResponse:
        token = session_of(request)
        if token is None:
            return error(401, "there is no session")
        found = shop.conversations.get(conversation)
        return found if found and found["token"] == token else error(404, "there is no such conversation")

    @api.get("/api/conversations/{conversation}")
    async def transcript(request: Request, conversation: str) -> Any:
        found = own(request, conversation)
        if isinstance(found, JSONResponse):
            return found
        return {**found, "turns": [turn["public"] for turn in found["turns"] if turn["done"]]}

    @api.post("/api/conversations/{conversation}/messages")
    async def message(request: Request, conversation: str) -> Any:
        found = own(request, conversation)
        if isinstance(found, JSONResponse):
            return found
        body = await request.json()
        shop.posted.append(body["text"])
        if found["status"] == "person":
            pending = {"id": f"m{len(shop.posted)}", "text": body["text"], "client_id": body.get("client_id")}
            found["pending"].append(pending)
            event_id = f"{pending['id']}:1"
            note = {"type": "handedover", "id": event_id, "reason": "person"}
            told = f"id: {event_id}\nevent: handedover\ndata: {json.dumps(note)}\n\n"
            return StreamingResponse(iter([told.encode()]), media_type="text/event-stream")
        turn = next((turn for turn in found["turns"] if turn["client_id"] == body.get("client_id")), None)
        if turn is None:
            number = len(shop.turns) + 1
            turn = new_turn(
                f"turn-{number}", number, body["text"], body.get("client_id"), shop.answers.get(body["text"])
            )
            found["turns"].append(turn)
            shop.turns[turn["id"]] = turn
            if turn["answer"].kind == "handoff":
                found["status"] = "waiting"
        return StreamingResponse(stream(turn, None, breaks=True), media_type="text/event-stream")

    @api.get("/api/conversations/{conversation}/events")
    async def events(request: Request, conversation: str, turn: str) -> Any:
        found = own(request, conversation)
        if isinstance(found, JSONResponse):
            return found
        last = request.headers.get("last-event-id")
        return StreamingResponse(stream(shop.turns[turn], last, breaks=False), media_type="text/event-stream")

    @api.post("/api/conversations/{conversation}/turns/{turn}/feedback", status_code=204)
    async def feedback(request: Request, turn: str) -> Response:
        shop.feedback.append({"turn": turn, **await request.json()})
        return Response(status_code=204)

    @api.get("/shop/{name}")
    async def own_page(name: str) -> HTMLResponse:
        return HTMLResponse(shop.pages[name])

    @api.post("/api/events")
    async def shopper_events(request: Request) -> Any:
        token = session_of(request)
        if token is None:
            return error(401, "there is no session")
        batch = (await request.json())["events"]
        shop.batches.append((token, batch))
        known = {item["sku"] for item in shop.products}
        for event in batch:
            if event["sku"] in known:
                shop.events.setdefault((token, event["id"]), event)
        unknown = sorted({event["sku"] for event in batch} - known)
        return {"stored": len(batch), "unknown": unknown}

    @api.get("/api/passages/{passage:path}")
    async def passage(passage: str) -> Any:
        return shop.passages.get(passage) or error(404, "there is no such passage")

    @api.get("/api/products")
    async def products(offset: int = 0, limit: int = 24) -> dict[str, Any]:
        return {"items": shop.products[offset : offset + limit], "total": len(shop.products)}

    @api.get("/api/demo/customers")
    async def customers() -> dict[str, Any]:
        return {
            "customers": [
                {"id": key, "name": name, "country": "DE", "orders": 3} for key, name in CUSTOMERS.items()
            ]
        }

    @api.post("/api/demo/identity")
    async def identity(request: Request) -> dict[str, str]:
        return {"identity": identity_token((await request.json())["customer_id"])}

    mount(api, cast(Any, SimpleNamespace(settings=Settings(shop=ShopSettings()))))
    # What the API does for the origins in ``api.allowed_origins``.
    exposed = {
        "allow_headers": ["authorization", "content-type", "last-event-id"],
        "expose_headers": ["retry-after"],
    }
    api.add_middleware(
        CORSMiddleware,
        allow_origin_regex=r"http://127\.0\.0\.1:\d+",
        allow_methods=["GET", "POST"],
        **exposed,
    )
    return api


def shop_page(head: str = "", *, script: str = "data-events", widget: str = "") -> str:
    """A page of a shop with the widget on it; ``script`` are attributes of its script tag, ``widget`` the server of the widget."""
    return (
        "<!doctype html><html lang='en'><head><title>Shop</title><link rel='icon' href='data:,'>"
        f"{head}<script async src='{widget}/widget.js' data-site='pub_demo' {script}></script></head>"
        "<body><h1>Shop</h1></body></html>"
    )


def identity_token(customer: str, **claims: Any) -> str:
    payload = base64.urlsafe_b64encode(json.dumps({"sub": customer, **claims}).encode()).decode().rstrip("=")
    return f"header.{payload}.signature"


def new_turn(
    turn_id: str, number: int, text: str, client_id: str | None, given: Answer | None
) -> dict[str, Any]:
    answer = given or Answer([f"You said: {text}"])
    reply = {
        "text": "".join(answer.sentences),
        "kind": answer.kind,
        "rung": "quote",
        "citations": answer.citations,
        "cards": answer.cards,
        "quick_replies": answer.quick_replies,
        "confidence": 0.9,
    }
    public = {
        "id": turn_id,
        "number": number,
        "message": text,
        "reply": reply,
        "rung": "quote",
        "timings": {},
        "created_at": "2026-11-01T12:00:00Z",
    }
    return {"id": turn_id, "client_id": client_id, "answer": answer, "public": public, "done": False}


async def stream(turn: dict[str, Any], last: str | None, *, breaks: bool) -> AsyncIterator[bytes]:
    answer: Answer = turn["answer"]
    events: list[tuple[str, dict[str, Any]]] = [("planned", {"plan": {}}), ("retrieved", {"passages": []})]
    events += [("sentence", {"text": text, "index": index}) for index, text in enumerate(answer.sentences)]
    events += [("carded", {"card": card}) for card in answer.cards]
    events += [("cited", {"citation": item}) for item in answer.citations]
    if answer.kind == "handoff":
        events.append(("handedover", {"reason": "requested"}))
    events.append(("done", {"turn": turn["public"]}))
    said = 0
    yield b": taken\n\n"
    for number, (kind, data) in enumerate(events, 1):
        event_id = f"{turn['id']}:{number}"
        if last is not None and number <= int(last.rpartition(":")[2]):
            continue
        if kind == "sentence" and said == 1 and answer.gate is not None:
            await asyncio.to_thread(answer.gate.wait, 10)
        if kind == "done":
            turn["done"] = True
        yield f"id: {event_id}\nevent: {kind}\ndata: {json.dumps({'type': kind, 'id': event_id, **data})}\n\n".encode()
        said += kind == "sentence"
        if breaks and kind == "sentence" and said == answer.break_after:
            return


class ThreadedServer(uvicorn.Server):
    """uvicorn in a thread."""

    def start(self) -> None:
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        deadline = time.monotonic() + 20
        while not self.started:
            assert self.thread.is_alive(), "the server ended at its start"
            assert time.monotonic() < deadline, "the server did not start in 20 seconds"
            time.sleep(0.02)

    def stop(self) -> None:
        self.should_exit = True
        self.thread.join(timeout=10)


def serve(api: Any) -> tuple[ThreadedServer, str]:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    listener.close()
    server = ThreadedServer(
        uvicorn.Config(
            api, host="127.0.0.1", port=port, log_level="warning", ws="none", timeout_graceful_shutdown=1
        )
    )
    server.start()
    return server, f"http://127.0.0.1:{port}"


TWO_SENTENCES = [
    "Delivery to Austria costs 6.90 EUR and is free from 79 EUR.",
    " Express takes one working day.",
]


def sources() -> list[dict[str, Any]]:
    express = "Express delivery arrives on the next working day."
    return [citation("delivery", DELIVERY, AUSTRIA, 0), citation("delivery", DELIVERY, express, 1)]
