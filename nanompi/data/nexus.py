"""How an application definition of NeXus calls what Data call by names of their own."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Definition:
    """Names for the writer.

    name   : of the application definition, as NXazint1d
    signal : what it calls the values; their errors are SIGNAL_errors
    axes   : {axis of the data: (name, long name)}
    fields : {name: (values, unit, long name)}, which stand beside the signal
    flags  : {name: value}, which stand above it
    """

    name: str
    signal: str
    axes: dict[str, tuple[str, str]]
    fields: dict[str, tuple[Any, str, str]] = field(default_factory=dict)
    flags: dict[str, Any] = field(default_factory=dict)
