"""Lines for a job file, each with the part of it where it belongs."""

SECTIONS = dict.fromkeys(("distance", "focus", "select", "lag", "rotate", "stretch"), "input")
STEPS = {"orientation": "ptycho.prepare", "mask": "ptycho.prepare", "rebin": "ptycho.prepare"}


def placed(line: str) -> str:
    """ "positions: true" -> "positions: true  # use: ptycho", as YAML takes it; "" stays."""
    key = line.partition(":")[0]
    if not line:
        return ""
    return f"{line}  # {SECTIONS[key]}" if key in SECTIONS else f"{line}  # use: {STEPS.get(key, 'ptycho')}"
