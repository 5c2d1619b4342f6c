"""The mapping of a table whose columns are called after the fields, so that it needs no YAML.

In CSV, ``attributes.material`` is one attribute; ``variant_sku``, ``variant_price``, ``variant_stock`` and
``options.size`` make each row a variant of the product in ``sku``; an order has one row a line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chatbot.importers.fields import Target
from chatbot.importers.kinds import LINE, VARIANT
from chatbot.importers.mapping import Condition, Kind, Source, TableMapping


def identity_mapping(
    kind: Kind, columns: Sequence[str] | None, targets: Mapping[str, Target]
) -> TableMapping:
    """``columns`` None: each row brings its own (JSON lines), so nesting needs no special columns."""
    if columns is None:
        return TableMapping(kind=kind, fields={name: Source(column=name, optional=True) for name in targets})
    fields = {
        name: Source(column=name, optional=not target.required)
        for name, target in targets.items()
        if name in columns or (target.required and target.default is None)
    }
    if kind == "orders" and "lines" not in columns and "unit_price" in columns:
        lines = {name: Source(column=name) for name in LINE if name in columns}
        return TableMapping(kind=kind, fields=fields, lines=lines)
    if kind != "products":
        return TableMapping(kind=kind, fields=fields)
    variants = {name: Source(column=f"variant_{name}") for name in VARIANT if f"variant_{name}" in columns}
    return TableMapping(
        kind=kind,
        fields=fields,
        attributes=_dotted("attributes", columns),
        variants=variants,
        variant_rows=(Condition(column="variant_sku", empty=False),) if variants else (),
        options=_dotted("options", columns),
    )


def _dotted(prefix: str, columns: Sequence[str]) -> dict[str, Source]:
    return {
        name.removeprefix(f"{prefix}."): Source(column=name)
        for name in columns
        if name.startswith(f"{prefix}.")
    }
