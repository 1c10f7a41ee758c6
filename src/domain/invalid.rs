//! What is wrong with a caller's input, every fault at once.

use std::fmt;

/// Where a fault is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A query parameter, by name.
    Parameter(String),
    /// A value of a JSON document, as a JSON pointer (RFC 6901); the empty one is the whole document.
    Pointer(String),
    /// A request header, by name.
    Header(&'static str),
}

/// One broken rule: where, and what the rule asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The value's place.
    pub place: Place,
    /// The rule, in words that help to mend the value.
    pub detail: String,
}

impl Fault {
    /// A fault of a query parameter.
    pub fn parameter(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { place: Place::Parameter(name.into()), detail: detail.into() }
    }

    /// A fault of a JSON value.
    pub fn pointer(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { place: Place::Pointer(pointer.into()), detail: detail.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Parameter(name) => write!(f, "{name}: {}", self.detail),
            Place::Pointer(pointer) if pointer.is_empty() => f.write_str(&self.detail),
            Place::Pointer(pointer) => write!(f, "{pointer}: {}", self.detail),
            Place::Header(name) => write!(f, "{name}: {}", self.detail),
        }
    }
}

/// Input that breaks at least one rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Invalid {
    faults: Vec<Fault>,
}

impl Invalid {
    /// Input with a single fault.
    #[must_use]
    pub fn one(fault: Fault) -> Self {
        Self { faults: vec![fault] }
    }

    /// The faults, in the order of the input. Never empty.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// The same faults, with every JSON pointer moved below `prefix` (`/operations/3/movie`).
    #[must_use]
    pub fn below(mut self, prefix: &str) -> Self {
        for fault in &mut self.faults {
            if let Place::Pointer(pointer) = &mut fault.place {
                pointer.insert_str(0, prefix);
            }
        }
        self
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, fault) in self.faults.iter().enumerate() {
            if n > 0 {
                f.write_str("; ")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

/// Most faults of which a caller hears at once. Nobody mends more by hand, and an answer must not grow
/// far beyond its request.
pub const FAULTS_MAX: usize = 50;

/// Collects faults while input is read, so that the caller hears of all of them, or of the first
/// [`FAULTS_MAX`] and that there are more.
#[derive(Debug, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Notes a fault.
    pub fn push(&mut self, fault: Fault) {
        match self.0.len() {
            FAULTS_MAX => {
                let place = match fault.place {
                    Place::Parameter(_) => Place::Parameter(String::new()),
                    Place::Pointer(_) => Place::Pointer(String::new()),
                    Place::Header(name) => Place::Header(name),
                };
                let detail = format!("has more faults than these {FAULTS_MAX}");
                self.0.push(Fault { place, detail });
            }
            length if length < FAULTS_MAX => self.0.push(fault),
            _ => {}
        }
    }

    /// Notes a fault of a query parameter.
    pub fn parameter(&mut self, name: impl Into<String>, detail: impl Into<String>) {
        self.push(Fault::parameter(name, detail));
    }

    /// Notes a fault of a JSON value.
    pub fn pointer(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        self.push(Fault::pointer(pointer, detail));
    }

    /// How many were noted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none was noted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives `value` if no fault was noted.
    ///
    /// # Errors
    /// All faults that were noted.
    pub fn or<T>(self, value: T) -> Result<T, Invalid> {
        if self.0.is_empty() { Ok(value) } else { Err(Invalid { faults: self.0 }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_hears_of_so_many_faults_and_that_there_are_more() {
        let faults = |count: usize| {
            let mut faults = Faults::default();
            (0..count).for_each(|n| faults.pointer(format!("/{n}"), "is wrong"));
            faults.or(()).unwrap_err()
        };
        assert_eq!(faults(FAULTS_MAX).faults().len(), FAULTS_MAX);
        let many = faults(100_000);
        assert_eq!(many.faults().len(), FAULTS_MAX + 1);
        assert!(many.to_string().ends_with("; has more faults than these 50"), "{many}");
    }
}
