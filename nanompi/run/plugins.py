"""What other packages offer by entry points: mostly nothing, which is seen in a glance.

importlib.metadata brings readers of mails and of archives and parses the entry points of all packages: work
of a fifth of the import of NumPy. It is asked where a package names the group at all.
"""

import os
import sys
from importlib.machinery import PathFinder

ABOUT = (".dist-info", ".egg-info")


def offered(group: str) -> list:
    """Entry points (importlib.metadata.EntryPoint) of a group, of all packages that can be imported."""
    if not any(_names(folder, group.encode()) for folder in sys.path) and not _others():
        return []
    from importlib.metadata import entry_points

    return list(entry_points(group=group))


def _others() -> bool:
    """Do packages come from elsewhere than the folders of sys.path?"""
    return any(hasattr(one, "find_distributions") for one in sys.meta_path if one is not PathFinder)


def _names(folder: str, group: bytes) -> bool:
    """May a package in a folder of sys.path name the group? Yes, where it is an archive."""
    try:
        with os.scandir(folder or ".") as entries:
            names = [one.name for one in entries if one.name.endswith((*ABOUT, ".egg"))]
    except NotADirectoryError:
        return True
    except OSError:
        return False
    return any(one.endswith(".egg") or _holds(os.path.join(folder, one), group) for one in names)


def _holds(about: str, group: bytes) -> bool:
    try:
        with open(os.path.join(about, "entry_points.txt"), "rb") as file:
            return group in file.read()
    except OSError:
        return False
