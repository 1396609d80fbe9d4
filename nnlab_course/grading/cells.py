"""Make plain Python of cells as Jupyter understands them, and see what they assign"""

# A plain module, edited here.

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, wraps
from itertools import count
from typing import TypeVar

_LONGEST = 100_000  # Characters of a cell in which Jupyter's own syntax is looked for
_MOST_READINGS = 50  # Of a cell by IPython, which begins anew after each command
_Facts = TypeVar("_Facts")
_RUN_THEIR_BODY = ("time", "capture", "prun", "timeit")
_AT_LINE_START = re.compile(r"^([ \t]*)[%!].*$", re.MULTILINE)
_AUTOMAGIC = re.compile(
    r"^\s*(pip3?|conda|mamba|ls|ll|cd|pwd|cat|mkdir|rmdir|rm|cp|mv|clear|man|who|whos|history|"
    r"load_ext|reload_ext|matplotlib|env|run|git|wget|curl|unzip|python3?)\b[^=(]*$"
)


def _once_for_a_class(read: Callable[[str], _Facts]) -> Callable[[str], _Facts]:
    """Remember what was read of a cell: most cells of a lesson are the same in all notebooks."""
    remembered = lru_cache(512)(read)

    @wraps(read)
    def look_up(source: str) -> _Facts:
        return (remembered if len(source) <= _LONGEST else read)(source)

    return look_up


@dataclass(frozen=True)
class PreparedCell:
    """A cell that plain Python can run."""

    source: str
    passed_over: tuple[str, ...] = ()  # What only Jupyter can do, as it was written


def _parse(source: str) -> ast.Module | None:
    """Parse a cell; None if it isn't Python, or is made to overburden the parser."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


@_once_for_a_class
def as_python(source: str) -> PreparedCell:
    """Make Python of a cell: pass over what only works in Jupyter, and nothing else.

    **Raises:** `ModuleNotFoundError` if the cell isn't plain Python, and IPython isn't installed.
    """
    if len(source) > _LONGEST or _parse(source) is not None:
        return PreparedCell(source)
    name, _, body = source.lstrip().partition("\n")
    if name.startswith("%%"):
        return _prepare_cell_magic(name, body)
    if "\n" not in source.strip() and _AUTOMAGIC.match(source):
        return PreparedCell("pass", (source.strip(),))
    changed = _transformed(source)
    tree = _parse(changed)
    if tree is None:
        return PreparedCell(source)
    return _without_calls(changed, tree)


def _prepare_cell_magic(first: str, body: str) -> PreparedCell:
    """Run the body of %%time and the like; write a file; leave out anything else."""
    name, _, rest = first[2:].strip().partition(" ")
    if name in _RUN_THEIR_BODY:
        prepared = as_python(body)
        return PreparedCell(f"pass\n{prepared.source}", (first, *prepared.passed_over))
    if name in ("writefile", "file") and (path := rest.split()[-1:]):
        mode = "a" if "-a" in rest.split()[:-1] else "w"
        return PreparedCell(f"with open({path[0]!r}, {mode!r}) as _file: _file.write({body!r})")
    return PreparedCell("pass", (first,))


def _transformed(source: str) -> str:
    """Have IPython's own transformer turn its syntax into calls of `get_ipython()`."""
    try:
        from IPython.core.inputtransformer2 import TransformerManager
    except ModuleNotFoundError as error:
        message = "marking cells with Jupyter's own commands needs IPython: pip install ipython"
        raise ModuleNotFoundError(message) from error
    manager = TransformerManager()
    read, readings = manager.do_one_token_transform, count()

    def read_once(lines: list[str]) -> tuple[bool, list[str]]:
        if next(readings) == _MOST_READINGS:
            raise RuntimeError("too many commands")
        return read(lines)

    manager.do_one_token_transform = read_once
    try:
        return manager.transform_cell(source)
    except (SyntaxError, RuntimeError, RecursionError, ValueError):
        return _AT_LINE_START.sub(r"\1pass", source)


def _is_jupyter_call(node: ast.AST) -> bool:
    """Tell whether this is `get_ipython().something(…)`."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name(id="get_ipython")))):
            return True
    return False


def _jupyter_calls(tree: ast.Module) -> Iterator[ast.Call]:
    """Yield the calls of methods of `get_ipython()`, outermost ones."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if _is_jupyter_call(node):
            yield node
        else:
            waiting += ast.iter_child_nodes(node)


def _instead(call: ast.Call) -> tuple[str, str]:
    """Write what stands for a command: Python, and how the command was written."""
    arguments = [a.value if isinstance(a, ast.Constant) else "" for a in call.args]
    texts = [str(argument) for argument in arguments]
    match call.func.attr, *texts:
        case "run_line_magic", ("time" | "timeit" | "prun") as name, line if _parse(line):
            return line, f"%{name} {line}"
        case "run_line_magic", ("pinfo" | "pinfo2") as kind, line:
            return "None", line + ("??" if kind == "pinfo2" else "?")
        case "run_line_magic", name, line:
            return "None", f"%{name} {line}".rstrip()
        case "getoutput", line:
            return "[]", f"!{line}"
        case "system", line:
            return "None", f"!{line}"
    return "None", " ".join(texts)


def _without_calls(source: str, tree: ast.Module) -> PreparedCell:
    """Put something harmless into the place of each call of `get_ipython()`."""
    lines = [line.encode() for line in source.splitlines(keepends=True)]
    passed_over = []
    calls = sorted(_jupyter_calls(tree), key=lambda c: (c.lineno, c.col_offset), reverse=True)
    for call in calls:
        python, written = _instead(call)
        passed_over.insert(0, written)
        first, last = call.lineno - 1, call.end_lineno - 1
        before, after = lines[first][: call.col_offset], lines[last][call.end_col_offset :]
        lines[first : last + 1] = [before + python.encode() + after]
    return PreparedCell(b"".join(lines).decode(), tuple(passed_over))


@dataclass(frozen=True)
class CellFacts:
    """What a cell does to names at the notebook's top level."""

    answers: frozenset[str] = frozenset()  # Names that it gives a value, as an answer is given
    stubs: frozenset[str] = frozenset()  # Names that it leaves to be filled in
    changes: frozenset[str] = frozenset()  # All names that it binds in any way
    checks: frozenset[str] = frozenset()  # What it calls `check` or `grade` of


_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def _targets(node: ast.AST) -> Iterator[tuple[str, bool]]:
    """Yield the names that a statement or expression binds; True where an answer may be meant."""
    match node:
        case ast.Assign(targets=targets):
            yield from ((name, True) for target in targets for name in _names(target))
        case ast.AnnAssign(target=target, value=ast.expr()) | ast.AugAssign(target=target):
            yield from ((name, True) for name in _names(target))
        case ast.NamedExpr(target=target):
            yield from ((name, True) for name in _names(target))
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name, True
        case ast.Import() | ast.ImportFrom():  # no answer is a module
            from_it = isinstance(node, ast.ImportFrom)
            yield from ((a.asname or a.name.split(".")[0], from_it) for a in node.names)
        case ast.For(target=target) | ast.AsyncFor(target=target):
            yield from ((name, False) for name in _names(target))
        case ast.withitem(optional_vars=ast.expr() as target):
            yield from ((name, False) for name in _names(target))
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
            yield name, False
        case ast.Delete(targets=targets):
            yield from ((name, False) for target in targets for name in _names(target))


def _names(target: ast.AST) -> Iterator[str]:
    """Yield the names in a target; of `a[i]` and `a.b`, that is a."""
    match target:
        case ast.Name(id=name):
            yield name
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for part in parts:
                yield from _names(part)
        case ast.Starred(value=inner) | ast.Subscript(value=inner) | ast.Attribute(value=inner):
            yield from _names(inner)


def _is_stub(node: ast.AST) -> bool:
    """Tell whether a function or an assignment is still to be filled in."""
    match node:
        case ast.FunctionDef(body=body) | ast.ClassDef(body=body):
            return all(
                isinstance(line, ast.Pass)
                or (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))
                or (isinstance(line, ast.Return) and _is_nothing(line.value))
                for line in body
            )
        case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
            return _is_nothing(value)
    return False


def _is_nothing(value: ast.AST | None) -> bool:
    return value is None or (isinstance(value, ast.Constant) and value.value in (None, ...))


def _walk(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk through a cell, not into the scopes of functions, classes and comprehensions."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, (*_SCOPES, *_COMPREHENSIONS)):
            continue
        waiting += ast.iter_child_nodes(node)


@_once_for_a_class
def modules_imported(source: str) -> frozenset[str]:
    """Tell what modules and packages a cell imports, by their first names."""
    names: set[str] = set()
    for node in ast.walk(_parse(source) or ast.Module([], [])):
        match node:
            case ast.Import(names=aliases):
                names |= {alias.name.partition(".")[0] for alias in aliases}
            case ast.ImportFrom(module=str(module), level=0):
                names.add(module.partition(".")[0])
    return frozenset(names)


def _check_names(tree: ast.AST) -> Iterator[str]:
    """Yield what a cell calls `check` or `grade` of."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if node.func.attr in ("check", "grade"):
            owner = node.func.value
            yield owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")


@_once_for_a_class
def read_cell(source: str) -> CellFacts:
    """Tell what a cell assigns and checks; of one that isn't Python, what it seems to."""
    tree = _parse(source) if len(source) <= _LONGEST else None
    if tree is None:
        found = re.findall(
            r"(?m)^[ \t]*(?:def\s+(\w+)|class\s+(\w+)|(\w+)\s*(?::[^=\n]*)?=)", source
        )
        names = frozenset(name for match in found for name in match if name)
        return CellFacts(answers=names, changes=names)
    answers, stubs, changes = set(), set(), set()
    for node in _walk(tree):
        for name, is_answer in _targets(node):
            changes.add(name)
            if is_answer:
                (stubs if _is_stub(node) else answers).add(name)
    checks = frozenset(_check_names(tree))
    return CellFacts(frozenset(answers), frozenset(stubs - answers), frozenset(changes), checks)
