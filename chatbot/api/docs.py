"""``/docs``: the OpenAPI description as one readable page, without a script and without anything from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'self'"

_STYLE = """
:root { color-scheme: light dark; --line: light-dark(#dfe3e1, #37403d); --soft: light-dark(#f5f7f6, #1d2422);
  --ink: light-dark(#17211e, #e8eeeb); --quiet: light-dark(#5a6763, #9dada7); --accent: light-dark(#1d5c4a, #8ad0b7); }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: light-dark(#fff, #141a18); }
.page { display: grid; grid-template-columns: 15rem minmax(0, 48rem); gap: 3rem; max-width: 72rem; margin: auto;
  padding: 2.5rem 1.5rem 6rem; }
nav { position: sticky; top: 2rem; align-self: start; max-height: calc(100vh - 4rem); overflow: auto; font-size: .85rem; }
nav a { display: block; padding: .15rem 0; color: var(--quiet); text-decoration: none; overflow-wrap: anywhere; }
nav a:hover, nav a:focus { color: var(--accent); text-decoration: underline; }
nav strong { display: block; margin: 1rem 0 .2rem; text-transform: capitalize; }
h1 { margin: 0 0 .3rem; font-size: 1.9rem; } h2 { margin: 3rem 0 0; text-transform: capitalize; }
a { color: var(--accent); } p { margin: .5rem 0; } .quiet { color: var(--quiet); }
section { margin-top: 1.4rem; padding-top: 1.2rem; border-top: 1px solid var(--line); scroll-margin-top: 1rem; }
h3 { margin: 0; font-size: 1.05rem; overflow-wrap: anywhere; } h4 { margin: 1rem 0 .2rem; font-size: .85rem; color: var(--quiet); }
code, pre { font: .86rem/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
pre { margin: .4rem 0; padding: .7rem .9rem; overflow: auto; border-radius: 6px; background: var(--soft); }
.method { display: inline-block; min-width: 3.6rem; margin-right: .5rem; padding: .1rem .45rem; border-radius: 4px; color: light-dark(#fff, #10211b);
  background: var(--accent); font: 600 .78rem/1.5 system-ui, sans-serif; text-align: center; }
.method.get { background: light-dark(#31597f, #9cc3e6); }
.table { overflow-x: auto; } table { width: 100%; border-collapse: collapse; font-size: .9rem; }
td { padding: .35rem .8rem .35rem 0; border-top: 1px solid var(--line); vertical-align: top; } td:first-child { white-space: nowrap; }
@media (max-width: 820px) { .page { display: block; padding-top: 1.5rem; } nav { position: static; max-height: none; margin-bottom: 2rem; } }
"""


def render(openapi: Mapping[str, Any]) -> str:
    """The whole page as HTML; every word of the description is escaped."""
    schemas: Mapping[str, Any] = openapi.get("components", {}).get("schemas", {})
    by_tag: dict[str, list[tuple[str, str, Mapping[str, Any]]]] = {}
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            by_tag.setdefault(operation.get("tags", ["other"])[-1], []).append((method, path, operation))
    links, parts = [], []
    for tag, operations in by_tag.items():
        links.append(f"<strong>{escape(tag)}</strong>")
        parts.append(f"<h2>{escape(tag)}</h2>")
        for method, path, operation in operations:
            anchor = escape(operation["operationId"], quote=True)
            links.append(f'<a href="#{anchor}">{escape(operation.get("summary", path))}</a>')
            parts.append(_operation(anchor, method, path, operation, schemas))
    info = openapi["info"]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(info['title'])}: API</title><style>{_STYLE}</style></head><body><div class='page'>"
        f"<nav aria-label='Operations'>{''.join(links)}</nav><main><h1>{escape(info['title'])}</h1>"
        f"<p class='quiet'>Version {escape(info['version'])} · <a href='openapi.json'>openapi.json</a></p>"
        f"{_paragraphs(info.get('description', ''))}{''.join(parts)}</main></div></body></html>"
    )


def _operation(
    anchor: str, method: str, path: str, operation: Mapping[str, Any], schemas: Mapping[str, Any]
) -> str:
    parts = [
        f'<section id="{anchor}"><h3><span class="method {escape(method)}">{escape(method.upper())}</span>'
        f"<code>{escape(path)}</code></h3><p>{escape(operation.get('summary', ''))}</p>",
        _paragraphs(operation.get("description", "")),
    ]
    for security in operation.get("security", []):
        parts.append(f"<p class='quiet'>Bearer token: {escape(', '.join(security))}</p>")
    parameters = [
        _row(
            item["name"], item["schema"], item.get("required", False), item.get("description", ""), item["in"]
        )
        for item in operation.get("parameters", [])
    ]
    parts.append(_table("Parameters", parameters))
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(_table(f"Body ({media_type})", list(_fields(content.get("schema", {}), schemas))))
        parts.append(f"<pre>{escape(_example(method, path, content.get('schema', {}), schemas))}</pre>")
    for status, response in operation.get("responses", {}).items():
        if not status.startswith("2"):
            continue
        contents = response.get("content", {}) or {"no body": {}}
        for media_type, content in contents.items():
            rows = list(_fields(content.get("schema", {}), schemas))
            description = response.get("description", "")
            note = _paragraphs(description) if description != "Successful Response" else ""
            parts.append(_table(f"{status} ({media_type})", rows, always=True) + note)
    return "".join(parts) + "</section>"


def _table(title: str, rows: list[str], *, always: bool = False) -> str:
    if not rows:
        return f"<h4>{escape(title)}</h4>" if always else ""
    return f"<h4>{escape(title)}</h4><div class='table'><table>{''.join(rows)}</table></div>"


def _row(name: str, schema: Mapping[str, Any], required: bool, description: str, place: str = "") -> str:
    need = " <strong>required</strong>" if required else ""
    where = f"{escape(place)} · " if place else ""
    text = description or str(schema.get("description", ""))
    return (
        f"<tr><td><code>{escape(name)}</code></td><td>{where}{escape(_type(schema))}{need}"
        f"{f'<br><span class=quiet>{escape(text)}</span>' if text else ''}</td></tr>"
    )


def _resolve(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    for option in schema.get("anyOf", ()):
        if "$ref" in option:
            schema = option
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    found: Mapping[str, Any] = schemas.get(name, schema)
    return found


def _fields(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[str]:
    resolved = _resolve(schema, schemas)
    for name, field in resolved.get("properties", {}).items():
        yield _row(name, field, name in resolved.get("required", ()), "")
        inner = field.get("items", field)
        for nested, nested_field in _resolve(inner, schemas).get("properties", {}).items():
            yield _row(f"  {name}.{nested}", nested_field, False, "")


def _type(schema: Mapping[str, Any]) -> str:
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
    limits = {
        "maxLength": "at most {} characters",
        "minimum": "from {}",
        "maximum": "to {}",
        "pattern": "like {}",
    }
    known = [text.format(schema[key]) for key, text in limits.items() if key in schema]
    shown = "text" if words == "string" else words
    return f"{shown} ({', '.join(known)})" if known else shown


def _example(method: str, path: str, schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    """A curl command with the required fields."""
    resolved = _resolve(schema, schemas)
    body = {name: _value(resolved["properties"][name], schemas) for name in resolved.get("required", ())}
    return (
        f"curl -N -X {method.upper()} http://127.0.0.1:8080{path} \\\n"
        "  -H 'Authorization: Bearer TOKEN' -H 'Content-Type: application/json' \\\n"
        f"  -d '{json.dumps(body)}'"
    )


def _value(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    resolved = _resolve(schema, schemas)
    if "enum" in resolved:
        return resolved["enum"][-1]
    if "properties" in resolved:
        return {name: _value(resolved["properties"][name], schemas) for name in resolved.get("required", ())}
    if "anyOf" in resolved:
        return _value(resolved["anyOf"][0], schemas)
    if resolved.get("type") == "array":
        return [_value(resolved.get("items", {}), schemas)]
    return {"integer": 1, "boolean": True, "number": 1.0}.get(str(resolved.get("type")), "...")


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{escape(part.strip())}</p>" for part in text.split("\n\n") if part.strip())
