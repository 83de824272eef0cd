"""`ermask-daemon doctor`: every fault it is there for is found, and named with its repair."""

from __future__ import annotations

import json
import os
import socket
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ermask import doctor
from ermask.doctor import Check
from ermask.private_files import prepare_folders

if TYPE_CHECKING:
    from tests.server.conftest import Machine


def examine(machine: Machine) -> dict[str, Check]:
    env = {name: value for name, value in machine.env.items() if "ERMASK" in name}
    return {check.name: check for check in doctor.examine(env)}


def install(monkeypatch: pytest.MonkeyPatch, *distributions: str) -> None:
    """Make it look as if exactly these ONNX Runtimes were installed."""
    true_version = metadata.version

    def version(name: str) -> str:
        if not name.startswith("onnxruntime"):
            return true_version(name)
        if name in distributions:
            return "1.30.0"
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)


def test_a_sound_machine(with_models: Machine) -> None:
    before = sorted(Path(with_models.env["ERMASK_HOME"]).rglob("*"))
    done = with_models.daemon("doctor")
    assert done.returncode == 0, done.stdout
    lines = done.stdout.decode().splitlines()
    assert all(line.startswith(("ok   ", "warn ")) for line in lines)
    names = [line[5:].partition(":")[0] for line in lines]
    assert names == [
        "python", "runtime", "settings", "providers", "models", "detector", "folders", "keys",
        "port", "space",
    ]  # fmt: skip
    assert sorted(Path(with_models.env["ERMASK_HOME"]).rglob("*")) == before


def test_json_has_the_same_and_the_status_tells_failure(machine: Machine) -> None:
    machine.env["ERMASK_MODELS_DIR"] = str(machine.folder)
    done = machine.daemon("doctor", "--json")
    assert done.returncode == 1
    checks = {check["name"]: check for check in json.loads(done.stdout)}
    assert checks["models"]["outcome"] == "fail"
    assert checks["python"]["outcome"] == "ok"


def test_no_runtime(with_models: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    found = examine(with_models)
    assert found["runtime"].outcome == found["providers"].outcome == "fail"
    assert 'pip install "ermask[cpu]"' in (found["runtime"].hint or "")


def test_two_runtimes(with_models: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "onnxruntime", "onnxruntime-gpu")
    runtime = examine(with_models)["runtime"]
    assert runtime.outcome == "fail"
    assert "pip uninstall -y onnxruntime onnxruntime-gpu" in (runtime.hint or "")


def test_a_gpu_package_that_runs_on_the_cpu(
    with_models: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, "onnxruntime-gpu")
    with_models.env["ERMASK_DEVICE"] = "auto"
    found = examine(with_models)
    assert found["runtime"].outcome == "ok"
    assert found["providers"].outcome == "warn"
    with_models.env["ERMASK_DEVICE"] = "cuda"
    assert examine(with_models)["providers"].outcome == "fail"


def test_a_damaged_network(with_models: Machine) -> None:
    (with_models.settings.models_dir / "eraser.onnx").write_bytes(b"damaged")
    models = examine(with_models)["models"]
    assert models.outcome == "fail"
    assert "eraser.onnx" in models.message


def test_bad_settings_leave_the_other_checks_out(with_models: Machine) -> None:
    with_models.env["ERMASK_PROT"] = "1"
    found = examine(with_models)
    assert set(found) == {"python", "runtime", "settings"}
    assert found["settings"].outcome == "fail"
    assert "ERMASK_PROT" in found["settings"].message


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
@pytest.mark.parametrize(
    ("path", "mode"), [("state", 0o777), ("state/control.token", 0o644), ("data", 0o770)]
)
def test_permissions(with_models: Machine, path: str, mode: int) -> None:
    settings = with_models.settings
    prepare_folders(settings)
    (settings.state_dir / "control.token").touch(mode=0o600)
    assert examine(with_models)["folders"].outcome == "ok"
    (settings.config_dir / path).chmod(mode)
    folders = examine(with_models)["folders"]
    assert folders.outcome == "fail"
    assert "chmod" in (folders.hint or "")


def test_keys_beside_their_lock_are_a_warning(family: Machine) -> None:
    keys = examine(family)["keys"]
    assert keys.outcome == "warn"
    assert keys.message.startswith("1 circle")
    assert "ermask keys passphrase" in (keys.hint or "")


def test_the_port_is_taken_by_a_stranger(with_models: Machine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        with_models.env["ERMASK_PORT"] = str(stranger.getsockname()[1])
        assert examine(with_models)["port"].outcome == "fail"
    assert examine(with_models)["port"].outcome == "ok"


def test_the_port_is_answered_by_the_daemon(with_models: Machine) -> None:
    assert with_models.daemon("start").returncode == 0
    port = examine(with_models)["port"]
    assert port.outcome == "ok"
    assert "the daemon answers" in port.message


def test_little_space(with_models: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LITTLE_SPACE", 2**62)
    assert examine(with_models)["space"].outcome == "warn"


def test_a_check_that_breaks_is_a_failure_and_not_the_end(
    with_models: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(_settings: object) -> Check:
        raise RuntimeError("nobody foresaw this")

    monkeypatch.setitem(doctor._CHECKS, "models", breaks)
    found = examine(with_models)
    assert found["models"].outcome == "fail"
    assert "nobody foresaw this" in found["models"].message
    assert "space" in found
