"""How a job scales with the number of ranks, predicted: for `nanompi plan` and `nanompi bench --predict`.

look      : what is known of a job before its frames are loaded
memory    : bytes of a rank, by what they are for
wire      : bytes and seconds of the sums over ranks
calibrate : seconds of a frame, of each engine, on this machine
foresee   : seconds of a whole job on N ranks, and its parallel efficiency
advise    : the text of `nanompi plan`
predict   : many ranks from one that was measured
forecast  : all of it as the program asks for it

Runs are measured in `nanompi.cluster.measure`, and drawn in `nanompi.cluster.chart`.
"""
