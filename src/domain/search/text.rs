//! The notation of what is looked for: words, `"quoted phrases"`, `-words` and `-"phrases"` that must
//! not be there. The last word may be the beginning of one, unless a space or a quote ends it.

use std::{fmt, ops::RangeInclusive};

use crate::domain::{movie::rule, parameters::Parameters};

use super::words::words;

/// Characters of a search's text, as it is given and in its canonical form, which may be longer: `ß` is `ss` there.
pub const TEXT_MAX: usize = 200;
/// Words of a search's text.
pub const WORDS_MAX: usize = 16;
/// From which on a decade of two digits is of the 20th century: there are films of `the 20s`, a hundred years old.
const SHORT_DECADE: i16 = 20;
/// The decades from that one on, in letters.
const DECADES: [&str; 8] =
    ["twenties", "thirties", "forties", "fifties", "sixties", "seventies", "eighties", "nineties"];
/// Parts of those words, as `spider-man` has two.
pub const WORD_PARTS_MAX: usize = 48;

/// A word or a phrase that is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Clause {
    /// Movies that have it are left out.
    pub negative: bool,
    /// It was quoted: its words stand in this order, without anything between them, as they are
    /// spelled.
    pub quoted: bool,
    /// Its words, each of one part or more, folded. A clause that was not quoted has one.
    pub words: Vec<Vec<String>>,
}

impl Clause {
    /// The years that a word may mean: one (`1984`), a decade (`1980s`, `80s`, `1980's`, `eighties`), or those
    /// from one to another (`1970-1979`).
    #[must_use]
    pub fn years(&self) -> Option<RangeInclusive<i16>> {
        let [word] = self.words.as_slice() else { return None };
        if self.quoted {
            return None;
        }
        match word.as_slice() {
            [part] => years_of(part),
            [first, last] => {
                let (first, last) = (years_of(first)?, years_of(last)?);
                let are_years = first.start() == first.end() && last.start() == last.end();
                (are_years && first.start() <= last.start()).then(|| *first.start()..=*last.end())
            }
            _ => None,
        }
    }
}

/// The years that a part of a word may mean.
fn years_of(part: &str) -> Option<RangeInclusive<i16>> {
    let in_letters = (1920..).step_by(10).zip(DECADES).find(|(_, decade)| *decade == part);
    if let Some((first, _)) = in_letters {
        return Some(first..=first + 9);
    }
    let (number, last) = match part.strip_suffix('s') {
        Some(decade) if decade.ends_with('0') => (decade, 9),
        Some(_) => return None,
        None => (part, 0),
    };
    if !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: i16 = number.parse().ok().filter(|_| number.len() <= 4)?;
    let first = match (part.len(), last) {
        (3, 9) if number < SHORT_DECADE => 2000 + number,
        (3, 9) => 1900 + number,
        (4, 0) | (5, 9) => number,
        _ => return None,
    };
    let is_year = |year: i16| (rule::YEARS.0..=rule::YEARS.1).contains(&i64::from(year));
    let last = first + last;
    (is_year(first) && is_year(last)).then_some(first..=last)
}

/// What is looked for. Has at least one clause that is not negative.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SearchText {
    clauses: Vec<Clause>,
    unfinished: bool,
}

impl SearchText {
    /// Reads a search's text.
    ///
    /// # Errors
    /// What it must be.
    pub fn parse(text: &str) -> Result<Self, String> {
        let length = text.chars().count();
        if !(1..=TEXT_MAX).contains(&length) {
            return Err(format!("must have 1 to {TEXT_MAX} characters, not {length}"));
        }
        let mut clauses = Vec::new();
        let mut rest = text;
        let mut unfinished = false;
        loop {
            rest = rest.trim_start();
            let bare = rest.trim_start_matches(is_minus);
            let negative = bare.len() < rest.len();
            if let Some(quoted) = bare.strip_prefix(is_quote) {
                let (inside, after) = quoted.split_once(is_quote).unwrap_or((quoted, ""));
                rest = after;
                push(&mut clauses, negative, true, inside);
                unfinished = false;
                continue;
            }
            let end = bare.find(|c: char| c.is_whitespace() || is_quote(c)).unwrap_or(bare.len());
            let (word, after) = bare.split_at(end);
            rest = after;
            if rest.is_empty() && word.is_empty() {
                break;
            }
            // A minus by itself means nothing.
            if push(&mut clauses, negative, false, word) {
                unfinished = after.is_empty();
            }
        }
        // What is left out is looked for as it is spelled.
        unfinished &= clauses.last().is_some_and(|clause| !clause.negative);
        if clauses.iter().all(|clause| clause.negative) {
            return Err("must have a word to look for".to_owned());
        }
        let words = clauses.iter().flat_map(|clause| &clause.words);
        let (count, parts) = (words.clone().count(), words.map(Vec::len).sum::<usize>());
        if count > WORDS_MAX {
            return Err(format!("must have at most {WORDS_MAX} words, not {count}"));
        }
        if parts > WORD_PARTS_MAX {
            return Err(format!("must have at most {WORD_PARTS_MAX} parts of words, not {parts}"));
        }
        let read = Self { clauses, unfinished };
        // What is stored and linked to is the canonical form, which must be read again.
        let length = read.to_string().chars().count();
        if length > TEXT_MAX {
            let folded = "with letters folded (ß to ss) and quotes closed";
            return Err(format!("must have at most {TEXT_MAX} characters {folded}, not {length}"));
        }
        Ok(read)
    }

    /// Its words and phrases, in the order in which they were written.
    #[must_use]
    pub fn clauses(&self) -> &[Clause] {
        &self.clauses
    }

    /// Whether the last clause is a word that may go on.
    #[must_use]
    pub const fn unfinished(&self) -> bool {
        self.unfinished
    }

    /// Takes `q`.
    pub(super) fn take(p: &mut Parameters) -> Self {
        let text = p.one("q");
        let nothing = Self { clauses: Vec::new(), unfinished: false };
        let Some(text) = text else {
            p.fault("q", "is required: what to look for");
            return nothing;
        };
        Self::parse(&text).unwrap_or_else(|must| {
            p.fault("q", must);
            nothing
        })
    }
}

impl fmt::Display for SearchText {
    /// The same text for all that mean the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, Clause { negative, quoted, words }) in self.clauses.iter().enumerate() {
            f.write_str(if n > 0 { " " } else { "" })?;
            f.write_str(if *negative { "-" } else { "" })?;
            let quote = if *quoted { "\"" } else { "" };
            let words: Vec<String> = words.iter().map(|parts| parts.join("-")).collect();
            write!(f, "{quote}{}{quote}", words.join(" "))?;
        }
        let ended =
            self.unfinished || self.clauses.last().is_some_and(|last| last.quoted || last.negative);
        f.write_str(if ended { "" } else { " " })
    }
}

/// Appends the clauses of a text without spaces, or of a phrase; whether there are any.
fn push(clauses: &mut Vec<Clause>, negative: bool, quoted: bool, text: &str) -> bool {
    let words = words(text).into_iter();
    let words = words.map(|word| word.parts.into_iter().map(|part| part.text).collect());
    let words: Vec<Vec<String>> = words.collect();
    let any = !words.is_empty();
    if quoted {
        clauses.extend(any.then_some(Clause { negative, quoted, words }));
    } else {
        let word = |word| Clause { negative, quoted, words: vec![word] };
        clauses.extend(words.into_iter().map(word));
    }
    any
}

const fn is_quote(c: char) -> bool {
    matches!(c, '"' | '“' | '”' | '„' | '«' | '»' | '\u{ff02}')
}

const fn is_minus(c: char) -> bool {
    matches!(c, '-' | '\u{2010}' | '\u{2212}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> String {
        SearchText::parse(text).unwrap().to_string()
    }

    #[test]
    fn words_phrases_and_what_must_not_be_there() {
        for (text, expected) in [
            ("Blade Runner", "blade runner"),
            ("  blade   RUNNER ", "blade runner "),
            ("\"Blade Runner\" -2049", "\"blade runner\" -2049"),
            ("alien -\"director's cut\" ", "alien -\"directors cut\""),
            ("spider-man –far", "spider-man far"),
            ("alien - resurrection", "alien resurrection"),
            ("“the thing", "\"the thing\""),
            ("--x y\"z\"", "-x y \"z\""),
            ("Heat!", "heat"),
        ] {
            assert_eq!(canonical(text), expected);
        }
    }

    #[test]
    fn a_text_has_bounds_and_something_to_look_for() {
        for text in ["", " ", "?", "-x", "-\"x y\"", "\"\""] {
            assert!(SearchText::parse(text).is_err(), "{text:?}");
        }
        assert!(SearchText::parse(&"é".repeat(200)).is_ok());
        assert!(SearchText::parse(&"é".repeat(201)).is_err());
        for long in ["ß".repeat(101), format!("\"{}", "x".repeat(199)), "\u{fdfa}".repeat(200)] {
            let refused = SearchText::parse(&long).unwrap_err();
            assert!(
                refused.starts_with("must have at most 200 characters with letters"),
                "{refused}"
            );
        }
        assert!(SearchText::parse(&"ß".repeat(100)).is_ok());
        assert!(SearchText::parse(&"a ".repeat(16)).is_ok());
        assert!(SearchText::parse(&"a ".repeat(17)).is_err());
        assert!(SearchText::parse(&"a.".repeat(49)).is_err());
    }

    #[test]
    fn four_digits_may_be_a_year_and_with_an_s_a_decade() {
        let years = |text| -> Vec<Option<(i16, i16)>> {
            let text = SearchText::parse(text).unwrap();
            let years = text.clauses().iter().map(Clause::years);
            years.map(|years| years.map(RangeInclusive::into_inner)).collect()
        };
        let one = |year| Some((year, year));
        assert_eq!(years("solaris 1972"), [None, one(1972)]);
        assert_eq!(years("1869 \"1984\" 2101 2049 19-84"), [None, None, None, one(2049), None]);
        let eighties = Some((1980, 1989));
        assert_eq!(years("1980s 80s '80s 1980's"), [eighties; 4]);
        assert_eq!(
            years("20s 10s 00s"),
            [Some((1920, 1929)), Some((2010, 2019)), Some((2000, 2009))]
        );
        assert_eq!(years("eighties 'Eighties"), [eighties; 2]);
        assert_eq!(years("twenties nineties"), [Some((1920, 1929)), Some((1990, 1999))]);
        assert_eq!(
            years("1970-1979 1968–1972 2001/2001"),
            [Some((1970, 1979)), Some((1968, 1972)), one(2001)]
        );
        assert_eq!(years("1979-1970 80s-90s 1970-1975-1979 \"1970-1979\" 1970-3000"), [None; 5]);
        assert_eq!(years("1985s 8s 0s s 100s 01980s \"1980s\" 1860s 2100s"), [None; 9]);
    }
}
