"""device/kernels"""
