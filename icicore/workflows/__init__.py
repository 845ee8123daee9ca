"""One function per use case; page, command line and job call the same one."""
