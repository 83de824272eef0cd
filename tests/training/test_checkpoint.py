"""What a run leaves on disk, and what it does not go on with."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from ermask_training import checkpoint, recipes

CONFIG = recipes.smoke()


@pytest.fixture
def folder(tmp_path):
    checkpoint.save(tmp_path / "run", CONFIG, 3, {"protector": {"weight": torch.ones(2)}})
    return tmp_path / "run"


def test_what_is_saved_is_read_back(folder):
    state = checkpoint.load(folder)
    assert state["step"] == 3
    assert torch.equal(state["protector"]["weight"], torch.ones(2))
    assert checkpoint.read_config(folder) == CONFIG


def test_a_failed_save_keeps_the_previous_one(folder, monkeypatch):
    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(OSError, match="No space"):
        checkpoint.save(folder, CONFIG, 4, {"protector": {}})
    assert checkpoint.load(folder)["step"] == 3


def test_no_checkpoint(tmp_path):
    with pytest.raises(ValueError, match="has no checkpoint"):
        checkpoint.load(tmp_path)


def test_another_contract(folder):
    meta = json.loads((folder / "meta.json").read_text())
    (folder / "meta.json").write_text(json.dumps({**meta, "contract": 0}))
    with pytest.raises(ValueError, match="contract 0"):
        checkpoint.load(folder)


def test_a_config_of_another_version(folder):
    meta = json.loads((folder / "meta.json").read_text())
    meta["config"]["momentum"] = 0.9
    (folder / "meta.json").write_text(json.dumps(meta))
    with pytest.raises(ValueError, match=r"another version of the lab.*momentum"):
        checkpoint.read_config(folder)


def test_another_config_is_refused_by_name(folder, tmp_path):
    checkpoint.require_same_config(folder, CONFIG)
    checkpoint.require_same_config(tmp_path / "new", replace(CONFIG, seed=1))
    weights = replace(CONFIG.weights, attack=2.0)
    with pytest.raises(ValueError, match=rf"seed was {CONFIG.seed}, is 1.*use a new folder"):
        checkpoint.require_same_config(folder, replace(CONFIG, seed=1))
    with pytest.raises(ValueError, match="weights was"):
        checkpoint.require_same_config(folder, replace(CONFIG, weights=weights))
