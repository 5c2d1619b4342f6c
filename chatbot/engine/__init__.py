"""Language models behind one protocol: ``llamacpp`` (default), ``transformers_`` and ``openai_``."""
