"""The command `vigie`: where every subcommand is declared, and what each kind of error looks like.

    0    done
    1    done, and the answer is no (a topic differs, a schema is incompatible); or a server that
         had answered no longer does, or a worker that cannot go on
    2    bad input: one line on standard error names the option, file, field, server or setting
    3    a worker that stalled
    130  interrupted by Ctrl-C

An error that is none of these is a mistake of Vigie's own and keeps its traceback.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import typer
from typer.exceptions import TyperException

from streams.commands import (
    acls,
    backtest,
    backtest_series,
    declare,
    demo,
    evaluate,
    findings,
    objectives,
    replay,
    schemas,
    simulate,
    token,
    topics,
    worker,
)
from streams.errors import ConfigError, InputError, SchemaError, TransientError

if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_FAILED = 1
EXIT_BAD_INPUT = 2

app = typer.Typer(
    name="vigie",
    help="The lookout over a French region's health-data exchange.",
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Settings are read from VIGIE_… variables; [bold]vigie worker --help[/] lists them.",
)
for command in (
    demo,
    evaluate,
    worker,
    findings,
    objectives,
    declare,
    simulate,
    replay,
    backtest,
    backtest_series,
    topics,
    acls,
    token,
    schemas,
):
    command.register(app)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line.

    Args:
        argv: arguments after the program's name; those of the process without.

    Returns:
        The exit code.
    """
    # kafka-python tells each try to connect; the commands say once what came of them.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    try:
        # Typer itself answers an interruption with 130 and a reader that left with 1.
        code = typer.main.get_command(app).main(
            args=list(sys.argv[1:] if argv is None else argv) or ["--help"],
            prog_name="vigie",
            standalone_mode=False,
        )
    except (ConfigError, InputError, SchemaError, TransientError) as error:
        is_server = isinstance(error, TransientError)
        return _complain(str(error), EXIT_FAILED if is_server else EXIT_BAD_INPUT)
    except TyperException as error:
        return _complain(str(getattr(error, "format_message", error.__str__)()))
    except OSError as error:
        if error.filename is None:
            raise
        return _complain(f"{error.filename}: {error.strerror}")
    return code if isinstance(code, int) else 0


def _complain(text: str, code: int = EXIT_BAD_INPUT) -> int:
    # What a file or an option says may be quoted: it must not speak to the terminal.
    line = "".join(one if one.isprintable() else "\ufffd" for one in " ".join(text.split()))
    sys.stderr.write(f"vigie: {line}\n")
    return code
