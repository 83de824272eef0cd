from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from ermask.api.problems import from_exception
from ermask.errors import WrongKey


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


async def test_protect_gives_the_photo_and_a_report(served, make_photo):
    async with served.post("/v1/protect", make_photo(100), X_ErMask_Circle="Family") as answer:
        assert answer.status == 200
        assert answer.content_type == "image/png"
        assert pixels(await answer.read())[0, 0, 0] == 140
        report = json.loads(answer.headers["X-ErMask-Result"])
    assert report["found"] == report["changed"] == 1
    assert report["faces"][0]["box"] == [1.0, 2.0, 30.0, 40.0]
    assert set(report["ms"]) == {"decode", "protector", "encode"}
    assert report["provider"] == "CPUExecutionProvider"
    assert served.engine.calls == ["protect mid"]


async def test_restore_finds_the_key_by_itself(served, make_photo):
    await served.daemon.workers.aside(lambda: served.keystore.new("Friends"))
    async with served.post("/v1/restore", make_photo(140)) as answer:
        assert answer.status == 200
        assert pixels(await answer.read())[0, 0, 0] == 100
        report = json.loads(answer.headers["X-ErMask-Result"])
    assert [match["label"] for match in report["matches"]] == ["Family"]


async def test_a_circle_is_named_by_id_or_percent_encoded_label(served, make_photo):
    circle = await served.daemon.workers.aside(lambda: served.keystore.new("Família 👪"))
    for name in (circle.id, "Fam%C3%ADlia%20%F0%9F%91%AA"):
        async with served.post("/v1/protect", make_photo(), X_ErMask_Circle=name) as answer:
            assert answer.status == 200
            report = answer.headers["X-ErMask-Result"]
            assert report.isascii()
            assert json.loads(report)["matches"][0]["label"] == "Família 👪"


async def test_inspect_answers_json_for_all_circles(served, make_photo):
    await served.daemon.workers.aside(lambda: served.keystore.new("Friends"))
    async with served.post("/v1/inspect", make_photo()) as answer:
        report = await answer.json()
    assert [match["label"] for match in report["matches"]] == ["Family", "Friends"]
    assert set(report["matches"][0]) == {"circle_id", "label", "score", "fits"}
    assert report["found"] == 1


async def test_strength_is_the_headers_or_the_settings(serve, make_photo):
    async with serve(strength="low") as served:
        for headers in ({}, {"X_ErMask_Strength": "high"}):
            async with served.post(
                "/v1/protect", make_photo(), X_ErMask_Circle="Family", **headers
            ) as answer:
                assert answer.status == 200
        assert served.engine.calls == ["protect low", "protect high"]


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("/v1/protect", {}, 400, "bad_request"),
        ("/v1/protect", {"X_ErMask_Circle": "Nobody"}, 404, "unknown_circle"),
        ("/v1/protect", {"X_ErMask_Circle": "%FF"}, 400, "bad_request"),
        (
            "/v1/protect",
            {"X_ErMask_Circle": "Family", "X_ErMask_Strength": "max"},
            400,
            "bad_request",
        ),
        ("/v1/restore", {"X_ErMask_Force": "1"}, 400, "bad_request"),
        ("/v1/restore", {"X_ErMask_Circle": "Family", "X_ErMask_Force": "yes"}, 400, "bad_request"),
        ("/v1/restore", {"X_ErMask_Circle": "Nobody"}, 404, "unknown_circle"),
    ],
)
async def test_wrong_headers_are_told_before_any_work(
    served, make_photo, path, headers, status, code
):
    async with served.post(path, make_photo(), **headers) as answer:
        assert (answer.status, (await answer.json())["code"]) == (status, code)
    assert served.engine.calls == []
    assert served.daemon.workers.admitted == 0


async def test_restore_without_any_circle_says_so(served, make_photo):
    def empty() -> None:
        served.keystore.delete(served.keystore.find("Family"))

    await served.daemon.workers.aside(empty)
    async with served.post("/v1/restore", make_photo()) as answer:
        assert (answer.status, (await answer.json())["code"]) == (404, "unknown_circle")


async def test_force_reaches_the_engine_and_is_a_job_of_its_own(served, make_photo):
    await served.daemon.workers.aside(lambda: served.keystore.new("Friends"))
    name = {"X_ErMask_Circle": "Friends"}
    async with served.post("/v1/restore", make_photo(), **name) as answer:
        assert (answer.status, (await answer.json())["code"]) == (409, "wrong_key")
    async with served.post("/v1/restore", make_photo(), **name, X_ErMask_Force="1") as answer:
        assert answer.status == 200
    assert served.engine.calls == ["restore", "restore force"]


async def test_no_face_is_a_problem_and_not_the_photo(served, make_photo):
    async with served.post("/v1/protect", make_photo(0), X_ErMask_Circle="Family") as answer:
        assert answer.status == 422
        assert answer.content_type == "application/problem+json"
        problem = await answer.json()
    assert problem == {
        "type": "urn:ermask:error:no_face",
        "title": "No face",
        "status": 422,
        "detail": "There is no face in the photo.",
        "code": "no_face",
        "hint": "If there is a face, try a sharper or larger version of the photo.",
    }


async def test_a_failure_nobody_foresaw_tells_no_content(served, make_photo, caplog):
    served.engine.failure = RuntimeError("secret-holiday.jpg")
    async with served.post("/v1/protect", make_photo(), X_ErMask_Circle="Family") as answer:
        assert answer.status == 500
        text = await answer.text()
    problem = json.loads(text)
    assert problem["code"] == "internal"
    assert "secret-holiday" not in text + caplog.text
    assert problem["request"] in caplog.text
    assert "RuntimeError" in caplog.text
    assert "in protect" in caplog.text  # a frame of the traceback


async def test_a_crowd_fits_into_the_header(served, make_photo, monkeypatch):
    plain = served.engine._result

    def crowd(*arguments):
        result = plain(*arguments)
        result.faces *= 500
        return result

    monkeypatch.setattr(served.engine, "_result", crowd)
    async with served.post("/v1/protect", make_photo(), X_ErMask_Circle="Family") as answer:
        report = json.loads(answer.headers["X-ErMask-Result"])
    assert report["found"] == report["changed"] == 500
    assert len(report["faces"]) == 32
    assert len(answer.headers["X-ErMask-Result"]) < 8000


@pytest.mark.parametrize("likely", [None, "0123456789abcdef"])
def test_a_refusal_names_the_circle_that_is_likely(likely):
    problem = from_exception(WrongKey("No key fits.", likely=likely), "request")
    assert problem.status == 409
    body = problem.response().body
    assert isinstance(body, bytes)
    assert json.loads(body).get("likely") == likely
