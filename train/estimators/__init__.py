"""Estimators of scikit-learn, which train on tables in memory by the path that commands take.

    from train.estimators import DenseRegressor
    model = DenseRegressor(net__hidden=(64, 64)).fit(X, y)

scikit-learn is imported here alone.
"""

from train.estimators.dense import DenseClassifier, DenseRegressor
from train.estimators.sequences import SequenceClassifier
from train.estimators.series import Forecaster

__all__ = ["DenseClassifier", "DenseRegressor", "Forecaster", "SequenceClassifier"]
