"""Uploads and connections that are meant to hurt. Limits are tested just under, at and over."""

from __future__ import annotations

import asyncio
import gzip

import pytest

from ermask.api import body
from ermask.codec import MAX_BYTES

CIRCLE = {"X_ErMask_Circle": "Family"}


async def chunks(size: int):
    piece = bytes(2**20)
    while size > 0:
        yield piece[:size]
        size -= len(piece)


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(("extra", "status"), [(-1, 415), (0, 415), (1, 413)])
async def test_the_size_limit_is_exact(served, chunked, extra, status):
    # Zeros are no picture: 415 says that they got past the size limit.
    size = MAX_BYTES + extra
    data = chunks(size) if chunked else bytes(size)
    async with served.post("/v1/protect", data, **CIRCLE) as answer:
        assert answer.status == status
    assert served.daemon.workers.admitted == 0


async def test_a_declared_size_is_refused_before_the_body_comes(served):
    head = (
        f"POST /v1/protect HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n"
        f"X-ErMask-Circle: Family\r\nContent-Length: {MAX_BYTES + 1}\r\nConnection: close\r\n"
    )
    head += "".join(f"{name}: {value}\r\n" for name, value in served.headers.items())
    answer = await served.raw(head.encode() + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 413")


async def test_an_empty_upload(served):
    async with served.post("/v1/protect", b"", **CIRCLE) as answer:
        assert (answer.status, (await answer.json())["code"]) == (415, "bad_image")


async def test_a_packed_body_is_not_unpacked(served):
    packed = gzip.compress(bytes(2**20))
    for encoding in ("gzip", "deflate", "br", "identity"):
        async with served.post(
            "/v1/protect", packed, **CIRCLE, Content_Encoding=encoding
        ) as answer:
            assert (answer.status, (await answer.json())["code"]) == (400, "bad_request")


async def test_a_slow_upload_is_given_up(served, monkeypatch):
    monkeypatch.setattr(body, "BODY_SECONDS", 0.2)

    async def drip():
        for _ in range(100):
            yield b"x"
            await asyncio.sleep(0.05)

    async with served.post("/v1/protect", drip(), **CIRCLE) as answer:
        assert (answer.status, (await answer.json())["code"]) == (408, "body_timeout")
    assert served.daemon.workers.admitted == 0


async def test_headers_that_never_end_are_given_up(serve):
    async with serve(idle_seconds=0.2) as served:
        # read() returns only when the daemon closes the connection
        assert await served.raw(b"POST /v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ") == b""
        assert await served.raw(b"") == b""


async def test_huge_headers_are_refused(served):
    line = b"X-Large: " + b"x" * 20_000 + b"\r\n"
    answer = await served.raw(b"GET /healthz HTTP/1.1\r\n" + line + b"\r\n")
    assert answer.startswith(b"HTTP/1.0 400") or answer.startswith(b"HTTP/1.1 400")


async def test_a_malformed_request_is_not_quoted_in_the_log(served, caplog):
    await served.raw(b"POST /v1/status HTTP/1.1\r\nAuthorization Bearer top-secret\r\n\r\n")
    assert "top-secret" not in caplog.text
    assert "Error handling request from 127.0.0.1: " in caplog.text


async def test_broken_chunks_are_a_bad_request(served):
    head = (
        f"POST /v1/protect HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n"
        "X-ErMask-Circle: Family\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n"
    )
    head += "".join(f"{name}: {value}\r\n" for name, value in served.headers.items())
    answer = await served.raw(head.encode() + b"\r\n5\r\nhello\r\nzz\r\n")
    assert answer.split(b" ")[1] == b"400"
    assert served.daemon.workers.admitted == 0


async def test_a_body_that_breaks_off_leaves_nothing_behind(served):
    head = (
        f"POST /v1/protect HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n"
        "X-ErMask-Circle: Family\r\nContent-Length: 1000\r\n"
    )
    head += "".join(f"{name}: {value}\r\n" for name, value in served.headers.items())
    _, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(head.encode() + b"\r\nhalf")
    await writer.drain()
    async with asyncio.timeout(5):
        while served.daemon.workers.admitted == 0:
            await asyncio.sleep(0.01)
        writer.close()
        while served.daemon.workers.admitted:
            await asyncio.sleep(0.01)
    assert served.engine.calls == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff",
        b"[" * 10_000,
        b'{"client": "a"}',
        b'{"client": "a", "nonce": "b", "more": 1}',
        b'{"client": 1, "nonce": "AAAA"}',
        b'{"client": "a", "nonce": "' + b"A" * 42 + b'"}',
        b'{"client": "a", "nonce": "' + b"A" * 43 + b'="}',
        b'{"client": "a", "nonce": "' + b"+" * 43 + b'"}',
        b'{"client": "a", "nonce": null}',
        b'{"client": "\\u001b[2J", "nonce": "' + b"A" * 43 + b'"}',
        b" " * 20_000,
    ],
)
async def test_strange_json(served, content):
    async with served.post("/v1/hello", content) as answer:
        assert (answer.status, (await answer.json())["code"]) == (400, "bad_request")


async def test_a_token_with_strange_characters(served):
    for token in ("é" * 43, "A" * 44, "A" * 5000, "A" * 43 + " "):
        headers = served.headers | {"Authorization": f"Bearer {token}"}
        async with served.post("/v1/status", headers=headers) as answer:
            assert answer.status == 401
