"""The daemon when things go wrong: kills, races, strangers on its port, damaged files."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from ermask import lifecycle
from ermask.daemon_state import DaemonState, find_running, lock_file, state_file
from ermask.errors import DaemonFailed, DaemonRunning
from ermask.locks import InstanceLock, is_locked
from ermask.private_files import prepare_folders

if TYPE_CHECKING:
    from tests.server.conftest import Machine

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


@pytest.fixture
def running(with_models: Machine) -> Machine:
    """A machine on which the daemon runs in the background."""
    done = with_models.daemon("start")
    assert done.returncode == 0, done.stderr
    return with_models


def state_of(machine: Machine) -> DaemonState:
    state = find_running(machine.settings)
    assert state is not None
    return state


def test_after_a_kill_the_next_start_works(running: Machine) -> None:
    killed = state_of(running)
    os.kill(killed.pid, signal.SIGKILL)
    while is_locked(lock_file(running.settings)):
        time.sleep(0.02)
    assert state_file(running.settings).exists()
    assert running.daemon("status").returncode == 3
    assert running.daemon("start").returncode == 0
    assert state_of(running).pid != killed.pid


def test_the_lock_dies_with_the_daemon_though_a_child_lives_on(machine: Machine) -> None:
    """A worker process that outlives a killed daemon must not keep the next one from starting."""
    prepare_folders(machine.settings)
    code = """
import os, sys, time
from pathlib import Path
from ermask.locks import InstanceLock

lock = InstanceLock(Path(sys.argv[1]))
assert lock.acquire()
if os.fork() == 0:
    time.sleep(30)
print("locked", flush=True)
time.sleep(30)
"""
    path = lock_file(machine.settings)
    holder = subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE)
    assert holder.stdout
    holder.stdout.readline()
    children = psutil.Process(holder.pid).children()
    try:
        assert is_locked(path)
        holder.kill()
        holder.wait()
        assert children[0].is_running()
        assert not is_locked(path)
    finally:
        for child in children:
            child.kill()


def test_a_stale_state_file_never_stands_for_a_daemon(with_models: Machine) -> None:
    """Its process id may belong to another program by now; here, to this test."""
    prepare_folders(with_models.settings)
    me = psutil.Process()
    stale = {"pid": me.pid, "port": 1, "version": "0", "started": me.create_time()}
    state_file(with_models.settings).write_text(json.dumps(stale))
    assert with_models.daemon("status").returncode == 3
    assert with_models.daemon("stop").stdout == b"ermask-daemon was not running\n"
    assert with_models.daemon("start").returncode == 0
    assert state_of(with_models).pid != me.pid


def test_a_state_that_does_not_fit_the_lock_is_not_acted_upon(running: Machine) -> None:
    """The lock is held, but the state names a process that started at another time."""
    true = state_of(running)
    me = psutil.Process()
    stale = {"pid": me.pid, "port": 1, "version": "0", "started": me.create_time() - 60}
    content = state_file(running.settings).read_bytes()
    state_file(running.settings).write_text(json.dumps(stale))
    done = running.daemon("stop")
    assert done.returncode == 1
    assert b"(daemon_failed)" in done.stderr
    state_file(running.settings).write_bytes(content)
    assert state_of(running) == true


def test_two_starts_at_once_give_one_daemon(with_models: Machine) -> None:
    starts = [with_models.start("ermask-daemon", "start") for _ in range(2)]
    for start in starts:
        start.communicate(timeout=60)
    assert sorted(start.returncode for start in starts) == [0, 4]
    assert with_models.daemon("status").returncode == 0


def test_a_port_in_use_is_named_with_its_program(with_models: Machine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        with_models.env["ERMASK_PORT"] = str(port)
        done = with_models.daemon("start")
    assert done.returncode == 1
    assert f"Port {port} is in use by".encode() in done.stderr
    assert b"(port_in_use)" in done.stderr
    assert f"process {os.getpid()}".encode() in done.stderr
    assert with_models.daemon("status").returncode == 3


def test_a_port_is_free_again_right_after_the_end(running: Machine) -> None:
    running.env["ERMASK_PORT"] = str(state_of(running).port)
    assert running.daemon("restart").returncode == 0
    assert state_of(running).port == int(running.env["ERMASK_PORT"])


@pytest.mark.parametrize("foreground", [False, True])
def test_a_damaged_network_is_the_reason_given(with_models: Machine, foreground: bool) -> None:
    protector = with_models.settings.models_dir / "protector.onnx"
    protector.write_bytes(b"damaged")
    done = with_models.daemon("start", *(["--foreground"] if foreground else []))
    assert done.returncode == 1
    assert b"(model_corrupt)" in done.stderr
    assert b"Traceback" not in done.stderr
    assert with_models.daemon("status").returncode == 3
    if not foreground:
        assert b"(model_corrupt)" in with_models.daemon("logs").stdout


def test_missing_models_are_the_reason_given(with_models: Machine) -> None:
    with_models.env["ERMASK_MODELS_DIR"] = str(with_models.folder)
    done = with_models.daemon("start")
    assert done.returncode == 1
    assert b"(model_missing)" in done.stderr


def test_a_folder_others_can_write_to_is_refused(with_models: Machine) -> None:
    state = with_models.settings.state_dir
    state.mkdir(parents=True)
    state.chmod(0o777)
    done = with_models.daemon("start")
    assert done.returncode == 1
    assert b"(unsafe_permissions)" in done.stderr


def test_a_log_that_cannot_be_written_is_reported(with_models: Machine) -> None:
    (with_models.settings.state_dir / "daemon.log").mkdir(parents=True)
    done = with_models.daemon("start")
    assert done.returncode == 1
    assert b"Is a directory" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_process_that_dies_without_a_word_is_reported(with_models: Machine) -> None:
    """Python itself cannot start: what it wrote to stderr is the reason."""
    env = {**with_models.env, "PYTHONHOME": str(with_models.folder)}
    with pytest.raises(DaemonFailed, match=r"did not start: .+"):
        lifecycle.start(with_models.settings, env)


def test_a_process_that_is_never_ready_is_ended(
    with_models: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "START_S", 0.05)
    with pytest.raises(DaemonFailed, match="did not start"):
        lifecycle.start(with_models.settings, with_models.env)
    assert find_running(with_models.settings) is None


def test_a_hanging_daemon_needs_force(running: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "DRAIN_S", -5.5)
    daemon = psutil.Process(state_of(running).pid)
    daemon.suspend()
    with pytest.raises(DaemonFailed, match="did not end in time") as caught:
        lifecycle.stop(running.settings)
    assert caught.value.hint and "--force" in caught.value.hint
    assert daemon.is_running()
    assert lifecycle.stop(running.settings, force=True)
    assert find_running(running.settings) is None


def test_a_daemon_that_does_not_answer_is_status_1(running: Machine) -> None:
    state = state_of(running)
    fake = {**json.loads(state_file(running.settings).read_bytes()), "port": 1}
    state_file(running.settings).write_text(json.dumps(fake))
    done = running.daemon("status", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["pid"] == state.pid


def test_ctrl_c_during_the_start_leaves_no_daemon(with_models: Machine) -> None:
    start = with_models.start("ermask-daemon", "start")
    path = lock_file(with_models.settings)
    while not is_locked(path):
        assert start.poll() is None
        time.sleep(0.01)
    start.send_signal(signal.SIGINT)
    start.communicate(timeout=30)
    # When the signal came after the start was over, the daemon may run.
    if start.returncode == 130:
        deadline = time.monotonic() + 30
        while is_locked(path):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_folder_full_of_downloads_is_no_place_to_import_from(
    with_models: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("aiohttp", "numpy", "json"):
        (with_models.folder / f"{name}.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(with_models.folder)
    assert lifecycle.start(with_models.settings, with_models.env).port


def test_a_lock_is_exclusive_between_processes(machine: Machine) -> None:
    prepare_folders(machine.settings)
    lock = InstanceLock(lock_file(machine.settings))
    assert lock.acquire()
    code = "import sys; from pathlib import Path; from ermask.locks import *\n"
    code += "path = Path(sys.argv[1]); print(is_locked(path), InstanceLock(path).acquire())"
    command = [sys.executable, "-c", code, str(lock_file(machine.settings))]
    assert subprocess.check_output(command) == b"True False\n"
    lock.release()
    assert subprocess.check_output(command) == b"False True\n"


def test_start_refuses_a_second_daemon_before_it_spawns(running: Machine) -> None:
    with pytest.raises(DaemonRunning, match=f"process {state_of(running).pid}"):
        lifecycle.start(running.settings, running.env)
