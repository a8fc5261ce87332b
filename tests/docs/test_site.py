"""The site that `make docs` builds, as files and in a browser; skipped where it is not built."""

import types
from pathlib import Path

import pytest
from support.browser import Browser, browser, find_browser
from support.site import faults, pages_of

import pyrosnn

ROOT = Path(__file__).parents[2]
SITE = ROOT / "site"
WIDTHS = (1280, 390)
# one of each kind: text, formulas, options, API, tables, notebook, figures
LOOKED_AT = (
    "index.html",
    "concepts.html",
    "cli.html",
    "api/attacks.html",
    "reproduction/index.html",
    "notebooks/load_results.html",
    "gallery.html",
)
SIDEWAYS = "document.scrollingElement.scrollWidth - innerWidth"
CUT = (  # wide blocks that neither fit nor scroll
    "[...document.querySelectorAll('article pre, article table, article img, article math')]"
    ".filter(one => { const box = one.getBoundingClientRect(); if (box.right <= innerWidth + 1)"
    " return false; for (let up = one; up; up = up.parentElement)"
    " if (['auto', 'scroll'].includes(getComputedStyle(up).overflowX)) return false;"
    " return true; }).map(one => one.outerHTML.slice(0, 200))"
)
COLOURS = (
    "(({color, backgroundColor}) => [color, backgroundColor])(getComputedStyle(document.body))"
)
NOT_DRAWN = "[...document.images].filter(one => one.complete && !one.naturalWidth).length"
FORMULAS = (
    "[...document.querySelectorAll('article math')]"
    ".map(one => one.getBoundingClientRect()).filter(box => box.width < 3 || box.height < 3).length"
)


@pytest.fixture(scope="module")
def site() -> Path:
    """The folder of the site."""
    if not (SITE / "index.html").is_file():
        pytest.skip("the site is not built; run make docs")
    built = (SITE / "index.html").stat().st_mtime
    pages = [*ROOT.glob("docs/**/*.md"), *ROOT.glob("docs/**/*.py"), ROOT / "README.md"]
    changed = [path.name for path in pages if path.stat().st_mtime > built]
    if changed:
        pytest.skip(f"the site is older than {', '.join(changed)}; run make docs")
    return SITE


@pytest.mark.slow
def test_the_site_has_no_dead_link_and_nothing_that_is_not_rendered(site: Path) -> None:
    assert len(pages_of(site)) > 40
    assert list(faults(site)) == []


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("<a href='no.html'>x</a>", "a.html: dead link no.html"),
        ("<a href='#no'>x</a>", "a.html: dead link #no"),
        ("<img alt='x' src='https://a.example/x.png'>", "a.html: loads https://a.example/x.png"),
        ("<script src='x.js'></script>", "a.html: loads x.js"),
        ("<img src='data:image/png;base64,' alt=' '>", "a.html: no alternative of data:image"),
        ("<p>of $x$</p>", "a.html: not rendered: $x$"),
        ("<p>the \\frac{a}{b}</p>", "a.html: not rendered: \\frac"),
        ("<p>see :func:`x`</p>", "a.html: not rendered: :func:"),
        ("<p>Example: >>> 1 + 1</p>", "a.html: not rendered: >>> "),
        ("<a href='#x'>x</a><p id='x'>5 $ <code>$x$ >>> </code></p>", None),
    ],
)
def test_faults_of_a_site_are_found(tmp_path: Path, body: str, fault: str | None) -> None:
    (tmp_path / "a.html").write_text(f"<html><body>{body}</body></html>", "utf-8")
    found = list(faults(tmp_path))
    assert len(found) == (fault is not None), found
    assert fault is None or found[0].startswith(fault)


def test_every_public_name_is_on_a_page_of_the_api() -> None:
    pages = "\n".join(path.read_text("utf-8") for path in ROOT.glob("docs/api/*.md"))
    named = {line.rpartition(".")[2].strip() for line in pages.splitlines() if ".. auto" in line}
    public = {
        name
        for name in pyrosnn.__all__
        if not isinstance(getattr(pyrosnn, name), types.ModuleType | dict | str)
    }
    assert public - named == set()


@pytest.mark.slow
@pytest.mark.processes
def test_the_site_in_a_browser(site: Path, tmp_path: Path) -> None:
    executable = find_browser()
    if executable is None:
        pytest.skip("there is no Chromium on this machine; install chromium to run this test")
    with browser(executable, tmp_path / "profile") as window:
        for name in LOOKED_AT:
            colours = {dark: _checked(window, site / name, dark=dark) for dark in (False, True)}
            assert colours[False] != colours[True], name
        elsewhere = {url for url in window.requests if not url.startswith(("data:", site.as_uri()))}
        assert elsewhere == set()
        _checks_find_faults(window, tmp_path)


def _checked(window: Browser, page: Path, *, dark: bool) -> list[str]:
    """Look at a page at each width; return its colours."""
    for width in WIDTHS:
        window.open(page, width=width, dark=dark)
        assert window.evaluate("innerWidth") == width
        found = [window.evaluate(fault) for fault in (SIDEWAYS, NOT_DRAWN, FORMULAS, CUT)]
        assert found == [0, 0, 0, []], (page.name, width)
    colours: list[str] = window.evaluate(COLOURS)
    return colours


def _checks_find_faults(window: Browser, folder: Path) -> None:
    """Show the same checks a page with every fault, so that none is blind."""
    bad = folder / "bad.html"
    bad.write_text(
        "<article><pre style='width: 2000px'>x</pre><img src='no.png'><math></math></article>",
        "utf-8",
    )
    window.open(bad, width=390)
    assert all(window.evaluate(fault) for fault in (SIDEWAYS, NOT_DRAWN, FORMULAS, CUT))
