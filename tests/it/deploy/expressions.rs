//! Expressions of Prometheus: those of the dashboards, and the selectors that any is made of.

use serde_json::Value;

use super::shipped::files;

/// An expression and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expression {
    pub(crate) place: String,
    pub(crate) text: String,
}

/// Every dashboard: its file's name and its JSON.
pub(crate) fn dashboards() -> Vec<(String, Value)> {
    let files = files("grafana/dashboards").into_iter();
    let parsed = files.map(|(name, text)| {
        let board = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, board)
    });
    parsed.collect()
}

/// Every expression of every dashboard, with its variables replaced as Grafana would.
pub(crate) fn of_dashboards() -> Vec<Expression> {
    let mut found = Vec::new();
    for (file, board) in dashboards() {
        for panel in board["panels"].as_array().expect("panels") {
            for target in panel["targets"].as_array().into_iter().flatten() {
                found.push(expression(&file, &panel["title"], &target["expr"]));
            }
        }
        for annotation in board["annotations"]["list"].as_array().expect("annotations") {
            if annotation["expr"].is_string() {
                found.push(expression(&file, &annotation["name"], &annotation["expr"]));
            }
        }
        for variable in board["templating"]["list"].as_array().expect("variables") {
            // `label_values(METRIC, LABEL)` is Grafana's own.
            let query = variable["query"]["query"].as_str().unwrap_or_default();
            if let Some((metric, _)) =
                query.strip_prefix("label_values(").and_then(|rest| rest.rsplit_once(", "))
            {
                found.push(expression(&file, &variable["name"], &Value::from(metric)));
            }
        }
    }
    found
}

fn expression(file: &str, title: &Value, text: &Value) -> Expression {
    let text = text.as_str().expect("an expression is text");
    let replaced = [
        ("$__rate_interval", "15s"),
        ("$datasource", ""),
        ("$instance", ".*"),
        ("$job", "marquee"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (this, that)| text.replace(this, that));
    assert!(!replaced.contains('$'), "{file}: unknown variable in {text}");
    Expression { place: format!("{file}: {}", title.as_str().unwrap_or_default()), text: replaced }
}

/// The selectors in an expression: each name of a metric, with its matchers.
pub(crate) fn selectors(expression: &str) -> Vec<String> {
    let (mut found, mut rest) = (Vec::<String>::new(), expression);
    while let Some(first) = rest.chars().next() {
        if matches!(first, '"' | '\'') {
            rest = past_text(&rest[1..], first);
        } else if is_of_name(first) && !first.is_ascii_digit() {
            let length = rest.find(|c| !is_of_name(c)).unwrap_or(rest.len());
            let (name, after) = rest.split_at(length);
            let braces = if after.starts_with('{') { end_of_matchers(after) } else { 0 };
            if braces > 0 || is_metric(name) && !after.trim_start().starts_with('(') {
                found.push(format!("{name}{}", &after[..braces]));
            }
            rest = &after[braces..];
        } else if first.is_ascii_digit() {
            // 14.4, and the m of 5m
            rest = rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '.');
        } else {
            rest = &rest[first.len_utf8()..];
        }
    }
    found.sort();
    found.dedup();
    found
}

const fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | ':')
}

/// Labels and words of the language are none.
fn is_metric(name: &str) -> bool {
    name == "up"
        || name.contains(':')
        || name.starts_with("marquee_")
        || name.starts_with("process_")
}

/// What follows the text that begins here and ends with `quote`.
fn past_text(begun: &str, quote: char) -> &str {
    begun.find(quote).map_or("", |at| &begun[at + 1..])
}

/// How long the matchers are that stand here in braces.
fn end_of_matchers(text: &str) -> usize {
    let mut quoted = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '}' if !quoted => return at + 1,
            _ => {}
        }
    }
    panic!("no end of matchers in {text}");
}

#[test]
fn selectors_are_names_of_metrics_with_their_matchers() {
    let expression = r#"histogram_quantile(0.99, sum by (le, marquee) (rate(marquee_a_bucket{x=~"a}|b"}[5m]))) / 2
        and on (job) job:marquee_b:rate5m > 14.4 * 0.001 or absent(up{job="marquee"} == 1) or ALERTS{a="b"}"#;
    let found = [
        r#"ALERTS{a="b"}"#,
        "job:marquee_b:rate5m",
        r#"marquee_a_bucket{x=~"a}|b"}"#,
        r#"up{job="marquee"}"#,
    ];
    assert_eq!(selectors(expression), found);
}
