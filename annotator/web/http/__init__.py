"""What all routes share: access, security, contracts, errors, pages, media."""
