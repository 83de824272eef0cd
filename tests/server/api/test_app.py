from __future__ import annotations

import asyncio
import json
import logging
import threading

import ermask
from ermask import codec, contract
from ermask.api.attempts import Attempts
from ermask.api.metrics import Metrics


async def test_healthz_says_nothing_but_ok(served):
    async with served.session.get(served.base + "/healthz") as answer:
        assert (answer.status, await answer.text()) == (200, "ok")
    async with served.session.get(served.base + "/healthz?x=1") as answer:
        assert await answer.text() == "ok"


async def test_status(served):
    async with served.post("/v1/status") as answer:
        status = await answer.json()
    assert status["version"] == ermask.__version__
    assert status["contract"] == contract.VERSION
    assert status["providers"]["protector"] == "CPUExecutionProvider"
    assert status["keys"] == "open"
    assert status["limits"] == {"bytes": codec.MAX_BYTES, "pixels": codec.MAX_PIXELS}
    assert status["queue"] == {"limit": 16, "admitted": 0, "waiting": 0, "running": 0}
    assert status["strengths"] == ["low", "mid", "high"]
    assert 0 <= status["uptime_s"] < 100


async def test_status_says_what_a_photo_would_be_refused_with(served, settings, make_photo):
    (settings.state_dir / "machine.key").unlink()
    async with served.post("/v1/protect", make_photo(), X_ErMask_Circle="Family") as answer:
        refusal = (await answer.json())["code"]
    assert refusal == "key_store_locked"
    async with served.post("/v1/status") as answer:
        assert (answer.status, (await answer.json())["keys"]) == (200, refusal)
    headers = served.control_headers
    async with served.post("/v1/control/status", headers=headers) as answer:
        assert (await answer.json())["keys"] == refusal


async def test_status_does_not_wait_for_a_keychain_that_asks_the_user(served):
    asked, answered = threading.Event(), threading.Event()

    def wait_for_the_user() -> None:
        asked.set()
        assert answered.wait(20)

    unlocking = asyncio.ensure_future(served.daemon.workers.aside(wait_for_the_user))
    try:
        await asyncio.to_thread(asked.wait, 20)
        async with served.post("/v1/status") as answer:
            assert (await answer.json())["keys"] == "open"
        assert not unlocking.done()
    finally:
        answered.set()
        await unlocking


async def test_keys_lists_circles_without_their_secrets(served):
    circle = served.keystore.find("Family")
    secret = served.keystore.key(circle).text()
    async with served.post("/v1/keys") as answer:
        text = await answer.text()
    assert json.loads(text) == [
        {
            "id": circle.id,
            "label": "Family",
            "created": circle.created,
            "fingerprint": circle.fingerprint,
        }
    ]
    assert secret not in text


async def test_metrics_count_requests_and_photos(served, make_photo):
    for level in (50, 0):
        async with served.post("/v1/protect", make_photo(level), X_ErMask_Circle="Family"):
            pass
    async with served.post("/v1/metrics") as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        lines = (await answer.text()).splitlines()
    assert 'ermask_requests_total{route="/v1/protect",status="200"} 1' in lines
    assert 'ermask_photos_total{operation="protect",outcome="ok"} 1' in lines
    assert 'ermask_photos_total{operation="protect",outcome="no_face"} 1' in lines
    assert 'ermask_stage_seconds_total{operation="protect",stage="protector"} 0.0015' in lines
    assert "ermask_photos_admitted 0" in lines
    assert all(line.startswith("#") or len(line.rsplit(" ", 1)) == 2 for line in lines)


def test_metrics_without_anything_are_valid():
    assert Metrics().render({}).count("# TYPE") == 4


async def test_the_log_has_sizes_and_times_and_no_content(served, make_photo, caplog):
    caplog.set_level(logging.DEBUG, "ermask")
    await served.daemon.workers.aside(lambda: served.keystore.new("Secret circle"))
    photo = make_photo()
    name = {"X_ErMask_Circle": "Secret%20circle"}
    async with served.post("/v1/protect", photo, **name) as answer:
        size = len(await answer.read())
    async with served.post("/v1/my-private-path?token=1") as answer:
        assert answer.status == 404
    async with served.post("/v1/status", headers={"X-ErMask": "1", "Origin": "null"}) as answer:
        assert answer.status == 403
    lines = [record.getMessage() for record in caplog.records]
    assert any(f"POST /v1/protect 200 in={len(photo)} out={size} ms=" in line for line in lines), (
        lines
    )
    assert any("POST - 404" in line for line in lines)
    assert any(line.endswith("refused_by=origin") for line in lines)
    text = caplog.text.lower()
    for content in ("secret", "private-path", served.headers["Authorization"][7:].lower()):
        assert content not in text


def test_attempts_slide():
    now = [0.0]
    attempts = Attempts(limit=2, seconds=60, clock=lambda: now[0])
    outcomes = []
    for at in (0, 30, 59, 60, 61, 90):
        now[0] = at
        outcomes.append((attempts.exhausted, attempts.fail()))
    assert outcomes == [(each, each) for each in (False, False, True, False, True, False)]
