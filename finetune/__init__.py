"""Adapting the chat model to a shop's support logs. Knows nothing of HTTP."""
