"""peaks.py on a GPU: how the kernel of peaks.cu is launched, a thread for each row. gpu : the device"""

from numpy import int32 as _int32

from nanompi.device.kernels.peaks import ABREAST as _ABREAST


def fit_peaks(gpu, x, y, weight, counting, shape, p, errors, chi2):
    n, m = y.shape
    if n:
        grid, block = (-(-n // _ABREAST), 1, 1), (_ABREAST, 1, 1)
        launch = gpu.launches.over("peaks", "fit_peaks", grid, block, (n, m))
        work = gpu.xp.empty_like(y)
        launch((x, y, weight, counting, work, p, errors, chi2), _int32(shape))
