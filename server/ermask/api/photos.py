"""Handlers for photos: protect, restore, inspect, and waiting for a job."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

from ermask.api import work
from ermask.api.body import read_upload
from ermask.api.headers import one_header
from ermask.api.jobs import Answer, Job
from ermask.api.state import CLIENT, DAEMON
from ermask.contract import STRENGTHS
from ermask.errors import BadRequest, UnknownCircle

if TYPE_CHECKING:
    from ermask.circles import Circle
    from ermask.keys import Key

WAIT_SECONDS = 20
"""Longest wait for a job in one request: Chrome ends an extension's worker after 30 s."""
_WAIT = re.compile(r"\bwait=(\d{1,2})\b")


async def protect(request: web.Request) -> web.Response:
    """Change the faces for one circle."""
    daemon = request.app[DAEMON]
    strength = one_header(request, "X-ErMask-Strength") or daemon.settings.strength
    if strength not in STRENGTHS:
        raise BadRequest(f"X-ErMask-Strength must be one of {', '.join(STRENGTHS)}.")
    name = one_header(request, "X-ErMask-Circle")
    if name is None:
        raise BadRequest("X-ErMask-Circle is missing: whose key is it to be?")
    circle, key = (await _keys(request, name))[0]
    return await _run(
        request,
        "protect",
        (circle.id, strength),
        lambda data: work.protect(daemon.engine, daemon.decoder, data, circle, key, strength),
    )


async def restore(request: web.Request) -> web.Response:
    """Undo the change, with one circle's key or with whichever fits."""
    daemon = request.app[DAEMON]
    name = one_header(request, "X-ErMask-Circle")
    forced = one_header(request, "X-ErMask-Force")
    if forced not in (None, "1"):
        raise BadRequest("X-ErMask-Force must be 1, or absent.")
    force = forced is not None
    if force and name is None:
        raise BadRequest("X-ErMask-Force needs X-ErMask-Circle: with which key?")
    keys = await _keys(request, name)
    return await _run(
        request,
        "restore-force" if force else "restore",
        tuple(circle.id for circle, _ in keys),
        lambda data: work.restore(daemon.engine, daemon.decoder, data, keys, force),
    )


async def inspect(request: web.Request) -> web.Response:
    """Find the faces, and the circles whose key fits."""
    daemon = request.app[DAEMON]
    keys = await _keys(request, one_header(request, "X-ErMask-Circle"))
    return await _run(
        request,
        "inspect",
        tuple(circle.id for circle, _ in keys),
        lambda data: work.inspect(daemon.engine, daemon.decoder, data, keys),
    )


async def wait(request: web.Request) -> web.Response:
    """The job's answer as if it had been waited for; 202 again when it takes longer."""
    jobs = request.app[DAEMON].jobs
    job = jobs.find(request[CLIENT].id, request.match_info["id"])
    wanted = _WAIT.search(request.headers.get("Prefer", ""))
    seconds = min(int(wanted[1]), WAIT_SECONDS) if wanted else WAIT_SECONDS
    outcome = await jobs.wait(job, seconds)
    return _accepted(job) if outcome is None else outcome.response()


async def _run(
    request: web.Request,
    operation: str,
    parts: tuple[str, ...],
    operate: Callable[[bytes], Answer],
) -> web.Response:
    jobs = request.app[DAEMON].jobs
    later = "respond-async" in request.headers.get("Prefer", "")
    upload = await read_upload(request)
    job = jobs.submit(
        partial(operate, upload.data),
        upload.place,
        client=request[CLIENT].id,
        operation=operation,
        parts=parts,
        sha256=upload.sha256,
        keep=later,
    )
    del upload  # the job lets go of the photo when its work is done, and so must this request
    outcome = None if later else await jobs.wait(job, None)
    return _accepted(job) if outcome is None else outcome.response()


def _accepted(job: Job) -> web.Response:
    state = "running" if job.started else "waiting"
    return web.json_response(
        {"job": job.id, "state": state}, status=202, headers={"Location": f"/v1/jobs/{job.id}/wait"}
    )


async def _keys(request: web.Request, name: str | None) -> list[tuple[Circle, Key]]:
    """The key of one circle, or all there are."""
    daemon = request.app[DAEMON]
    store = daemon.keystore
    if name is None:
        keys = await daemon.workers.aside(store.keys)
        if not keys:
            raise UnknownCircle("There is no circle on this machine, so there is no key to try.")
        return list(keys)

    def find() -> tuple[Circle, Key]:
        circle = store.find(name)
        return circle, store.key(circle)

    return [await daemon.workers.aside(find)]
