"""The text of `nanompi plan`."""

from nanompi import units
from nanompi.methods.ptycho.halves import ENOUGH
from nanompi.methods.ptycho.scaling.foresee import foresee, sent
from nanompi.methods.ptycho.scaling.memory import block, card, memory
from nanompi.run.planning import doubling, efficiency, smallest

MOST = 64  # ranks up to which advice is given, where fewer are planned


def report(seen, cost, ranks, link, threads=1, gpu=None, per_card=1, within=None) -> str:
    """All that is known beforehand of a job on so many ranks. gpu : bytes of a card, or None; within : s"""
    lines = [*needs(seen.sizes, cost, ranks, threads)]
    if gpu:
        lines += on_card(seen.sizes, ranks, gpu, per_card)
    return "\n".join([*lines, "", *advice(seen.sizes, cost, ranks, link, within)])


def needs(sizes, cost, ranks, threads) -> list[str]:
    """Memory of the largest rank, blocks, bytes on the wire"""
    most = max(len(part) for part in sizes.parts(ranks))
    parts = memory(sizes, most, threads, cost.libraries, sizes.held(ranks))
    listed = ", ".join(f"{name} {units.show(n, 'B')}" for name, n in parts.items() if n)
    (H, W), (h, w) = sizes.shape, sizes.frame
    sends = {how: sent(sizes, ranks, how) for how in ("allreduce", "overlap")}
    return [
        f"{sizes.frames} frames of {h} x {w}, {sizes.modes} mode{'s' * (sizes.modes > 1)}, object {H} x {W}"
        + f", a probe for each frame from {sizes.varies} shape{'s' * (sizes.varies > 1)}" * sizes.varied,
        f"on {ranks} rank{'s' * (ranks > 1)}: {most} frames each, "
        f"{units.show(sum(parts.values()), 'B')} of memory per rank ({listed})",
        f"blocks of {min(most, block(sizes))} frames; sent per iteration and rank: "
        + ", ".join(f"{how} {units.show(n, 'B')}" for how, n in sends.items())
        + f"; combine: {sizes.way(ranks)}",
        *halves(sizes),
    ]


def halves(sizes) -> list[str]:
    """What `frc: halves` costs"""
    if not sizes.halves:
        return []
    more = f", or 3 times where these would overlap by less than {100 * ENOUGH:.0f} %: halves of the counts"
    said = f"halves of the {sizes.halves}: the iterations take {sizes.more + 1} times as long in all"
    return [said + more * (sizes.halves == "frames")]


def on_card(sizes, ranks, gpu, per_card) -> list[str]:
    """How the frames lie on a card. Errors: ResourceError where not one fits."""
    most = max(len(part) for part in sizes.parts(ranks))
    fit = card(sizes, most, gpu, per_card)
    away = most - fit["waves"]
    note = f"; the waves of {away} frames stay in the host's memory" if away else ""
    return [
        f"card of {units.show(gpu, 'B')}: blocks of {fit['block']} frames, all would need "
        f"{units.show(fit['need'], 'B')}{note}"
    ]


def advice(sizes, cost, ranks, link, within) -> list[str]:
    """Time and efficiency for 1, 2, 4 ... ranks, and which of them to take"""
    counts = doubling(max(ranks, MOST), sizes.frames)
    ways = {how: [foresee(sizes, cost, p, link, how) for p in counts] for how in ("allreduce", "overlap")}
    eff = {how: (efficiency(rows, "iterations"), efficiency(rows)) for how, rows in ways.items()}
    out = ["        allreduce                          overlap",
           "ranks    seconds  PEFF iter  PEFF job      seconds  PEFF iter  PEFF job"]  # fmt: skip
    for k, p in enumerate(counts):
        cells = [f"{ways[h][k].total:10.1f} {eff[h][0][k]:10.2f} {eff[h][1][k]:9.2f}" for h in ways]
        out.append(f"{p:5d} {cells[0]}   {cells[1]}{'  <- planned' * (p == ranks)}")
    best = max((p for p, e in zip(counts, eff["allreduce"][1]) if e >= 0.5), default=1)
    out.append(f"up to {best} ranks at least half of each counts (PEFF of the whole job, allreduce)")
    return out + ([_within(ways["allreduce"], within)] if within else [])


def _within(rows, within) -> str:
    row = smallest(rows, within)
    if row is None:
        best = min(rows, key=lambda r: r.total)
        return f"no number of ranks ends within {within:.0f} s; {best.ranks} need {best.total:.0f} s"
    return f"{row.ranks} rank{'s' * (row.ranks > 1)} end within {within:.0f} s: {row.total:.0f} s"
