"""`ermask keys`: make, list, rename, share and delete the circles' keys."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ermask.commands.files import read_input, write_whole
from ermask.commands.terminal import (
    ERROR,
    confirm,
    printable,
    say,
    shown,
)
from ermask.errors import BadImage, BadKey, OutputExists, StorageFailed
from ermask.private_files import prepare_folders
from ermask.settings import KEYFILE_VARIABLE, Settings, load_settings

if TYPE_CHECKING:
    from ermask.circles import Circle
    from ermask.keys import Key
    from ermask.keystore import KeyStore

STORE_PROMPT = "Passphrase of the key store: "
_FILE_LIMIT = 1 << 20
_TEXT_LIMIT = 1 << 16
_SHARING = (
    "whoever has this key can open every photo of the circle {label!r}, past and future. "
    "It cannot be taken back."
)

app = typer.Typer(no_args_is_help=True, help="Make, list, share and delete circles' keys.")

CircleName = Annotated[str, typer.Argument(metavar="CIRCLE", help="Name or id of the circle.")]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help=f"Take the key file's passphrase from the first line of FILE. "
        f"Without it: {KEYFILE_VARIABLE}, else the terminal is asked.",
    ),
]


def open_store(settings: Settings) -> KeyStore:
    """The circles of this user; the terminal is asked for the store's passphrase if it has one."""
    from ermask.keystore import open_keystore

    prepare_folders(settings)

    def ask() -> str:
        return getpass.getpass(STORE_PROMPT)

    # Without a terminal getpass would read the photo from stdin as the passphrase.
    may_ask = sys.stderr.isatty()
    return open_keystore(
        settings.data_dir, settings.state_dir, os.environ, ask if may_ask else None
    )


@app.command()
def new(circle: CircleName) -> None:
    """Make a circle with a new key."""
    made = _store().new(circle)
    print(f"{made.id}  {printable(made.label)}")


@app.command("list")
def list_circles() -> None:
    """List the circles: id, date, name."""
    circles = _store().list()
    for circle in circles:
        print(f"{circle.id}  {circle.created[:10]}  {printable(circle.label)}")
    if not circles:
        say("no circles yet; `ermask keys new NAME` makes one")


@app.command()
def rename(
    old: Annotated[str, typer.Argument(help="Name or id of the circle.")],
    new: Annotated[str, typer.Argument(help="Its new name.")],
) -> None:
    """Give a circle another name. Its photos stay what they are."""
    store = _store()
    store.rename(store.find(old), new)


@app.command()
def export(
    circle: CircleName,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write; - for stdout.")
    ] = None,
    text: Annotated[
        bool, typer.Option("--text", help="Print the bare key as text, without a passphrase.")
    ] = False,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Share a circle's key: as a file sealed with a passphrase, or as text.

    Whoever gets the key can open every photo of the circle, past and future.
    """
    store = _store()
    chosen = store.find(circle)
    say("warning: " + _SHARING.format(label=chosen.label))
    if text:
        _put(output or Path("-"), (store.key(chosen).text() + "\n").encode())
        return
    from ermask.keyfile import SUFFIX

    data = store.export_file(chosen, _passphrase(passphrase_file, twice=True))
    _put(output or Path(chosen.label + SUFFIX), data)


@app.command("show-code")
def show_code(
    circle: CircleName,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a PNG picture instead; - for stdout."),
    ] = None,
) -> None:
    """Share a circle's key as a QR code, on the terminal or as a picture.

    Whoever sees or photographs it can open every photo of the circle, past and future.
    """
    from ermask import qr

    store = _store()
    chosen = store.find(circle)
    say("warning: " + _SHARING.format(label=chosen.label))
    say("warning: nothing seals a QR code: show it only to those who are to have the key.")
    key = store.key(chosen)
    if output is not None:
        _put(output, qr.picture(key))
        return
    for line in qr.lines(key):
        print(line)


@app.command("import")
def import_key(
    file: Annotated[
        Path,
        typer.Argument(help="Key file, text of a key, or picture of its QR code; - for stdin."),
    ],
    label: Annotated[
        str | None,
        typer.Option(help="Name for the circle; a key as text or as a code needs one."),
    ] = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Take over a circle's key that somebody shared with you."""
    from ermask.codec import MAX_BYTES

    piped = file == Path("-")
    data = sys.stdin.buffer.read(MAX_BYTES + 1) if piped else read_input(file, MAX_BYTES)
    store = _store()
    key = _bare_key(data)
    if key is not None:
        if label is None:
            raise BadKey(
                "A key as text or as a code carries no name.", hint="Name its circle with --label."
            )
        circle = store.add(label, key)
    else:
        circle = store.import_file(data, _passphrase(passphrase_file, twice=False), label)
    print(f"{circle.id}  {printable(circle.label)}")
    say(f"compare the fingerprint with the sender's: {circle.fingerprint}")


@app.command()
def delete(
    circle: CircleName,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete a circle and its key. Its photos can then never be restored on this machine."""
    store = _store()
    chosen = store.find(circle)
    label = printable(chosen.label)
    if not yes and not confirm(
        f"Delete the key of {label}? Photos protected with it stay protected for ever."
    ):
        say(f"{label} was not deleted; --yes deletes it without asking")
        raise typer.Exit(ERROR)
    store.delete(chosen)


@app.command("show-fingerprint")
def show_fingerprint(
    circle: Annotated[str | None, typer.Argument(help="Only this circle.")] = None,
) -> None:
    """Show the circles' fingerprints, to compare aloud with a friend's."""
    store = _store()
    circles: list[Circle] = store.list() if circle is None else [store.find(circle)]
    for each in circles:
        print(f"{each.fingerprint}  {printable(each.label)}")


@app.command()
def passphrase() -> None:
    """Set or change the passphrase of the key store, where the keys are not in a keychain."""
    _require_terminal()
    store = _store()
    old = None
    if store.protection == "passphrase":
        old = getpass.getpass("Present passphrase of the key store: ")
    store.set_passphrase(old, _asked_twice("New passphrase of the key store: "))


def _store() -> KeyStore:
    return open_store(load_settings(os.environ))


def _bare_key(data: bytes) -> Key | None:
    """The key in a text or in a picture of a QR code; None for anything else.

    Raises:
        BadKey: it does not read as one.
        NoCode, and the errors of the decoder: a picture from which no code can be read.
    """
    from ermask.codec import sniff
    from ermask.decoding import Decoder
    from ermask.keys import Key, looks_like_key

    text = data[:_TEXT_LIMIT].decode("ascii", errors="replace").strip()
    if looks_like_key(text):
        return Key.parse(text)
    try:
        sniff(data)
    except BadImage:
        return None
    with Decoder() as decoder:
        return decoder.read_key(data)


def _passphrase(file: Path | None, *, twice: bool) -> str:
    """The key file's passphrase; never from the command line, which other users can see.

    Raises:
        BadKey: none was given, or the two do not agree.
    """
    if file is not None:
        lines = read_input(file, _FILE_LIMIT).decode(errors="replace").splitlines()
        return lines[0] if lines else ""
    if (found := os.environ.get(KEYFILE_VARIABLE)) is not None:
        return found
    _require_terminal()
    prompt = "Passphrase of the key file: "
    return _asked_twice(prompt) if twice else getpass.getpass(prompt)


def _asked_twice(prompt: str) -> str:
    first = getpass.getpass(prompt)
    if first != getpass.getpass("The same again: "):
        raise BadKey("The two passphrases are not the same.")
    return first


def _require_terminal() -> None:
    if not sys.stderr.isatty():
        raise BadKey(
            "A passphrase is needed, and there is no terminal to ask for it.",
            hint=f"Use --passphrase-file FILE or the variable {KEYFILE_VARIABLE}.",
        )


def _put(output: Path, data: bytes) -> None:
    if output == Path("-"):
        sys.stdout.buffer.write(data)
        return
    try:
        write_whole(output, data, overwrite=False, mode=0o600)
    except FileExistsError as error:
        raise OutputExists(
            f"{output} is already there.", hint="Choose another name with --output."
        ) from error
    except OSError as error:
        raise StorageFailed(f"{output} could not be written: {error.strerror}.") from error
    print(shown(output))
