"""What keeps one caller from stopping the server for all others: limits of connections, bodies and heavy calls."""
