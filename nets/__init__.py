"""Networks: arrays in, arrays out. No files, no optimizer, no loop."""

from nets.activations import ACTIVATIONS
from nets.autoencoder import Autoencoder
from nets.base import (
    Array,
    Arrays,
    DataNetwork,
    Params,
    Statistics,
    Tree,
    Variables,
    init_variables,
)
from nets.competitive import Competitive
from nets.convolution import Convolutions
from nets.cycles import Circle, Cycle
from nets.dense import Dense
from nets.fixed import FixedFilters
from nets.forecast import Forecaster
from nets.gates import Gates, lstm_gates
from nets.group_vectors import GroupVectors
from nets.heads import Heads, HeadShape
from nets.inputs import Inputs
from nets.lstm import LSTM
from nets.members import Adapter
from nets.own import OwnBody, OwnSteps
from nets.perceptron import Perceptron
from nets.recurrent import Recurrent
from nets.sequence import SequenceNetwork
from nets.stack import RecurrentStack
from nets.table import Network, TableNetwork
from nets.tokens import Tokens

__all__ = [
    "ACTIVATIONS",
    "LSTM",
    "Adapter",
    "Array",
    "Arrays",
    "Autoencoder",
    "Circle",
    "Competitive",
    "Convolutions",
    "Cycle",
    "DataNetwork",
    "Dense",
    "FixedFilters",
    "Forecaster",
    "Gates",
    "GroupVectors",
    "HeadShape",
    "Heads",
    "Inputs",
    "Network",
    "OwnBody",
    "OwnSteps",
    "Params",
    "Perceptron",
    "Recurrent",
    "RecurrentStack",
    "SequenceNetwork",
    "Statistics",
    "TableNetwork",
    "Tokens",
    "Tree",
    "Variables",
    "init_variables",
    "lstm_gates",
]
