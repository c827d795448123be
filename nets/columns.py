"""What the whole networks that read the rows of a table share: columns scaled, then features."""

from __future__ import annotations

from dataclasses import KW_ONLY

from nets.base import Array, Arrays, DataNetwork
from nets.checks import check_name
from nets.inputs import SCALINGS, Inputs, scaled_columns


class ColumnsNetwork(DataNetwork):
    """A network over the columns that `nets.inputs` knows: encoded numbers, codes of categories."""

    inputs: Inputs
    _: KW_ONLY
    scaling: str = "standard"
    missing_columns: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        check_name("scaling", self.scaling, SCALINGS)
        super().__post_init__()

    def preprocess(self, inputs: Arrays) -> dict[str, Array]:
        """Encoded columns -> scaled columns."""
        return scaled_columns(
            inputs, self._statistics("inputs"), self.scaling, self.missing_columns
        )

    def features(self, columns: Arrays, *, by_kernel: bool = False) -> Array:
        """Scaled columns -> what the first layer reads [b, d]."""
        return self.inputs(columns, self._statistics("inputs"), by_kernel=by_kernel)
