"""How the CUDA kernels divide their work: figures that the .cu texts share with the code which launches
them."""

THREADS = 256  # of a block, always
ROWS = 2  # rows of a frame of which one thread does a pixel each, or two where rows are even
WRITTEN_OUT = (1, 2, 3, 4)  # numbers of modes that have a kernel of their own, which keeps them in registers
TILE_W, TILE_H = 32, 8  # threads of a block over a tile of the object, or over strips of the probe
STRIP = 4  # rows of the probe of which one thread adds up a pixel each
MOST = 65535  # blocks along y and z that CUDA allows
TILES = 2048  # blocks that go round over the tiles of the object
SEGMENT = 2048  # frames of one launch over the tiles: a block looks at each of them for each of its tiles


def pixels(w: int) -> int:
    """Neighbours that a thread does in a row of w pixels: two where they can be read in one piece"""
    return 1 if w % 2 else 2


def over_frames(n: int, h: int, w: int) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """(grid, block) of a kernel with a thread for a patch of n frames of (h, w)"""
    wide = (64 if w > 32 else 32) // pixels(w)
    tall = THREADS // wide
    return (-(-w // (wide * pixels(w))), -(-h // (tall * ROWS)), min(n, MOST)), (wide, tall, 1)


def over_images(k: int, h: int, w: int) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """(grid, block) of a kernel with a thread for a pixel of each of k images of (h, w)"""
    return (-(-w // TILE_W), -(-h // TILE_H), min(k, MOST)), (TILE_W, TILE_H, 1)


def variant(text: str, modes: int, pixels: int) -> str:
    """The kernel for frames of so many modes, with so many neighbours a thread, of those that one text stands
    for: MODES is their number, or 0 for the one that takes any; PIXELS that of the neighbours"""
    return text.replace("MODES", str(modes * (modes in WRITTEN_OUT))).replace("PIXELS", str(pixels))


def variants(text: str) -> list[str]:
    """All of them"""
    every = (variant(text, modes, pixels) for pixels in (2, 1) for modes in (*WRITTEN_OUT, 0))
    return list(dict.fromkeys(every))


def blocks(grid: tuple[int, int, int]) -> int:
    """Number of blocks of a grid: what a kernel returns has one figure for each."""
    return grid[0] * grid[1] * grid[2]
