"""Jobs as a client sees them: answered later, waited for, joined, abandoned, refused."""

from __future__ import annotations

import asyncio

import pytest

CIRCLE = {"X_ErMask_Circle": "Family"}
LATER = {**CIRCLE, "Prefer": "respond-async"}


async def until(condition) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


async def test_answered_later_and_waited_for(served, make_photo):
    served.engine.gate.clear()
    async with served.post("/v1/protect", make_photo(), **LATER) as answer:
        assert answer.status == 202
        job = await answer.json()
    assert set(job) == {"job", "state"}
    path = f"/v1/jobs/{job['job']}/wait"
    assert answer.headers["Location"] == path
    await until(lambda: served.engine.calls)
    async with served.post(path, Prefer="wait=0") as answer:
        assert (answer.status, await answer.json()) == (202, job | {"state": "running"})
    waiting = asyncio.create_task(served.post(path).__aenter__())
    served.engine.gate.set()
    answer = await waiting
    assert answer.status == 200
    photo = await answer.read()
    assert answer.headers["X-ErMask-Result"]
    # once more: a worker that died before it read the answer gets it again
    async with served.post(path) as answer:
        assert await answer.read() == photo
    # and so does the same upload
    async with served.post("/v1/protect", make_photo(), **CIRCLE) as answer:
        assert await answer.read() == photo
    assert served.engine.calls == ["protect mid"]


async def test_an_error_is_waited_for_like_a_result(served, make_photo):
    async with served.post("/v1/protect", make_photo(0), **LATER) as answer:
        job = (await answer.json())["job"]
    async with served.post(f"/v1/jobs/{job}/wait") as answer:
        assert (answer.status, (await answer.json())["code"]) == (422, "no_face")


async def test_another_client_cannot_have_the_job(served, make_photo):
    async with served.post("/v1/protect", make_photo(), **LATER) as answer:
        job = (await answer.json())["job"]
    served.client, served.token = served.daemon.clients.add("Other", served.client.origin)
    async with served.post(f"/v1/jobs/{job}/wait") as answer:
        assert (answer.status, (await answer.json())["code"]) == (404, "not_found")
    async with served.post("/v1/protect", make_photo(), **LATER) as answer:
        assert (await answer.json())["job"] != job


@pytest.mark.parametrize("job", ["0" * 32, "x", "%2e%2e", "../keys"])
async def test_unknown_jobs(served, job):
    async with served.post(f"/v1/jobs/{job}/wait") as answer:
        assert (answer.status, (await answer.json())["code"]) == (404, "not_found")


async def test_a_new_circle_makes_a_new_inspection(served, make_photo):
    for expected in (1, 2):
        async with served.post("/v1/inspect", make_photo()) as answer:
            assert len((await answer.json())["matches"]) == expected
        if expected == 1:
            await served.daemon.workers.aside(lambda: served.keystore.new("Friends"))


async def test_a_full_queue_says_busy_before_reading(serve, make_photo):
    async with serve(queue=2) as served:
        served.engine.gate.clear()
        for level in (10, 20):
            async with served.post("/v1/protect", make_photo(level), **LATER) as answer:
                assert answer.status == 202
        head = (
            f"POST /v1/protect HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n"
            "X-ErMask-Circle: Family\r\nContent-Length: 1000000\r\nConnection: close\r\n"
        )
        head += "".join(f"{name}: {value}\r\n" for name, value in served.headers.items())
        answer = await served.raw(head.encode() + b"\r\n")
        assert answer.startswith(b"HTTP/1.1 503")
        assert b"Retry-After: 3\r\n" in answer
        assert b'"code": "busy"' in answer
        served.engine.gate.set()
        await until(lambda: served.daemon.workers.admitted == 0)
        async with served.post("/v1/protect", make_photo(30), **CIRCLE) as answer:
            assert answer.status == 200


async def test_hanging_up_takes_waiting_work_out_of_the_queue(served, make_photo):
    served.engine.gate.clear()
    first = asyncio.create_task(served.post("/v1/protect", make_photo(10), **CIRCLE).__aenter__())
    await until(lambda: served.engine.calls)
    second = asyncio.create_task(served.post("/v1/protect", make_photo(20), **CIRCLE).__aenter__())
    await until(lambda: served.daemon.workers.waiting == 1)
    second.cancel()
    await until(lambda: served.daemon.workers.waiting == 0)
    assert served.daemon.workers.admitted == 1
    served.engine.gate.set()
    assert (await first).status == 200
    assert served.engine.calls == ["protect mid"]


async def test_hanging_up_on_running_work_lets_it_finish(served, make_photo):
    served.engine.gate.clear()
    first = asyncio.create_task(served.post("/v1/protect", make_photo(), **CIRCLE).__aenter__())
    await until(lambda: served.engine.calls)
    first.cancel()
    await asyncio.sleep(0.02)
    served.engine.gate.set()
    async with served.post("/v1/protect", make_photo(), **CIRCLE) as answer:
        assert answer.status == 200
    assert served.engine.calls == ["protect mid"]


async def test_stopping_finishes_the_work_and_refuses_more(serve, make_photo):
    async with serve() as served:
        served.engine.gate.clear()
        running = asyncio.create_task(
            served.post("/v1/protect", make_photo(), **CIRCLE).__aenter__()
        )
        await until(lambda: served.engine.calls)
        stopping = asyncio.create_task(served.app.shutdown())
        await asyncio.sleep(0)
        async with served.post("/v1/protect", make_photo(7), **CIRCLE) as answer:
            problem = await answer.json()
        assert (answer.status, problem["code"]) == (503, "busy")
        assert "stopping" in problem["detail"]
        served.engine.gate.set()
        answer = await running
        assert answer.status == 200
        assert await answer.read()
        await stopping
