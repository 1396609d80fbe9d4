"""What learning platforms call the files that students have handed in"""

# A plain module, edited here.

import re
from dataclasses import dataclass
from datetime import datetime

from nnlab_course.grading.shown import without_controls

_SYSTEM = re.compile(
    r"(?i)^(\..*|~\$.*|__MACOSX|Thumbs\.db|desktop\.ini|@eaDir|\$RECYCLE\.BIN|lost\+found"
    r"|System Volume Information|__pycache__|nnlab-progress\.json|timestamp\.txt)$"
)
_ENDINGS = re.compile(r"(?i)(\.ipynb(\.json|\.txt)?|\.zip)$")
_MOODLE = re.compile(
    r"^(?P<name>.+)_(?P<id>\d+)_assignsubmission_(?P<kind>file|onlinetext)_?(?P<file>.*)$", re.S
)
_BLACKBOARD = re.compile(
    r"^.+?_(?P<name>[^_]+)_attempt_(?P<when>\d{4}(?:-\d\d){5})(?:_(?P<file>.+)|\.txt)$", re.S
)
_CANVAS = re.compile(
    r"^(?P<name>[^_]+(?:_[^_]+)??)(?P<late>_LATE)?_(?P<id>[1-9]\d\d+)_[1-9]\d\d+_.+\.\w+$", re.S
)
_EXCHANGE = re.compile(
    r"^(?P<name>[^+]+)\+[^+]+\+(?P<when>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)[^+]*(\+.*)?$"
)


@dataclass(frozen=True)
class Origin:
    """Who handed something in, as its name tells."""

    student: str
    platform: str = ""  # "Moodle", "Canvas", "Blackboard", "nbgrader", or empty
    id: str = ""  # The platform's number for the student
    late: bool = False
    handed_in: float = 0.0  # Seconds since 1970, or 0 where the name doesn't say
    note_only: bool = False  # The platform's own note beside a file


def is_system_file(name: str) -> bool:
    """Tell whether an operating system, an editor or the course itself left this there."""
    return bool(_SYSTEM.match(name))


def is_notebook_name(name: str) -> bool:
    """Tell whether a file is called as a notebook is, or as a browser saves one."""
    return bool(re.search(r"(?i)\.ipynb(\.json|\.txt)?$", name))


def without_ending(name: str) -> str:
    """Leave out the ending of a notebook or an archive."""
    return _ENDINGS.sub("", name) or name


def _time(text: str, zone: str = "") -> float:
    try:
        return datetime.fromisoformat(text + zone).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def read_name(
    name: str,  # Of a file or folder, one for each submission
) -> Origin:
    """Tell who handed something in, where a platform has put that into the name."""
    if match := _MOODLE.match(name):
        note = match["kind"] == "onlinetext"
        return Origin(without_controls(match["name"]), "Moodle", match["id"], note_only=note)
    if match := _BLACKBOARD.match(name):
        when = _time("{}-{}-{} {}:{}:{}".format(*match["when"].split("-")))
        return Origin(match["name"], "Blackboard", handed_in=when, note_only=not match["file"])
    if match := _EXCHANGE.match(name):
        when = _time(match["when"], "+00:00")
        return Origin(match["name"], "nbgrader", handed_in=when)
    if match := _CANVAS.match(name):
        return Origin(match["name"], "Canvas", match["id"], late=bool(match["late"]))
    return Origin(without_ending(name))


def is_platform_name(name: str) -> bool:
    """Tell whether a learning platform has named this."""
    return bool(read_name(name).platform)
