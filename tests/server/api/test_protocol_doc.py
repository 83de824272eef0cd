"""docs/protocol.md is what clients are written from: it must have all that the code has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ermask import codec, decoding, errors, workers
from ermask.api import body, jobs, pairing, photos, runner
from ermask.api.routes import ROUTES
from ermask.errors import ErmaskError

TEXT = (Path(__file__).parents[3] / "docs" / "protocol.md").read_text("utf-8")
KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, ErmaskError)
]


def test_every_error_code_is_there():
    missing = [kind.code for kind in KINDS if f"`{kind.code}`" not in TEXT]
    assert missing == []


def test_the_table_of_errors_has_the_right_status():
    rows = re.findall(r"^\| `(\w+)` \| (\d{3}) \|", TEXT, re.MULTILINE)
    statuses = {kind.code: kind.status for kind in KINDS}
    assert len(rows) > 20
    assert {code: int(status) for code, status in rows} == {
        code: statuses[code] for code, _ in rows
    }


def test_codes_are_unique():
    codes = [kind.code for kind in KINDS]
    assert sorted(codes) == sorted(set(codes))


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_every_route_is_there(route):
    assert f"| `{route.method} {route.path}` |" in TEXT


def test_the_numbers_are_the_codes_numbers():
    for text in (
        f"{codec.MAX_BYTES // 2**20} MiB, {codec.MAX_PIXELS:,} pixels",
        f'"bytes": {codec.MAX_BYTES}, "pixels": {codec.MAX_PIXELS}',
        f"{body.JSON_BYTES // 1024} KiB",
        f"time for a body | {body.BODY_SECONDS:g} s",
        f"idle connections | {runner.IDLE_SECONDS:g} s",
        f"{workers.BYTES_IN_FLIGHT // 2**20} MiB of uploads",
        f"{pairing.ATTEMPTS} attempts, {pairing.WINDOW_S:g} s",
        f"{pairing.ITERATIONS} iterations",
        f"at most {jobs.MAX_RESULTS} of them and {jobs.MAX_RESULT_BYTES // 2**20} MiB",
        f"for up to {jobs.DRAIN_SECONDS:g} seconds",
        f"find a code in a picture | {decoding.KEY_SECONDS:g} s",
        f"job | {photos.WAIT_SECONDS} s",
        pairing.ALPHABET,
    ):
        assert text in TEXT, text
