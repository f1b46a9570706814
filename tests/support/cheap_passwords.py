"""Passwords are hashed with the least work that argon2id allows, in the process of the tests and in those forked from it.

A real hash takes a fifth of a second of a processor on purpose, and the tests compute hundreds. `REAL` is for tests of hashing.
"""

from argon2 import PasswordHasher

from annotator.services.access import passwords

REAL = passwords._hasher

passwords._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
