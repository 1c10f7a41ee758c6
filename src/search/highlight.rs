//! What matched in a movie, marked in its own text.

use std::{collections::HashSet, ops::Range};

use tantivy::schema::Field;

use crate::domain::{
    movie::Movie,
    search::{Highlights, Part, Word, words},
};

use super::{
    document::Rest,
    matching::Query,
    schema::{Fields, TextField},
    tokens::{is_filler, is_initial, number_of_two, short_form},
};

/// Bytes of a synopsis that are shown, about.
const FRAGMENT_BYTES: usize = 240;
/// Bytes shown before the first word that matched, about.
const BEFORE_BYTES: usize = 60;
/// Bytes in which the end of a word is looked for: many scripts write no spaces.
const WORD_BYTES: usize = 60;

/// Marks the words of a query.
pub(super) struct Marker {
    fields: [(TextField, HashSet<String>); 4],
    /// Words that are marked only where several are written for them, as `la` for L.A.
    fillers: HashSet<String>,
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
        let fillers = wanted().filter(|(_, required)| !required);
        let fillers = fillers.map(|(wanted, _)| lossy(&wanted.term)).filter(|text| is_filler(text));
        let fields_marked =
            [TextField::Title, TextField::Directors, TextField::Cast, TextField::Synopsis];
        Self {
            fields: fields_marked.map(|field| (field, of(fields.text(field)))),
            fillers: fillers.collect(),
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
        let words = words(text);
        let mut marks = Vec::new();
        let mut at = 0;
        while let Some(word) = words.get(at) {
            let together = self.together(field, terms, &words[at..]);
            marks.extend(span(&words[at..at + together]));
            at += together.max(1);
            for part in word.parts.iter().filter(|_| together == 0) {
                let begins = || starts.iter().any(|start| part.text.starts_with(start.as_str()));
                // A letter that stands for two is two parts in one place.
                let again = marks.last() == Some(&part.range());
                if !again && (is_marked(terms, part) || begins()) {
                    marks.push(part.range());
                }
            }
        }
        marks
    }

    /// How many of the words at the beginning are one word of the query together; none where each is
    /// looked at by itself.
    fn together(&self, field: TextField, terms: &HashSet<String>, words: &[Word]) -> usize {
        let has = |text: &str| terms.contains(text) || self.fillers.contains(text);
        let has_number = |tens: &Part, ones: &Part| {
            number_of_two(&tens.text, &ones.text).is_some_and(|number| terms.contains(&number))
        };
        let Some((word, rest)) = words.split_first() else { return 0 };
        let one = match word.parts.as_slice() {
            [one] => one,
            [one, two] if has_number(one, two) => return 1,
            _ => return usize::from(has(&word.joined())),
        };
        let initials = words.iter().take_while(|word| is_initial(word)).count();
        if initials > 1 && has(&words[..initials].iter().map(Word::joined).collect::<String>()) {
            return initials;
        }
        let Some([two]) = rest.first().map(|word| word.parts.as_slice()) else { return 0 };
        let by_itself = |part: &Part| is_marked(terms, part) || self.fillers.contains(&part.text);
        if by_itself(one) && by_itself(two) {
            return 0;
        }
        // Titles and names are searched for halves of words.
        let halves = field != TextField::Synopsis
            && terms.contains(&[one.text.as_str(), two.text.as_str()].concat());
        if halves || has_number(one, two) { 2 } else { 0 }
    }
}

/// From the first of some words to the last.
fn span(words: &[Word]) -> Option<Range<usize>> {
    let (first, last) = (words.first()?.parts.first()?, words.last()?.parts.last()?);
    Some(first.range().start..last.range().end)
}

fn is_marked(terms: &HashSet<String>, part: &Part) -> bool {
    terms.contains(&part.text)
        || part.pieces.iter().any(|piece| terms.contains(piece))
        || short_form(&part.text).is_some_and(|short| terms.contains(short))
}

fn lossy(term: &[u8]) -> String {
    String::from_utf8_lossy(term).into_owned()
}

/// The end of the word at a place, or `limit`; the place itself where no word ends soon.
fn boundary(text: &str, at: usize, limit: usize) -> usize {
    if at == 0 || at >= limit {
        return at.min(limit);
    }
    let at = (at..limit).find(|at| text.is_char_boundary(*at)).unwrap_or(limit);
    let rest = &text[at..limit];
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    if end <= WORD_BYTES { at + end } else { at }
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
    fn words_that_are_written_together_in_the_query_are_marked_together() {
        let shown = |field: TextField, terms: &[&str], text: &str| {
            let terms = terms.iter().map(|term| (*term).to_owned()).collect();
            let none = || (TextField::Synopsis, HashSet::new());
            let marker = Marker {
                fields: [(field, terms), none(), none(), none()],
                fillers: HashSet::from(["la".to_owned()]),
                title_starts: Vec::new(),
                name_starts: Vec::new(),
            };
            html(text, 0..text.len(), &marker.marks(field, text))
        };
        let title = |terms: &[&str], text: &str| shown(TextField::Title, terms, text);
        assert_eq!(title(&["starwars"], "The Star Wars"), "The <em>Star Wars</em>");
        assert_eq!(
            title(&["star", "wars", "starwars"], "Star Wars"),
            "<em>Star</em> <em>Wars</em>"
        );
        assert_eq!(
            title(&["confidential"], "L.A. Confidential"),
            "<em>L.A</em>. <em>Confidential</em>"
        );
        assert_eq!(title(&["vita", "lavita"], "La Vita"), "La <em>Vita</em>");
        assert_eq!(title(&["dolce"], "La Dolce Vita"), "La <em>Dolce</em> Vita");
        assert_eq!(
            title(&["42"], "Forty-Two or Forty Two"),
            "<em>Forty-Two</em> or <em>Forty Two</em>"
        );
        let names = shown(TextField::Cast, &["jk", "simmons"], "J. K. Simmons");
        assert_eq!(names, "<em>J. K</em>. <em>Simmons</em>");
        assert_eq!(shown(TextField::Cast, &["tomhanks"], "Tom Hanks"), "<em>Tom Hanks</em>");
        assert_eq!(shown(TextField::Synopsis, &["tomhanks"], "Tom Hanks"), "Tom Hanks");
    }

    #[test]
    fn a_fragment_begins_and_ends_between_words() {
        let text =
            format!("{} the alien wakes {}", "first words é ".repeat(20), "and more ".repeat(60));
        let synopsis = (TextField::Synopsis, HashSet::from(["alien".to_owned()]));
        let none = || (TextField::Title, HashSet::new());
        let marker = Marker {
            fields: [synopsis, none(), none(), none()],
            fillers: HashSet::new(),
            title_starts: Vec::new(),
            name_starts: Vec::new(),
        };
        let shown = marker.fragment(&text).unwrap();
        assert!(shown.starts_with("…") && shown.ends_with("…"), "{shown}");
        assert!(shown.contains("the <em>alien</em> wakes"), "{shown}");
        assert!(shown.len() < 400);
        assert_eq!(marker.fragment("nothing here"), None);
        let unspaced = marker.fragment(&format!("alien {}", "漢".repeat(9_000))).unwrap();
        assert!(
            unspaced.starts_with("<em>alien</em> 漢") && unspaced.ends_with("漢…"),
            "{unspaced}"
        );
        assert!(unspaced.len() < 400);
    }
}
