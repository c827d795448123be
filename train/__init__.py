"""From a config to a trained, saved, answering network. Seven files show the whole of it, in order:

configs/diabetes.py      a run as its user writes it: options, and nothing else
train/main.py            the command: a config and its flags in, then one call
train/loop.py            the only training loop: wait, save, dispatch, write
train/data/dataset.py    what a kind of data offers: batches, heads, an encoder and a data set
train/core/program.py    what is compiled: the arrays of a run, and the code that works on them
train/core/step.py       the heart: one update, its gradients, and an epoch of them
nets/table.py            a whole network: encoded columns of a table in, answers out
"""
