"""What learning platforms call the files that students have handed in"""

# A plain module, edited here.

import re
from dataclasses import dataclass
from datetime import datetime

from nnlab_course.grading.lessons import lesson_names
from nnlab_course.grading.shown import without_controls

_SYSTEM = re.compile(
    r"(?i)^(\..*|~\$.*|_?_MACOSX|(eh)?thumbs\.db|desktop\.ini|@eaDir|\$RECYCLE\.BIN|lost\+found"
    r"|Icon\r|Network Trash Folder|Temporary Items|node_modules"
    r"|System Volume Information|__pycache__|nnlab-progress\.json|timestamp\.txt)$"
)
_ENDINGS = re.compile(r"(?i)(\.ipynb(\.json|\.txt)?|\.zip)$")
_MOODLE = re.compile(
    r"^(?P<name>.+)_(?P<id>\d+)_assignsubmission_(?P<kind>[a-z]+)_?(?P<file>.*)$", re.S
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
_BRIGHTSPACE = re.compile(
    r"^\d+-\d+ - (?P<name>.+?) ?- (?P<day>[A-Z][a-z]{2} \d\d?, \d{4}) "
    r"(?P<time>\d{3,4}) (?P<half>[AP]M)( - .*)?$",
    re.S,
)
# A lesson's own file name, which somebody has put behind the student's.
_LESSON = re.compile(
    rf"(?i)[ _-]+(cop(y|ie) of |kopie von )?0\d_({'|'.join(lesson_names())})"
    r"([ _-]*(copy)?\d+| ?\(\d+\))*$"
)


@dataclass(frozen=True)
class Origin:
    """Who handed something in, as its name tells."""

    student: str
    platform: str = ""  # "Moodle", "Canvas", "Blackboard", "Brightspace", "nbgrader", or empty
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


def _time_of_day(text: str) -> float:
    """Read a time such as Nov 20, 2026 0205 PM."""
    try:
        return datetime.strptime(text, "%b %d, %Y %I%M %p").timestamp()
    except ValueError:
        return 0.0


def read_name(
    name: str,  # Of a file or folder, one for each submission
) -> Origin:
    """Tell who handed something in, where a platform has put that into the name."""
    if match := _MOODLE.match(name):
        note = match["kind"] != "file"
        return Origin(without_controls(match["name"]), "Moodle", match["id"], note_only=note)
    if match := _BLACKBOARD.match(name):
        when = _time("{}-{}-{} {}:{}:{}".format(*match["when"].split("-")))
        return Origin(match["name"], "Blackboard", handed_in=when, note_only=not match["file"])
    if match := _EXCHANGE.match(name):
        when = _time(match["when"], "+00:00")
        return Origin(match["name"], "nbgrader", handed_in=when)
    if match := _BRIGHTSPACE.match(name):
        moment = f"{match['day']} {match['time'].zfill(4)} {match['half']}"
        return Origin(match["name"], "Brightspace", handed_in=_time_of_day(moment))
    if match := _CANVAS.match(name):
        return Origin(match["name"], "Canvas", match["id"], late=bool(match["late"]))
    whole = without_ending(name)
    return Origin(_LESSON.sub("", whole) or whole)


def is_platform_name(name: str) -> bool:
    """Tell whether a learning platform has named this."""
    return bool(read_name(name).platform)
