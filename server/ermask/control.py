"""Ask the running daemon for something, with the control token that only its user can read."""

from __future__ import annotations

import http.client
import json
from typing import Any

from ermask.control_token import read_control_token
from ermask.daemon_state import find_running
from ermask.errors import DaemonFailed, DaemonNotRunning, ErmaskError
from ermask.settings import Settings

HOST = "127.0.0.1"
TIMEOUT_S = 10.0


def call(settings: Settings, what: str) -> Any:
    """POST to `/v1/control/<what>`; returns the decoded JSON of the answer.

    Raises:
        DaemonNotRunning: there is none.
        DaemonFailed: it does not answer, or not in JSON.
        ErmaskError: what it answered, with its code, message and hint.
    """
    state = find_running(settings)
    if state is None:
        raise DaemonNotRunning("The daemon is not running.")
    token = read_control_token(settings.state_dir)
    headers = {"Authorization": f"Bearer {token}", "X-ErMask": "1"}
    connection = http.client.HTTPConnection(HOST, state.port, timeout=TIMEOUT_S)
    try:
        connection.request("POST", f"/v1/control/{what}", headers=headers)
        response = connection.getresponse()
        answer = json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise DaemonFailed(f"The daemon on port {state.port} does not answer: {error!r}") from error
    finally:
        connection.close()
    if response.status != 200:
        raise _from_problem(answer)
    return answer


def answers(port: int) -> bool:
    """Whether a daemon answers on `port` of this machine. Waits for one that is starting."""
    connection = http.client.HTTPConnection(HOST, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _from_problem(answer: Any) -> ErmaskError:
    try:
        error = ErmaskError(answer["detail"], hint=answer["hint"])
        error.code, error.status = answer["code"], answer["status"]
    except (KeyError, TypeError):
        return DaemonFailed("The daemon gave an answer that is not understood.")
    return error
