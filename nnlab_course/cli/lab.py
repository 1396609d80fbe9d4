"""`nnlab lab`: put the lessons into a folder, and open JupyterLab there"""

# A plain module, edited here.

import os
import sys
from pathlib import Path

import click


@click.command()
@click.argument("folder", default="nnlab-lessons", type=click.Path(path_type=Path, file_okay=False))
@click.option("--open/--no-open", "opens", default=True, help="Open JupyterLab.")
@click.option(
    "--lessons", type=click.Path(path_type=Path, exists=True, file_okay=False), hidden=True
)
def lab(folder: Path, opens: bool, lessons: Path | None) -> None:
    """Put the lessons into FOLDER, and open JupyterLab there.

    Call it again to go on, or to get the lessons of a newer edition. Lessons that you have changed
    are kept; a newer edition is laid beside them.
    """
    from nnlab_course.student_folder import lay_out, packaged_lessons

    for laid in lay_out(lessons or packaged_lessons(), folder):
        click.echo(laid)
    if opens:
        _open_lab(folder)


def _open_lab(folder: Path) -> None:
    """Become JupyterLab."""
    import subprocess
    from importlib.util import find_spec

    if find_spec("jupyterlab") is None:
        raise click.ClickException(
            f"the lessons are in {folder}, but JupyterLab isn't installed: "
            "pip install jupyterlab ipywidgets"
        )
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder.resolve()}"]
    sys.stdout.flush()
    if os.name == "posix":
        os.execv(sys.executable, command)  # so that Ctrl-C and signals reach JupyterLab itself
    sys.exit(subprocess.call(command))
