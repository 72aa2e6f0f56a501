// The object of a diffraction pattern between two projections; support.py is the contract. A thread has one pixel.

// 25 bytes a pixel in single precision: psi read and written, z and S read
extern "C" __global__ void __launch_bounds__(THREADS)
constrain(Complex* __restrict__ psi, const Complex* __restrict__ z, const bool* __restrict__ S, REAL c, REAL d, REAL t,
          int positive, int k, int h, int w) {
    const int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    if (x >= w || y >= h) return;
    for (int j = blockIdx.z; j < k; j += gridDim.z) {
        const wide at = ((wide)j * h + y) * w + x;
        const Complex a = psi[at], b = z[at];
        if (S[at] && (!positive || b.x + t * (b.x - a.x) >= 0))
            psi[at] = {b.x, positive ? REAL(0) : b.y};
        else
            psi[at] = c * a + d * b;
    }
}
