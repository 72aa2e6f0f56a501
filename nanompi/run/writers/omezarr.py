"""A stack as OME-Zarr 0.5 (ngff.openmicroscopy.org/0.5): Zarr version 3 with shards, levels of half the size.

What lies in one row of shards is one rank's, on all levels: shards of a level are half as large as those of
the level before, and nobody waits for anybody. A voxel is the mean of 2 x 2 x 2 of the level before; at an
odd end the last slice, row or column counts twice.
"""

import numpy as np

from nanompi.run.writers.stacks import Stack, new_folder, shares_of

SHARD = (64, 512, 512)  # of the first level
CHUNK = 64
LEVELS = 4
SMALLEST = 64  # px: a level whose longest side is shorter is not made
UNITS = {"um": "micrometer", "nm": "nanometer", "m": "meter", "mm": "millimeter"}


def write_omezarr(run, stack: Stack | None, name: str, alone: bool) -> None:
    """RUN/NAME.ome.zarr (collective). Errors: ResourceError."""
    import zarr

    shapes = levels(run.result.data[name].shape)
    own = shares_of(run.team, shapes[0][0], alone, SHARD[0])
    with new_folder(run, run.store.folder / f"{name}.ome.zarr") as part:
        if run.team.root:
            _laid_out(part, stack, shapes)
        run.team.rest()
        arrays = [zarr.open_array(part / str(k), mode="r+") for k in range(len(shapes))] if len(own) else []
        for z in range(own[0], own[-1] + 1, SHARD[0]) if len(own) else ():
            for y in range(0, shapes[0][1], SHARD[1]):
                _band(arrays, stack.values[z : z + SHARD[0], y : y + SHARD[1]], z, y)
                run.clock.tick()


def _band(arrays: list, values: np.ndarray, z: int, y: int) -> None:
    """A row of shards, on all levels."""
    for k, array in enumerate(arrays):
        values = halved(values) if k else values
        z, y = (z // 2, y // 2) if k else (z, y)
        array[z : z + values.shape[0], y : y + values.shape[1]] = values


def levels(shape) -> list[tuple[int, ...]]:
    """Shapes of all levels, the first is that of the stack."""
    out = [tuple(shape)]
    while len(out) < LEVELS and max(out[-1]) >= 2 * SMALLEST:
        out.append(tuple(-(-n // 2) for n in out[-1]))
    return out


def halved(values: np.ndarray) -> np.ndarray:
    """Means of 2 x 2 x 2, of the same type; integers are rounded."""
    kind, values = values.dtype, values.astype(np.float32)
    for axis in range(3):
        odd = values.shape[axis] % 2
        values = np.concatenate([values, values.take([-1], axis)], axis) if odd else values
        first, second = (values[(slice(None),) * axis + (slice(k, None, 2),)] for k in (0, 1))
        values = (first + second) / 2
    return (np.rint(values) if kind.kind in "iu" else values).astype(kind)


def _laid_out(part, stack: Stack, shapes) -> None:
    """Group and empty arrays (rank 0)."""
    import zarr
    from zarr.codecs import BloscCodec

    zarr.create_group(store=part, zarr_format=3, overwrite=True, attributes=attributes(stack, len(shapes)))
    for k, shape in enumerate(shapes):
        shard = tuple(n >> k for n in SHARD)
        zarr.create_array(
            store=part,
            name=str(k),
            shape=shape,
            dtype=stack.values.dtype,
            chunks=tuple(min(n, CHUNK) for n in shard),
            shards=shard,
            compressors=BloscCodec(cname="lz4", clevel=1, shuffle="bitshuffle"),
            dimension_names=stack.axes,
            fill_value=0,
        )


def attributes(stack: Stack, n: int) -> dict:
    """What OME-Zarr 0.5 wants to know of an image with n levels."""
    unit = {"unit": UNITS[stack.unit]} if stack.unit in UNITS else {}
    image = {
        "name": stack.name,
        "axes": [{"name": axis, "type": "space", **unit} for axis in "zyx"],
        "datasets": [{"path": str(k), "coordinateTransformations": _place(stack, k)} for k in range(n)],
        "type": "mean",
    }
    out = {"ome": {"version": "0.5", "multiscales": [image]}}
    if stack.scaling:
        out["values"] = {"scale": stack.scaling.scale, "offset": stack.scaling.offset}
    return out


def _place(stack: Stack, k: int) -> list[dict]:
    """Where a level lies: the middle of its first voxel is that of the voxels of which it is the mean."""
    scale = [pixel * 2**k for pixel in stack.pixel]
    shift = [pixel * (2**k - 1) / 2 for pixel in stack.pixel]
    return [{"type": "scale", "scale": scale}, {"type": "translation", "translation": shift}]
