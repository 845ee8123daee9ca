"""Streamlit front end: theme, widgets, charts, viewer components."""
