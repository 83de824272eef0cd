from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from functools import partial

import pytest

from ermask.errors import Busy
from ermask.workers import Workers


@pytest.fixture
async def workers():
    made = Workers(queue=3, bytes_in_flight=100)
    yield made
    made.close()


class Gate:
    """Work that starts at once and ends when it is let go."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.let_go = threading.Event()

    def __call__(self) -> str:
        self.started.set()
        assert self.let_go.wait(10)
        return threading.current_thread().name


async def running(gate: Gate) -> None:
    await asyncio.to_thread(gate.started.wait, 5)


async def test_one_thread_in_order(workers):
    order: list[int] = []

    def work(n: int) -> str:
        order.append(n)
        return threading.current_thread().name

    names = await asyncio.gather(*(workers.run(partial(work, n)) for n in range(5)))
    assert order == [0, 1, 2, 3, 4]
    assert len(set(names)) == 1
    assert names[0].startswith("ermask-inference")


async def test_a_failure_reaches_the_caller_and_frees_the_turn(workers):
    def fail() -> None:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        await workers.run(fail)
    assert await workers.run(lambda: 1) == 1
    assert (workers.running, workers.waiting) == (0, 0)


async def test_places_are_bounded_in_number(workers):
    places = [workers.admit(1) for _ in range(3)]
    with pytest.raises(Busy):
        workers.admit(1)
    places[0].release()
    places[0].release()
    workers.admit(1)
    with pytest.raises(Busy):
        workers.admit(1)


async def test_places_are_bounded_in_bytes(workers):
    first = workers.admit(60)
    with pytest.raises(Busy):
        workers.admit(41)
    workers.admit(40).release()
    first.shrink(10)
    second = workers.admit(90)
    with pytest.raises(Busy):
        workers.admit(1)
    first.release()
    second.release()
    assert workers.admitted == 0
    workers.admit(100)


async def test_cancelled_while_waiting_never_runs_and_is_forgotten(workers):
    class Upload:
        pass

    gate, ran = Gate(), []
    upload = Upload()
    seen = weakref.ref(upload)
    first = asyncio.create_task(workers.run(gate))
    await running(gate)
    second = asyncio.create_task(workers.run(lambda held=upload: ran.append(held)))
    third = asyncio.create_task(workers.run(lambda: ran.append("third")))
    del upload
    await asyncio.sleep(0)
    assert (workers.running, workers.waiting) == (1, 2)
    second.cancel()
    await asyncio.wait({second})
    del second
    gc.collect()
    # while the first still runs: a queue that keeps cancelled uploads would not be bounded
    assert seen() is None
    gate.let_go.set()
    await asyncio.gather(first, third)
    assert ran == ["third"]


async def test_cancelled_while_running_keeps_its_turn_until_the_thread_is_done(workers):
    gate, begun = Gate(), []
    first = asyncio.create_task(workers.run(gate, begin=lambda: begun.append(1)))
    await running(gate)
    first.cancel()
    await asyncio.wait({first})
    assert begun == [1]
    second = asyncio.create_task(workers.run(lambda: "second"))
    await asyncio.wait({second}, timeout=0.05)
    assert not second.done()
    gate.let_go.set()
    assert await second == "second"


async def test_aside_does_not_wait_for_the_inference_thread(workers):
    gate = Gate()
    first = asyncio.create_task(workers.run(gate))
    await running(gate)
    assert await workers.aside(lambda: 7) == 7
    gate.let_go.set()
    await first


async def test_after_refuse_new_only_what_was_admitted_goes_on(workers):
    place = workers.admit(1)
    workers.refuse_new()
    with pytest.raises(Busy, match="stopping"):
        workers.admit(1)
    assert await workers.run(lambda: 1) == 1
    place.release()


def test_a_queue_of_nothing_is_a_mistake():
    with pytest.raises(ValueError, match="at least 1"):
        Workers(queue=0)


# --- the long call ---------------------------------------------------------------------------


async def test_a_long_call_has_a_thread_of_its_own(workers):
    gate = Gate()
    long = asyncio.create_task(workers.alone(gate))
    await running(gate)
    assert (await workers.run(lambda: threading.current_thread().name)).startswith("ermask-infer")
    assert await workers.aside(lambda: 5) == 5
    gate.let_go.set()
    assert (await long).startswith("ermask-long")


async def test_a_second_long_call_is_refused_even_when_nobody_waits_for_the_first(workers):
    gate = Gate()
    first = asyncio.create_task(workers.alone(gate))
    await running(gate)
    with pytest.raises(Busy):
        await workers.alone(lambda: None)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    with pytest.raises(Busy):
        await workers.alone(lambda: None)
    gate.let_go.set()
    while True:
        try:
            assert await workers.alone(lambda: 7) == 7
            break
        except Busy:
            await asyncio.sleep(0)


async def test_a_failed_long_call_makes_room(workers):
    def fail() -> None:
        raise LookupError("no")

    for _ in range(2):
        with pytest.raises(LookupError):
            await workers.alone(fail)
    workers.refuse_new()
    with pytest.raises(Busy):
        await workers.alone(fail)
