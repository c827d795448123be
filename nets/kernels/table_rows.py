"""What a row of a table begins with, for the kernel (tables.h): features, and sums of tables' rows.

A layer's product with features that are looked up is looked up itself. All is computed in float64.
Shapes: f number columns, m flags of missing values, c category columns, v codes of a column, q
edges of bins, w waves, d features, e features of a column, h units of the first layer, o outputs.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nets.base import Tree
from nets.embeddings import DENSE_FEATURES
from nets.inputs import Inputs
from nets.kernels.table_structures import FLOATS, Feature, Memory, Part, Sum, whole_vectors

# In the order of `PartKind` in tables.h.
PARTS = ("code", "missing", "number", "bins")
EMBEDDINGS = ("none", "piecewise_linear_b", "densely_periodic")
# Numbers in the tables of what the first layer makes of all bins, or of the codes of a column, up
# to which these are made. To fetch more of them takes longer than the products.
MAX_BINS = 1 << 17
MAX_CODES = 1 << 18
COLUMNS_AT_ONCE = 64  # whose products are computed, in float64, before they are rounded


class RowBuilder:
    """Collects, column by column, what a row begins with.

    `kernel_dh` is that of the first layer, with the scale of its products and of its inputs.
    """

    def __init__(
        self,
        inputs: Inputs,
        params: Mapping[str, Tree],
        statistics: Mapping[str, Tree],
        kernel_dh: np.ndarray,
        lanes: int,
        memory: Memory,
    ):
        self._inputs = inputs
        self._params = params
        self._statistics = statistics
        self._left_dh = kernel_dh  # rows of columns that are still to come
        self._lanes = lanes
        self._memory = memory
        self._rows: list[np.ndarray] = [np.zeros((0, kernel_dh.shape[1]), FLOATS)]
        self._n_rows = 0
        self._before_h = np.zeros(kernel_dh.shape[1])
        self._parts: list[Part] = []
        self.features: list[Feature] = []
        self.sums: list[Sum] = []

    @property
    def kernel_dh(self) -> np.ndarray:
        """The kernel of what the row has as features, rounded as the kernel reads it."""
        return np.concatenate(self._rows)

    def add_numbers(self, n_columns: int) -> None:
        """The features of number columns, as `nets.inputs.NumberEmbedding` makes them."""
        if self._inputs.embedding == "none":
            for column, row_h in enumerate(self._taken(n_columns)):
                self._add_feature(column, row_h)
        elif self._inputs.embedding == "densely_periodic":
            self._add_waves(n_columns)
        else:
            self._add_bins(n_columns)

    def add_missing(self, columns: tuple[int, ...]) -> None:
        """The flags of missing values."""
        for column, row_h in zip(columns, self._taken(len(columns)), strict=True):
            self._parts.append(self._part("missing", column, row_h[None]))

    def add_codes(self) -> None:
        """The features of categories, as `nets.inputs.CategoryEmbedding` makes them."""
        tables = self._params.get("categories", {})
        for column, size in enumerate(self._inputs.category_sizes):
            seen_v = self._statistics["seen"][column, : size + 1].astype(np.float64)
            table_ve = self._category_table(size, seen_v, tables.get(f"table_{column}"))
            own_eh = self._taken(table_ve.shape[1])
            if len(table_ve) * own_eh.shape[1] <= MAX_CODES:
                self._parts.append(self._part("code", column, table_ve @ own_eh))
            else:
                zeros_e = np.zeros(len(own_eh))
                self._add_sum(own_eh, zeros_e, [self._part("code", column, table_ve)])

    def finish(self, bias_h: np.ndarray, offset: int) -> Sum:
        """What the first layer's products begin with, at a place of the row."""
        return self._sum(offset, bias_h + self._before_h, self._parts)

    def line(self, missing: tuple[int, ...], bias_o: np.ndarray, offset: int) -> Sum:
        """What the outputs begin with: a bias, and the line of `nets/line.py` if there is one."""
        line = self._statistics.get("line")
        parts: list[Part] = []
        if line is not None:
            bias_o = bias_o + line["bias"]
            for column, row_o in enumerate(line.get("numbers", ())):
                parts.append(self._part("number", column, row_o[None]))
            for column, row_o in zip(missing, line.get("missing", ()), strict=True):
                parts.append(self._part("missing", column, row_o[None]))
            for column, table_vo in enumerate(line.get("codes", ())):
                parts.append(self._part("code", column, table_vo))
        return self._sum(offset, bias_o, parts)

    def _add_feature(self, column: int, row_h: np.ndarray) -> None:
        self.features.append(Feature(column, self._n_rows, 1, None, None))
        self._add_rows(row_h[None])

    def _add_waves(self, n_columns: int) -> None:
        """x, and a linear map of cosines, which goes into the first layer's kernel."""
        own = self._params["numbers"]
        own_feh = self._taken(n_columns * (DENSE_FEATURES + 1))
        own_feh = own_feh.reshape(n_columns, DENSE_FEATURES + 1, -1)
        self._add_before(own["embedding_bias"].astype(np.float64), own_feh[:, :-1])
        frequency_fw = whole_vectors(2 * np.pi * own["frequency"], self._lanes)
        phase_fw = whole_vectors(own["phase"], self._lanes)
        n_waves, width = own["phase"].shape[1], phase_fw.shape[1]
        frequencies = self._memory.rows(frequency_fw)
        phases = self._memory.rows(phase_fw)
        rows_fwh = np.zeros((n_columns, width + 1, own_feh.shape[2]), FLOATS)
        map_fwe = own["embedding_kernel"].astype(np.float64)
        for first in range(0, n_columns, COLUMNS_AT_ONCE):
            some = slice(first, first + COLUMNS_AT_ONCE)
            rows_fwh[some, :n_waves] = map_fwe[some] @ own_feh[some, :-1]
        rows_fwh[:, width] = own_feh[:, -1]
        for column, (frequency, phase) in enumerate(zip(frequencies, phases, strict=True)):
            place = self._n_rows + column * (width + 1)
            self.features.append(Feature(column, place, n_waves, frequency, phase))
            self.features.append(Feature(column, place + width, 1, None, None))
        self._add_rows(rows_fwh.reshape(-1, rows_fwh.shape[2]))

    def _add_before(self, bias_fe: np.ndarray, own_feh: np.ndarray) -> None:
        """What biases of the columns' features come to, one column after the other."""
        sums_fh = (bias_fe[:, None] @ own_feh)[:, 0]
        self._before_h = np.concatenate([self._before_h[None], sums_fh]).sum(0)

    def _add_bins(self, n_columns: int) -> None:
        """x w + b and the bins, which are a line between any two edges, and beyond them."""
        own = self._params["numbers"]
        edges_fq = self._statistics["edges"]
        size = own["embedding_bias"].shape[1]
        all_deh = self._taken(n_columns * size).reshape(n_columns, size, -1)
        is_folded = edges_fq.size * all_deh.shape[2] <= MAX_BINS
        for column, own_eh in enumerate(all_deh):
            edges_q = edges_fq[column]
            if not edges_q[-1] > edges_q[0]:
                continue  # training rows tell nothing of it
            is_bin_q = np.diff(edges_q) > 0
            bins_qe = own["bins_kernel"][column][is_bin_q]
            up_to_qe = np.concatenate([np.zeros((1, size)), np.cumsum(bins_qe, 0)])
            distinct_q = np.append(edges_q[:-1][is_bin_q], edges_q[-1])
            linear_e, bias_e = own["embedding_kernel"][column], own["embedding_bias"][column]
            table_qe = up_to_qe + distinct_q[:, None] * linear_e[None]
            table_qe = np.append(table_qe, linear_e[None], 0)
            part = self._part(
                "bins", column, table_qe @ own_eh if is_folded else table_qe, distinct_q
            )
            if is_folded:
                self._before_h += bias_e @ own_eh
                self._parts.append(part)
            else:
                self._add_sum(own_eh, bias_e, [part])

    def _category_table(
        self, size: int, seen_v: np.ndarray, table_ve: np.ndarray | None
    ) -> np.ndarray:
        """The features of each code."""
        if size == 2:
            return np.stack([np.array([0, -1, 1]) * seen_v, np.array([1, 0, 0]) * seen_v], 1)
        if size <= self._inputs.one_hot:
            return np.diag(seen_v)
        assert table_ve is not None
        return table_ve * seen_v[:, None]

    def _taken(self, n: int) -> np.ndarray:
        """The kernel's rows of the next n features."""
        taken, self._left_dh = self._left_dh[:n], self._left_dh[n:]
        return taken

    def _add_rows(self, kernel_eh: np.ndarray) -> None:
        """The rows of the kernel for the next features; the one after them stands at `_n_rows`."""
        self._rows.append(kernel_eh.astype(FLOATS, copy=False))
        self._n_rows += len(kernel_eh)

    def _add_sum(self, own_eh: np.ndarray, start_e: np.ndarray, parts: list[Part]) -> None:
        """Features that are a sum."""
        self.sums.append(self._sum(self._n_rows, start_e, parts))
        self._add_rows(whole_vectors(own_eh.T, self._lanes).T)

    def _sum(self, offset: int, start: np.ndarray, parts: list[Part]) -> Sum:
        width = whole_vectors(start, self._lanes).shape[-1]
        given = self._memory.structures(Part, parts)
        return Sum(offset, width, len(parts), self._vectors(start), given)

    def _part(
        self, kind: str, column: int, table: np.ndarray, edges_q: np.ndarray | None = None
    ) -> Part:
        n = len(table) if edges_q is None else len(edges_q)
        if edges_q is not None:
            edges_q = whole_vectors(edges_q, self._lanes, np.inf)
        edges = self._memory.floats(edges_q)
        return Part(PARTS.index(kind), column, n, self._vectors(table), edges)

    def _vectors(self, array: np.ndarray) -> int | None:
        return self._memory.floats(whole_vectors(array, self._lanes))
