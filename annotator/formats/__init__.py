"""File formats, which are read and written without a database.

`import_formats` lists what can be imported, `export_formats` what can be exported. Below them, from the top:

    tools      formats of other tools, each read and written by one module
    exporters  what all exporters share
    tables     tables of labels: CSV, TSV and workbooks
    importers  formats that are only read, safe readers, and the translation of names into our schema
    snapshot   our own formats (FORMATS.md): snapshots and predictions
"""
