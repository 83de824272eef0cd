"""Photos being worked on and their results, so that a lost connection loses nothing.

A job's id follows from who asked, for what, and the photo's hash: the same upload again meets the
job that is already there. Belongs to the event loop.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from aiohttp import web

from ermask.api import problems
from ermask.api.metrics import Metrics
from ermask.api.problems import Problem
from ermask.errors import Busy, NotFound
from ermask.workers import Place, Workers

log = logging.getLogger(__name__)

MAX_RESULTS = 64
MAX_RESULT_BYTES = 128 * 2**20
RESULT_SECONDS = 300.0
"""Long enough for a browser to start its worker again; short, because results may be originals."""
DRAIN_SECONDS = 8.0


@dataclass(frozen=True)
class Answer:
    """What a successful job gives back."""

    body: bytes
    content_type: str
    result: str | None = None
    """ASCII for the `X-ErMask-Result` header."""
    ms: Mapping[str, float] = field(default_factory=dict)

    def response(self) -> web.Response:
        response = web.Response(body=self.body, content_type=self.content_type)
        if self.result is not None:
            response.headers["X-ErMask-Result"] = self.result
        return response


Outcome = Answer | Problem


@dataclass(eq=False)
class Job:
    """One photo on its way, or its outcome."""

    id: str
    client: str
    operation: str
    kept: bool
    """Somebody will come back for it: it is worked on even while nobody waits."""
    task: asyncio.Task[None] = field(init=False)
    waiters: int = 0
    started: bool = False
    outcome: Outcome | None = None

    @property
    def size(self) -> int:
        return len(self.outcome.body) if isinstance(self.outcome, Answer) else 0


class Jobs:
    """All jobs. Finished ones are kept within bounds of number, bytes and time."""

    def __init__(
        self,
        workers: Workers,
        metrics: Metrics,
        *,
        max_results: int = MAX_RESULTS,
        max_bytes: int = MAX_RESULT_BYTES,
        result_seconds: float = RESULT_SECONDS,
    ) -> None:
        self._workers = workers
        self._metrics = metrics
        self._max_results = max_results
        self._max_bytes = max_bytes
        self._result_seconds = result_seconds
        self._secret = secrets.token_bytes(32)
        self._jobs: dict[str, Job] = {}
        self._finished: dict[str, Job] = {}

    def submit(
        self,
        work: Callable[[], Answer],
        place: Place,
        *,
        client: str,
        operation: str,
        parts: tuple[str, ...],
        sha256: bytes,
        keep: bool,
    ) -> Job:
        """Queue `work`, or find the same work already there and succeeded or under way.

        Args:
            work: runs in the inference thread.
            place: released when the work is over, or at once when it is not needed.
            parts: everything but the photo that the result depends on.
            keep: go on with it even if nobody waits.
        """
        job_id = self._identify(client, operation, parts, sha256)
        job = self._jobs.get(job_id)
        if job is not None and not isinstance(job.outcome, Problem):
            place.release()
            job.kept |= keep
            return job
        self._finished.pop(job_id, None)
        job = self._jobs[job_id] = Job(job_id, client, operation, keep)
        job.task = asyncio.create_task(self._work(job, work))
        # Not in _work: a task that is cancelled before its first step never gets there.
        job.task.add_done_callback(lambda _: place.release())
        return job

    def find(self, client: str, job_id: str) -> Job:
        """Raises NotFound for an unknown job, and for one of another client."""
        job = self._jobs.get(job_id)
        if job is None or job.client != client:
            raise NotFound("There is no such job.", hint="Send the photo again.")
        return job

    async def wait(self, job: Job, seconds: float | None) -> Outcome | None:
        """The outcome, or None after `seconds`. A cancelled last waiter takes the job along."""
        job.waiters += 1
        try:
            await asyncio.wait({job.task}, timeout=seconds)
        finally:
            job.waiters -= 1
            if not (job.waiters or job.kept or job.started or job.outcome):
                self._abandon(job, None)
        return job.outcome

    async def drain(self, seconds: float = DRAIN_SECONDS) -> None:
        """Refuse new photos, finish those under way; after `seconds` give up those that wait."""
        self._workers.refuse_new()
        tasks = {job.task for job in self._jobs.values() if not job.task.done()}
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
        stopping = problems.from_exception(Busy("The daemon is stopping."), "")
        for job in [job for job in self._jobs.values() if not job.outcome]:
            self._abandon(job, stopping)

    def _identify(self, client: str, operation: str, parts: tuple[str, ...], sha256: bytes) -> str:
        # Keyed, so that an id neither tells nor confirms which photo it stands for.
        words = "\0".join((client, operation, *parts)).encode()
        return hmac.digest(self._secret, sha256 + words, "sha256")[:16].hex()

    async def _work(self, job: Job, work: Callable[[], Answer]) -> None:
        def begin() -> None:
            job.started = True

        try:
            job.outcome = await self._workers.run(work, begin=begin)
        except Exception as error:
            job.outcome = problems.from_exception(error, f"job {job.id}")
        self._finish(job)

    def _finish(self, job: Job) -> None:
        outcome = job.outcome
        if isinstance(outcome, Answer):
            self._metrics.photo(job.operation, "ok", outcome.ms)
        elif outcome is not None:
            self._metrics.photo(job.operation, outcome.code, {})
        self._finished[job.id] = job
        asyncio.get_running_loop().call_later(self._result_seconds, self._forget, job)
        while len(self._finished) > self._max_results or self._too_many_bytes():
            self._forget(next(iter(self._finished.values())))

    def _too_many_bytes(self) -> bool:
        if len(self._finished) < 2:
            return False  # the newest stays even if it alone is over the limit
        return sum(job.size for job in self._finished.values()) > self._max_bytes

    def _abandon(self, job: Job, outcome: Problem | None) -> None:
        job.outcome = outcome
        job.task.cancel()
        self._forget(job)

    def _forget(self, job: Job) -> None:
        """Drop `job`, unless a newer one has taken its id."""
        if self._jobs.get(job.id) is job:
            del self._jobs[job.id]
            self._finished.pop(job.id, None)
