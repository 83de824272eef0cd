from __future__ import annotations

import re


async def ask(served, path: str):
    async with served.post(f"/v1/control/{path}", headers=served.control_headers) as answer:
        return answer.status, await answer.json()


async def test_status_tells_about_the_pairing_window(served):
    assert (await ask(served, "status"))[1]["pairing_seconds"] == 0
    _, opened = await ask(served, "pair")
    assert re.fullmatch(r"[0-9A-Z]{4}-[0-9A-Z]{4}", opened["code"])
    assert opened["seconds"] == 120
    assert 100 < (await ask(served, "status"))[1]["pairing_seconds"] <= 120
    assert served.daemon.pairing.is_open
    await ask(served, "pair/close")
    assert not served.daemon.pairing.is_open


async def test_a_revoked_client_is_out_at_once(served):
    _, clients = await ask(served, "clients")
    assert clients == [served.client.public()]
    async with served.post("/v1/status") as answer:
        assert answer.status == 200
    status, revoked = await ask(served, f"clients/{served.client.id}/revoke")
    assert (status, revoked["id"]) == (200, served.client.id)
    async with served.post("/v1/status") as answer:
        assert answer.status == 401
    status, problem = await ask(served, f"clients/{served.client.id}/revoke")
    assert (status, problem["code"]) == (404, "not_found")


async def test_stop_answers_and_then_asks_to_stop(served):
    assert not served.daemon.stop.is_set()
    assert await ask(served, "stop") == (200, {})
    assert served.daemon.stop.is_set()


async def test_without_a_control_token_nobody_controls(serve):
    async with serve(control_token=None) as served:
        for token in ("", "A", "A" * 43):
            headers = {"X-ErMask": "1", "Authorization": f"Bearer {token}"}
            async with served.post("/v1/control/status", headers=headers) as answer:
                assert answer.status == 401
