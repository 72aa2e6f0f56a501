"""How the CUDA kernels divide their work: figures that the .cu texts share with the code which launches
them."""

THREADS = 256  # of a block, always
ROWS = 4  # rows of a frame that one thread does, so that a block sums once for all of them
TILE_W, TILE_H = 32, 8  # threads of a block over a tile of the object, or over strips of the probe
STRIP = 4  # rows of the probe of which one thread adds up a pixel each
MOST = 65535  # blocks along y and z that CUDA allows
TILES = 2048  # blocks that go round over the tiles of the object
SEGMENT = 2048  # frames of one launch over the tiles: a block looks at each of them for each of its tiles


def over_frames(n: int, h: int, w: int) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """(grid, block) of a kernel with a thread for ROWS pixels of n frames of (h, w)"""
    wide = 64 if w > 32 else 32
    tall = THREADS // wide
    return (-(-w // wide), -(-h // (tall * ROWS)), min(n, MOST)), (wide, tall, 1)


def blocks(grid: tuple[int, int, int]) -> int:
    """Number of blocks of a grid: what a kernel returns has one figure for each."""
    return grid[0] * grid[1] * grid[2]
