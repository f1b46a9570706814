"""Rules without a database, Flask or files.

schema, schema_changes, schema_text  attributes, values and codes; what changes between two schemas; attributes.toml
precedence                           whether an answer becomes the label
states, roles                        words that the database stores; what accounts may do
names                                which attribute or value a name in a file means
grouping                             splits, and which images must stay together
agreement                            agreement of labellers, and one answer from several
metrics                              measuring a model on the audit set, and when to stop
faces                                clusters of faces, and the geometry of boxes
"""
