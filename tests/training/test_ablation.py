"""Two sides of an ablation: what is measured, what is compared, and what is refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch")

from ermask_training import ablation, checkpoint, cli, data, fit, recipes, split, surrogates
from ermask_training.attackers.setting import read_pairs
from ermask_training.blocks import KeyedFlow

SHORT = replace(recipes.smoke(), steps=1, erase_from=1)


def quiet(line: str) -> None:
    """Progress that nobody reads."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory, crops, several, student):
    """Finished runs of a step: seeds 0 and 1, then the same with another bound of the flow."""
    folders = []
    judges = surrogates.load(several, "train")
    for bound in (1.5, 4.0):
        for seed in (0, 1):
            folder = tmp_path_factory.mktemp("run")
            config = replace(SHORT, seed=seed, max_flow=bound)
            split.record(folder, split.of(data.load(crops), [each.entry for each in judges]))
            fit.fit(config, data.load(crops), judges, student, folder, quiet)
            folders.append(folder)
    return folders


@pytest.fixture
def sets(prepared, several):
    """Folders as `ablate` takes them."""
    return {
        "pairs": prepared("pairs", ["dee", "dee", "eli", "eli", "fay", "fay"], 1),
        "calibration": prepared("calibration", [f"c{i}" for i in range(50)], 2),
        "roster": several,
    }


def cells(text, name):
    [line] = [x for x in text.splitlines() if x.startswith(f"| {name} |")]
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def test_a_side_does_not_differ_from_itself(runs, sets, tmp_path):
    copies = [shutil.copytree(run, tmp_path / f"{i}") for i, run in enumerate(runs[:2])]
    text = ablation.ablate(runs[:2], copies, **sets, progress=quiet)
    assert "no difference in the configs; seeds 0, 1" in text
    assert "judge: 3 people, two photos each, 2 seeds" in text
    plain, before, after, change, by_seed = cells(text, "cosine")
    assert before == after != plain
    assert change == "+0.0000 (+0.0000 to +0.0000)"
    assert by_seed == "+0.0000 +0.0000"


def test_the_command_tells_what_differs(runs, sets):
    sides = [("--before", runs[0]), ("--before", runs[1]), ("--after", runs[2])]
    sides += [("--after", runs[3]), ("--pairs", sets["pairs"]), ("--surrogates", sets["roster"])]
    sides += [("--calibration", sets["calibration"]), ("--threads", 1)]
    done = CliRunner().invoke(cli.app, ["ablate", *(str(each) for side in sides for each in side)])
    assert done.exit_code == 0, done.output
    assert "max_flow 1.5 before and 4.0 after; seeds 0, 1" in done.stdout
    assert cells(done.stdout, "cosine")[3] != "+0.0000 (+0.0000 to +0.0000)"


def test_differences_are_taken_by_seed_and_bootstrapped_over_people():
    plain = {"judge": np.full((2, 2), 0.8)}
    before = [{"judge": np.array([[0.5, 0.3], [0.1, 0.1]])} for _ in range(2)]
    after = [{"judge": before[0]["judge"] + np.array([[d], [d + 0.2]])} for d in (-0.3, -0.1)]
    [table] = ablation.differences(plain, before, after, {"judge": 0.35})
    assert table.title == "judge: 2 people, two photos each, 2 seeds"
    (rate, rates), (cosine, means) = table.rows
    assert rate == "match rate, FAR 0.01"
    # the photo at 0.5 is lost under the first seed and stays under the second
    assert rates[:3] == ["1.000", "0.250", "0.125"]
    assert rates[3] == "-0.1250 (-0.2500 to +0.0000)"
    assert rates[4] == "-0.2500 +0.0000"
    assert cosine == "cosine"
    assert means[:3] == ["0.800", "0.250", "0.150"]
    # people differ by -0.2 and 0, seeds by -0.2 and 0
    assert means[3] == "-0.1000 (-0.2000 to +0.0000)"
    assert means[4] == "-0.2000 +0.0000"


def test_a_flow_that_bends_nothing_leaves_the_photos(sets):
    pairs, judges = read_pairs(data.load(sets["pairs"])), surrogates.load(sets["roster"], "train")
    plain, still, bent = (
        ablation.measure(network, pairs, judges)
        for network in (None, KeyedFlow(0.0).eval(), KeyedFlow(9.0).eval())
    )
    for name, cosines in plain.items():
        assert cosines.shape == (3, 2)
        assert np.allclose(still[name], cosines, atol=1e-3)
        assert not np.allclose(bent[name], cosines, atol=1e-3)


def test_sides_must_be_comparable(runs, tmp_path):
    with pytest.raises(ValueError, match="as many runs"):
        ablation.changed(runs[:1], runs[2:])
    with pytest.raises(ValueError, match="as many runs"):
        ablation.changed([], [])
    with pytest.raises(ValueError, match="seeds must be the same"):
        ablation.changed(runs[:2], [runs[3], runs[2]])
    with pytest.raises(ValueError, match="seeds must be the same"):
        ablation.changed([runs[0], runs[0]], [runs[2], runs[2]])
    with pytest.raises(ValueError, match="differ in their seed alone"):
        ablation.changed([runs[0], runs[3]], [runs[2], runs[1]])
    unfinished = shutil.copytree(runs[0], tmp_path / "unfinished")
    state = checkpoint.load(unfinished)
    torch.save({**state, "step": 0}, unfinished / "state.pt")
    with pytest.raises(ValueError, match="unfinished is not finished"):
        ablation.changed([unfinished], runs[2:3])


def test_nobody_is_judged_on_what_a_run_was_trained_with(runs, sets, crops):
    with pytest.raises(ValueError, match="ada, of the pairs, was trained on"):
        ablation.ablate(runs[:1], runs[2:3], **{**sets, "pairs": crops}, progress=quiet)
    judge = sets["roster"] / "judge.onnx"
    path = runs[2] / split.FILE
    record = json.loads(path.read_text())
    path.write_text(
        json.dumps({**record, "recognisers": [*record["recognisers"], split.file_digest(judge)]})
    )
    try:
        with pytest.raises(ValueError, match="judge was trained against"):
            ablation.ablate(runs[:1], runs[2:3], **sets, progress=quiet)
    finally:
        path.write_text(json.dumps(record))
