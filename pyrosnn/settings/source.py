"""Reading a module's source without running it: a help text must not load torch.

Names are looked up as Python would: in the module, then where it imports them from. A module that
is loaded already is asked itself, so that rows added to a table at run time are seen.
"""

import ast
import importlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

# Modules that are light enough to be imported for an annotation.
LIGHT = ("annotated_types", "collections", "dataclasses", "math", "pathlib", "typing")
BUILTINS = {kind.__name__: kind for kind in (bool, dict, float, int, list, str, tuple, type)}


class Opaque:
    """A value that cannot be known without running code, such as a tensor's type."""

    def _same(self, *args: Any, **kwargs: Any) -> "Opaque":
        return self

    __getattr__ = __getitem__ = __call__ = __or__ = __ror__ = _same


class Reference(str):
    """The import path of a class or a function, in an expression that uses it."""

    def _opaque(self, *args: Any, **kwargs: Any) -> Opaque:
        return Opaque()

    __call__ = __or__ = __ror__ = _opaque

    def __getitem__(self, key: Any) -> "Reference":  # of a generic class
        return self


class Table(Mapping[str, Any]):
    """A table of a module, read when it is asked: names, and the import paths of the rows.

    Args:
        module: name of the module.
        name: name of the table.
    """

    def __init__(self, module: str, name: str):
        self.module, self.name = module, name

    def _rows(self) -> dict[str, Any]:
        loaded = _loaded(self.module, self.name)
        if isinstance(loaded, Mapping):
            return {key: _path_of(row) for key, row in loaded.items()}
        source = Source.of(self.module)
        value = source.values[self.name]
        assert isinstance(value, ast.Dict)
        return {
            key.value: _path_of(source.evaluate(row))
            for key, row in zip(value.keys, value.values, strict=True)
            if isinstance(key, ast.Constant) and isinstance(key.value, str)
        }

    def __getitem__(self, key: str) -> Any:
        return self._rows()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows())

    def __len__(self) -> int:
        return len(self._rows())


class Source:
    """The names that a module binds, by the expressions or the imports that bind them."""

    def __init__(self, module: str, tree: ast.Module):
        self.module = module
        self.docstring = ast.get_docstring(tree) or ""
        self.values: dict[str, ast.expr] = {}
        self.definitions: dict[str, ast.ClassDef | ast.FunctionDef] = {}
        self.imports: dict[str, tuple[str, str]] = {}
        for node in _statements(tree.body):
            self._bind(node)

    @staticmethod
    @cache
    def of(module: str) -> "Source":
        """Return the source of a module.

        Raises:
            ModuleNotFoundError: if it has none, as what is typed into an interpreter.
        """
        return Source(module, ast.parse(file_of(module).read_text("utf-8")))

    def _bind(self, node: ast.stmt) -> None:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            self.definitions[node.name] = node
        elif isinstance(node, ast.Import):
            for alias in node.names:
                self.imports[alias.asname or alias.name.split(".")[0]] = (alias.name, "")
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            for alias in node.names:
                self.imports[alias.asname or alias.name] = (node.module or "", alias.name)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    self.values[target.id] = node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            self.values[node.target.id] = node.value

    def evaluate(self, expression: ast.expr) -> Any:
        """Return the value of an annotation or a default; opaque where it is unknown."""
        code = compile(ast.Expression(expression), f"<{self.module}>", "eval")
        return eval(code, {"__builtins__": {}}, _Names(self))

    def find(self, name: str) -> Any:
        """Return the value of a name; a path ``module:name`` for a class or a function."""
        if name in self.definitions:
            return Reference(f"{self.module}:{name}")
        if name in self.imports:
            return _imported(*self.imports[name])
        if name in self.values:
            value = self.values[name]
            return Table(self.module, name) if _is_table(value) else self.evaluate(value)
        return BUILTINS.get(name, Opaque())


def docstring_of(module: str) -> str:
    """Return the docstring of a module, which is not imported."""
    return Source.of(module).docstring


class _Names(dict[str, Any]):
    """The names of a module, as ``eval`` looks them up."""

    def __init__(self, source: Source):
        super().__init__()
        self._source = source

    def __missing__(self, name: str) -> Any:
        return self._source.find(name)


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield a module's statements, those under ``if TYPE_CHECKING`` included."""
    for node in body:
        if isinstance(node, ast.If):
            yield from _statements(node.body)
        else:
            yield node


def _is_table(value: ast.expr) -> bool:
    return isinstance(value, ast.Dict) and all(isinstance(key, ast.Constant) for key in value.keys)


def _imported(module: str, name: str) -> Any:
    """Return what ``from module import name`` gives."""
    if module.split(".")[0] in LIGHT or module.startswith("pyrosnn.settings"):
        return getattr(importlib.import_module(module), name) if name else Opaque()
    loaded = _loaded(module, name)
    if isinstance(loaded, Mapping):
        return Table(module, name)
    if (loaded is not None and not callable(loaded)) or _is_hint(loaded):
        return loaded
    try:
        return Source.of(module).find(name) if name else Opaque()
    except (ModuleNotFoundError, SyntaxError):
        return Opaque()


def _is_hint(value: Any) -> bool:
    return type(value).__module__ in ("typing", "types") and hasattr(value, "__origin__")


def _loaded(module: str, name: str) -> Any:
    return getattr(sys.modules.get(module), name, None)


def _path_of(row: Any) -> Any:
    """Return the import path of a row: it is one, a class, or a function; else None."""
    if isinstance(row, str):
        return str(row)
    name = getattr(row, "__qualname__", "<")
    return None if "<" in str(name) else f"{row.__module__}:{name}"


def file_of(module: str) -> Path:
    """Return a module's file; its package is not imported, which might load torch.

    Raises:
        ModuleNotFoundError: if it has none.
    """
    top, *inner = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except ValueError:  # of __main__
        spec = None
    if spec is None or not (spec.submodule_search_locations or spec.has_location):
        raise ModuleNotFoundError(f"there is no source of {module}")
    if not spec.submodule_search_locations:
        return Path(spec.origin or "")
    for folder in spec.submodule_search_locations:
        path = Path(folder, *inner)
        for file in (path / "__init__.py", path.with_suffix(".py")):
            if file.is_file():
                return file
    raise ModuleNotFoundError(f"there is no source of {module}")
