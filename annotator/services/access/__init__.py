"""Who is at the other end: passwords, sessions, tokens, an OpenID Connect provider, and the log of access."""
