"""A small plan to grow boosters by."""

from ratecard_workbench.training.boosting import BoostingPlan

PLAN = BoostingPlan(
    parameters={
        "num_leaves": 6,
        "learning_rate": 0.1,
        "min_data_in_leaf": 20,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
    },
    column_names=("risk", "safety", "noise"),
    monotone={"risk": 1, "safety": -1},
    max_trees=40,
    patience=10,
    validation_share=0.2,
    seed=3,
)
