"""What sites do, by name; and keys that the seed decides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

from ermask.codec import Photo
from ermask_training.bench import keys
from ermask_training.bench.variants import VARIANTS, label, parts


@pytest.fixture
def photo(astronaut):
    return Photo(astronaut[:150, :101].copy(), None, False, "PNG", 1000)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_label_says_name_and_variant(variant):
    for name in ("original", "restored, right key"):
        assert parts(label(name, variant)) == (name, variant)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_is_the_same_every_time_and_what_it_says(photo, variant):
    once, again = VARIANTS[variant](photo), VARIANTS[variant](photo)
    assert (once.rgb == again.rgb).all()
    size = (75, 50) if variant.startswith("half") else (150, 101)
    assert once.rgb.shape[:2] == size
    assert once.rgb.dtype == np.uint8
    if variant not in ("clean", "half size"):
        assert (once.rgb != (VARIANTS["half size"](photo) if size[0] == 75 else photo).rgb).any()


def test_stronger_jpegs_change_more(photo):
    changes = [
        np.abs(VARIANTS[name](photo).rgb.astype(int) - photo.rgb).mean()
        for name in ("clean", "JPEG 90", "JPEG 85", "JPEG 75", "JPEG 60")
    ]
    assert changes == sorted(changes)
    assert changes[0] == 0 < changes[1]


def test_half_of_a_photo_with_transparency(photo):
    clear = replace(photo, alpha=np.full(photo.rgb.shape[:2], 7, np.uint8))
    assert VARIANTS["half size"](clear).alpha is None


def test_keys_depend_on_seed_and_purpose_alone():
    assert keys.secret(1, "ring", "0") == keys.secret(1, "ring", "0")
    drawn = {keys.secret(seed, *names) for seed in (1, 2) for names in keys.ring_names()}
    assert len(drawn) == 2 * keys.RING


def test_a_person_has_one_key_of_the_ring():
    owners = {keys.owner(f"person {number}") for number in range(400)}
    assert owners == set(keys.ring_names())


def test_one_bit_off_is_one_bit_off():
    right = keys.keyed(5, "ring", "3")[1]
    wrong = keys.one_bit_off(5, "ring", "3")[1]
    one, two = (key.derive(b"id", 8) for key in (right, wrong))
    assert one != two
    assert right.id != wrong.id
    changed = bytearray(keys.secret(5, "ring", "3"))
    changed[0] ^= 128
    assert wrong == type(wrong)(bytes(changed))
