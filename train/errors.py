"""What a run can end with, each with its exit code and one line for the user."""

from __future__ import annotations

import contextlib
import difflib
import os
import re
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import NoReturn

ALIKE = 0.5  # names of which so much is the same may be meant
SHOWN = 6  # names that a line lists


class UserError(Exception):
    """The user's config, data or folder is wrong.

    The message is one line: what, where, what was expected.
    """

    exit_code = 2


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message on an unknown name: the known one like it, or all; "" of none."""
    names = list(dict.fromkeys(known))
    if "," in name and all(part.strip() in names for part in name.split(",")):
        return "; one column is expected: make one of them, with the texts of all"
    folded = {other.casefold(): other for other in names}
    found = difflib.get_close_matches(name.casefold(), list(folded), n=1, cutoff=ALIKE)
    if found:
        return f"; did you mean {folded[found[0]]!r}?"
    if not names:
        return ""
    shown = ", ".join(map(repr, names[:SHOWN]))
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"; there {'are' if len(names) > 1 else 'is'} {shown}{more}"


class DivergedError(Exception):
    """Training produced a loss that is not finite."""

    exit_code = 3

    @classmethod
    def at(cls, step: int, in_row: int = 1, rows: str = "") -> DivergedError:
        """The error of a run that diverged at this update; `rows` are the update's."""
        then = f", nor in {in_row - 1} updates after it" if in_row > 1 else ""
        look = f", or look at the rows of that update: {rows}" if rows else ""
        return cls(
            f"the loss or its gradient is not finite at step {step}{then}; "
            f"lower config.optim.learning_rate{look}"
        )


class StorageError(Exception):
    """Something could not be written to, or read back from, the run's folder."""

    exit_code = 4


class StoppedError(Exception):
    """A signal asked the run to stop; its state was saved and the same command resumes it."""

    def __init__(self, message: str, exit_code: int):
        super().__init__(message)
        self.exit_code = exit_code


class Terminated(BaseException):
    """SIGTERM came where there is no state to save; as KeyboardInterrupt is no Exception."""


class ReadingWarning(UserWarning):
    """Cells of a file were read with a doubt: one line that names them."""


def in_python(line: str) -> str:
    """A line in which flags of commands are arguments and fields, as Python has them.

    Commands that it names whole stay as they are.
    """
    return line if "python -m" in line else re.sub(r"(?<!\S)(\(?)--(?=[a-z])", r"\1", line)


@contextlib.contextmanager
def naming_arguments() -> Iterator[None]:
    """What a UserError of the block says of flags, it says of arguments."""
    try:
        yield
    except UserError as error:
        raise UserError(in_python(str(error))) from None


def _package_of(frame: FrameType) -> str:
    return frame.f_globals.get("__name__", "").partition(".")[0]


def warn_reader(line: str) -> None:
    """Warns with a ReadingWarning, at the line of the user's program that called ours."""
    level = 2
    frame = sys._getframe(1)
    while frame.f_back is not None and _package_of(frame) in ("train", "sklearn"):
        frame = frame.f_back
        level += 1
    warnings.warn(in_python(line), ReadingWarning, stacklevel=level)


# Whether the process is a command's alone, and ends with it; who calls a main goes on after it.
is_own_process = False


def run(main: Callable[[list[str]], int]) -> NoReturn:
    """Calls a program's main with the command line's arguments and exits with its code.

    What a user can cause ends in one line on stderr; any other exception is a bug and keeps its
    traceback.
    """
    global is_own_process
    previous_hook = sys.unraisablehook
    sys.unraisablehook = _resend_signal
    is_own_process = True
    try:
        with contextlib.suppress(ValueError):  # of another thread signals are somebody else's
            # While a net trains, another one saves first.
            swallowed.clear()
            signal.signal(signal.SIGTERM, _end)
            if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
                signal.signal(signal.SIGINT, _end)
        code = main(sys.argv[1:])
        sys.stdout.flush()
    except (UserError, DivergedError, StorageError, StoppedError) as error:
        print("denseq: error:", " ".join(str(error).splitlines()), file=sys.stderr)
        code = error.exit_code
    except KeyboardInterrupt:
        print("denseq: error: stopped by Ctrl-C", file=sys.stderr)
        code = 130
    except Terminated:
        print("denseq: error: stopped by SIGTERM; the same command goes on", file=sys.stderr)
        code = 128 + signal.SIGTERM
    except BrokenPipeError:  # whoever read our output has left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 128 + getattr(signal, "SIGPIPE", 13)  # Windows has none
    finally:
        sys.unraisablehook = previous_hook
        is_own_process = False
    sys.exit(code)


# Signals whose exception has not ended the command yet: a library may catch it, as asyncio does.
swallowed: list[int] = []


def _end(number: int, frame: object) -> NoReturn:
    """Ends a command that has nothing to save; what trains later on looks for it in `swallowed`."""
    swallowed.append(number)
    raise KeyboardInterrupt if number == signal.SIGINT else Terminated


def _resend_signal(missed: sys.UnraisableHookArgs) -> None:
    """A signal whose exception Python cannot raise, as in a weakref's callback, is sent again."""
    if not issubclass(missed.exc_type, KeyboardInterrupt | Terminated):
        sys.__unraisablehook__(missed)
        return
    is_terminated = issubclass(missed.exc_type, Terminated)
    number = signal.SIGTERM if is_terminated else signal.SIGINT
    later = threading.Timer(0.1, os.kill, (os.getpid(), number))
    later.daemon = True
    later.start()
