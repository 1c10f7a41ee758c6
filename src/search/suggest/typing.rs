//! How words that were typed are told from words that were meant: where titles may be entered, how
//! many slips a word may have, and whether a word is another one with so many slips.

/// Most slips of a query.
pub(super) const SLIPS_MAX: usize = 2;

/// In how many places a text may be entered. They are within its first 255 bytes.
const ENTRIES_MAX: usize = 16;

/// Articles at the beginning of a title, which people leave out.
const ARTICLES: [&str; 16] = [
    "the", "a", "an", "la", "le", "les", "el", "los", "las", "il", "der", "die", "das", "un",
    "une", "ein",
];

/// Words within titles that nobody begins with, and that half of all titles have.
const FILLERS: [&str; 25] = [
    "the", "a", "an", "of", "and", "in", "on", "to", "for", "at", "by", "de", "la", "le", "les",
    "du", "des", "el", "der", "das", "und", "et", "y", "i", "o",
];

/// Numbers as titles write them: digits, Roman, a word.
const NUMBERS: [[&str; 3]; 20] = [
    ["1", "i", "one"],
    ["2", "ii", "two"],
    ["3", "iii", "three"],
    ["4", "iv", "four"],
    ["5", "v", "five"],
    ["6", "vi", "six"],
    ["7", "vii", "seven"],
    ["8", "viii", "eight"],
    ["9", "ix", "nine"],
    ["10", "x", "ten"],
    ["11", "xi", "eleven"],
    ["12", "xii", "twelve"],
    ["13", "xiii", "thirteen"],
    ["14", "xiv", "fourteen"],
    ["15", "xv", "fifteen"],
    ["16", "xvi", "sixteen"],
    ["17", "xvii", "seventeen"],
    ["18", "xviii", "eighteen"],
    ["19", "xix", "nineteen"],
    ["20", "xx", "twenty"],
];

/// Words that titles write short or in full, as searches know them too.
const SHORT: [[&str; 2]; 13] = [
    ["dr", "doctor"],
    ["mr", "mister"],
    ["mt", "mount"],
    ["st", "saint"],
    ["vol", "volume"],
    ["vs", "versus"],
    ["30", "thirty"],
    ["40", "forty"],
    ["50", "fifty"],
    ["60", "sixty"],
    ["70", "seventy"],
    ["80", "eighty"],
    ["90", "ninety"],
];

/// The ways to write a word that is a number up to twenty.
fn number(word: &str) -> Option<&'static [&'static str; 3]> {
    NUMBERS.iter().find(|forms| forms.contains(&word))
}

/// The ways to write a word that is written short or in full.
fn short(word: &str) -> Option<&'static [&'static str; 2]> {
    SHORT.iter().find(|forms| forms.contains(&word))
}

/// The ways to write a word that is written in several.
fn forms(word: &str) -> Option<&'static [&'static str]> {
    number(word).map(<[_; 3]>::as_slice).or_else(|| short(word).map(<[_; 2]>::as_slice))
}

/// The other ways to write a word that is a number up to twenty. The first word of a title is no Roman one
/// (`I, Robot`).
pub(super) fn same_numbers(
    word: &str,
    is_first: bool,
) -> impl Iterator<Item = &'static str> + use<'_> {
    let forms = number(word).filter(|forms| !is_first || forms[1] != word);
    forms.into_iter().flatten().copied().filter(move |form| *form != word)
}

/// The other way to write a word that is written short or in full.
pub(super) fn same_short(word: &str) -> Option<&'static str> {
    short(word)?.iter().copied().find(|form| *form != word)
}

/// Whether a word within a title is one where nobody begins.
pub(super) fn is_filler(word: &str) -> bool {
    FILLERS.contains(&word)
}

/// Where a title or name may be entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    /// At its beginning, with the article or without.
    Start(u8),
    /// At a later word.
    Later(u8),
}

/// The places where a title may be entered, in bytes. `elided` is where words go on after an elision.
pub(super) fn entries<'a>(
    title: &'a str,
    elided: &'a [usize],
) -> impl Iterator<Item = Entry> + use<'a> {
    let first = title.find(' ').unwrap_or(title.len());
    let has_article = ARTICLES.contains(&&title[..first]) && first < title.len();
    let words = word_starts(title).filter(|(_, word)| !word.is_empty());
    let words = words.filter_map(move |(at, word)| {
        let place = u8::try_from(at).ok()?;
        match at {
            0 => Some(Entry::Start(place)),
            _ if has_article && at == first + 1 => Some(Entry::Start(place)),
            _ if is_filler(word) => None,
            _ => Some(Entry::Later(place)),
        }
    });
    let elided = elided.iter().filter_map(move |at| {
        let place = u8::try_from(*at).ok()?;
        // `L'Avventura` and `The O'Brien`, but not what is within.
        let is_first = !title[..*at].contains(' ');
        Some(if is_first { Entry::Start(place) } else { Entry::Later(place) })
    });
    words.chain(elided).take(ENTRIES_MAX)
}

/// The places where a name may be entered, in bytes: all of its words.
pub(super) fn name_entries(name: &str, elided: &[usize]) -> Vec<u8> {
    let words = word_starts(name)
        .filter(|(_, word)| !word.is_empty())
        .map(|(at, _)| at)
        .chain(elided.iter().copied());
    words.filter_map(|at| u8::try_from(at).ok()).take(ENTRIES_MAX).collect()
}

/// Each word and where it starts.
pub(super) fn word_starts(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split(' ').map(move |word| {
        let start = at;
        at += word.len() + 1;
        (start, word)
    })
}

/// Slips that a word may have: one from four characters on, two from eight.
pub(super) fn slips_of(word: &str) -> u8 {
    match word.chars().count() {
        0..4 => 0,
        4..8 => 1,
        _ => 2,
    }
}

/// The least number of slips, up to `most`, with which `typed` is `meant`: a character too much, one
/// too few, another one, or two that changed places. With `is_prefix`, `meant` may go on.
pub(super) fn slips(typed: &str, meant: &str, most: u8, is_prefix: bool) -> Option<u8> {
    let exact = if is_prefix { meant.starts_with(typed) } else { meant == typed };
    if exact {
        return Some(0);
    }
    // One slip changes the length by one character, which is at most four bytes.
    let room = 4 * usize::from(most);
    if most == 0
        || typed.len() > meant.len() + room
        || (!is_prefix && meant.len() > typed.len() + room)
    {
        return None;
    }
    if typed.is_ascii() && meant.is_ascii() {
        return (1..=most)
            .find(|most| within(typed.as_bytes(), meant.as_bytes(), *most, is_prefix));
    }
    let (typed, meant): (Vec<char>, Vec<char>) = (typed.chars().collect(), meant.chars().collect());
    (1..=most).find(|most| within(&typed, &meant, *most, is_prefix))
}

fn within<T: PartialEq>(typed: &[T], meant: &[T], most: u8, is_prefix: bool) -> bool {
    let same = typed.iter().zip(meant).take_while(|(a, b)| a == b).count();
    let (typed, meant) = (&typed[same..], &meant[same..]);
    if typed.is_empty() {
        return is_prefix || meant.len() <= usize::from(most);
    }
    if meant.is_empty() {
        return typed.len() <= usize::from(most);
    }
    if most == 0 {
        return false;
    }
    let less = most - 1;
    within(&typed[1..], &meant[1..], less, is_prefix)
        || within(&typed[1..], meant, less, is_prefix)
        || within(typed, &meant[1..], less, is_prefix)
        || (typed.len() > 1
            && meant.len() > 1
            && typed[0] == meant[1]
            && typed[1] == meant[0]
            && within(&typed[2..], &meant[2..], less, is_prefix))
}

/// Words that were typed, the last of which may be unfinished.
#[derive(Debug)]
pub(super) struct Typed<'a> {
    words: &'a [&'a str],
    letters: Vec<u64>,
    forms: Vec<Option<&'static [&'static str]>>,
}

impl<'a> Typed<'a> {
    /// These words.
    pub(super) fn new(words: &'a [&'a str]) -> Self {
        let forms: Vec<_> = words.iter().map(|word| forms(word)).collect();
        // It may be written otherwise, with none of these letters.
        let all = words.iter().zip(&forms);
        let letters = all.map(|(word, forms)| if forms.is_some() { 0 } else { letters(word) });
        Self { words, letters: letters.collect(), forms }
    }

    /// Slips that all words may have together: one, and two from eight letters on.
    pub(super) fn slips_max(&self) -> u8 {
        let all: usize = self.words.iter().map(|word| word.chars().count()).sum();
        if all < 8 { 1 } else { 2 }
    }

    /// Whether a text of these letters may have the words with up to `most` slips: a letter that is
    /// nowhere in it is one. Few texts need a closer look.
    pub(super) fn may_be_in(&self, letters: u64, most: u8) -> bool {
        let missing: u32 = self.letters.iter().map(|typed| (typed & !letters).count_ones()).sum();
        missing <= u32::from(most)
    }

    /// The least number of slips, up to `most`, with which each word is in a text, in any order. Words
    /// that the text writes apart (`spider man`) may be typed as one, and others as they are written elsewhere
    /// (`2` for `ii`, `doctor` for `dr`).
    pub(super) fn slips_in(&self, text: &str, most: u8) -> Option<u8> {
        if !self.may_be_in(letters(text), most) {
            return None;
        }
        let mut sum = 0;
        for (n, word) in self.words.iter().enumerate() {
            let is_last = n + 1 == self.words.len();
            let mut least: Option<u8> = None;
            let room = slips_of(word).min(most - sum);
            for (at, meant) in word_starts(text) {
                let bound = least.map_or(room, |least| least - 1);
                let is_same = || self.forms[n].is_some_and(|forms| forms.contains(&meant));
                let found = slips(word, meant, bound, is_last)
                    .or_else(|| (is_same() || is_joined(&text[at..], word, is_last)).then_some(0));
                if let Some(slips) = found {
                    least = Some(slips);
                    if slips == 0 {
                        break;
                    }
                }
            }
            sum += least?;
        }
        Some(sum)
    }
}

/// Which letters there are: a bit for each, or for some that share it.
pub(super) fn letters(text: &str) -> u64 {
    text.bytes().filter(|byte| *byte != b' ').fold(0, |letters, byte| letters | 1 << (byte & 63))
}

/// Whether a text begins with these letters, some of its spaces left out.
fn is_joined(text: &str, word: &str, is_prefix: bool) -> bool {
    let mut letters = text.bytes();
    let mut spaces = 0;
    for expected in word.bytes() {
        let mut next = letters.next();
        if next == Some(b' ') {
            spaces += 1;
            next = letters.next();
        }
        if next != Some(expected) {
            return false;
        }
    }
    spaces > 0 && (is_prefix || letters.next().is_none_or(|next| next == b' '))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn titles_are_entered_at_words_that_people_begin_with() {
        let at = |title: &str, elided: &[usize]| {
            let entries = entries(title, elided).map(|entry| match entry {
                Entry::Start(at) => format!("^{}", &title[usize::from(at)..]),
                Entry::Later(at) => title[usize::from(at)..].to_owned(),
            });
            entries.collect::<Vec<_>>().join("|")
        };
        assert_eq!(
            at("the lord of the rings", &[]),
            "^the lord of the rings|^lord of the rings|rings"
        );
        assert_eq!(at("lavventura", &[1]), "^lavventura|^avventura");
        assert_eq!(at("the", &[]), "^the");
        assert_eq!(at("die hard", &[]), "^die hard|^hard");
    }

    #[test]
    fn slips_are_counted() {
        for (typed, meant, is_prefix, count) in [
            ("ficton", "fiction", false, Some(1)),
            ("godfahter", "godfather", false, Some(1)),
            ("redemtion", "redemption", false, Some(1)),
            ("scorc", "scorsese", true, Some(1)),
            ("scorc", "scorsese", false, None),
            ("shwas", "shawshank", true, Some(1)),
            ("apocolipse", "apocalypse", false, Some(2)),
            ("дарога", "дорога", false, Some(1)),
            ("kurosawa", "kurosawa", true, Some(0)),
        ] {
            assert_eq!(slips(typed, meant, 2, is_prefix), count, "{typed} {meant}");
        }
        let slips_in = |text, words: &[&str], most| Typed::new(words).slips_in(text, most);
        assert_eq!(
            slips_in("harry potter and the goblet of fire", &["goblet", "hary", "po"], 1),
            Some(1)
        );
        assert_eq!(slips_in("the amazing spider man 2", &["spiderman", "amaz"], 0), Some(0));
        assert_eq!(slips_in("j k simmons", &["jk", "simmons"], 0), Some(0));
        assert_eq!(slips_in("star wars", &["star", "trek"], 1), None);
        assert_eq!(slips_in("the godfather part ii", &["godfather", "2"], 0), Some(0));
        assert_eq!(slips_in("the godfather part ii", &["godfather", "3"], 0), None);
        assert_eq!(slips_in("dr strangelove", &["strangelove", "doctor"], 0), Some(0));
    }

    #[test]
    fn words_are_written_short_as_searches_know_them() {
        for [short, full] in SHORT {
            assert_eq!(crate::search::tokens::short_form(full), Some(short));
            assert_eq!((same_short(full), same_short(short)), (Some(short), Some(full)));
        }
        assert_eq!(same_short("doc"), None);
    }

    /// Optimal string alignment, from its definition.
    fn distance(a: &[u8], b: &[u8]) -> usize {
        let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
        for i in 0..=a.len() {
            for j in 0..=b.len() {
                let mut best = if i == 0 || j == 0 { i + j } else { usize::MAX };
                if i > 0 && j > 0 {
                    best = (table[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]))
                        .min(table[i - 1][j] + 1)
                        .min(table[i][j - 1] + 1);
                }
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    best = best.min(table[i - 2][j - 2] + 1);
                }
                table[i][j] = best;
            }
        }
        table[a.len()][b.len()]
    }

    proptest! {
        #[test]
        fn slips_are_the_distance(typed in "[a-c]{0,7}", meant in "[a-c]{0,7}") {
            let whole = distance(typed.as_bytes(), meant.as_bytes());
            prop_assert_eq!(
                slips(&typed, &meant, 2, false).map(usize::from),
                Some(whole).filter(|slips| *slips <= 2)
            );
            let prefix = (0..=meant.len()).map(|end| distance(typed.as_bytes(), &meant.as_bytes()[..end]));
            prop_assert_eq!(
                slips(&typed, &meant, 2, true).map(usize::from),
                prefix.min().filter(|slips| *slips <= 2)
            );
        }
    }
}
