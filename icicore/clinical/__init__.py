"""The four clinical values and the RECIST response label."""
