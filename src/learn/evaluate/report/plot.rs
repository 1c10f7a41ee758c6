//! Bars, grouped, as SVG.

use std::fmt::Write as _;

use super::{Interval, escaped};

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 60.0;
const BOTTOM: f64 = 40.0;
/// Told apart by people who see few colours too (Okabe and Ito).
const COLOURS: [&str; 5] = ["#999999", "#56b4e9", "#e69f00", "#009e73", "#0072b2"];

/// A bar chart.
pub(super) struct Bars {
    pub(super) title: &'static str,
    /// What is written below each group.
    pub(super) groups: Vec<String>,
    pub(super) series: Vec<&'static str>,
    /// For each group a value for each series; intervals are drawn where they are wider than nothing.
    pub(super) values: Vec<Vec<Interval>>,
}

impl Bars {
    pub(super) fn svg(&self) -> String {
        let highest = self.values.iter().flatten().map(|value| value.high).fold(0.0, f64::max);
        let (step, top) = ticks(highest);
        let (plot_width, plot_height) = (WIDTH - LEFT - 10.0, HEIGHT - TOP - BOTTOM);
        let y = |value: f64| TOP + plot_height * (1.0 - value / top);
        let mut svg = format!(
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" font-family=\"system-ui,sans-serif\" font-size=\"12\">\n\
             <title>{0}</title><text x=\"{LEFT}\" y=\"20\" font-size=\"15\">{0}</text>\n",
            escaped(self.title)
        );
        let mut tick = 0.0;
        while tick <= top + step / 2.0 {
            _ = writeln!(
                svg,
                "<path d=\"M{LEFT} {y:.1}H{}\" stroke=\"#ddd\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{tick:.2}</text>",
                WIDTH - 10.0,
                LEFT - 6.0,
                y(tick) + 4.0,
                y = y(tick),
            );
            tick += step;
        }
        let one = self.series.len() == 1;
        let group_width = plot_width / self.groups.len().max(1) as f64;
        let bar_width = group_width * 0.8 / self.series.len().max(1) as f64;
        for (group, (name, values)) in self.groups.iter().zip(&self.values).enumerate() {
            let left = LEFT + group_width * (group as f64 + 0.1);
            for (number, value) in values.iter().enumerate() {
                let x = left + bar_width * number as f64;
                let colour = COLOURS[if one { group } else { number } % COLOURS.len()];
                _ = writeln!(
                    svg,
                    "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{colour}\"><title>{:.4}</title></rect>",
                    y(value.value.max(0.0)),
                    bar_width * 0.92,
                    plot_height * value.value.max(0.0) / top,
                    value.value,
                );
                if value.high > value.low {
                    let middle = x + bar_width * 0.46;
                    _ = writeln!(
                        svg,
                        "<path d=\"M{middle:.1} {:.1}V{:.1}\" stroke=\"#222\" stroke-width=\"2\"/>",
                        y(value.low),
                        y(value.high),
                    );
                }
            }
            _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                left + group_width * 0.4,
                HEIGHT - BOTTOM + 18.0,
                escaped(name),
            );
        }
        if !one {
            for (number, name) in self.series.iter().enumerate() {
                let x = LEFT + 160.0 * number as f64;
                _ = writeln!(
                    svg,
                    "<rect x=\"{x}\" y=\"32\" width=\"12\" height=\"12\" fill=\"{}\"/><text x=\"{}\" y=\"42\">{}</text>",
                    COLOURS[number % COLOURS.len()],
                    x + 18.0,
                    escaped(name),
                );
            }
        }
        svg.push_str("</svg>\n");
        svg
    }
}

/// The distance of lines and where they end: five to ten of them, at round numbers.
fn ticks(highest: f64) -> (f64, f64) {
    let highest = if highest > 0.0 { highest } else { 1.0 };
    let power = 10_f64.powf((highest / 5.0).log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
    let step = steps.into_iter().find(|step| highest / step <= 6.0).unwrap_or(power * 10.0);
    (step, (highest / step).ceil() * step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_at_round_numbers_and_above_the_highest_bar() {
        for (highest, step, top) in [(0.26, 0.05, 0.3), (0.75, 0.2, 0.8), (0.0, 0.2, 1.0)] {
            let made = ticks(highest);
            assert!(
                (made.0 - step).abs() < 1e-9 && (made.1 - top).abs() < 1e-9,
                "{highest}: {made:?}"
            );
        }
    }

    #[test]
    fn each_value_is_a_bar_and_text_is_escaped() {
        let value = Interval { value: 0.5, low: 0.4, high: 0.6 };
        let groups = vec!["a<b".to_owned(), "c".to_owned()];
        let bars = Bars { title: "t", groups, series: vec!["x"], values: vec![vec![value]; 2] };
        let svg = bars.svg();
        assert_eq!(svg.matches("<rect").count(), 2);
        assert!(svg.contains("a&lt;b") && !svg.contains("a<b"));
    }
}
