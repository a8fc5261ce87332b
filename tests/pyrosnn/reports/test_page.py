"""A report as a page: complete in itself, whatever its texts are."""

import io
import math
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from matplotlib.image import imread
from support.html import check_page

from pyrosnn.checks import Finding
from pyrosnn.reports import (
    Code,
    Entries,
    Findings,
    Gallery,
    Image,
    Picture,
    Pictures,
    Report,
    Section,
    Table,
    Text,
    amplified,
    pixels_png,
    report_page,
)
from pyrosnn.reports.content import Part

HOSTILE = (
    "</td></style><script>alert(1)</script>\" onload='x' {{ 7 * 7 }} {% raw %} &amp; <img src=x>"
)
PNG = pixels_png(np.zeros((1, 2, 2)))


def parts(text: str) -> list[Part]:
    """Return a part of each kind, with a text wherever one can be."""
    return [
        Text(paragraphs=[text]),
        Table(
            title=text,
            columns=[text, f"{text}!"],
            rows=[[text, text], ["a", "-"]],
            notes=[text],
            main=0,
        ),
        Pictures(pictures=[Picture(content=PNG, words=text, caption=text)]),
        Gallery(title=text, images=[Image(views={text: PNG}, caption=text)]),
        Gallery(title=text, images=[], none=text),
        Findings(findings=[Finding(name=text, status="pass", value=0.25, message=text)]),
        Findings(findings=[Finding(name=text, status="skipped", value=None, message=text)]),
        Entries(title=text, entries={text: text}),
        Code(lines=[text, text]),
    ]


def report(text: str) -> Report:
    return Report(
        title=text,
        about=text,
        verdict=[text, text],
        status="warn",
        sections=[
            Section(anchor="one", title=text, parts=parts(text)),
            Section(anchor="two", title=text, parts=[Text(paragraphs=[text])]),
        ],
        program=text,
    )


def test_every_kind_of_part_is_tested() -> None:
    assert {type(part) for part in parts("x")} == set(get_args(Part))


def test_a_page_says_what_it_is_given() -> None:
    page = check_page(report_page(report("of 62.1 % and a < b")))
    (title,) = page.all("title")
    assert title.text == "of 62.1 % and a < b"
    assert [one.text.replace("\xa0", " ") for one in page.all("p")].count(title.text) >= 5
    (verdict,) = page.all("div", where=lambda one: one.attrs.get("id") == "verdict")
    assert verdict.attrs["class"] == "verdict warn"
    assert [one.attrs["href"] for one in page.all("a")] == ["#one", "#two"]


def test_hostile_texts_are_texts() -> None:
    content = report_page(report(HOSTILE))
    page = check_page(content)
    assert "<script>" not in content
    (title,) = page.all("title")
    assert title.text == HOSTILE
    assert {one.text.strip() for one in page.all("h1", "h2", "h3")} == {HOSTILE}
    alternatives = {one.attrs["alt"] for one in page.all("img")}
    assert alternatives == {HOSTILE, f"{HOSTILE}: {HOSTILE}"}


def test_the_policy_lets_the_browser_load_nothing() -> None:
    page = check_page(report_page(report("x")))
    (policy,) = page.all("meta", where=lambda one: "http-equiv" in one.attrs)
    assert "default-src 'none'; img-src data:" in str(policy.attrs["content"])
    assert "script" not in str(policy.attrs["content"])


def test_words_stand_left_and_numbers_right() -> None:
    rows = [["a", "apgd-ce", "75.0 [68, 81]", "-"], ["b", "square", "-", "-1.0"]]
    table = Table(title="t", columns=["threat", "attack", "on I", "gap"], rows=rows)
    section = Section(anchor="one", title="x", parts=[table])
    page = check_page(report_page(replace(report("x"), sections=[section])))
    heads = page.all("th", where=lambda one: one.attrs["scope"] == "col")
    assert [one.attrs.get("class") for one in heads] == ["words", "words", None, None]


def test_a_table_without_rows_is_a_table() -> None:
    table = Table(title="t", columns=["a", "b"], rows=[])
    section = Section(anchor="one", title="x", parts=[table])
    assert ">t</figcaption>" in report_page(replace(report("x"), sections=[section]))


def test_all_texts_of_a_report_are_shown() -> None:
    content = report_page(replace(report("x"), title="only a", about="only b", program="only c"))
    assert all(f"only {one}" in content for one in "abc")


@pytest.mark.parametrize("shape", [(3, 4), (1, 3, 4), (3, 3, 4), (2, 3, 4), (5,)])
def test_pixels_come_back_from_the_picture(shape: tuple[int, ...]) -> None:
    """To the nearest of 256 levels; grey is three equal colours."""
    pixels = np.linspace(0, 1, math.prod(shape)).reshape(shape)
    seen = imread(io.BytesIO(pixels_png(2 * pixels - 1, (-1.0, 1.0))), format="png")
    height, width = (1, *shape)[-2:]
    assert seen.shape == (height, width, 4)
    channels = pixels.reshape(-1, height, width)
    colours = channels if len(channels) == 3 else channels.mean(0, keepdims=True)
    found = seen[..., :3].transpose(2, 0, 1)
    np.testing.assert_allclose(found, np.broadcast_to(colours, found.shape), atol=0.501 / 255)


def test_pixels_out_of_the_bounds_are_clipped() -> None:
    seen = imread(io.BytesIO(pixels_png(np.array([[-3.0, 7.0]]))), format="png")
    assert seen[0, :, 0].tolist() == [0.0, 1.0]


def test_a_perturbation_is_amplified_to_the_bounds_and_no_perturbation_is_grey() -> None:
    delta = np.array([[0.02, -0.01]])
    np.testing.assert_allclose(amplified(delta, (-1.0, 1.0)), [[1.0, -0.5]])
    np.testing.assert_allclose(amplified(np.zeros(3), (0.0, 2.0)), [1.0, 1.0, 1.0])
