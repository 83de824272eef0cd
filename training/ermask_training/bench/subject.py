"""One pair at work: everything that protocols make of its photos, made once."""

from __future__ import annotations

from functools import cached_property

from ermask.codec import Photo
from ermask.engine import Engine
from ermask.errors import ErmaskError
from ermask.results import Result
from ermask_training.bench import keys
from ermask_training.bench.keys import Keyed
from ermask_training.bench.photos import Pair, decode
from ermask_training.bench.variants import VARIANTS

PRESETS = ("low", "mid", "high")
RIGHT, ONE_BIT_OFF, RANDOM = "right key", "one-bit-off key", "random key"
WHICH = (RIGHT, ONE_BIT_OFF, RANDOM)


class Subject:
    """The photos of one person, and of the next one for linkage.

    Whatever the engine refuses to do leaves the photo as it is, as it would the user: a photo
    that cannot be protected counts as posted without protection. `failures` counts them.
    """

    def __init__(self, engine: Engine, seed: int, pair: Pair, following: Pair) -> None:
        self.engine, self.seed = engine, seed
        self.name = pair.name
        self.failures: list[str] = []
        self._paths = {"a": pair.a, "b": pair.b, "other": following.a}
        self._photos: dict[str, Photo] = {}
        self._protected: dict[tuple[str, str, str], Result] = {}
        self._restored: dict[tuple[str, str], Result] = {}

    def photo(self, which: str) -> Photo:
        """`a`, `b`, or `other`: the photo `a` of the next person."""
        if which not in self._photos:
            self._photos[which] = decode(self._paths[which])
        return self._photos[which]

    @property
    def a(self) -> Photo:
        return self.photo("a")

    @cached_property
    def own(self) -> Keyed:
        """The key that protects this person."""
        return keys.keyed(self.seed, *keys.owner(self.name))

    @cached_property
    def foreign(self) -> Keyed:
        """A key of nobody."""
        return keys.keyed(self.seed, "foreign", self.name)

    def protect(self, preset: str = "mid", which: str = "a", *, foreign: bool = False) -> Result:
        """A photo protected under the own key, or under the foreign one."""
        circle, key = self.foreign if foreign else self.own
        entry = (preset, which, circle.id)
        if entry not in self._protected:
            photo = self.photo(which)
            try:
                made = self.engine.protect(photo, circle, key, preset)
            except ErmaskError:
                self.failures.append(f"protect {which} at {preset}")
                made = Result(photo, [], [])
            self._protected[entry] = made
        return self._protected[entry]

    def protected(self, preset: str = "mid", which: str = "a", *, foreign: bool = False) -> Photo:
        """The picture that `protect` makes."""
        return self.protect(preset, which, foreign=foreign).photo

    def restore(self, key: str, variant: str) -> Result:
        """The variant of the photo protected at `mid`, restored with one of WHICH."""
        if (key, variant) not in self._restored:
            posted = VARIANTS[variant](self.protected())
            chosen = self._key(key)
            try:
                made = self.engine.restore(posted, [chosen], force=True)
            except ErmaskError:
                self.failures.append(f"restore {variant} with {key}")
                made = Result(posted, [], [])
            self._restored[key, variant] = made
        return self._restored[key, variant]

    def _key(self, which: str) -> Keyed:
        if which == ONE_BIT_OFF:
            return keys.one_bit_off(self.seed, *keys.owner(self.name))
        return self.own if which == RIGHT else self.foreign
