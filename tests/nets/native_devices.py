"""A program of two devices: rows sharded by jit, shard_map and pmap; run by test_native_bits.py.

It has more threads than the test that runs it, and prints the bits that its gradients have.
"""

import jax
import jax.numpy as jnp
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

import tests.nets.lstm_layers as t
import tests.nets.test_native_bits as bits
from nets.recurrence import lstm
from nets.recurrence_scan import LayerInputs

layer, pulls = t.make_layer((8, 6, 3, 20), t.REVERSE), t.make_pulls((8, 6, 3, 20), t.REVERSE)
truth = t.scanned_both(t.REVERSE, layer, pulls)


def both(layer, pulls):
    def door(given):
        carry = tuple(given[4:6])
        outputs, carry = lstm(*given[:4], carry, layer.lengths_b, given.mask_dbh, reverse=t.REVERSE)
        return outputs, carry.h_dbh, carry.c_dbh

    answer, pull = jax.vjp(door, layer._replace(lengths_b=None))
    return answer, pull(pulls)[0]


mesh = jax.make_mesh((2,), ("rows",), axis_types=(AxisType.Auto,))
first, rows, all_rows = P("rows"), P(None, "rows"), P()
places = (
    LayerInputs(first, all_rows, all_rows, all_rows, rows, rows, first, rows),
    (first, rows, rows),
)


def put(part, place):
    return jax.device_put(part, NamedSharding(mesh, place))


placed = jax.tree.map(put, (layer, pulls), places)
t.assert_close(jax.jit(both)(*placed), truth)
assert "denseq_" not in jax.jit(both).lower(*placed).as_text()


def summed(layer, pulls):
    answer, slopes = both(layer, pulls)
    weights = LayerInputs._fields[1:4]
    sums = {name: jax.lax.psum(getattr(slopes, name), "rows") for name in weights}
    return answer, slopes._replace(**sums)


out = places[1], places[0]._replace(lengths_b=None)
apart = jax.jit(jax.shard_map(summed, mesh=mesh, in_specs=places, out_specs=out, check_vma=False))
t.assert_close(apart(layer, pulls), truth)
assert "denseq_lstm_backward" in apart.lower(layer, pulls).as_text()


def split(part, place):
    if "rows" not in place:
        return jnp.stack([part] * 2)
    return jnp.stack(jnp.split(part, 2, place.index("rows")))


halves = jax.tree.map(split, (layer, pulls), places)
answers = jax.pmap(lambda layer, pulls: summed(layer, pulls)[0], axis_name="rows")(*halves)
joined = [jnp.concatenate(list(part), min(i, 1)) for i, part in enumerate(answers)]
t.assert_close(tuple(joined), truth[0])
print("equal on", jax.device_count())
print(*bits.digests())
