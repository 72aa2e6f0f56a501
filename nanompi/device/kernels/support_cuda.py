"""support.py on a GPU: how the kernel of support.cu is launched. gpu : the device"""

from numpy import int32 as _int32

from nanompi.device.kernels import layout as _layout


def constrain(gpu, psi, z, S, c, d, t, positive):
    if len(psi):
        launch = gpu.launches.over("support", "constrain", *_layout.over_images(*psi.shape), psi.shape)
        launch((psi, z, S), gpu.real(c), gpu.real(d), gpu.real(t), _int32(bool(positive)))
