"""Every situation ermask reports to a person or a program, one class each.

`code` is stable: the extension and scripts switch on it, never on the text. `status` is the
HTTP status the daemon answers with. `hint` says what to do about it. Programming mistakes raise
ValueError instead and are never shown as one of these.
"""

from __future__ import annotations


class ErmaskError(Exception):
    """Root of all reported errors."""

    code = "internal"
    status = 500
    hint: str | None = None

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if hint is not None:
            self.hint = hint


# --- the photo -------------------------------------------------------------------------------


class BadImage(ErmaskError):
    """The bytes are no picture, or a damaged one."""

    code, status = "bad_image", 415
    hint = "Open the photo in another program and save it again."


class UnsupportedFormat(ErmaskError):
    """A picture, but of a type that ermask does not open."""

    code, status = "unsupported_format", 415
    hint = "Use JPEG, PNG, WebP, AVIF or HEIC."


class AnimatedImage(ErmaskError):
    """More than one frame."""

    code, status = "animated_image", 415
    hint = "Save one frame as a still picture."


class ImageTooLarge(ErmaskError):
    """More bytes than the upload limit."""

    code, status = "image_too_large", 413
    hint = "Save the photo smaller."


class TooManyPixels(ErmaskError):
    """More pixels than the decode limit."""

    code, status = "too_many_pixels", 413
    hint = "Scale the photo down."


class DecodeFailed(ErmaskError):
    """The decoding process died, or ran past its time or memory limit."""

    code, status = "decode_failed", 422
    hint = "The photo may be damaged. Save it again in another program."


class NoFaceFound(ErmaskError):
    """Nothing to protect or restore; the photo was not changed and is not returned."""

    code, status = "no_face", 422
    hint = "If there is a face, try a sharper or larger version of the photo."


class FacesTooSmall(ErmaskError):
    """Faces were found, but all below the size that can be protected."""

    code, status = "faces_too_small", 422
    hint = "Use a larger version of the photo."


class AlreadyProtected(ErmaskError):
    """The photo already carries the mark of this key."""

    code, status = "already_protected", 409
    hint = "Restore it first, or use the protected photo as it is."


class OutputExists(ErmaskError):
    """A file of that name is already there."""

    code, status = "output_exists", 409
    hint = "Choose another output folder, or pass --overwrite."


class InputUnreadable(ErmaskError):
    """A file or folder named on the command line is missing or cannot be read."""

    code, status = "input_unreadable", 404


# --- keys ------------------------------------------------------------------------------------


class BadKey(ErmaskError):
    """A key text, key file or passphrase that does not read as one."""

    code, status = "bad_key", 400


class NoCode(ErmaskError):
    """A picture without a readable QR code of a key."""

    code, status = "no_code", 422
    hint = "Take the picture again: the whole code, sharp, evenly lit, filling most of it."


class UnknownCircle(ErmaskError):
    """No circle of that name or id."""

    code, status = "unknown_circle", 404
    hint = "`ermask keys list` shows the circles on this machine."


class CircleExists(ErmaskError):
    """A circle of that name, or with that key, is already there."""

    code, status = "circle_exists", 409


class KeyStoreLocked(ErmaskError):
    """The sealed key store needs its passphrase, or the keychain refused."""

    code, status = "key_store_locked", 503


class KeyStoreCorrupt(ErmaskError):
    """The list of circles or the sealed keys are damaged or incomplete."""

    code, status = "key_store_corrupt", 500
    hint = "Put the folder back from a backup, or move it away and import the key files again."


class StorageFailed(ErmaskError):
    """A file could not be written, most often because the disk is full; nothing was changed."""

    code, status = "storage_failed", 507
    hint = "Free some space, check that the folder can be written to, and try again."


class BadLabel(ErmaskError):
    """A text that cannot be the name of a circle."""

    code, status = "bad_label", 400


class WrongKey(ErmaskError):
    """The mark in the photo does not fit the key.

    Args:
        likely: id of the circle whose key it most likely was, where the mark is too faint to prove
            it.
    """

    code, status = "wrong_key", 409
    hint = "The photo was protected with another key, or not protected at all."

    def __init__(self, message: str, *, hint: str | None = None, likely: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.likely = likely


# --- models and runtime ----------------------------------------------------------------------


class ModelMissing(ErmaskError):
    """A model file is not where models.json says."""

    code, status = "model_missing", 503
    hint = "Reinstall ermask."


class ModelCorrupt(ErmaskError):
    """A model file's SHA-256 is not the one in models.json, or it cannot be loaded."""

    code, status = "model_corrupt", 503
    hint = "Reinstall ermask; `ermask-daemon models verify` checks the files."


class DetectorMissing(ErmaskError):
    """`detector = "insightface"`, but its package or a model pack is not there."""

    code, status = "detector_missing", 503
    hint = 'Set `detector = "centerface"`, the detector that comes with ermask.'


class ContractMismatch(ErmaskError):
    """A model was exported for another version of the contract."""

    code, status = "contract_mismatch", 503
    hint = "Install models that were exported for this version of ermask."


class RuntimeMissing(ErmaskError):
    """No ONNX Runtime, or two that overwrite each other."""

    code, status = "runtime_missing", 503


class ProviderMissing(ErmaskError):
    """The accelerator that was asked for is not available."""

    code, status = "provider_missing", 503
    hint = 'Use `device = "auto"`, or install the `cuda` extra.'


class InferenceFailed(ErmaskError):
    """A network stopped in the middle of a run, mostly for want of graphics memory."""

    code, status = "inference_failed", 503
    hint = 'Close other programs that use the graphics card, or set `device = "cpu"`.'


# --- the daemon ------------------------------------------------------------------------------


class BadRequest(ErmaskError):
    """A request that does not follow docs/protocol.md."""

    code, status = "bad_request", 400


class Unauthorized(ErmaskError):
    """No valid token. The same answer for a missing, a wrong and a revoked one."""

    code, status = "unauthorized", 401
    hint = "Pair again: run `ermask-daemon pair`."


class Forbidden(ErmaskError):
    """A request no web page, proxy or foreign extension may make."""

    code, status = "forbidden", 403


class NotFound(ErmaskError):
    """No such route or job."""

    code, status = "not_found", 404


class PairingFailed(ErmaskError):
    """A pairing that is open was answered with a wrong proof: most likely a mistyped code."""

    code, status = "pairing_failed", 403
    hint = "Check the code. After three wrong ones, run `ermask-daemon pair` for a new one."


class BodyTimeout(ErmaskError):
    """The upload did not arrive in time."""

    code, status = "body_timeout", 408
    hint = "Try again."


class TooManyAttempts(ErmaskError):
    """Too many failed log-ins or pairings."""

    code, status = "too_many_attempts", 429
    hint = "Wait a minute and try again."


class Busy(ErmaskError):
    """The queue is full; nothing was done."""

    code, status = "busy", 503
    hint = "Try again in a few seconds."
    retry_after_s = 3


class DaemonNotRunning(ErmaskError):
    """A command needs the daemon and there is none."""

    code, status = "daemon_not_running", 503
    hint = "Run `ermask-daemon start`."


class DaemonRunning(ErmaskError):
    """Another daemon holds the lock or the port."""

    code, status = "daemon_running", 409
    hint = "`ermask-daemon status` shows it; `ermask-daemon stop` ends it."


class PortInUse(ErmaskError):
    """Another program listens on the daemon's port."""

    code, status = "port_in_use", 503
    hint = "End that program, or set another `port` in config.toml and pair again."


class DaemonFailed(ErmaskError):
    """The daemon did not start, did not answer or did not end."""

    code, status = "daemon_failed", 500
    hint = "`ermask-daemon logs` shows the log; `ermask-daemon doctor` checks the installation."


class BadSettings(ErmaskError):
    """The configuration file has an unknown or impossible entry."""

    code, status = "bad_settings", 500


class UnsafePermissions(ErmaskError):
    """A private file or folder can be read by other users."""

    code, status = "unsafe_permissions", 500
