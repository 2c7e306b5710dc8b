"""The command line: click commands, each a few lines around a verb of a lower module.

`main` is the entry point of the `tradewind` script. It prints whatever a user can mend as one red line and answers
exit code 2; only `--debug` shows a traceback.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from tradewind.cli.exit_codes import BUG, INTERRUPTED, WRONG

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and answer the exit code of the process."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if arguments[:2] in (["task", "run"], ["task", "callback"]):
            # What executors start. It needs none of click, and milliseconds count here.
            from tradewind import runner

            return runner.main(["tradewind", *arguments])
        return _command(arguments)
    except KeyboardInterrupt:
        return _interrupted()
    except BrokenPipeError:
        # The reader has gone (`tradewind dags list | head`). Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        return _explain(error, debug="--debug" in arguments)


def _command(arguments: list[str]) -> int:
    import warnings

    from tradewind.cli.app import root, show_plugin_warnings

    with warnings.catch_warnings():
        show_plugin_warnings()
        answer = root.main(arguments, prog_name="tradewind", standalone_mode=False, color=_colour())
    sys.stdout.flush()
    return answer if isinstance(answer, int) else 0


def _explain(error: Exception, *, debug: bool) -> int:
    """Print the error as one red line, without any secret; answer the exit code."""
    import click

    from tradewind import secrets
    from tradewind.errors import TradewindError, sentence

    if isinstance(error, click.Abort):
        return _interrupted()
    if debug:
        import traceback

        sys.stderr.write(str(secrets.redact(traceback.format_exc())))
    message = error.format_message() if isinstance(error, click.ClickException) else str(error)
    if isinstance(error, click.UsageError) and error.ctx is not None:
        message = f"{sentence(message)} `{error.ctx.command_path} --help` tells more."
    ours = isinstance(error, (click.ClickException, TradewindError))
    if not ours:
        message = f"{type(error).__name__}: {message}" + ("" if debug else " (--debug shows where)")
    click.secho(" ".join(str(secrets.redact(message)).split()), fg="red", err=True, color=_colour())
    return WRONG if ours else BUG


def _colour() -> bool | None:
    """False for who wants no colours, as rich has it too; else None: if it is a terminal."""
    return False if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else None


def _interrupted() -> int:
    sys.stderr.write("Interrupted.\n")
    return INTERRUPTED
