"""Start a program that cannot outlive the process that started it, not even a `kill -9` of it.

`leashed(argv)` gives the command line to hand to `subprocess`: this file run as a script, which
asks the kernel for its own death on the starter's (Linux `prctl(PR_SET_PDEATHSIG)`, kept across
`execv`, see prctl(2)) and then becomes the program. Doing it in a fresh interpreter keeps the
starter free of code between fork and exec, which is unsafe beside threads. The kernel watches
the starting *thread*: start from one that lives as long as the program must. Elsewhere than on
Linux the program is started plainly.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1
_SIGKILL = 9
_STARTER_GONE = 70


def leashed(argv: Sequence[str]) -> list[str]:
    """The command line that runs `argv` bound to the life of the calling process.

    Args:
        argv: an absolute program path and its arguments.
    """
    if not sys.platform.startswith("linux"):
        return list(argv)
    return [sys.executable, "-I", "-S", os.path.abspath(__file__), str(os.getpid()), *argv]  # noqa: PTH100 (pathlib would slow the start of the script below)


def _become(starter_pid: int, argv: Sequence[str]) -> None:
    import ctypes  # noqa: PLC0415 (needed only where this file runs as the script)

    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, _SIGKILL) != 0:
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != starter_pid:
        # The starter died before the leash was on: nobody is left to send the signal.
        sys.exit(_STARTER_GONE)
    os.execv(argv[0], list(argv))  # noqa: S606 (becoming the given program is the purpose)


if __name__ == "__main__":
    _become(int(sys.argv[1]), sys.argv[2:])
