"""The service: from a shopper's message to a stored, checked reply."""
