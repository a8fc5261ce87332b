"""A report as one HTML page."""

import base64

from jinja2 import Environment, PackageLoader, StrictUndefined

from pyrosnn.reports.content import Report


def report_page(report: Report) -> str:
    """Return a report as one HTML page, with its style and pictures in it.

    All texts are escaped, whatever is in them. The page has no script, and its policy forbids the
    browser to run one or to load anything.

    Args:
        report: what the page says.

    Example:
        >>> from pyrosnn.reports import Section, Text
        >>> section = Section(anchor="why", title="Why", parts=[Text(paragraphs=["1 < 2"])])
        >>> page = report_page(
        ...     Report(
        ...         title="bnn on digits",
        ...         about="FGM",
        ...         verdict=["62 % withstand."],
        ...         status="pass",
        ...         sections=[section],
        ...         program="pyrosnn",
        ...     )
        ... )
        >>> '<h2 id="why">Why</h2>' in page, "<p>1 &lt; 2</p>" in page
        (True, True)
    """
    environment = Environment(
        loader=PackageLoader("pyrosnn.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"data_uri": _data_uri, "whole": _whole}
    return environment.get_template("page.html").render(report=report)


def _data_uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _whole(sentence: str) -> str:
    """Return a sentence whose lines do not break before a percent sign."""
    return sentence.replace(" %", "\N{NO-BREAK SPACE}%")
