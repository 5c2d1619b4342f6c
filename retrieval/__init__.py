"""Finding passages of pages and products. Knows nothing of conversations or of who asks."""
