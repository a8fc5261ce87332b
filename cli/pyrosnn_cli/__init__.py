"""The program `pyrosnn`: a thin file per command that parses, calls the library, and shows."""
