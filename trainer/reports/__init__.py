"""Pages for people: the report of a run, a comparison of runs, an explanation of a prediction.

Every page is one file that needs no other: style, charts (SVG) and images stand inside it. The pages are Jinja templates in
`templates/`; the charts are drawn by Matplotlib (`canvas`, `charts`).
"""
