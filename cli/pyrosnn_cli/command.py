"""Commands made of settings: an option for each, in panels, with its help and its default."""

import difflib
import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperGroup

from pyrosnn.errors import ArgumentError, PyrosnnError, unknown_name
from pyrosnn.settings import (
    OTHER_NAMES,
    OneOf,
    Option,
    nested,
    options_of,
    parse,
    parse_integer,
    parse_number,
    shown,
)

# Panels of a help text, in their order; others come before the last.
PANELS = ("subject", "network", "noise", "objective", "images", "attack", "sets", "optimizer")
LAST = "run"

Arguments = Mapping[str, str]  # the options of a command line, as texts by name


@dataclass(frozen=True, kw_only=True)
class Part:
    """A group of a command's options.

    Attributes:
        name: parameter of the function that takes their values.
        options: the options.
        make: makes the parameter of the given values.
    """

    name: str
    options: Sequence[Option]
    make: Callable[..., Any] = dict


def part_of(name: str, group: type[Any], defaults: Mapping[str, str] | None = None) -> Part:
    """Return the part of a command that a dataclass of options declares.

    Args:
        name: parameter of the function that takes them.
        group: the dataclass.
        defaults: defaults in words that differ from those of the dataclass.
    """
    options = options_of(f"{group.__module__}:{group.__qualname__}")
    named = defaults or {}
    options = [replace(one, default=named.get(one.name, one.default)) for one in options]
    return Part(name=name, options=options, make=group)


def arguments_of(words: Sequence[str]) -> dict[str, str]:
    """Return the options of a command line that is not parsed yet: they decide which there are.

    Example:
        >>> arguments_of(["--attack", "pgd", "--relative-step=0.1", "--clip"])
        {'attack': 'pgd', 'relative_step': '0.1'}
    """
    pairs = (
        (*word[2:].split("=", 1), following) if "=" not in word else word[2:].split("=", 1)
        for word, following in zip(words, [*words[1:], "--"], strict=False)
        if word.startswith("--") and ("=" in word or not following.startswith("--"))
    )
    return {name.replace("-", "_"): value for name, value in pairs}


def make_command(
    name: str,
    about: str,
    parts: Sequence[Part],
    call: Callable[..., None],
    *,
    argument: tuple[str, Any, Any] | None = None,
    elsewhere: Callable[[str], str] = lambda option: "",
) -> Any:
    """Return a command.

    Args:
        name: its name.
        about: its help.
        parts: its options; no two have the same name.
        call: function of the parts by name.
        argument: name, type and Typer's details of a positional argument that may be missing.
        elsewhere: the choice that has an option which this command lacks, as ``--attack pgd``.
    """
    options = [option for part in parts for option in part.options]

    def run(**values: Any) -> None:
        typed = {key: value for key, value in values.items() if value is not None}
        made = {} if argument is None else {argument[0]: typed.get(argument[0])}
        for part in parts:
            own = {
                option.name: _read(option, typed[option.name])
                for option in part.options
                if option.name in typed
            }
            made[part.name] = part.make(**nested(part.options, own, name))
        call(**made)

    switches = {o.name for part in parts if part.make is not dict for o in part.options}
    parameters = [
        _parameter(option.name, annotation(option, switch=option.name in switches))
        for option in sorted(options, key=_place)
    ]
    if argument is not None:
        parameters.append(_parameter(argument[0], Annotated[argument[1] | None, argument[2]]))
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(name, help=about, cls=class_of(elsewhere), context_settings=HELP)(run)
    return typer.main.get_command(app)


def _parameter(name: str, hint: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=hint)


HELP = {"help_option_names": ["-h", "--help"]}


# One word for one thing: a command that has one of a pair takes the other, too.
SAME = (("--strength", "--strengths"),)


def class_of(
    elsewhere: Callable[[str], str] = lambda option: "",
) -> type[typer.core.TyperCommand]:
    """Return a class of commands that say which option was meant where they lack one.

    Args:
        elsewhere: the choice that has an option which this command lacks, as ``--attack pgd``.
    """

    class Command(typer.core.TyperCommand):
        """A command that says where an option is that it lacks."""

        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            known = {word for parameter in self.params for word in parameter.opts}
            if not ctx.resilient_parsing:  # a shell asks what may follow
                _require_values(
                    [one for one in self.params if one.param_type_name == "option"], args
                )
            try:
                return super().parse_args(ctx, [_by_our_name(word, known) for word in args])
            except UsageError as error:
                if type(error).__name__ != "NoSuchOption":
                    raise
                flag = error.option_name
                meant = _our_name(flag, known)
                where = "" if meant else elsewhere(flag.lstrip("-").replace("-", "_"))
                alike = difflib.get_close_matches(flag, known, n=1)
                near = meant or "".join(alike)
                step = where or (f"did you mean {near}?" if near else "")
                step = step or f"see {ctx.command_path} --help"
                raise ArgumentError(f"{self.name} has no option {flag}; {step}") from None

    return Command


def _require_values(options: Collection[Any], words: Sequence[str]) -> None:
    """Refuse an option in the place of another's value, where the value was forgotten."""
    valued = {flag for one in options if not one.is_flag for flag in one.opts}
    for flag, following in pairwise([*words, None]):
        if flag == "--":
            return
        if flag in valued and (following is None or following.startswith("--")):
            raise ArgumentError(f"{flag} expects a value, got {following or 'nothing'}")


def _by_our_name(word: str, known: Collection[str]) -> str:
    """Return a word of the command line with the name that the command has for its option."""
    flag, line, value = word.partition("=")
    for pair in SAME:
        if flag in pair and flag not in known:
            flag = next((other for other in pair if other in known), flag)
    return flag + line + value


def _our_name(flag: str, known: Collection[str]) -> str:
    """Return the name that an option has here, or nothing where none is known to be the same."""
    written = flag.replace("_", "-").lower()
    others = OTHER_NAMES.get(written.removeprefix("--").replace("-", "_"), ())
    names = [written, *(f"--{name.replace('_', '-')}" for name in others)]
    names = [name for name in names if name in known]
    return names[0] if names else ""


# Typer exports the usage errors' children, not their base.
UsageError: Any = typer.BadParameter.__mro__[1]


def _place(option: Option) -> tuple[int, int]:
    """Return where a help text has an option: by panel, and in it the rare ones last."""
    panels = [*PANELS, option.panel, LAST] if option.panel != LAST else [*PANELS, "", LAST]
    return panels.index(option.panel), int(option.rare)


def annotation(option: Option, *, switch: bool = False) -> Any:
    """Return an option as Typer takes it: its type with flags, help and completion.

    Args:
        option: the option.
        switch: whether nothing but its flag turns it on, so that no flag is needed to turn it off.
    """
    kind = option.kind
    flags = [option.flag]
    if kind.type is bool and not (switch and option.default == shown(False)):
        flags = [f"{option.flag}/--no-{option.name.replace('_', '-')}"]
    # numbers may be fractions, which Typer does not read; of an integer it says less than we do
    value: Any = str if kind.many or kind.type in (None, float, int) else kind.type
    names = kind.mark(OneOf)
    details = typer.Option(
        *flags,
        help=_help(option),
        show_default=False,
        rich_help_panel=option.panel or None,
        autocompletion=None if names is None else _completion(names),
        metavar=_metavar(option),
    )
    return Annotated[value | None, details]


def _metavar(option: Option) -> str | None:
    words: dict[Any, str] = {int: "INT", float: "NUMBER", str: "NAME", Path: "PATH"}
    kind = option.kind
    if kind.type is bool:
        return None
    if kind.many:
        return f"{words[kind.type]},…"
    return words.get(kind.type, "VALUE") if kind.choices or kind.type is not str else "TEXT"


def _help(option: Option) -> str:
    text = option.help
    names = option.kind.choices
    if names is not None:
        text = f"{text.rstrip('.')}: {', '.join(names)}."
    if option.default in ("", shown(False)):  # what is off unless it is asked for needs no words
        return escape(text)
    return f"{escape(text)} [dim]{escape(f'[default: {option.default}]')}[/dim]"


def _completion(names: OneOf) -> Callable[[str], list[str]]:
    def complete(incomplete: str) -> list[str]:
        here = sorted(path.name for path in Path().iterdir()) if names.also else []
        files = [
            name for name in here if names.has(name) and (incomplete or not Path(name).is_dir())
        ]
        return [name for name in (*names.table, *files) if name.startswith(incomplete)]

    return complete


def _read(option: Option, value: Any) -> Any:
    if option.kind.many:
        return parse(value, option.kind, option.flag)
    parsers: dict[Any, Callable[[str, str], Any]] = {float: parse_number, int: parse_integer}
    parser = parsers.get(option.kind.type)
    return value if parser is None else parser(value, option.flag)


class SettingsGroup(TyperGroup):
    """A group whose commands are made when they are asked for, of the words on the command line.

    An unknown name is refused with the nearest one.
    """

    kind = "command"

    def names(self) -> Sequence[str]:
        """Return the names of the commands that are made."""
        return ()

    def make(self, name: str, arguments: Arguments) -> Any:
        """Make a command.

        Args:
            name: its name.
            arguments: what the command line has after it.
        """
        raise NotImplementedError

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Leave out the group's own options where the first word is a command.

        None of them is given then. Typer would load pydantic to read the values that are missing,
        which takes a quarter of the time of a help text.
        """
        own = self.params, self.add_help_option
        if args and not args[0].startswith("-"):
            self.params, self.add_help_option = [], False
        try:
            words: list[str] = super().parse_args(ctx, args)
        finally:
            self.params, self.add_help_option = own
        return words

    def list_commands(self, ctx: Any) -> list[str]:
        """Return all names: those of commands that are made first."""
        return [*self.names(), *super().list_commands(ctx)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command with the options that nothing was chosen for."""
        made = cmd_name in self.names()
        return self.make(cmd_name, {}) if made else super().get_command(ctx, cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command, with the options of what the command line chooses."""
        name, *rest = args
        if name in self.names():
            # a shell that asks for completions is shown no error
            with suppress(*([PyrosnnError] if ctx.resilient_parsing else [])):
                return name, self.make(name, arguments_of(rest)), rest
            return name, self.make(name, {}), rest
        if ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        if not name.startswith("-") and name not in self.list_commands(ctx):
            raise unknown_name(self.kind, name, self.list_commands(ctx))
        return super().resolve_command(ctx, args)
