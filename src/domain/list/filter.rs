//! Which movies a list is made of.

use std::collections::BTreeSet;

use crate::domain::{
    movie::{MovieId, rule},
    parameters::{Parameters, decimal, integer},
    revision::{Measure, Scope},
    text::name_key,
};

use super::{
    genres,
    query_text::{option, pair},
    sort::SortKey,
};

/// Most movies that `ids=` may name.
pub const IDS_MAX: usize = 200;

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
    /// The scopes whose changes can change which movies a list with this filter has, where it is ordered by
    /// `key`, and in which order. What it shows of them depends on those movies beside.
    ///
    /// A list that asks for a genre that its movies must have depends on that genre alone: a write
    /// touches every genre that its movie has or had. With no such genre it depends on all movies,
    /// and a list of ids on those movies.
    #[must_use]
    pub fn scopes(&self, key: SortKey) -> Vec<Scope> {
        if let Some(ids) = &self.ids {
            let buckets: BTreeSet<Scope> = ids.iter().map(|id| Scope::of_movie(*id)).collect();
            return buckets.into_iter().collect();
        }
        let rating = Some(Measure::Rating).filter(|_| !self.ratings.is_open());
        let measures: BTreeSet<Measure> = key.measure().into_iter().chain(rating).collect();
        // One group suffices: a movie that enters or leaves the list has or had one of its genres.
        let Some(group) = self.genres.iter().min_by_key(|group| group.len()) else {
            let measures = measures.into_iter().map(Scope::Measure);
            return std::iter::once(Scope::Movies).chain(measures).collect();
        };
        let of = |genre: &String| {
            let measures = measures.iter().map(|measure| Scope::MeasureOf(*measure, genre.clone()));
            std::iter::once(Scope::Genre(genre.clone())).chain(measures).collect::<Vec<_>>()
        };
        group.iter().flat_map(of).collect()
    }

    /// Takes the parameters that choose movies.
    pub(in crate::domain) fn take(p: &mut Parameters) -> Self {
        let (genres, genres_not) = genres::take(p);
        Self {
            genres,
            genres_not,
            director: name(p, "director", rule::NAME_MAX),
            country: name(p, "country", rule::NAME_MAX),
            language: name(p, "language", rule::NAME_MAX),
            years: years(p),
            ratings: ratings(p),
            ids: ids(p),
        }
    }

    /// The filter as text, the same for all filters that mean the same; empty where it lets everything through.
    #[must_use]
    pub fn canonical(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    /// Writes the same parameters in a fixed order.
    pub(in crate::domain) fn write(&self, text: &mut String) {
        genres::write(&self.genres, &self.genres_not, text);
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
    ordered(p, ("year_min", min), ("year_max", max));
    Between { min: exact.or(min), max: exact.or(max) }
}

fn ratings(p: &mut Parameters) -> Between<f64> {
    let must = format!("a number from 0 to {}", rule::RATING_MAX);
    let mut rating = |name| {
        let good = |rating: &f64| (0.0..=rule::RATING_MAX).contains(rating);
        p.parsed(name, &must, |text| decimal(text).filter(good))
    };
    let (min, max) = (rating("rating_min"), rating("rating_max"));
    ordered(p, ("rating_min", min), ("rating_max", max));
    Between { min, max }
}

fn ordered<T: PartialOrd>(
    p: &mut Parameters,
    (min, low): (&str, Option<T>),
    (max, high): (&str, Option<T>),
) {
    if let (Some(low), Some(high)) = (low, high)
        && low > high
    {
        p.fault(min, format!("must not be above {max}"));
    }
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

#[cfg(test)]
mod tests {
    use super::{
        super::{ListQuery, query_text::pairs},
        *,
    };

    fn scopes(text: &str) -> Vec<Scope> {
        ListQuery::from_pairs(pairs(text)).unwrap().scopes()
    }

    #[test]
    fn a_list_depends_on_its_smallest_group_of_genres() {
        assert_eq!(scopes("genre=a|b,c&sort=title"), [Scope::Genre("c".into())]);
        assert_eq!(scopes("genre_not=a&sort=-year"), [Scope::Movies]);
        assert_eq!(scopes("ids=1,65537"), [Scope::Item(1)]);
    }

    #[test]
    fn a_list_depends_on_the_measures_that_it_is_ordered_and_filtered_by() {
        use Measure::{Popularity, Rating, Votes};
        let of = |measure, genre: &str| Scope::MeasureOf(measure, genre.into());
        let genre = |genre: &str| Scope::Genre(genre.into());
        assert_eq!(scopes(""), [Scope::Movies, Scope::Measure(Popularity)]);
        assert_eq!(
            scopes("genre=a|b&sort=votes"),
            [genre("a"), of(Votes, "a"), genre("b"), of(Votes, "b")]
        );
        assert_eq!(scopes("genre=a&sort=created&rating_min=5"), [genre("a"), of(Rating, "a")]);
        assert_eq!(scopes("rating_max=5&sort=-rating"), [Scope::Movies, Scope::Measure(Rating)]);
    }
}
