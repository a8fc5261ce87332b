"""The settings that a class or a function declares: types, defaults, help, read from the source."""

import ast
import dataclasses
import importlib
import inspect
from dataclasses import MISSING, dataclass
from typing import Any, ClassVar, get_origin, get_type_hints

from pyrosnn.settings.docstring import described
from pyrosnn.settings.kinds import Kind, kind_of
from pyrosnn.settings.marks import INTERNAL
from pyrosnn.settings.source import Source

PANEL = "panel"  # the class variable that names the panel of a help text


@dataclass(frozen=True, kw_only=True)
class Declared:
    """A field of a dataclass, or a parameter with a default.

    Attributes:
        name: its name.
        kind: its type and marks.
        default: its default; ``dataclasses.MISSING`` if it has none.
        help: its line in the docstring.
        panel: the panel that its class names.
    """

    name: str
    kind: Kind
    default: Any
    help: str
    panel: str = ""


def declared(path: str) -> list[Declared]:
    """Return the settings that a class or a function declares.

    Of a dataclass, its fields with those of its bases, up to ``_: KW_ONLY``; of a function or
    another class, the parameters with a default that are not keyword-only. What comes after is for
    Python alone: where a noise is put, and what is no plain value.

    Args:
        path: import path, ``module:name``.

    Example:
        >>> [one.name for one in declared("pyrosnn.networks.dense:dense")]
        ['hidden', 'activation']
    """
    module, _, name = path.partition(":")
    try:
        source = Source.of(module)
        node = source.definitions[name]
    except (ModuleNotFoundError, OSError, SyntaxError, ValueError, KeyError):
        return _declared_live(module, name)
    if isinstance(node, ast.FunctionDef):
        return _parameters(source, node, ast.get_docstring(node) or "")
    lineage = _lineage(source, node)
    if any(_is_dataclass(one) for _, one in lineage):
        return _fields(lineage)
    for where, one in lineage:
        for statement in one.body:
            if isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
                return _parameters(where, statement, ast.get_docstring(node) or "")
    return []


Lineage = list[tuple[Source, ast.ClassDef]]


def _lineage(source: Source, node: ast.ClassDef) -> Lineage:
    """Return a class and its bases, the nearest first, as far as their sources are known."""
    lineage = [(source, node)]
    for base in node.bases:
        path = source.evaluate(base)
        if not isinstance(path, str):
            continue
        module, _, name = path.partition(":")
        where = Source.of(module)
        definition = where.definitions.get(name)
        if isinstance(definition, ast.ClassDef):
            known = {one.name for _, one in lineage}
            above = _lineage(where, definition)
            lineage += [(file, one) for file, one in above if one.name not in known]
    return lineage


def _is_dataclass(node: ast.ClassDef) -> bool:
    names = (d.func if isinstance(d, ast.Call) else d for d in node.decorator_list)
    return any(isinstance(name, ast.Name) and name.id == "dataclass" for name in names)


def _fields(lineage: Lineage) -> list[Declared]:
    texts: dict[str, str] = {}
    for _, node in reversed(lineage):
        texts |= described(ast.get_docstring(node) or "", "Attributes", "Args")
    by_name: dict[str, Declared] = {}
    for source, node in reversed(lineage):
        panel = _panel(source, node)
        for statement in node.body:
            if not isinstance(statement, ast.AnnAssign) or not isinstance(
                statement.target, ast.Name
            ):
                continue
            name, hint = statement.target.id, source.evaluate(statement.annotation)
            if hint is dataclasses.KW_ONLY:
                break  # the rest is for Python
            if hint is ClassVar or get_origin(hint) is ClassVar:
                continue
            kind = kind_of(hint)
            if INTERNAL in kind.marks:
                by_name.pop(name, None)
                continue
            default = MISSING if statement.value is None else source.evaluate(statement.value)
            if isinstance(default, dataclasses.Field):
                factory = default.default_factory
                default = default.default if factory is MISSING else factory()
            by_name[name] = Declared(
                name=name, kind=kind, default=default, help=texts.get(name, ""), panel=panel
            )
    return list(by_name.values())


def _panel(source: Source, node: ast.ClassDef) -> str:
    """Return the panel of a class: its own, or that of the nearest base that has one."""
    for where, one in _lineage(source, node):
        for statement in one.body:
            target = getattr(statement, "target", None)
            if isinstance(statement, ast.AnnAssign) and getattr(target, "id", None) == PANEL:
                return str(where.evaluate(statement.value)) if statement.value else ""
    return ""


def _parameters(source: Source, node: ast.FunctionDef, docstring: str) -> list[Declared]:
    texts = described(docstring, "Args", "Attributes")
    names = [*node.args.posonlyargs, *node.args.args]
    with_default = names[len(names) - len(node.args.defaults) :]
    return [
        Declared(
            name=argument.arg,
            kind=kind_of(source.evaluate(argument.annotation) if argument.annotation else None),
            default=source.evaluate(default),
            help=texts.get(argument.arg, ""),
        )
        for argument, default in zip(with_default, node.args.defaults, strict=True)
    ]


def _public(cls: Any) -> set[str]:
    """Return the fields of a dataclass that are settings: before ``_: KW_ONLY``, not internal."""
    public: set[str] = set()
    for base in reversed(cls.__mro__):
        for name, hint in inspect.get_annotations(base).items():
            if hint is dataclasses.KW_ONLY:
                break
            if INTERNAL in kind_of(hint).marks:
                public.discard(name)  # a base may have it as a setting
            else:
                public.add(name)
    return public


def _declared_live(module: str, name: str) -> list[Declared]:
    """Return the same of what is loaded and has no source, as what a notebook defines."""
    made: Any = importlib.import_module(module)
    for part in name.split("."):
        made = getattr(made, part)
    texts = described(inspect.getdoc(made) or "", "Attributes", "Args")
    if dataclasses.is_dataclass(made):
        hints = get_type_hints(made, include_extras=True)
        public = _public(made)
        fields = [one for one in dataclasses.fields(made) if one.name in public]
        return [
            Declared(
                name=one.name,
                kind=kind_of(hints[one.name]),
                default=one.default if one.default_factory is MISSING else one.default_factory(),
                help=texts.get(one.name, ""),
                panel=getattr(made, PANEL, ""),
            )
            for one in fields
        ]
    hints = get_type_hints(made.__init__ if inspect.isclass(made) else made, include_extras=True)
    return [
        Declared(
            name=one.name,
            kind=kind_of(hints.get(one.name)),
            default=one.default,
            help=texts.get(one.name, ""),
        )
        for one in inspect.signature(made).parameters.values()
        if one.kind is one.POSITIONAL_OR_KEYWORD and one.default is not one.empty
    ]
