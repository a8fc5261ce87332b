"""Files appear whole under their name, or not at all."""

from pathlib import Path

import pytest

from pyrosnn.errors import FileError
from pyrosnn.storage import atomic_path


def test_a_reader_of_the_old_file_is_not_disturbed(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with path.open() as reader:
        with atomic_path(path, overwrite=True) as temporary:
            temporary.write_text("new and longer")
            assert path.read_text() == "old"
        assert reader.read() == "old"  # the name moved to a new file; the old one was not touched
    assert path.read_text() == "new and longer"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    expected = FileError if isinstance(error, OSError) else KeyboardInterrupt

    def write_half() -> None:
        with atomic_path(path, overwrite=True) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(expected):
        write_half()
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_files_are_readable_by_others(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "a.txt") as temporary:
        temporary.write_text("x")
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o644
