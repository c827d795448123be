"""What somebody does in a notebook with a table of homes: cells of a script, public names alone.

python notebook.py FOLDER, into which the plot and the exported net are written.
"""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOptionalMemberAccess=false, reportIndexIssue=false, reportOperatorIssue=false, reportGeneralTypeIssues=false
# pandas and scikit-learn give types that only their use decides.

# %% What is used, as it is documented.
import json
import subprocess
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.inspection import permutation_importance
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from train import predict
from train.config import Config, Dense, Optim, Train
from train.estimators import DenseClassifier, DenseRegressor
from train.export import export

folder = Path(sys.argv[1])
rng = np.random.default_rng(7)

# %% Homes: numbers with gaps, words, a date, a flag.
n = 600
homes = pd.DataFrame(
    {
        "area": rng.gamma(9, 10, n).round(1),
        "rooms": rng.integers(1, 7, n),
        "district": rng.choice(["north", "south", "river", "hill"], n, p=[0.4, 0.3, 0.2, 0.1]),
        "built": pd.Timestamp("1950-01-01") + pd.to_timedelta(rng.integers(0, 25_000, n), "D"),
        "lift": rng.random(n) < 0.4,
        "noise": rng.normal(size=n),
    }
)
worth = homes["district"].map({"north": 0.0, "south": 20.0, "river": 60.0, "hill": 110.0})
age = (pd.Timestamp("2020-01-01") - homes["built"]).dt.days / 365.25
price = 40 + 2.4 * homes["area"] + worth - 0.8 * age + 15 * homes["lift"]
price = (price + rng.normal(scale=12, size=n)).round(1).rename("price")
homes.loc[rng.random(n) < 0.08, "area"] = np.nan
homes.loc[rng.random(n) < 0.05, "district"] = None
print(homes.describe(include="all").T)

# %% Rows that nobody looks at until the end.
X, X_test, y, y_test = train_test_split(homes, price, test_size=0.2, random_state=0)
assert X.index.equals(y.index)

# %% A net: the frame as it is. A config of one's own, and a field of it as a parameter.
config = Config(
    net=Dense(hidden=(32,), dropout=0.05),
    optim=Optim(name="adam", learning_rate=1e-2),
    train=Train(epochs=80, batch_size=32, patience=20),
)
net = DenseRegressor(config, random_state=0)
assert net.get_params()["net__dropout"] != 0.2
assert clone(net).set_params(net__dropout=0.2).get_params()["net__dropout"] == 0.2

# %% Folds, beside models that most people begin with.
folds = KFold(2, shuffle=True, random_state=0)
words = ["district"]
numbers = ["area", "rooms", "noise"]


def prepared() -> ColumnTransformer:
    """What other models need, and a net may have: no gap, no word."""
    filled = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    coded = make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")
    )
    steps = [
        ("numbers", filled, numbers),
        ("words", coded, words),
        ("rest", "passthrough", ["lift"]),
    ]
    return ColumnTransformer(steps)


scores = {
    "mean": cross_val_score(Ridge(1e12), X[["rooms"]], y, cv=folds),
    "ridge": cross_val_score(make_pipeline(prepared(), Ridge()), X, y, cv=folds),
    "trees": cross_val_score(
        make_pipeline(prepared(), HistGradientBoostingRegressor(max_iter=20)), X, y, cv=folds
    ),
    "net": cross_val_score(net, X, y, cv=folds),
}
table = pd.DataFrame(scores).agg(["mean", "std"]).T
print(table.round(3))
assert len(scores["net"]) == 2
# Only the net is given the date: without it no model knows the age, half of what is left.
assert scores["net"].mean() > scores["mean"].mean() + 0.5
assert scores["net"].mean() > 0.7

# %% The net in a pipeline, behind a ColumnTransformer.
pipeline = Pipeline([("columns", prepared()), ("net", clone(net))]).fit(X, y)
assert pipeline.score(X_test, y_test) > 0.5
assert pipeline.named_steps["net"].n_features_in_ == 8  # three numbers, four words, a flag
named = clone(pipeline).set_params(net__optim__learning_rate=0.5).get_params()
assert named["net__optim__learning_rate"] == 0.5

# %% A search over fields of the config, in the pipeline too.
search = GridSearchCV(
    net, {"net__hidden": [(4,), (32,)], "optim__learning_rate": [1e-2]}, cv=folds, refit=True
).fit(X, y)
results = pd.DataFrame(search.cv_results_)[["param_net__hidden", "mean_test_score"]]
print(results.round(3))
assert len(results) == 2 and search.best_params_["net__hidden"] in ((4,), (32,))
best = search.best_estimator_
assert best.model_.config.net.hidden == search.best_params_["net__hidden"]

# %% Rows that count for more: the newest homes.
weights = np.where(X["built"] > "2000-01-01", 3.0, 1.0)
weighted = clone(net).fit(X, y, sample_weight=weights)
assert not np.array_equal(weighted.predict(X_test), best.predict(X_test))

# %% How good, on the rows that nobody looked at.
answers = best.predict(X_test)
assert answers.shape == (len(X_test),)
print(
    f"rmse {root_mean_squared_error(y_test, answers):.1f}, "
    f"mae {mean_absolute_error(y_test, answers):.1f}, r2 {r2_score(y_test, answers):.3f}"
)
assert best.score(X_test, y_test) == r2_score(y_test, answers) > 0.7

# %% What it goes by: shuffled columns.
found = permutation_importance(best, X_test, y_test, n_repeats=3, random_state=0)
importance = pd.Series(found.importances_mean, X_test.columns).sort_values(ascending=False)
print(importance.round(3))
assert set(importance.index[:2]) == {"area", "district"}
assert importance["noise"] < 0.1 * importance["area"]

# %% Intervals: as wide as the errors on rows that did not train.
lower, upper = best.predict_interval(X_test, level=0.8).T
inside = ((lower <= y_test) & (y_test <= upper)).mean()
print(f"{inside:.0%} of the test rows lie in intervals of 80 %")
assert (lower < answers).all() and (answers < upper).all()
assert 0.6 <= inside <= 0.97
wide = np.diff(best.predict_interval(X_test, level=0.95)).mean()
assert wide > (upper - lower).mean()

# %% A plot: answers against the truth, with their intervals.
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4))
order = np.argsort(answers)
left.fill_between(answers[order], lower[order], upper[order], alpha=0.2, label="80 %")
left.scatter(answers, y_test, s=8)
left.plot(answers[order], answers[order], color="black", linewidth=1)
left.set(xlabel="answer", ylabel="price")
left.legend()
right.barh(importance.index[::-1], importance.to_numpy()[::-1])
right.set(xlabel="loss of r2 when shuffled")
figure.tight_layout()
figure.savefig(folder / "homes.png", dpi=80)
assert (folder / "homes.png").stat().st_size > 5_000

# %% Classes: is it dear? Probabilities, and labels of their own type.
dear = np.where(y > y.median(), "dear", "cheap")
classifier = DenseClassifier(config, random_state=0).fit(X, dear)
share = classifier.predict_proba(X_test)
assert classifier.classes_.tolist() == ["cheap", "dear"]
assert share.shape == (len(X_test), 2) and np.allclose(share.sum(1), 1)
assert classifier.score(X_test, np.where(y_test > y.median(), "dear", "cheap")) > 0.75

# %% One home, as a service is asked for it.
one = {
    "area": 75.0,
    "rooms": 3,
    "district": "river",
    "built": "1990-05-01",
    "lift": True,
    "noise": 0,
}
asked = best.predict(pd.DataFrame([one]).astype({"built": "datetime64[us]"}))
model = predict.load(best.folder_)
assert np.isclose(model([one])[0], asked[0])
assert best.result_["metrics"]["train"]["r2"] > 0.7

# %% Out of here: ONNX, which onnxruntime answers without any of this.
export(best.folder_, folder / "homes.onnx")
lines = X_test.assign(built=X_test["built"].dt.strftime("%Y-%m-%d"))
lines.to_json(folder / "homes.jsonl", orient="records", lines=True)
command = [sys.executable, str(folder / "predict_onnx.py"), str(folder / "homes.onnx")]
done = subprocess.run(
    [*command, str(folder / "homes.jsonl")], check=True, capture_output=True, text=True
)
exported = [json.loads(line)["prediction"] for line in done.stdout.splitlines()]
np.testing.assert_allclose(exported, answers, rtol=1e-5)
print("done")
