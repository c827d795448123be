"""What a run can end with, each with its exit code and one line for the user."""


class UserError(Exception):
    """The user's config, data or folder is wrong.

    The message is one line: what, where, what was expected.
    """

    exit_code = 2


class DivergedError(Exception):
    """Training produced a loss that is not finite."""

    exit_code = 3


class StorageError(Exception):
    """Something could not be written to, or read back from, the run's folder."""

    exit_code = 4


class StoppedError(Exception):
    """A signal asked the run to stop; its state was saved and the same command resumes it."""

    def __init__(self, message: str, exit_code: int):
        super().__init__(message)
        self.exit_code = exit_code


class ReadingWarning(UserWarning):
    """Cells of a file were read with a doubt: one line that names them."""
