"""Use cases: each takes a session and plain values, and returns plain values. No Flask.

The packages from the lowest floor up; imports run down only (pyproject.toml, import-linter):

    schema          the active schema, and the values of open attributes
    common          what several rooms share: the job queue, cached statistics, bulk reading
    predictions     the predictions in use, and labels as columns
    tasks           the queue: which image comes next, for whom, and what stays blind
    grouping        which images belong together, and the balance of the splits
    annotation      answers: submitted, undone, in bulk
    rounds          retrain rounds: jobs, metrics, promotion
    schema_editing  changes of the schema
    faces, people   finding faces, and saying who they are
    importing, exporting
    review, team, insights
"""
