"""icicore: explained prediction of response to immune checkpoint inhibitors.

Importing the package loads neither torch nor Streamlit; import what you need from the module that owns it.
"""

__version__ = "0.1.0"
