"""`ermask-export` as it is typed."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

pytest.importorskip("torch")
pytest.importorskip("onnx")

from ermask.sessions import Models
from ermask_export import verify
from ermask_export.cli import app


@pytest.fixture
def export(monkeypatch):
    """Run `ermask-export` with these arguments, on fewer crops than it takes by itself."""
    real = verify.sample_crops
    monkeypatch.setattr(verify, "sample_crops", lambda: real(2))
    runner = CliRunner()
    return lambda *arguments: runner.invoke(app, [str(each) for each in arguments])


def test_build_and_verify(export, run, tmp_path):
    output = tmp_path / "models"
    done = export("build", run, "--output", output)
    assert done.exit_code == 0, done.output
    assert "batch 5: largest difference residual" in done.stdout
    assert Models(output, device="cpu").verify()["eraser"] is None
    done = export("verify", output, "--run", run)
    assert done.exit_code == 0, done.output
    assert f"{output} is what it should be" in done.stdout.replace("\n", "")


def test_a_damaged_folder_is_an_error_without_a_trace(export, released, tmp_path):
    (tmp_path / "models.json").write_bytes((released / "models.json").read_bytes())
    (tmp_path / "protector.onnx").write_bytes(b"damaged")
    done = export("verify", tmp_path)
    assert done.exit_code == 1
    assert done.stderr.startswith("ermask-export: error: ")
    assert "ermask-export: hint: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_is_no_run(export, tmp_path):
    done = export("build", tmp_path, "--output", tmp_path / "models")
    assert done.exit_code == 1
    assert "ermask-export: error: " in done.stderr
    assert "has no checkpoint" in done.stderr
    assert not (tmp_path / "models").exists()
