//! How text is compared: one definition for every backend.
//!
//! Databases disagree about collations (and change their minds between versions), so Marquee
//! computes its comparison keys itself and has the database compare bytes.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Longest sort key kept, in bytes. Titles whose keys agree this far are ordered by id.
pub const SORT_KEY_MAX_BYTES: usize = 255;

/// Key under which two spellings of one name are the same: trimmed, NFC, lower case.
///
/// ```
/// use marquee::domain::text::name_key;
/// assert_eq!(name_key(" Sci-Fi "), name_key("sci-fi"));
/// assert_ne!(name_key("Amelie"), name_key("Amélie"));
/// ```
#[must_use]
pub fn name_key(name: &str) -> String {
    let trimmed = name.trim();
    if trimmed.is_ascii() {
        return trimmed.to_ascii_lowercase();
    }
    let lower: String = trimmed.nfc().flat_map(char::to_lowercase).collect();
    lower.nfc().collect()
}

/// Key by which titles are sorted: compatibility-decomposed, accents and case removed, compared as
/// UTF-8 bytes (code point order), cut at [`SORT_KEY_MAX_BYTES`] on a character boundary.
///
/// ```
/// use marquee::domain::text::sort_key;
/// assert_eq!(sort_key("Amélie"), sort_key("AMELIE"));
/// assert!(sort_key("Amélie") < sort_key("Amen"));
/// ```
#[must_use]
pub fn sort_key(text: &str) -> Vec<u8> {
    let mut key = String::with_capacity(text.len());
    let lower = text.trim().nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase);
    for c in lower.filter(|c| !is_combining_mark(*c)) {
        if key.len() + c.len_utf8() > SORT_KEY_MAX_BYTES {
            break;
        }
        key.push(c);
    }
    key.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_keys_ignore_case_and_outer_space_but_not_accents() {
        assert_eq!(name_key("\u{c9}ric Rohmer"), name_key("e\u{301}RIC rohmer "));
        assert_ne!(name_key("Eric Rohmer"), name_key("Éric Rohmer"));
    }

    #[test]
    fn name_key_of_a_key_is_itself() {
        for name in ["Straße", "İstanbul", "ΌΣΟΣ", "e\u{301}", "𝒜", "日本"] {
            assert_eq!(name_key(&name_key(name)), name_key(name), "{name}");
        }
    }

    #[test]
    fn sort_keys_are_cut_on_a_character_boundary() {
        let key = sort_key(&"日".repeat(200));
        assert_eq!(key.len(), 255);
        assert!(String::from_utf8(key).is_ok());
    }
}
