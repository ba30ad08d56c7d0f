"""Read one file of a model folder: a regular file, no link, no larger than expected, once."""

import errno
import os
import stat
from pathlib import Path

from app.errors import ModelRejected

MAX_MANIFEST_BYTES = 2**20


def read(path: Path, limit: int) -> bytes:
    """The whole file. Raises ModelRejected(path.parent) for a link, a special file, more than `limit` bytes or none."""
    folder, name = path.parent, path.name
    try:
        # O_NONBLOCK: a pipe in the place of a file must not hang the start-up.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            _check_kind_and_size(os.fstat(descriptor), path, limit)
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                data = file.read(limit + 1)
        finally:
            os.close(descriptor)
    except FileNotFoundError as error:
        raise ModelRejected(folder, f"{name} is missing; copy the whole folder again, or publish again") from error
    except OSError as error:
        reason = "it is a symbolic link; put the file itself there" if error.errno == errno.ELOOP else error.strerror
        raise ModelRejected(folder, f"{name} cannot be read: {reason}") from error
    if len(data) > limit:
        raise ModelRejected(folder, f"{name} grew while it was read; publish to a new version instead of editing")
    return data


def _check_kind_and_size(facts: os.stat_result, path: Path, limit: int) -> None:
    if not stat.S_ISREG(facts.st_mode):
        raise ModelRejected(path.parent, f"{path.name} is not a regular file; publish the model again")
    if facts.st_size > limit:
        raise ModelRejected(
            path.parent,
            f"{path.name} has {facts.st_size} bytes, at most {limit} were expected; "
            "copy the whole folder again, or publish again",
        )
