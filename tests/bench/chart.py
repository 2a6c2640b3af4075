"""Draws requests per second of all parties as an SVG bar chart, by hand."""

from html import escape
from math import ceil, log10

from scenarios import CONNECTIONS, FASTAPI, KINDS, LIMIT, TROUPE, NotMeasured, Results

# Pixels.
WIDTH = 960
LEFT = 250  # the names of the scenarios
RIGHT = 90  # the number behind the longest bar
TOP = 92
BAR = 18
BAR_GAP = 3
GROUP_GAP = 16
BOTTOM = 40
COLORS = {LIMIT: "#8a94a6", TROUPE: "#1f6feb", FASTAPI: "#e8833a"}
NAMES = {LIMIT: "PostgreSQL by pgbench, no HTTP", TROUPE: "Troupe", FASTAPI: "FastAPI + SQLAlchemy + asyncpg"}
TEXT = "#24292f"
FAINT = "#d8dee4"
# About how many lines divide the axis.
GRID_LINES = 5


def bars_of(results: Results) -> list[tuple[str, dict[str, float]]]:
    """The rates of each scenario by party."""
    groups = []
    for kind, name in KINDS.items():
        for connections in CONNECTIONS[TROUPE][kind]:
            rates = {}
            for party in COLORS:
                try:
                    sample = (results.limit(kind, connections) if party == LIMIT
                              else results.summary(party, kind, connections))
                    rates[party] = sample.requests_per_second
                except NotMeasured:
                    pass
            if TROUPE in rates:
                plural = "s" if connections != 1 else ""
                groups.append((f"{name}\n{connections} connection{plural}", rates))
    return groups


def _grid_step(highest: float) -> float:
    """A round number that divides the axis into a few parts."""
    rough = highest / GRID_LINES
    power = 10 ** int(log10(rough))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= rough)


def draw(results: Results) -> str:
    groups = bars_of(results)
    highest = max((rate for _, rates in groups for rate in rates.values()), default=1.0)
    step = _grid_step(highest)
    scale = (WIDTH - LEFT - RIGHT) / (ceil(highest / step) * step)
    parts = []

    def text(x: float, y: float, content: str, anchor: str = "start", **style: str) -> None:
        attributes = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in style.items())
        parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{attributes}>'
                     f'{escape(content)}</text>')

    y = TOP
    for name, rates in groups:
        height = len(rates) * (BAR + BAR_GAP) - BAR_GAP
        for number, line in enumerate(name.split("\n")):
            text(LEFT - 12, y + height / 2 - 2 + 15 * number, line, "end",
                 **({"font_weight": "600"} if number == 0 else {"fill": "#57606a"}))
        for party, rate in rates.items():
            parts.append(f'<rect x="{LEFT}" y="{y}" width="{max(rate * scale, 1):.1f}" height="{BAR}" '
                         f'fill="{COLORS[party]}"/>')
            text(LEFT + rate * scale + 6, y + BAR - 5, f"{rate:,.0f}")
            y += BAR + BAR_GAP
        y += GROUP_GAP
    bottom = y - GROUP_GAP

    grid = []
    for number in range(ceil(highest / step) + 1):
        x = LEFT + number * step * scale
        grid.append(f'<line x1="{x:.1f}" y1="{TOP - 8}" x2="{x:.1f}" y2="{bottom + 6}" stroke="{FAINT}"/>')
        text(x, bottom + 22, f"{number * step:,.0f}", "middle", fill="#57606a")
    text(24, 32, "Requests per second", font_size="18", font_weight="600")
    x = 24
    for party, name in NAMES.items():
        if any(party in rates for _, rates in groups):
            parts.append(f'<rect x="{x}" y="50" width="12" height="12" fill="{COLORS[party]}"/>')
            text(x + 18, 61, name)
            x += 18 + 8 * len(name) + 12
    height = bottom + BOTTOM
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
            f'height="{height}" font-family="system-ui, sans-serif" font-size="13" fill="{TEXT}">\n'
            f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>\n'
            + "\n".join(grid + parts) + "\n</svg>\n")
