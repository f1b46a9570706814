"""Write snapshots and exports from one consistent state of the database."""
