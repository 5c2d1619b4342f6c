"""``/docs``: the OpenAPI description as one readable page, without a script and with nothing from elsewhere.

Knows OpenAPI as FastAPI writes it, and no endpoint.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'self'"

Schema = Mapping[str, Any]


@cache
def _style() -> str:
    return files("chatbot.api").joinpath("docs.css").read_text(encoding="utf-8")


def render(openapi: Schema, base_url: str) -> str:
    """The whole page as HTML; every word of the description is escaped. ``base_url`` is for the examples."""
    page = _Page(openapi.get("components", {}).get("schemas", {}), base_url.rstrip("/"))
    by_tag: dict[str, list[tuple[str, str, Schema]]] = {}
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            by_tag.setdefault(operation["tags"][-1], []).append((method, path, operation))
    links, parts = [], []
    for tag, operations in by_tag.items():
        links.append(f"<strong>{escape(tag)}</strong>")
        parts.append(f"<h2>{escape(tag)}</h2>")
        for method, path, operation in operations:
            links.append(f'<a href="#{escape(operation["operationId"])}">{escape(operation["summary"])}</a>')
            parts.append("".join(page.operation(method, path, operation)))
    info = openapi["info"]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(info['title'])}: API</title><style>{_style()}</style></head><body><div class='page'>"
        f"<header><h1>{escape(info['title'])}</h1><p class='quiet'>API of version {escape(info['version'])} · "
        f"<a href='openapi.json'>openapi.json</a></p>{_prose(info.get('description', ''))}</header>"
        f"<nav aria-label='Operations'>{''.join(links)}</nav><main>{''.join(parts)}</main></div></body></html>"
    )


@dataclass(frozen=True, slots=True)
class _Page:
    schemas: Mapping[str, Schema]
    base_url: str

    def operation(self, method: str, path: str, operation: Schema) -> Iterator[str]:
        yield f'<section id="{escape(operation["operationId"])}"><h3>{escape(operation["summary"])}</h3>'
        yield f'<p><span class="method {escape(method)}">{escape(method.upper())}</span>'
        yield f"<code>{escape(path)}</code></p>{_prose(operation.get('description', ''))}"
        security = [name for item in operation.get("security", []) for name in item]
        if security:
            yield f"<p class='quiet'>Needs the bearer token of: {escape(', '.join(security))}</p>"
        yield _table(
            "Parameters",
            [
                _row(item["name"], item["schema"], item.get("description", ""), item["in"], item["required"])
                for item in operation.get("parameters", [])
            ],
        )
        for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
            yield _table(f"Body ({media_type})", list(self._fields(content["schema"], say_required=True)))
        yield f"<pre>{escape(self._example(method, path, operation, bool(security)))}</pre>"
        for status, answer in operation["responses"].items():
            if not status.startswith("2"):
                continue  # errors all look alike; the head of the page says how
            for media_type, content in (answer.get("content") or {"no body": {}}).items():
                yield f"<h4>{escape(status)} ({escape(media_type)})</h4>"
                if answer["description"] != "Successful Response":
                    yield _prose(answer["description"])
                yield _table("", list(self._fields(content.get("schema", {}), say_required=False)))
        yield "</section>"

    def _resolve(self, schema: Schema) -> Schema:
        """What a reference stands for, also as one of several options."""
        for option in schema.get("anyOf", ()):
            if "$ref" in option:
                schema = option
        return self.schemas.get(str(schema.get("$ref", "")).rpartition("/")[2], schema)

    def _fields(self, schema: Schema, *, say_required: bool) -> Iterator[str]:
        resolved = self._resolve(schema)
        for name, field in resolved.get("properties", {}).items():
            required = say_required and name in resolved.get("required", ())
            yield _row(name, field, field.get("description", ""), "", required)
            inner = self._resolve(field.get("items", field))
            for nested, nested_field in inner.get("properties", {}).items():
                yield _row(nested, nested_field, nested_field.get("description", ""), "", False, nested=True)

    def _example(self, method: str, path: str, operation: Schema, secured: bool) -> str:
        """A curl command with the required fields of the body."""
        lines = [
            f"curl {'-N ' if 'text/event-stream' in str(operation['responses']) else ''}{self.base_url}{path}"
        ]
        if secured:
            lines.append("-H 'Authorization: Bearer TOKEN'")
        for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
            lines += [
                f"-H 'Content-Type: {media_type}'",
                f"-d '{json.dumps(self._value(content['schema']))}'",
            ]
        if method == "post" and len(lines) < 3:
            lines[0] = lines[0].replace("curl ", "curl -X POST ")
        return " \\\n  ".join(lines)

    def _value(self, schema: Schema) -> Any:
        resolved = self._resolve(schema)
        if "properties" in resolved:
            return {name: self._value(resolved["properties"][name]) for name in resolved.get("required", ())}
        if "anyOf" in resolved:
            return self._value(resolved["anyOf"][0])
        if "enum" in resolved:
            return resolved["enum"][-1 if "user" not in resolved["enum"] else resolved["enum"].index("user")]
        if resolved.get("type") == "array":
            return [self._value(resolved.get("items", {}))]
        return "..."


def _table(title: str, rows: list[str]) -> str:
    if not rows:
        return ""
    head = f"<h4>{escape(title)}</h4>" if title else ""
    return f"{head}<div class='table'><table>{''.join(rows)}</table></div>"


def _row(
    name: str, schema: Schema, description: str, place: str, required: bool, *, nested: bool = False
) -> str:
    where = f"{escape(place)}, " if place else ""
    need = ", <strong>required</strong>" if required else ""
    return (
        f"<tr{' class=nested' if nested else ''}><td><code>{escape(name)}</code></td>"
        f"<td>{where}{escape(_type(schema))}{need}{_prose(description)}</td></tr>"
    )


def _type(schema: Schema) -> str:
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(option) for option in schema["anyOf"]))
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    if "const" in schema:
        return json.dumps(schema["const"])
    words = str(schema.get("type", "anything"))
    if words == "array":
        return f"list of {_type(schema.get('items', {}))}"
    limits = {"maxLength": "at most {}", "minimum": "from {}", "maximum": "to {}", "pattern": "like {}"}
    known = [text.format(schema[key]) for key, text in limits.items() if key in schema]
    shown = {"string": "text", "object": "object", "number": "number"}.get(words, words)
    return f"{shown} ({', '.join(known)})" if known else shown


def _prose(text: str) -> str:
    """Paragraphs; what stands between backticks is code."""
    coded = re.sub("`+([^`]+)`+", r"<code>\1</code>", escape(text))
    return "".join(f"<p>{part.strip()}</p>" for part in coded.split("\n\n") if part.strip())
