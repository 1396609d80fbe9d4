"""Imported first by a process that others are forked from: no garbage is looked for until then."""

import gc
import os

gc.disable()
os.register_at_fork(before=gc.freeze, after_in_child=gc.enable)
