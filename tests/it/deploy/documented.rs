//! `docs/OPERATIONS.md` has every setting and every metric, as the code has them; and what is shipped names
//! settings that there are.
//!
//! `TEST_UPDATE_DOCS=1 cargo nextest run -j 1 deploy::documented` writes the tables anew.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
};

use clap::Args as _;
use marquee::config::Settings;

use super::{
    fleet::scrape,
    shipped::{files, path, text, with},
};
use crate::{
    backend::{Backend, Database},
    cluster::replica::Replica,
};

const PAGE: &str = "docs/OPERATIONS.md";

#[test]
fn the_settings_are_all_there_and_as_the_program_has_them() {
    compare("settings", &settings_table());
}

#[tokio::test]
async fn the_metrics_are_all_there_and_as_a_replica_tells_them() {
    let database = Database::new(Backend::Sqlite).await;
    let flags = [format!("--database-url={}", database.url), "--bundled-catalogue=skip".to_owned()];
    let replica = Replica::new(flags.to_vec(), Vec::new());
    replica.start();
    replica.ready().await;
    compare("metrics", &metrics_table(&scrape(&replica).await));
}

#[test]
fn what_is_shipped_names_settings_that_there_are() {
    let known: BTreeSet<String> = settings().into_iter().map(|one| one.variable).collect();
    let mut shipped = files("deploy");
    for page in [PAGE, "docs/SECURITY.md"] {
        shipped.push((page.to_owned(), text(page)));
    }
    for (file, text) in shipped {
        for (at, _) in text.match_indices("MARQUEE_") {
            let end = text[at..]
                .find(|c: char| !(c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit()));
            let name = &text[at..at + end.unwrap_or(text.len() - at)];
            // `MARQUEE_…` is what they are called as a whole; one is Kubernetes' own, and is warned of.
            let other = ["MARQUEE_", "MARQUEE_PORT"].contains(&name);
            assert!(other || known.contains(name), "{file} names {name}, which is no setting");
        }
    }
}

/// Compares the part of the page between two marks with what it should be, or writes it.
fn compare(name: &str, expected: &str) {
    let page = text(PAGE);
    let (begin, end) = (format!("<!-- {name}: generated -->\n"), format!("<!-- {name}: end -->"));
    let (_, after) = page.split_once(&begin).unwrap_or_else(|| panic!("{PAGE} has no {begin}"));
    let (found, _) = after.split_once(&end).unwrap_or_else(|| panic!("{PAGE} has no {end}"));
    #[expect(clippy::disallowed_methods, reason = "who changes settings or metrics says so")]
    if std::env::var("TEST_UPDATE_DOCS").is_ok() {
        let new = with(&page, &format!("{begin}{found}{end}"), &format!("{begin}{expected}{end}"));
        fs::write(path(PAGE), new).expect("the page can be written");
        return;
    }
    assert!(
        found == expected,
        "{PAGE} does not have the {name} as they are; TEST_UPDATE_DOCS=1 writes them:\n{expected}"
    );
}

struct Setting {
    part: String,
    flag: String,
    variable: String,
    default: String,
    help: String,
}

fn settings() -> Vec<Setting> {
    let command = Settings::augment_args(clap::Command::new("settings"));
    let arguments = command.get_arguments().filter_map(|argument| {
        let default = argument.get_default_values().first();
        Some(Setting {
            part: argument.get_help_heading().unwrap_or("Others").to_owned(),
            flag: format!("--{}", argument.get_long()?),
            variable: argument.get_env()?.to_string_lossy().into_owned(),
            default: default.map(|value| value.to_string_lossy().into_owned()).unwrap_or_default(),
            help: argument.get_long_help().or(argument.get_help())?.to_string(),
        })
    });
    arguments.collect()
}

fn settings_table() -> String {
    let mut parts = Vec::<(String, Vec<Setting>)>::new();
    for setting in settings() {
        match parts.iter_mut().find(|(part, _)| *part == setting.part) {
            Some((_, settings)) => settings.push(setting),
            None => parts.push((setting.part.clone(), vec![setting])),
        }
    }
    let mut table = String::new();
    for (part, settings) in parts {
        let _ = writeln!(table, "\n**{part}**\n\n| flag, variable | default | |\n|---|---|---|");
        for Setting { flag, variable, default, help, .. } in settings {
            let default =
                if default.is_empty() { "–".to_owned() } else { format!("`{default}`") };
            let _ = writeln!(table, "| `{flag}` `{variable}` | {default} | {} |", cell(&help));
        }
    }
    table + "\n"
}

fn metrics_table(scraped: &str) -> String {
    let mut metrics = BTreeMap::<&str, (&str, &str, BTreeSet<&str>)>::new();
    for line in scraped.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').expect("a metric has a help");
            metrics.entry(name).or_default().1 = help;
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect("a metric has a type");
            metrics.entry(name).or_default().0 = kind;
        } else if let Some((series, labels)) = line.split_once('{') {
            let ends = ["_bucket", "_sum", "_count"];
            let family = ends.iter().find_map(|end| series.strip_suffix(end));
            let family = family.filter(|family| metrics.contains_key(family)).unwrap_or(series);
            let names = labels.split("\",").filter_map(|label| label.split_once("=\""));
            let names = names
                .map(|(name, _)| name.trim_start_matches([',', '{']))
                .filter(|name| *name != "le");
            metrics.entry(family).or_default().2.extend(names);
        }
    }
    let mut table = "\n| metric | type | labels | |\n|---|---|---|---|\n".to_owned();
    for (name, (kind, help, labels)) in metrics {
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        let _ = writeln!(table, "| `{name}` | {kind} | {} | {} |", labels.join(", "), cell(help));
    }
    table + "\n"
}

/// A text of several lines as a cell of a table.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
