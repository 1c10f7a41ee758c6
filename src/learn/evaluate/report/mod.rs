//! The outcome as text for a terminal, and as a page with plots that needs nothing else.

mod plot;

use std::fmt::Write as _;

use super::{Figures, Interval, Outcome, Protocol, TOP};
use plot::Bars;

/// The outcome as an aligned table.
#[must_use]
pub fn table(outcome: &Outcome) -> String {
    let mut text = format!("{}\n{}\n", title(outcome.protocol), sizes(outcome));
    let head = ["method", "HR@10", "NDCG@10", "ahead of EASE", "coverage", "novelty"];
    let mut rows = vec![head.map(String::from)];
    rows.extend(outcome.methods.iter().map(cells));
    let width =
        |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        _ = writeln!(text, "  {}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    text
}

const fn title(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::LeaveLastOut => "Leave the last event of each user out",
        Protocol::SplitInTime => {
            "Learn from the first nine tenths of events, foretell each user's next one"
        }
    }
}

fn sizes(outcome: &Outcome) -> String {
    let Outcome { users, items, events, .. } = outcome;
    format!("{users} users asked about, {items} items, {events} events learnt from")
}

fn cells(figures: &Figures) -> [String; 6] {
    [
        figures.name.to_owned(),
        interval(figures.hit_rate),
        interval(figures.gain),
        figures.ahead_of_ease.map(signed).unwrap_or_default(),
        format!("{:.3}", figures.coverage),
        format!("{:.2}", figures.novelty),
    ]
}

fn interval(figure: Interval) -> String {
    format!("{:.4} [{:.4}, {:.4}]", figure.value, figure.low, figure.high)
}

fn signed(figure: Interval) -> String {
    format!("{:+.4} [{:+.4}, {:+.4}]", figure.value, figure.low, figure.high)
}

/// The outcomes as a page of HTML.
#[must_use]
pub fn page(name: &str, outcomes: &[Outcome]) -> String {
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Evaluation of {0}</title>\n\
         <style>{STYLE}</style></head><body>\n<h1>Evaluation of {0}</h1>\n\
         <p>Full ranking; what a user knows is not shown again; {TOP} items are shown. Intervals are 95 %, by \
         resampling users. “Ahead of EASE” is the difference of HR@10, user by user.</p>\n",
        escaped(name)
    );
    for outcome in outcomes {
        section(outcome, &mut page);
    }
    page.push_str("</body></html>\n");
    page
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;\
    color:#222;background:#fff}table{border-collapse:collapse}td,th{padding:.3rem .8rem;text-align:left;\
    border-bottom:1px solid #ddd;font-variant-numeric:tabular-nums}svg{max-width:100%;height:auto;display:block}\
    pre{background:#f5f5f5;padding:.8rem;overflow:auto}";

fn section(outcome: &Outcome, page: &mut String) {
    _ = writeln!(
        page,
        "<h2>{}</h2>\n<p>{}.</p>\n<table><tr>",
        title(outcome.protocol),
        sizes(outcome)
    );
    for head in ["Method", "HR@10", "NDCG@10", "Ahead of EASE", "Coverage", "Novelty (bits)"] {
        _ = write!(page, "<th>{head}</th>");
    }
    page.push_str("</tr>\n");
    for figures in &outcome.methods {
        let cells = cells(figures).map(|cell| format!("<td>{}</td>", escaped(&cell)));
        _ = writeln!(page, "<tr>{}</tr>", cells.concat());
    }
    page.push_str("</table>\n");
    let names: Vec<&str> = outcome.methods.iter().map(|figures| figures.name).collect();
    let mut add = |plot: Bars| {
        page.push_str(&plot.svg());
    };
    let hits = outcome.methods.iter().map(|figures| vec![figures.hit_rate]).collect();
    add(Bars {
        title: "HR@10",
        groups: names.iter().map(ToString::to_string).collect(),
        series: vec!["HR@10"],
        values: hits,
    });
    let lengths = ["under 10", "10 to 19", "20 to 49", "50 and more"];
    let by_length = |group: usize| {
        let value = |figures: &Figures| exactly(figures.by_length[group].1);
        outcome.methods.iter().map(value).collect()
    };
    let users =
        |group: usize| outcome.methods.first().map_or(0, |figures| figures.by_length[group].0);
    add(Bars {
        title: "HR@10 by events in the history",
        groups: (0..4)
            .map(|group| format!("{} ({} users)", lengths[group], users(group)))
            .collect(),
        series: names.clone(),
        values: (0..4).map(by_length).collect(),
    });
    let by_tenth = |tenth: usize| {
        outcome.methods.iter().map(|figures| exactly(figures.by_popularity[tenth])).collect()
    };
    add(Bars {
        title: "What is shown, by tenths of the items from the most popular to the least",
        groups: (1..=10).map(|tenth| tenth.to_string()).collect(),
        series: names,
        values: (0..10).map(by_tenth).collect(),
    });
    _ = writeln!(
        page,
        "<p>Chosen by validation (ridge of plain EASE: {}):</p>\n<pre>{}</pre>",
        outcome.plain_ridge,
        escaped(&format!("{:#?}", outcome.parameters))
    );
}

const fn exactly(value: f64) -> Interval {
    Interval { value, low: value, high: value }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
