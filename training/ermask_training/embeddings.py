"""Clean embeddings of a prepared set, computed once for each recogniser and kept beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import torch

from ermask.align import Floats
from ermask_training.data import CropSet
from ermask_training.surrogates import Recogniser

BATCH = 64


def embeddings(
    crop_set: CropSet, recogniser: Recogniser, progress: Callable[[str], None]
) -> Floats:
    """Unit embeddings of every crop: float32 (N, D).

    What is kept counts for this network and for what its entry says to do before it.
    """
    entry = recogniser.entry
    before = (entry.loader, entry.box, entry.size, entry.channels, entry.mean, entry.std)
    content = entry.path.read_bytes() + repr(before).encode()
    digest = hashlib.sha256(content).hexdigest()[:16]
    path = crop_set.folder / f"embeddings-{recogniser.name}-{digest}.npy"
    if path.is_file() and path.stat().st_mtime > (crop_set.folder / "crops.npy").stat().st_mtime:
        return np.asarray(np.load(path))
    progress(f"embedding {len(crop_set)} crops with {recogniser.name}")
    rows = []
    device = recogniser.get_buffer("window").device
    with torch.no_grad():
        for start in range(0, len(crop_set), BATCH):
            crops = torch.from_numpy(np.array(crop_set.crops[start : start + BATCH])).to(device)
            rows.append(recogniser(crops.permute(0, 3, 1, 2).float() / 255).cpu())
    found = torch.cat(rows).numpy()
    fresh = path.with_suffix(".tmp.npy")
    np.save(fresh, found)
    fresh.replace(path)
    return found
