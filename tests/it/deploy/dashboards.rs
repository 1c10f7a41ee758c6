//! Dashboards are whole: whoever looks at a panel can tell what it shows, in which unit.

use std::collections::BTreeSet;

use serde_json::Value;

use super::expressions::dashboards;

fn panels(board: &Value) -> impl Iterator<Item = &Value> {
    board["panels"].as_array().expect("panels").iter()
}

#[test]
fn there_are_five_each_with_an_id_that_stays() {
    let ids: Vec<_> = dashboards().iter().map(|(_, board)| board["uid"].to_string()).collect();
    let expected = ["cache", "dependencies", "overview", "replica", "search"]
        .map(|n| format!("\"marquee-{n}\""));
    assert_eq!(ids, expected);
}

#[test]
fn each_panel_says_what_it_shows_and_in_which_unit() {
    for (file, board) in dashboards() {
        for panel in panels(&board).filter(|panel| panel["type"] != "row") {
            let title = panel["title"].as_str().unwrap_or_default();
            assert!(!title.is_empty(), "{file}: {panel}");
            let described = panel["description"].as_str().unwrap_or_default();
            assert!(
                described.len() > 10 && described.ends_with('.'),
                "{file}: {title}: {described}"
            );
            let unit = match panel["type"].as_str() {
                Some("heatmap") => &panel["options"]["yAxis"]["unit"],
                Some("table") => continue,
                _ => &panel["fieldConfig"]["defaults"]["unit"],
            };
            assert!(unit.is_string(), "{file}: {title} has no unit");
        }
    }
}

#[test]
fn panels_have_ids_of_their_own_and_do_not_overlap() {
    for (file, board) in dashboards() {
        let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
        for panel in panels(&board) {
            assert!(ids.insert(panel["id"].as_u64().expect("an id")), "{file}: {}", panel["title"]);
            let at = |name: &str| panel["gridPos"][name].as_u64().expect("a place");
            assert!(at("x") + at("w") <= 24, "{file}: {} is too wide", panel["title"]);
            for x in at("x")..at("x") + at("w") {
                for y in at("y")..at("y") + at("h") {
                    assert!(taken.insert((x, y)), "{file}: {} overlaps", panel["title"]);
                }
            }
        }
    }
}

#[test]
fn every_datasource_is_the_one_that_is_chosen_above() {
    fn walk(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("datasource").map(|one| one["uid"].to_string()));
                members.values().for_each(|member| walk(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
            _ => {}
        }
    }
    for (file, board) in dashboards() {
        let mut found = BTreeSet::new();
        walk(&board, &mut found);
        // Grafana's own is for its own annotations.
        let allowed = ["\"${datasource}\"", "\"-- Grafana --\""].map(str::to_owned);
        assert!(found.is_subset(&BTreeSet::from(allowed)), "{file}: {found:?}");
    }
}
