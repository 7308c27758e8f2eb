"""Places that keep backups, and what is promised over all of them (docs/spec/backup.md section 8)."""
