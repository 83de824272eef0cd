"""Whether a change to the protector's training pays: runs with it and without, seed by seed.

Only the flow is measured, since it alone learns; the shades that the product adds follow from the
student, whatever the flow was trained with, and would hide part of a difference. It is applied to
crops at `mid`, each photo of a pair under a key of its own, saved as JPEG, aligned anew as
`render.realignment` says and matched with the other photo, by recognisers that no run has seen.

Runs of one seed differ by chance alone as much as by a small change. So differences are taken photo
by photo between two runs of one seed, averaged over seeds, and bootstrapped over people; beside
that stands the difference of each seed, whose spread the interval does not hold.

Shapes: S seeds, P people; each has two photos.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import reduce
from operator import or_
from pathlib import Path

import numpy as np
import torch

from ermask.align import Doubles, Pixels
from ermask.contract import CROP, STRENGTHS
from ermask_training import checkpoint, data, published, render, split, surrogates
from ermask_training.attackers.copies import chunks, embed, post, to_pixels, to_tensor
from ermask_training.attackers.setting import Pairs, read_pairs
from ermask_training.bench import guard
from ermask_training.bench.intervals import bootstrap
from ermask_training.bench.markdown import show_tables
from ermask_training.bench.tables import Row, Table, shown
from ermask_training.blocks import KeyedFlow
from ermask_training.embeddings import embeddings
from ermask_training.keys import random_keys
from ermask_training.metrics import FARS, impostor_threshold
from ermask_training.surrogates import Recogniser

PRESET, QUALITY = "mid", 75
COLUMNS = ("not protected", "before", "after", "difference (95 % interval)", "of each seed")

Cosines = dict[str, Doubles]
"""By judge: of both photos of everybody with the other one, (P, 2)."""


def ablate(
    before: Sequence[Path],
    after: Sequence[Path],
    *,
    pairs: Path,
    calibration: Path,
    roster: Path,
    progress: Callable[[str], None] = print,
) -> str:
    """All differences, after minus before, as Markdown.

    Args:
        before, after: folders of finished runs, in the same order of seeds.
        pairs: prepared set of people who are looked for, two photos each.
        calibration: prepared set that sets the thresholds.
        roster: folder of recognisers; those with role `validation` judge.

    Raises:
        ValueError: see `changed`; or somebody or something was trained on, or is in two sets.
    """
    change = changed(before, after)
    people, strangers = data.load(pairs), data.load(calibration)
    judges = surrogates.load(roster, "validation")
    trained = reduce(or_, [found for run in (*before, *after) if (found := split.read(run))])
    named = {"pairs": people.identities, "calibration set": strangers.identities}
    guard.require_new_people(named, trained)
    guard.require_new_recognisers(
        [judge.entry for judge in judges],
        [entry for entry in surrogates.read_roster(roster) if entry.role == "train"],
        trained,
    )
    photos = dict(zip(people.photos, people.crops, strict=True))
    guard.require_new_photos(photos, {"calibration set": strangers})
    limits = {}
    for judge in judges:
        clean = embeddings(strangers, judge, progress)
        limits[judge.name] = impostor_threshold(clean, strangers.identities, FARS[0])
    victims = read_pairs(people)
    measured = []
    for run in (*before, *after):
        progress(f"measure {run}")
        measured.append(measure(published.flow(run), victims, judges))
    plain = measure(None, victims, judges)
    tables = differences(plain, measured[: len(before)], measured[len(before) :], limits)
    return "\n".join([f"After minus before; {change}.", "", show_tables(tables)])


def changed(before: Sequence[Path], after: Sequence[Path]) -> str:
    """What differs between the configs of both sides, in words.

    Raises:
        ValueError: a run is not finished, the sides have other seeds, or the runs of a side differ
            in more than the seed.
    """
    if not before or len(before) != len(after):
        raise ValueError("give as many runs before as after, in the same order of seeds")
    sides: list[list[dict[str, object]]] = []
    for runs in (before, after):
        sides.append([])
        for run in runs:
            config = checkpoint.read_config(run)
            if checkpoint.load(run)["step"] < config.steps:
                raise ValueError(f"{run} is not finished")
            sides[-1].append(asdict(config))
    seeds = [[config.pop("seed") for config in side] for side in sides]
    if seeds[0] != seeds[1] or len(set(seeds[0])) < len(before):
        raise ValueError(f"seeds must be the same on both sides, each once: {seeds}")
    for side in sides:
        if any(config != side[0] for config in side):
            raise ValueError("runs of one side may differ in their seed alone")
    one, two = sides[0][0], sides[1][0]
    names = [name for name in one if name != "name" and one[name] != two[name]]
    told = ", ".join(f"{name} {one[name]} before and {two[name]} after" for name in names)
    return f"{told or 'no difference in the configs'}; seeds {', '.join(map(str, seeds[0]))}"


@torch.no_grad()
def measure(
    network: KeyedFlow | None, pairs: Pairs, judges: Sequence[Recogniser], seed: int = 0
) -> Cosines:
    """How much the photos still look like their mates; without a network, as they are.

    Args:
        seed: of the keys; the same for all networks.
    """
    crops: Pixels = np.stack([pairs.a, pairs.b], 1).reshape(-1, CROP, CROP, 3)
    keys = random_keys(len(crops), torch.Generator().manual_seed(seed))
    rows: dict[str, list[torch.Tensor]] = {judge.name: [] for judge in judges}
    for here in chunks(len(crops)):
        copy_B3HW, theta_B23 = to_tensor(crops[here]), None
        if network is not None:
            strength_B = torch.full((len(copy_B3HW),), STRENGTHS[PRESET])
            flow = network(keys[here], strength_B)
            copy_B3HW = render.bent(copy_B3HW, flow, "bicubic")
            theta_B23 = render.realignment(flow)
        posted_B3HW = to_tensor(post(to_pixels(copy_B3HW), QUALITY))
        for judge in judges:
            rows[judge.name].append(judge(posted_B3HW, theta_B23))
    mates: Pixels = np.stack([pairs.b, pairs.a], 1).reshape(crops.shape)
    return {
        judge.name: np.sum(
            torch.cat(rows[judge.name]).numpy() * embed(judge, mates), axis=1, dtype=np.float64
        ).reshape(-1, 2)
        for judge in judges
    }


def differences(
    plain: Cosines, before: Sequence[Cosines], after: Sequence[Cosines], limits: Mapping[str, float]
) -> list[Table]:
    """A table for each judge.

    Args:
        plain: of photos that were not protected.
        before, after: of each seed.
        limits: cosine above which a judge says that two photos show one person.
    """
    tables = []
    for judge, limit in limits.items():
        sides = [np.stack([run[judge] for run in runs]) for runs in ([plain], before, after)]
        rates = [(side >= limit).astype(np.float64) for side in sides]
        rows = [_row(f"match rate, FAR {FARS[0]}", rates), _row("cosine", sides)]
        seeds, people = len(before), len(plain[judge])
        title = f"{judge}: {people} people, two photos each, {seeds} seeds"
        tables.append(Table(title, "mean", COLUMNS, rows))
    return tables


def _row(name: str, sides: Sequence[Doubles]) -> Row:
    """Of values (seeds, P, 2) of photos without protection, before and after."""
    _, one, two = sides
    change_SP = (two - one).mean(2)
    value, low, high = bootstrap(change_SP.mean(0))
    by_seed = " ".join(f"{each:+.4f}" for each in change_SP.mean(1))
    means = [shown(side.mean()) for side in sides]
    return name, [*means, f"{value:+.4f} ({low:+.4f} to {high:+.4f})", by_seed]
