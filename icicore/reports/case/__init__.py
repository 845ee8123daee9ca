"""The report of one case: what it says as plain data (JSON), and the same as one printed page (PDF)."""
