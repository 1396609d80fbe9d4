"""`nnlab`: open the lessons, train, take care of the data, and grade a class"""

# A plain module, edited here.

import gc
import logging
from typing import Any

import click

from nnlab_course.cli.data import data
from nnlab_course.cli.grade import grade, merge_marks
from nnlab_course.cli.lab import lab
from nnlab_course.cli.options import harmless
from nnlab_course.cli.train import train


class _Group(click.Group):
    """A group of commands that turns the package's own errors into messages."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.Abort, click.ClickException):
            raise
        except (OSError, RuntimeError, ValueError, FloatingPointError) as error:
            if ctx.params["traceback"]:
                raise
            raise click.ClickException(harmless(str(error))) from error


_SETTINGS = {"help_option_names": ["-h", "--help"], "show_default": True}


@click.group(cls=_Group, context_settings=_SETTINGS)
@click.option("--traceback", is_flag=True, help="Show where an error came from.")
@click.version_option(package_name="nnlab-course")
def main(traceback: bool) -> None:
    """Train the networks of the neural-network lab course, take care of its data, grade a class.

    \b
    A first run, which downloads MNIST if it isn't there:
        nnlab train --data mnist --model lenet --epochs 3
    """
    logging.basicConfig(format="%(message)s")  # notices, such as that a stand-in is used
    gc.set_threshold(100_000)  # there is none among torch's modules, while they are imported


for command in (lab, data, train, grade, merge_marks):
    main.add_command(command)
