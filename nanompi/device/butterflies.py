"""Words for numba of which Fourier transforms are made: butterflies of waves (lanes.py), and tiles turned.

Arrays are flat, of float32 or float64; offsets, strides and tables of offsets count their numbers. A word
that takes a radix r does nothing where r is none of its own.
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from nanompi.device.lanes import INDEX, Lanes

ENTER, INSIDE, LAST = (4, 8), (3, 4, 5, 7, 8), (2, 4, 8)  # radices at the beginning, then, and at the end


def word(work, kinds: str):
    """An intrinsic of numba: work(lanes, *values) writes it. kinds : of each argument: "a" array of numbers,
    "t" of others, "i" int64, "r" a number"""

    def typing(context, *given):
        real = next(a.dtype for a, kind in zip(given, kinds) if kind == "a")
        numbers = {"i": types.int64, "r": real}
        taken = [numbers.get(kind, a) for a, kind in zip(given, kinds)]

        def write(context, builder, signature, args):
            values = [
                value if kind in numbers else context.make_array(typ)(context, builder, value).data
                for value, typ, kind in zip(args, signature.args, kinds)
            ]
            work(Lanes(builder, real), *values)
            return context.get_dummy_value()

        return types.void(*taken), write

    return typing


def each(lanes: Lanes, r, radices, work):
    """A branch for each radix, of which r takes its own: work(radix)"""
    b = lanes.b
    end = b.append_basic_block("end")
    choice = b.switch(r, end)
    for radix in radices:
        block = b.append_basic_block(f"radix{radix}")
        choice.add_case(ir.Constant(INDEX, radix), block)
        b.position_at_end(block)
        work(radix)
        b.branch(end)
    b.position_at_end(end)


def places(lanes: Lanes, start, stride, n: int) -> list:
    """start, start + stride, ... n times"""
    out = [start]
    while len(out) < n:
        out.append(lanes.b.add(out[-1], stride))
    return out


def spread(lanes: Lanes, factors, t, r: int) -> list:
    """r - 1 complex numbers of a table from t on, each in all lanes: (real, imaginary)"""
    each = [lanes.spread(lanes.number(factors, lanes.plus(t, k))) for k in range(2 * r - 2)]
    return list(zip(each[::2], each[1::2]))


def twisted(waves, turns) -> list:
    """Waves 1, 2, ... times their factor"""
    return [waves[0], *(wave.times(*turn) for wave, turn in zip(waves[1:], turns))]


def put(lanes: Lanes, waves: list, i, m, factors, out):
    """What a first stage made of the waves i, i + m, ...: times their factors, where it belongs in `out`"""
    b, r, wide = lanes.b, len(waves), lanes.whole(2 * lanes.V)
    turns = spread(lanes, factors, b.mul(i, lanes.whole(2 * r - 2)), r)
    for wave, at in zip(twisted(waves, turns), places(lanes, b.mul(i, wide), b.mul(m, wide), r)):
        lanes.store_split(wave, out, at)


@intrinsic
def enter(context, r, a, o, stride, n, out, factors):
    """First stage of n interleaved waves at o, o + stride, ... of `a`: split, in a row, in `out`"""

    def work(lanes, r, a, o, stride, n, out, factors):
        def stage(radix):
            b, m = lanes.b, lanes.b.udiv(n, lanes.whole(radix))
            apart = b.mul(m, stride)
            with lanes.loop(lanes.whole(0), m, lanes.whole(1)) as i:
                first = places(lanes, b.add(o, b.mul(i, stride)), apart, radix)
                waves = lanes.dft([lanes.load_pairs(a, at) for at in first])
                put(lanes, waves, i, m, factors, out)

        each(lanes, r, ENTER, stage)

    return word(work, "iaiiiaa")(context, r, a, o, stride, n, out, factors)


@intrinsic
def again(context, r, a, table, n, out, factors):
    """First stage of n split waves, of which wave k stands at table[k] of `a`: in a row, in `out`"""

    def work(lanes, r, a, table, n, out, factors):
        def stage(radix):
            m = lanes.b.udiv(n, lanes.whole(radix))
            with lanes.loop(lanes.whole(0), m, lanes.whole(1)) as i:
                where = [lanes.number(table, k) for k in places(lanes, i, m, radix)]
                waves = lanes.dft([lanes.load_split(a, at) for at in where])
                put(lanes, waves, i, m, factors, out)

        each(lanes, r, ENTER, stage)

    return word(work, "iatiaa")(context, r, a, table, n, out, factors)


@intrinsic
def inside(context, r, a, n, size, factors, t):
    """A stage of n split waves, in parts of `size`; its factors begin at t"""

    def work(lanes, r, a, n, size, factors, t):
        def stage(radix):
            b, wide = lanes.b, lanes.whole(2 * lanes.V)
            m = b.udiv(size, lanes.whole(radix))
            step = b.mul(m, wide)
            with lanes.loop(lanes.whole(0), m, lanes.whole(1)) as i:
                at = b.add(t, b.mul(i, lanes.whole(2 * radix - 2)))
                turns = spread(lanes, factors, at, radix)
                with lanes.loop(i, n, size) as k:
                    where = places(lanes, b.mul(k, wide), step, radix)
                    waves = lanes.dft([lanes.load_split(a, at) for at in where])
                    for wave, at in zip(twisted(waves, turns), where):
                        lanes.store_split(wave, a, at)

        each(lanes, r, INSIDE, stage)

    return word(work, "iaiiai")(context, r, a, n, size, factors, t)


@intrinsic
def last(context, r, a, n):
    """The last stage of n split waves"""

    def work(lanes, r, a, n):
        def stage(radix):
            with lanes.loop(lanes.whole(0), n, lanes.whole(radix)) as i:
                waves, where = _last(lanes, a, i, radix)
                for wave, at in zip(waves, where):
                    lanes.store_split(wave, a, at)

        each(lanes, r, LAST, stage)

    return word(work, "iai")(context, r, a, n)


@intrinsic
def leave(context, r, a, n, out, p, stride, order):
    """The last stage of n split waves: interleaved, wave k at p + order[k] stride of `out`"""

    def work(lanes, r, a, n, out, p, stride, order):
        def stage(radix):
            b = lanes.b
            with lanes.loop(lanes.whole(0), n, lanes.whole(radix)) as i:
                for j, wave in enumerate(_last(lanes, a, i, radix)[0]):
                    row = b.mul(stride, lanes.number(order, lanes.plus(i, j)))
                    lanes.store_pairs(wave, out, b.add(p, row))

        each(lanes, r, LAST, stage)

    return word(work, "iaiaiit")(context, r, a, n, out, p, stride, order)


def _last(lanes, a, k, radix):
    """The transform of the waves k, k + 1, ...; where they stand"""
    o, wide = lanes.b.mul(k, lanes.whole(2 * lanes.V)), 2 * lanes.V
    where = [lanes.plus(o, wide * j) for j in range(radix)]
    return lanes.dft([lanes.load_split(a, at) for at in where]), where


@intrinsic
def part(context, a, o, out, p):
    """An interleaved wave at o of `a` -> split, at p of `out`"""

    def work(lanes, a, o, out, p):
        lanes.store_split(lanes.load_pairs(a, o), out, p)

    return word(work, "aiai")(context, a, o, out, p)


@intrinsic
def load_tile(context, a, o, stride, out, p):
    """V rows of V/2 complex numbers, at o, o + stride, ... of `a` -> V/2 split waves, in a row from p on in
    `out`: a row becomes a lane"""

    def work(lanes, a, o, stride, out, p):
        rows, half = [lanes.load(a, at) for at in places(lanes, o, stride, lanes.V)], lanes.V // 2
        columns = zip(lanes.turned(rows[:half]), lanes.turned(rows[half:]))
        for k, (low, high) in enumerate(columns):
            lanes.store_split(lanes.parted(low, high), out, lanes.plus(p, 2 * lanes.V * k))

    return word(work, "aiiai")(context, a, o, stride, out, p)


@intrinsic
def store_tile(context, a, table, k, out, p, stride):
    """The opposite of `load_tile`; the waves stand at table[k], table[k + 1], ... of `a`"""

    def work(lanes, a, table, k, out, p, stride):
        where = [lanes.number(table, lanes.plus(k, j)) for j in range(lanes.V // 2)]
        halves = zip(*(lanes.paired(lanes.load_split(a, at)) for at in where))
        rows = [row for half in halves for row in lanes.turned(half)]
        for row, at in zip(rows, places(lanes, p, stride, lanes.V)):
            lanes.store(row, out, at)

    return word(work, "atiaii")(context, a, table, k, out, p, stride)
