"""Words for numba in which a vector holds numbers of slices side by side; as those of butterflies.py.

Arrays are flat, of float32 or float64; offsets count numbers. n : numbers of a point, a multiple of `BYTES`
in all, in a row.
"""

from llvmlite import ir
from numba.extending import intrinsic

from nanompi.device.butterflies import each, word
from nanompi.device.kernels.joseph import LANES
from nanompi.device.lanes import INDEX, INT

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


def _constants(f, *numbers):
    """Complex numbers, each in all lanes: real and imaginary parts"""
    spread = [f.spread(x) for x in numbers]
    return list(zip(spread[::2], spread[1::2]))


@intrinsic
def part_spectra(context, z, m, o, n, c, d, factors, g, h, pr, pi, qr, qi):
    """paired.ray_spectra for the n numbers at m and o of z, whose frequencies are m and L - m: c + i d is w,
    their factors stand at g and h, p and q are their phases"""

    def work(f, z, m, o, n, c, d, factors, g, h, pr, pi, qr, qi):
        (w, p, q), half = _constants(f, c, d, pr, pi, qr, qi), f.constant(0.5)
        with f.loop(f.whole(0), n, f.whole(2 * f.V)) as v:
            at, to = f.b.add(m, v), f.b.add(o, v)
            one, two = f.load_pairs(z, at), f.load_pairs(z, to).conjugate()
            even, odd = (one + two).scale(half), (one - two).scale(half).times(*w)
            for wave, place, phase, k in ((even + odd, at, p, g), ((even - odd).conjugate(), to, q, h)):
                factor = f.load_pairs(factors, f.b.add(k, v))
                f.store_pairs(wave.times(*phase) * factor, z, place)

    return word(work, "aiiirraiirrrr")(context, z, m, o, n, c, d, factors, g, h, pr, pi, qr, qi)


@intrinsic
def pair_rows(context, a, m, o, n, c, d, out, p, q):
    """paired.pair_plane for n numbers, at m and o of `a`, of rows m and H - m, which belong at p and q of
    `out`; c + i d is i e"""

    def work(f, a, m, o, n, c, d, out, p, q):
        (turn,) = _constants(f, c, d)
        with f.loop(f.whole(0), n, f.whole(2 * f.V)) as v:
            one = f.load_pairs(a, f.b.add(m, v))
            two = f.load_pairs(a, f.b.add(o, v)).conjugate()
            total, rest = one + two, (one - two).times(*turn)
            f.store_pairs(total + rest, out, f.b.add(p, v))
            f.store_pairs((total - rest).conjugate(), out, f.b.add(q, v))

    return word(work, "aiiirraii")(context, a, m, o, n, c, d, out, p, q)


@intrinsic
def filter_pair(context, z, m, o, n, c, d, factors, g, h):
    """paired.filter_rays for the n numbers at m and o of z, whose frequencies are m and L - m: c + i d is w,
    their factors stand at g and h"""

    def work(f, z, m, o, n, c, d, factors, g, h):
        (w,), half = _constants(f, c, d), f.constant(0.5)
        back = w[0], f.sub(f.constant(0), w[1])
        with f.loop(f.whole(0), n, f.whole(2 * f.V)) as v:
            at, to = f.b.add(m, v), f.b.add(o, v)
            one, two = f.load_pairs(z, at), f.load_pairs(z, to).conjugate()
            even, odd = (one + two).scale(half), (one - two).scale(half).times(*w)
            p = (even + odd) * f.load_pairs(factors, f.b.add(g, v))
            q = ((even - odd).conjugate() * f.load_pairs(factors, f.b.add(h, v))).conjugate()
            total, rest = p + q, (p - q).times(*back)
            f.store_pairs(total + rest, z, at)
            f.store_pairs((total - rest).conjugate(), z, to)

    return word(work, "aiiirraii")(context, z, m, o, n, c, d, factors, g, h)


@intrinsic
def part_pairs(context, z, o):
    """`LANES` complex numbers at o -> their real parts, then their imaginary parts"""

    def work(f, z, o):
        parts = range(0, LANES, f.V)
        waves = [f.load_pairs(z, f.plus(o, 2 * v)) for v in parts]
        for v, wave in zip(parts, waves):
            f.store(wave.re, z, f.plus(o, v))
            f.store(wave.im, z, f.plus(o, LANES + v))

    return word(work, "ai")(context, z, o)


@intrinsic
def line_shares(context, rest, step, weight, base, apart, count, i, near, far, at):
    """Of x < count, a multiple of the lanes: t = rest + x step >= 0, k = floor(t),
    i[at + x] = base + k apart, near[at + x] = weight (k + 1 - t), far[at + x] = weight (t - k)"""

    def work(f, rest, step, weight, base, apart, count, i, near, far, at):
        rest, step, weight = (f.spread(x) for x in (rest, step, weight))
        short, long = ir.VectorType(INT, f.V), ir.VectorType(INDEX, f.V)
        ramp = ir.Constant(short, [ir.Constant(INT, v) for v in range(f.V)])
        base, apart = (_everywhere(f, x, long) for x in (base, apart))
        with f.loop(f.whole(0), count, f.whole(f.V)) as x:
            number = f.b.add(ramp, _everywhere(f, f.b.trunc(x, INT), short))
            t = f.add(rest, f.mul(f.b.sitofp(number, f.vector), step))
            k, to = f.b.fptosi(t, short), f.b.add(at, x)
            place = f.b.bitcast(f.b.gep(i, [to]), long.as_pointer())
            f.b.store(f.b.add(base, f.b.mul(apart, f.b.sext(k, long))), place, align=8)
            share = f.mul(weight, f.sub(t, f.b.sitofp(k, f.vector)))
            f.store(f.sub(weight, share), near, to)
            f.store(share, far, to)

    return word(work, "rrriiitaai")(context, rest, step, weight, base, apart, count, i, near, far, at)


def _everywhere(f, x, vector):
    """A whole number in each lane"""
    none = ir.Constant(vector, ir.Undefined)
    first = f.b.insert_element(none, x, f.index(0))
    return f.shuffled(first, none, [0] * f.V)
