"""Two models on the same photos, and the pages about them."""

from __future__ import annotations

import copy
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

from ermask_training.bench import document as documents
from ermask_training.bench.compare import common, compare, differences
from ermask_training.bench.markdown import show
from ermask_training.bench.report import report
from ermask_training.bench.tables import tables


@pytest.fixture
def before(measured):
    return documents.load(measured)


@pytest.fixture
def after(before):
    return copy.deepcopy(before)


def row_of(text, title, name):
    """Cells of the row `name` in the Markdown table under `title`."""
    block = text.split(title, 1)[1]
    [line] = [x for x in block.split("\n\n")[1].splitlines() if x.startswith(f"| {name} |")]
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def test_a_model_does_not_differ_from_itself(before, after):
    text = compare(before, after)
    assert "2 pairs of photos that both were measured on" in text
    cells = row_of(text, "Match rate: judge, FAR 0.01", "protected mid, JPEG 75")
    assert cells[0] == cells[1]
    assert cells[2].startswith("+0.000 (-")
    assert cells[3] == "1"


def test_what_differs_is_told_by_photo(before, after):
    for person, cosine in (("ada", 0.99), ("bo", -0.5)):
        before["photos"][person]["dodging"]["cosine"]["judge"]["protected mid"] = cosine
        after["photos"][person]["dodging"]["cosine"]["judge"]["protected mid"] = -0.5
    cells = row_of(compare(before, after), "Match rate: judge, FAR 0.01", "protected mid")
    assert cells[:2] == ["0.500", "0.000"]
    assert cells[2].startswith("-0.500 (")
    name = "protected mid against original"
    for person in ("ada", "bo"):
        after["photos"][person]["looks"][name]["PSNR"] += 2
    assert (
        row_of(compare(before, after), "Looks", f"{name}: PSNR")[2] == "+2.000 (+2.000 to +2.000)"
    )


def test_only_the_same_photos_count(before, after):
    after["photos"]["ada"]["files"] = "changed"
    assert common(before, after) == ["bo"]
    del after["photos"]["bo"]
    with pytest.raises(ValueError, match="no photo was measured in both"):
        compare(before, after)


@pytest.mark.parametrize("name", ["judges", "thresholds"])
def test_other_judges_or_thresholds_cannot_be_compared(before, after, name):
    after["settings"][name] = {}
    with pytest.raises(ValueError, match=f"other {name}"):
        differences(before, after)


def test_another_seed_is_said(before, after):
    after["settings"]["seed"] += 1
    assert "The seeds differ" in compare(before, after)


def test_the_terminal_gets_every_table(before):
    text = show(before)
    for title in (
        "Match rate: judge, FAR 0.001",
        "brought back",
        "Found at rank 5",
        "Linkage",
        "Taken for one of 1 targets",
        "The mark",
        "Looks",
        "Cost of protect",
        "memory",
    ):
        assert title in text
    assert "Seed 20241222" in text
    assert "Left out: LPIPS" in text
    for table in tables(before):
        assert len({len(row) for _, row in table.rows} | {len(table.columns)}) == 1
        assert table.rows


def test_n_is_in_the_heading_or_in_every_cell(before):
    for table in tables(before):
        if len(table.counts) > 1:
            for _, cells in table.texts():
                assert all(not c or c == "no case" or re.search(r", n \d+\)", c) for c in cells)
        elif table.counts:
            assert table.heading.endswith(f", n {min(table.counts)}")


class Reader(HTMLParser):
    """Counts tags, and collects whatever a page would load."""

    void = frozenset({"meta", "br", "img", "path", "circle"})

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.loads = [], [], []

    def handle_starttag(self, tag, attributes):
        self.seen.append(tag)
        if tag not in self.void:
            self.open.append(tag)
        self.loads += [v for k, v in attributes if k in {"src", "href", "srcset", "data"}]

    def handle_startendtag(self, tag, attributes):
        self.seen.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def sheet(tmp_path):
    path = tmp_path / "sheet & <faces>.png"
    Image.fromarray(np.zeros((30, 4000, 3), np.uint8)).save(path)
    return path


def test_the_report_is_one_page_that_loads_nothing(before, after, sheet):
    page = report({"one <b>": before, "two": after}, [sheet])
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    assert reader.seen.count("svg") >= 5
    assert reader.seen.count("table") > 20
    assert len(reader.loads) == 1
    assert reader.loads[0].startswith("data:image/jpeg;base64,")
    assert "<b>" not in page
    assert "prefers-color-scheme: dark" in page
    assert "<script" not in page
    assert "two minus one &lt;b&gt;, on 2 pairs" in page


def test_points_lie_where_their_figures_are(before):
    page = report({"one": before})
    told = re.findall(r"<title>original, one: ([\d.]+) \(([\d.]+)-([\d.]+)\)", page)
    entry = before["recognisers"]["judge"]["FAR 0.01"]["match rate"]["original"]
    assert told[0] == tuple(f"{each:.3f}" for each in (entry["rate"], *entry["interval_95"]))


def test_models_that_cannot_be_compared_still_have_a_report(before, after):
    after["settings"]["judges"] = {}
    page = report({"one": before, "two": after})
    assert "two and one: measured with other judges" in page


def test_a_picture_that_is_none(before, tmp_path):
    (tmp_path / "no.png").write_text("no picture")
    with pytest.raises(ValueError, match=r"no\.png is no picture"):
        report({"one": before}, [tmp_path / "no.png"])
