//! JSON values read as text, numbers and lists. What rules a field has beyond that is not known here.

use serde_json::Value;

use crate::domain::{invalid::Faults, movie::rule};

use super::Reading;

/// Reads values and collects their faults, each with the JSON pointer `at` its value.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) reading: Reading,
    pub(super) faults: Faults,
}

impl Reader {
    pub(super) fn lenient(&self) -> bool {
        self.reading == Reading::Lenient
    }

    /// The text of a value; `None` for null (and for blank text, when lenient).
    pub(super) fn text(&mut self, at: &str, value: &Value) -> Option<String> {
        match value {
            Value::Null => None,
            Value::String(text) if self.lenient() => {
                let text = text.trim();
                (!text.is_empty()).then(|| text.to_owned())
            }
            Value::String(text) => Some(text.clone()),
            Value::Number(number) if self.lenient() => Some(number.to_string()),
            _ => {
                self.faults.pointer(at, "must be a string");
                None
            }
        }
    }

    /// A number, from text too when lenient.
    fn any_number(&mut self, at: &str, value: &Value, must: &str) -> Option<f64> {
        let number = match value {
            Value::Null => return None,
            Value::Number(number) => number.as_f64(),
            Value::String(text) if self.lenient() => {
                let text = text.trim();
                if text.is_empty() || text == "\\N" {
                    return None;
                }
                text.parse().ok().filter(|number: &f64| number.is_finite())
            }
            _ => None,
        };
        if number.is_none() {
            self.faults.pointer(at, must);
        }
        number
    }

    pub(super) fn number(&mut self, at: &str, value: &Value, most: f64) -> Option<f64> {
        let number = self.any_number(at, value, "must be a number")?;
        if !(0.0..=most).contains(&number) {
            self.faults.pointer(at, format!("must be from 0 to {most}, not {number}"));
            return None;
        }
        Some(number + 0.0) // -0.0 becomes 0.0
    }

    pub(super) fn integer(
        &mut self,
        at: &str,
        value: &Value,
        (least, most): (i64, i64),
    ) -> Option<i64> {
        let whole = match value {
            Value::Number(number) if number.is_i64() => number.as_i64(),
            Value::Number(number) if number.is_u64() => Some(i64::MAX), // above every bound but i64's
            _ => {
                let number = self.any_number(at, value, "must be an integer")?;
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "whole and within 2^53 is exact"
                )]
                let whole =
                    (number.fract() == 0.0 && number.abs() <= 9.0e15).then_some(number as i64);
                whole
            }
        };
        let Some(whole) = whole else {
            self.faults.pointer(at, "must be an integer");
            return None;
        };
        if !(least..=most).contains(&whole)
            || matches!(value, Value::Number(n) if n.is_u64() && !n.is_i64())
        {
            self.faults.pointer(at, format!("must be from {least} to {most}, not {value}"));
            return None;
        }
        Some(whole)
    }

    pub(super) fn list<'v>(&mut self, at: &str, value: &'v Value, most: usize) -> &'v [Value] {
        let items = match value {
            Value::Null => return &[],
            Value::Array(items) => items.as_slice(),
            // `"director":"Victor Fleming"` is the usual spelling of one director.
            Value::String(_) if self.lenient() || at == "/director" => std::slice::from_ref(value),
            _ => {
                self.faults.pointer(at, "must be a list of strings");
                return &[];
            }
        };
        if items.len() > most {
            self.faults.pointer(at, format!("must have at most {most} items, not {}", items.len()));
            return &[];
        }
        items
    }

    pub(super) fn names(&mut self, at: &str, value: &Value, most: usize) -> Vec<String> {
        let mut names = Vec::new();
        for (n, item) in self.list(at, value, most).iter().enumerate() {
            names.extend(self.name(&format!("{at}/{n}"), item, rule::NAME_MAX));
        }
        names
    }

    pub(super) fn name(&mut self, at: &str, value: &Value, most: usize) -> Option<String> {
        let text = match value {
            Value::String(text) if self.lenient() => text.trim(),
            Value::String(text) => text.as_str(),
            _ => {
                self.faults.pointer(at, "must be a string");
                return None;
            }
        };
        if text.trim().is_empty() {
            if !self.lenient() {
                self.faults.pointer(at, "must not be blank");
            }
            return None;
        }
        self.fits(at, text, most).then(|| text.to_owned())
    }

    /// Whether a text has at most so many characters; a longer one is a fault.
    pub(super) fn fits(&mut self, at: &str, text: &str, most: usize) -> bool {
        let length = text.chars().count();
        if length > most {
            self.faults.pointer(at, format!("must have at most {most} characters, not {length}"));
        }
        length <= most
    }
}
