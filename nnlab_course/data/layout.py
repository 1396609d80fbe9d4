"""Which folders are classes, which are parts of a dataset, and which belong to the system"""

# A plain module, edited here.

import os
import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from nnlab_course.files import shown

_PARTS = {  # A folder's name, in lower case, letters only, without an ending: which part it is
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "eval", "evaluation"), "validation"),
    **dict.fromkeys(("dev", "devel", "development"), "validation"),
    **dict.fromkeys(("test", "tests", "testing", "holdout", "heldout"), "test"),
}
_ENDINGS = r"(?:sets?|data|images?|imgs?|pictures?|pics?|photos?|samples?|splits?|parts?)+$"
_SYSTEM = {
    *("__macosx", "@eadir", "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin"),
    *("system volume information", "lost+found", "#recycle", "#snapshot", "icon\r"),
    *("picasa.ini", "zbthumbnail.info", "__pycache__"),
}
_PICTURES = {
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp"),
    *(".ppm", ".pgm", ".pbm", ".heic", ".heif", ".avif", ".jp2"),
}


@dataclass
class Layout:
    """The files of each class, by part; `test` is None where a share has to be held out."""

    train: dict[str, list[Path]]
    test: dict[str, list[Path]] | None = None
    loose: list[Path] = field(default_factory=list)  # Files in no class
    notes: list[str] = field(default_factory=list)


def class_name(name: str) -> str:
    """Return a folder's name as it is shown: composed letters, single spaces, nothing hidden."""
    return shown(" ".join(unicodedata.normalize("NFC", name).split()))


def _alike(name: str) -> str:
    """Return the same text for all names that a person reads as the same."""
    return unicodedata.normalize("NFKC", class_name(name)).casefold()


def natural_key(name: str) -> list[tuple[int, int | str]]:
    """Sort 2 before 10, and capital letters beside small ones."""
    parts = re.split(r"([0-9]+)", _alike(name))
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts if part]


def visible(folder: Path) -> list[Path]:
    """List a folder, without what systems and programs leave everywhere.

    **Raises:** `ValueError` if it can't be listed.
    """
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise ValueError(f"{shown(folder)} can't be listed: {error.strerror}") from error
    return [
        p for p in paths if not p.name.startswith((".", "~$")) and p.name.lower() not in _SYSTEM
    ]


def _folders(folder: Path) -> list[Path]:
    return [path for path in visible(folder) if path.is_dir()]


def _part(path: Path) -> str | None:
    """Say which part of a dataset a folder's name stands for, if it does."""
    letters = re.sub(r"[\W\d_]", "", path.name.lower())
    return _PARTS.get(letters) or _PARTS.get(re.sub(_ENDINGS, "", letters))


def _holds_classes(folder: Path) -> bool:
    """Tell a part, which holds folders, from a class of that name, which holds pictures."""
    inside = visible(folder)
    return any(p.is_dir() for p in inside) and not any(_is_named_picture(p) for p in inside)


def _is_named_picture(path: Path) -> bool:
    return path.suffix.lower() in _PICTURES and not path.is_dir()


def list_files(folder: Path) -> list[Path]:
    """List what is in a folder and below it, however deep.

    A link to a folder is listed and not followed, as is a folder that can't be read.
    """
    files, folders = [], [folder]
    while folders:
        for path in visible(folders.pop()):
            if path.is_dir() and not path.is_symlink() and os.access(path, os.R_OK | os.X_OK):
                folders.append(path)
            else:
                files.append(path)
    return sorted(files)


# --- what a folder is -------------------------------------------------------------------


def find_layout(folder: Path) -> Layout:
    """Find the classes of a folder, and its parts if it has some.

    **Raises:** `ValueError` if the folder isn't laid out so; the text says what to do.
    """
    folders = _folders(folder)
    parts = {p: _part(p) for p in folders if _part(p) and _holds_classes(p)}
    if parts:
        return _with_parts(folder, folders, parts)
    named = [path.name for path in folders if _part(path)]
    if named and len(named) == len(folders):
        raise ValueError(
            f"{shown(folder)} has the folders {_join(named)}, which are parts of a dataset and no "
            "classes: put a folder for each class into each of them"
        )
    classes = _classes(folder)
    if all(_folders(p) and all(_part(q) for q in _folders(p)) for p in folders):
        raise ValueError(
            f"in {shown(folder)} the parts stand inside the classes: put train/ and test/ outside, "
            "and a folder for each class into each of them"
        )
    loose = [path for path in visible(folder) if not path.is_dir()]
    return Layout(classes, loose=loose, notes=_doubts(folders))


def _doubts(classes: list[Path]) -> list[str]:
    """Ask about folders that all hold the same folders: are these the classes instead?"""
    if not all(map(_holds_classes, classes)):
        return []
    inside = [{path.name for path in _folders(path)} for path in classes]
    if len(inside[0]) < 2 or any(names != inside[0] for names in inside):
        return []
    outer, inner = _join([path.name for path in classes]), _join(sorted(inside[0], key=natural_key))
    return [
        f"the classes are {outer}, and each holds {inner}; if these are the classes, name the "
        "outer folders train and test"
    ]


def _with_parts(folder: Path, folders: list[Path], parts: dict[Path, str]) -> Layout:
    """Put training and test classes side by side."""
    for path in folders:
        if path not in parts and _part(path):
            raise ValueError(
                f"{shown(path)} holds no folders, so its pictures have no labels: "
                "put a folder for each class into it, or take it away"
            )
    others = [path.name for path in folders if path not in parts]
    roles = list(parts.values())
    if others or len(set(roles)) < len(roles) or "train" not in roles:
        problem = f"{_join(others)} beside them" if others else "no train"
        problem = "two for the same part" if len(set(roles)) < len(roles) else problem
        raise ValueError(
            f"{shown(folder)} has the parts {_join([p.name for p in parts])}, but {problem}: "
            "give either one folder for each class, or train and test with the classes inside"
        )
    by_role = {role: path for path, role in parts.items()}
    classes = {role: _classes(path, fewest=1 + (role == "train")) for role, path in by_role.items()}
    _check_same(folder, by_role, classes)
    train, notes = classes["train"], []
    if {"validation", "test"} <= set(roles):
        for name, files in train.items():
            files += _named(classes["validation"], name)
        kept = f"{by_role['validation'].name} was added to the training pictures"
        notes.append(f"{shown(kept)}: take a validation part out of them with train.split")
    role = "test" if "test" in roles else "validation"
    loose = [path for part in [folder, *parts] for path in visible(part) if not path.is_dir()]
    if role not in roles:
        return Layout(train, None, loose, notes)
    if role == "validation":
        notes.append(f"{shown(by_role[role].name)} is the test part")
    return Layout(train, {name: _named(classes[role], name) for name in train}, loose, notes)


def _named(classes: dict[str, list[Path]], name: str) -> list[Path]:
    return next(files for other, files in classes.items() if _alike(other) == _alike(name))


def _check_same(folder: Path, by_role: dict[str, Path], classes: dict[str, dict]) -> None:
    """Refuse parts whose classes differ."""
    for role, path in by_role.items():
        names = {part: {_alike(name): name for name in classes[part]} for part in ("train", role)}
        odd = set(names["train"]) ^ set(names[role])
        if odd:
            odd = {(names["train"] | names[role])[key] for key in odd}
            first = by_role["train"].name
            raise ValueError(
                f"{shown(first)}/ and {shown(path.name)}/ of {shown(folder)} must have the same "
                f"classes; not so: {_join(sorted(odd, key=natural_key))}"
            )


def _classes(folder: Path, fewest: int = 2) -> dict[str, list[Path]]:
    """List the files of each class, classes in natural order.

    **Raises:** `ValueError` if there are too few classes, more than 256, an empty one, or
    two with the same name to a reader.
    """
    folders = sorted(_folders(folder), key=lambda path: (natural_key(path.name), path.name))
    if not fewest <= len(folders) <= 256:
        raise ValueError(_wrong_number(folder, folders))
    classes: dict[str, list[Path]] = {}
    for path in folders:
        twin = [name for name in classes if _alike(name) == _alike(path.name)]
        if twin:
            raise ValueError(
                f"{shown(folder)} has two folders that read {class_name(path.name)!r}: "
                "put their pictures into one of them"
            )
        classes[class_name(path.name)] = list_files(path)
        if not classes[class_name(path.name)]:
            raise ValueError(
                f"{shown(path)} holds no pictures: put some in, or take the folder away"
            )
    return classes


def _wrong_number(folder: Path, folders: list[Path]) -> str:
    """Say that a folder doesn't hold a folder for each class, and what may have been meant."""
    many = f"{len(folders)} subfolder{'s' * (len(folders) != 1)}"
    text = f"{shown(folder)} has {many}; give it one for each class, 2 to 256 in all"
    if len(folders) == 1 and len(_folders(folders[0])) > 1:
        text += f". Did you mean {shown(folders[0])}?"
    elif len(folders) == 1:
        text += ". With one class there is nothing to tell apart: add a folder with other pictures"
    elif not folders and any(map(_is_named_picture, visible(folder))):
        text += ". Its pictures lie side by side: move those of each class into a folder"
    return text


def _join(names: list[str]) -> str:
    shown_names = [class_name(name) for name in names[:8]]
    return ", ".join(shown_names) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
