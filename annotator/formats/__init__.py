"""File formats, read and written without a database.

`import_formats` lists what can be imported, `export_formats` what can be exported. Below them, from the top:

    tools      formats of other tools, each read and written by one module
    exporters  what all exporters share
    importers  formats that are only read, safe readers, and the translation of foreign names
    snapshot   our own two formats (FORMATS.md): snapshot and predictions
"""
