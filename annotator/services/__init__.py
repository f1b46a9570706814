"""Use cases: a session and plain values in, plain values out, domain errors; no Flask."""
