"""Move a project's database to another engine and back, while people label.

`move` leads: it lets `passes` copy and compare every table in ranges of its primary key, locks the source for the last pass,
and switches the project over as the last step. `sides` says what both databases can do; `sqlite_side` and `postgres_side` do
it. `tables` knows the tables, `state` the mark that a move leaves in both databases.
"""
