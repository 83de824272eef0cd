"""The daemon's life as its user sees it: real processes, real sockets, tiny networks."""

from __future__ import annotations

import http.client
import io
import json
import os
import re
import secrets
import signal
import stat
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pytest
from PIL import Image

from ermask import __version__
from ermask.api.body import decode_base64url, encode_base64url
from ermask.api.clients import Clients
from ermask.api.pairing import Exchange, prove
from ermask.daemon import CLIENTS_NAME
from ermask.daemon_state import find_running
from ermask.keystore import KeyStore
from ermask.settings import PASSPHRASE_VARIABLE

if TYPE_CHECKING:
    from tests.server.conftest import Machine

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="POSIX")


@pytest.fixture
def running(with_models: Machine) -> Machine:
    """A machine on which the daemon runs in the background."""
    done = with_models.daemon("start")
    assert done.returncode == 0, done.stderr
    return with_models


def found(pattern: bytes, text: bytes) -> str:
    """The first group of `pattern` in `text`."""
    match = re.search(pattern, text)
    assert match is not None, text
    return match[1].decode()


def post(
    port: int, path: str, body: object, token: str | None = None
) -> tuple[int, dict[str, Any]]:
    headers = {"X-ErMask": "1", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", path, json.dumps(body), headers)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, json.loads(content) if content.startswith(b"{") else {}


# --- start, status, stop ---------------------------------------------------------------------


def test_start_status_stop(with_models: Machine) -> None:
    assert with_models.daemon("status").returncode == 3
    started = with_models.daemon("start")
    assert started.returncode == 0, started.stderr
    port = int(found(rb"^ermask-daemon \S+ answers on port (\d+)\n$", started.stdout))

    shown = with_models.daemon("status", "--json")
    assert shown.returncode == 0
    status = json.loads(shown.stdout)
    assert (status["running"], status["port"], status["version"]) == (True, port, __version__)
    # ready means warmed up: the networks are loaded before any photo came
    assert status["providers"]["protector"] == "CPUExecutionProvider"
    assert str(status["pid"]).encode() in with_models.daemon("status").stdout

    stopped = with_models.daemon("stop")
    assert (stopped.returncode, stopped.stdout) == (0, b"ermask-daemon has ended\n")
    gone = with_models.daemon("status", "--json")
    assert (gone.returncode, json.loads(gone.stdout)) == (3, {"running": False})
    again = with_models.daemon("stop")
    assert (again.returncode, again.stdout) == (0, b"ermask-daemon was not running\n")


def test_locked_keys_are_said_and_no_reason_to_end(with_models: Machine, family: Machine) -> None:
    KeyStore(family.settings.data_dir, family.settings.state_dir).set_passphrase(None, "right")
    family.env[PASSPHRASE_VARIABLE] = "wrong"
    for command in ("start", "status"):
        done = family.daemon(command)
        assert (done.returncode, b"the keys are locked" in done.stderr) == (0, True), done.stderr
    assert json.loads(family.daemon("status", "--json").stdout)["keys"] == "key_store_locked"
    assert b"the keys cannot be used (key_store_locked)" in family.daemon("logs").stdout
    family.env[PASSPHRASE_VARIABLE] = "right"
    assert b"locked" not in family.daemon("restart").stderr
    assert json.loads(family.daemon("status", "--json").stdout)["keys"] == "open"


def test_a_second_start_is_status_4(running: Machine) -> None:
    for args in (("start",), ("start", "--foreground")):
        second = running.daemon(*args)
        assert second.returncode == 4
        assert b"(daemon_running)" in second.stderr
    assert running.daemon("status").returncode == 0


def test_restart_is_another_process(running: Machine) -> None:
    before = find_running(running.settings)
    assert running.daemon("restart").returncode == 0
    after = find_running(running.settings)
    assert before and after and before.pid != after.pid


def test_it_listens_on_the_loopback_only_and_nothing_can_change_that(running: Machine) -> None:
    state = find_running(running.settings)
    assert state
    process = psutil.Process(state.pid)
    sockets = [
        each.laddr for each in process.net_connections("inet") if each.status == psutil.CONN_LISTEN
    ]
    assert [(address.ip, address.port) for address in sockets] == [("127.0.0.1", state.port)]
    for flag in ("--host", "--bind", "--listen"):
        assert running.daemon("start", flag, "0.0.0.0").returncode == 2  # noqa: S104


@posix_only
def test_it_is_detached_and_its_files_are_private(running: Machine) -> None:
    state = find_running(running.settings)
    assert state
    assert os.getsid(state.pid) == state.pid
    assert psutil.Process(state.pid).cwd() == "/"
    home = Path(running.env["ERMASK_HOME"])
    for path in (home, *home.rglob("*")):
        expected = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == expected, path


def test_the_log_is_shown(running: Machine) -> None:
    shown = running.daemon("logs").stdout.decode()
    assert "answers on port" in shown
    assert running.daemon("logs", "-n", "1").stdout.count(b"\n") == 1


def test_the_log_is_followed(running: Machine) -> None:
    following = running.start("ermask-daemon", "logs", "-f")
    assert following.stdout
    while b"answers on port" not in following.stdout.readline():
        assert following.poll() is None
    running.daemon("stop")
    while b"ermask.daemon: ended" not in following.stdout.readline():
        assert following.poll() is None
    following.send_signal(signal.SIGINT)
    following.communicate(timeout=30)


# --- in the foreground -----------------------------------------------------------------------


@posix_only
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_foreground_ends_with_status_0(machine: Machine, number: int) -> None:
    daemon = machine.start("ermask-daemon", "start", "--foreground", stand_in=True)
    assert daemon.stdout
    assert b"answers on port" in daemon.stdout.readline()
    daemon.send_signal(number)
    _, log = daemon.communicate(timeout=30)
    assert daemon.returncode == 0
    assert b"ended" in log
    assert list(machine.settings.state_dir.glob("*.json")) == []


@posix_only
def test_work_under_way_is_finished_before_the_end(family: Machine) -> None:
    begun = family.folder / "begun"
    family.env |= {"STAND_IN_BEGUN": str(begun), "STAND_IN_SECONDS": "1"}
    _, secret = Clients(family.settings.data_dir / CLIENTS_NAME).add("test", None)
    daemon = family.start("ermask-daemon", "start", "--foreground", stand_in=True)
    assert daemon.stdout
    port = int(daemon.stdout.readline().split()[-1])

    buffer = io.BytesIO()
    Image.fromarray(np.zeros((24, 40, 3), np.uint8)).save(buffer, "PNG")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {
        "X-ErMask": "1",
        "Authorization": f"Bearer {encode_base64url(secret)}",
        "X-ErMask-Circle": family.circle_id,
        "Content-Type": "image/png",
    }
    connection.request("POST", "/v1/protect", buffer.getvalue(), headers)
    while not begun.exists():
        assert daemon.poll() is None
        time.sleep(0.02)
    daemon.send_signal(signal.SIGTERM)
    response = connection.getresponse()
    assert response.status == 200, response.read()
    assert Image.open(io.BytesIO(response.read())).size == (40, 24)
    daemon.communicate(timeout=30)
    assert daemon.returncode == 0


# --- pairing and clients ---------------------------------------------------------------------


def pair(port: int, code: str, label: str) -> tuple[int, dict[str, Any]]:
    """What a client does with the code."""
    nonce = secrets.token_bytes(32)
    status, begun = post(port, "/v1/pair/begin", {"nonce": encode_base64url(nonce)})
    assert status == 200
    daemon_nonce = decode_base64url(begun["nonce"])
    assert daemon_nonce is not None
    exchange = Exchange(
        client_nonce=nonce,
        daemon_nonce=daemon_nonce,
        port=port,
        origin=None,
        label=label,
    )
    proof = prove(exchange.derive(code).client, exchange.transcript())
    return post(
        port,
        "/v1/pair/finish",
        {"nonce": begun["nonce"], "label": label, "proof": encode_base64url(proof)},
    )


def test_pair_then_list_then_revoke(running: Machine) -> None:
    state = find_running(running.settings)
    assert state
    pairing = running.start("ermask-daemon", "pair")
    assert pairing.stdout
    code = found(rb"^Code: (\w{4}-\w{4})\n$", pairing.stdout.readline())
    assert pair(state.port, code, "A browser")[0] == 200
    shown, _ = pairing.communicate(timeout=30)
    assert pairing.returncode == 0
    client_id = found(rb"^Paired: A browser \((\w+)\)\n$", shown)

    assert client_id.encode() in running.daemon("clients", "list").stdout
    assert running.daemon("clients", "revoke", client_id).returncode == 0
    assert client_id.encode() not in running.daemon("clients", "list").stdout
    unknown = running.daemon("clients", "revoke", client_id)
    assert unknown.returncode == 1
    assert b"(not_found)" in unknown.stderr
    assert running.daemon("clients", "revoke", "../stop").returncode == 2


@posix_only
def test_ctrl_c_closes_the_pairing_window(running: Machine) -> None:
    state = find_running(running.settings)
    assert state
    pairing = running.start("ermask-daemon", "pair")
    assert pairing.stdout
    pairing.stdout.readline()
    pairing.send_signal(signal.SIGINT)
    pairing.communicate(timeout=30)
    assert pairing.returncode == 130
    begin = {"nonce": encode_base64url(secrets.token_bytes(32))}
    assert post(state.port, "/v1/pair/begin", begin)[0] == 401


def test_three_wrong_codes_end_the_pairing(running: Machine) -> None:
    state = find_running(running.settings)
    assert state
    pairing = running.start("ermask-daemon", "pair")
    assert pairing.stdout
    code = pairing.stdout.readline().split()[-1].decode()
    wrong = ("1" if code[0] == "0" else "0") + code[1:]
    for _ in range(3):
        assert pair(state.port, wrong, "thief")[0] == 403
    _, errors = pairing.communicate(timeout=30)
    assert pairing.returncode == 1
    assert b"(pairing_failed)" in errors


@pytest.mark.parametrize("args", [("pair",), ("clients", "list"), ("clients", "revoke", "ab")])
def test_without_daemon_is_status_3(machine: Machine, args: tuple[str, ...]) -> None:
    done = machine.daemon(*args)
    assert done.returncode == 3
    assert b"hint: Run `ermask-daemon start`" in done.stderr


# --- models ----------------------------------------------------------------------------------


def test_models_are_listed_and_verified(with_models: Machine) -> None:
    listed = with_models.daemon("models", "list")
    assert listed.returncode == 0, listed.stderr
    assert [line.split()[0] for line in listed.stdout.splitlines()] == [
        b"chooser",
        b"protector",
        b"eraser",
        b"detector",
    ]
    assert with_models.daemon("models", "verify").returncode == 0
    eraser = with_models.settings.models_dir / "eraser.onnx"
    eraser.write_bytes(eraser.read_bytes()[:-1] + b"\0")
    damaged = with_models.daemon("models", "verify")
    assert damaged.returncode == 1
    assert b"(model_corrupt)" in damaged.stderr


def test_every_command_documents_the_exit_statuses(machine: Machine) -> None:
    shown = machine.daemon("--help").stdout.decode()
    for number in range(5):
        assert re.search(rf"\b{number} \w", shown), number


def test_settings_reach_the_process_by_a_relative_home(with_models: Machine) -> None:
    home = Path(with_models.env["ERMASK_HOME"])
    with_models.env["ERMASK_HOME"] = os.path.relpath(home, with_models.folder)
    assert with_models.daemon("start").returncode == 0
    with_models.env["ERMASK_HOME"] = str(home)
    assert find_running(with_models.settings)
