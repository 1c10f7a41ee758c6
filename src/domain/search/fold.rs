//! How words are compared in searches.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// A text as searches compare it: what [`sort_key`](crate::domain::text::sort_key) compares, without
/// its limit, and with those letters spelled out that Unicode does not take apart but people do: ø is
/// o, ł is l, ß is ss, æ is ae.
///
/// ```
/// use marquee::domain::search::fold;
/// assert_eq!(fold("AMÉLIE"), "amelie");
/// assert_eq!(fold("Søren Łukasz"), "soren lukasz");
/// ```
#[must_use]
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(text.len());
    let lower = text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase);
    for c in lower.filter(|c| !is_combining_mark(*c)) {
        match c {
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' | 'ð' => folded.push('d'),
            'ħ' => folded.push('h'),
            'ı' => folded.push('i'),
            'ŧ' => folded.push('t'),
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'þ' => folded.push_str("th"),
            'ς' => folded.push('σ'),
            c => folded.push(c),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn accents_case_and_compatibility_forms_are_folded() {
        for (text, folded) in [
            ("Wong Kar-Wai", "wong kar-wai"),
            ("Krzysztof Kieślowski", "krzysztof kieslowski"),
            ("Straße", "strasse"),
            ("ＡＬＩＥＮ³", "alien3"),
            ("İstanbul", "istanbul"),
            ("ΌΣΟΣ", "οσοσ"),
        ] {
            assert_eq!(fold(text), folded);
        }
    }

    proptest! {
        #[test]
        fn folding_twice_is_folding_once(text in "\\PC{0,20}") {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }
    }
}
