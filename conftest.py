"""Let nbval check notebooks that `nbdev_clean` has cleaned; order the tests for several workers."""

import pytest

# What takes longest is begun first, so that no worker is left with it at the end.
FIRST = ("05_cifar10", "04_lenet", "site", "lab", "package", "grading", "sandbox")
# One of these a worker: whatever shares it runs there.
SHARED = {"site": "site", "lab": "lab", "built": "package", "source": "package"}
# Browsers, processes and training: what `make quick` leaves out, besides tests marked as slow.
SLOW = {"cli", "grading", "lab", "sandbox", "site"}
SLOW |= {
    "test_accuracy",
    "test_distributed",
    "test_gpu",
    "test_leaks",
    "test_package",
    "test_resume",
}
DEAR = {*SHARED, "browser"}


def pytest_configure(config):
    """Have nbval's kernel keep history: without it, IPython ignores a trailing semicolon."""
    if not config.getoption("nbval", default=False):
        return
    from nbval.kernel import RunningKernel

    def execute_cell_input(self, cell_input, allow_stdin=None):
        return self.kc.execute(
            cell_input, store_history=True, allow_stdin=allow_stdin, stop_on_error=False
        )

    RunningKernel.execute_cell_input = execute_cell_input


def group_of(item):
    """Name what `item` has to share a worker with: a dear fixture, or the rest of its file."""
    fixtures = getattr(item, "fixturenames", ())
    shared = [group for fixture, group in SHARED.items() if fixture in fixtures]
    return shared[0] if shared else item.path.stem.removeprefix("test_")


def pytest_itemcollected(item):
    """Mark what `make quick` leaves out."""
    if {item.path.parent.name, item.path.stem} & SLOW or DEAR & set(
        getattr(item, "fixturenames", ())
    ):
        item.add_marker(pytest.mark.slow)


@pytest.hookimpl(trylast=True)  # after pytest-randomly, which would shuffle a notebook's cells
def pytest_collection_modifyitems(items):
    """Group the tests, the dear ones first, and keep the cells of a notebook in their order."""
    groups = {}
    for item in items:
        name = group_of(item)
        item.add_marker(pytest.mark.xdist_group(name))
        groups.setdefault(name, []).append(item)
        if hasattr(item, "cell"):
            # Cleaning nulls the count that marks a cell as executed.
            item.cell.execution_count = item.cell.execution_count or 1
    for cells in groups.values():
        if hasattr(cells[0], "cell"):
            cells.sort(key=lambda item: item.cell_num)
    rank = {name: number for number, name in enumerate(FIRST)}
    ordered = sorted(groups, key=lambda name: rank.get(name, len(FIRST)))
    items[:] = [item for name in ordered for item in groups[name]]
