"""The table of jobs itself: identity, bounds, forgetting."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import threading
import weakref

import pytest

from ermask.api.jobs import Answer, Jobs
from ermask.api.metrics import Metrics
from ermask.api.problems import Problem
from ermask.errors import NoFaceFound, NotFound
from ermask.workers import Workers


@pytest.fixture
async def workers():
    made = Workers(queue=16)
    yield made
    made.close()


@pytest.fixture
def jobs(workers):
    return Jobs(workers, Metrics())


def submit(jobs, workers, photo=b"a", work=None, *, keep=True, client="c", parts=("k",)):
    return jobs.submit(
        work or (lambda: Answer(photo, "image/png")),
        workers.admit(1),
        client=client,
        operation="protect",
        parts=parts,
        sha256=hashlib.sha256(photo).digest(),
        keep=keep,
    )


async def test_the_same_again_is_the_same_job(jobs, workers):
    first = submit(jobs, workers)
    assert submit(jobs, workers) is first
    assert isinstance(await jobs.wait(first, 5), Answer)
    assert submit(jobs, workers) is first
    assert workers.admitted == 0


@pytest.mark.parametrize(
    "changes", [{"photo": b"b"}, {"client": "d"}, {"parts": ("k", "high")}, {"parts": ()}]
)
async def test_anything_else_is_another_job(jobs, workers, changes):
    assert submit(jobs, workers, **changes).id != submit(jobs, workers).id


async def test_ids_tell_nothing_to_another_daemon(jobs, workers):
    assert submit(jobs, workers).id != submit(Jobs(workers, Metrics()), workers).id


async def test_a_job_is_found_by_its_client_only(jobs, workers):
    job = submit(jobs, workers)
    assert jobs.find("c", job.id) is job
    for client, job_id in (("d", job.id), ("c", "0" * 32)):
        with pytest.raises(NotFound):
            jobs.find(client, job_id)


async def test_a_failure_is_told_and_then_tried_again(jobs, workers):
    def fail() -> Answer:
        raise NoFaceFound("There is no face in the photo.")

    failed = submit(jobs, workers, work=fail)
    outcome = await jobs.wait(failed, 5)
    assert isinstance(outcome, Problem)
    assert outcome.code == "no_face"
    assert jobs.find("c", failed.id) is failed
    again = submit(jobs, workers)
    assert again.id == failed.id
    assert isinstance(await jobs.wait(again, 5), Answer)


async def test_a_failed_job_keeps_nothing_of_the_photo(jobs, workers):
    class Pixels:
        pass

    alive = []

    def fail() -> Answer:
        pixels = Pixels()
        alive.append(weakref.ref(pixels))
        raise RuntimeError(len(alive))

    await jobs.wait(submit(jobs, workers, work=fail), 5)
    await asyncio.sleep(0)
    gc.collect()
    assert alive[0]() is None


async def test_results_are_bounded_in_number(workers):
    jobs = Jobs(workers, Metrics(), max_results=2)
    made = []
    for photo in (b"a", b"b", b"c"):
        made.append(submit(jobs, workers, photo))
        await jobs.wait(made[-1], 5)
    with pytest.raises(NotFound):
        jobs.find("c", made[0].id)
    assert jobs.find("c", made[1].id) is made[1]


async def test_results_are_bounded_in_bytes(workers):
    jobs = Jobs(workers, Metrics(), max_bytes=100)
    made = []
    for photo in (b"a" * 60, b"b" * 40, b"c" * 30, b"d" * 500):
        made.append(submit(jobs, workers, photo))
        await jobs.wait(made[-1], 5)
        if photo[:1] == b"c":
            assert [job in jobs._finished.values() for job in made] == [False, True, True]
    # the newest stays, or its client would never get it
    assert [job in jobs._finished.values() for job in made] == [False, False, False, True]


async def test_results_are_forgotten_in_time(workers):
    jobs = Jobs(workers, Metrics(), result_seconds=0.05)
    job = submit(jobs, workers)
    await jobs.wait(job, 5)
    jobs.find("c", job.id)
    await asyncio.sleep(0.1)
    with pytest.raises(NotFound):
        jobs.find("c", job.id)


async def test_a_job_that_nobody_waits_for_leaves_the_queue(jobs, workers):
    gate = threading.Event()
    ran: list[str] = []

    def work(name: str) -> Answer:
        ran.append(name)
        return Answer(b"", "x")

    first = submit(jobs, workers, b"a", lambda: Answer(b"%d" % gate.wait(5), "x"))
    lonely = submit(jobs, workers, b"b", lambda: work("lonely"), keep=False)
    shared = submit(jobs, workers, b"c", lambda: work("s"), keep=False)
    waits = [asyncio.create_task(jobs.wait(job, None)) for job in (lonely, shared, shared)]
    await asyncio.sleep(0.01)
    for wait in waits[:2]:
        wait.cancel()
    await asyncio.wait(waits[:2])
    await asyncio.sleep(0)
    assert workers.admitted == 2
    with pytest.raises(NotFound):
        jobs.find("c", lonely.id)
    gate.set()
    assert isinstance(await waits[2], Answer)
    assert isinstance(await jobs.wait(first, 5), Answer)
    assert ran == ["s"]


async def test_a_kept_job_goes_on_without_anybody(jobs, workers):
    job = submit(jobs, workers, keep=True)
    wait = asyncio.create_task(jobs.wait(job, None))
    await asyncio.sleep(0)
    wait.cancel()
    assert isinstance(await jobs.wait(job, 5), Answer)


async def test_drain_finishes_what_runs_and_gives_up_what_waits(jobs, workers):
    gate = threading.Event()
    running = submit(jobs, workers, b"a", lambda: Answer(b"%d" % gate.wait(5), "x"))
    waiting = submit(jobs, workers, b"b")
    waits = [asyncio.create_task(jobs.wait(job, None)) for job in (running, waiting)]
    await asyncio.sleep(0.01)
    asyncio.get_running_loop().call_later(0.05, gate.set)
    await jobs.drain(5)
    assert [isinstance(await wait, Answer) for wait in waits] == [True, True]

    gate.clear()
    jobs, workers_2 = Jobs(workers, Metrics()), Workers(queue=4)
    jobs._workers = workers_2
    stuck = submit(jobs, workers_2, b"a", lambda: Answer(b"%d" % gate.wait(5), "x"))
    late = submit(jobs, workers_2, b"b")
    await asyncio.sleep(0.01)
    waits = [asyncio.create_task(jobs.wait(job, None)) for job in (stuck, late)]
    await jobs.drain(0.05)
    outcomes = await asyncio.gather(*waits)
    assert [outcome.code for outcome in outcomes] == ["busy", "busy"]
    gate.set()
    workers_2.close()
