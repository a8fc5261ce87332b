"""Tables in a terminal and in a pipe: folded where there are words, never cut."""

import pytest

from pyrosnn_cli.show import print_table

HEADER = ["reading of the paper's text", *[f"a long name of {i}" for i in range(7)]]
NUMBERS = [f"{i}7.5 ± 0.0{i}" for i in range(7)]
ROWS = [["predicted labels, the image that is judged clipped", *NUMBERS]]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make rich believe in a terminal: 80 columns, no colours."""
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("TERM", "dumb")


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_a_pipe_gets_whole_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    print_table(HEADER, ROWS, words=0)
    (row,) = [line for line in printed(capsys) if "7.5" in line]
    assert row.split() == " ".join(ROWS[0]).split()


@pytest.mark.usefixtures("terminal")
def test_a_terminal_gets_parts_that_fit(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(HEADER, ROWS, words=0)
    lines = printed(capsys)
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    assert all(number in text for number in NUMBERS)
    assert "…" not in text
    assert text.count("predicted labels") == 2  # the first column is in each part


@pytest.mark.usefixtures("terminal")
def test_a_terminal_folds_words_beside_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    sentence = "every perturbation is as long as it should be, " * 4
    print_table(["check", "number", "finding"], [["norm", "0.9951", sentence]], words=2, left=(2,))
    lines = printed(capsys)
    assert max(map(len, lines)) <= 80
    start = next(line for line in lines if "0.9951" in line).index("every")
    folded = [line[start:] for line in lines[3:]]
    assert " ".join(" ".join(folded).split()) == sentence.strip()


@pytest.mark.usefixtures("terminal")
def test_a_number_wider_than_the_terminal_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    number = "9" * 100
    print_table(["name", "number"], [["x", number]], words=0)
    assert any(number in line for line in printed(capsys))
