"""The built-in tools. Each reads the shop's data and says what it found, or prepares what the shopper will be asked to confirm; what a tool
is stands in ``base``."""

from chatbot.tools import actions, compare, delivery, handoff, orders, products, reasons, recommend, returns

BUILTIN = (
    *products.TOOLS,
    *compare.TOOLS,
    *recommend.TOOLS,
    *reasons.TOOLS,
    *orders.TOOLS,
    *returns.TOOLS,
    *actions.TOOLS,
    *delivery.TOOLS,
    *handoff.TOOLS,
)
CHANGES = frozenset(item.name for item in BUILTIN if item.effect == "write")
"""Those that prepare a change."""
