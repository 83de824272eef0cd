"""A process that protects and restores one photo and says how much memory that took at the peak.

On its own since the bench holds torch and recognisers, which the product never loads. Run as
`python -m ermask_training.bench.memory_process MODELS PHOTO THREADS`; prints bytes as JSON.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil

from ermask import codec, sessions
from ermask.detect import CenterFace
from ermask.engine import Engine
from ermask.errors import ErmaskError
from ermask_training.bench import keys

TILES = 2
"""Rows and columns of the picture with more faces."""


def peak_bytes() -> int:
    """The largest resident size of this process so far."""
    if sys.platform == "linux":
        # getrusage inherits the peak of whoever started the process.
        text = Path("/proc/self/status").read_text("ascii")
        found = re.search(r"^VmHWM:\s+(\d+) kB", text, re.MULTILINE)
        if found:
            return int(found[1]) * 1024
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size if sys.platform == "darwin" else size * 1024


def main(models: str, photo: str, threads: str) -> None:
    """Loaded, after one photo, and after the photo tiled so that it has more faces."""
    loaded = sessions.Models(Path(models), device="cpu", threads=int(threads))
    engine = Engine(loaded, CenterFace(loaded.load_detector))
    engine.warm_up()
    peaks = {"loaded": peak_bytes()}
    one = codec.decode(Path(photo).read_bytes())
    tiled = np.ascontiguousarray(np.tile(one.rgb, (TILES, TILES, 1)))
    many = replace(one, rgb=tiled, alpha=None)
    mine = keys.keyed(keys.SEED, "memory")
    for name, picture in (("one photo", one), (f"{TILES * TILES} of it in one", many)):
        try:
            made = engine.protect(picture, *mine).photo
            engine.restore(made, [mine], force=True)
        except ErmaskError:
            continue
        peaks[name] = peak_bytes()
    print(json.dumps(peaks))


if __name__ == "__main__":
    main(*sys.argv[1:])
