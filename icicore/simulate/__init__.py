"""Virtual patients and virtual slides with a planted, separately stored truth."""
