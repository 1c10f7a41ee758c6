//! How text falls into words, the same way in what is searched and in what is looked for.

use std::ops::Range;

use unicode_normalization::char::is_combining_mark;

use super::fold::fold;

/// A word, as in a text: one part, or several that are written together, as in `Spider-Man`, `L.A.`,
/// `WALL·E` and `七人`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Word {
    /// Its parts, folded, each of letters and digits alone. An apostrophe divides nothing:
    /// `Schindler's` is one part.
    pub parts: Vec<Part>,
}

/// A part of a word.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Part {
    /// Folded letters and digits.
    pub text: String,
    /// For a part that is written with apostrophes, what is between them: `schindler` and `s`.
    pub pieces: Vec<String>,
    /// Where it stands, in bytes of the text.
    pub at: (usize, usize),
}

impl Part {
    /// Where it stands, in bytes of the text.
    #[must_use]
    pub const fn range(&self) -> Range<usize> {
        self.at.0..self.at.1
    }
}

impl Word {
    /// The parts without anything between them: `spiderman`.
    #[must_use]
    pub fn joined(&self) -> String {
        self.parts.iter().map(|part| part.text.as_str()).collect()
    }
}

/// What joins parts to a word where it stands between two of them.
const fn joins(c: char) -> bool {
    matches!(
        c,
        '-' | '/'
            | '\u{2010}'
            | '\u{2011}'
            | '\u{2012}'
            | '\u{2013}'
            | '.'
            | '·'
            | '•'
            | '*'
            | '_'
            | '\u{ad}'
    )
}

const fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’' | '‘' | 'ʼ' | 'ʻ' | '`' | '´' | '\u{ff07}')
}

/// Whether a character is a word's part by itself, as in scripts that do not divide words.
const fn stands_alone(c: char) -> bool {
    matches!(c,
        '\u{3040}'..='\u{30ff}' // Hiragana, Katakana
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' // Han
        | '\u{20000}'..='\u{3ffff}'
        | '\u{0e00}'..='\u{0eff}' // Thai, Lao
        | '\u{1780}'..='\u{17ff}') // Khmer
}

/// The words of a text. `&` is the word `and`.
#[must_use]
pub fn words(text: &str) -> Vec<Word> {
    let mut reader = Reader { text, chars: text.char_indices().collect(), at: 0 };
    let mut words = Vec::new();
    while let Some((_, c)) = reader.char(0) {
        if reader.kind(0) == Kind::Other {
            if matches!(c, '&' | '\u{ff06}') {
                words.push(reader.and());
            }
            reader.at += 1;
        } else {
            words.extend(reader.word());
        }
    }
    words
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A letter or digit of a longer part.
    Inner,
    /// A part by itself.
    Alone,
    /// A mark on the character before it.
    Mark,
    /// Anything else.
    Other,
}

fn kind(c: char) -> Kind {
    if c.is_ascii() {
        return if c.is_ascii_alphanumeric() { Kind::Inner } else { Kind::Other };
    }
    if is_combining_mark(c) {
        return Kind::Mark;
    }
    // Some count as letters.
    if is_apostrophe(c) {
        return Kind::Other;
    }
    // What it is folded to decides, so that folded text falls into the same words.
    let folded = fold(c.encode_utf8(&mut [0; 4]));
    match folded.chars().next() {
        Some(first) if c.is_alphanumeric() && first.is_alphanumeric() => {
            // ½ is not the end of the number before it.
            let alone = stands_alone(first) || folded.contains('\u{2044}');
            if alone { Kind::Alone } else { Kind::Inner }
        }
        _ => Kind::Other,
    }
}

struct Reader<'t> {
    text: &'t str,
    chars: Vec<(usize, char)>,
    at: usize,
}

impl Reader<'_> {
    fn char(&self, ahead: usize) -> Option<(usize, char)> {
        self.chars.get(self.at + ahead).copied()
    }

    fn kind(&self, ahead: usize) -> Kind {
        match self.char(ahead).map(|(_, c)| kind(c)) {
            // A mark on nothing.
            Some(Kind::Mark) | None => Kind::Other,
            Some(kind) => kind,
        }
    }

    fn byte(&self) -> usize {
        self.char(0).map_or(self.text.len(), |(byte, _)| byte)
    }

    fn and(&self) -> Word {
        let start = self.byte();
        let end = start + self.char(0).map_or(0, |(_, c)| c.len_utf8());
        Word { parts: vec![Part { text: "and".into(), pieces: Vec::new(), at: (start, end) }] }
    }

    /// Reads the word that begins here; `None` where nothing of it is left when it is folded.
    fn word(&mut self) -> Option<Word> {
        let mut parts = Vec::new();
        loop {
            let part = self.part();
            if part.text.chars().all(stands_alone) {
                // Some characters stand for two.
                let single = |c: char| Part { text: c.into(), pieces: Vec::new(), at: part.at };
                parts.extend(part.text.chars().map(single));
            } else {
                parts.push(part);
            }
            let joined = self.char(0).is_some_and(|(_, c)| joins(c)) && self.kind(1) != Kind::Other;
            if joined {
                self.at += 1;
            } else if self.kind(0) == Kind::Other {
                break;
            }
        }
        (!parts.is_empty()).then_some(Word { parts })
    }

    fn part(&mut self) -> Part {
        let start = self.byte();
        let mut piece = start;
        let mut pieces = Vec::new();
        if self.kind(0) == Kind::Alone {
            self.step();
        } else {
            while let Some((byte, c)) = self.char(0) {
                if self.kind(0) == Kind::Inner {
                    self.step();
                } else if is_apostrophe(c) && self.kind(1) == Kind::Inner {
                    pieces.push(plain(&self.text[piece..byte]));
                    piece = byte + c.len_utf8();
                    self.at += 1;
                } else {
                    break;
                }
            }
        }
        let end = self.byte();
        let last = plain(&self.text[piece..end]);
        if pieces.is_empty() {
            return Part { text: last, pieces, at: (start, end) };
        }
        pieces.push(last);
        Part { text: pieces.concat(), pieces, at: (start, end) }
    }

    /// Goes past a character and the marks on it.
    fn step(&mut self) {
        self.at += 1;
        while self.char(0).is_some_and(|(_, c)| kind(c) == Kind::Mark) {
            self.at += 1;
        }
    }
}

/// Folded, and nothing but letters and digits.
fn plain(text: &str) -> String {
    let mut folded = fold(text);
    folded.retain(char::is_alphanumeric);
    folded
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        let word = |word: &Word| {
            let parts: Vec<&str> = word.parts.iter().map(|part| part.text.as_str()).collect();
            parts.join("+")
        };
        words(text).iter().map(word).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn titles_fall_into_words_and_parts() {
        for (text, expected) in [
            ("L.A. Confidential", "l+a confidential"),
            ("WALL·E", "wall+e"),
            ("The Amazing Spider-Man", "the amazing spider+man"),
            ("Se7en", "se7en"),
            ("M*A*S*H", "m+a+s+h"),
            ("Schindler’s List", "schindlers list"),
            ("L'avventura", "lavventura"),
            ("Les Trésors dʼOr", "les tresors dor"),
            ("Hawaiʻi", "hawaii"),
            (
                "Star Wars: Episode III – Revenge of the Sith",
                "star wars episode iii revenge of the sith",
            ),
            ("Fast & Furious", "fast and furious"),
            ("七人の侍", "七+人+の+侍"),
            ("Ame\u{301}lie -- 'quoted' …and more.", "amelie quoted and more"),
            ("99%: The", "99 the"),
            ("Fahrenheit 9/11", "fahrenheit 9+11"),
            ("8½", "8+12"),
            ("\u{edc}", "\u{eab}+\u{e99}"),
            ("?!", ""),
        ] {
            assert_eq!(shown(text), expected);
        }
    }

    #[test]
    fn parts_know_where_they_stand() {
        let text = "Amélie’s Spider-Man";
        let words = words(text);
        let parts = words.iter().flat_map(|word| &word.parts);
        let shown: Vec<&str> = parts.map(|part| &text[part.range()]).collect();
        assert_eq!(shown, ["Amélie’s", "Spider", "Man"]);
        assert_eq!(words[0].parts[0].pieces, ["amelie", "s"]);
    }

    proptest! {
        #[test]
        fn folded_text_falls_into_the_same_words(text in "[\\PC]{0,24}") {
            let texts = |text: &str| -> Vec<Vec<String>> {
                let texts = |word: Word| word.parts.into_iter().map(|part| part.text).collect();
                words(text).into_iter().map(texts).collect()
            };
            let once = texts(&text);
            let again: Vec<String> = once.iter().map(|parts| parts.join("-")).collect();
            prop_assert_eq!(texts(&again.join(" ")), once);
        }
    }
}
