"""Commands for who runs a project: backups and damage."""
