"""Whether an attack worked: held-out recognisers, thresholds from people who are in nothing else.

Works on crops. `evaluate` works on whole photos, which are detected and aligned anew after every
step and carry a mark; here an attacker's crop sits exactly where the victim's did. That is a
little in the attacker's favour.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import torch
from numpy.typing import NDArray

from ermask.align import Floats, Pixels
from ermask_training.attackers import copies
from ermask_training.attackers.report import Row
from ermask_training.attackers.setting import Setting
from ermask_training.embeddings import embeddings
from ermask_training.keys import random_keys
from ermask_training.metrics import Rate, impostor_threshold
from ermask_training.surrogates import Recogniser

ORIGINAL, PROTECTED = "original", "protected"
RIGHT_KEY, RANDOM_KEY = "restored, right key", "restored, random key"
TOLD = "restored, random key said to fit"
Index = NDArray[np.intp]


class Judge:
    """The victims' photos as posted, and who they match.

    Attributes:
        draws: the fields of all draws of the victims' keys, (P, DRAWS, *FIELD).
        keys: the fields that the photos are protected under, one a pair.
        posted: the protected copies that every attacker gets, (P, CROP, CROP, 3).
        flow: what moved them, (P, 2, F, F); for measuring only.
    """

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        pairs = setting.pairs
        setting.progress(f"protect {len(pairs)} photos")
        self.draws = setting.victim_keys(len(pairs))
        dice = torch.Generator().manual_seed(setting.seed)
        self.keys = copies.drawn(setting, pairs.a, self.draws, dice)
        self.posted, self.flow = copies.protect(setting, pairs.a, self.keys)
        generator, _ = setting.dice()
        wrong = random_keys(len(pairs), generator)
        self.references = {
            ORIGINAL: copies.post(pairs.a, setting.quality),
            PROTECTED: self.posted,
            RIGHT_KEY: copies.undo(setting, self.posted, self.keys, fits=True)[0],
            RANDOM_KEY: copies.undo(setting, self.posted, wrong, fits=False)[0],
            TOLD: copies.undo(setting, self.posted, wrong, fits=True)[0],
        }
        self.clean = {
            judge.name: embeddings(setting.calibration, judge, setting.progress)
            for judge in setting.judges
        }
        self.others = {judge.name: copies.embed(judge, pairs.b) for judge in setting.judges}
        self.known = {
            judge.name: {
                name: self.cosines(judge, crops) for name, crops in self.references.items()
            }
            for judge in setting.judges
        }

    def limit(self, judge: Recogniser, far: float) -> float:
        """The cosine above which `judge` says that two photos show one person."""
        return impostor_threshold(self.clean[judge.name], self.setting.calibration.identities, far)

    def cosines(self, judge: Recogniser, crops: Pixels, who: Index | None = None) -> Floats:
        """Cosine (N,) of each crop with the other photo of pair `who` (default: its own)."""
        others = self.others[judge.name] if who is None else self.others[judge.name][who]
        cosine: Floats = np.sum(copies.embed(judge, crops) * others, axis=1)
        return cosine

    def rows(self, attacked: dict[str, Pixels], which: Index | None = None) -> list[Row]:
        """The references and what an attacker made, under every judge at every threshold.

        Args:
            attacked: by variant, crops (N, CROP, CROP, 3).
            which: the pairs (N,) that they belong to; default: all, in order.
        """
        chosen = np.arange(len(self.setting.pairs)) if which is None else which
        rows = []
        for judge in self.setting.judges:
            found = {name: cosine[chosen] for name, cosine in self.known[judge.name].items()}
            found |= {name: self.cosines(judge, crops, chosen) for name, crops in attacked.items()}
            for far in self.setting.fars:
                rows += table(found, judge.name, far, self.limit(judge, far))
        return rows


def table(
    cosines: dict[str, Floats],
    recogniser: str,
    far: float,
    limit: float,
    *,
    own_limits: dict[str, float] | None = None,
    strangers: Collection[str] = (),
) -> list[Row]:
    """One row a variant.

    Args:
        cosines: by variant, (N,); ORIGINAL says who was recognised before protection.
        own_limits: thresholds of variants that have one of their own instead of `limit`.
        strangers: variants that compare two people: whoever matches there is mistaken for
            somebody, not recognised.
    """
    known = cosines[ORIGINAL] >= limit
    rows = []
    for name, cosine in cosines.items():
        bar = (own_limits or {}).get(name, limit)
        hits = cosine >= bar
        returned = None
        if known.any() and name not in strangers:
            returned = Rate(int((hits & known).sum()), int(known.sum()))
        rows.append(Row(name, recogniser, far, bar, Rate(int(hits.sum()), len(hits)), returned))
    return rows
