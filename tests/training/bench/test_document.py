"""The JSON of a run: written whole, read back, refused where it does not fit."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("torch")

from ermask_training.bench import document as documents

SETTINGS = {"seed": 1, "models": {"protector": "aa"}}


def test_a_document_comes_back_and_is_plain_json(tmp_path):
    document = documents.new(SETTINGS)
    documents.add(document, "bo", "ff", {"mark": {"x": 1}})
    documents.add(document, "ada", "ee", {"mark": {"x": None}})
    documents.put(document, {"key found": {"clean": {"n": 2}}})
    path = tmp_path / "figures.json"
    documents.write(path, document)
    assert documents.load(path) == document
    assert json.loads(path.read_text()) == document
    assert sum("mark" in line for line in path.read_text().splitlines()) == 2
    assert list(documents.rows(document, "mark")) == ["ada", "bo"]
    assert documents.rows(document, "looks") == {}


def test_an_empty_document_can_be_written(tmp_path):
    documents.write(tmp_path / "none.json", documents.new(SETTINGS))
    assert documents.load(tmp_path / "none.json")["pairs"] == 0


def test_what_is_no_number_is_not_written(tmp_path):
    document = documents.new(SETTINGS)
    path = tmp_path / "figures.json"
    documents.write(path, document)
    before = path.read_text()
    documents.put(document, {"looks": float("nan")})
    with pytest.raises(ValueError, match="nan"):
        documents.write(path, document)
    assert path.read_text() == before


def test_going_on_adds_settings_and_refuses_others(tmp_path):
    path = tmp_path / "figures.json"
    documents.write(path, documents.new(SETTINGS))
    grown = documents.go_on(path, {**SETTINGS, "gallery": 12})
    assert grown["settings"] == {**SETTINGS, "gallery": 12}
    with pytest.raises(ValueError, match="other models; use another --output"):
        documents.go_on(path, {"seed": 1, "models": {"protector": "bb"}})


OTHERS = ("", "[]", '{"psnr": 1}', '{"bench": 1}', '{"bench": 9, "photos": {}, "settings": {}}')


@pytest.mark.parametrize("text", OTHERS)
def test_a_file_that_is_something_else(tmp_path, text):
    path = tmp_path / "figures.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"figures\.json"):
        documents.load(path)
