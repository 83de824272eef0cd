"""`ermask-train` as it is typed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ermask_training.cli import app
from ermask_training.terminal import LAB

PROGRAMS = {"ermask-train": "ermask_training", "ermask-export": "ermask_export"}

BLOCKER = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())
"""


@pytest.fixture
def train():
    """Run `ermask-train` with these arguments."""
    runner = CliRunner()
    return lambda *arguments: runner.invoke(app, [str(each) for each in arguments])


@pytest.mark.parametrize("arguments", [[], ["--help"]])
@pytest.mark.parametrize("program", sorted(PROGRAMS))
def test_without_torch_it_says_what_to_install(program, arguments, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(BLOCKER)
    code = (
        f"import sys; sys.argv[0] = {program!r}; from {PROGRAMS[program]}.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert 'pip install "ermask[lab' in done.stderr
    assert done.stderr.startswith(f"{program}: error: torch")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("program", sorted(PROGRAMS))
def test_help_is_quick(program):
    """Asking for help loads none of the heavy packages."""
    code = (
        f"import sys; sys.argv = [{program!r}, '--help']\n"
        f"from {PROGRAMS[program]}.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "heavy = {'torch', 'onnx', 'onnxruntime', 'aiohttp', 'cv2'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "docs/lab.md" in done.stdout


def test_what_the_lab_needs_is_in_its_extra():
    import tomllib

    root = Path(__file__).parent.parent.parent
    extras = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    extras = extras["optional-dependencies"]
    declared = {each.split(">")[0] for each in [*extras["lab"], *extras["cpu"]]}
    assert set(LAB) <= declared


def test_prepare_tells_what_it_found(train, tmp_path):
    skimage = pytest.importorskip("skimage.data")
    from PIL import Image

    (tmp_path / "photos" / "eileen").mkdir(parents=True)
    Image.fromarray(skimage.astronaut()).save(tmp_path / "photos" / "eileen" / "1.jpg")
    (tmp_path / "photos" / "eileen" / "2.jpg").write_bytes(b"no picture")
    done = train("prepare", tmp_path / "photos", "--output", tmp_path / "set")
    assert done.exit_code == 0, done.output
    assert "1 crops of 1 identities" in done.stdout
    assert "0 photos without a face, 1 unreadable" in done.stdout
    assert (tmp_path / "set" / "index.json").is_file()


def test_surrogates_are_listed(train, roster):
    done = train("surrogates", "list", roster)
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[1].split() == [
        "tiny", "train", "onnx", "32x32", "RGB", "0", "0", "112", "112", "16", "0.0", "-", "-",
    ]  # fmt: skip


def test_a_surrogate_is_added_calibrated_and_listed(train, tmp_path, roster, prepared):
    folder = tmp_path / "mine"
    folder.mkdir()
    done = train(
        "surrogates", "add", folder, roster / "tiny.onnx", "--name", "own", "--role", "validation",
        "--box", -4, -4, 116, 116, "--size", 32, 32, "--channels", "BGR",
        "--mean", 0, 0, 0, "--std", 0.25, 0.25, 0.25, "--licence", "MIT",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "opened by onnx, 32x32 BGR, embeddings of 16" in done.stdout
    assert "box -4 -4 116 116, mean 0 0 0, std 0.25 0.25 0.25" in done.stdout
    photos = prepared("photos", [f"p{i}" for i in range(75) for _ in range(2)])
    done = train("surrogates", "calibrate", folder, "--data", photos, "--threads", 1)
    assert done.exit_code == 0, done.output
    _, at_1e2, at_1e3 = (line.split() for line in done.stdout.splitlines())
    assert [at_1e2[1], at_1e3[1]] == ["0.01", "0.001"]
    assert at_1e2[-3:] == ["75", "75", "11100"]
    done = train("surrogates", "list", folder)
    assert done.stdout.splitlines()[1].split()[-2:] == [at_1e2[2], at_1e3[2]]


def test_a_network_that_cannot_be_added_is_an_error_without_a_trace(train, tmp_path):
    (tmp_path / "bad.onnx").write_bytes(b"nonsense")
    done = train(
        "surrogates", "add", tmp_path, tmp_path / "bad.onnx", "--name", "a", "--role", "train"
    )
    assert done.exit_code == 1
    assert done.stderr.startswith(f"ermask-train: error: {tmp_path / 'bad.onnx'}: ")
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["bad.onnx"]


def test_a_wrong_roster_is_an_error_without_a_trace(train, tmp_path):
    done = train("surrogates", "list", tmp_path)
    assert done.exit_code == 1
    assert done.stderr.startswith("ermask-train: error: ")
    assert "roster.toml" in done.stderr
    assert "Traceback" not in done.stderr
    assert isinstance(train("--debug", "surrogates", "list", tmp_path).exception, ValueError)


@pytest.fixture
def taught(tmp_path, student):
    """The folder of a student."""
    torch = pytest.importorskip("torch")
    (tmp_path / "student").mkdir()
    torch.save({"network": student.state_dict()}, tmp_path / "student" / "student.pt")
    return tmp_path / "student"


def test_distil_teaches_a_student_that_fit_takes(train, tmp_path, crops, school, prepared):
    folder = tmp_path / "taught"
    done = train(
        "distil", "--data", crops, "--surrogates", school, "--teacher", "master",
        "--output", folder, "--stages", 1, "--steps", 1, "--threads", 1,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert {path.name for path in folder.iterdir()} == {"split.json", "stages.pt", "student.pt"}
    run = tmp_path / "run"
    done = train(
        "fit", "smoke", "--data", prepared("others", ["dee", "dee", "eli", "eli"]),
        "--surrogates", school, "--student", folder, "--output", run, "--threads", 1,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    # whom the student saw counts for the run
    from ermask_training import split

    both = split.read(run)
    assert both is not None
    assert {split.identity_digest(name) for name in ("ada", "dee")} <= both.identities


def test_a_meta_surrogate_is_a_student_that_fit_takes(train, tmp_path, crops, roster, taught):
    run, folder = tmp_path / "run", tmp_path / "guide"
    arguments = ["--data", crops, "--surrogates", roster]
    done = train("fit", "smoke", *arguments, "--student", taught, "--output", run, "--threads", 1)
    assert done.exit_code == 0, done.output
    done = train(
        "meta-surrogate", *arguments, "--student", taught, "--models", run, "--output", folder,
        "--steps", 1, "--photos", 2, "--threads", 1,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert {path.name for path in folder.iterdir()} == {"split.json", "student.pt"}
    done = train("fit", "smoke", *arguments, "--student", folder, "--output", tmp_path / "next")
    assert done.exit_code == 0, done.output


def test_fit_trains_goes_on_and_refuses_another_recipe(
    train, tmp_path, crops, roster, prepared, taught
):
    run = tmp_path / "run"
    arguments = ["--data", crops, "--surrogates", roster, "--student", taught, "--output", run]
    others = prepared("others", ["dee"])
    done = train("fit", "smoke", *arguments, "--validation", others, "--threads", 1)
    assert done.exit_code == 0, done.output
    assert len((run / "metrics.jsonl").read_text().splitlines()) == 6
    done = train("fit", "smoke", *arguments)
    assert done.exit_code == 0, done.output
    assert "resumed at step 6" in done.stdout
    done = train("fit", "lit", *arguments)
    assert done.exit_code == 1
    assert "another config" in done.stderr
    assert "name was smoke, is lit" in done.stderr


def test_fit_refuses_a_target_where_nobody_is_impersonated(
    train, tmp_path, crops, roster, prepared, taught
):
    done = train(
        "fit", "smoke", "--data", crops, "--surrogates", roster, "--student", taught,
        "--output", tmp_path / "run", "--target", prepared("zoe", ["zoe"]),
    )  # fmt: skip
    assert done.exit_code == 1
    assert "recipe smoke makes people into nobody else" in done.stderr


def test_fit_refuses_to_be_judged_on_its_own_people(
    train, tmp_path, crops, roster, prepared, taught
):
    shared = prepared("shared", ["dee", "bo"])
    done = train(
        "fit", "smoke", "--data", crops, "--surrogates", roster, "--student", taught,
        "--output", tmp_path / "run", "--validation", shared,
    )  # fmt: skip
    assert done.exit_code == 1
    assert "identity bo is in two sets" in done.stderr
    assert not (tmp_path / "run").exists()


def test_fit_refuses_an_unknown_recipe(train, tmp_path, crops, roster, taught):
    done = train(
        "fit", "frist", "--data", crops, "--surrogates", roster, "--student", taught,
        "--output", tmp_path / "run",
    )  # fmt: skip
    assert done.exit_code == 1
    assert "no recipe 'frist'" in done.stderr
