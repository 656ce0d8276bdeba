"""From data to artifact: what every model's recipe uses, and nothing that is ever deployed.

A recipe for a model of one event (`functions/models/credit_rating/training/recipe.py` is the example) is this order::

    FOLDER = recipe.open_folder(__file__)          # then import the model's own modules
    data_set = catalogue.get_data_set("...")       # licence, digests; table.load_table(data_set, file) reads it
    population = Population(columns, events, groups=..., segments=...)   # encode_records(CONTRACT, records) -> columns
    learner = boosting.learn_lightgbm(PLAN)        # or xgboosting.learn_xgboost, scorecard.learn_scorecard,
                                                   #    learner.learn_classifier(make_pipeline)
    split = folds.split_rows(events, 0.2, SEED)    # or folds.keep_all(rows) for few rows, or a division by time
    trained = train(learner, population, split, seed=SEED, repeats=1)    # Platt on out-of-fold margins
    release = run.release(CONTRACT, calibration=trained.calibration, metrics=compute_headline(population, trained),
                          data_sha256=recipe.digest_files(data_set), checked_on=population.columns[trained.unseen])
    export_lightgbm(trained.model, release)        # or export_xgboost, export_scorecard, export_pipeline (ONNX)
    if run.artifact_only: return
    protocol = folds.cross_validation(events, 5, 5, SEED)                # or Protocol("words", (Fold(train, test),), 1)
    rivals = classifiers.list_alternatives(SEED, population, categories=find_categories(CONTRACT), without=("XGBoost",))
    found, comparison = study.run_protocol(learner, population, protocol, rivals)
    findings = study.Study(population=..., trained=..., rules=Rules(...), protocol=..., found=..., comparison=...,
                           published=(Published(...),), facts={"trees": ...})
    run.store_report(findings, CONTRACT, CardText(path=FOLDER.training / "card.md", data_sets=..., values=...))

    recipe.recipe_command(FOLDER, run)()           # the command line: --artifact-only --rows --target --quiet

`rules.Rules` says what the business does with a score: decisions, favourable ones, master scale, costs, alert rates.
The card's own sentences are `training/card.md`; its layout, and which sections must be there, is `layout`. Fraud adds
`timesplit` and `alerts`; a graph is explained against rows that `background_rows` chooses.

A model that chooses a class of a text takes `texts` (`train_texts`), `words` (`learn_words`) and `words_export` for
the text engine, `text_classifiers` (`compare_text_alternatives`), and `text_report` (`compute_text_study`,
`render_text_card`, then `run.store`); `duplicates.group_texts` and `folds.grouped_folds` keep copies on one side.
docs/guides/train-a-model.md is a whole recipe that a test executes.
"""
