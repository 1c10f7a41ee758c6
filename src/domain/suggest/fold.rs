//! How what people type is compared with titles and names: words without accents, case and
//! punctuation, a space between two of them.
//!
//! It is [`sort_key`](crate::domain::text::sort_key)'s folding (compatibility decomposition, no
//! marks, lower case) and three things more, since nobody types as titles are written: letters that
//! decompose into nothing are spelled out (`ł`, `ø`, `æ`, `ß`), punctuation separates words or
//! vanishes, and `&` is `and`.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// A text in words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Folded {
    /// The words with a space between two of them.
    pub text: String,
    /// Where words go on after an elided article or particle (`l'avventura`, `O'Brien`), in bytes:
    /// people leave it out.
    pub elided: Vec<usize>,
}

/// Folds a text. What is folded folds to itself.
///
/// ```
/// use marquee::domain::suggest::fold;
/// assert_eq!(fold("Amélie").text, "amelie");
/// assert_eq!(fold("L.A. Confidential").text, "la confidential");
/// assert_eq!(fold("WALL·E").text, "wall e");
/// assert_eq!(fold("Fast & Furious 6").text, "fast and furious 6");
/// assert_eq!(fold("Schindler's List").text, "schindlers list");
/// ```
#[must_use]
pub fn fold(text: &str) -> Folded {
    let mut folding = Folding::default();
    for c in text.chars() {
        if c.is_ascii() {
            folding.ascii(c);
        } else {
            folding.other(c);
        }
    }
    folding.folded
}

/// A text while it is folded.
#[derive(Default)]
struct Folding {
    folded: Folded,
    /// Characters of the word at hand.
    word: usize,
    /// Characters since the word began, or since a point within it (`l.a`).
    since_point: usize,
    /// An apostrophe came after one or two letters.
    elides: bool,
}

impl Folding {
    fn ascii(&mut self, c: char) {
        match c {
            'a'..='z' | '0'..='9' => self.letter(c),
            'A'..='Z' => self.letter(c.to_ascii_lowercase()),
            '\'' | '`' => self.apostrophe(),
            '.' | '/' | '*' => self.point(),
            '&' => {
                self.end();
                "and".chars().for_each(|c| self.letter(c));
                self.end();
            }
            _ => self.end(),
        }
    }

    fn other(&mut self, c: char) {
        if is_apostrophe(c) {
            return self.apostrophe();
        }
        if matches!(c, '\u{b7}' | '\u{2022}' | '\u{30fb}') {
            return self.point();
        }
        let mut decomposed = std::iter::once(c).nfkd().peekable();
        // `8½` is `8 1 2`, as people type it, and `Alien³` is `Alien 3`; wide digits are digits.
        let is_wide = ('\u{ff10}'..='\u{ff19}').contains(&c);
        if !is_wide && decomposed.peek().is_some_and(char::is_ascii_digit) {
            self.end();
        }
        for c in decomposed.filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase) {
            match spelled_out(c) {
                // `ŉ` is one and a letter.
                _ if is_apostrophe(c) => self.apostrophe(),
                Some(letters) => letters.chars().for_each(|c| self.letter(c)),
                None if c.is_alphanumeric() => self.letter(c),
                // What lower case leaves of a letter, such as the dot of `İ`, is a mark.
                None if is_combining_mark(c) => {}
                None => self.end(),
            }
        }
    }

    fn letter(&mut self, c: char) {
        let text = &mut self.folded.text;
        if self.word == 0 && !text.is_empty() {
            text.push(' ');
        }
        if std::mem::take(&mut self.elides) {
            self.folded.elided.push(text.len());
        }
        text.push(c);
        self.word += 1;
        self.since_point += 1;
    }

    fn apostrophe(&mut self) {
        self.elides = (1..=2).contains(&self.word);
    }

    /// Between single letters a point is nothing (`L.A.`, `V/H/S`, `M*A*S*H`), else a space.
    fn point(&mut self) {
        let is_letter = self.folded.text.ends_with(|c: char| c.is_alphabetic());
        if self.since_point == 1 && is_letter {
            self.since_point = 0;
        } else {
            self.end();
        }
    }

    fn end(&mut self) {
        self.word = 0;
        self.since_point = 0;
        self.elides = false;
    }
}

/// What is typed for an apostrophe. Some count as letters.
const fn is_apostrophe(c: char) -> bool {
    matches!(
        c,
        '\'' | '`' | '\u{2018}' | '\u{2019}' | '\u{2bc}' | '\u{2b9}' | '\u{b4}' | '\u{2032}'
    )
}

/// Letters that compatibility decomposition leaves whole, as they are typed without them.
const fn spelled_out(c: char) -> Option<&'static str> {
    Some(match c {
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'ł' => "l",
        'ß' => "ss",
        'đ' | 'ð' => "d",
        'þ' => "th",
        'ı' => "i",
        'ħ' => "h",
        'ŧ' => "t",
        'ς' => "σ",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn titles_fold_to_what_people_type() {
        for (title, typed) in [
            ("8½", "8 1 2"),
            ("M*A*S*H", "mash"),
            ("V/H/S", "vhs"),
            ("Face/Off", "face off"),
            ("E.T. the Extra-Terrestrial", "et the extra terrestrial"),
            ("Mr. & Mrs. Smith", "mr and mrs smith"),
            ("J. Edgar", "j edgar"),
            ("P.S. I Love You", "ps i love you"),
            ("Crazy, Stupid, Love.", "crazy stupid love"),
            ("Rade Šerbedžija", "rade serbedzija"),
            ("Stellan Skarsgård", "stellan skarsgard"),
            ("Æon Flux", "aeon flux"),
            ("Katyń", "katyn"),
            ("Łódź Søren Straße", "lodz soren strasse"),
            ("ΌΣΟΣ όσος", "οσοσ οσοσ"),
            ("  -- ", ""),
            ("１２ İstanbul", "12 istanbul"),
            ("東京物語", "東京物語"),
            ("ŉ Seun l＇avventura", "n seun lavventura"),
        ] {
            assert_eq!(fold(title).text, typed, "{title}");
        }
    }

    #[test]
    fn words_go_on_after_elisions() {
        let folded = fold("Les Quatre Cents Coups de l'Été d'O'Brien");
        assert_eq!(folded.text, "les quatre cents coups de lete dobrien");
        let rest: Vec<&str> = folded.elided.iter().map(|at| &folded.text[*at..]).collect();
        assert_eq!(rest, ["ete dobrien", "obrien", "brien"]);
    }

    proptest! {
        #[test]
        fn what_is_folded_folds_to_itself(text in "\\PC{0,40}") {
            let folded = fold(&text);
            prop_assert_eq!(&fold(&folded.text).text, &folded.text);
            prop_assert!(!folded.text.starts_with(' ') && !folded.text.ends_with(' '));
            prop_assert!(!folded.text.contains("  "));
            for at in folded.elided {
                prop_assert!(folded.text.is_char_boundary(at) && at < folded.text.len());
            }
        }
    }
}
