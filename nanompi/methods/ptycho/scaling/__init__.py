"""How a job scales with the number of ranks: predicted (`nanompi plan`), and measured.

look      : what is known of a job before its frames are loaded
memory    : bytes of a rank, by what they are for
wire      : bytes and seconds of the sums over ranks
calibrate : seconds of a frame, of each engine, on this machine
foresee   : seconds of a whole job on N ranks, and its parallel efficiency
measure   : runs a job on some numbers of ranks; PAR_p = T_1 / T_p, PEFF_p = T_1 / (p T_p)
chart     : the picture, as SVG text
"""
