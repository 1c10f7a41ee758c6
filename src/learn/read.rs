//! Interaction files: `user,item,value,time` as CSV, with or without a header, or `user::item::value::time`. A
//! header may name the columns in another order.

use std::{borrow::Cow, io::BufRead};

use super::{error::LearnError, interactions::Interaction};

/// Longest line that is read.
const LINE_MAX_BYTES: usize = 64 * 1024;

/// Reads interactions one by one. What separates columns, and how many there are, is told by the first line; value
/// and time may be missing from all lines, or empty (1 and 0 then). A header is a first line without numbers, or one
/// that names a user and an item. What its names mean counts; names that mean nothing here are taken for those of
/// the usual order, unless one that means something has another place in it.
///
/// # Errors
/// [`LearnError::Read`]; [`LearnError::Line`] for the first line that makes no sense.
pub fn interactions(input: impl BufRead) -> impl Iterator<Item = Result<Interaction, LearnError>> {
    Reader { input, line: 0, format: None, failed: false }
}

struct Reader<R> {
    input: R,
    line: u64,
    /// What the first line told.
    format: Option<Format>,
    failed: bool,
}

#[derive(Debug, Clone, Copy)]
struct Format {
    separator: &'static str,
    layout: Layout,
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
            let text = std::str::from_utf8(&bytes).map_err(|_| self.fault("is not in UTF-8"))?;
            // Not tabs: an empty cell may come last.
            let text = text.trim_end_matches(['\r', '\n']);
            let text = text.strip_prefix('\u{feff}').filter(|_| self.line == 1).unwrap_or(text);
            if text.trim().is_empty() {
                continue;
            }
            let separator = self.format.map_or_else(|| separator(text), |format| format.separator);
            let cells = cells(text, separator).map_err(|detail| self.fault(detail))?;
            let layout = if let Some(format) = self.format {
                format.layout
            } else {
                let first = Layout::first(&cells).map_err(|detail| self.fault(detail))?;
                let (First::Row(layout) | First::Header(layout)) = first;
                self.format = Some(Format { separator, layout });
                if matches!(first, First::Header(_)) {
                    continue;
                }
                layout
            };
            return match layout.row(&cells) {
                Ok(row) => Ok(Some(row)),
                Err(detail) => Err(self.fault(detail)),
            };
        }
    }

    fn fault(&self, detail: impl Into<String>) -> LearnError {
        LearnError::Line { line: self.line, detail: detail.into() }
    }
}

/// What a column has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    User,
    Item,
    Value,
    Time,
}

impl Column {
    /// In the usual order.
    const ALL: [Self; 4] = [Self::User, Self::Item, Self::Value, Self::Time];

    /// What a header means by a name, if that is known.
    fn named(name: &str) -> Option<Self> {
        let letters = name.chars().filter(|letter| !matches!(letter, '_' | '-' | ' '));
        match letters.flat_map(char::to_lowercase).collect::<String>().as_str() {
            "user" | "userid" => Some(Self::User),
            "item" | "itemid" | "movie" | "movieid" => Some(Self::Item),
            "value" | "rating" | "score" => Some(Self::Value),
            "time" | "timestamp" | "ts" | "date" => Some(Self::Time),
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Item => "item",
            Self::Value => "value",
            Self::Time => "time",
        }
    }
}

/// Where the columns are.
#[derive(Debug, Clone, Copy)]
struct Layout {
    width: usize,
    user: usize,
    item: usize,
    value: Option<usize>,
    time: Option<usize>,
}

/// The first line.
#[derive(Debug, Clone, Copy)]
enum First {
    Row(Layout),
    Header(Layout),
}

impl Layout {
    /// What the first line tells.
    fn first(cells: &[Cow<'_, str>]) -> Result<First, String> {
        let width = cells.len();
        if !(2..=Column::ALL.len()).contains(&width) {
            return Err(format!("has {} instead of user, item, value, time", columns(width)));
        }
        let named: Vec<Option<Column>> = cells.iter().map(|name| Column::named(name)).collect();
        let has = |column| named.contains(&Some(column));
        let is_word = |cell: &Cow<'_, str>| !cell.is_empty() && cell.parse::<f64>().is_err();
        let is_header = match width {
            2 => has(Column::User),
            _ => has(Column::User) && has(Column::Item) || cells.iter().all(is_word),
        };
        if !is_header {
            return Ok(First::Row(Self::usual(width)));
        }
        let is_unknown = |named: &Option<Column>| named.is_none();
        match named.iter().position(is_unknown) {
            None => Self::of(&named).map(First::Header),
            Some(unknown) => {
                let mut places = named.iter().zip(Column::ALL);
                if places.all(|(named, usual)| named.is_none_or(|named| named == usual)) {
                    return Ok(First::Header(Self::usual(width)));
                }
                let name = &cells[unknown];
                Err(format!("names a column {name:?}, which is none of user, item, value, time"))
            }
        }
    }

    /// The order of files that do not say otherwise.
    fn usual(width: usize) -> Self {
        let at = |place: usize| (place < width).then_some(place);
        Self { width, user: 0, item: 1, value: at(2), time: at(3) }
    }

    /// The order that a header tells of which every name is known.
    fn of(named: &[Option<Column>]) -> Result<Self, String> {
        let places = |column| {
            let named = named.iter().enumerate().filter(move |(_, named)| **named == Some(column));
            named.map(|(place, _)| place)
        };
        for column in Column::ALL {
            if places(column).count() > 1 {
                return Err(format!("names more than one column of {}s", column.name()));
            }
        }
        let place = |column| places(column).next();
        let needed = |column: Column| {
            place(column).ok_or_else(|| format!("names no column of {}s", column.name()))
        };
        Ok(Self {
            width: named.len(),
            user: needed(Column::User)?,
            item: needed(Column::Item)?,
            value: place(Column::Value),
            time: place(Column::Time),
        })
    }

    fn row(&self, cells: &[Cow<'_, str>]) -> Result<Interaction, String> {
        if cells.len() != self.width {
            return Err(format!("has {} instead of {}", columns(cells.len()), self.width));
        }
        let (user, item) = (&cells[self.user], &cells[self.item]);
        if user.is_empty() || item.is_empty() {
            return Err("has no user or no item".to_owned());
        }
        let given =
            |place: Option<usize>| place.map(|at| &*cells[at]).filter(|cell| !cell.is_empty());
        let value = match given(self.value) {
            None => 1.0,
            Some(text) => number(text, "value")?,
        };
        let time = match given(self.time) {
            None => 0,
            Some(text) => match text.parse::<i64>() {
                Ok(time) => time,
                Err(_) => whole(number(text, "time")?),
            },
        };
        let (user, item) = (user.clone().into_owned(), item.clone().into_owned());
        Ok(Interaction { user, item, value: value as f32, time })
    }
}

fn columns(count: usize) -> String {
    format!("{count} {}", if count == 1 { "column" } else { "columns" })
}

/// What separates the columns of a first line.
fn separator(text: &str) -> &'static str {
    let unquoted: String = text.split('"').step_by(2).collect();
    ["::", "\t", ";"].into_iter().find(|mark| unquoted.contains(mark)).unwrap_or(",")
}

/// The cells of a line. Those that begin with a quote end with one, and have it twice where they have it.
fn cells<'t>(text: &'t str, separator: &str) -> Result<Vec<Cow<'t, str>>, &'static str> {
    if !text.contains('"') {
        return Ok(text.split(separator).map(|cell| Cow::Borrowed(cell.trim())).collect());
    }
    let (mut cells, mut rest) = (Vec::new(), Some(text));
    while let Some(text) = rest {
        if let Some(begun) = text.trim_start_matches(' ').strip_prefix('"') {
            let (cell, after) = closed(begun).ok_or("has a quote that is not closed")?;
            cells.push(cell);
            let after = after.trim_start_matches(' ');
            rest = after.strip_prefix(separator);
            if rest.is_none() && !after.is_empty() {
                return Err("goes on after a closing quote");
            }
        } else {
            let (cell, after) = match text.split_once(separator) {
                Some((cell, after)) => (cell, Some(after)),
                None => (text, None),
            };
            cells.push(Cow::Borrowed(cell.trim()));
            rest = after;
        }
    }
    Ok(cells)
}

/// A cell after its first quote, up to its last one, and what comes then.
fn closed(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut from = 0;
    loop {
        let at = from + text[from..].find('"')?;
        if text[at + 1..].starts_with('"') {
            from = at + 2;
            continue;
        }
        let (cell, after) = (&text[..at], &text[at + 1..]);
        let is_plain = !cell.contains('"');
        let whole = if is_plain { cell.into() } else { cell.replace("\"\"", "\"").into() };
        return Some((whole, after));
    }
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
        assert_eq!(fault("1,a,x,soon\n2,b,7,1"), "line 1: value is no number", "not a header");
    }

    #[test]
    fn the_names_of_a_header_say_what_columns_have() {
        let expected = vec![("1".into(), "a".into(), 7.5, 100)];
        for text in [
            "user,item,time,value\n1,a,100,7.5",
            "item,user,time,value\na,1,100,7.5",
            "Timestamp;SCORE;movie_id;User-ID\n100;7.5;a;1",
            "\u{feff}ts\tmovieId\trating\tuserId\r\n100\ta\t7.5\t1\r\n",
            "\n\"date\", \"movie\", \"rating\", \"user_id\"\n\"100\", \"a\", \"7.5\", \"1\"\n",
            // Names that nobody knows are of the usual order.
            "who,what,how much,when\n1,a,7.5,100",
            "user,film,stars,time\n1,a,7.5,100",
        ] {
            assert_eq!(read(text), Ok(expected.clone()), "{text}");
        }
        let plain = |value, time| Ok(vec![("u".into(), "a".into(), value, time)]);
        assert_eq!(read("item,user\na,u\n"), plain(1.0, 0));
        assert_eq!(read("user,movie,time\nu,a,9\n"), plain(1.0, 9));
        assert_eq!(read("user,film\nu,a\n"), plain(1.0, 0));
        let two = vec![("u".into(), "movie".into(), 1.0, 0), ("u".into(), "a".into(), 1.0, 0)];
        assert_eq!(read("u,movie\nu,a"), Ok(two), "no header");
    }

    #[test]
    fn a_header_that_is_understood_in_part_only_is_not_guessed_at() {
        let fault = |header: &str| read(&format!("{header}\n1,2,3,4\n")).unwrap_err();
        let of = |name: &str| {
            format!("line 1: names a column {name:?}, which is none of user, item, value, time")
        };
        assert_eq!(fault("film,user,stars,when"), of("film"));
        assert_eq!(fault("user,item,time,stars"), of("stars"));
        assert_eq!(fault("user,item,rating,score"), "line 1: names more than one column of values");
        assert_eq!(fault("user,rating,time"), "line 1: names no column of items");
        assert_eq!(fault("item,rating,time"), "line 1: names no column of users");
    }

    #[test]
    fn a_line_with_other_columns_than_the_first_is_named() {
        let fault = |text| read(text).unwrap_err();
        assert_eq!(fault("1,a,7,1\n2,b\n"), "line 2: has 2 columns instead of 4");
        assert_eq!(fault("user,item,value,time\n1,a,7\n"), "line 2: has 3 columns instead of 4");
        assert_eq!(fault("1,a\n2,b,5\n"), "line 2: has 3 columns instead of 2");
        assert_eq!(fault("1,a,7,1\n2\n"), "line 2: has 1 column instead of 4");
        let empty = vec![("1".into(), "a".into(), 1.0, 0), ("2".into(), "b".into(), 7.0, 0)];
        assert_eq!(read("1\ta\t\t\n2\tb\t7\t\n"), Ok(empty));
    }

    #[test]
    fn quotes_hold_what_separates_and_must_be_closed() {
        let expected = vec![("1".into(), "a, the \"first\"; b".into(), 7.0, 1)];
        assert_eq!(read("1, \"a, the \"\"first\"\"; b\" ,7,1\n"), Ok(expected));
        let inches = vec![("1".into(), "5\" disk".into(), 7.0, 1)];
        assert_eq!(read("1,5\" disk,7,1"), Ok(inches));
        let fault = |text| read(text).unwrap_err();
        let unclosed = "line 2: has a quote that is not closed";
        assert_eq!(fault("1,a,7,1\n1,\"2,3,1700000000\n2,b,7,1"), unclosed);
        assert_eq!(fault("1,a,7,1\n1,\"2\"\",3,1"), unclosed);
        assert_eq!(fault("1,\"a\"b,7,1"), "line 1: goes on after a closing quote");
    }
}
