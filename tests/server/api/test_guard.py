"""One table per rule, over real sockets, beside a request that passes all of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ermask.api.body import encode_base64url

EXTENSION = "chrome-extension://abcdefghijklmnopabcdefghijklmnop"


async def send(served, *lines: str, target: str = "/v1/status", method: str = "POST") -> bytes:
    """One request with exactly these header lines; PORT and TOKEN are filled in."""
    token = encode_base64url(served.token)
    text = "\r\n".join([f"{method} {target} HTTP/1.1", *lines, "Connection: close", "", ""])
    request = text.replace("PORT", str(served.port)).replace("TOKEN", token).encode()
    answer: bytes = await served.raw(request)
    return answer


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def body(answer: bytes) -> dict[str, Any]:
    entries: dict[str, Any] = json.loads(answer.partition(b"\r\n\r\n")[2])
    return entries


GOOD_HOST = "Host: 127.0.0.1:PORT"
GOOD = (GOOD_HOST, "X-ErMask: 1", f"Origin: {EXTENSION}", "Authorization: Bearer TOKEN")


async def test_the_good_request_passes(served):
    assert status(await send(served, *GOOD)) == 200


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        ["Host:"],
        ["Host: 127.0.0.1"],
        ["Host: 127.0.0.1:1"],
        ["Host: 127.0.0.1:PORT", "Host: 127.0.0.1:PORT"],
        ["Host: 127.0.0.1:PORT", "Host: evil.test"],
        ["Host: 127.0.0.1:PORT.evil.test"],
        ["Host: 127.0.0.1.evil.test:PORT"],
        ["Host: evil.test"],
        ["Host: evil.test:PORT"],
        ["Host: localhost:PORT"],
        ["Host: 0.0.0.0:PORT"],
        ["Host: 127.1:PORT"],
        ["Host: 127.0.0.2:PORT"],
        ["Host: 2130706433:PORT"],
        ["Host: [::1]:PORT"],
        ["Host: [::ffff:127.0.0.1]:PORT"],
        ["Host: user@127.0.0.1:PORT"],
        ["Host: 127.0.0.1:0PORT"],
        ["Host: 127.0.0.1:PORT, evil.test"],
    ],
)
async def test_any_other_host_is_refused(served, hosts):
    answer = await send(served, *hosts, *GOOD[1:])
    # 400: some of these the HTTP parser itself refuses
    assert status(answer) in (400, 403)
    assert b"0.1.0" not in answer


async def test_the_absolute_form_is_refused(served):
    for target in ("http://127.0.0.1:PORT/v1/status", "http://evil.test/v1/status"):
        assert status(await send(served, *GOOD, target=target)) == 403


@pytest.mark.parametrize(
    ("values", "passes"),
    [
        ([], True),
        (["none"], True),
        (["same-origin"], True),
        (["cross-site"], False),
        (["same-site"], False),
        (["None"], False),
        ([""], False),
        (["none", "cross-site"], False),
        (["none", "none"], False),
    ],
)
async def test_sec_fetch_site(served, values, passes):
    answer = await send(served, *GOOD, *(f"Sec-Fetch-Site: {value}" for value in values))
    assert status(answer) == (200 if passes else 403)


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "https://evil.test",
        "http://127.0.0.1:PORT",
        "http://localhost",
        "file://",
        "chrome-extension://",
        "chrome-extension://ABCDEF",
        "chrome-extension://abc/page.html",
        "chrome-extension://abc https://evil.test",
        "https://chrome-extension://abc",
        "safari-web-extension://abc",
    ],
)
async def test_pages_and_strange_origins_are_refused(served, origin):
    lines = (GOOD_HOST, "X-ErMask: 1", f"Origin: {origin}")
    # a route that needs no token, where no other rule would refuse
    assert status(await send(served, *lines, target="/v1/hello")) == 403
    assert status(await send(served, *lines, target="/healthz", method="GET")) == 403


async def test_two_origins_are_refused(served):
    answer = await send(served, *GOOD[:3], f"Origin: {EXTENSION}", target="/v1/hello")
    assert status(answer) == 403
    # without the second one it is only the missing body that is wrong
    assert status(await send(served, *GOOD[:3], target="/v1/hello")) == 400


@pytest.mark.parametrize(
    "origins",
    [
        [],
        ["chrome-extension://ponmlkjihgfedcbaponmlkjihgfedcba"],
        ["moz-extension://7d1c1d4c-0e0a-4d0c-9d0c-0123456789ab"],
    ],
)
async def test_a_token_works_only_from_its_origin(served, origins):
    lines = [f"Origin: {origin}" for origin in origins]
    assert status(await send(served, GOOD_HOST, "X-ErMask: 1", *lines, GOOD[3])) == 403


async def test_a_program_without_origin_has_a_token_without_origin(served):
    _, token = served.daemon.clients.add("Script", None)
    bearer = f"Authorization: Bearer {encode_base64url(token)}"
    assert status(await send(served, GOOD_HOST, "X-ErMask: 1", bearer)) == 200
    assert status(await send(served, *GOOD[:3], bearer)) == 403


@pytest.mark.parametrize("method", ["OPTIONS", "HEAD", "PUT", "DELETE", "PATCH", "TRACE"])
async def test_other_methods_are_refused(served, method):
    preflight = ("Access-Control-Request-Method: POST", "Access-Control-Request-Headers: x-ermask")
    for target in ("/v1/protect", "/healthz", "/nowhere"):
        answer = await send(served, *GOOD, *preflight, method=method, target=target)
        assert status(answer) == 403
        assert b"access-control" not in answer.lower()


@pytest.mark.parametrize(
    "marker", [[], ["X-ErMask: 0"], ["X-ErMask:"], ["X-ErMask: 1", "X-ErMask: 1"]]
)
async def test_post_needs_the_marker(served, marker):
    for target in ("/v1/status", "/v1/hello", "/v1/pair/begin"):
        answer = await send(served, GOOD_HOST, *marker, *GOOD[2:], target=target)
        assert status(answer) == 403


async def test_401_is_the_same_for_every_reason(served):
    client, revoked = served.daemon.clients.add("Old", EXTENSION)
    served.daemon.clients.revoke(client.id)
    cases = [
        ([], "/v1/status"),
        ([], "/v1/nowhere"),
        ([], "/v1/pair/begin"),
        ([], "/v1/control/status"),
        (["Authorization: Bearer"], "/v1/status"),
        (["Authorization: Basic TOKEN"], "/v1/status"),
        ([f"Authorization: Bearer {encode_base64url(bytes(32))}"], "/v1/status"),
        ([f"Authorization: Bearer {encode_base64url(revoked)}"], "/v1/status"),
        (["Authorization: Bearer TOKEN="], "/v1/status"),
        (["Authorization: Bearer TOKEN", "Authorization: Bearer TOKEN"], "/v1/status"),
    ]
    answers = [await send(served, *GOOD[:3], *lines, target=path) for lines, path in cases]
    assert {status(answer) for answer in answers} == {401}
    without_date = {
        b"\n".join(line for line in answer.split(b"\r\n") if not line.startswith(b"Date:"))
        for answer in answers
    }
    assert len(without_date) == 1


async def test_failures_are_limited_and_valid_tokens_are_not(served):
    answers = [status(await send(served, *GOOD[:3])) for _ in range(12)]
    assert answers == [401] * 10 + [429] * 2
    assert b"Retry-After: 60" in await send(served, *GOOD[:3])
    assert status(await send(served, *GOOD)) == 200


async def test_with_a_token_an_unknown_path_is_not_found(served):
    for method, target in (("POST", "/v1/nowhere"), ("GET", "/v1/status"), ("POST", "/healthz")):
        answer = await send(served, *GOOD, method=method, target=target)
        assert (status(answer), body(answer)["code"]) == (404, "not_found")


async def test_the_token_is_checked_before_the_body_is_read(served):
    # The body never comes; an answer does.
    answer = await send(served, *GOOD[:3], "Content-Length: 1000000", target="/v1/protect")
    assert status(answer) == 401


async def test_every_answer_carries_the_headers(served):
    wanted = {
        b"cache-control: no-store",
        b"x-content-type-options: nosniff",
        b"cross-origin-resource-policy: same-origin",
        b"content-security-policy: default-src 'none'",
    }
    answers = [
        await send(served, *GOOD),
        await send(served, *GOOD[:3]),
        await send(served, "Host: evil.test"),
        await send(served, *GOOD, method="OPTIONS"),
        await send(served, GOOD_HOST, method="GET", target="/healthz"),
    ]
    assert [status(answer) for answer in answers] == [200, 401, 403, 403, 200]
    for answer in answers:
        head = set(answer.partition(b"\r\n\r\n")[0].lower().split(b"\r\n"))
        assert wanted <= head
        assert not [line for line in head if line.startswith((b"server:", b"access-control"))]


async def test_every_route_refuses_without_a_token(served):
    public = {"/healthz", "/v1/hello"}
    seen = set()
    for resource in served.app.router.resources():
        path = resource.canonical
        seen.add(path)
        method = "GET" if path == "/healthz" else "POST"
        answer = await send(served, *GOOD[:3], method=method, target=path.replace("{id}", "0" * 32))
        # 429 once the limit of failures is reached, 400 for a hello without a nonce
        allowed = {"/healthz": {200}, "/v1/hello": {400}}.get(path, {401, 429})
        assert status(answer) in allowed, path
    assert public < seen
    assert len(seen) == 20


async def test_scopes_do_not_mix(served):
    client, control = served.headers, served.control_headers
    for path in ("/v1/control/status", "/v1/control/pair", "/v1/control/clients"):
        async with served.post(path, headers=client) as answer:
            assert answer.status == 401
        async with served.post(path, headers=control | {"Origin": EXTENSION}) as answer:
            assert answer.status == 401
        async with served.post(path, headers=control) as answer:
            assert answer.status == 200
    for path in ("/v1/status", "/v1/keys"):
        async with served.post(path, headers=control) as answer:
            assert answer.status == 401
