"""Looks: how far a protected or restored face is from the original, over the face crop.

All pictures of a pair are cut where the face of the original is. A restored copy of a JPEG is held
against the JPEG of the original: more than that cannot come back.

The Frechet inception distance of the published tables is left out: it compares the statistics of
thousands of pictures by a network that cannot be shipped, and at a few hundred it mostly measures
how many there were. What it is meant to catch, faces that look painted, sheets of pictures show.
"""

from __future__ import annotations

from typing import Any

from ermask import align
from ermask.codec import Photo
from ermask_training.bench.attacker import Seen, place
from ermask_training.bench.halves import (
    change_at,
    flow_taken_back,
    residual_only,
)
from ermask_training.bench.intervals import measured
from ermask_training.bench.protocol import Limits, Row, Rows
from ermask_training.bench.similarity import Distance, alike, ssim
from ermask_training.bench.subject import PRESETS, RIGHT, Subject
from ermask_training.bench.variants import CLEAN, FINE, POSTED, VARIANTS

LOOKS = "looks"
REGISTERED, STILL = "SSIM, flow undone", "PSNR, residual only"


class Looks:
    """Presets against the original, restored copies against what could come back."""

    name = LOOKS

    def __init__(self, lpips: Distance | None) -> None:
        self._lpips = lpips

    def pictures(self, subject: Subject) -> dict[str, Photo]:
        return {}

    def outcome(self, subject: Subject, seen: Seen) -> Row:
        similarity = place(subject.engine, subject.a)
        if similarity is None:
            return {}
        original = align.crop(subject.a.rgb, similarity)
        row: Row = {}
        for preset in PRESETS:
            crop = align.crop(subject.protected(preset).rgb, similarity)
            found = alike(original, crop, self._lpips)
            made = subject.protect(preset).changes
            change = change_at(made, similarity)
            if change and change.flow is not None:
                straight = flow_taken_back(crop, change.flow)
                still = align.crop(residual_only(subject.a, made).rgb, similarity)
                found[REGISTERED] = round(ssim(original, straight), 4)
                found[STILL] = alike(original, still)["PSNR"]
            row[f"protected {preset} against original"] = found
        for variant in (CLEAN, FINE, POSTED):
            wanted = align.crop(VARIANTS[variant](subject.a).rgb, similarity)
            crop = align.crop(subject.restore(RIGHT, variant).photo.rgb, similarity)
            suffix = "" if variant == CLEAN else f", {variant}"
            name = f"restored, right key{suffix} against original{suffix}"
            row[name] = alike(wanted, crop, self._lpips)
        return row

    @staticmethod
    def summarise(rows: Rows, limits: Limits) -> dict[str, Any]:
        return {LOOKS: looks(rows)}


def looks(rows: Rows) -> dict[str, dict[str, Any]]:
    """Means over photos, by comparison and measure."""
    values: dict[str, dict[str, list[float]]] = {}
    for row in rows.values():
        for name, measures in row.items():
            for measure, value in measures.items():
                values.setdefault(name, {}).setdefault(measure, []).append(value)
    return {
        name: {measure: measured(found) for measure, found in measures.items()}
        for name, measures in values.items()
    }
