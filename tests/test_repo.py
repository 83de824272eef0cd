"""The repository keeps its own rules: layout, sizes, versions, documents that tell the truth."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import get_args

import pytest

import ermask
from ermask import contract, errors

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.fixture(scope="module")
def files() -> list[Path]:
    """All files that are, or would be, in the repository."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout")
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    paths = [ROOT / name for name in listing.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


# --- layout ----------------------------------------------------------------------------------


def test_nothing_at_the_root_keeps_a_browser_from_loading_it() -> None:
    """Chromium refuses a folder with `_*` in it, and a .py there leaves __pycache__ behind."""
    bad = [
        path.name
        for path in ROOT.iterdir()
        if path.suffix == ".py" or (path.name.startswith("_") and path.name != "_locales")
    ]
    assert bad == []


def test_no_file_is_too_long_to_read(files: list[Path]) -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines())
        for path in files
        if path.suffix in {".py", ".js"}
    }
    assert len(lengths) > 20
    assert {name: lines for name, lines in lengths.items() if lines > 400} == {}


def test_no_file_is_large(files: list[Path]) -> None:
    assert [path for path in files if path.stat().st_size > 20 * 2**20] == []


def test_no_module_is_named_after_nothing(files: list[Path]) -> None:
    vague = {"common", "helpers", "misc", "util", "utils"}
    assert [path for path in files if path.stem in vague] == []


def test_no_package_registry_is_named(files: list[Path]) -> None:
    """Where packages come from is the user's setting, not the repository's."""
    # put together here so that this file does not name them either
    hosts = [
        name + end
        for name, end in [
            ("pypi", ".org"),
            ("pythonhosted", ".org"),
            ("registry.npmjs", ".org"),
            ("deb.debian", ".org"),
        ]
    ]
    found = [(path, host) for path in files for host in hosts if host.encode() in path.read_bytes()]
    assert found == []


# --- versions and packaging ------------------------------------------------------------------


def test_versions_are_equal() -> None:
    headings = re.findall(
        r"^## \[(\d[^\]]*)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE
    )
    assert headings[0] == ermask.__version__


def test_no_runtime_is_a_plain_dependency() -> None:
    """The two ONNX Runtimes overwrite each other, so the user chooses one by an extra."""
    assert not [each for each in PROJECT["dependencies"] if each.startswith("onnxruntime")]
    extras = PROJECT["optional-dependencies"]
    assert [re.split(r"[\[><=]", extras[extra][0])[0] for extra in ("cpu", "cuda")] == [
        "onnxruntime",
        "onnxruntime-gpu",
    ]


@pytest.mark.parametrize("command", ["ermask", "ermask-daemon"])
def test_help_is_quick(command: str) -> None:
    """Asking for help loads none of the heavy packages."""
    module, function = PROJECT["scripts"][command].split(":")
    program = f"""
import sys
sys.argv = [{command!r}, "--help"]
from {module} import {function}
try:
    {function}()
except SystemExit as end:
    assert not end.code, end.code
heavy = {{"aiohttp", "cv2", "onnxruntime", "scipy", "skimage", "torch"}} & set(sys.modules)
assert not heavy, heavy
"""
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    assert "Usage" in result.stdout


# --- documents -------------------------------------------------------------------------------


def all_errors(root: type[errors.ErmaskError] = errors.ErmaskError) -> list[type]:
    return [root, *(found for sub in root.__subclasses__() for found in all_errors(sub))]


def test_every_error_code_is_documented() -> None:
    text = (ROOT / "docs" / "protocol.md").read_text("utf-8")
    codes = {each.code for each in all_errors()}  # type: ignore[attr-defined]
    assert {code for code in codes if f"`{code}`" not in text} == set()


def test_error_codes_are_unique() -> None:
    codes = [each.code for each in all_errors()]  # type: ignore[attr-defined]
    assert len(codes) == len(set(codes))


def test_the_contract_is_documented() -> None:
    text = (ROOT / "docs" / "contract.md").read_text("utf-8")
    values = {
        "VERSION": str(contract.VERSION),
        "CROP": str(contract.CROP),
        "FIELD": " x ".join(map(str, contract.FIELD)),
        "RESIDUAL_GRID": str(contract.RESIDUAL_GRID),
        "FLOW_GRID": str(contract.FLOW_GRID),
        "EMBEDDING": str(contract.EMBEDDING),
        "DRAWS": str(contract.DRAWS),
        "STRENGTHS": ", ".join(f"{name} {value}" for name, value in contract.STRENGTHS.items()),
    }
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| ([^|]+?) \|", text, re.MULTILINE))
    assert rows == values
    assert f"`{contract.METADATA_KEY}`" in text
    for role in get_args(contract.Role):
        wanted = contract.ModelContract(role=role, max_residual=0.1, max_flow=1)
        for name in [*wanted.inputs, *wanted.outputs]:
            assert f"| `{name}` |" in text


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text("utf-8")):
        if not target.startswith("https:"):
            assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_make_targets_in_documents_exist(document: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(
        re.findall(r"(?:`|^)make ([a-z]+)", (ROOT / document).read_text("utf-8"), re.MULTILINE)
    )
    assert named
    assert named <= targets


def test_the_commands_in_the_readme_exist() -> None:
    import typer

    from ermask.cli import app

    lines = re.findall(r"^ermask (.+)$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    assert len(lines) > 5
    for line in lines:
        command = typer.main.get_command(app)
        words = line.partition("#")[0].split()
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]  # type: ignore[attr-defined]
        assert not hasattr(command, "commands"), line
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, line
