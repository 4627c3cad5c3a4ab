"""Work in a process of its own that is begun in a moment: a copy of this one, which has read the program already."""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable
from typing import NoReturn

from tests import kept


def killed(work: Callable[[], None]) -> None:
    """Do work that kills its own process in the middle; raises AssertionError where it lives on."""
    child = os.fork()
    if child == 0:
        _as_child(work)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL


def kill() -> NoReturn:
    """Kill this process as the machine would: nothing is closed, nothing is written."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def _as_child(work: Callable[[], None]) -> NoReturn:
    """Do the work and end at once: what this process has open belongs to the one that it is a copy of."""
    try:
        kept.leave_behind()
        work()
    except BaseException:  # noqa: BLE001 - whatever it is, it must not run on as a second test session
        traceback.print_exc()
    os._exit(0)
