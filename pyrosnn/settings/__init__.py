"""Settings, each written once: a field of a frozen dataclass.

Its type and marks check the values, its line in the docstring is the help. The command line's
options and the keys of a file follow. Sources are read, not run, so that a help text does not
load torch.
"""

from pyrosnn.settings.arguments import check_argument, checked_arguments
from pyrosnn.settings.calls import OTHER_NAMES, RightlyCalled, called_rightly
from pyrosnn.settings.checked import Settings, check_fields, from_options, kinds_of
from pyrosnn.settings.declared import Declared, declared
from pyrosnn.settings.kinds import (
    Kind,
    check_value,
    kind_of,
    parse,
    parse_bytes,
    parse_integer,
    parse_number,
    plain,
    shown,
)
from pyrosnn.settings.marks import (
    INTERNAL,
    POSITIONS,
    RARE,
    Default,
    Named,
    OneOf,
    OptionsOf,
    TermsOf,
)
from pyrosnn.settings.options import Option, choices_with, nested, options_of
from pyrosnn.settings.reading import reads

__all__ = [
    "INTERNAL",
    "OTHER_NAMES",
    "POSITIONS",
    "RARE",
    "Declared",
    "Default",
    "Kind",
    "Named",
    "OneOf",
    "Option",
    "OptionsOf",
    "RightlyCalled",
    "Settings",
    "TermsOf",
    "called_rightly",
    "check_argument",
    "check_fields",
    "check_value",
    "checked_arguments",
    "choices_with",
    "declared",
    "from_options",
    "kind_of",
    "kinds_of",
    "nested",
    "options_of",
    "parse",
    "parse_bytes",
    "parse_integer",
    "parse_number",
    "plain",
    "reads",
    "shown",
]
