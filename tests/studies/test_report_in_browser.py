"""The report in a browser: it fits a phone and a screen, and asks nobody for anything."""

from pathlib import Path

import pytest
from support.browser import Browser, browser, find_browser
from support.standard_result import standard_result

from pyrosnn_studies.report import make_report

WIDTHS = (1280, 390)
SIDEWAYS = "document.scrollingElement.scrollWidth - innerWidth"
WITHOUT_ALTERNATIVE = "[...document.images].filter(one => !one.alt.trim()).length"
NOT_DRAWN = "[...document.images].filter(one => !(one.complete && one.naturalWidth)).length"
DEAD_LINKS = (
    "[...document.querySelectorAll('a')]"
    ".filter(one => !document.getElementById(one.hash.slice(1))).length"
)
WITHOUT_HEADERS = (
    "[...document.querySelectorAll('table')].filter(one => "
    "!one.querySelector('thead th[scope=col]') || !one.querySelector('tbody th[scope=row]')).length"
)
FOLLOWED = (
    "(() => { document.documentElement.style.scrollBehavior = 'auto';"
    "return [...document.querySelectorAll('nav a')].map(one => { one.click();"
    "const top = document.getElementById(one.hash.slice(1)).getBoundingClientRect().top;"
    "return top >= -1 && top < innerHeight; }); })()"
)
COLOURS = (
    "(({color, backgroundColor}) => [color, backgroundColor])(getComputedStyle(document.body))"
)
HOSTILE = "<script>document.title = 'run'</script><img src='http://a.example/x.png'>"


@pytest.mark.slow
@pytest.mark.processes
def test_a_report_in_a_browser(tmp_path: Path) -> None:
    executable = find_browser()
    if executable is None:
        pytest.skip("there is no Chromium on this machine; install chromium to run this test")
    page = tmp_path / "a.html"
    result = standard_result(40, model=HOSTILE)
    page.write_text(make_report(result, Path("a.nc")), "utf-8")
    with browser(executable, tmp_path / "profile") as window:
        colours = {dark: _checked(window, page, dark=dark) for dark in (False, True)}
        assert colours[False] != colours[True]
        elsewhere = [url for url in window.requests if not url.startswith("data:")]
        assert set(elsewhere) == {page.as_uri()}
        _checks_find_faults(window, tmp_path)


def _checked(window: Browser, page: Path, *, dark: bool) -> list[str]:
    """Look at a page at each width; return its colours."""
    for width in WIDTHS:
        window.open(page, width=width, dark=dark)
        assert window.evaluate("innerWidth") == width
        faults = (SIDEWAYS, WITHOUT_ALTERNATIVE, NOT_DRAWN, DEAD_LINKS, WITHOUT_HEADERS)
        assert [window.evaluate(fault) for fault in faults] == [0] * len(faults), width
        followed = window.evaluate(FOLLOWED)
        assert len(followed) == 8
        assert all(followed)
        assert "run" != window.evaluate("document.title")
    colours: list[str] = window.evaluate(COLOURS)
    return colours


def _checks_find_faults(window: Browser, folder: Path) -> None:
    """Show the same checks a page with every fault, so that none is blind."""
    bad = folder / "bad.html"
    bad.write_text(
        "<body style='width: 2000px'><img src='http://a.example/x.png'><a href='#no'>x</a>"
        "<table><tr><td>1</td></tr></table>",
        "utf-8",
    )
    window.open(bad, width=390)
    faults = (SIDEWAYS, WITHOUT_ALTERNATIVE, NOT_DRAWN, DEAD_LINKS, WITHOUT_HEADERS)
    assert all(window.evaluate(fault) > 0 for fault in faults)
    assert "http://a.example/x.png" in window.requests
