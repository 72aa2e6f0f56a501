"""Columns like those of fluorescence lines: a large and a small peak each, and a background."""

import numpy as np


def columns_of(lines: int, channels: int, detectors: int = 1) -> np.ndarray:
    """(detectors * channels, lines + 1), each of sum 1; detector i sees 1 + i parts"""
    at = np.arange(channels)[:, None]
    middle = channels * (0.1 + 0.7 * np.arange(lines) / lines)
    width = 2.5 * channels / 220
    peaks = np.exp(-((at - middle) ** 2) / (2 * width**2))
    peaks += 0.15 * np.exp(-((at - 1.12 * middle) ** 2) / (2 * width**2))
    every = np.column_stack([peaks, np.exp(-at / channels * 3)])
    every /= every.sum(0)
    shares = np.arange(1, detectors + 1) / sum(range(1, detectors + 1))
    return np.concatenate([share * every for share in shares])


def detectors(channels: int, detectors: int) -> np.ndarray:
    """(detectors * channels,) number of each channel's detector"""
    return np.repeat(np.arange(detectors, dtype=np.int32), channels)
