//! Cells of tables (CSV, and others that spell everything as text) as JSON values.

use std::borrow::Cow;

use serde_json::{Number, Value};

use crate::domain::{field::Field, movie_json::field_of};

/// Names of columns in circulation that are neither a field's own nor known from JSON.
const ALIASES: &[(&str, Field)] = &[
    ("actors", Field::Cast),
    ("country", Field::Countries),
    ("language", Field::Languages),
    ("release_date", Field::Released),
    ("runtime", Field::RuntimeMinutes),
];

/// Separators of lists in a cell: the first of these that is in the cell is the one.
const SEPARATORS: [char; 3] = ['|', ';', ','];

/// The field that a column means, whatever its case and with spaces or dashes for `_`.
pub(super) fn column(name: &str) -> Option<Field> {
    let name = name.trim().to_lowercase().replace([' ', '-'], "_");
    let alias = || ALIASES.iter().find(|(alias, _)| *alias == name).map(|(_, field)| *field);
    field_of(&name).or_else(alias)
}

/// Whether the field is a list of names.
pub(super) const fn is_list(field: Field) -> bool {
    matches!(
        field,
        Field::Directors | Field::Genres | Field::Cast | Field::Countries | Field::Languages
    )
}

/// What a cell says: empty cells and `\N` are null.
///
/// A cell of a list has a JSON array of strings, or names between `separator`: where that is
/// `None`, between the first of `|`, `;` and `,` that is in the cell.
pub(super) fn value(field: Field, cell: &str, separator: Option<char>) -> Value {
    let trimmed = cell.trim();
    if trimmed.is_empty() || trimmed == "\\N" {
        return Value::Null;
    }
    if is_list(field) {
        return list(trimmed, separator);
    }
    match field {
        Field::Id
        | Field::Version
        | Field::Year
        | Field::RuntimeMinutes
        | Field::Rating
        | Field::Votes
        | Field::Popularity => number(trimmed),
        _ => Value::String(cell.to_owned()),
    }
}

/// A number where the text is one in JSON's spelling; other spellings are left to the reader.
fn number(text: &str) -> Value {
    text.parse::<Number>().map_or_else(|_| Value::String(text.to_owned()), Value::Number)
}

fn list(cell: &str, separator: Option<char>) -> Value {
    if cell.starts_with('[')
        && let Ok(names @ Value::Array(_)) = serde_json::from_str(cell)
    {
        return names;
    }
    let separator = separator.or_else(|| SEPARATORS.into_iter().find(|c| cell.contains(*c)));
    let names = separator.map_or_else(|| vec![cell], |c| cell.split(c).collect());
    Value::Array(
        names.into_iter().map(str::trim).filter(|name| !name.is_empty()).map(Value::from).collect(),
    )
}

/// The cell from which [`value`] reads this list: the names between `|`, or a JSON array where that
/// would be read otherwise.
pub(super) fn of_list(names: &[String]) -> Cow<'_, str> {
    let plain = names.iter().all(|name| {
        name.trim() == name && !name.is_empty() && !name.starts_with('[') && !name.contains('|')
    });
    match names {
        [] => Cow::Borrowed(""),
        [name] if plain && !name.contains(SEPARATORS) && name != "\\N" => Cow::Borrowed(name),
        [_, _, ..] if plain => Cow::Owned(names.join("|")),
        _ => Cow::Owned(Value::from(names).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn columns_are_known_by_any_usual_name() {
        for (name, field) in [
            ("Title", Field::Title),
            (" NAME ", Field::Title),
            ("Director Name", Field::Directors),
            ("imdb-id", Field::ImdbId),
            ("Runtime Minutes", Field::RuntimeMinutes),
            ("99popularity", Field::Popularity),
            ("Country", Field::Countries),
        ] {
            assert_eq!(column(name), Some(field), "{name}");
        }
        assert_eq!(column("budget"), None);
    }

    #[test]
    fn a_list_is_separated_by_the_strongest_separator_in_it() {
        let read = |cell| value(Field::Genres, cell, None);
        assert_eq!(read(" Action | Sci-Fi|"), json!(["Action", "Sci-Fi"]));
        assert_eq!(read("Action; Film, Noir"), json!(["Action", "Film, Noir"]));
        assert_eq!(read("Action, Drama"), json!(["Action", "Drama"]));
        assert_eq!(read(r#"["Davis, Jr."]"#), json!(["Davis, Jr."]));
        assert_eq!(read("[REC]"), json!(["[REC]"]));
        assert_eq!(value(Field::Directors, "Lean, David;x", Some('x')), json!(["Lean, David;"]));
    }

    #[test]
    fn empty_cells_are_null_and_numbers_are_numbers() {
        assert_eq!(value(Field::Year, " ", None), Value::Null);
        assert_eq!(value(Field::Genres, "\\N", None), Value::Null);
        assert_eq!(value(Field::Rating, " 8.30 ", None), json!(8.3));
        assert_eq!(value(Field::Title, "1984", None), json!("1984"));
        assert_eq!(value(Field::Year, "1984?", None), json!("1984?"));
    }

    proptest! {
        #[test]
        fn a_written_list_is_read_again(names in prop::collection::vec(r"[ -~é]{0,6}[^\s]", 0..5)) {
            let names: Vec<String> = names;
            let expected = if names.is_empty() { Value::Null } else { Value::from(names.clone()) };
            prop_assert_eq!(value(Field::Cast, &of_list(&names), None), expected);
        }
    }
}
