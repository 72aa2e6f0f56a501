"""List steps, readers and engines; or show one: its parameters, defaults, units, ranges."""


def arguments(parser):
    """Arguments of `nanompi methods`."""
    parser.add_argument("name", nargs="?", help="a step, reader or engine; or a section: input, run, sweep")


def main(args) -> int:
    """Exit code 0; 2 for a name that does not exist."""
    from nanompi.job import methods
    from nanompi.job.job import SECTIONS
    from nanompi.job.plain import plain
    from nanompi.methods import discover
    from nanompi.run.foreign import BROKEN

    discover()
    if args.name in SECTIONS:
        print(plain(SECTIONS[args.name]))
        _rows(SECTIONS[args.name], methods)
        return 0
    if args.name:
        for cls in methods.find(args.name):
            _one(cls, methods)
        return 0
    for kind, found in methods.table():
        print(f"{kind}s" + ("" if found else ": none"))
        for name, text in found:
            print(f"  {name:<20} {text}")
    print(*(f"left out: {why}" for why in BROKEN.values()), sep="\n", end="\n" * bool(BROKEN))
    return 0


def _one(cls, methods):
    from nanompi.job.plain import plain

    print(f"{cls.name} ({cls.kind}): {plain(cls)}\n")
    if getattr(cls, "each", ""):
        print(f"  works on each {cls.each} of {cls.takes}")
    needs = cls.needs if cls.kind == "step" else ()
    for key, names in (("needs", needs), ("gives", methods.given(cls))):
        if names:
            print(f"  {key}: {', '.join(names)}")
    if scores := methods.scores(cls):
        print(f"  a sweep can rank by: {', '.join(scores)}")
    _rows(cls, methods)
    for name, of in (("logs", "log and history"), ("explains", "verdict")):
        if figures := getattr(cls, name, {}):
            print(f"figures of its {of}")
            print(*(f"  {name:<20} {text}" for name, text in figures.items()), sep="\n")


def _rows(cls, methods):
    for name, standard, allowed, text in methods.rows(cls):
        print(f"  {name:<20} {standard:<16} {text}")
        if allowed != "section":
            print(f"  {'':<20} {'':<16} {allowed}")
