"""`nnlab lab`: put the lessons into a folder, and open JupyterLab there"""

# A plain module, edited here.

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import click

if TYPE_CHECKING:
    from nnlab_course.student_folder import Laid


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

    all_laid = lay_out(lessons or packaged_lessons(), folder)
    for laid in all_laid:
        click.echo(laid)
    if opens:
        _open_lab(folder, _where_to_go_on(all_laid))


def _where_to_go_on(all_laid: "list[Laid]") -> Path:
    """Return the lesson that was changed last; for somebody new, the first."""
    begun = [laid.path for laid in all_laid if laid.action == "kept"]
    return max(begun, key=lambda path: path.stat().st_mtime, default=all_laid[0].path)


def _open_lab(folder: Path, lesson: Path) -> None:
    """Become JupyterLab, with a lesson open."""
    import subprocess
    from importlib.util import find_spec

    if find_spec("jupyterlab") is None:
        raise click.ClickException(
            f"the lessons are in {folder}, but JupyterLab isn't installed: "
            "pip install jupyterlab ipywidgets"
        )
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder.resolve()}"]
    command += [f"--LabApp.default_url=/lab/tree/{quote(lesson.name)}"]
    # What a student has no use for is switched off there: nbgrader's menus, news, the log.
    ours = str(Path(__file__).with_name("jupyter"))
    others = os.environ.get("JUPYTER_CONFIG_PATH")
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join([others, ours] if others else [ours])
    sys.stdout.flush()
    if os.name == "posix":
        os.execv(sys.executable, command)  # so that Ctrl-C and signals reach JupyterLab itself
    sys.exit(subprocess.call(command))
