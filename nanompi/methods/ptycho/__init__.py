"""Ptychography. The letters of the field, everywhere in this folder:

O    : (H, W) complex               object, transmission
P    : (M, h, w) complex            probe modes; sum |P|^2 = photons of one exposure
P_s  : (S, M, h, w) complex         probe at the sub-pixel shifts of the scan
at   : (n, 3) int32                 corner of this rank's frames in O (row, column), index of the shift
psi  : (n, M, h, w) complex         exit waves psi_j = P O(r + r_j)
F    : (n, M, h, w) complex         waves at the detector
I    : (n, h, w) uint16 | float32   counts, zero frequency at [0, 0] in the far field
mask : (h, w) real                  1 = good
gain : (n,) real                    model intensity a = gain sum_m |F_m|^2
"""
