"""Let nbval check notebooks that `nbdev_clean` has cleaned; share the tests out among workers."""

import gc

import pytest
from xdist.scheduler import LoadScopeScheduling

# What shares something dear runs in one worker, and what takes longest is begun first, so that no
# worker is left with it at the end. Other tests are shared out by file.
GROUPS = {
    "nbs/05_cifar10": "lesson 5",
    "tests/site/test_every_page": "pages",
    "tests/lab": "lab",
    "tests/grading/test_grading": "grading",
    "tests/lessons/test_own_pictures": "pictures",
    "tests/site/test_site_browser": "browser",
    "tests/site/test_answers": "browser",
    "tests/cli": "command",
    "nbs/04_lenet": "lesson 4",
    "tests/training/test_distributed": "distributed",
    "tests/repository/test_package": "package",
    "tests/grading/test_honest": "honest",
    "tests/grading/test_nbgrader": "nbgrader",
    "tests/repository/test_leaks": "leaks",
    "tests/sandbox": "sandbox",
}
# Browsers, processes and training: what `make quick` leaves out, besides tests marked as slow.
SLOW = {"cli", "grading", "lab", "sandbox", "site"}
SLOW |= {"test_accuracy", "test_distributed", "test_download", "test_gpu", "test_leaks"}
SLOW |= {"test_install", "test_mutants", "test_own_pictures", "test_package", "test_resume"}
DEAR = {"site", "lab", "built", "source", "browser"}
TRAINED = ("[trained-", "a_slip_in_the_preparation")  # networks, which are trained for them


def group_of(nodeid):
    """Name what a test has to share a worker with."""
    found = [group for start, group in GROUPS.items() if nodeid.startswith(start)]
    return found[0] if found else nodeid.partition("::")[0]


class GroupScheduling(LoadScopeScheduling):
    """Hands out whole groups of tests."""

    def _split_scope(self, nodeid):
        return group_of(nodeid)


def pytest_xdist_make_scheduler(config, log):
    """Share the tests out by group, whatever `--dist` says."""
    return GroupScheduling(config, log)


def _passing_over(setup, kind):
    def extended(self):
        self.skip_compare += (kind,)
        setup(self)

    return extended


def pytest_configure(config):
    """Have nbval's kernel keep history: without it, IPython ignores a trailing semicolon.

    And have nbval pass over what an explorer stores for the site, as it does over pictures.
    """
    if not config.getoption("nbval", default=False):
        return
    from forked_kernels import fork_kernels
    from nbval.kernel import RunningKernel
    from nbval.plugin import IPyNbFile

    from nnlab_course.explorers.base import STORED

    fork_kernels(pytest.MonkeyPatch())
    IPyNbFile.setup = _passing_over(IPyNbFile.setup, STORED)

    def execute_cell_input(self, cell_input, allow_stdin=None):
        return self.kc.execute(
            cell_input, store_history=True, allow_stdin=allow_stdin, stop_on_error=False
        )

    RunningKernel.execute_cell_input = execute_cell_input


def pytest_itemcollected(item):
    """Mark what `make quick` leaves out."""
    names = {item.path.parent.name, item.path.stem}
    dear = DEAR & set(getattr(item, "fixturenames", ()))
    if names & SLOW or dear or any(kind in item.name for kind in TRAINED):
        item.add_marker(pytest.mark.slow)


@pytest.hookimpl(hookwrapper=True)
def pytest_collection():
    """Keep Python's garbage collector from what stays: modules, and thousands of tests."""
    gc.disable()
    yield
    gc.freeze()
    gc.set_threshold(100_000)  # the tests' own is little
    gc.enable()


@pytest.hookimpl(trylast=True)  # after pytest-randomly, which would shuffle a notebook's cells
def pytest_collection_modifyitems(items):
    """Put the dear groups first, and keep the cells of a notebook in their order."""
    groups = {}
    for item in items:
        groups.setdefault(group_of(item.nodeid), []).append(item)
        if hasattr(item, "cell"):
            # Cleaning nulls the count that marks a cell as executed.
            item.cell.execution_count = item.cell.execution_count or 1
    for cells in groups.values():
        if hasattr(cells[0], "cell"):
            cells.sort(key=lambda item: item.cell_num)
    rank = {name: number for number, name in enumerate(dict.fromkeys(GROUPS.values()))}
    ordered = sorted(groups, key=lambda name: rank.get(name, len(rank)))
    items[:] = [item for name in ordered for item in groups[name]]


def pytest_terminal_summary(terminalreporter, exitstatus, config):
    """Say in which order the tests ran of which some failed."""
    if exitstatus and (seed := config.getoption("randomly_seed", None)):
        terminalreporter.write_line(f"in the order of --randomly-seed={seed}")


def pytest_unconfigure():
    """Let Python tidy up at its end as ever."""
    gc.unfreeze()
