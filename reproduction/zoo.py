"""`python -m reproduction.zoo`: fill ``pyrosnn/zoo`` with trained models, and write digests."""

import hashlib
import shutil
import sys
from pathlib import Path

from pyrosnn.errors import FileError, PyrosnnError
from pyrosnn.storage import atomic_path
from pyrosnn.zoo import FOLDER
from reproduction.defences import DEFENCES

# They come with every installation: bytes of one file, and of all.
LARGEST, TOTAL = 600_000, 6_000_000


DEFENCES_FOLDER = Path("reproduction/defences")  # where reproduction/defences.toml trains them


def take_defences(source: Path = DEFENCES_FOLDER, folder: Path = FOLDER) -> list[str]:
    """Copy the defences on FashionMNIST that were trained and are small enough.

    Args:
        source: folder of their checkpoints.
        folder: folder of the zoo.

    Returns:
        Their names in the zoo.
    """
    taken = []
    for name in DEFENCES:
        path = source / f"{name}.safetensors"
        if path.exists() and path.stat().st_size <= LARGEST:
            (folder / "fashion-mnist").mkdir(exist_ok=True)
            shutil.copy(path, folder / "fashion-mnist" / path.name)
            taken.append(f"fashion-mnist/{name}")
    return taken


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each checkpoint below a folder by its name in the zoo.

    Raises:
        FileError: for a checkpoint that is too large, or too many.
    """
    files = sorted(folder.rglob("*.safetensors"))
    contents = {path.relative_to(folder).with_suffix("").as_posix(): path for path in files}
    sizes = {name: path.stat().st_size for name, path in contents.items()}
    for name, size in sizes.items():
        if size > LARGEST:
            raise FileError(f"{name} has {size:,} bytes, expected at most {LARGEST:,}")
    if sum(sizes.values()) > TOTAL:
        raise FileError(f"the zoo has {sum(sizes.values()):,} bytes, expected at most {TOTAL:,}")
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in contents.items()}


def write_digests(folder: Path = FOLDER) -> None:
    """Write ``zoo.toml`` of a folder of checkpoints."""
    lines = [f'"{name}" = "{digest}"\n' for name, digest in digests(folder).items()]
    with atomic_path(folder / "zoo.toml", overwrite=True) as temporary:
        temporary.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    try:
        take_defences()
        write_digests()
    except PyrosnnError as error:
        print(f"pyrosnn: {error}", file=sys.stderr)
        sys.exit(2)
