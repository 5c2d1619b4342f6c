"""The built-in tools. Each reads the shop's data and says what it found; what a tool is stands in ``base``."""

from chatbot.tools import compare, delivery, handoff, orders, products, reasons, recommend, returns

BUILTIN = (
    *products.TOOLS,
    *compare.TOOLS,
    *recommend.TOOLS,
    *reasons.TOOLS,
    *orders.TOOLS,
    *returns.TOOLS,
    *delivery.TOOLS,
    *handoff.TOOLS,
)
