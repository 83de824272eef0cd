"""What a photo costs: milliseconds by stage, memory, start-up and throughput of the real daemon.

`make bench`, or `python tests/bench/bench_serving.py --help`. Prints a table in Markdown. All times
are medians. A daemon is started in a home folder of its own; the user's is not touched.
"""

from __future__ import annotations

import argparse
import http.client
import importlib.metadata
import io
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image
from skimage import data

from ermask.api.body import encode_base64url
from ermask.api.clients import Clients
from ermask.daemon import CLIENTS_NAME
from ermask.keystore import KeyStore
from ermask.private_files import prepare_folders
from ermask.sessions import PACKAGE_MODELS
from ermask.settings import Settings, load_settings

STAGES = ("decode", "detect", "align", "mark", "network", "render", "encode")
PARALLEL = (1, 4, 8)
SAMPLE_S = 0.02
"""Time between two looks at the daemon's memory."""
MIB = 2**20


# --- photos ----------------------------------------------------------------------------------


def photos() -> dict[str, bytes]:
    """Name -> JPEG. Made from a public-domain picture, so that everybody measures the same."""
    astronaut = Image.fromarray(data.astronaut())
    cubic = Image.Resampling.BICUBIC
    portrait = astronaut.resize((4000, 4000), cubic).crop((500, 0, 3500, 4000))
    head = astronaut.crop((110, 20, 350, 260))
    group = Image.new("RGB", (4000, 3000), (118, 124, 130))
    for index in range(10):
        side = 400 + 50 * (index % 4)
        at = (60 + index % 5 * 790, 350 + index // 5 * 1300)
        group.paste(head.resize((side, side), cubic), at)
    snapshot = astronaut.resize((1536, 1536), cubic)
    named = {
        "portrait, 12 MP, 1 face": portrait,
        "group, 12 MP, 10 faces": group,
        "snapshot, 2.4 MP, 1 face": snapshot,
    }
    return {name: jpeg(image) for name, image in named.items()}


def jpeg(image: Image.Image) -> bytes:
    # Sensor noise, without which an upscaled picture would be decoded and encoded too quickly.
    pixels = np.asarray(image).astype(np.int16)
    noise = np.random.default_rng(0).integers(-3, 4, pixels.shape, np.int16)
    file = io.BytesIO()
    Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=90)
    return file.getvalue()


def unlike(photo: bytes, number: int) -> bytes:
    """The same JPEG with a comment: the daemon answers an upload it knows from memory."""
    text = b"%032d" % number
    return photo[:2] + b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text + photo[2:]


# --- the daemon ------------------------------------------------------------------------------


@dataclass
class Daemon:
    """A running daemon and how to ask it."""

    settings: Settings
    process: psutil.Process
    port: int
    token: str
    circle: str
    start_s: float
    """From the command to the moment at which photos can be taken."""
    _count: int = 0

    def work(self, operation: str, photo: bytes) -> tuple[bytes, dict[str, Any], float]:
        """The photo that came back, the report, and milliseconds as the client sees them."""
        self._count += 1
        body = unlike(photo, self._count)
        headers = {
            "X-ErMask": "1",
            "Authorization": f"Bearer {self.token}",
            "X-ErMask-Circle": self.circle,
        }
        started = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        connection.request("POST", f"/v1/{operation}", body, headers)
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        took = (time.perf_counter() - started) * 1000
        if response.status != 200:
            raise RuntimeError(answer.decode())
        return answer, json.loads(response.headers["X-ErMask-Result"]), took

    def memory(self) -> int:
        """Bytes resident now, the decoder's process included."""
        total = 0
        for each in (self.process, *self.process.children(recursive=True)):
            try:
                total += each.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        return total

    @contextmanager
    def watched(self) -> Iterator[Callable[[], int]]:
        """Inside, look at the memory all the time; the function gives the most, in bytes."""
        seen = [self.memory()]
        done = threading.Event()

        def watch() -> None:
            while not done.wait(SAMPLE_S):
                seen.append(self.memory())

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield lambda: max(seen)
        finally:
            done.set()
            thread.join()


@contextmanager
def daemon(home: Path, models: Path, device: str) -> Iterator[Daemon]:
    """A daemon in a home folder of its own, stopped at the end."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("ERMASK_")}
    env |= {
        "ERMASK_HOME": str(home),
        "ERMASK_PORT": "0",
        "ERMASK_DEVICE": device,
        "ERMASK_MODELS_DIR": str(models.absolute()),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
    }
    settings = load_settings({name: value for name, value in env.items() if "ERMASK" in name})
    prepare_folders(settings)
    circle = KeyStore(settings.data_dir, settings.state_dir, vault="file").new("Bench").id
    _, token = Clients(settings.data_dir / CLIENTS_NAME).add("bench", None)
    started = time.perf_counter()
    shown = command("start", env)
    took = time.perf_counter() - started
    try:
        port = int(re.findall(r"port (\d+)", shown)[0])
        pid = json.loads(command("status", env, "--json"))["pid"]
        yield Daemon(settings, psutil.Process(pid), port, encode_base64url(token), circle, took)
    finally:
        command("stop", env, "--force")


def command(name: str, env: dict[str, str], *options: str) -> str:
    program = "from ermask.daemon_cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, name, *options],
        env=env,
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


# --- measuring -------------------------------------------------------------------------------


def measure_stages(daemon: Daemon, photo: bytes, repeat: int) -> dict[str, Any]:
    """Medians in milliseconds for protecting a photo and restoring the result; peak memory."""
    protected, report, _ = daemon.work("protect", photo)  # not counted: caches fill
    found: dict[str, Any] = {"faces": report["changed"]}
    for operation, given in (("protect", photo), ("restore", protected)):
        daemon.work(operation, given)
        with daemon.watched() as peak:
            runs = [daemon.work(operation, given) for _ in range(repeat)]
        ms = {
            stage: statistics.median(report["ms"][stage] for _, report, _ in runs)
            for stage in STAGES
        }
        found[operation] = {
            **ms,
            "whole answer": statistics.median(took for _, _, took in runs),
            "peak_bytes": peak(),
        }
    return found


def measure_throughput(daemon: Daemon, photo: bytes, clients: int, count: int) -> dict[str, float]:
    """Photos a second with so many clients at once, and the median answer in milliseconds."""
    started = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        took = list(pool.map(lambda _: daemon.work("protect", photo)[2], range(count)))
    seconds = time.perf_counter() - started
    return {"photos_per_s": count / seconds, "answer_ms": statistics.median(took)}


def machine() -> dict[str, Any]:
    """What it was measured on."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists() and (names := re.findall(r"model name\s*: (.+)", cpuinfo.read_text())):
        model = names[0]
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": model,
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{
            name: importlib.metadata.version(name)
            for name in ("onnxruntime", "onnxruntime-gpu", "numpy", "pillow", "ermask")
            if list(importlib.metadata.distributions(name=name))
        },
        "command": " ".join(["python", *sys.argv]),
    }


# --- the report ------------------------------------------------------------------------------


def markdown(found: dict[str, Any]) -> str:
    about = "\n".join(f"- {name}: {value}" for name, value in found["machine"].items())
    columns = [
        (f"{name}: {operation}", entries[operation])
        for name, entries in found["photos"].items()
        for operation in ("protect", "restore")
    ]
    rows = [
        [f"{stage}, ms", *(f"{entries[stage]:.0f}" for _, entries in columns)]
        for stage in (*STAGES, "whole answer")
    ]
    rows.append(["peak memory, MiB", *(f"{each['peak_bytes'] / MIB:.0f}" for _, each in columns)])
    stages = table(["", *(name for name, _ in columns)], rows)
    throughput = table(
        ["clients at once", "photos a second", "median answer, ms"],
        [
            [clients, f"{each['photos_per_s']:.2f}", f"{each['answer_ms']:.0f}"]
            for clients, each in found["throughput"].items()
        ],
    )
    return (
        f"{about}\n\n{stages}\n\nStart-up to ready: {found['start_s']:.2f} s; resident then: "
        f"{found['idle_bytes'] / MIB:.0f} MiB.\n\nProtecting snapshots:\n\n{throughput}\n"
    )


def table(head: list[str], rows: list[list[Any]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5, help="runs behind each median")
    parser.add_argument("--models", type=Path, default=PACKAGE_MODELS, help="models folder")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    options = parser.parse_args()
    if not (options.models / "models.json").exists():
        sys.exit(f"There are no models in {options.models}; name a folder with --models.")
    measured: dict[str, Any] = {"machine": machine(), "repeat": options.repeat, "throughput": {}}
    with (
        tempfile.TemporaryDirectory() as home,
        daemon(Path(home) / "home", options.models, options.device) as running,
    ):
        measured |= {"start_s": running.start_s, "idle_bytes": running.memory()}
        named = photos()
        measured["photos"] = {
            name: measure_stages(running, photo, options.repeat) for name, photo in named.items()
        }
        snapshot = named["snapshot, 2.4 MP, 1 face"]
        for clients in PARALLEL:
            measured["throughput"][clients] = measure_throughput(
                running, snapshot, clients, max(clients, 2 * options.repeat)
            )
    print(markdown(measured))
    if options.json:
        options.json.write_text(json.dumps(measured, indent=2) + "\n")


if __name__ == "__main__":
    main()
