"""From encoded columns to the features a net sees.

Shapes: b batch, f number columns, c category columns, d features. Encoded columns are float32 with
NaN for a missing number, and int32 codes with 0 for a missing or unseen category. What was fitted
on the training rows comes in as `statistics`:
    fill_f             stands in for a missing number
    center_f, scale_f  for scaling "standard" and "robust"
    knots_fk           increasing quantiles, for scaling "quantile"
    edges_fe           bin edges of the scaled numbers, for the piecewise-linear embeddings
    seen_cv            1 where code v occurred in the training rows, else 0
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from nets.base import Array, Arrays
from nets.checks import check_name
from nets.embeddings import (
    DENSE_FEATURES,
    Bins,
    Waves,
    angles,
    bin_shares,
    embed_numbers,
    map_parts,
)
from nets.kernels import library
from nets.kernels.embeddings import native_embedding, suits

SCALINGS = ("standard", "robust", "quantile", "none")
# Embeddings that read quantiles of the scaled numbers.
BINNED = ("piecewise_linear", "piecewise_linear_b")
EMBEDDINGS = ("none", *BINNED, "periodic", "densely_periodic")


def scale_numbers(x_bf: Array, statistics: Arrays, scaling: str) -> Array:
    """Missing numbers filled, then every column brought to the order of one.

    "robust" is (x - median) / IQR bent smoothly into (-3, 3) by z / sqrt(1 + (z/3)^2) (Holzmueller
    et al. 2024); "quantile" maps a column's training distribution to the normal one, as
    scikit-learn's QuantileTransformer does.
    """
    x_bf = jnp.where(jnp.isnan(x_bf), statistics["fill"][None], x_bf)
    if scaling == "quantile":
        return _to_normal(x_bf, statistics["knots"])
    if scaling == "none":
        return x_bf
    z_bf = (x_bf - statistics["center"][None]) / statistics["scale"][None]
    # hypot is sqrt(1 + (z/3)^2) without the overflow that would bring a value of 1e30 back to 0.
    return z_bf / jnp.hypot(1.0, z_bf / 3) if scaling == "robust" else z_bf


def _to_normal(x_bf: Array, knots_fk: Array) -> Array:
    share_k = jnp.linspace(0.0, 1.0, knots_fk.shape[1])

    def share_below(x_b: Array, knots_k: Array) -> Array:
        return jnp.interp(x_b, knots_k, share_k)

    share_bf = jax.vmap(share_below, in_axes=(1, 0), out_axes=1)(x_bf, knots_fk)
    # scikit-learn's bound: an outlier lands at +-5.2 standard deviations, not at infinity.
    return jax.scipy.special.ndtri(jnp.clip(share_bf, 1e-7, 1 - 1e-7))


class NumberEmbedding(nn.Module):
    """Each number column becomes several features of its own (Gorishniy et al. 2022).

    "piecewise_linear": how far x has passed through each bin between its training quantiles, then a
    linear map. "piecewise_linear_b": x w + b, and beside it a map of the bins that starts at zero
    (version B of the authors' package, which TabM uses); a column whose edges are one point, for
    training rows tell nothing of it, gives zeros. "periodic": cos and sin of learned frequencies, a
    linear map and ReLU. "densely_periodic": x itself beside a linear map, to 3, of cos(2 pi w x +
    b) (PBLD, Holzmueller et al. 2024).
    """

    kind: str
    size: int
    scale: float

    @nn.compact
    def __call__(self, x_bf: Array, statistics: Arrays, *, by_kernel: bool = False) -> Array:
        n_columns = x_bf.shape[1]
        match self.kind:
            case "piecewise_linear":
                shares_bfe = bin_shares(x_bf, statistics["edges"])
                e_bfk = map_parts(shares_bfe, *self._map(n_columns, shares_bfe.shape[2], self.size))
            case "piecewise_linear_b":
                e_bfk = _embedded(self._bins(x_bf, statistics["edges"]), by_kernel)
            case "periodic":
                angle_bfe = angles(x_bf, self._frequency(n_columns))
                waves_bfe = jnp.concatenate([jnp.cos(angle_bfe), jnp.sin(angle_bfe)], -1)
                own_map = self._map(n_columns, 2 * self.size, self.size)
                e_bfk = nn.relu(map_parts(waves_bfe, *own_map))
            case _:
                frequency_fe = self._frequency(n_columns)
                phase_fe = self.param("phase", _uniform(jnp.pi), frequency_fe.shape)
                own_map = self._map(n_columns, self.size, DENSE_FEATURES)
                e_bfk = _embedded(Waves(x_bf, frequency_fe, phase_fe, *own_map), by_kernel)
        return e_bfk.reshape(x_bf.shape[0], -1)

    def _bins(self, x_bf: Array, edges_fe: Array) -> Bins:
        n_columns, n_edges = edges_fe.shape
        start = _uniform(self.size**-0.5)
        kernel_fk = self.param("embedding_kernel", start, (n_columns, self.size))
        bias_fk = self.param("embedding_bias", start, (n_columns, self.size))
        zeros = nn.initializers.zeros_init()
        bins_fek = self.param("bins_kernel", zeros, (n_columns, n_edges - 1, self.size))
        return Bins(x_bf, edges_fe, kernel_fk, bias_fk, bins_fek)

    def _frequency(self, n_columns: int) -> Array:
        start = nn.initializers.normal(self.scale)
        return self.param("frequency", start, (n_columns, self.size))

    def _map(self, n_columns: int, fan_in: int, size: int) -> tuple[Array, Array]:
        """Kernel and bias of a linear map of each column's own."""
        start = nn.initializers.normal(fan_in**-0.5)
        kernel = self.param("embedding_kernel", start, (n_columns, fan_in, size))
        zeros = nn.initializers.zeros_init()
        return kernel, self.param("embedding_bias", zeros, (n_columns, size))


def _embedded(given: Bins | Waves, by_kernel: bool) -> Array:
    """Features of numbers by the compiled kernel, where it may be asked and there is one."""
    if by_kernel and suits(given) and library.is_native():
        return native_embedding(given)
    return embed_numbers(given)


def _uniform(reach: float) -> nn.initializers.Initializer:
    """Numbers from -reach to reach."""

    def draw(key: Array, shape: tuple[int, ...], dtype=jnp.float32) -> Array:
        return jax.random.uniform(key, shape, dtype, -reach, reach)

    return draw


class CategoryEmbedding(nn.Module):
    """Codes to features: -1 or +1 for two categories, one-hot up to `one_hot`, vectors beyond.

    A code that training rows never showed gives zeros: neither this net nor chance has an opinion
    on it. A missing category that they did show is a category like the others. Vectors have min(50,
    v // 2 + 1) features (fastai).
    """

    sizes: tuple[int, ...]  # per column: known categories, without code 0
    one_hot: int

    @nn.compact
    def __call__(self, codes_bc: Array, statistics: Arrays) -> Array:
        features = []
        for i, size in enumerate(self.sizes):
            code_b = codes_bc[:, i]
            seen_v = statistics["seen"][i, : size + 1]
            if size == 2:
                sign_v = jnp.array([0.0, -1.0, 1.0])
                columns = [(sign_v * seen_v)[code_b][:, None], (seen_v[0] * (code_b == 0))[:, None]]
                features += columns
            elif size <= self.one_hot:
                features.append(jax.nn.one_hot(code_b, size + 1) * seen_v[None])
            else:
                shape = (size + 1, category_width(size, self.one_hot))
                table_ve = self.param(f"table_{i}", nn.initializers.normal(shape[1] ** -0.5), shape)
                features.append((table_ve * seen_v[:, None])[code_b])
        return jnp.concatenate(features, -1)


def category_width(size: int, one_hot: int) -> int:
    """Features of a column of so many known categories."""
    if size == 2:
        return 2
    return size + 1 if size <= one_hot else min(50, size // 2 + 1)


class Inputs(nn.Module):
    """Scaled columns to what the first layer reads: embeddings, one-hot, a learned input scale.

    Features come in as `scaled_columns` gives them. `input_scale` multiplies each feature by a
    learned factor, 1 at start: a soft choice of columns (Holzmueller et al. 2024).
    """

    category_sizes: tuple[int, ...] = ()
    one_hot: int = 64
    embedding: str = "none"
    embedding_size: int = 16
    embedding_scale: float = 0.1
    input_scale: bool = False

    def __post_init__(self) -> None:
        check_name("embedding", self.embedding, EMBEDDINGS)
        super().__post_init__()

    def widths(self, columns: Arrays) -> tuple[int, ...]:
        """How many features each column has, in their order: of a flag one."""
        found = []
        if "numbers" in columns:
            found += [self._number_width()] * columns["numbers"].shape[-1]
        if "missing" in columns:
            found += [1] * columns["missing"].shape[-1]
        for size in self.category_sizes if "codes" in columns else ():
            found.append(category_width(size, self.one_hot))
        return tuple(found)

    def _number_width(self) -> int:
        """Features of a number."""
        match self.embedding:
            case "none":
                return 1
            case "densely_periodic":
                return DENSE_FEATURES + 1
            case _:
                return self.embedding_size

    @nn.compact
    def __call__(self, columns: Arrays, statistics: Arrays, *, by_kernel: bool = False) -> Array:
        """`by_kernel`: embeddings of numbers may be computed by the compiled kernel."""
        parts = []
        if "numbers" in columns:
            numbers_bf = columns["numbers"]
            if self.embedding != "none":
                embed = NumberEmbedding(
                    self.embedding, self.embedding_size, self.embedding_scale, name="numbers"
                )
                numbers_bf = embed(numbers_bf, statistics, by_kernel=by_kernel)
            parts.append(numbers_bf)
        if "missing" in columns:
            parts.append(columns["missing"])
        if "codes" in columns:
            embed = CategoryEmbedding(self.category_sizes, self.one_hot, name="categories")
            parts.append(embed(columns["codes"], statistics))
        x_bd = jnp.concatenate(parts, -1)
        if self.input_scale:
            ones = nn.initializers.ones_init()
            x_bd = x_bd * self.param("input_scale", ones, x_bd.shape[-1:])[None]
        return x_bd


def scaled_columns(
    inputs: Arrays,
    statistics: Arrays,
    scaling: str,
    missing_columns: tuple[int, ...],
) -> dict[str, Array]:
    """Raw columns -> scaled numbers, 0/1 flags for `missing_columns`, and codes.

    Holds no parameters, so that a training set can be prepared once instead of at every step.
    """
    columns: dict[str, Array] = {}
    if "numbers" in inputs:
        raw_bf = inputs["numbers"]
        columns["numbers"] = scale_numbers(raw_bf, statistics, scaling)
        if missing_columns:
            is_missing = jnp.isnan(raw_bf[:, jnp.array(missing_columns)])
            columns["missing"] = is_missing.astype(jnp.float32)
    if "codes" in inputs:
        columns["codes"] = inputs["codes"]
    return columns
