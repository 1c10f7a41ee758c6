//! What matched in a movie, marked in its own text.

use std::{collections::HashSet, ops::Range};

use tantivy::schema::Field;

use crate::domain::{
    movie::Movie,
    search::{Highlights, Word, words},
};

use super::{
    document::Rest,
    matching::Query,
    schema::{Fields, TextField},
    tokens::{is_filler, short_form},
};

/// Bytes of a synopsis that are shown, about.
const FRAGMENT_BYTES: usize = 240;
/// Bytes shown before the first word that matched, about.
const BEFORE_BYTES: usize = 60;

/// Marks the words of a query.
pub(super) struct Marker {
    fields: [(TextField, HashSet<String>); 4],
    /// Beginnings of words, in titles and in names.
    title_starts: Vec<String>,
    name_starts: Vec<String>,
}

impl Marker {
    pub(super) fn new(query: &Query, fields: &Fields) -> Self {
        let words = query.words.iter().zip(&query.required);
        let wanted = || {
            words.clone().flat_map(|(words, required)| words.iter().map(move |w| (w, *required)))
        };
        let of = |field: Field| -> HashSet<String> {
            let of_field = wanted().filter(|(wanted, _)| wanted.field == field);
            let texts = of_field.map(|(wanted, required)| (lossy(&wanted.term), required));
            texts
                .filter(|(text, required)| *required || !is_filler(text))
                .map(|(text, _)| text)
                .collect()
        };
        let fields_marked =
            [TextField::Title, TextField::Directors, TextField::Cast, TextField::Synopsis];
        Self {
            fields: fields_marked.map(|field| (field, of(fields.text(field)))),
            title_starts: of(fields.title_starts).into_iter().collect(),
            name_starts: of(fields.name_starts).into_iter().collect(),
        }
    }

    /// What matched in a movie.
    pub(super) fn mark(&self, movie: &Movie, rest: &Rest) -> Highlights {
        let whole = |field, text: &str| {
            let marks = self.marks(field, text);
            (!marks.is_empty()).then(|| html(text, 0..text.len(), &marks))
        };
        let names = |field, names: &[String]| -> Vec<String> {
            names.iter().filter_map(|name| whole(field, name)).collect()
        };
        Highlights {
            title: whole(TextField::Title, &movie.data.title),
            directors: names(TextField::Directors, &movie.data.directors),
            cast: names(TextField::Cast, &rest.cast),
            synopsis: rest.synopsis.as_deref().and_then(|text| self.fragment(text)),
        }
    }

    fn fragment(&self, text: &str) -> Option<String> {
        let marks = self.marks(TextField::Synopsis, text);
        // From the word that has most others close behind it.
        let within = |from: &Range<usize>| {
            marks
                .iter()
                .filter(|mark| {
                    (from.start..from.start + FRAGMENT_BYTES - BEFORE_BYTES).contains(&mark.start)
                })
                .count()
        };
        let best = marks.iter().rev().max_by_key(|mark| within(mark))?;
        let start = boundary(text, best.start.saturating_sub(BEFORE_BYTES), best.start);
        let end = boundary(text, (start + FRAGMENT_BYTES).min(text.len()), text.len());
        let marks: Vec<_> =
            marks.into_iter().filter(|mark| start <= mark.start && mark.end <= end).collect();
        let before = if start > 0 { "…" } else { "" };
        let after = if end < text.len() { "…" } else { "" };
        let shown = html(text, start..end, &marks);
        Some(format!("{before}{}{after}", shown.trim()))
    }

    /// Where a text has words of the query, in order.
    fn marks(&self, field: TextField, text: &str) -> Vec<Range<usize>> {
        let starts: &[String] = match field {
            TextField::Title => &self.title_starts,
            TextField::Directors | TextField::Cast => &self.name_starts,
            TextField::Genres | TextField::Synopsis => &[],
        };
        let terms = self.fields.iter().find(|(of, _)| *of == field).map(|(_, terms)| terms);
        let Some(terms) = terms.filter(|terms| !terms.is_empty() || !starts.is_empty()) else {
            return Vec::new();
        };
        let mut marks = Vec::new();
        for Word { parts } in words(text) {
            let joined = Word { parts: parts.clone() }.joined();
            if parts.len() > 1
                && terms.contains(&joined)
                && let (Some(first), Some(last)) = (parts.first(), parts.last())
            {
                marks.push(first.range().start..last.range().end);
                continue;
            }
            for part in parts {
                let has = terms.contains(&part.text)
                    || part.pieces.iter().any(|piece| terms.contains(piece))
                    || short_form(&part.text).is_some_and(|short| terms.contains(short))
                    || starts.iter().any(|start| part.text.starts_with(start.as_str()));
                if has {
                    marks.push(part.range());
                }
            }
        }
        marks
    }
}

fn lossy(term: &[u8]) -> String {
    String::from_utf8_lossy(term).into_owned()
}

/// The end of the word at a place, or `limit`.
fn boundary(text: &str, at: usize, limit: usize) -> usize {
    if at == 0 || at >= limit {
        return at.min(limit);
    }
    let at = (at..limit).find(|at| text.is_char_boundary(*at)).unwrap_or(limit);
    let rest = &text[at..limit];
    rest.find(char::is_whitespace).map_or(limit, |space| at + space)
}

fn html(text: &str, range: Range<usize>, marks: &[Range<usize>]) -> String {
    let mut shown = String::with_capacity(range.len() + marks.len() * 9);
    let mut at = range.start;
    for mark in marks {
        escape(&text[at..mark.start], &mut shown);
        shown.push_str("<em>");
        escape(&text[mark.clone()], &mut shown);
        shown.push_str("</em>");
        at = mark.end;
    }
    escape(&text[at..range.end], &mut shown);
    shown
}

fn escape(text: &str, shown: &mut String) {
    for c in text.chars() {
        match c {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '"' => shown.push_str("&quot;"),
            '\'' => shown.push_str("&#39;"),
            c => shown.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_around_marks() {
        let marked = html("Tom & <Jerry>", 0..13, &[0..3, 7..12]);
        assert_eq!(marked, "<em>Tom</em> &amp; &lt;<em>Jerry</em>&gt;");
    }

    #[test]
    fn a_fragment_begins_and_ends_between_words() {
        let text =
            format!("{} the alien wakes {}", "first words é ".repeat(20), "and more ".repeat(60));
        let synopsis = (TextField::Synopsis, HashSet::from(["alien".to_owned()]));
        let none = || (TextField::Title, HashSet::new());
        let marker = Marker {
            fields: [synopsis, none(), none(), none()],
            title_starts: Vec::new(),
            name_starts: Vec::new(),
        };
        let shown = marker.fragment(&text).unwrap();
        assert!(shown.starts_with("…") && shown.ends_with("…"), "{shown}");
        assert!(shown.contains("the <em>alien</em> wakes"), "{shown}");
        assert!(shown.len() < 400);
        assert_eq!(marker.fragment("nothing here"), None);
    }
}
