"""Many uploads at once: the daemon stays responsive and its memory bounded."""

from __future__ import annotations

import asyncio
import os
import time

import numpy as np
import psutil

from ermask.decoding import Decoder

UPLOADS = 8
CIRCLE = {"X_ErMask_Circle": "Family"}


def percentile_99(seconds: list[float]) -> float:
    return sorted(seconds)[int(len(seconds) * 0.99)]


async def test_status_answers_while_photos_are_worked_on(serve, make_photo):
    with Decoder() as decoder:
        decoder.start()
        async with serve(decoder=decoder) as served:
            await check_status_while_busy(served, make_photo)


async def check_status_while_busy(served, make_photo) -> None:
    matrix = np.random.default_rng(1).standard_normal((500, 500))

    def burn() -> None:
        end = time.perf_counter() + 0.15
        while time.perf_counter() < end:
            matrix @ matrix

    served.engine.burn = burn
    photos = [make_photo(level, 1500) for level in range(100, 100 + UPLOADS)]

    async def upload(photo: bytes) -> int:
        async with served.post("/v1/protect", photo, **CIRCLE) as answer:
            await answer.read()
            status: int = answer.status
            return status

    uploads = asyncio.gather(*(upload(photo) for photo in photos))
    times = []
    while not uploads.done():
        started = time.perf_counter()
        async with served.post("/v1/status") as answer:
            assert answer.status == 200
        times.append(time.perf_counter() - started)
        await asyncio.sleep(0.005)
    assert await uploads == [200] * UPLOADS
    assert len(times) > 20
    print(f"status p99 {percentile_99(times) * 1000:.1f} ms of {len(times)}")
    # 50 ms on an idle machine; CI machines share their cores with others
    assert percentile_99(times) < 0.25


async def test_uploads_that_never_end_take_bounded_room(serve):
    size, senders = 4 * 2**20, 40
    async with serve(queue=4) as served:
        before = psutil.Process(os.getpid()).memory_info().rss
        head = (
            f"POST /v1/protect HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n"
            f"X-ErMask-Circle: Family\r\nContent-Length: {2 * size}\r\n"
        )
        head += "".join(f"{name}: {value}\r\n" for name, value in served.headers.items())
        writers, answers = [], []
        for _ in range(senders):
            reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.write(head.encode() + b"\r\n")
            writers.append(writer)
            answers.append(asyncio.create_task(reader.readline()))
        async with asyncio.timeout(10):
            while sum(answer.done() for answer in answers) < senders - 4:
                await asyncio.sleep(0.01)
        assert served.daemon.workers.admitted == 4
        assert all(b" 503 " in answer.result() for answer in answers if answer.done())
        for writer in writers:
            writer.write(bytes(size))
        await asyncio.sleep(0.5)
        grown = psutil.Process(os.getpid()).memory_info().rss - before
        for answer in answers:
            answer.cancel()
        for writer in writers:
            writer.transport.abort()
    # 40 half uploads are 160 MiB, of which both ends are in this process; 4 of them are 16
    assert grown < 100 * 2**20
