"""The daemon's process: lock, socket, engine, server, and a tidy end. lifecycle.py starts it.

`python -m ermask.daemon` is the background form. Its stdout is a pipe to the command that started
it and carries one line of JSON: `{"port": n}` once photos can be taken, or the reason why not.
"""

from __future__ import annotations

import asyncio
import errno
import faulthandler
import json
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psutil

from ermask import __version__, control, logs
from ermask.daemon_state import lock_file, remove_state, write_state
from ermask.errors import DaemonFailed, DaemonRunning, ErmaskError, PortInUse
from ermask.lifecycle import DRAIN_S
from ermask.locks import InstanceLock
from ermask.private_files import prepare_folders
from ermask.settings import Settings, load_settings

if TYPE_CHECKING:
    from aiohttp import web

    from ermask.engine import Engine
    from ermask.keystore import KeyStore

log = logging.getLogger("ermask.daemon")

CLIENTS_NAME = "clients.json"
_IDLE_CHECK_S = 30.0


def main() -> int:
    """Run in the background; returns the exit status."""
    # Whatever this process creates is for its owner alone.
    os.umask(0o077)
    try:
        settings = load_settings(os.environ)
        run(settings, on_ready=lambda port: _report({"port": port}))
    except ErmaskError as error:
        log.error("%s (%s)", error.message, error.code)
        _report({"code": error.code, "message": error.message, "hint": error.hint})
        return 1
    except Exception as error:
        log.exception("the daemon ends after an unexpected error")
        text = f"The daemon ended after an unexpected error: {error!r}"
        _report({"code": DaemonFailed.code, "message": text, "hint": DaemonFailed.hint})
        return 1
    return 0


def run(settings: Settings, *, foreground: bool = False, on_ready: Callable[[int], None]) -> None:
    """Be the daemon until SIGTERM or SIGINT; then finish the work under way and return.

    Call it in the main thread, under a umask of 077.

    Args:
        foreground: log to stderr instead of the file.
        on_ready: called with the port once the networks are loaded and requests are answered.

    Raises:
        DaemonRunning: another process has the lock.
        PortInUse: another program has the port.
        ErmaskError: models, runtime, keys or permissions are not in order.
    """
    prepare_folders(settings)
    lock = InstanceLock(lock_file(settings))
    if not lock.acquire():
        raise DaemonRunning("The daemon is already running.")
    try:
        if not foreground:
            # The file is opened by the command that starts us, and holds the last run's crash.
            os.ftruncate(sys.stderr.fileno(), 0)
        faulthandler.enable()
        logs.set_up(settings, foreground=foreground)
        with listen(settings.port) as listener:
            port = listener.getsockname()[1]
            write_state(settings, port=port, version=__version__)
            asyncio.run(_serve(replace(settings, port=port), listener, on_ready))
    finally:
        remove_state(settings)
        lock.release()


def listen(port: int) -> socket.socket:
    """A listening socket on the loopback address; there is no way to ask for another one.

    Args:
        port: 0 lets the system choose.

    Raises:
        PortInUse: another program has it; the message names it where the system tells.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            # Only steps over connections of our last run that the system still remembers.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((control.HOST, port))
        listener.listen(128)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise PortInUse(f"Port {port} is in use by {_listener_name(port)}.") from error
        raise
    return listener


async def _serve(
    settings: Settings, listener: socket.socket, on_ready: Callable[[int], None]
) -> None:
    # Imported here, so that a fault in one of them is reported like any other.
    from aiohttp import web

    from ermask.api.runner import create_runner
    from ermask.api.state import DAEMON

    stopping = _stop_on_signals()
    deadline = asyncio.create_task(_end_in_time(stopping))
    engine = await _unless_stopped(asyncio.to_thread(_warm_engine, settings), stopping)
    if engine is None:
        return
    with _open_app(settings, engine, stopping) as app:
        await asyncio.to_thread(_look_at_keys, app[DAEMON].keystore)
        runner = create_runner(app)
        await runner.setup()
        unloading = asyncio.create_task(_unload_idle(engine))
        try:
            await web.SockSite(runner, listener).start()
            log.info("ermask %s answers on port %d", __version__, settings.port)
            on_ready(settings.port)
            await stopping.wait()
            log.info("ending; work under way has %.0f s", DRAIN_S)
        finally:
            unloading.cancel()
            await runner.cleanup()
    deadline.cancel()
    log.info("ended")


def _warm_engine(settings: Settings) -> Engine:
    from ermask.engine import open_engine

    engine = open_engine(settings)
    engine.warm_up()
    return engine


@contextmanager
def _open_app(
    settings: Settings, engine: Engine, stopping: asyncio.Event
) -> Iterator[web.Application]:
    from ermask.api.app import create_app
    from ermask.api.clients import Clients
    from ermask.control_token import create_control_token, remove_control_token
    from ermask.decoding import Decoder
    from ermask.keystore import open_keystore

    keystore = open_keystore(settings.data_dir, settings.state_dir, os.environ)
    clients = Clients(settings.data_dir / CLIENTS_NAME)
    with Decoder() as decoder:
        # before the first photo, so that it need not wait
        decoder.start()
        token = create_control_token(settings.state_dir)
        try:
            yield create_app(
                settings, engine, keystore, clients, decoder, control_token=token, stop=stopping
            )
        finally:
            remove_control_token(settings.state_dir)


def _look_at_keys(keystore: KeyStore) -> None:
    """Try the passphrase, so that a wrong one is known before the first photo. It is no reason to
    end: the browser tells the user, and what needs no key works."""
    try:
        keystore.check()
    except ErmaskError as error:
        # The message may have a path in it.
        log.warning("the keys cannot be used (%s)", error.code)


async def _unload_idle(engine: Engine) -> None:
    while True:
        await asyncio.sleep(_IDLE_CHECK_S)
        engine.models.unload_idle()


async def _unless_stopped(work: Any, stopping: asyncio.Event) -> Any:
    """The result of `work`, or None when the daemon is told to end first."""
    task = asyncio.ensure_future(work)
    stop = asyncio.ensure_future(stopping.wait())
    await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    return await task if task.done() else None


def _stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set. The control route `stop` sets it too."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop(_number: int, _frame: object) -> None:
        # A second signal may come when the loop has ended already.
        if not loop.is_closed():
            loop.call_soon_threadsafe(stopping.set)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    return stopping


async def _end_in_time(stopping: asyncio.Event) -> None:
    """From the request to end, give the process a deadline.

    A network that runs cannot be interrupted, and Python waits for its threads at exit. Nothing is
    half-written at the deadline, since only replies are cut.
    """
    await stopping.wait()
    # The work has DRAIN_S; closing connections and what the server used gets some seconds more.
    deadline = threading.Timer(DRAIN_S + 4, os._exit, (0,))
    deadline.daemon = True
    deadline.start()


def _listener_name(port: int) -> str:
    try:
        for each in psutil.net_connections("tcp4"):
            if each.status == psutil.CONN_LISTEN and each.laddr[1:] == (port,) and each.pid:
                return f"{psutil.Process(each.pid).name()} (process {each.pid})"
    except psutil.Error:
        pass
    return "another program"


def _report(entries: dict[str, Any]) -> None:
    """Tell the command that started us, once, and let go of the pipe."""
    try:
        print(json.dumps(entries), flush=True)
    except OSError:
        log.debug("nobody waits for the start any more")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


if __name__ == "__main__":
    sys.exit(main())
