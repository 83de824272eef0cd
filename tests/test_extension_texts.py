"""The texts of the extension: every one there, in every language, and used."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
LANGUAGES = sorted(path.name for path in (ROOT / "_locales").iterdir())
CODE = {".js", ".html"}


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """The extension's code, by path."""
    paths = [path for path in (ROOT / "extension").rglob("*") if path.suffix in CODE]
    return {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in paths}


def messages(language: str) -> dict[str, dict[str, Any]]:
    path = ROOT / "_locales" / language / "messages.json"
    found: dict[str, dict[str, Any]] = json.loads(path.read_text("utf-8"))
    return found


def without_comments(text: str) -> str:
    """Code without its comments, but for those that stand behind code."""
    bare = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    return "\n".join(line for line in bare.splitlines() if not line.lstrip().startswith("//"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_there_in_every_language(language: str) -> None:
    english, other = messages("en"), messages(language)
    assert set(english) == set(other)
    for key, entry in english.items():
        assert other[key]["message"].strip(), key
        assert places(entry) == places(other[key]), key
        assert set(entry) <= {"message", "placeholders", "description"}, key


def places(entry: dict[str, Any]) -> dict[str, str]:
    """The placeholders of a text, each that has a name used and declared."""
    declared = {name: each["content"] for name, each in entry.get("placeholders", {}).items()}
    used = {name.lower() for name in re.findall(r"\$([A-Za-z0-9_@]+)\$", entry["message"])}
    assert used == set(declared), entry
    direct = re.findall(r"\$(\d)", entry["message"])
    return {**declared, **{number: f"${number}" for number in direct}}


def keys_named(texts: dict[str, str]) -> tuple[set[str], set[str], list[re.Pattern[str]]]:
    """Keys of texts in the code: single ones, those in `_one` and `_other`, and with holes."""
    single = set(re.findall(r"__MSG_(\w+)__", (ROOT / "manifest.json").read_text("utf-8")))
    plural: set[str] = set()
    holes = []
    for text in map(without_comments, texts.values()):
        single |= set(re.findall(r"data-text(?:-[a-z-]+)?=\"(\w+)\"", text))
        single |= set(re.findall(r"\b(?:text|words\.say|getMessage)\(\s*'(\w+)'", text))
        plural |= set(re.findall(r"\b(?:counted|words\.count)\(\s*'(\w+)'", text))
        for template in re.findall(r"`([a-z]+_[\w${}.()\[\]? :']*)`", text):
            if "${" in template:
                holes.append(re.compile(re.sub(r"\$\{[^}]*\}", r"\\w+", template)))
    return single, plural, holes


def test_every_text_that_is_named_is_there(texts: dict[str, str]) -> None:
    single, plural, _ = keys_named(texts)
    assert len(single) > 100
    wanted = single | {f"{key}_{form}" for key in plural for form in ("one", "other")}
    assert wanted - set(messages("en")) == set()


def test_every_text_is_used(texts: dict[str, str]) -> None:
    """By its name, anywhere in the code; or by one with a hole that it fills."""
    single, _, holes = keys_named(texts)
    literals = single | {
        word for text in texts.values() for word in re.findall(r"['\"`](\w+)['\"`]", text)
    }
    unused = []
    for key in messages("en"):
        base = re.sub(r"_(one|other)$", "", key)
        named = {key, base} & literals
        if not named and not any(hole.fullmatch(each) for hole in holes for each in (key, base)):
            unused.append(key)
    assert unused == []


def test_every_problem_has_a_title() -> None:
    contract = (ROOT / "extension/shared/messages.js").read_text("utf-8")
    block = re.search(r"export const CODES = .*?\(\[(.*?)\]\)", contract, re.DOTALL)
    assert block
    own = set(re.findall(r"^  '(\w+)'", block[1], re.MULTILINE))
    protocol = (ROOT / "docs/protocol.md").read_text("utf-8")
    daemon = set(re.findall(r"^\| `(\w+)` \| \d{3} \|", protocol, re.MULTILINE))
    assert len(own) > 8
    assert len(daemon) > 25
    missing = {code for code in own | daemon if f"problem_{code}" not in messages("en")}
    assert missing == set()
