"""cupyx.scipy: fft"""
