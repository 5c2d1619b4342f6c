"""Where the public data for benchmarks lie: below the folder that ``KEFU_DATA`` names. Reads nothing."""

from __future__ import annotations

import os
from pathlib import Path

from configs.errors import ConfigError


def data_folder(*sets: str) -> Path:
    """The folder that holds these data sets, each in a folder of its name.

    Raises:
        ConfigError: ``KEFU_DATA`` is not set, or a set is not there.
    """
    named = os.environ.get("KEFU_DATA")
    wanted = f"KEFU_DATA to name the folder that holds {', '.join(sets)}"
    if not named:
        raise ConfigError("KEFU_DATA is not set, so the public data are not known", expected=wanted)
    missing = [name for name in sets if not (Path(named) / name).is_dir()]
    if missing:
        raise ConfigError(f"KEFU_DATA is {named}, which lacks {' and '.join(missing)}", expected=wanted)
    return Path(named)


def data_file(folder: str, file: str) -> Path:
    """The path of a file of one data set.

    Raises:
        ConfigError: it is not there.
    """
    path = data_folder(folder) / folder / file
    if not path.exists():
        raise ConfigError(f"there is no {path}", expected=f"the whole of {folder} below KEFU_DATA")
    return path
