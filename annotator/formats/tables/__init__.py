"""Tables of labels: CSV, TSV and workbooks; their rows, their columns, and what their cells mean."""
