"""The HTTP side: shoppers' sessions and conversations, the OpenAI-compatible door, the catalogue, operations."""

from chatbot.api.factory import create_api

__all__ = ["create_api"]
