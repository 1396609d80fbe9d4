"""Let nbval check notebooks that `nbdev_clean` has cleaned."""


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


def pytest_collection_modifyitems(items):
    """Have nbval compare every cell: cleaning nulls the count that marks a cell as executed."""
    for item in items:
        if hasattr(item, "cell"):
            item.cell.execution_count = item.cell.execution_count or 1
