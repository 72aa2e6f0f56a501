"""Words for numba in which a vector holds numbers of slices side by side; as those of butterflies.py.

Arrays are flat, of float32 or float64; offsets count numbers. n : numbers of a point, a multiple of `BYTES`
in all, in a row.
"""

from llvmlite import ir
from numba.extending import intrinsic

from nanompi.device.butterflies import each, word

WIDTHS = (2, 4, 6, 8)  # points of a window


def _row_weights(f, W, w, m, apart):
    """W weights, each in all lanes"""
    return [f.spread(f.number(w, f.b.add(m, f.b.mul(apart, f.whole(j))))) for j in range(W)]


def _conjugating(f, q, sign):
    """(q, sign q, q, sign q, ...): what multiplies interleaved complex numbers"""
    pair = f.b.insert_element(ir.Constant(f.vector, ir.Undefined), q, f.index(0))
    pair = f.b.insert_element(pair, f.b.fmul(q, sign), f.index(1))
    return f.shuffled(pair, pair, [i % 2 for i in range(f.V)])


@intrinsic
def put_row(context, W, s, i, n, q, sign, w, m, apart, grid, o):
    """grid[o + j n + v] += q w[m + j apart] s[i + v] for j < W, v < n; where sign is -1, s conjugated"""

    def work(f, W, s, i, n, q, sign, w, m, apart, grid, o):
        def row(width):
            weights, factor = _row_weights(f, width, w, m, apart), _conjugating(f, q, sign)
            with f.loop(f.whole(0), n, f.whole(f.V)) as v:
                x, at = f.mul(factor, f.load(s, f.b.add(i, v))), f.b.add(o, v)
                for weight in weights:
                    f.store(f.add(f.load(grid, at), f.mul(weight, x)), grid, at)
                    at = f.b.add(at, n)

        each(f, W, WIDTHS, row)

    return word(work, "iaiirraiiai")(context, W, s, i, n, q, sign, w, m, apart, grid, o)


@intrinsic
def get_row(context, W, grid, o, n, q, sign, w, m, apart, s, i):
    """s[i + v] += q sum_j w[m + j apart] grid[o + j n + v] for j < W, v < n; where sign is -1, conjugated"""

    def work(f, W, grid, o, n, q, sign, w, m, apart, s, i):
        def row(width):
            weights, factor = _row_weights(f, width, w, m, apart), _conjugating(f, q, sign)
            with f.loop(f.whole(0), n, f.whole(f.V)) as v:
                at, place = f.b.add(o, v), f.b.add(i, v)
                total = f.mul(weights[0], f.load(grid, at))
                for weight in weights[1:]:
                    at = f.b.add(at, n)
                    total = f.add(total, f.mul(weight, f.load(grid, at)))
                f.store(f.add(f.load(s, place), f.mul(factor, total)), s, place)

        each(f, W, WIDTHS, row)

    return word(work, "iaiirraiiai")(context, W, grid, o, n, q, sign, w, m, apart, s, i)
