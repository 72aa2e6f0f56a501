"""The whole command line as one parser: what a shell completes, and what the man page says."""

import argparse
import importlib

from nanompi.cli import VERBS, new_path, path


def whole() -> argparse.ArgumentParser:
    """`nanompi VERB ...` with the arguments of every verb."""
    parser = argparse.ArgumentParser("nanompi", description="From hard X-ray nanoprobe data to images.")
    parser.add_argument("-V", "--version", action="store_true", help="print the version")
    verbs = parser.add_subparsers(metavar="COMMAND")
    for name, text in VERBS.items():
        of_verb(name, verbs.add_parser(name, help=text, formatter_class=argparse.RawDescriptionHelpFormatter))
    return parser


def of_verb(name: str, parser: argparse.ArgumentParser):
    """Give a parser the description and arguments of a verb; it knows those that are files."""
    module = importlib.import_module(f"nanompi.cli.{name.replace('-', '_')}")
    parser.description = module.__doc__
    module.arguments(parser)


def files(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Arguments that name a file or folder."""
    return [action for action in parser._actions if action.type in (path, new_path)]


def parsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """{verb: its parser} of the whole."""
    groups = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    return {name: one for group in groups for name, one in group.choices.items()}
