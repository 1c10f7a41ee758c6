//! The notation of filters on genres: `,` is "and", `|` is "or", and `\` makes the next character
//! literal.

use std::collections::BTreeSet;

use crate::domain::{movie::rule, parameters::Parameters, text::name_key};

use super::query_text::pair;

/// Most genres that the filters of one list may name.
pub const GENRES_MAX: usize = 20;

/// Takes `genre` and `genre_not`.
pub(super) fn take(p: &mut Parameters) -> (BTreeSet<BTreeSet<String>>, BTreeSet<String>) {
    let genres = genre_groups(p);
    let genres_not = genres_not(p);
    let named = genres.iter().map(BTreeSet::len).sum::<usize>() + genres_not.len();
    if named > GENRES_MAX {
        p.fault("genre", format!("at most {GENRES_MAX} genres in one list, not {named}"));
    }
    (genres, genres_not)
}

/// Writes `genre` and `genre_not`.
pub(super) fn write(
    genres: &BTreeSet<BTreeSet<String>>,
    genres_not: &BTreeSet<String>,
    text: &mut String,
) {
    for group in genres {
        pair(text, "genre", &joined(group, "|"));
    }
    if !genres_not.is_empty() {
        pair(text, "genre_not", &joined(genres_not, ","));
    }
}

fn joined(names: &BTreeSet<String>, separator: &str) -> String {
    let names: Vec<String> = names.iter().map(|name| escape(name)).collect();
    names.join(separator)
}

fn escape(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for c in name.chars() {
        if matches!(c, ',' | '|' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

/// Splits a filter on genres into groups of alternatives; `\` makes the next character literal.
fn alternatives(text: &str) -> Vec<Vec<String>> {
    let mut groups = vec![vec![String::new()]];
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        let Some(group) = groups.last_mut() else { break };
        match c {
            ',' => groups.push(vec![String::new()]),
            '|' => group.push(String::new()),
            '\\' => push(group, characters.next().unwrap_or('\\')),
            c => push(group, c),
        }
    }
    groups
}

fn push(parts: &mut [String], c: char) {
    if let Some(last) = parts.last_mut() {
        last.push(c);
    }
}

fn genre(p: &mut Parameters, parameter: &'static str, text: &str) -> Option<String> {
    let length = text.trim().chars().count();
    if (1..=rule::GENRE_MAX).contains(&length) {
        return Some(name_key(text));
    }
    let most = rule::GENRE_MAX;
    p.fault(parameter, format!("a genre has 1 to {most} characters, not {length}"));
    None
}

fn genre_groups(p: &mut Parameters) -> BTreeSet<BTreeSet<String>> {
    let mut groups: BTreeSet<BTreeSet<String>> = BTreeSet::new();
    for text in p.every("genre") {
        for group in alternatives(&text) {
            let names = group.iter().filter_map(|name| genre(p, "genre", name)).collect();
            groups.insert(names);
        }
    }
    // (A or B) and A is A.
    let all = groups.clone();
    groups.retain(|group| !all.iter().any(|other| other != group && other.is_subset(group)));
    groups
}

fn genres_not(p: &mut Parameters) -> BTreeSet<String> {
    let texts = p.every("genre_not");
    let names: Vec<String> = texts.iter().flat_map(|text| alternatives(text).concat()).collect();
    names.iter().filter_map(|name| genre(p, "genre_not", name)).collect()
}

#[cfg(test)]
mod tests {
    use super::{
        super::{ListQuery, query_text::pairs},
        *,
    };

    #[test]
    fn separators_can_be_escaped() {
        let one = ListQuery::from_pairs(pairs(r"genre=rock\,paper\|scissors\\")).unwrap();
        let group = BTreeSet::from([r"rock,paper|scissors\".to_owned()]);
        assert_eq!(one.filter.genres, BTreeSet::from([group]));
        assert_eq!(ListQuery::from_pairs(pairs(&one.canonical())).unwrap(), one);
    }
}
