"""Bytes in, answer out: decode, engine, encode. Runs in the inference thread, knows no request.

`protect`, `restore` and `inspect` differ in one line each, the one that calls the engine.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ermask.api.jobs import Answer

if TYPE_CHECKING:
    from ermask.circles import Circle
    from ermask.codec import Photo
    from ermask.decoding import Decoder
    from ermask.engine import Engine
    from ermask.keys import Key
    from ermask.results import Result

FACES_IN_HEADER = 32
"""A crowd would outgrow what HTTP clients accept as a header; the counts are always complete."""
MATCHES_IN_HEADER = 4


def protect(
    engine: Engine, decoder: Decoder, data: bytes, circle: Circle, key: Key, strength: str
) -> Answer:
    """The protected photo. Raises the errors of the decoder, the engine and the codec."""
    result, ms = _run(decoder, data, lambda photo: engine.protect(photo, circle, key, strength))
    return _photo(result, ms, engine.providers.get("protector"))


def restore(
    engine: Engine,
    decoder: Decoder,
    data: bytes,
    keys: Sequence[tuple[Circle, Key]],
    force: bool,
) -> Answer:
    """The restored photo. Raises the errors of the decoder, the engine and the codec."""
    result, ms = _run(decoder, data, lambda photo: engine.restore(photo, keys, force=force))
    return _photo(result, ms, engine.providers.get("eraser"))


def inspect(
    engine: Engine, decoder: Decoder, data: bytes, keys: Sequence[tuple[Circle, Key]]
) -> Answer:
    """What is in the photo, as JSON. Raises the errors of the decoder and the engine."""
    result, ms = _run(decoder, data, lambda photo: engine.inspect(photo, keys))
    report = _report(result, ms, engine.providers.get("eraser"))
    return Answer(json.dumps(report).encode(), "application/json", ms=ms)


def _run(
    decoder: Decoder, data: bytes, operation: Callable[[Photo], Result]
) -> tuple[Result, dict[str, float]]:
    started = time.perf_counter()
    photo = decoder.decode(data)
    decoded = time.perf_counter()
    result = operation(photo)
    return result, {"decode": (decoded - started) * 1000, **result.ms}


def _photo(result: Result, ms: dict[str, float], provider: str | None) -> Answer:
    started = time.perf_counter()
    body = result.encoded()
    ms["encode"] = ms.get("encode", 0.0) + (time.perf_counter() - started) * 1000
    report = _report(result, ms, provider)
    report["faces"] = report["faces"][:FACES_IN_HEADER]
    report["matches"] = report["matches"][:MATCHES_IN_HEADER]
    header = json.dumps(report, separators=(",", ":"))
    return Answer(body, result.photo.mime, header, ms)


def _report(result: Result, ms: dict[str, float], provider: str | None) -> dict[str, Any]:
    faces = [
        {
            "box": [round(float(edge), 1) for edge in face.box],
            "score": round(float(face.score), 3),
            "width": round(float(face.width), 1),
            "changed": bool(face.changed),
            "reason": face.reason,
        }
        for face in result.faces
    ]
    return {
        "found": len(faces),
        "changed": sum(face["changed"] is True for face in faces),
        "faces": faces,
        "matches": [
            {**asdict(match), "score": round(float(match.score), 4), "fits": bool(match.fits)}
            for match in result.matches
        ],
        "ms": {stage: round(value, 1) for stage, value in ms.items()},
        "provider": provider,
    }
