"""A whole evaluation on real ONNX sessions: what it keeps, and how it goes on."""

from __future__ import annotations

import json
import math

import pytest

pytest.importorskip("torch")

from ermask_training.bench import document as documents
from ermask_training.bench import runner
from ermask_training.bench.choice import PROTOCOLS
from ermask_training.bench.runner import evaluate
from ermask_training.bench.subject import PRESETS
from ermask_training.bench.variants import VARIANTS, label

QUICK = ["linkage", "impersonation"]


@pytest.fixture(scope="module")
def document(measured):
    return documents.load(measured)


def figures_in(entry):
    """Every figure of a document, however deep."""
    if isinstance(entry, dict):
        if "interval_95" in entry:
            yield entry
        else:
            for value in entry.values():
                yield from figures_in(value)


def test_every_protocol_kept_every_person(document):
    assert document["pairs"] == 2
    for person in ("ada", "bo"):
        assert set(document["photos"][person]) == {*PROTOCOLS, "files"}


def test_every_figure_has_n_and_an_interval_around_it(document):
    found = list(figures_in(documents.without_photos(document)))
    assert len(found) > 200
    for each in found:
        [value] = [each[name] for name in ("rate", "mean", "median", "AUC") if name in each]
        if each["n"]:
            low, high = each["interval_95"]
            assert low <= value <= high
        else:
            assert value is None
            assert each["interval_95"] is None


def test_dodging_has_every_preset_under_every_variant(document):
    entry = document["recognisers"]["judge"]["FAR 0.01"]
    names = ["original", *(f"protected {preset}" for preset in PRESETS)]
    wanted = {label(name, variant) for name in names for variant in VARIANTS}
    assert wanted <= set(entry["match rate"])
    assert entry["match rate"]["original"]["n"] == 2
    assert "FAR 0.001" in document["recognisers"]["judge"]


def test_the_right_key_undoes_more_than_a_random_one(document):
    looks = [row["looks"] for row in (document["photos"][name] for name in ("ada", "bo"))]
    for row in looks:
        restored = row["restored, right key against original"]["PSNR"]
        assert restored > row["protected mid against original"]["PSNR"] + 6
    cosines = document["photos"]["ada"]["erasure"]["cosine"]["judge"]
    assert cosines["restored, right key"] != cosines["restored, random key"]
    assert cosines["restored, one-bit-off key"] != cosines["restored, random key"]


def test_the_gallery_has_everybody_once(document):
    assert document["identification"]["gallery"] == [2 + 150 + 5]
    ranks = document["photos"]["ada"]["identification"]["rank"]["judge"]
    assert all(1 <= rank <= 157 for rank in ranks.values())


def test_attacks_lower_the_surrogate_but_cost_time(document):
    cost = document["cost"]["baselines, ms a face"]
    assert set(cost) == {"Gaussian blur", "pixelation", "PGD", "MI-FGSM", "TI-DIM"}
    assert cost["PGD"]["median"] > cost["pixelation"]["median"]


def test_what_is_missing_is_named(document):
    assert "LPIPS" in document["left out"]
    assert not set(document["left out"]) & set(PROTOCOLS)


def test_memory_is_that_of_a_process_without_torch(document):
    memory = document["cost"]["peak memory, MiB"]
    assert 20 < memory["loaded"] < 400


def test_an_interrupted_run_goes_on_to_the_same_figures(setting, tmp_path):
    class Stopped(Exception):
        pass

    def stop_after_one(line):
        if line.startswith("1/2"):
            raise Stopped

    whole = evaluate(setting(), protocols=QUICK, output=tmp_path / "whole.json")
    path = tmp_path / "parts.json"
    with pytest.raises(Stopped):
        evaluate(setting(progress=stop_after_one), protocols=QUICK, output=path)
    assert json.loads(path.read_text())["pairs"] == 1
    assert evaluate(setting(), protocols=QUICK, output=path) == whole
    assert path.read_text() == (tmp_path / "whole.json").read_text()


def test_a_subset_grows_by_pairs_and_protocols(setting, tmp_path):
    path = tmp_path / "figures.json"
    small = evaluate(setting(), protocols=["impersonation"], first=1, output=path)
    assert small["pairs"] == 1
    grown = evaluate(setting(), protocols=QUICK, output=path)
    assert grown["pairs"] == 2
    assert set(grown["photos"]["ada"]) == {*QUICK, "files"}


def test_the_same_seed_gives_the_same_cosines_and_another_others(setting):
    def protected(seed):
        found = evaluate(setting(seed=seed), protocols=["linkage"], first=1)
        return found["photos"]["ada"]["linkage"]["cosine between"]["judge"]["same person, same key"]

    assert protected(3) == protected(3)
    assert not math.isclose(protected(3), protected(4))


def test_another_seed_does_not_go_on(setting, tmp_path):
    path = tmp_path / "figures.json"
    evaluate(setting(), protocols=["impersonation"], first=1, output=path)
    with pytest.raises(ValueError, match="other seed"):
        evaluate(setting(seed=3), protocols=["impersonation"], output=path)


def test_a_changed_engine_does_not_go_on(setting, tmp_path, monkeypatch):
    import shutil
    from pathlib import Path

    import ermask

    path, copy = tmp_path / "figures.json", tmp_path / "ermask"
    evaluate(setting(), protocols=["impersonation"], first=1, output=path)
    shutil.copytree(
        Path(ermask.__file__).parent, copy, ignore=shutil.ignore_patterns("models", "__pycache__")
    )
    monkeypatch.setattr(ermask, "__file__", str(copy / "__init__.py"))
    evaluate(setting(), protocols=["impersonation"], first=1, output=path)
    with (copy / "engine.py").open("a") as engine:
        engine.write("TRIES = 1\n")
    with pytest.raises(ValueError, match="other product; use another --output"):
        evaluate(setting(), protocols=["impersonation"], output=path)


def test_a_changed_photo_does_not_go_on(setting, photos, tmp_path):
    import shutil

    copy, path = tmp_path / "photos", tmp_path / "figures.json"
    shutil.copytree(photos, copy)
    evaluate(setting(pairs=copy), protocols=["impersonation"], output=path)
    (copy / "bo" / "a.png").write_bytes((copy / "bo" / "b.png").read_bytes())
    with pytest.raises(ValueError, match="photos of bo"):
        evaluate(setting(pairs=copy), protocols=["impersonation"], output=path)


def test_what_is_there_is_not_measured_again(setting, tmp_path, monkeypatch):
    path = tmp_path / "figures.json"
    evaluate(setting(), protocols=["impersonation"], output=path)
    before = path.read_text()
    monkeypatch.setattr(runner, "measure", None)
    evaluate(setting(), protocols=["impersonation"], output=path)
    assert path.read_text() == before


def test_an_unknown_protocol(setting):
    with pytest.raises(ValueError, match="no protocol 'dodge'"):
        evaluate(setting(), protocols=["dodge"])


def test_a_protocol_that_lacks_something_is_left_out_or_refused(setting):
    with pytest.raises(ValueError, match="impersonation cannot be measured: no --targets"):
        evaluate(setting(targets=None), protocols=["impersonation"])
    with pytest.raises(ValueError, match="no photo of a face"):
        evaluate(setting(targets=setting().sources.models), protocols=["impersonation"])
