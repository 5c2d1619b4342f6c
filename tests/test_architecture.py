"""What holds for the project as a whole. The order of imports is import-linter's (``pyproject.toml``)."""

from __future__ import annotations

import ast
import os
import re
import resource
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from .reference import DOCS, PAGES, ROOT, command_reference, commands, renewed

PACKAGES = ("chatbot", "retrieval", "finetune", "eval", "configs")
README = ROOT / "README.md"
_NOT_OURS = {"__pycache__"}


def packaged(*endings: str) -> Iterator[Path]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*")):
            if path.suffix in endings and not _NOT_OURS & set(path.parts):
                yield path


def tracked() -> list[Path]:
    """Files that git knows, or that are there if this is no clone."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    names = listed.stdout.decode().split("\0")
    found = (
        [ROOT / name for name in names if name] if listed.returncode == 0 else list(packaged(".py", ".md"))
    )
    return [path for path in found if path.is_file()]


# --- imports ------------------------------------------------------------------------------------------------


def test_nothing_shadows_the_builtin_eval() -> None:
    """``from eval.x import y`` is fine; ``import eval`` would hide a builtin."""
    wrong = []
    for path in [*packaged(".py"), *sorted((ROOT / "tests").rglob("*.py"))]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            plain = isinstance(node, ast.Import) and any(a.name.split(".")[0] == "eval" for a in node.names)
            whole = isinstance(node, ast.ImportFrom) and node.module == "eval" and node.level == 0
            if plain or whole:
                wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert wrong == []


def test_every_module_has_its_place_in_the_order_of_layers() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    named = set(re.findall(r"[\w.]+", " ".join(contracts["contracts"][0]["layers"])))
    modules = {f"chatbot.{path.stem}" for path in (ROOT / "chatbot").glob("*.py") if path.stem != "__init__"}
    folders = {f"chatbot.{path.parent.name}" for path in (ROOT / "chatbot").glob("*/__init__.py")}
    assert (modules | folders) - named == set(), "add them to the layers in pyproject.toml"


def test_help_is_quick_and_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['kefu', '--help']\n"
        "from chatbot.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'transformers', 'chromadb', 'gradio', 'fastapi', 'numpy', 'sqlalchemy'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or None)"
    )
    seconds = []
    for _ in range(3):
        start = _seconds_of_children()
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        seconds.append(_seconds_of_children() - start)
        assert (run.returncode, run.stderr) == (0, "")
        assert "serve" in run.stdout
    assert min(seconds) < 0.5


def _seconds_of_children() -> float:
    """Of processor time: what the clock shows depends on who else is at work."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


# --- files --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*packaged(".yaml", ".yml")], ids=lambda path: str(path.relative_to(ROOT)))
def test_every_packaged_yaml_loads(path: Path) -> None:
    assert yaml.safe_load(path.read_text(encoding="utf-8")) is not None


def test_no_module_is_long() -> None:
    """About 300 lines is the habit, 400 the end."""
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in packaged(".py", ".js")}
    assert {str(path.relative_to(ROOT)): length for path, length in lengths.items() if length > 400} == {}


def test_every_module_says_what_it_does() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in packaged(".py")
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []


def test_files_name_no_machine_and_no_registry() -> None:
    """The project runs anywhere: no path of somebody's machine, no package index of somebody's network."""
    folders = [*"work tmp/bash mnt/data Users".split(), "home/" + "[a-z]+"]
    paths = rf"(?<![\w.])/(?:{'|'.join(folders)})/\w"
    hosts = (
        r"https?://[\w.-]*(?:pypi|artifactory|nexus|mirror)[\w.-]*|--(?:extra-)?index-url|\.\./" + "shared"
    )
    wrong = []
    for path in tracked():
        if path.suffix in {".png", ".pdf", ".docx", ".parquet", ".gguf", ".safetensors"} or path == Path(
            __file__
        ):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if re.search(f"{paths}|{hosts}", line):
                wrong.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    assert wrong == []


# --- commands and documentation -----------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["run", "test", "setup", "docs", "lint"])
def test_make_knows_its_targets(target: str) -> None:
    if shutil.which("make") is None:
        pytest.skip("there is no make here; install it (Debian: apt-get install make)")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    run = subprocess.run(
        ["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False, env=environment
    )
    assert (run.returncode, run.stderr) == (0, "")


def shell_lines(page: Path) -> Iterator[str]:
    """Commands of a page: lines of its shell blocks, and code spans that begin like one."""
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"^ *```(?:sh|bash)?[^\n]*\n(.*?)^ *```", text, re.M | re.S):
        yield from (line.strip() for line in block.splitlines())
    prose = re.sub(r"^ *```.*?^ *```", "", text, flags=re.M | re.S)
    yield from re.findall(r"`((?:kefu|make) [^`]+)`", prose)


@pytest.mark.parametrize("page", [README, *sorted(DOCS.glob("*.md"))], ids=lambda page: page.name)
def test_the_commands_in_the_documentation_exist(page: Path) -> None:
    options = {
        tuple(words): {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
        | {"--help"}
        for words, command in commands()
    }
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    unknown = []
    for line in shell_lines(page):
        for call in re.findall(r"(?:^|[;&|(]\s*)((?:kefu|make) [^;&|#]+)", line):
            program, *words = call.split()
            if program == "make":
                unknown += [call for word in words if "=" not in word and word not in targets]
                continue
            known = [path for path in options if tuple(words[: len(path)]) == path]
            if not known and words[0] != "COMMAND":
                unknown.append(call)
            elif known:
                used = {word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)}
                unknown += [f"{call}: {option}" for option in sorted(used - options[known[0]])]
    assert unknown == []


@pytest.mark.parametrize("page", PAGES)
def test_generated_pages_are_true(page: str) -> None:
    written = (DOCS / page).read_text(encoding="utf-8")
    assert "<!-- generated by make docs -->" in written
    assert written == renewed(page), "run: make docs"


def test_the_reference_names_every_command() -> None:
    text = command_reference()
    assert all(f"`kefu {' '.join(words)}" in text for words, _ in commands())
    assert len(list(commands())) >= 12


@pytest.mark.parametrize("page", [README, *sorted(DOCS.glob("*.md"))], ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    linked = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    local = [target for target in linked if "://" not in target and not target.startswith("mailto:")]
    assert [target for target in local if not (page.parent / target).exists()] == []
