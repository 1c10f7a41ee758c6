//! Query parameters read strictly: an unknown, repeated or malformed one is a fault, never ignored.

use super::invalid::{Faults, Invalid};

/// Characters of an unknown parameter's name that its fault repeats.
const NAME_SHOWN: usize = 64;

/// Decoded `name=value` pairs that are taken one by one; whatever is left over is a fault.
#[derive(Debug)]
pub struct Parameters {
    pairs: Vec<(String, String)>,
    faults: Faults,
    known: Vec<&'static str>,
}

impl Parameters {
    /// Parameters from decoded pairs, in the order of the query.
    #[must_use]
    pub fn new(pairs: Vec<(String, String)>) -> Self {
        Self { pairs, faults: Faults::default(), known: Vec::new() }
    }

    /// Takes every value of a parameter that may be repeated.
    pub fn every(&mut self, name: &'static str) -> Vec<String> {
        self.known.push(name);
        let taken = self.pairs.extract_if(.., |(n, _)| n == name);
        taken.map(|(_, value)| value).collect()
    }

    /// Takes the value of a parameter that may be given once.
    pub fn one(&mut self, name: &'static str) -> Option<String> {
        let mut values = self.every(name);
        if values.len() > 1 {
            self.fault(name, "must be given once");
        }
        values.pop()
    }

    /// Takes the value of a parameter and reads it with `read`; `None` from it is a fault that says
    /// what the value `must` be.
    pub fn parsed<T>(
        &mut self,
        name: &'static str,
        must: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.one(name)?;
        let value = read(&text);
        if value.is_none() {
            self.fault(name, format!("must be {must}"));
        }
        value
    }

    /// Notes a fault of a parameter.
    pub fn fault(&mut self, name: &str, detail: impl Into<String>) {
        self.faults.parameter(name, detail);
    }

    /// Gives `value` if every parameter was known and good.
    ///
    /// # Errors
    /// All faults, those of unknown parameters last.
    pub fn finish<T>(mut self, value: T) -> Result<T, Invalid> {
        let known = if self.known.is_empty() { "none".to_owned() } else { self.known.join(", ") };
        for (name, _) in std::mem::take(&mut self.pairs) {
            let name: String = name.chars().take(NAME_SHOWN).collect();
            self.fault(&name, format!("is not a parameter here; known: {known}"));
        }
        self.faults.or(value)
    }
}

/// Reads an integer written in plain digits, with an optional minus sign.
#[must_use]
pub fn integer<T: std::str::FromStr>(text: &str) -> Option<T> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// Reads a decimal number such as `7`, `7.5` or `-0.25`: no exponent, no infinity.
#[must_use]
pub fn decimal(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let bounded = digits.starts_with(|c: char| c.is_ascii_digit()) && digits.len() <= 24;
    (plain && bounded).then(|| text.parse::<f64>().ok()).flatten().map(|number| number + 0.0)
}
