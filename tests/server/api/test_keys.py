"""Circles over HTTP: listed, made, taken over; keys go in and never come out."""

from __future__ import annotations

from typing import Any

import pytest

from ermask import qr
from ermask.api.body import encode_base64url
from ermask.decoding import Decoder
from ermask.keyfile import KeyFile, seal_key
from ermask.keys import Key
from ermask.sealed import Cost

KEY = Key(bytes(range(32)))
PASSPHRASE = "three small boats"  # noqa: S105
CREATED = "2025-01-31T12:00:00Z"
FILE = seal_key(
    KeyFile("Holidays", CREATED, KEY), PASSPHRASE, Cost(memory_kib=64, rounds=1, lanes=1)
)


def file_entries(label: str | None = None, passphrase: str = PASSPHRASE) -> dict[str, Any]:
    return {"label": label, "file": encode_base64url(FILE), "passphrase": passphrase}


async def sent(served, path: str, data: Any, **extra: str) -> dict[str, Any]:
    """The answer's JSON, which must be a success and have no key in it."""
    async with served.post(path, data, **extra) as answer:
        text = await answer.text()
        assert answer.status == 200, text
        assert KEY.text() not in text
        entries: dict[str, Any] = await answer.json()
        return entries


async def test_a_new_circle(served):
    made = await sent(served, "/v1/keys/new", {"label": "  Friends "})
    assert made["label"] == "Friends"
    assert set(made) == {"id", "label", "created", "fingerprint"}
    async with served.post("/v1/keys") as answer:
        listed = await answer.json()
    assert [circle["label"] for circle in listed] == ["Family", "Friends"]
    assert made in listed
    assert served.keystore.key(served.keystore.find("Friends")).id == made["id"]


async def test_a_key_as_text(served):
    text = KEY.text()[:30] + "\n " + KEY.text()[30:]
    taken = await sent(served, "/v1/keys/import", {"label": "Freunde äöü", "text": text})
    assert (taken["id"], taken["label"]) == (KEY.id, "Freunde äöü")
    assert taken["fingerprint"] == KEY.fingerprint
    assert served.keystore.key(served.keystore.find(KEY.id)) == KEY


async def test_a_text_without_a_name_is_called_after_its_id(served):
    taken = await sent(served, "/v1/keys/import", {"label": None, "text": KEY.text()})
    assert taken["label"] == f"Circle {KEY.id[:8]}"


@pytest.mark.parametrize(("label", "named"), [(None, "Holidays"), ("Summer", "Summer")])
async def test_a_key_file(served, label, named):
    taken = await sent(served, "/v1/keys/import", file_entries(label))
    assert (taken["id"], taken["label"], taken["created"]) == (KEY.id, named, CREATED)
    assert served.keystore.key(served.keystore.find(named)) == KEY


@pytest.mark.parametrize(
    ("extra", "named"),
    [({}, f"Circle {KEY.id[:8]}"), ({"X_ErMask_Label": "Gro%C3%9Fe%20Familie"}, "Große Familie")],
)
async def test_a_picture_of_a_code(serve, extra, named):
    with Decoder() as decoder:
        async with serve(decoder=decoder) as served:
            taken = await sent(served, "/v1/keys/scan", qr.picture(KEY), **extra)
            assert (taken["id"], taken["label"]) == (KEY.id, named)
            assert served.keystore.key(served.keystore.find(named)) == KEY
            assert served.daemon.workers.admitted == 0


async def test_the_new_circle_protects_at_once(served, make_photo):
    made = await sent(served, "/v1/keys/new", {"label": "Friends"})
    async with served.post("/v1/protect", make_photo(), X_ErMask_Circle=made["id"]) as answer:
        assert answer.status == 200


async def test_the_log_tells_nothing_of_keys(served, caplog):
    with caplog.at_level("DEBUG"):
        await sent(served, "/v1/keys/import", file_entries("Secret name"))
        async with served.post(
            "/v1/keys/import", {"label": "Other name", "text": KEY.text()}
        ) as answer:
            assert answer.status == 409
    assert "POST /v1/keys/import 409" in caplog.text
    for content in (KEY.text(), PASSPHRASE, "Secret name", "Other name", "Holidays"):
        assert content not in caplog.text
