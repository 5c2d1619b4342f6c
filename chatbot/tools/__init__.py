"""The built-in tools. Each reads the shop's data and says what it found; what a tool is stands in ``base``."""

from chatbot.tools import delivery, handoff, orders, products, recommend, returns

BUILTIN = (
    *products.TOOLS,
    *recommend.TOOLS,
    *orders.TOOLS,
    *returns.TOOLS,
    *delivery.TOOLS,
    *handoff.TOOLS,
)
