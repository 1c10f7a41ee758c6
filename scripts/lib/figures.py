"""Medians, spreads and slopes."""

import math


def median(values):
    values = sorted(values)
    if not values:
        return math.nan
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def ratio(rows, of, to, figure):
    """The median of the ratios of two rows, round by round: what disturbs a round disturbs both.

    `rows`: name -> list of a dictionary for each round."""
    pairs = zip(rows[of], rows[to])
    return median([one[figure] / other[figure] for one, other in pairs if other[figure]])


def slope(points):
    """Theil and Sen's slope of (x, y): the median of the slopes of all pairs, which outliers do not move."""
    points = points[:: max(1, len(points) // 300)]
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for n, a in enumerate(points) for b in points[n + 1:] if b[0] != a[0]]
    return median(slopes) if slopes else 0.0


def growth(points):
    """By how much (x, y) grows from its beginning to its end, as a part of its median."""
    middle = median([y for _, y in points])
    if not points or not middle:
        return 0.0
    return slope(points) * (points[-1][0] - points[0][0]) / middle


def amount(value, digits=3):
    """A figure to so many digits, with spaces of thousands left out and no exponent."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "-"
    if value == 0:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{places}f}"


def micros(nanoseconds):
    return amount(nanoseconds / 1e3)
