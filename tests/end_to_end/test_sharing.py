"""Two people, two machines: a circle travels by code and by file into the other's daemon."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture(scope="module")
def picture_and_file(new_home: Callable[[], Any]) -> tuple[str, bytes, bytes]:
    """Of one circle on the sender's machine: fingerprint, picture of the code, key file."""
    sender = new_home()
    sender.ok("ermask", "keys", "new", "Family")
    fingerprint = sender.ok("ermask", "keys", "show-fingerprint").decode().split("  ")[0]
    picture = sender.ok("ermask", "keys", "show-code", "Family", "--output", "-")
    (sender.folder / "secret.txt").write_text("three small boats")
    file = sender.ok(
        *("ermask", "keys", "export", "Family", "--output", "-"),
        *("--passphrase-file", "secret.txt"),
    )
    return fingerprint, picture, file


@pytest.fixture
def receiver(new_home: Callable[[], Any]) -> Any:
    """A paired client of a daemon that knows no circle."""
    home = new_home()
    client = home.pair(home.start(), "Browser")
    client.hello()
    return client


def test_by_code(receiver: Any, picture_and_file: tuple[str, bytes, bytes]) -> None:
    fingerprint, picture, _ = picture_and_file
    taken = receiver.post("/v1/keys/scan", picture, {"X-ErMask-Label": "Gro%C3%9Feltern"})
    assert taken.status == 200, taken.json
    assert (taken.json["label"], taken.json["fingerprint"]) == ("Großeltern", fingerprint)
    assert receiver.post("/v1/keys", b"").json == [taken.json]
    again = receiver.post("/v1/keys/scan", picture)
    assert (again.status, again.json["code"]) == (409, "circle_exists")


def test_by_file(receiver: Any, picture_and_file: tuple[str, bytes, bytes]) -> None:
    fingerprint, _, file = picture_and_file
    text = base64.urlsafe_b64encode(file).rstrip(b"=").decode()
    entries = {"label": None, "file": text, "passphrase": "three small boats"}
    taken = receiver.post("/v1/keys/import", entries)
    assert taken.status == 200, taken.json
    assert (taken.json["label"], taken.json["fingerprint"]) == ("Family", fingerprint)
