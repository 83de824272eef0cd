"""What is shipped to browsers: the archive, the permissions, and no way to load more."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import ermask

ROOT = Path(__file__).parent.parent
SCRIPT = ROOT / "scripts" / "pack_extension.py"
MANIFEST = json.loads((ROOT / "manifest.json").read_text("utf-8"))


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pack_extension", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


packer = load_script()


@pytest.fixture(scope="module")
def shipped() -> dict[str, bytes]:
    """All that is packed, by path."""
    return dict(packer.needed(packer.files(ROOT)))


@pytest.fixture(scope="module")
def texts(shipped: dict[str, bytes]) -> dict[str, str]:
    """The shipped code, by path."""
    return {
        name: content.decode("utf-8")
        for name, content in shipped.items()
        if Path(name).suffix in packer.CODE
    }


# --- the archive -----------------------------------------------------------------------------


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The parts of the repository that packing looks at."""
    root = tmp_path / "repository"
    for name in ("extension", "_locales"):
        shutil.copytree(ROOT / name, root / name)
    for name in ("manifest.json", "LICENSE", "server/ermask/__init__.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    return root


def run(root: Path, out: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), "--root", str(root), "--out", str(out)]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_same_files_give_the_same_bytes(copy: Path, tmp_path: Path) -> None:
    first = run(copy, tmp_path / "one")
    assert first.returncode == 0, first.stderr
    for path in copy.rglob("*"):
        os.utime(path, (1, 1))
        if path.is_file():
            path.chmod(0o600)
    assert run(copy, tmp_path / "two").returncode == 0
    name = f"ermask-{ermask.__version__}.zip"
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_the_archive_is_the_extension_and_nothing_else(tmp_path: Path) -> None:
    packed = packer.pack(ROOT, tmp_path)
    assert packed.stat().st_size < 300_000
    with zipfile.ZipFile(packed) as archive:
        names = archive.namelist()
        assert archive.testzip() is None
    assert names == sorted(names)
    assert {"manifest.json", "LICENSE", "extension/background.js"} <= set(names)
    assert {name.split("/")[0] for name in names} == {
        "LICENSE",
        "_locales",
        "extension",
        "manifest.json",
    }
    for path in ROOT.glob("_locales/*/messages.json"):
        assert path.relative_to(ROOT).as_posix() in names
    assert list(tmp_path.iterdir()) == [packed]


def test_every_picture_of_the_button_is_packed(shipped: dict[str, bytes]) -> None:
    states = ["on", "off", "paused", "not-paired", "daemon-down", "working", "done", "error"]
    wanted = {f"extension/icons/{state}-{size}.png" for state in states for size in (16, 32)}
    assert wanted <= set(shipped)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def drop_content_script(root: Path) -> None:
    (root / MANIFEST["content_scripts"][0]["js"][0]).unlink()


def drop_module(root: Path) -> None:
    (root / "extension/background/presets.js").unlink()


def drop_picture(root: Path) -> None:
    (root / "extension/icons/done-16.png").unlink()
    (root / "extension/icons/on-16.png").unlink()


def drop_texts(root: Path) -> None:
    (root / "_locales/en/messages.json").unlink()


def drop_licence(root: Path) -> None:
    (root / "LICENSE").unlink()


def add_style(root: Path) -> None:
    edit(root / "extension/popup/popup.html", "</head>", '<link href="no.css"></head>')


def add_image(root: Path) -> None:
    path = root / "extension/popup/popup.css"
    path.write_text(path.read_text("utf-8") + "\nbody { background: url('no.png'); }\n", "utf-8")


def add_page(root: Path) -> None:
    edit(root / "extension/background/open.js", "onboarding/onboarding.html", "no/page.html")


def add_version(root: Path) -> None:
    edit(root / "manifest.json", f'"version": "{ermask.__version__}"', '"version": "9.9.9"')


def add_spare_code(root: Path) -> None:
    (root / "extension/background/spare.js").write_text("export {};\n")


def add_map(root: Path) -> None:
    (root / "extension/background.js.map").write_text("{}")


def add_hidden(root: Path) -> None:
    (root / "extension/.note.js").write_text("")


def add_link(root: Path) -> None:
    (root / "extension/link.js").symlink_to(root / "extension/background.js")


def add_weight(root: Path) -> None:
    (root / "extension/icons/on-128.png").write_bytes(os.urandom(400_000))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (drop_content_script, "named in manifest.json"),
        (drop_module, "extension/background/presets.js, named in extension/"),
        (drop_picture, "extension/icons/on-16.png"),
        (drop_texts, "_locales/en/messages.json"),
        (drop_licence, "LICENSE is not there"),
        (add_style, "extension/popup/no.css, named in extension/popup/popup.html"),
        (add_image, "extension/popup/no.png, named in extension/popup/popup.css"),
        (add_page, "extension/no/page.html, named in extension/background/open.js"),
        (add_version, "version 9.9.9"),
        (add_spare_code, "nothing leads to extension/background/spare.js"),
        (add_map, "extension/background.js.map does not belong"),
        (add_hidden, "extension/.note.js does not belong"),
        (add_link, "extension/link.js is a link"),
        (add_weight, "more than 300,000"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_not_whole_is_not_packed(
    copy: Path, tmp_path: Path, damage: Any, reason: str
) -> None:
    damage(copy)
    result = run(copy, tmp_path / "out")
    assert result.returncode == 1
    assert result.stderr.startswith("Not packed: ")
    assert reason in result.stderr
    assert not (tmp_path / "out").exists()


def test_versions_are_equal() -> None:
    assert MANIFEST["version"] == ermask.__version__


# --- permissions -----------------------------------------------------------------------------


def test_permissions_are_those_that_are_explained() -> None:
    """A new permission is a promise broken to those who have installed it: say why first."""
    assert MANIFEST["permissions"] == [
        "activeTab",
        "alarms",
        "contextMenus",
        "scripting",
        "storage",
    ]
    assert MANIFEST["optional_host_permissions"] == ["https://*/*", "http://*/*"]
    assert not {"optional_permissions", "externally_connectable", "web_accessible_resources"} & set(
        MANIFEST
    )
    document = (ROOT / "docs/extension-permissions.md").read_text("utf-8")
    named = set(re.findall(r"^\| `([^`]+)` \|", document, re.MULTILINE))
    every = {
        *MANIFEST["permissions"],
        *MANIFEST["host_permissions"],
        *MANIFEST["optional_host_permissions"],
    }
    assert named == every


def test_hosts_are_those_of_the_presets() -> None:
    source = (ROOT / "extension/background/presets.js").read_text("utf-8")
    lists = re.findall(r"hosts: \[([^\]]+)\]", source)
    hosts = [host for each in lists for host in re.findall(r"'([^']+)'", each)]
    assert len(hosts) > 15
    matches = sorted(f"https://{host}/*" for host in hosts)
    assert sorted(MANIFEST["host_permissions"]) == sorted(["http://127.0.0.1/*", *matches])
    for script in MANIFEST["content_scripts"]:
        assert sorted(script["matches"]) == matches


def test_pages_may_load_nothing_from_elsewhere() -> None:
    policy = MANIFEST["content_security_policy"]["extension_pages"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == "'self'"
    assert "unsafe" not in policy


# --- code ------------------------------------------------------------------------------------

FORBIDDEN = {
    "markup from text": r"\.(inner|outer)HTML\b|insertAdjacentHTML|document\.write"
    r"|createContextualFragment|setHTMLUnsafe|parseHTMLUnsafe|srcdoc\s*=",
    "code from text": r"\beval\s*\(|\bnew\s+Function\b|[^.\w]Function\s*\("
    r"|set(Timeout|Interval)\s*\(\s*['\"`]|importScripts|javascript:",
    "code from elsewhere": r"import\s*\(\s*[^)'\"]|import\s*\(\s*['\"][^.]|src=['\"]\w+:",
    "what was for a moment": r"\bconsole\.log\b|\bdebugger\b|sourceMappingURL",
}
# patterns, names that are compared or shown, and the namespaces of XML
ADDRESSES = {"127.0.0.1", "*", "www.w3.org", "example.org", "addons.mozilla.org"}


def without_comments(text: str) -> str:
    """Code without its comments, but for those that stand behind code."""
    bare = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    return "\n".join(line for line in bare.splitlines() if not line.lstrip().startswith("//"))


@pytest.mark.parametrize("what", FORBIDDEN)
def test_shipped_code_has_no(what: str, texts: dict[str, str]) -> None:
    pattern = re.compile(FORBIDDEN[what])
    found = {}
    for name, text in texts.items():
        hits = [
            line.strip() for line in without_comments(text).splitlines() if pattern.search(line)
        ]
        if hits:
            found[name] = hits
    assert found == {}


def test_shipped_code_names_no_remote_address(shipped: dict[str, bytes]) -> None:
    found = {
        (name, host)
        for name, content in shipped.items()
        if Path(name).suffix in packer.CODE | {".svg", ".json"} and name != "manifest.json"
        for host in re.findall(r"(?:https?|wss?):\\?/\\?/([\w*][\w.*-]*)", content.decode("utf-8"))
    }
    assert {each for each in found if each[1] not in ADDRESSES} == set()


def test_pages_have_no_scripts_or_styles_of_their_own(texts: dict[str, str]) -> None:
    for name, text in texts.items():
        if name.endswith(".html"):
            assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", text), name
            assert re.search(r"<!doctype html>", text, re.IGNORECASE), name


# --- what the stores look at -----------------------------------------------------------------

KNOWN_WARNINGS = {
    "BACKGROUND_SERVICE_WORKER_IGNORED",  # one manifest for both browsers: this is Chrome's part
    "KEY_FIREFOX_ANDROID_UNSUPPORTED_BY_MIN_VERSION",  # not offered for Android
}


def test_the_linter_of_add_ons_finds_no_error(tmp_path: Path) -> None:
    tool = ROOT / "tests/node_modules/.bin/web-ext"
    if not tool.exists() or shutil.which("node") is None:
        pytest.skip("web-ext is not installed: make test-extension")
    folder = tmp_path / "extension"
    with zipfile.ZipFile(packer.pack(ROOT, tmp_path)) as archive:
        archive.extractall(folder)  # our own archive
    result = subprocess.run(
        [
            str(tool),
            "lint",
            "--source-dir",
            str(folder),
            "--output",
            "json",
            "--no-config-discovery",
        ],
        capture_output=True,
        text=True,
        timeout=300,
    )
    report = json.loads(result.stdout)
    assert report["errors"] == []
    unexpected = [each for each in report["warnings"] if each["code"] not in KNOWN_WARNINGS]
    assert unexpected == []
