"""Whether an interpreter that the user names can run a side."""

from __future__ import annotations

import subprocess
from pathlib import Path

import msgspec

from zoobench.errors import BadInputError

NEEDED = ("torch", "numpy", "msgspec", "psutil")
"""What a worker imports beside zoobench's own files, which are brought along."""

OLDEST = (3, 11)
LIMIT_S = 60.0

_QUESTION = """
import importlib.metadata, json, sys
found = {each.metadata["Name"].lower(): each.version for each in importlib.metadata.distributions()}
wanted = {name: found[name] for name in sys.argv[1:] if name in found}
print()
print(json.dumps({"version": "%d.%d.%d" % sys.version_info[:3], "packages": wanted}))
"""


class Interpreter(msgspec.Struct, frozen=True):
    """A Python and the versions of what a worker needs of it."""

    version: str
    packages: dict[str, str]


def examine_interpreter(python: Path) -> Interpreter:
    """Ask an interpreter what it is, in one process that imports nothing large.

    Raises: BadInputError if it does not run, is too old, or lacks a package.
    """
    found = _asked(python)
    if tuple(map(int, found.version.split(".")[:2])) < OLDEST:
        raise BadInputError(f"{python} is Python {found.version}: a side needs {OLDEST[0]}.{OLDEST[1]} or newer")
    missing = [name for name in NEEDED if name not in found.packages]
    if missing:
        raise BadInputError(
            f"{python} has no {' and no '.join(missing)}: `{python} -m pip install {' '.join(missing)}` adds what a "
            "side needs"
        )
    return found


def _asked(python: Path) -> Interpreter:
    try:
        # From the root, so that no file of the folder we are in is taken for a module.
        done = subprocess.run(
            [str(python), "-c", _QUESTION, *NEEDED],
            cwd=python.anchor,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LIMIT_S,
            check=True,
        )
        return msgspec.json.decode(done.stdout.splitlines()[-1], type=Interpreter)
    except OSError as error:
        raise BadInputError(f"{python} cannot be run: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise BadInputError(f"{python} did not answer in {LIMIT_S:.0f} s: is it a Python interpreter?") from None
    except subprocess.CalledProcessError as error:
        raise BadInputError(f"{python} cannot say what it is: {_last_line(error.stderr)}") from None
    except (IndexError, msgspec.MsgspecError):
        raise BadInputError(f"{python} is no Python interpreter: it does not answer as one") from None


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it fails without a word"
