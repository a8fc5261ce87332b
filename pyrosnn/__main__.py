"""`python -m pyrosnn`: the program, where its script is not on the path."""

import importlib

if __name__ == "__main__":
    # by name: the library knows nothing of the program, which is built on it
    importlib.import_module("pyrosnn_cli.main").main()
