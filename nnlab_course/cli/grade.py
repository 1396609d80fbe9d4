"""`nnlab grade` and `nnlab merge-marks`: mark a class"""

# A plain module, edited here.

import sys
from pathlib import Path
from typing import Any

import click

from nnlab_course.cli.options import FILE, GroupedCommand, answer, json_option, root_option
from nnlab_course.files import shown


class _Shard(click.ParamType):
    """A part of a class: 3/10 is the third of ten."""

    name = "i/n"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, int]:
        try:
            part, total = (int(number) for number in value.split("/"))
        except ValueError:
            part = total = 0
        if not 1 <= part <= total:
            self.fail(f"{value!r} is no part such as 3/10, the third of ten", param, ctx)
        return part, total


_EXISTING = click.Path(path_type=Path, exists=True, dir_okay=False)
_DELIVERY = (
    click.option("--out", type=FILE, default="marks.csv", help="The table of marks."),
    click.option("--roster", type=_EXISTING, help="Fill Moodle's or Canvas's own table of grades."),
    click.option("--grade-column", metavar="TITLE", help="The column to fill. Default: found."),
    click.option("--feedback-zip", type=FILE, help="All feedback, as Moodle takes it back."),
    click.option("--deadline", metavar="TIME", help="Such as 2026-11-20T23:59; then who is late."),
    click.option("--exceptions", type=_EXISTING, help="Table of student, deadline."),
    click.option(
        "--attempt",
        type=click.Choice(["best", "last"]),
        default="best",
        help="Which of several counts.",
    ),
    click.option(
        "--adjust",
        type=_EXISTING,
        help="Table of student, exercise, points, comment. [default: adjust.csv beside the marks]",
    ),
)


def _delivery_options(function: Any) -> Any:
    """Add the options that say where marks go, and by which rules."""
    for option in reversed(_DELIVERY):
        function = option(function)
    return function


def _read_delivery(out: Path, options: dict[str, Any]) -> Any:
    """Read a teacher's rules, before anything is marked."""
    from nnlab_course.grading import rules
    from nnlab_course.grading.publish import Delivery
    from nnlab_course.grading.rosters import read_roster

    if out.suffix != ".csv":
        raise click.UsageError(f"{out} doesn't end in .csv; the other files are named after it")
    adjust = options["adjust"] or out.with_name("adjust.csv")
    deadline, exceptions = options["deadline"], options["exceptions"]
    own = rules.Rules(
        deadline=rules.read_time(deadline) if deadline else None,
        exceptions=rules.read_exceptions(exceptions) if exceptions else {},
        attempt=options["attempt"],
        adjustments=rules.read_adjustments(adjust) if adjust.is_file() else (),
    )
    if options["roster"]:
        from nnlab_course.grading import lesson_names

        read_roster(options["roster"], options["grade_column"], lesson_names())
    names = ("roster", "grade_column", "feedback_zip")
    return Delivery(own, **{name: options[name] for name in names})


def _outcome(register: Any, out: Path, delivered: Any) -> tuple[dict, list[str]]:
    """Sum up a grading, as facts and as lines of text."""
    problems = [mark for mark in register.records if mark.problem]
    graded = len(register.records) - len(problems)
    facts = {"marks": str(out), "summary": str(out.with_suffix(".html")), "graded": graded}
    facts |= {"feedback": str(out.with_suffix("")), "seed": register.seed}
    facts["problems"] = [{"file": mark.file, "problem": mark.problem} for mark in problems]
    facts |= {name: list(getattr(delivered, name)) for name in ("missing", "unmatched", "misfits")}
    lines = [f"{graded} graded, {len(problems)} not: {out}, and {facts['summary']} to look at"]
    lines += [f"not graded: {mark.file}: {mark.problem}" for mark in problems]
    lines += [f"handed in nothing: {name}" for name in delivered.missing]
    lines += [f"not on the roster: {name}" for name in delivered.unmatched]
    lines += [f"rule that fits nothing: {problem}" for problem in delivered.misfits]
    return facts, lines


def _tell(as_json: bool, register: Any, out: Path, delivered: Any) -> None:
    """Answer, and end with 1 if something was not graded."""
    facts, lines = _outcome(register, out, delivered)
    answer(as_json, facts, "\n".join(map(shown, lines)))
    if facts["problems"]:
        sys.exit(1)


_GROUPS = {
    "Marking": ("lesson", "workers", "seconds", "root", "unsafe"),
    "Rules": ("deadline", "exceptions", "attempt", "adjust"),
    "Results": ("out", "roster", "grade_column", "feedback_zip", "as_json"),
    "Parts of a large class": ("shard", "seed"),
}


@click.command(cls=GroupedCommand, groups=_GROUPS)
@click.argument("submissions", type=click.Path(path_type=Path, exists=True))
@click.option("--lesson", help="Mark as this lesson. Default: found by the answers.")
@click.option("--workers", type=click.IntRange(1), help="Default: one for each core.")
@click.option("--seconds", type=click.FloatRange(0.1), help="Of computing, for one cell.")
@click.option("--shard", type=_Shard(), default="1/1", help="Mark a part: 3/10, the third of ten.")
@click.option("--seed", type=int, help="Of the inputs of functions. Default: drawn.")
@click.option("--unsafe-no-sandbox", "unsafe", is_flag=True, help="Students' code reads all files!")
@_delivery_options
@root_option
@json_option
def grade(submissions: Path, out: Path, as_json: bool, **options: Any) -> None:
    """Mark SUBMISSIONS: a folder, or the zip as a learning platform gives it.

    \b
        nnlab grade submissions.zip --out marks.csv

    Feedback goes to marks/, a summary to marks.html. The same call again marks what is new.
    Students' code runs under bubblewrap, without network and without your files. Ends with 1 if
    something could not be marked; the table says what.
    """
    from nnlab_course.data import data_root
    from nnlab_course.grading import Settings, lesson_names
    from nnlab_course.grading.publish import mark_and_deliver
    from nnlab_course.sandbox import Limits

    lesson, seconds = options["lesson"], options["seconds"]
    if lesson not in (None, *lesson_names()):
        raise click.UsageError(f"no lesson {lesson!r}; there are {', '.join(lesson_names())}")
    delivery, data = _read_delivery(out, options), data_root(options["root"])
    settings = Settings(
        seed=options["seed"],
        limits=Limits.for_cells_of(seconds) if seconds else None,
        lesson=lesson,
        data=data if data.is_dir() else None,
        unsafe=options["unsafe"],
    )
    try:
        register, delivered = mark_and_deliver(
            submissions, out, settings, delivery, options["workers"], options["shard"]
        )
    except KeyboardInterrupt:
        click.echo("interrupted, the same call goes on", err=True)
        sys.exit(130)
    _tell(as_json, register, out, delivered)


@click.command("merge-marks")
@click.argument("parts", nargs=-1, required=True, type=_EXISTING)
@_delivery_options
@json_option
def merge_marks(parts: tuple[Path, ...], out: Path, as_json: bool, **options: Any) -> None:
    """Put the PARTS of a class together, the .json files of `nnlab grade --shard`.

    Every part must be there, once.
    """
    from nnlab_course.grading import merge, read_register
    from nnlab_course.grading.grade import alone
    from nnlab_course.grading.publish import deliver

    delivery = _read_delivery(out, options)
    register = merge([read_register(path) for path in parts])
    with alone(out):
        delivered = deliver(register, out, delivery)
    facts, lines = _outcome(register, out, delivered)
    answer(as_json, facts, "\n".join(map(shown, lines)))
