"""What several commands share: options, and an answer as text or JSON"""

# A plain module, edited here.

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

root_option = click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    help="Data folder. Default: NNLAB_DATA, or your cache folder.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Answer with one JSON document.")


def answer(as_json: bool, facts: Any, text: str) -> None:
    """Print facts as JSON, or the text, from which nothing can control the terminal."""
    click.echo(json.dumps(facts, indent=2) if as_json else harmless(text))


def harmless(text: str) -> str:
    """Spell out whatever controls a terminal; only the ends of lines are kept."""
    from nnlab_course.files import shown

    return "\n".join(map(shown, text.split("\n")))


FILE = click.Path(path_type=Path, dir_okay=False)


class GroupedCommand(click.Command):
    """A command whose help shows its options in groups."""

    def __init__(self, *args: Any, groups: Mapping[str, Sequence[str]], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.groups = groups

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options group by group; those in none come last."""
        options = {
            param.name: param.get_help_record(ctx)
            for param in self.get_params(ctx)
            if isinstance(param, click.Option)
        }
        for title, names in self.groups.items():
            with formatter.section(title):
                formatter.write_dl([options.pop(name) for name in names])
        with formatter.section("Other"):
            formatter.write_dl([record for record in options.values() if record])
