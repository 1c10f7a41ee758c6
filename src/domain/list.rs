//! What a list is asked for, in one canonical form: requests that mean the same are equal.

use std::{collections::BTreeSet, fmt::Write as _, str::FromStr};

use super::{
    cursor::{Cursor, Position},
    field::{Field, FieldSet},
    invalid::Invalid,
    movie::{Movie, MovieId, rule},
    parameters::{Parameters, decimal, integer},
    revision::Scope,
    text::name_key,
};

/// Most movies that `ids=` may name.
pub const IDS_MAX: usize = 200;
/// Most rows of a page.
pub const LIMIT_MAX: u16 = 500;
/// Rows of a page unless asked otherwise.
pub const LIMIT_DEFAULT: u16 = 50;
/// How deep `page=` reaches, in rows; beyond it, only cursors do.
pub const PAGED_ROWS_MAX: u32 = 10_000;
/// Most genres that the filters of one list may name.
pub const GENRES_MAX: usize = 20;

/// A value that lists are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SortKey {
    /// `popularity`
    Popularity,
    /// `rating`
    Rating,
    /// `votes`
    Votes,
    /// `year`
    Year,
    /// `title`, by [`sort_key`](super::text::sort_key)
    Title,
    /// `created`: when the movie was created
    Created,
}

impl SortKey {
    /// Every key.
    pub const ALL: [Self; 6] =
        [Self::Popularity, Self::Rating, Self::Votes, Self::Year, Self::Title, Self::Created];

    /// Its name in `sort=`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Popularity => "popularity",
            Self::Rating => "rating",
            Self::Votes => "votes",
            Self::Year => "year",
            Self::Title => "title",
            Self::Created => "created",
        }
    }

    /// Whether a movie may have no such value. Those come last, whatever the direction.
    #[must_use]
    pub const fn optional(self) -> bool {
        matches!(self, Self::Popularity | Self::Rating | Self::Votes | Self::Year)
    }
}

/// The order of a list. Ties are broken by id, in the same direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sort {
    /// The value compared.
    pub key: SortKey,
    /// Highest first.
    pub descending: bool,
}

impl Sort {
    /// Most popular first.
    pub const DEFAULT: Self = Self { key: SortKey::Popularity, descending: true };
}

impl FromStr for Sort {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (name, descending) = text.strip_prefix('-').map_or((text, false), |rest| (rest, true));
        let key = SortKey::ALL.into_iter().find(|key| key.name() == name).ok_or(())?;
        Ok(Self { key, descending })
    }
}

impl std::fmt::Display for Sort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", if self.descending { "-" } else { "" }, self.key.name())
    }
}

/// A closed range; an end that is absent does not bound.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Between<T> {
    /// Lowest value.
    pub min: Option<T>,
    /// Highest value.
    pub max: Option<T>,
}

impl<T> Between<T> {
    /// Whether it bounds nothing.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.min.is_none() && self.max.is_none()
    }
}

/// Which movies a list is made of. All names are [`name_key`]s.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Filter {
    /// A movie has at least one genre of each group; a group of one is a genre that it must have.
    pub genres: BTreeSet<BTreeSet<String>>,
    /// A movie has none of these genres.
    pub genres_not: BTreeSet<String>,
    /// A movie has this director.
    pub director: Option<String>,
    /// A movie has this country.
    pub country: Option<String>,
    /// A movie has this language.
    pub language: Option<String>,
    /// The year is known and within.
    pub years: Between<i16>,
    /// The rating is known and within.
    pub ratings: Between<f64>,
    /// The movie is one of these.
    pub ids: Option<BTreeSet<MovieId>>,
}

impl Filter {
    /// The scopes whose changes can change a list with this filter.
    ///
    /// A list that asks for a genre that its movies must have depends on that genre alone: a write
    /// touches every genre that its movie has or had. With no such genre it depends on everything,
    /// and a list of ids on those movies.
    #[must_use]
    pub fn scopes(&self) -> Vec<Scope> {
        if let Some(ids) = &self.ids {
            let buckets: BTreeSet<Scope> = ids.iter().map(|id| Scope::of_movie(*id)).collect();
            return buckets.into_iter().collect();
        }
        // One group suffices: a movie that enters or leaves the list has or had one of its genres.
        match self.genres.iter().min_by_key(|group| group.len()) {
            Some(group) => group.iter().cloned().map(Scope::Genre).collect(),
            None => vec![Scope::All],
        }
    }

    fn write(&self, text: &mut String) {
        for group in &self.genres {
            let names: Vec<String> = group.iter().map(|name| escape(name)).collect();
            pair(text, "genre", &names.join("|"));
        }
        if !self.genres_not.is_empty() {
            let names: Vec<String> = self.genres_not.iter().map(|name| escape(name)).collect();
            pair(text, "genre_not", &names.join(","));
        }
        let names = [
            ("director", &self.director),
            ("country", &self.country),
            ("language", &self.language),
        ];
        for (name, value) in names {
            if let Some(value) = value {
                pair(text, name, value);
            }
        }
        match (self.years.min, self.years.max) {
            (Some(min), Some(max)) if min == max => pair(text, "year", &min.to_string()),
            (min, max) => {
                option(text, "year_min", min.as_ref());
                option(text, "year_max", max.as_ref());
            }
        }
        option(text, "rating_min", self.ratings.min.as_ref());
        option(text, "rating_max", self.ratings.max.as_ref());
        if let Some(ids) = &self.ids {
            let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
            pair(text, "ids", &ids.join(","));
        }
    }
}

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

/// A page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ListQuery {
    /// Which movies.
    pub filter: Filter,
    /// In which order.
    pub sort: Sort,
    /// How many rows at most.
    pub limit: u16,
    /// From where on.
    pub start: Start,
    /// With which fields.
    pub fields: FieldSet,
}

impl ListQuery {
    /// Reads a list's query parameters, decoded and in any order.
    ///
    /// # Errors
    /// Every fault, by parameter.
    pub fn from_pairs(pairs: Vec<(String, String)>) -> Result<Self, Invalid> {
        let mut parameters = Parameters::new(pairs);
        let p = &mut parameters;
        let genres = genre_groups(p);
        let genres_not = genres_not(p);
        let named = genres.iter().map(BTreeSet::len).sum::<usize>() + genres_not.len();
        if named > GENRES_MAX {
            p.fault("genre", format!("at most {GENRES_MAX} genres in one list, not {named}"));
        }
        let filter = Filter {
            genres,
            genres_not,
            director: name(p, "director", rule::NAME_MAX),
            country: name(p, "country", rule::NAME_MAX),
            language: name(p, "language", rule::NAME_MAX),
            years: years(p),
            ratings: ratings(p),
            ids: ids(p),
        };
        let sort = p
            .parsed(
                "sort",
                &format!("one of {}, with - before it for descending", sorts()),
                |text| text.parse().ok(),
            )
            .unwrap_or(Sort::DEFAULT);
        let limit = p
            .parsed("limit", &format!("an integer from 1 to {LIMIT_MAX}"), |text| {
                integer(text).filter(|limit| (1..=LIMIT_MAX).contains(limit))
            })
            .unwrap_or(LIMIT_DEFAULT);
        let fields = fields(p);
        let start = start(p, &filter, sort, limit);
        parameters.finish(Self { filter, sort, limit, start, fields })
    }

    /// The query as text, the same for all queries that mean the same: parameters in a fixed order,
    /// defaults left out, names folded. Reading it again gives this query.
    #[must_use]
    pub fn canonical(&self) -> String {
        let mut text = String::new();
        self.filter.write(&mut text);
        if self.sort != Sort::DEFAULT {
            pair(&mut text, "sort", &self.sort.to_string());
        }
        if self.limit != LIMIT_DEFAULT {
            pair(&mut text, "limit", &self.limit.to_string());
        }
        match &self.start {
            Start::First => {}
            Start::Page(page) => pair(&mut text, "page", &page.to_string()),
            Start::At(position) => pair(&mut text, "cursor", &self.cursor(position).to_string()),
        }
        if self.fields != FieldSet::of_lists() {
            let names: Vec<&str> = self.fields.iter().map(Field::name).collect();
            pair(&mut text, "fields", &names.join(","));
        }
        text
    }

    /// The cursor of a position in this list.
    #[must_use]
    pub fn cursor(&self, position: &Position) -> Cursor {
        Cursor::seal(position, &list_name(&self.filter, self.sort))
    }
}

/// How many movies a list has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    /// This many.
    Exact(u64),
    /// More than this many; counting on would cost more than the page.
    AtLeast(u64),
}

/// Counting stops here, unless the exact figure is known without counting.
pub const TOTAL_COUNTED_MAX: u64 = 10_000;

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

/// What a cursor is bound to: the filter and the order, but not the page's size or fields.
fn list_name(filter: &Filter, sort: Sort) -> String {
    let mut text = String::new();
    filter.write(&mut text);
    pair(&mut text, "sort", &sort.to_string());
    text
}

fn sorts() -> String {
    SortKey::ALL.map(SortKey::name).join(", ")
}

fn push(parts: &mut [String], c: char) {
    if let Some(last) = parts.last_mut() {
        last.push(c);
    }
}

fn escape(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for c in name.chars() {
        if matches!(c, ',' | '|' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

/// Splits a filter on genres into groups of alternatives; `\` makes the next character literal.
fn alternatives(text: &str) -> Vec<Vec<String>> {
    let mut groups = vec![vec![String::new()]];
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        let Some(group) = groups.last_mut() else { break };
        match c {
            ',' => groups.push(vec![String::new()]),
            '|' => group.push(String::new()),
            '\\' => push(group, characters.next().unwrap_or('\\')),
            c => push(group, c),
        }
    }
    groups
}

fn genre(p: &mut Parameters, parameter: &'static str, text: &str) -> Option<String> {
    let length = text.trim().chars().count();
    if (1..=rule::GENRE_MAX).contains(&length) {
        return Some(name_key(text));
    }
    let most = rule::GENRE_MAX;
    p.fault(parameter, format!("a genre has 1 to {most} characters, not {length}"));
    None
}

fn genre_groups(p: &mut Parameters) -> BTreeSet<BTreeSet<String>> {
    let mut groups: BTreeSet<BTreeSet<String>> = BTreeSet::new();
    for text in p.every("genre") {
        for group in alternatives(&text) {
            let names = group.iter().filter_map(|name| genre(p, "genre", name)).collect();
            groups.insert(names);
        }
    }
    // (A or B) and A is A.
    let all = groups.clone();
    groups.retain(|group| !all.iter().any(|other| other != group && other.is_subset(group)));
    groups
}

fn genres_not(p: &mut Parameters) -> BTreeSet<String> {
    let texts = p.every("genre_not");
    let names: Vec<String> = texts.iter().flat_map(|text| alternatives(text).concat()).collect();
    names.iter().filter_map(|name| genre(p, "genre_not", name)).collect()
}

fn name(p: &mut Parameters, parameter: &'static str, most: usize) -> Option<String> {
    p.parsed(parameter, &format!("a name of 1 to {most} characters"), |text| {
        (1..=most).contains(&text.trim().chars().count()).then(|| name_key(text))
    })
}

fn years(p: &mut Parameters) -> Between<i16> {
    let (first, last) = rule::YEARS;
    let must = format!("a year from {first} to {last}");
    let mut year = |name| {
        let good = |year: &i16| (first..=last).contains(&i64::from(*year));
        p.parsed(name, &must, |text| integer(text).filter(good))
    };
    let (exact, min, max) = (year("year"), year("year_min"), year("year_max"));
    if exact.is_some() && (min.is_some() || max.is_some()) {
        p.fault("year", "goes without year_min and year_max");
    }
    if let (Some(low), Some(high)) = (min, max)
        && low > high
    {
        p.fault("year_min", "must not be above year_max");
    }
    Between { min: exact.or(min), max: exact.or(max) }
}

fn ratings(p: &mut Parameters) -> Between<f64> {
    let must = format!("a number from 0 to {}", rule::RATING_MAX);
    let mut rating = |name| {
        let good = |rating: &f64| (0.0..=rule::RATING_MAX).contains(rating);
        p.parsed(name, &must, |text| decimal(text).filter(good))
    };
    let (min, max) = (rating("rating_min"), rating("rating_max"));
    if let (Some(low), Some(high)) = (min, max)
        && low > high
    {
        p.fault("rating_min", "must not be above rating_max");
    }
    Between { min, max }
}

fn ids(p: &mut Parameters) -> Option<BTreeSet<MovieId>> {
    p.parsed("ids", &format!("1 to {IDS_MAX} movie ids, separated by commas"), |text| {
        let parts: Vec<&str> = text.split(',').take(IDS_MAX + 1).collect();
        if parts.len() > IDS_MAX {
            return None;
        }
        parts.into_iter().map(|id| id.parse().ok()).collect()
    })
}

fn fields(p: &mut Parameters) -> FieldSet {
    let Some(text) = p.one("fields") else { return FieldSet::of_lists() };
    let mut set = FieldSet::EMPTY;
    for name in text.split(',') {
        match name.parse::<Field>() {
            Ok(field) if field.in_lists() => set = set.with(field),
            Ok(field) => {
                p.fault("fields", format!("{} comes with the single movie only", field.name()));
            }
            Err(()) => p.fault("fields", format!("{name:?} is not a field of a movie")),
        }
    }
    set
}

fn start(p: &mut Parameters, filter: &Filter, sort: Sort, limit: u16) -> Start {
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

/// What stays as it is in a query: the unreserved characters (RFC 3986, section 2.3), and two
/// separators that lists use.
const PLAIN: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b',');

fn pair(text: &mut String, name: &str, value: &str) {
    if !text.is_empty() {
        text.push('&');
    }
    let value = percent_encoding::utf8_percent_encode(value, PLAIN);
    let _ = write!(text, "{name}={value}"); // writing to a String cannot fail
}

fn option<T: ToString>(text: &mut String, name: &str, value: Option<&T>) {
    if let Some(value) = value {
        pair(text, name, &value.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn query(text: &str) -> Result<ListQuery, Invalid> {
        ListQuery::from_pairs(pairs(text))
    }

    fn pairs(text: &str) -> Vec<(String, String)> {
        let decode = |part: &str| {
            percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned()
        };
        text.split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (decode(name), decode(value)))
            .collect()
    }

    #[test]
    fn requests_that_mean_the_same_are_equal() {
        let same = [
            "genre=Sci-Fi,Drama&year=1999",
            "year=1999&genre=drama&genre=SCI-FI",
            "genre=%44rama,sci-fi,drama&year_min=1999&year_max=1999&limit=50&sort=-popularity&page=1",
            "genre=drama|horror&genre=drama,sci-fi&year=1999",
        ];
        for text in same {
            assert_eq!(
                query(text).unwrap().canonical(),
                query(same[0]).unwrap().canonical(),
                "{text}"
            );
        }
    }

    #[test]
    fn faults_name_their_parameters() {
        let faults = query(
            "limit=501&sort=name&year=1999&year_min=x&rating_min=8&rating_max=7&ids=1,02&page=0&colour=red\
             &fields=title,cast&genre=,&director=&limit=2",
        )
        .unwrap_err();
        let text = faults.to_string();
        for name in [
            "limit: must be given once",
            "sort:",
            "year_min:",
            "rating_min:",
            "ids:",
            "page:",
            "colour:",
            "fields:",
            "genre:",
            "director:",
        ] {
            assert!(text.contains(name), "{name} in {text}");
        }
    }

    #[test]
    fn pages_end_at_ten_thousand_rows_and_say_to_use_the_cursor() {
        assert!(query("page=200").is_ok());
        assert!(query("page=201").unwrap_err().to_string().contains("cursor"));
    }

    #[test]
    fn separators_can_be_escaped() {
        let one = query(r"genre=rock\,paper\|scissors\\").unwrap();
        let group = BTreeSet::from([r"rock,paper|scissors\".to_owned()]);
        assert_eq!(one.filter.genres, BTreeSet::from([group]));
        assert_eq!(ListQuery::from_pairs(pairs(&one.canonical())).unwrap(), one);
    }

    #[test]
    fn a_list_depends_on_its_smallest_group_of_genres() {
        let scopes = query("genre=a|b,c").unwrap().filter.scopes();
        assert_eq!(scopes, [Scope::Genre("c".into())]);
        assert_eq!(query("genre_not=a").unwrap().filter.scopes(), [Scope::All]);
        assert_eq!(query("ids=1,1025").unwrap().filter.scopes(), [Scope::Item(1)]);
    }

    proptest! {
        #[test]
        fn the_canonical_form_reads_as_the_same_query(
            genres in proptest::collection::vec("[a-cA-C ,|\\\\éß]{1,6}", 0..4),
            not in proptest::option::of("[d-f,|]{1,4}"),
            year in proptest::option::of(1870i16..=2100),
            rating in proptest::option::of(0.0f64..=10.0),
            limit in 1u16..=500,
            sort in 0usize..12,
        ) {
            let mut given: Vec<(String, String)> =
                genres.into_iter().map(|genre| ("genre".to_owned(), genre)).collect();
            given.extend(not.map(|not| ("genre_not".to_owned(), not)));
            given.extend(year.map(|year| ("year_min".to_owned(), year.to_string())));
            given.extend(rating.map(|rating| ("rating_max".to_owned(), format!("{rating:.3}"))));
            given.push(("limit".to_owned(), limit.to_string()));
            let sort = Sort { key: SortKey::ALL[sort % 6], descending: sort >= 6 };
            given.push(("sort".to_owned(), sort.to_string()));
            if let Ok(query) = ListQuery::from_pairs(given) {
                let again = ListQuery::from_pairs(pairs(&query.canonical())).unwrap();
                prop_assert_eq!(again, query);
            }
        }
    }
}
