"""Pure rules: no database, no Flask, no files.

schema…    attributes, values and codes; changes of them
grouping   splits, and which images must stay together
agreement  agreement of labellers, and one answer from several
metrics    measuring a model on the audit set, and when to stop
faces      clusters of faces, and the geometry of boxes
"""
