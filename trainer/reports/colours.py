"""The colours of pages and charts: one value for light and one for dark."""

COLOURS = {
    "text": ("#1b1f24", "#e7ebf0"),
    "page": ("#ffffff", "#14171b"),
    "soft": ("#f2f4f7", "#1e2329"),
    "line": ("#d4d9e0", "#38404a"),
    "dim": ("#5b6470", "#a3adb9"),
    "series-1": ("#0072b2", "#7cc0fa"),
    "series-2": ("#d55e00", "#d2691e"),
    "series-3": ("#005c35", "#2fe08a"),
    "series-4": ("#d0709c", "#f0307a"),
    "series-5": ("#9b30f0", "#b055ff"),
    "series-6": ("#998e54", "#ffd92e"),
    "series-7": ("#0d2638", "#2b82ad"),
    "series-8": ("#5c5c5c", "#acacac"),
}
"""Name of the CSS variable → colour on a light page and on a dark page.

Every series has a contrast of at least 3:1 to its page. Any two differ by at least 14 in CIE Lab, also for people who lack
one kind of cone (simulated as by Machado, Oliveira and Fernandes, "A physiologically-based model for simulation of color
vision deficiency", 2009).
"""
SERIES = tuple(name for name in COLOURS if name.startswith("series-"))
ON_PAPER = {name: light for name, (light, _) in COLOURS.items()}
"""The colours that charts are drawn in. `trainer.reports.svg` replaces them by the CSS variables of the page."""
VARIABLES = {light: f"var(--{name})" for name, light in ON_PAPER.items()}
