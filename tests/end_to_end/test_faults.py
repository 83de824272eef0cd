"""A daemon that is killed in the middle of a photo, and one that is told to end."""

from __future__ import annotations

import http.client
import os
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="POSIX")

Array = np.ndarray[Any, Any]


@pytest.fixture
def home(new_home: Callable[[], Any]) -> Any:
    home = new_home()
    home.ok("ermask", "keys", "new", "Family")
    return home


@pytest.fixture(scope="module")
def large_jpeg(astronaut: Array, save: Callable[..., bytes]) -> bytes:
    """Takes a second or more to protect."""
    im = Image.fromarray(astronaut).resize((2600, 2600), Image.Resampling.BICUBIC)
    return save(np.asarray(im), "JPEG", quality=80)


def wait_until_running(client: Any, work: Future[Any]) -> None:
    while client.post("/v1/status").json["queue"]["running"] == 0:
        assert not work.done(), work.result()
        time.sleep(0.01)


@posix_only
def test_a_daemon_killed_in_the_middle_of_a_photo_comes_back(
    home: Any, large_jpeg: bytes, portrait_jpeg: bytes
) -> None:
    client = home.pair(home.start(), "Browser")
    daemon = psutil.Process(home.status()["pid"])
    family = [daemon, *daemon.children(recursive=True)]
    assert len(family) > 1, "the decoder has a process of its own"
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(client.protect, large_jpeg, "Family")
        wait_until_running(client, work)
        os.kill(daemon.pid, signal.SIGKILL)
        # no answer at all: nothing that looks like a photo, or like a refusal
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            work.result(timeout=60)
    _, alive = psutil.wait_procs(family, timeout=30)
    assert alive == [], "nothing of it may be left behind"
    assert home.run("ermask-daemon", "status").returncode == 3

    client.port = home.start()
    client.hello()
    assert client.protect(portrait_jpeg, "Family").result["changed"] == 1


def test_the_decoder_is_replaced_when_it_dies(home: Any, portrait_jpeg: bytes) -> None:
    client = home.pair(home.start(), "Browser")
    daemon = psutil.Process(home.status()["pid"])
    [decoder] = daemon.children()
    decoder.kill()
    # Until somebody can ask what became of it: its other threads may outlive the first.
    while decoder.status() != psutil.STATUS_ZOMBIE or decoder.num_threads() > 1:
        time.sleep(0.01)
    assert client.post("/v1/inspect", portrait_jpeg).json["found"] == 1
    [another] = daemon.children()
    assert another.pid != decoder.pid


def test_stop_lets_the_work_under_way_finish(home: Any, save: Callable[..., bytes]) -> None:
    """Four photos: one runs, three wait. Each gets an answer: its photo, or `busy`."""
    data = pytest.importorskip("skimage.data")
    photo = data.astronaut()
    client = home.pair(home.start(), "Browser")
    daemon = psutil.Process(home.status()["pid"])
    with ThreadPoolExecutor(4) as pool:
        work = [
            pool.submit(client.protect, save(photo, "JPEG", quality=quality), "Family")
            for quality in (90, 91, 92, 93)
        ]
        wait_until_running(client, work[-1])
        assert home.ok("ermask-daemon", "stop") == b"ermask-daemon has ended\n"
        answers = [each.result(timeout=60) for each in work]
    assert psutil.wait_procs([daemon], timeout=30) == ([daemon], [])
    for answer in answers:
        assert answer.status == 200 or answer.json["code"] == "busy", answer.body
    assert any(answer.status == 200 and answer.result["changed"] == 1 for answer in answers)
