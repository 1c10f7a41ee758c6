//! A page of a list: how long it is, where it starts and what it has.

use crate::domain::{
    cursor::{Cursor, Position},
    movie::Movie,
    parameters::{Parameters, integer},
    revision::Scope,
};

use super::{filter::Filter, query_text::pair, sort::Sort};

/// Most rows of a page.
pub const LIMIT_MAX: u16 = 500;
/// Rows of a page unless asked otherwise.
pub const LIMIT_DEFAULT: u16 = 50;
/// How deep `page=` reaches, in rows; beyond it, only cursors do.
pub const PAGED_ROWS_MAX: u32 = 10_000;
/// Counting stops here, unless the exact figure is known without counting.
pub const TOTAL_COUNTED_MAX: u64 = 10_000;

/// Where a page starts.
#[derive(Debug, Clone, PartialEq)]
pub enum Start {
    /// At the beginning.
    First,
    /// After `page - 1` full pages. At least 2: page 1 is [`Start::First`].
    Page(u32),
    /// Beside a position.
    At(Position),
}

/// How many movies a list has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    /// This many.
    Exact(u64),
    /// More than this many; counting on would cost more than the page.
    AtLeast(u64),
}

/// The rows of a page, all of one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct ListPage {
    /// The movies, in the list's order.
    pub movies: Vec<Movie>,
    /// How many movies the whole list has.
    pub total: Total,
    /// Where the next page is, if there is one.
    pub next: Option<Position>,
    /// Where the page before is, if there is one.
    pub prev: Option<Position>,
}

impl ListPage {
    /// The scopes of the movies that it shows: beside [`ListQuery::scopes`](super::ListQuery::scopes), all that
    /// it depends on.
    pub fn scopes(&self) -> impl Iterator<Item = Scope> {
        self.movies.iter().map(|movie| Scope::of_movie(movie.id))
    }
}

/// Takes `limit`.
pub(super) fn limit(p: &mut Parameters) -> u16 {
    p.parsed("limit", &format!("an integer from 1 to {LIMIT_MAX}"), |text| {
        integer(text).filter(|limit| (1..=LIMIT_MAX).contains(limit))
    })
    .unwrap_or(LIMIT_DEFAULT)
}

/// Takes `page` and `cursor`.
pub(super) fn start(p: &mut Parameters, filter: &Filter, sort: Sort, limit: u16) -> Start {
    let page = p.parsed("page", "an integer from 1 on", |text| {
        integer::<u32>(text).filter(|page| *page >= 1)
    });
    let cursor = p.one("cursor");
    if let Some(page) = page {
        if cursor.is_some() {
            p.fault("page", "goes without cursor");
        }
        if u64::from(page) * u64::from(limit) > u64::from(PAGED_ROWS_MAX) {
            p.fault(
                "page",
                format!("reaches {PAGED_ROWS_MAX} rows deep; go on with the cursor in page.next"),
            );
        }
        return if page == 1 { Start::First } else { Start::Page(page) };
    }
    let Some(cursor) = cursor else { return Start::First };
    let opened = Cursor::open(&cursor, &list_name(filter, sort));
    if let Some(position) = opened.filter(|position| position.fits(sort.key)) {
        return Start::At(position);
    }
    p.fault(
        "cursor",
        "is not a cursor of this list: keep the filters and the sort that it came with",
    );
    Start::First
}

/// What a cursor is bound to: the filter and the order, but not the page's size or fields.
pub(super) fn list_name(filter: &Filter, sort: Sort) -> String {
    let mut text = String::new();
    filter.write(&mut text);
    pair(&mut text, "sort", &sort.to_string());
    text
}

#[cfg(test)]
mod tests {
    use super::super::{ListQuery, query_text::pairs};

    #[test]
    fn pages_end_at_ten_thousand_rows_and_say_to_use_the_cursor() {
        let query = |text| ListQuery::from_pairs(pairs(text));
        assert!(query("page=200").is_ok());
        assert!(query("page=201").unwrap_err().to_string().contains("cursor"));
    }
}
