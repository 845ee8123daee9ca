"""Reports as files that stand alone: HTML pages with inline SVG, no script, no request."""
