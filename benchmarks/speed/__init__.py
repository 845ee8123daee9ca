"""Side-by-side measurements of speed; each module is one command. See docs/performance.md."""
