//! Titles and names in one piece of memory: what is compared, what is shown, and what else belongs
//! to it.

/// Most bytes, so that a place in them is 32 bits.
pub(super) const BYTES_MAX: usize = u32::MAX as usize;

/// Texts, by number.
#[derive(Debug, Default)]
pub(super) struct Texts {
    at: Vec<u32>,
    bytes: Vec<u8>,
}

/// A text as it is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'a> {
    /// Folded.
    pub(super) key: &'a str,
    /// As it was written, unless it is the key with capitals.
    pub(super) written: Option<&'a str>,
    /// What else belongs to it.
    pub(super) more: &'a [u8],
}

impl Record<'_> {
    /// The text as it was written.
    pub(super) fn written(&self) -> String {
        self.written.map_or_else(|| capitals(self.key).collect(), str::to_owned)
    }

    /// Whether this is the text as it was written.
    pub(super) fn is(&self, text: &str) -> bool {
        self.written.map_or_else(|| capitals(self.key).eq(text.chars()), |written| written == text)
    }
}

impl Texts {
    /// Room for so many.
    pub(super) fn with_capacity(texts: usize, bytes: usize) -> Self {
        Self { at: Vec::with_capacity(texts), bytes: Vec::with_capacity(bytes) }
    }

    /// Appends a text. `false` where there is no room.
    pub(super) fn push(&mut self, key: &str, written: &str, more: &[u8]) -> bool {
        let Some(at) = u32::try_from(self.bytes.len())
            .ok()
            .filter(|_| self.bytes.len() + key.len() + written.len() + more.len() + 24 < BYTES_MAX)
        else {
            return false;
        };
        self.at.push(at);
        let is_capitals = capitals(key).eq(written.chars());
        push_number(&mut self.bytes, (key.len() as u64) << 1 | u64::from(!is_capitals));
        self.bytes.extend_from_slice(key.as_bytes());
        if !is_capitals {
            push_number(&mut self.bytes, written.len() as u64);
            self.bytes.extend_from_slice(written.as_bytes());
        }
        self.bytes.extend_from_slice(more);
        true
    }

    /// The text of this number.
    pub(super) fn get(&self, n: u32) -> Record<'_> {
        let n = n as usize;
        let end = self.at.get(n + 1).map_or(self.bytes.len(), |at| *at as usize);
        let mut bytes = &self.bytes[self.at[n] as usize..end];
        let head = take_number(&mut bytes);
        let key = take_text(&mut bytes, head >> 1);
        let written = (head & 1 == 1).then(|| {
            let length = take_number(&mut bytes);
            take_text(&mut bytes, length)
        });
        Record { key, written, more: bytes }
    }

    /// What is compared, from this byte on.
    pub(super) fn key_from(&self, n: u32, from: u8) -> &[u8] {
        let mut bytes = &self.bytes[self.at[n as usize] as usize..];
        let length = usize::try_from(take_number(&mut bytes) >> 1).unwrap_or_default();
        &bytes[usize::from(from)..length]
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.at.len()
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.capacity() + 4 * self.at.capacity()
    }

    /// Gives back what was too much.
    pub(super) fn shrink(&mut self) {
        self.at.shrink_to_fit();
        self.bytes.shrink_to_fit();
    }
}

/// The key with a capital at each word: what most names and many titles look like.
fn capitals(key: &str) -> impl Iterator<Item = char> {
    let mut is_first = true;
    key.chars().map(move |c| {
        let c = if is_first { c.to_ascii_uppercase() } else { c };
        is_first = c == ' ';
        c
    })
}

/// Appends a number, seven bits a byte.
pub(super) fn push_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        bytes.push(0x80 | u8::try_from(number & 0x7f).unwrap_or_default());
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap_or_default());
}

/// Takes a number off the front; 0 where there is none.
pub(super) fn take_number(bytes: &mut &[u8]) -> u64 {
    let (mut number, mut shift) = (0, 0);
    while let Some((first, rest)) = bytes.split_first() {
        *bytes = rest;
        number |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            break;
        }
        shift += 7;
    }
    number
}

fn take_text<'a>(bytes: &mut &'a [u8], length: u64) -> &'a str {
    let (text, rest) = bytes.split_at(usize::try_from(length).unwrap_or_default());
    *bytes = rest;
    // It was a text when it was put here; without `unsafe`, that is looked at again.
    str::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_as_they_were_put() {
        let mut texts = Texts::default();
        let all = [("brad pitt", "Brad Pitt"), ("amelie", "Amélie"), ("", "!"), ("et", "E.T.")];
        for (key, written) in all {
            assert!(texts.push(key, written, &[1, 2, 3]));
        }
        for (n, (key, written)) in (0..).zip(all) {
            let record = texts.get(n);
            assert_eq!(
                (record.key, record.written().as_str(), record.more.len()),
                (key, written, 3)
            );
            assert!(record.is(written) && !record.is("Bradd"));
        }
        assert_eq!(texts.key_from(0, 5), b"pitt");
        let mut bytes = Vec::new();
        for number in [0, 127, 128, 300, u64::MAX] {
            push_number(&mut bytes, number);
        }
        let mut rest = bytes.as_slice();
        for number in [0, 127, 128, 300, u64::MAX] {
            assert_eq!(take_number(&mut rest), number);
        }
    }
}
