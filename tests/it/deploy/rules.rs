//! The rules of Prometheus: well formed, tested, and each alert with an entry in the runbook.

use std::{collections::BTreeSet, process::Command};

use super::shipped::{files, path, text};
use crate::cluster::programs::needed;

fn promtool(arguments: &[&str]) {
    let mut command = Command::new(needed("TEST_PROMTOOL_PROGRAM", &["promtool"]));
    let done = command.args(arguments).current_dir(path("deploy/prometheus")).output();
    let done = done.expect("promtool can be started");
    let said = [done.stdout, done.stderr].concat();
    assert!(done.status.success(), "promtool {arguments:?}: {}", String::from_utf8_lossy(&said));
}

#[test]
fn promtool_finds_no_fault_in_configuration_and_rules() {
    promtool(&["check", "config", "prometheus.yml"]);
}

#[test]
fn each_alert_fires_in_its_trouble_and_none_in_health() {
    let tests = files("deploy/prometheus/tests");
    assert!(!tests.is_empty());
    for (name, _) in tests {
        promtool(&["test", "rules", name.strip_prefix("deploy/prometheus/").expect("below")]);
    }
}

/// The alerts of the rules: name and the lines that belong to it.
fn alerts() -> Vec<(String, Vec<String>)> {
    let mut found = Vec::<(String, Vec<String>)>::new();
    for line in text("deploy/prometheus/rules/alerts.yml").lines() {
        if let Some(name) = line.trim_start().strip_prefix("- alert: ") {
            found.push((name.to_owned(), Vec::new()));
        } else if let Some((_, lines)) = found.last_mut() {
            lines.push(line.trim().to_owned());
        }
    }
    found
}

#[test]
fn each_alert_says_what_how_urgent_and_where_the_runbook_is() {
    let alerts = alerts();
    assert!(alerts.len() > 20);
    for (name, lines) in &alerts {
        let has = |start: &str| lines.iter().any(|line| line.starts_with(start));
        assert!(has("summary: ") && has("description: "), "{name}");
        assert!(has("labels: { severity: page }") || has("labels: { severity: ticket }"), "{name}");
        let anchor = name.to_lowercase();
        assert!(has(&format!("runbook_url: docs/OPERATIONS.md#{anchor}")), "{name}");
    }
}

#[test]
fn the_runbook_has_an_entry_for_each_alert_and_for_no_other() {
    let named = |text: &str| -> BTreeSet<String> {
        let headings = text.lines().filter_map(|line| line.strip_prefix("### "));
        headings.filter(|heading| heading.starts_with("Marquee")).map(str::to_owned).collect()
    };
    let runbook = text("docs/OPERATIONS.md");
    let alerts: BTreeSet<String> = alerts().into_iter().map(|(name, _)| name).collect();
    assert_eq!(named(&runbook), alerts);
    // Each says what it means, how to confirm it, and what to do.
    for entry in runbook.split("\n### Marquee").skip(1) {
        let entry = entry.split("\n## ").next().expect("a part");
        for part in ["**Means:**", "**Confirm:**", "**Do:**"] {
            assert!(entry.contains(part), "{part} is missing in ### Marquee{entry}");
        }
    }
}

#[test]
fn each_alert_is_tested() {
    let tests: String =
        files("deploy/prometheus/tests").into_iter().map(|(_, text)| text).collect();
    for (name, _) in alerts() {
        assert!(tests.contains(&format!("\"{name}\"")), "no test sees {name} fire");
    }
}
