"""The decoding process: same photos and errors as in-process, and a crash costs one request."""

from __future__ import annotations

import io
import os
import select
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from ermask import codec
from ermask.decoding import Decoder
from ermask.errors import (
    AnimatedImage,
    BadImage,
    DecodeFailed,
    ImageTooLarge,
    TooManyPixels,
    UnsupportedFormat,
)

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


def photo_file(shade: int = 90, side: int = 64, kind: str = "PNG", mode: str = "RGB") -> bytes:
    rgb = np.full((side, side // 2, 3), shade, np.uint8)
    rgb[: side // 4, :, 0] = np.arange(side // 2) % 256
    file = io.BytesIO()
    Image.fromarray(rgb).convert(mode).save(file, kind)
    return file.getvalue()


def heavy_file() -> bytes:
    """Takes seconds to read: 49 megapixels with alpha."""
    file = io.BytesIO()
    Image.new("RGBA", (7000, 7000), (10, 20, 30, 40)).save(file, "PNG", compress_level=1)
    return file.getvalue()


@pytest.fixture(scope="module")
def heavy() -> bytes:
    return heavy_file()


@pytest.fixture
def decoder():
    with Decoder() as decoder:
        yield decoder


def workers() -> list[psutil.Process]:
    """Decoding processes of this test run."""
    return [
        child
        for child in psutil.Process().children(recursive=True)
        if child.status() != psutil.STATUS_ZOMBIE and "ermask.decode_worker" in child.cmdline()
    ]


def ended(pid: int, seconds: float = 20) -> bool:
    """Wait for a process that need not be a child of ours."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    with os.fdopen(handle, "rb", buffering=0):
        return bool(select.select([handle], [], [], seconds)[0])


# --- the same as in-process ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("PNG", "RGB"),
        ("PNG", "RGBA"),
        ("PNG", "LA"),
        ("JPEG", "L"),
        ("WEBP", "RGB"),
        ("AVIF", "RGB"),
    ],
)
def test_same_photo_as_in_process(decoder, kind, mode):
    data = photo_file(kind=kind, mode=mode)
    here, there = codec.decode(data), decoder.decode(data)
    assert np.array_equal(there.rgb, here.rgb)
    assert (there.alpha is None) == (here.alpha is None)
    assert here.alpha is None or np.array_equal(there.alpha, here.alpha)
    for field in ("grey", "format", "input_bytes", "lossless", "subsampling"):
        assert getattr(there, field) == getattr(here, field), field
    assert codec.encode(there) == codec.encode(here)


def test_errors_are_the_same_classes(decoder):
    frames = [Image.new("RGB", (8, 8), c) for c in ("red", "blue")]
    animation = io.BytesIO()
    frames[0].save(animation, "PNG", save_all=True, append_images=frames[1:])
    large = io.BytesIO()
    Image.new("1", (7200, 7200)).save(large, "PNG")
    for data, error in (
        (b"", BadImage),
        (b"hello", BadImage),
        (photo_file()[:-60], BadImage),
        (photo_file(kind="BMP"), UnsupportedFormat),
        (animation.getvalue(), AnimatedImage),
        (large.getvalue(), TooManyPixels),
        (bytes(codec.MAX_BYTES + 1), ImageTooLarge),
    ):
        with pytest.raises(error) as there:
            decoder.decode(data)
        with pytest.raises(error) as here:
            codec.decode(data)
        assert type(there.value) is error
        assert (there.value.message, there.value.hint) == (here.value.message, here.value.hint)
    assert decoder.decode(photo_file()).rgb.shape == (64, 32, 3)


def test_one_process_for_many_photos(decoder):
    decoder.decode(photo_file())
    before = [worker.pid for worker in workers()]
    for shade in range(5):
        assert decoder.decode(photo_file(shade)).rgb[-1, -1, 0] == shade
    assert len(before) == 1
    assert [worker.pid for worker in workers()] == before


def test_threads_get_their_own_photo(decoder):
    with ThreadPoolExecutor(8) as pool:
        photos = list(pool.map(lambda shade: decoder.decode(photo_file(shade)), range(40)))
    assert [int(photo.rgb[-1, -1, 0]) for photo in photos] == list(range(40))


def test_starts_with_the_first_photo_or_when_told():
    with Decoder() as decoder:
        assert workers() == []
        decoder.start()
        assert len(workers()) == 1
    with Decoder() as decoder, pytest.raises(ImageTooLarge):
        decoder.decode(bytes(codec.MAX_BYTES + 1))  # needs no process
    assert workers() == []


def test_arguments():
    with pytest.raises(ValueError, match="positive"):
        Decoder(memory_bytes=0, seconds=1)
    with pytest.raises(ValueError, match="positive"):
        Decoder(memory_bytes=2**30, seconds=0)


# --- the process itself ----------------------------------------------------------------------


def test_the_process_loads_neither_models_nor_server():
    code = "import sys, ermask.decode_worker; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )
    roots = {name.split(".")[0] for name in loaded.stdout.split()}
    assert "PIL" in roots
    assert not roots & {"onnxruntime", "aiohttp", "keyring", "cryptography", "torch", "asyncio"}


@linux
def test_the_process_inherits_no_secret(monkeypatch, tmp_path):
    monkeypatch.setenv("ERMASK_PASSPHRASE", "correct horse")
    secret = (tmp_path / "key").open("w")
    os.set_inheritable(secret.fileno(), True)
    with secret, Decoder() as decoder:
        decoder.start()
        worker = Path(f"/proc/{workers()[0].pid}")
        environment = (worker / "environ").read_bytes()
        assert b"PYTHONPATH=" in environment
        assert b"ERMASK" not in environment
        assert b"HOME=" not in environment.replace(b"PYTHONHOME=", b"")
        targets = {str(fd.readlink()) for fd in (worker / "fd").iterdir()}
        assert secret.name not in targets
        assert all(target.startswith("pipe:") or target == "/dev/null" for target in targets)


@linux
def test_limits_stand():
    with Decoder(memory_bytes=512 * 2**20, seconds=7) as decoder:
        decoder.decode(photo_file())
        text = Path(f"/proc/{workers()[0].pid}/limits").read_text()
    soft = {line[:26].strip(): line[26:].split()[0] for line in text.splitlines()[1:]}
    hard = {line[:26].strip(): line[26:].split()[1] for line in text.splitlines()[1:]}
    assert soft["Max core file size"] == hard["Max core file size"] == "0"
    assert soft["Max file size"] == hard["Max file size"] == "0"
    assert int(hard["Max open files"]) <= 32
    assert 512 * 2**20 < int(hard["Max address space"]) < 1536 * 2**20
    assert 7 < int(soft["Max cpu time"]) < 20


@linux
def test_a_foreign_module_in_the_working_folder_is_not_loaded(tmp_path, monkeypatch):
    (tmp_path / "numpy.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    with Decoder() as decoder:
        assert decoder.decode(photo_file()).format == "PNG"


# --- ends ------------------------------------------------------------------------------------


def test_close_leaves_no_process_behind(decoder):
    decoder.decode(photo_file())
    pid = workers()[0].pid
    decoder.close()
    decoder.close()
    assert not psutil.pid_exists(pid)
    with pytest.raises(ValueError, match="closed"):
        decoder.decode(photo_file())
    assert workers() == []


def test_close_during_a_decode():
    decoder = Decoder()
    decoder.start()
    workers()[0].suspend()  # it cannot be done before it is closed
    failures = []

    def work():
        with pytest.raises(DecodeFailed):
            decoder.decode(photo_file())
        failures.append(1)

    thread = threading.Thread(target=work)
    thread.start()
    while thread.is_alive() and not decoder._lock.locked():
        time.sleep(0.001)
    decoder.close()
    thread.join()
    assert failures == [1]
    assert workers() == []


PARENT = """
import sys, threading
from ermask.decoding import Decoder
decoder = Decoder()
decoder.start()
print(decoder._worker._process.pid, flush=True)
if data := sys.stdin.buffer.read():
    decoder.decode(data)
threading.Event().wait()
"""


@linux
@pytest.mark.parametrize("busy", [False, True])
def test_the_process_ends_with_its_parent(busy, heavy):
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert psutil.pid_exists(pid)
        if busy:
            parent.stdin.write(heavy)
            parent.stdin.close()
            worker = psutil.Process(pid)
            idle = worker.cpu_times().user
            while worker.cpu_times().user < idle + 0.05:
                time.sleep(0.001)
        parent.kill()
    assert ended(pid)


# --- faults ----------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV])
def test_a_crash_costs_exactly_one_photo(decoder, heavy, how):
    decoder.start()
    worker = workers()[0]
    idle = worker.cpu_times().user

    def crash():
        while worker.cpu_times().user < idle + 0.05:
            time.sleep(0.001)
        worker.send_signal(how)

    thread = threading.Thread(target=crash)
    thread.start()
    with pytest.raises(DecodeFailed):
        decoder.decode(heavy)
    thread.join()
    assert decoder.decode(photo_file()).format == "PNG"
    assert [w.pid for w in workers()] != [worker.pid]


@linux
def test_a_crash_between_photos_costs_none(decoder):
    decoder.decode(photo_file())
    worker = workers()[0]
    worker.kill()
    assert ended(worker.pid)
    assert decoder.decode(photo_file()).format == "PNG"


def test_time_limit(heavy):
    with Decoder(seconds=0.3) as decoder:
        decoder.start()
        with pytest.raises(DecodeFailed, match="too long"):
            decoder.decode(heavy)
        assert workers() == []
        assert decoder.decode(photo_file()).format == "PNG"


@linux
def test_memory_limit(heavy):
    with Decoder(memory_bytes=160 * 2**20) as decoder:
        with pytest.raises(DecodeFailed, match="memory"):
            decoder.decode(heavy)
        assert decoder.decode(photo_file()).format == "PNG"


def test_default_memory_holds_the_largest_photo(decoder, heavy):
    assert decoder.decode(heavy).alpha.shape == (7000, 7000)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a script as a program")
@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\\0\\0\\0\\0\\0\\0\\0\\2{}",
        b"\\0\\0\\0\\0\\0\\0\\0\\2[]",
        b"\\xff" * 8,
        b"\\0\\0\\0\\0\\0\\0\\xff\\xff" + b"[" * 65535,
        b'\\0\\0\\0\\0\\0\\0\\0\\x16{"error": {"code": 1}}',
        b'\\0\\0\\0\\0\\0\\0\\0\\x2d{"photo": {"height": 99999, "width": 99999}}',
    ],
    ids=["nothing", "empty", "list", "endless", "nested", "unknown error", "huge"],
)
def test_a_worker_that_was_taken_over_is_not_believed(answer, tmp_path, monkeypatch):
    fake = tmp_path / "python"
    said = answer.decode("latin-1")
    fake.write_text(
        f"#!{sys.executable}\nimport sys\n"
        f"sys.stdout.buffer.write(b'\\1' + b'{said}')\nsys.stdout.flush()\nsys.stdin.read(1)\n"
    )
    fake.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(fake))
    with Decoder() as decoder, pytest.raises(DecodeFailed):
        decoder.decode(photo_file())


@pytest.mark.parametrize("program", ["/nonexistent/python", "/bin/true"])
def test_a_worker_that_does_not_start(program, monkeypatch):
    monkeypatch.setattr(sys, "executable", program)
    with Decoder() as decoder, pytest.raises(DecodeFailed, match="did not start"):
        decoder.decode(photo_file())
