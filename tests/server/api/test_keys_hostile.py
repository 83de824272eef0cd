"""Keys that are none, circles that are there, and clients that would burn the processor."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from ermask import qr
from ermask.api.body import encode_base64url
from ermask.decoding import Decoder
from ermask.errors import KeyStoreLocked
from ermask.keyfile import KeyFile, seal_key
from ermask.keys import Key
from ermask.sealed import Cost

KEY = Key(bytes(range(32)))
PASSPHRASE = "three small boats"  # noqa: S105
FILE = encode_base64url(
    seal_key(
        KeyFile("Holidays", "2025-01-31T12:00:00Z", KEY),
        PASSPHRASE,
        Cost(memory_kib=64, rounds=1, lanes=1),
    )
)
WRONG = {"label": None, "file": FILE, "passphrase": "four small boats"}
RIGHT = {"label": None, "file": FILE, "passphrase": PASSPHRASE}


async def refused(served, path: str, data: Any, **extra: str) -> tuple[int, str, str]:
    """Status, code and text of a problem; nothing was added."""
    before = served.keystore.list()
    async with served.post(path, data, **extra) as answer:
        problem = await answer.json()
    assert served.keystore.list() == before
    assert KEY.text() not in str(problem)
    return answer.status, problem["code"], problem["detail"]


@pytest.mark.parametrize("path", ["new", "import", "scan"])
async def test_only_for_paired_clients(served, path):
    for headers in (
        {"X-ErMask": "1"},
        served.control_headers,
        served.headers | {"Origin": "moz-extension://another"},
    ):
        async with served.post(f"/v1/keys/{path}", {"label": "Mine"}, headers=headers) as answer:
            assert answer.status in (401, 403)
    assert [circle.label for circle in served.keystore.list()] == ["Family"]


@pytest.mark.parametrize(
    ("path", "entries"),
    [
        ("new", {}),
        ("new", {"label": None}),
        ("new", {"label": 5}),
        ("new", {"label": "A", "text": "B"}),
        ("import", {"label": "A"}),
        ("import", {"text": KEY.text()}),
        ("import", {"label": ["A"], "text": KEY.text()}),
        ("import", {"label": "A", "text": None}),
        ("import", {"label": "A", "text": KEY.text(), "passphrase": "x"}),
        ("import", {"label": "A", "file": FILE}),
        ("import", {"label": "A", "file": FILE + "=", "passphrase": "x"}),
        ("import", {"label": "A", "file": 1, "passphrase": "x"}),
        ("import", {"label": "A", "file": FILE, "passphrase": None}),
        ("import", {"label": "A", "file": "A" * 17_000, "passphrase": "x"}),
    ],
)
async def test_what_does_not_follow_the_protocol(served, path, entries):
    status, code, _ = await refused(served, f"/v1/keys/{path}", entries)
    assert (status, code) == (400, "bad_request")


@pytest.mark.parametrize(
    "label", ["", " ", "a\nb", "x" * 65, "a/b", "0" * 16, KEY.text(), "\ud800"]
)
async def test_labels_that_cannot_be(served, label):
    for path, entries in (
        ("new", {"label": label}),
        ("import", {"label": label, "text": KEY.text()}),
        ("import", RIGHT | {"label": label}),
    ):
        status, code, _ = await refused(served, f"/v1/keys/{path}", entries)
        assert (status, code) == (400, "bad_label")


@pytest.mark.parametrize(
    ("label", "status", "code"),
    [("%FF", 400, "bad_request"), ("", 400, "bad_label"), ("a%0Ab", 400, "bad_label")],
)
async def test_a_scan_with_a_bad_label_is_refused_before_its_body(served, label, status, code):
    # this decoder could not read a key: it is not asked
    answer = await refused(served, "/v1/keys/scan", b"not looked at", X_ErMask_Label=label)
    assert answer[:2] == (status, code)


@pytest.mark.parametrize(
    "text", ["", "hello", KEY.text()[:-1], KEY.text()[:-1] + "!", KEY.fingerprint, "\ud800"]
)
async def test_texts_that_are_no_key(served, text):
    status, code, _ = await refused(served, "/v1/keys/import", {"label": "A", "text": text})
    assert (status, code) == (400, "bad_key")


@pytest.mark.parametrize(
    "change",
    [
        {"passphrase": "four small boats"},
        {"passphrase": ""},
        {"passphrase": "\ud800"},
        {"file": ""},
        {"file": encode_base64url(b"hello")},
        {"file": FILE[:-8]},
    ],
)
async def test_files_that_do_not_open(served, change):
    status, code, _ = await refused(served, "/v1/keys/import", RIGHT | change)
    assert (status, code) == (400, "bad_key")


async def test_a_key_that_is_here_is_named(serve):
    with Decoder() as decoder:
        async with serve(decoder=decoder) as served:
            served.keystore.add("Boats", KEY)
            for path, data in (
                ("import", {"label": "A", "text": KEY.text()}),
                ("import", RIGHT),
                ("scan", qr.picture(KEY)),
            ):
                status, code, detail = await refused(served, f"/v1/keys/{path}", data)
                assert (status, code) == (409, "circle_exists")
                assert "'Boats'" in detail


async def test_a_label_that_is_taken(served):
    for path, entries in (
        ("new", {"label": "FAMILY"}),
        ("import", {"label": "family", "text": KEY.text()}),
        ("import", RIGHT | {"label": "Family"}),
    ):
        status, code, detail = await refused(served, f"/v1/keys/{path}", entries)
        assert (status, code) == (409, "circle_exists")
        assert "'Family'" in detail


async def test_pictures_without_a_key(serve, make_photo):
    with Decoder() as decoder:
        async with serve(decoder=decoder) as served:
            for data, wanted in (
                (make_photo(), (422, "no_code")),
                (b"", (415, "bad_image")),
                (KEY.text().encode(), (415, "bad_image")),
                (b"GIF89a" + bytes(40), (415, "unsupported_format")),
            ):
                assert (await refused(served, "/v1/keys/scan", data))[:2] == wanted
            assert served.daemon.workers.admitted == 0


async def test_a_locked_store(served, monkeypatch):
    def add(*_: object) -> None:
        raise KeyStoreLocked("The keychain is locked.")

    monkeypatch.setattr(type(served.keystore), "_add", add)
    for path, entries in (
        ("new", {"label": "A"}),
        ("import", {"label": "A", "text": KEY.text()}),
        ("import", RIGHT),
    ):
        answer = await refused(served, f"/v1/keys/{path}", entries)
        assert answer[:2] == (503, "key_store_locked")


async def test_after_ten_failures_nothing_is_opened(served):
    for _ in range(10):
        assert (await refused(served, "/v1/keys/import", WRONG))[0] == 400
    async with served.post("/v1/keys/import", RIGHT) as answer:
        problem = await answer.json()
        assert (answer.status, problem["code"]) == (429, "too_many_attempts")
        assert answer.headers["Retry-After"] == "60"
    answer = await refused(served, "/v1/keys/scan", b"never decoded")
    assert answer[:2] == (429, "too_many_attempts")
    # what costs nothing goes on, and so does the rest of the daemon
    async with served.post("/v1/keys/import", {"label": None, "text": KEY.text()}) as answer:
        assert answer.status == 200
    async with served.post("/v1/keys/new", {"label": "Friends"}) as answer:
        assert answer.status == 200


async def test_one_at_a_time_and_beside_the_photos(served, make_photo, monkeypatch):
    began, go_on = threading.Event(), threading.Event()
    original = type(served.keystore).import_file

    def slow(*args: Any) -> Any:
        began.set()
        assert go_on.wait(20)
        return original(*args)

    monkeypatch.setattr(type(served.keystore), "import_file", slow)

    async def opened() -> int:
        async with served.post("/v1/keys/import", RIGHT) as answer:
            await answer.read()
            return int(answer.status)

    first = asyncio.create_task(opened())
    assert await asyncio.to_thread(began.wait, 10)
    try:
        assert (await refused(served, "/v1/keys/import", RIGHT))[:2] == (503, "busy")
        assert (await refused(served, "/v1/keys/scan", make_photo()))[:2] == (503, "busy")
        async with served.post("/v1/protect", make_photo(), X_ErMask_Circle="Family") as answer:
            assert answer.status == 200
    finally:
        go_on.set()
    assert await first == 200


async def test_hanging_up_makes_no_room_and_is_counted(served, monkeypatch):
    began, go_on, done = threading.Event(), threading.Event(), threading.Event()
    original = type(served.keystore).import_file

    def slow(*args: Any) -> Any:
        began.set()
        assert go_on.wait(20)
        try:
            return original(*args)
        finally:
            done.set()

    monkeypatch.setattr(type(served.keystore), "import_file", slow)
    hasty = asyncio.create_task(served.post("/v1/keys/import", WRONG).__aenter__())
    assert await asyncio.to_thread(began.wait, 10)
    hasty.cancel()
    await asyncio.gather(hasty, return_exceptions=True)
    try:
        assert (await refused(served, "/v1/keys/import", RIGHT))[:2] == (503, "busy")
    finally:
        go_on.set()
    assert await asyncio.to_thread(done.wait, 10)
    for _ in range(9):
        answer = await refused(served, "/v1/keys/import", WRONG)
        while answer[1] == "busy":
            answer = await refused(served, "/v1/keys/import", WRONG)
        assert answer[1] == "bad_key"
    assert (await refused(served, "/v1/keys/import", RIGHT))[0] == 429
