"""Examples of the documentation's pages, and what they print."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NUMBER = re.compile(r"-?\d+(,\d{3})*(\.\d+)?")


def blocks(language: str, page: str = "README.md") -> list[str]:
    """Return the fenced blocks of a page in one language."""
    text = (ROOT / page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def shape(text: str) -> list[str]:
    """Return the lines of an output without what differs: the numbers, with their signs."""
    lines = [re.sub(r"[\s─]+", " ", NUMBER.sub("#", line)).strip() for line in text.splitlines()]
    return [line for line in lines if line]
