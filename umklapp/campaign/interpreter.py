"""The Python of this environment under a path that a shell reads without quotes.

Snakemake writes `sys.executable` unquoted into the commands of its jobs, and torch the folder of
its headers into those of the compiler. If the clone, and with it `.venv`, lies in a folder with a
space in its name, no job would start and no graph would be compiled.
"""

from __future__ import annotations

import hashlib
import os
import shlex
from pathlib import Path


def link_to(executable: str) -> Path:
    """Where the link to the environment of this Python lies: in the cache, which all nodes see.

    A folder of the working directory, by its relative path, where the cache needs quotes itself.

    Args:
        executable: absolute path of a Python, `…/bin/python`.
    """
    cache = Path(os.environ.get("UMKLAPP_CACHE", "~/.cache/umklapp")).expanduser()
    name = hashlib.sha256(str(Path(executable).parents[1]).encode()).hexdigest()[:16]
    link = cache / "environments" / name
    return link if shlex.quote(str(link)) == str(link) else Path(".snakemake/environment")


def path_for_shell(executable: str, link: Path) -> str:
    """The executable itself, or its path through a link to its environment if it needs quotes.

    Args:
        executable: absolute path of a Python, `…/bin/python`. link: path, without characters that
            need quotes, of the link that is made to the environment; it leads to this environment
            afterwards.

    Raises:
        OSError: the link cannot be made.
    """
    if shlex.quote(executable) == executable:
        return executable
    environment = Path(executable).parents[1]
    if not link.exists() or not link.samefile(environment):
        link.parent.mkdir(parents=True, exist_ok=True)
        part = link.with_name(f"{link.name}.{os.getpid()}")
        part.symlink_to(environment, target_is_directory=True)
        part.replace(link)  # jobs that start at the same time make the same link
    return str(link / "bin" / Path(executable).name)
