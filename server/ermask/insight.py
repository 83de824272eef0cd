"""Find faces with a detection model of InsightFace that the user has.

The model is an SCRFD (Guo et al., 2021, arXiv 2105.04714), read by the package `insightface`. It
finds the faces; CenterFace places the landmarks all the same where it sees the face: who protects
and who restores must cut the same crop, and one of them may have CenterFace only.

Of the package only the class that makes and reads tensors is used, on a session of ermask's own.
Nothing of it that could download a model is ever called.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ermask.align import Pixels
from ermask.errors import DetectorMissing, ModelCorrupt
from ermask.faces import MIN_SCORE, Face, Look
from ermask.ort_session import Feeds
from ermask.search import search, search_again
from ermask.sessions import Session

log = logging.getLogger(__name__)

PACKS = {
    "buffalo_l": "det_10g.onnx",
    "antelopev2": "scrfd_10g_bnkps.onnx",
    "buffalo_m": "det_2.5g.onnx",
    "buffalo_s": "det_500m.onnx",
}
"""Model packs and the detection model in each, best first."""
INPUT = "input.1"
SIDE = 32
"""Heights and widths that SCRFD takes are multiples of this."""
ROUNDS = 4
"""Of `search.refine`. After two, where landmarks began still moves the crop by 3 of its pixels
(measured on landmarks that were 2 to 14 off); after four by less than one."""


def choose(wanted: str, folder: Path) -> Path | None:
    """The InsightFace model to use, or None for CenterFace. Logs the choice.

    Args:
        wanted: "auto", "centerface" or "insightface".
        folder: holds the model packs, a folder each.

    Raises:
        DetectorMissing: "insightface" is wanted, and the package or a pack is not there.
    """
    if wanted == "centerface":
        return None
    try:
        model = find_model(folder.expanduser())
        load_package()
    except DetectorMissing as error:
        if wanted == "insightface":
            raise
        log.info("faces are found by CenterFace: %s", error.message)
        return None
    log.info("faces are found by InsightFace: %s", model)
    return model


def find_model(folder: Path) -> Path:
    """The detection model of the best pack in `folder`. Raises DetectorMissing: there is none."""
    for pack, name in PACKS.items():
        if (model := folder / pack / name).is_file():
            return model
    places = ", ".join(f"{pack}/{name}" for pack, name in PACKS.items())
    raise DetectorMissing(
        f"There is no InsightFace detection model in {folder}.",
        hint=f"ermask downloads none. Put one of these there: {places}.",
    )


def load_package() -> Any:
    """The class SCRFD of the package `insightface`, imported on the first call.

    Raises:
        DetectorMissing: it is not installed, or cannot be imported.
    """
    try:
        return importlib.import_module("insightface.model_zoo.scrfd").SCRFD
    except ModuleNotFoundError as error:
        if error.name != "insightface":
            raise _unusable(error) from error
        raise DetectorMissing(
            "The package `insightface` is not installed.",
            hint='Run `pip install "ermask[insightface]"`.',
        ) from None
    except Exception as error:  # half a dozen packages are imported, each with faults of its own
        raise _unusable(error) from error


class InsightFace:
    """A detector on SCRFD, with the landmarks of another where that one sees the face too."""

    def __init__(self, load: Callable[[], Session], place: Look) -> None:
        """Nothing is loaded before the first photo.

        Args:
            load: gives a session over a detection model, see `Models.load_insightface`.
            place: finds the landmarks, see `search.refine`.
        """
        self._load = load
        self._place = place
        self._scrfd: Any = None

    def find(self, rgb: Pixels) -> list[Face]:
        """See `Detector.find`.

        Raises:
            DetectorMissing: the package or the model is gone.
            ModelCorrupt: the model does not give faces with five landmarks.
        """
        return search(rgb, self._look, self._place, rounds=ROUNDS)

    def find_again(self, rgb: Pixels, faces: list[Face]) -> list[Face]:
        """See `Detector.find_again`; raises what `find` does."""
        return search_again(rgb, faces, self._look, self._place, rounds=ROUNDS)

    def _look(self, rgb: Pixels) -> list[Face]:
        height, width = rgb.shape[:2]
        # its `detect` would scale the picture, with aliasing; `forward` takes it as it is, in BGR
        padded = np.zeros((-(-height // SIDE) * SIDE, -(-width // SIDE) * SIDE, 3), np.uint8)
        padded[:height, :width] = rgb[..., ::-1]
        if self._scrfd is None:
            self._scrfd = _open(self._load)
        found = [np.concatenate(levels) for levels in self._scrfd.forward(padded, MIN_SCORE)]
        return [
            Face(tuple(box.tolist()), float(score), landmarks.astype(np.float64))
            for score, box, landmarks in zip(found[0].ravel(), *found[1:], strict=True)
        ]


class _Port(NamedTuple):
    """An input or output as onnxruntime describes it."""

    name: str
    shape: list[int | None]
    type: str = "tensor(float)"


class _Inference:
    """A session of ours as SCRFD takes it: of onnxruntime's interface what it uses, no more."""

    def __init__(self, load: Callable[[], Session], outputs: Feeds) -> None:
        self._load = load
        self._outputs = [_Port(name, list(array.shape)) for name, array in outputs.items()]

    def get_inputs(self) -> list[_Port]:
        return [_Port(INPUT, [1, 3, None, None])]

    def get_outputs(self) -> list[_Port]:
        return self._outputs

    def get_providers(self) -> list[str]:
        return self._load().providers

    def run(self, names: list[str], feeds: Feeds) -> list[np.ndarray[Any, Any]]:
        outputs = self._load().run(feeds)
        return [outputs[name] for name in names]


def _open(load: Callable[[], Session]) -> Any:
    outputs = load().run({INPUT: np.zeros((1, 3, SIDE, SIDE), np.float32)})
    scrfd = load_package()(session=_Inference(load, outputs))
    if not scrfd.use_kps:
        raise ModelCorrupt(
            "The InsightFace model gives no landmarks.",
            hint=f"ermask needs one of {', '.join(PACKS.values())}.",
        )
    return scrfd


def _unusable(error: Exception) -> DetectorMissing:
    return DetectorMissing(
        f"The package `insightface` is installed but cannot be imported: {error}",
        hint="Where libGL is missing, as on machines without a screen, install "
        "`opencv-python-headless` in place of `opencv-python`.",
    )
