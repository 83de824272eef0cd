"""Nobody is judged on what they were trained with: people, photos and recognisers are kept apart.

People are told apart by the names of their folders, photos by their crops, recognisers by their
files, so that the same thing under another name is found where that is possible.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ermask.align import Pixels
from ermask_training import split
from ermask_training.data import CropSet
from ermask_training.split import Split, file_digest, identity_digest
from ermask_training.surrogates import Entry


def trained_on(models: Path, run: Path | None) -> Split | None:
    """What models.json, or the run, says about training; None where neither says anything.

    Raises:
        ValueError: there is a record, but it cannot be read.
    """
    found = None if run is None else split.read(run)
    shipped = split.of_models(models)
    if found is None or shipped is None:
        return found or shipped
    return found | shipped


def require_new_people(sets: Mapping[str, Iterable[str]], trained: Split | None) -> None:
    """Refuse sets that share a person, and people that the models were trained on.

    Args:
        sets: names of people by the name of the set. `distractors` may be training people: they
            only fill the gallery.

    Raises:
        ValueError: naming the person.
    """
    seen: dict[str, str] = {}
    for title, people in sets.items():
        here = set(people)
        for person in sorted(here):
            if person in seen:
                raise ValueError(f"{person} is in the {seen[person]} and in the {title}")
            known = trained is not None and identity_digest(person) in trained.identities
            if known and title != "distractors":
                raise ValueError(f"{person}, of the {title}, was trained on")
        seen |= dict.fromkeys(here, title)


def require_new_recognisers(
    judges: Iterable[Entry], surrogates: Iterable[Entry], trained: Split | None
) -> None:
    """Refuse judges whose file is a surrogate's, in this roster or in training.

    Raises:
        ValueError: naming the judge.
    """
    ours = {file_digest(entry.path): entry.name for entry in surrogates}
    for judge in judges:
        digest = file_digest(judge.path)
        if digest in ours:
            raise ValueError(f"the judge {judge.name} is the same file as {ours[digest]}")
        if trained is not None and digest in trained.recognisers:
            raise ValueError(f"the judge {judge.name} was trained against")


def require_new_photos(photos: Mapping[str, Pixels | None], sets: Mapping[str, CropSet]) -> None:
    """Refuse photos whose crop is in a prepared set, whatever the person is called there.

    Raises:
        ValueError: naming the photo and the set's.
    """
    ours = {_digest(crop): name for name, crop in photos.items() if crop is not None}
    for title, crop_set in sets.items():
        for row in range(len(crop_set)):
            if name := ours.get(_digest(crop_set.crops[row])):
                raise ValueError(f"the photo {name} is {crop_set.photos[row]} of the {title}")


@dataclass(frozen=True)
class Checked:
    """What was held apart, for the figures."""

    trained: Split | None
    people: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        known = self.trained
        record = "no record" if known is None else f"{len(known.identities)} people"
        against = "no record" if known is None else f"{len(known.recognisers)} recognisers"
        return {"trained on": record, "trained against": against, "people": self.people}


def _digest(crop: Pixels) -> bytes:
    return hashlib.blake2b(crop.tobytes(), digest_size=16).digest()
