"""From the first key to a restored photo, with everything real: programs, sockets, networks."""

from __future__ import annotations

import http.server
import io
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image

Array = np.ndarray[Any, Any]
SHARED = Path(__file__).parents[3] / "shared" / "faces"
"""Photos that lie beside the repository on some machines."""


@pytest.fixture(scope="module")
def home(new_home: Callable[[], Any]) -> Any:
    """A machine with three circles."""
    home = new_home()
    for label in ("Family", "Work", "Клуб & friends"):
        home.ok("ermask", "keys", "new", label)
    return home


@pytest.fixture(scope="module")
def client(home: Any) -> Iterator[Any]:
    """A paired browser that has greeted the daemon."""
    port = home.start()
    client = home.pair(port, "Firefox on laptop", "moz-extension://0e9b7f5a-3c1d-4a55-9f3e-2f6f5f")
    client.hello()
    yield client
    assert home.ok("ermask-daemon", "stop") == b"ermask-daemon has ended\n"


def posted(body: bytes) -> bytes:
    """What a site makes of an upload: opened, and saved as JPEG 75."""
    file = io.BytesIO()
    Image.open(io.BytesIO(body)).convert("RGB").save(file, "JPEG", quality=75)
    return file.getvalue()


def psnr(one: Array, other: Array) -> float:
    return float(10 * np.log10(255**2 / np.square(one.astype(float) - other).mean()))


# --- protect, post, inspect, restore ---------------------------------------------------------


def test_protect_post_inspect_restore(
    client: Any, portrait: Array, portrait_jpeg: bytes, trained: bool
) -> None:
    circles = {each["label"]: each["id"] for each in client.post("/v1/keys").json}
    assert set(circles) == {"Family", "Work", "Клуб & friends"}

    protected = client.protect(portrait_jpeg, circles["Work"])
    assert protected.status == 200, protected.body
    assert protected.headers["content-type"] == "image/jpeg"
    assert (protected.result["found"], protected.result["changed"]) == (1, 1)
    assert {"decode", "detect", "align", "mark", "network", "render", "encode"} <= set(
        protected.result["ms"]
    )
    assert len(protected.body) <= 1.3 * len(portrait_jpeg)

    found = posted(protected.body)
    inspected = client.post("/v1/inspect", found).json
    assert [match["fits"] for match in inspected["matches"]] == [True, False, False]
    assert inspected["matches"][0]["circle_id"] == circles["Work"]

    restored = client.post("/v1/restore", found)
    assert restored.status == 200, restored.body
    assert restored.result["matches"][0]["label"] == "Work"
    assert restored.result["changed"] == 1
    if trained:
        [face] = restored.result["faces"]
        left, top, right, bottom = (round(edge) for edge in face["box"])
        part = (slice(max(top, 0), bottom), slice(max(left, 0), right))
        worn = np.asarray(Image.open(io.BytesIO(found)))
        assert psnr(restored.photo[part], portrait[part]) > psnr(worn[part], portrait[part]) + 1


def test_a_wrong_key_is_said_to_be_wrong(client: Any, portrait_jpeg: bytes) -> None:
    found = posted(client.protect(portrait_jpeg, "Work").body)
    wrong = client.post("/v1/restore", found, {"X-ErMask-Circle": "Family"})
    assert (wrong.status, wrong.json["code"]) == (409, "wrong_key")
    assert "Family" in wrong.json["detail"]
    forced = {"X-ErMask-Circle": "Family", "X-ErMask-Force": "1"}
    assert client.post("/v1/restore", found, forced).status == 200
    unprotected = client.post("/v1/restore", portrait_jpeg)
    assert (unprotected.status, unprotected.json["code"]) == (409, "wrong_key")


def test_a_circle_may_be_named_in_any_script(client: Any, portrait_jpeg: bytes) -> None:
    label = "Клуб & friends"
    protected = client.protect(portrait_jpeg, quote(label, safe=""))
    assert protected.status == 200, protected.body
    assert client.post("/v1/inspect", protected.body).json["matches"][0]["label"] == label


def test_protecting_twice_is_refused(client: Any, portrait_jpeg: bytes) -> None:
    once = client.protect(portrait_jpeg, "Family").body
    twice = client.protect(once, "Family")
    assert (twice.status, twice.json["code"]) == (409, "already_protected")


def test_no_face_is_an_error_and_never_the_unchanged_photo(
    client: Any, save: Callable[..., bytes]
) -> None:
    data = pytest.importorskip("skimage.data")
    photo = save(data.coffee(), "JPEG")
    for path in ("protect", "restore", "inspect"):
        answer = client.post(f"/v1/{path}", photo, {"X-ErMask-Circle": "Family"})
        assert (answer.status, answer.json["code"]) == (422, "no_face")
        assert answer.headers["content-type"] == "application/problem+json"


def test_the_protected_photo_differs_only_near_faces(
    client: Any, astronaut: Array, save: Callable[..., bytes]
) -> None:
    """In a lossless file, to the last bit."""
    protected = client.protect(save(astronaut, "PNG"), "Family")
    [face] = protected.result["faces"]
    left, top, right, bottom = face["box"]
    reach = 0.7 * (right - left)
    rows, columns = np.nonzero((protected.photo != astronaut).any(2))
    assert left - reach < columns.min() < columns.max() < right + reach
    assert top - reach < rows.min() < rows.max() < bottom + reach


@pytest.mark.parametrize(
    ("kind", "options"),
    [("PNG", {}), ("WEBP", {"quality": 90}), ("WEBP", {"lossless": True}), ("AVIF", {})],
)
def test_every_type_comes_back_as_itself(
    client: Any, portrait: Array, save: Callable[..., bytes], kind: str, options: dict[str, Any]
) -> None:
    protected = client.protect(save(portrait, kind, **options), "Family")
    assert protected.status == 200, protected.body
    assert Image.open(io.BytesIO(protected.body)).format == kind
    restored = client.post("/v1/restore", protected.body)
    assert restored.result["matches"][0]["label"] == "Family"


def test_orientation_is_applied_and_no_metadata_is_left(client: Any, portrait: Array) -> None:
    file = io.BytesIO()
    turned = Image.fromarray(np.ascontiguousarray(np.rot90(portrait, 1)))
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying on its side: a quarter turn clockwise shows it upright
    exif[0x010F] = "Camera that tells who I am"
    turned.save(file, "JPEG", quality=95, exif=exif)
    protected = client.protect(file.getvalue(), "Family")
    upright = Image.open(io.BytesIO(protected.body))
    assert dict(upright.getexif()) == {}
    assert psnr(np.asarray(upright), portrait) > 25


def test_a_job_can_be_fetched_later(client: Any, portrait_jpeg: bytes) -> None:
    high = {"X-ErMask-Strength": "high"}
    begun = client.protect(portrait_jpeg, "Family", **high, Prefer="respond-async")
    assert begun.status == 202, begun.body
    assert begun.json["state"] in ("waiting", "running")
    answer = client.post(begun.headers["location"])
    while answer.status == 202:
        answer = client.post(begun.headers["location"])
    again = client.protect(portrait_jpeg, "Family", **high)
    assert answer.photo.shape == (300, 300, 3)
    assert answer.body == again.body


# --- who is who ------------------------------------------------------------------------------


def test_the_token_works_from_the_paired_origin_only(client: Any) -> None:
    thief = type(client)(client.port, "moz-extension://another", client.id, client.token)
    assert thief.post("/v1/keys").status == 403
    page = type(client)(client.port, "https://example.org", client.id, client.token)
    assert page.post("/v1/keys").status == 403
    assert client.post("/v1/keys").status == 200


def test_the_client_notices_another_program_on_the_port(client: Any) -> None:
    """The daemon's proof is what makes the difference, so a forged one must not pass."""

    class Squatter(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert "Authorization" not in self.headers
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps({"nonce": "A" * 43, "proof": "A" * 43}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None: ...

    with http.server.HTTPServer(("127.0.0.1", 0), Squatter) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        fooled = type(client)(server.server_port, client.origin, client.id, client.token)
        with pytest.raises(client.not_the_daemon):
            fooled.hello()
        server.shutdown()
    client.hello()


def test_a_wrong_code_pairs_nobody(home: Any, client: Any) -> None:
    other = type(client)(client.port, client.origin)
    window = home.run("ermask-daemon", "clients", "list").stdout
    with pytest.raises(AssertionError):  # the window is closed: no such path
        other.pair("0000-0000", "Thief")
    assert home.run("ermask-daemon", "clients", "list").stdout == window


# --- real photos -----------------------------------------------------------------------------

REAL = [
    "free/lisa",
    "free/grace_hopper_usnavy.jpg",
    "free/frll/001",
    "free/congress_2015",
    "casual/groups/dlib_2008_002506.jpg",
]


@pytest.mark.parametrize("place", REAL)
def test_real_photos(client: Any, place: str) -> None:
    path = SHARED / place
    if not path.exists():
        pytest.skip("no photos beside the repository")
    file = sorted(path.rglob("*.jpg"))[0] if path.is_dir() else path
    protected = client.protect(file.read_bytes(), "Family")
    assert protected.status == 200, protected.body
    assert protected.result["changed"] >= 1
    restored = client.post("/v1/restore", protected.body)
    assert restored.status == 200, restored.body
    assert restored.result["matches"][0]["label"] == "Family"
    # The mark in small faces does not outlive everything; then that is said, and nothing else.
    copy = client.post("/v1/restore", posted(protected.body))
    if copy.status == 200:
        assert copy.result["matches"][0]["label"] == "Family"
    else:
        assert (copy.status, copy.json["code"]) == (409, "wrong_key")
