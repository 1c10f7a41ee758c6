//! Interaction files: `user,item,value,time` as CSV, with or without a header, or `user::item::value::time`.

use std::io::BufRead;

use super::{error::LearnError, interactions::Interaction};

/// Longest line that is read.
const LINE_MAX_BYTES: usize = 64 * 1024;

/// Reads interactions one by one. What separates columns is told by the first line; value and time may be
/// missing (1 and 0 then), and a header is a first line whose value or time is no number.
///
/// # Errors
/// [`LearnError::Read`]; [`LearnError::Line`] for the first line that makes no sense.
pub fn interactions(input: impl BufRead) -> impl Iterator<Item = Result<Interaction, LearnError>> {
    Reader { input, line: 0, separator: None, first: true, failed: false }
}

struct Reader<R> {
    input: R,
    line: u64,
    separator: Option<&'static str>,
    /// Whether no row was seen yet, so that a header may come.
    first: bool,
    failed: bool,
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Interaction, LearnError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.row().transpose();
        self.failed = matches!(next, Some(Err(_)));
        next
    }
}

impl<R: BufRead> Reader<R> {
    fn row(&mut self) -> Result<Option<Interaction>, LearnError> {
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            self.line += 1;
            let mut limited = std::io::Read::take(&mut self.input, LINE_MAX_BYTES as u64);
            if limited.read_until(b'\n', &mut bytes).map_err(LearnError::Read)? == 0 {
                return Ok(None);
            }
            if bytes.len() == LINE_MAX_BYTES {
                return Err(self.fault("is too long"));
            }
            let text =
                std::str::from_utf8(&bytes).map_err(|_| self.fault("is not in UTF-8"))?.trim();
            if text.is_empty() {
                continue;
            }
            let separator = *self.separator.get_or_insert_with(|| {
                ["::", "\t", ";"].into_iter().find(|mark| text.contains(mark)).unwrap_or(",")
            });
            let columns: Vec<&str> = text.split(separator).map(unquoted).collect();
            let first = std::mem::take(&mut self.first);
            match row(&columns) {
                Ok(row) => return Ok(Some(row)),
                Err(_) if first && is_header(&columns) => {}
                Err(detail) => return Err(self.fault(detail)),
            }
        }
    }

    fn fault(&self, detail: impl Into<String>) -> LearnError {
        LearnError::Line { line: self.line, detail: detail.into() }
    }
}

fn is_header(columns: &[&str]) -> bool {
    (2..=4).contains(&columns.len()) && columns[2..].iter().all(|name| name.parse::<f64>().is_err())
}

fn unquoted(cell: &str) -> &str {
    let cell = cell.trim();
    cell.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(cell)
}

fn row(columns: &[&str]) -> Result<Interaction, String> {
    let (user, item, rest) = match columns {
        [user, item, rest @ ..] if rest.len() <= 2 => (user, item, rest),
        _ => {
            return Err(format!(
                "has {} columns instead of user, item, value, time",
                columns.len()
            ));
        }
    };
    if user.is_empty() || item.is_empty() {
        return Err("has no user or no item".to_owned());
    }
    let value = match rest.first() {
        None | Some(&"") => 1.0,
        Some(text) => number(text, "value")?,
    };
    let time = match rest.get(1) {
        None | Some(&"") => 0,
        Some(text) => match text.parse::<i64>() {
            Ok(time) => time,
            Err(_) => whole(number(text, "time")?),
        },
    };
    if rest.is_empty() && matches!(*user, "user" | "user_id" | "userId") {
        return Err("is a header".to_owned());
    }
    Ok(Interaction {
        user: (*user).to_owned(),
        item: (*item).to_owned(),
        value: value as f32,
        time,
    })
}

fn number(text: &str, what: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    number.ok_or_else(|| format!("{what} is no number"))
}

/// Times with a fraction are cut to whole units; floats saturate.
fn whole(time: f64) -> i64 {
    time.floor() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String, f32, i64)>, String> {
        interactions(text.as_bytes())
            .map(|row| row.map(|r| (r.user, r.item, r.value, r.time)))
            .collect::<Result<_, _>>()
            .map_err(|error| error.to_string())
    }

    #[test]
    fn csv_is_read_with_and_without_a_header_and_so_is_the_double_colon() {
        let expected = vec![("1".into(), "a".into(), 7.5, 100), ("2".into(), "b".into(), 8.0, 101)];
        for text in [
            "user,item,value,time\n1,a,7.5,100\n2,b,8,101\n",
            "1,a,7.5,100\r\n\r\n2,b,8,101.9",
            "1::a::7.5::100\n2::b::8::101",
            "\"userId\",\"movieId\",\"rating\",\"timestamp\"\n\"1\",\"a\",\"7.5\",\"100\"\n2,b,8,101",
            "1\ta\t7.5\t100\n2\tb\t8\t101",
        ] {
            assert_eq!(read(text), Ok(expected.clone()), "{text}");
        }
        assert_eq!(read("user,item\nu,a\n"), Ok(vec![("u".into(), "a".into(), 1.0, 0)]));
        assert_eq!(read(""), Ok(vec![]));
    }

    #[test]
    fn a_bad_line_is_named_and_ends_the_reading() {
        let fault = |text| read(text).unwrap_err();
        assert_eq!(fault("1,a,7,1\n2,b,x,2\n"), "line 2: value is no number");
        assert_eq!(fault("1,a,7,1\n2,b,1,soon\n"), "line 2: time is no number");
        assert_eq!(
            fault("1,a,7,1,9\n"),
            "line 1: has 5 columns instead of user, item, value, time"
        );
        assert_eq!(fault("1,a,7,1\n,b,1,1"), "line 2: has no user or no item");
        assert_eq!(fault("1,a,NaN,1\n2,b,inf,2"), "line 1: value is no number");
        assert_eq!(interactions("1,a,x,1\n2,b,y,1\n1,a,2,3".as_bytes()).count(), 1);
    }
}
