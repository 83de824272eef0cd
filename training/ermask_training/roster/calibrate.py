"""The thresholds of a roster's recognisers, measured on a prepared set and written into it.

They are for people, and for tools that have no set to calibrate on. `evaluate` and `attack` do
not read them: they set thresholds anew on the people that they are given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ermask.align import Floats
from ermask_training.bench.intervals import clustered
from ermask_training.data import CropSet
from ermask_training.embeddings import embeddings
from ermask_training.metrics import FARS, genuine_accepts, impostor_threshold
from ermask_training.roster import document
from ermask_training.roster.entries import THRESHOLDS, read_roster
from ermask_training.surrogates import Recogniser


@dataclass(frozen=True)
class Calibration:
    """One recogniser at one false accept rate."""

    name: str
    far: float
    threshold: float
    """Cosine, to four places, as the roster has it."""
    accept_rate: float
    """Of pairs of one person: the mean over people of the share at or above the threshold."""
    interval_95: tuple[float, float]
    """Of the accept rate, as if all pairs of a person went one way; the threshold is given."""
    people: int
    """Those with two photos or more."""
    genuine: int
    impostor: int
    """Numbers of pairs of one person and of two."""


def calibrate(
    folder: Path, crop_set: CropSet, progress: Callable[[str], None]
) -> list[Calibration]:
    """Measure every recogniser of a roster at all of FARS and write the thresholds into it.

    Raises:
        ValueError: the roster cannot be used, or the set has too few people or photos of them.
            Nothing is written then.
    """
    found = []
    for entry in read_roster(folder):
        clean_ND = embeddings(crop_set, Recogniser(entry), progress)
        found += [measure(entry.name, clean_ND, crop_set.identities, far) for far in FARS]
    on = f"{crop_set.folder.resolve().name}: {len(crop_set)} photos of "
    on += f"{len(set(crop_set.identities))} people"
    fields: dict[str, dict[str, Any]] = {}
    for each in found:
        fields.setdefault(each.name, {})[THRESHOLDS[each.far]] = each.threshold
    content = document.read(folder)
    with_set = {name: {**own, "calibrated_on": on} for name, own in fields.items()}
    document.write(folder, document.with_fields(content, with_set))
    return found


def measure(
    name: str, embeddings_ND: Floats, identities: tuple[str, ...], far: float
) -> Calibration:
    """One recogniser at one false accept rate.

    Args:
        embeddings_ND: unit vectors (N, D).

    Raises:
        ValueError: too few pairs of different people, or none of one person.
    """
    threshold = round(impostor_threshold(embeddings_ND, identities, far), 4)
    rates = genuine_accepts(embeddings_ND, identities, threshold)
    if not rates:
        raise ValueError("nobody in the set has two photos, so there is nothing to accept")
    accepted = clustered([rate.value for rate in rates])
    genuine = sum(rate.n for rate in rates)
    return Calibration(
        name=name,
        far=far,
        threshold=threshold,
        accept_rate=accepted["rate"],
        interval_95=tuple(accepted["interval_95"]),
        people=len(rates),
        genuine=genuine,
        impostor=len(identities) * (len(identities) - 1) // 2 - genuine,
    )
