"""Arrays over the ranks: described, spread, loaded, redistributed, walked in blocks. Four nouns:

Data    : an array with named axes, such as (angle, row, column). Each rank holds a part of it, or nothing is
    loaded and `source` says where its rows are. With it go coordinates of its axes, facts in SI and small
    arrays beside it (`data`). A run has them by name, run.data["data"] is what the reader gave.
Pattern : which axes must be whole in one item: a frame (row, column), a sinogram (angle, column), a spectrum
    (channel), nothing (pixel). A step says it with each=; a reader says which axes it gives; the job file
    says neither.
Spread  : the axis along which the ranks share the data, equal runs by default. Where a step needs that axis
    whole in each item, the program redistributes them, and says so (`respread`).
Block   : k items, (k, *core), which a step gets as an array of the CPU or the card, and answers with what
    replaces them, or with declared results: item(...) for each item, total(...) added up over all ranks
    (`walk`). Steps that want whole rows of the file run while these are loaded, in the cache (`load`); what
    others then share differently goes to them straight from there (`rows`). Steps that follow one another
    share a pass; what has no room lies on a disk (`room`) or is made again (`remade`).

What a step makes of an item, whatever its block, has the same bits on any number of ranks; so have the sums
(`exact`).
"""
