"""Where a stack of images stands in an HDF5 file that nobody has described: by shapes, units and names.

A group holds a stack where a dataset of photon energies (in eV, keV or J by its unit, or called
energy) is as long as the first axis of a dataset of three axes beside it: NXstxm, and what many beamlines
write. Places along y and x are those in units of length, I0 is called as monitors are; NXstxm has it in the
NXmonitor of the entry.
"""

from nanompi.io.hdf5 import hdf5, open_hdf5, real, text, unit, walk, whole
from nanompi.methods.maps.xrf.exposure import MONITOR
from nanompi.units import DIMENSIONS

ENERGIES = {"ev", "kev", "j"}
FEWEST = 3  # images of a stack
WIDEST = 2.0  # highest over lowest energy: an axis of channels of a spectrum begins near zero
LENGTHS = DIMENSIONS["m"]
SIDES = {"y": ("y", "sample_y"), "x": ("x", "sample_x")}


def stack_paths(file: str) -> list[dict[str, str]]:
    """{"images": path, "energies": path, ...} of each stack in a file."""
    with open_hdf5(file) as opened:
        groups = [(path, one) for path, one in walk(opened) if isinstance(one, hdf5().Group)]
        monitors = [f"{path}/data" for path, one in groups if _is_monitor(one)]
        found = filter(None, (_in_group(path, one) for path, one in groups))
        return [_with_monitor(opened, own, monitors) for own in found]


def _is_monitor(group) -> bool:
    return text(group.attrs.get("NX_class", "")) == "NXmonitor" and "data" in group


def _in_group(path: str, group) -> dict[str, str]:
    own = {name: one for name, one in _members(group) if isinstance(one, hdf5().Dataset)}
    lines = {name: one for name, one in own.items() if one.ndim == 1}
    for name, one in lines.items():
        images = [k for k, other in own.items() if other.ndim == 3 and len(other) == len(one)]
        images = [k for k in images if own[k].dtype.kind in "iuf"]
        if images and _are_energies(name, one):
            signal = text(group.attrs.get("signal", ""))
            image = signal if signal in images else images[0]
            named = {"images": image, "energies": name, **_sides(lines, own[image].shape)}
            i0 = next((k for k, v in lines.items() if len(v) == len(one) and MONITOR.match(k)), "")
            named |= {"i0": i0} if i0 else {}
            return {key: f"{path}/{k}" for key, k in named.items()}
    return {}


def _members(group):
    """(name, object) of those that can be reached"""
    for name in group:
        try:
            yield name, group[name]
        except KeyError:
            continue


def _are_energies(name: str, data) -> bool:
    own = unit(data).lower()
    if len(data) < FEWEST or not (own in ENERGIES or (not own and "energy" in name.lower())):
        return False
    values = real(whole(data), name)
    return bool(0 < values.min() and values.max() < WIDEST * values.min())


def _sides(lines: dict, shape) -> dict[str, str]:
    """Datasets with the places of rows and columns, in units of length"""
    out = {}
    for axis, n in zip("yx", shape[1:]):
        fits = [k for k in SIDES[axis] if k in lines and len(lines[k]) == n and unit(lines[k]) in LENGTHS]
        out |= {axis: fits[0]} if fits else {}
    return out


def _with_monitor(opened, found: dict[str, str], monitors: list[str]) -> dict[str, str]:
    """With the NXmonitor of the same entry, where nothing beside the images is I0"""
    shape, entry = opened[found["images"]].shape, found["images"].split("/")[1]
    fits = [path for path in monitors if opened[path].shape in (shape[:1], shape)]
    fits = [path for path in fits if path.split("/")[1] == entry]
    return found if "i0" in found or not fits else found | {"i0": fits[0]}
