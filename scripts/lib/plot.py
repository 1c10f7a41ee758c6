"""Plots as SVG, with what the standard library has: lines over time or size, and bars."""

import math
from html import escape

WIDTH, LEFT, RIGHT, TOP = 860, 76, 190, 46
# Told apart by those who see colours otherwise, too (Okabe and Ito).
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999"]
STYLE = """<style>
text { font: 12px system-ui, sans-serif; fill: #333 } .title { font-weight: 600; font-size: 14px }
.axis { stroke: #888; fill: none } .grid { stroke: #e4e4e4; fill: none } .line { fill: none; stroke-width: 1.8 }
.goal { stroke: #b00; stroke-dasharray: 5 4; fill: none } .mark { stroke: #bbb; stroke-dasharray: 2 4; fill: none } .end { text-anchor: end } .middle { text-anchor: middle }
</style>"""


def _number(value):
    if value == 0:
        return "0"
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{unit}"
    return f"{value:.3g}"


def _title(panel, log):
    return escape(panel["title"]) + (" (logarithmic)" if panel.get(log) else "")


def _steps(low, high, wanted=5):
    """Round numbers between two, about as many as wanted."""
    span = high - low or abs(high) or 1
    rough = span / wanted
    size = 10 ** math.floor(math.log10(rough))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough)
    first = math.ceil(low / step - 1e-9)
    return [n * step for n in range(first, math.floor(high / step + 1e-9) + 1)]


class _Axis:
    """Values to places, straight or by logarithm."""

    def __init__(self, values, begin, end, logarithmic=False, from_zero=True):
        self.log = logarithmic
        values = [value for value in values if value is not None and math.isfinite(value)]
        if logarithmic:
            values = [value for value in values if value > 0] or [1]
            self.low, self.high = min(values), max(values)
            if self.high / self.low < 10:
                self.low, self.high = self.low / 2, self.high * 2
        else:
            values = values or [0, 1]
            self.low, self.high = (min(0, *values) if from_zero else min(values)), max(values)
            if self.high == self.low:
                self.high = self.low + 1
            elif from_zero:
                self.high += 0.04 * (self.high - self.low)
        self.begin, self.end = begin, end

    def place(self, value):
        if self.log:
            part = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        else:
            part = (value - self.low) / (self.high - self.low)
        return self.begin + part * (self.end - self.begin)

    def steps(self):
        if not self.log:
            return _steps(self.low, self.high)
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        factors = (1, 2, 5) if self.high / self.low < 300 else (1,)
        found = [10**power * factor for power in powers for factor in factors]
        return [value for value in found if self.low * 0.999 <= value <= self.high * 1.001]


def _panel(panel, top, height, below, from_zero):
    """One coordinate system. `panel`: title, y (its label), series (name -> points), log_x, log_y, goal, from_zero, marks (places
    of vertical lines)."""
    series = panel["series"]
    points = [point for line in series.values() for point in line]
    right, bottom = WIDTH - RIGHT, top + height
    x = _Axis([*(point[0] for point in points), *panel.get("marks", ())], LEFT, right, panel.get("log_x", False), from_zero=False)
    heights = [point[1] for point in points] + ([panel["goal"]] if panel.get("goal") else [])
    y = _Axis(heights, bottom, top, panel.get("log_y", False), panel.get("from_zero", from_zero))
    out = [f'<text class="title" x="{LEFT}" y="{top - 12}">{_title(panel, "log_y")}</text>']
    for value in y.steps():
        at = y.place(value)
        out.append(f'<path class="grid" d="M{LEFT} {at:.1f}H{right}"/>')
        out.append(f'<text class="end" x="{LEFT - 8}" y="{at + 4:.1f}">{_number(value)}</text>')
    for value in x.steps():
        at = x.place(value)
        out.append(f'<path class="axis" d="M{at:.1f} {bottom}v5"/>')
        out.append(f'<text class="middle" x="{at:.1f}" y="{bottom + 18}">{_number(value)}</text>')
    for at in map(x.place, panel.get("marks", ())):
        out.append(f'<path class="mark" d="M{at:.1f} {top}V{bottom}"/>')
    out.append(f'<path class="axis" d="M{LEFT} {top}V{bottom}H{right}"/>')
    middle = (top + bottom) / 2
    out.append(f'<text class="middle" transform="translate(16 {middle}) rotate(-90)">{escape(panel["y"])}</text>')
    out.append(f'<text class="middle" x="{(LEFT + right) / 2}" y="{bottom + 34}">{escape(below)}</text>')
    if panel.get("goal"):
        at = y.place(panel["goal"])
        out.append(f'<path class="goal" d="M{LEFT} {at:.1f}H{right}"/>')
        # Within, since keys are at the right.
        out.append(f'<text class="end" x="{right - 6}" y="{at + 14:.1f}" style="fill: #b00">goal {_number(panel["goal"])}</text>')
    for n, (name, line) in enumerate(series.items()):
        colour = COLOURS[n % len(COLOURS)]
        places = [(x.place(a), y.place(b)) for a, b in line if b is not None and math.isfinite(b)]
        path = "L".join(f"{a:.1f} {b:.1f}" for a, b in places)
        if path:
            out.append(f'<path class="line" stroke="{colour}" d="M{path}"/>')
        if len(places) <= 12:
            out += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{colour}"/>' for a, b in places]
        key = top + 8 + 18 * n
        out.append(f'<path class="line" stroke="{colour}" d="M{right + 10} {key}h18"/>')
        out.append(f'<text x="{right + 34}" y="{key + 4}">{escape(name)}</text>')
    return out


def lines(panels, below, from_zero=True, height=170):
    """Panels below each other, each with lines over the same kind of x, which `below` names."""
    each = height + 78
    whole = TOP + each * len(panels)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {whole}" role="img">', STYLE,
           f'<rect width="{WIDTH}" height="{whole}" fill="#fff"/>']
    for n, panel in enumerate(panels):
        out += _panel(panel, TOP + each * n, height, below, from_zero)
    return "\n".join([*out, "</svg>", ""])


def bars(panels):
    """Panels below each other, each with a bar for each name. `panel`: title, unit, bars (name -> value),
    spread (name -> (low, high)), log."""
    # About seven units a letter, whatever the font.
    left = 24 + 7 * max(len(name) for panel in panels for name in panel["bars"])
    step, out, top = 24, [], TOP
    for panel in panels:
        values = panel["bars"]
        spread = panel.get("spread", {})
        every = [*values.values(), *(edge for pair in spread.values() for edge in pair)]
        axis = _Axis(every, left, WIDTH - 90, panel.get("log", False))
        if axis.log:
            axis.low = min(axis.low, 10 ** math.floor(math.log10(axis.low) - 0.01))
        out.append(f'<text class="title" x="16" y="{top - 14}">{_title(panel, "log")}</text>')
        below = top + step * len(values)
        for tick in axis.steps():
            at = axis.place(tick)
            out.append(f'<path class="grid" d="M{at:.1f} {top - 4}V{below}"/>')
            out.append(f'<text class="middle" x="{at:.1f}" y="{below + 12}">{_number(tick)}</text>')
        for n, (name, value) in enumerate(values.items()):
            y = top + step * n
            end = axis.place(value)
            colour = COLOURS[0] if name.startswith("marquee") else "#a8b4bd"
            out.append(f'<text class="end" x="{left - 8}" y="{y + 13}">{escape(name)}</text>')
            out.append(f'<rect x="{left}" y="{y}" width="{max(1, end - left):.1f}" height="17" fill="{colour}"/>')
            beyond = end
            if name in spread:
                low, high = (axis.place(edge) for edge in spread[name])
                out.append(f'<path class="axis" d="M{low:.1f} {y + 8}H{high:.1f}M{low:.1f} {y + 5}v6M{high:.1f} {y + 5}v6"/>')
                beyond = max(end, high)
            text = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
            out.append(f'<text x="{beyond + 6:.1f}" y="{y + 13}">{text} {escape(panel["unit"])}</text>')
        top += step * len(values) + 70
    head = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top - 30}" role="img">', STYLE,
            f'<rect width="{WIDTH}" height="{top - 30}" fill="#fff"/>']
    return "\n".join([*head, *out, "</svg>", ""])
