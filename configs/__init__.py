"""Settings, error types and the packaged YAML. Knows nothing of any other package of kefu."""
