//! How keys are listed.

use std::fmt::Write as _;

use serde::Serialize;

use crate::domain::{api_key::ApiKey, clock::Moment};

/// A key as it is listed: all but its secrets.
#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    name: &'a str,
    role: &'static str,
    state: &'static str,
    created_at: String,
    expires_at: Option<String>,
    revoked_at: Option<String>,
    /// Until when the secret before the last rotation is good.
    previous_secret_until: Option<String>,
    last_used_at: Option<String>,
    rate_limit: Option<&'a str>,
}

impl<'a> Row<'a> {
    fn new(key: &'a ApiKey, now: Moment) -> Self {
        let text = |moment: Option<Moment>| moment.map(|moment| moment.to_string());
        let previous = key.previous.map(|previous| previous.until);
        Self {
            id: key.id.as_str(),
            name: &key.name,
            role: key.role.as_str(),
            state: key.state(now).as_str(),
            created_at: key.created_at.to_string(),
            expires_at: text(key.expires_at),
            revoked_at: text(key.revoked_at),
            previous_secret_until: text(previous.filter(|until| *until > now)),
            last_used_at: text(key.last_used_at),
            rate_limit: key.rate_limit.as_deref(),
        }
    }
}

/// Keys as columns of text.
pub(super) fn table(keys: &[ApiKey], now: Moment) -> String {
    let header = ["ID", "NAME", "ROLE", "STATE", "CREATED", "EXPIRES", "LAST USED", "RATE LIMIT"];
    let mut lines = vec![header.map(str::to_owned)];
    for key in keys {
        let row = Row::new(key, now);
        let day = |time: &str| time.split('T').next().unwrap_or_default().to_owned();
        lines.push([
            row.id.to_owned(),
            row.name.to_owned(),
            row.role.to_owned(),
            row.state.to_owned(),
            day(&row.created_at),
            row.expires_at.as_deref().map_or("never".to_owned(), day),
            row.last_used_at.as_deref().map_or("never".to_owned(), day),
            row.rate_limit.unwrap_or("-").to_owned(),
        ]);
    }
    let width = |n: usize| lines.iter().map(|line| line[n].chars().count()).max().unwrap_or(0);
    let widths: [usize; 8] = std::array::from_fn(width);
    let mut table = String::new();
    for line in &lines {
        let mut text = String::new();
        for (cell, width) in line.iter().zip(widths) {
            let _ = write!(text, "{cell:width$}  "); // cannot fail
        }
        table.push_str(text.trim_end());
        table.push('\n');
    }
    table
}

/// Keys as a JSON array, with a line's end.
pub(super) fn json(keys: &[ApiKey], now: Moment) -> serde_json::Result<String> {
    let rows: Vec<Row<'_>> = keys.iter().map(|key| Row::new(key, now)).collect();
    Ok(serde_json::to_string_pretty(&rows)? + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::api_key::{Role, SecretHash};

    fn keys() -> [ApiKey; 2] {
        let at = Moment::from_unix_ms;
        let key = ApiKey {
            id: "aaaaaaaa".parse().unwrap(),
            name: "importer".into(),
            role: Role::Editor,
            secret: SecretHash::of(b"x"),
            previous: None,
            rate_limit: Some("write=5/1s".into()),
            created_at: at(0),
            expires_at: Some(at(86_400_000)),
            revoked_at: None,
            last_used_at: Some(at(60_000)),
        };
        let other = ApiKey {
            id: "bbbbbbbb".parse().unwrap(),
            name: "a".into(),
            role: Role::Reader,
            rate_limit: None,
            expires_at: None,
            last_used_at: None,
            ..key.clone()
        };
        [key, other]
    }

    #[test]
    fn the_table_has_a_line_for_each_key() {
        assert_eq!(
            table(&keys(), Moment::from_unix_ms(86_400_000)),
            "ID        NAME      ROLE    STATE    CREATED     EXPIRES     LAST USED   RATE LIMIT\n\
             aaaaaaaa  importer  editor  expired  1970-01-01  1970-01-02  1970-01-01  write=5/1s\n\
             bbbbbbbb  a         reader  active   1970-01-01  never       never       -\n"
        );
    }

    #[test]
    fn the_list_for_machines_has_whole_times_and_no_secrets() {
        let json = json(&keys()[..1], Moment::from_unix_ms(0)).unwrap();
        assert!(json.contains("\"last_used_at\": \"1970-01-01T00:01:00Z\""), "{json}");
        assert!(!json.contains("\"secret\""), "{json}");
    }
}
