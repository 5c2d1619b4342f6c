"""Where the public data for benchmarks lie: below the folder that ``KEFU_DATA`` names. Reads nothing."""

from __future__ import annotations

import os
from pathlib import Path

from configs.errors import ConfigError


def data_file(folder: str, file: str) -> Path:
    """The path of a file of one data set.

    Raises:
        ConfigError: it is not there.
    """
    path = Path(os.environ.get("KEFU_DATA", "")) / folder / file
    if not path.exists():
        raise ConfigError(f"there is no {path}", expected=f"KEFU_DATA to name the folder that holds {folder}")
    return path
