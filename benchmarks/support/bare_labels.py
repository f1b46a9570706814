"""`python -m benchmarks.support.bare_labels TABLE DATABASE`: what an import of labels is measured against, a program of its own.

It reads a table, looks up each image by the exact name in a dict, and inserts one row for each label into a table of a
copy of the project's database, with the durability of the project. It matches nothing, checks nothing and counts nothing.
"""

import csv
import sqlite3
import sys
from pathlib import Path


def main(table: str, database: str) -> None:
    with sqlite3.connect(database) as connection, Path(table).open(newline="", encoding="utf-8") as file:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        images = dict(connection.execute("SELECT name, id FROM images"))
        rows = [(images.get(name), int(code)) for name, code in list(csv.reader(file))[1:]]
        connection.execute("CREATE TABLE bare (image_id INTEGER, code INTEGER)")
        connection.executemany("INSERT INTO bare VALUES (?, ?)", rows)
    connection.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
