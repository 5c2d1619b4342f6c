"""Suites and benchmarks. Import as ``from eval.x import y``: a plain ``import eval`` shadows a builtin."""
