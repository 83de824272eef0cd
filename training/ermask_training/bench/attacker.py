"""The attacker: finds and aligns the face of a picture anew, and compares embeddings.

Shapes: N pictures, D embedding dimensions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from ermask import align
from ermask.align import Floats, Pixels
from ermask.codec import Photo
from ermask.engine import Engine
from ermask_training.data import main_face
from ermask_training.surrogates import Recogniser

BATCH = 32

Cosines = dict[str, dict[str, float | None]]
"""By recogniser and label; None where no face was found."""


@dataclass(frozen=True)
class Judge:
    """A recogniser with the cosines above which it says that two photos show one person."""

    recogniser: Recogniser
    limits: dict[str, float]
    """By false accept rate, as text."""

    @property
    def name(self) -> str:
        return self.recogniser.name


def place(engine: Engine, photo: Photo) -> align.Similarity | None:
    """Where the main face is; None if there is none."""
    faces = engine.find(photo.rgb)
    if not faces:
        return None
    height, width = photo.rgb.shape[:2]
    return main_face(faces, width, height).similarity


def cut(engine: Engine, photo: Photo) -> Pixels | None:
    """The canonical crop of the main face, found anew; None if there is none."""
    similarity = place(engine, photo)
    return None if similarity is None else align.crop(photo.rgb, similarity)


def embed(recogniser: Recogniser, crops: list[Pixels]) -> Floats:
    """Unit embeddings (N, D)."""
    rows = [np.zeros((0, recogniser.entry.dim), np.float32)]
    for start in range(0, len(crops), BATCH):
        batch = torch.from_numpy(align.to_tensor(crops[start : start + BATCH]))
        with torch.no_grad():
            rows.append(recogniser(batch).numpy())
    return np.concatenate(rows)


@dataclass
class Seen:
    """What the judges make of the pictures of one pair."""

    vectors: dict[str, dict[str, Floats | None]] = field(default_factory=dict)
    """By judge and label: (D,), or None where no face was found."""
    mates: dict[str, Floats | None] = field(default_factory=dict)
    """By judge: the person's other photo (D,)."""

    def cosines(self, labels: Mapping[str, str] | list[str]) -> Cosines:
        """Pictures against the person's other photo.

        Args:
            labels: of the pictures; as a mapping, from the name to use to the label.
        """
        names = labels if isinstance(labels, Mapping) else {label: label for label in labels}
        return {
            judge: {name: cosine(found[label], self.mates[judge]) for name, label in names.items()}
            for judge, found in self.vectors.items()
        }

    def between(self, pairs: Mapping[str, tuple[str, str]]) -> Cosines:
        """Pictures against each other: from the name to use to two labels."""
        return {
            judge: {name: cosine(found[a], found[b]) for name, (a, b) in pairs.items()}
            for judge, found in self.vectors.items()
        }


def look(engine: Engine, judges: list[Judge], pictures: dict[str, Photo]) -> Seen:
    """Cut and embed the pictures; mates are left to the caller."""
    crops = {label: cut(engine, photo) for label, photo in pictures.items()}
    there = {label: crop for label, crop in crops.items() if crop is not None}
    seen = Seen()
    for judge in judges:
        rows = dict(zip(there, embed(judge.recogniser, list(there.values())), strict=True))
        seen.vectors[judge.name] = {label: rows.get(label) for label in crops}
    return seen


def cosine(one: Floats | None, two: Floats | None) -> float | None:
    """Of two unit vectors; None if either is missing. Rounded to what JSON keeps."""
    return None if one is None or two is None else round(float(one @ two), 5)
