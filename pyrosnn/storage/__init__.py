"""The door to the disk: files are written whole, checked before they are believed, and locked.

A file holds data only, never code. ``bundle`` is the format of checkpoints, unfinished trainings
and cells of studies; ``netcdf`` that of results. Neither knows what the values mean.
"""

from pyrosnn.storage.locks import lock
from pyrosnn.storage.whole import atomic_path, check_writable, make_folder, read_whole, write_whole

__all__ = ["atomic_path", "check_writable", "lock", "make_folder", "read_whole", "write_whole"]
