"""The functions of NumPy that the stand-in offers, all of which CuPy has (tests/emulate/test_cupy.py)."""

FUNCTIONS = frozenset(
    """
    abs absolute add all allclose amax amin angle any arccos arcsin arctan arctan2 argmax argmin argsort
    argwhere around array_equal atleast_1d atleast_2d average bincount bitwise_and bitwise_or bitwise_xor
    broadcast_arrays broadcast_to cbrt ceil clip concatenate conj conjugate copysign cos cosh
    count_nonzero cross cumprod cumsum deg2rad diag diff divide divmod dot einsum equal exp exp2
    expand_dims expm1 fabs flatnonzero flip floor floor_divide fmax fmin fmod greater greater_equal hypot
    imag interp invert isclose isfinite isinf isnan kron left_shift less less_equal log log10 log1p
    log2 logical_and logical_not logical_or logical_xor matmul max maximum mean median meshgrid min
    minimum mod moveaxis multiply nan_to_num nanmax nanmean nanmin nansum negative nonzero not_equal outer
    pad percentile positive power prod quantile rad2deg ravel real reciprocal remainder repeat reshape
    right_shift rint roll rollaxis rot90 round searchsorted sign signbit sin sinc sinh sort split sqrt
    square squeeze stack std subtract sum swapaxes take tan tanh tensordot tile trace transpose tril triu
    true_divide trunc unique unwrap var vdot vstack hstack dstack where
    """.split()
)

# those that give another view of the same memory where they can, without any work on the card
VIEWS = frozenset(
    """
    broadcast_to expand_dims flip imag moveaxis ravel real reshape rollaxis rot90 squeeze swapaxes
    transpose atleast_1d atleast_2d diag
    """.split()
)

TRUTH = frozenset(("allclose", "array_equal"))  # a Python bool from NumPy, a 0-d array from CuPy

CONSTANTS = frozenset(
    """
    pi e inf nan newaxis bool_ int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64
    complex64 complex128 intp uintp number integer floating complexfloating generic dtype finfo iinfo
    result_type promote_types can_cast issubdtype ndindex isscalar
    """.split()
)
