//! What terms a text has in the index.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use crate::domain::search::{Part, Word, words};

/// Length of the beginnings that are terms by themselves; longer ones are looked up among the words.
pub(super) const STARTS_MAX: usize = 3;

/// Words that say little by themselves: a search does not insist on them if it has others, and they do
/// not count for the length of a title.
const FILLERS: &[&str] = &[
    "a",
    "an",
    "the",
    "of",
    "and",
    "in",
    "on",
    "to",
    "for",
    "with",
    "by",
    "at",
    "from",
    "as",
    "or",
    "movie",
    "film",
    "movies",
    "films",
    "starring",
    "featuring",
    "directed",
    "director",
    "le",
    "la",
    "les",
    "de",
    "du",
    "des",
    "el",
    "los",
    "las",
    "der",
    "die",
    "das",
    "den",
    "il",
    "gli",
    "und",
];

/// Fillers as they are often mistyped.
const MISTYPED_FILLERS: [&str; 3] = ["teh", "hte", "adn"];

/// Whether a folded word says little by itself.
pub(super) fn is_filler(word: &str) -> bool {
    FILLERS.contains(&word)
}

/// Whether a word that is looked for says little by itself, as it is written or as it was meant.
pub(super) fn says_little(word: &str) -> bool {
    is_filler(word) || MISTYPED_FILLERS.contains(&word)
}

/// The short form of a word that is written in several ways: `4` for `iv` and `four`, `dr` for `doctor`.
pub(super) fn short_form(word: &str) -> Option<&'static str> {
    Some(match word {
        "one" => "1",
        "ii" | "two" => "2",
        "iii" | "three" => "3",
        "iv" | "four" => "4",
        "v" | "five" => "5",
        "vi" | "six" => "6",
        "vii" | "seven" => "7",
        "viii" | "eight" => "8",
        "ix" | "nine" => "9",
        "x" | "ten" => "10",
        "xi" | "eleven" => "11",
        "xii" | "twelve" => "12",
        "xiii" | "thirteen" => "13",
        "fourteen" => "14",
        "fifteen" => "15",
        "sixteen" => "16",
        "seventeen" => "17",
        "eighteen" => "18",
        "nineteen" => "19",
        "twenty" => "20",
        "thirty" => "30",
        "forty" => "40",
        "fifty" => "50",
        "sixty" => "60",
        "seventy" => "70",
        "eighty" => "80",
        "ninety" => "90",
        "doctor" => "dr",
        "mister" => "mr",
        "saint" => "st",
        "mount" => "mt",
        "versus" => "vs",
        "volume" => "vol",
        _ => return None,
    })
}

/// Numbers that are written otherwise than by digits.
const WRITTEN_OUT: [&str; 39] = [
    "one",
    "ii",
    "two",
    "iii",
    "three",
    "iv",
    "four",
    "v",
    "five",
    "vi",
    "six",
    "vii",
    "seven",
    "viii",
    "eight",
    "ix",
    "nine",
    "x",
    "ten",
    "xi",
    "eleven",
    "xii",
    "twelve",
    "xiii",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
    "thirty",
    "forty",
    "fifty",
    "sixty",
    "seventy",
    "eighty",
    "ninety",
];

/// How a number may be written otherwise: `ix` and `nine` for `9`.
pub(super) fn written_out(number: &str) -> impl Iterator<Item = &'static str> {
    WRITTEN_OUT.into_iter().filter(move |written| short_form(written) == Some(number))
}

/// The number that two words are together: `21` for `twenty one`.
pub(super) fn number_of_two(tens: &str, ones: &str) -> Option<String> {
    let tens = short_form(tens)?.strip_suffix('0').filter(|tens| *tens != "1")?;
    let ones = short_form(ones).filter(|ones| ones.len() == 1)?;
    Some(format!("{tens}{ones}"))
}

/// How many words of a title count for its length; at least one.
pub(super) fn title_length(title: &str) -> u64 {
    let words = words(title);
    let parts = words.iter().flat_map(|word| &word.parts);
    let (fillers, others): (Vec<&Part>, Vec<&Part>) = parts.partition(|part| is_filler(&part.text));
    let length = if others.is_empty() { fillers.len() } else { others.len() };
    u64::try_from(length).unwrap_or(u64::MAX).clamp(1, 255)
}

/// What a word is found by, and where it stands among the words.
fn terms(word: &Word, position: usize, mut each: impl FnMut(&str, usize)) {
    for (n, part) in word.parts.iter().enumerate() {
        each(&part.text, position + n);
        for piece in part.pieces.iter().filter(|piece| piece.chars().count() > 1) {
            each(piece, position + n);
        }
        if let Some(short) = short_form(&part.text) {
            each(short, position + n);
        }
    }
    if word.parts.len() > 1 {
        let joined = word.joined();
        // In phrases it stands after what is before its first part, and before what is after its last.
        each(&joined, position);
        each(&joined, position + word.parts.len() - 1);
    }
}

/// The terms of one value of a field.
pub(super) fn of_text(text: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    let mut position = 0;
    let words = words(text);
    let mut part_before: Option<&Part> = None;
    for (n, word) in words.iter().enumerate() {
        terms(word, position, |term, at| found.push((term.to_owned(), at)));
        let before = n.checked_sub(1).and_then(|before| words.get(before));
        if !before.is_some_and(is_initial) {
            let initials: String =
                words[n..].iter().take_while(|word| is_initial(word)).map(Word::joined).collect();
            let count = initials.chars().count();
            if count > 1 {
                found.push((initials.clone(), position));
                found.push((initials, position + count - 1));
            }
        }
        for (at, part) in (position..).zip(&word.parts) {
            let before = part_before.replace(part);
            if let Some(number) = before.and_then(|tens| number_of_two(&tens.text, &part.text)) {
                found.push((number.clone(), at - 1));
                found.push((number, at));
            }
        }
        position += word.parts.len();
    }
    // The index wants the places of a term in their order.
    found.sort_by_key(|(_, at)| *at);
    found
}

/// Whether a word is a single letter, as in `J. K. Simmons`, which is found as `jk` too.
pub(super) fn is_initial(word: &Word) -> bool {
    matches!(word.parts.as_slice(), [part] if part.text.chars().count() == 1)
}

/// The beginnings of a value's terms, each once.
fn starts(text: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for (term, _) in of_text(text) {
        let ends = term.char_indices().skip(1).map(|(end, _)| end).chain([term.len()]);
        found.extend(ends.take(STARTS_MAX).map(|end| (term[..end].to_owned(), 0)));
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// A tokenizer of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Terms {
    /// Words, where they stand.
    Words,
    /// Words of a name; far enough from those of the name before it not to seem beside them.
    Names,
    /// The beginnings of words.
    Starts,
}

/// Positions left free before a name.
const NAME_GAP: usize = 4;

impl Terms {
    /// Its name in the schema.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Words => "words",
            Self::Names => "names",
            Self::Starts => "starts",
        }
    }
}

impl Tokenizer for Terms {
    type TokenStream<'a> = Stream;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Stream {
        let (terms, shift) = match self {
            Self::Words => (of_text(text), 0),
            Self::Names => (of_text(text), NAME_GAP),
            Self::Starts => (starts(text), 0),
        };
        Stream { terms: terms.into_iter(), shift, token: Token::default() }
    }
}

/// The tokens of a text.
#[derive(Debug)]
pub(super) struct Stream {
    terms: std::vec::IntoIter<(String, usize)>,
    shift: usize,
    token: Token,
}

impl TokenStream for Stream {
    fn advance(&mut self) -> bool {
        let Some((text, position)) = self.terms.next() else { return false };
        self.token.text = text;
        self.token.position = position + self.shift;
        self.token.position_length = 1;
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(terms: &[(String, usize)]) -> String {
        let shown: Vec<String> = terms.iter().map(|(term, at)| format!("{term}@{at}")).collect();
        shown.join(" ")
    }

    #[test]
    fn words_are_found_by_their_parts_and_as_a_whole() {
        for (text, terms) in [
            ("Spider-Man 2", "spider@0 spiderman@0 man@1 spiderman@1 2@2"),
            ("Schindler's List", "schindlers@0 schindler@0 list@1"),
            ("Rocky III", "rocky@0 iii@1 3@1"),
            ("Ocean's Eleven", "oceans@0 ocean@0 eleven@1 11@1"),
            ("J. K. Simmons", "j@0 jk@0 jk@1 k@1 simmons@2"),
            ("Thirteen", "thirteen@0 13@0"),
            ("Forty-Two", "forty@0 40@0 fortytwo@0 42@0 two@1 2@1 fortytwo@1 42@1"),
            ("Sixty Six", "sixty@0 60@0 66@0 six@1 6@1 66@1"),
            ("Twenty-One-21", "twenty@0 20@0 twentyone21@0 21@0 one@1 1@1 21@1 21@2 twentyone21@2"),
            ("Ten Two", "ten@0 10@0 two@1 2@1"),
            ("Doctor No", "doctor@0 dr@0 no@1"),
        ] {
            assert_eq!(shown(&of_text(text)), terms);
        }
    }

    #[test]
    fn a_number_is_written_in_several_ways() {
        assert!(WRITTEN_OUT.iter().all(|written| short_form(written).is_some()));
        assert_eq!(written_out("9").collect::<Vec<_>>(), ["ix", "nine"]);
        assert_eq!(written_out("nine").chain(written_out("dr")).count(), 0);
    }

    #[test]
    fn beginnings_have_up_to_three_characters() {
        assert_eq!(shown(&starts("Été Up")), "e@0 et@0 ete@0 u@0 up@0");
    }

    #[test]
    fn fillers_do_not_count_for_a_titles_length() {
        assert_eq!(title_length("The Lord of the Rings: The Return of the King"), 4);
        assert_eq!(title_length("Of and For"), 3);
        assert_eq!(title_length("?"), 1);
    }
}
