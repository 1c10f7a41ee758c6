//! Schemas of movies, made field by field from the rules that movies keep.

use utoipa::openapi::{ObjectBuilder, schema::Type};

use crate::domain::{
    field::{Field, FieldSet},
    movie::rule,
};

use super::schema::{Node, Null, any_of, closed, integer, list_up_to, name, named, number, text};

/// What a schema of a field is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    /// What the service answers.
    Answers,
    /// What it takes.
    Writers,
}

/// What becomes of what the service sets, in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReadOnly {
    /// A movie that does not exist yet has none of it.
    Refused,
    /// It may be sent back as it was read.
    SentBack,
}

/// The body that creates a movie.
pub(super) fn new_movie() -> Node {
    any_of([named("MovieInput"), named("MovieInputOtherSpelling")])
}

/// The body that replaces a movie.
pub(super) fn whole_movie() -> Node {
    any_of([named("MovieReplacement"), named("MovieReplacementOtherSpelling")])
}

/// The schemas of movies by name.
pub(super) fn schemas() -> Vec<(String, Node)> {
    use ReadOnly::{Refused, SentBack};
    let schemas = [
        ("Movie", movie()),
        ("MovieRow", row()),
        ("MovieInput", input(Refused).required(Field::Title.name())),
        ("MovieInputOtherSpelling", other_spelling(Refused)),
        ("MovieReplacement", input(SentBack).required(Field::Title.name())),
        ("MovieReplacementOtherSpelling", other_spelling(SentBack)),
        ("MoviePatch", input(SentBack).description(Some(
            "A JSON merge patch (RFC 7396): what it names is replaced, null removes, the rest stays.",
        ))),
        ("CompatMovie", compat()),
        ("CompatMovieOtherSpelling", compat_other_spelling()),
    ];
    schemas.map(|(name, schema)| (name.to_owned(), schema.into())).into()
}

fn movie() -> ObjectBuilder {
    FieldSet::all().iter().fold(ObjectBuilder::new(), |object, field| {
        object.property(field.name(), schema(field, For::Answers)).required(field.name())
    })
}

/// A row of a list: `fields=` chooses its members.
fn row() -> ObjectBuilder {
    FieldSet::of_lists().iter().fold(ObjectBuilder::new(), |object, field| {
        object.property(field.name(), schema(field, For::Answers))
    })
}

fn input(read_only: ReadOnly) -> ObjectBuilder {
    closed(taken(read_only, &[]))
}

/// The fields that writers may give, except for some.
fn taken(read_only: ReadOnly, except: &[(&str, Field)]) -> ObjectBuilder {
    let fields = Field::ALL.iter().filter(|field| {
        (read_only == ReadOnly::SentBack || !field.read_only())
            && !except.iter().any(|(_, other)| other == *field)
    });
    fields.fold(ObjectBuilder::new(), |object, field| {
        object.property(field.name(), schema(*field, For::Writers))
    })
}

/// The fields whose other spellings are in circulation, under those.
const OTHER_SPELLING: [(&str, Field); 5] = [
    ("name", Field::Title),
    ("director", Field::Directors),
    ("genre", Field::Genres),
    ("imdb_score", Field::Rating),
    ("99popularity", Field::Popularity),
];

/// The original service's spelling.
const ORIGINAL: [(&str, Field); 5] = [
    ("name", Field::Title),
    ("director", Field::Directors),
    ("genre", Field::Genres),
    ("rank", Field::Rating),
    ("year", Field::Year),
];

fn other_spelling(read_only: ReadOnly) -> ObjectBuilder {
    let object = OTHER_SPELLING
        .into_iter()
        .fold(taken(read_only, &OTHER_SPELLING), |object, (alias, field)| {
            object.property(alias, alias_schema(field))
        });
    closed(object.required("name")).description(Some(
        "The same fields in the other spelling that is in circulation for this data.",
    ))
}

fn alias_schema(field: Field) -> Node {
    match field {
        // The other spelling has one director; a list is taken as well.
        Field::Directors => name(rule::NAME_MAX, Null::Yes).into(),
        field => schema(field, For::Writers),
    }
}

fn compat() -> ObjectBuilder {
    required(ORIGINAL).description(Some("A movie as the original service took it."))
}

fn compat_other_spelling() -> ObjectBuilder {
    required(OTHER_SPELLING).description(Some("A movie in the other spelling in circulation."))
}

/// A movie of which every member is asked for. Members beside these were not looked at, and are not.
fn required(members: [(&'static str, Field); 5]) -> ObjectBuilder {
    members.into_iter().fold(ObjectBuilder::new(), |object, (alias, field)| {
        let schema: Node = match field {
            // "1984" came as a number too.
            Field::Title => any_of([
                name(rule::TITLE_MAX, Null::No).into(),
                ObjectBuilder::new().schema_type(Type::Number).into(),
            ]),
            Field::Directors => name(rule::NAME_MAX, Null::No).into(),
            Field::Genres => {
                let genres =
                    list_up_to(rule::GENRES_MAX, name(rule::GENRE_MAX, Null::No), Null::No);
                genres.min_items(Some(1)).into()
            }
            Field::Popularity => number(rule::POPULARITY_MAX, Null::No).into(),
            Field::Rating => number(rule::RATING_MAX, Null::No).into(),
            _ => integer(rule::YEARS, Null::No).into(),
        };
        object.property(alias, schema).required(alias)
    })
}

/// The schema of one field: the only place where this description knows what a field is.
fn schema(field: Field, purpose: For) -> Node {
    let writers = purpose == For::Writers;
    let null_for_writers = if writers { Null::Yes } else { Null::No };
    let names = |most| {
        let item = if writers { name(rule::NAME_MAX, Null::No) } else { text(Null::No) };
        list_up_to(most, item, null_for_writers)
    };
    let about = Some(match (purpose, field) {
        (For::Writers, Field::Id) => {
            format!("{} May be sent back as it was read; any other is 422.", about(field))
        }
        (For::Writers, field) if field.read_only() => {
            format!("{} May be sent back as it was read, and changes nothing.", about(field))
        }
        _ => about(field).to_owned(),
    });
    match field {
        Field::Title => name(rule::TITLE_MAX, Null::No).description(about).into(),
        Field::Year => integer(rule::YEARS, Null::Yes).description(about).into(),
        Field::Released => date().description(about).into(),
        Field::RuntimeMinutes => {
            integer((0, rule::RUNTIME_MAX_MINUTES), Null::Yes).description(about).into()
        }
        Field::Directors => names(rule::DIRECTORS_MAX).description(about).into(),
        Field::Genres => {
            let item = if writers { name(rule::GENRE_MAX, Null::No) } else { text(Null::No) };
            list_up_to(rule::GENRES_MAX, item, null_for_writers).description(about).into()
        }
        Field::Cast => names(rule::CAST_MAX).description(about).into(),
        Field::Countries | Field::Languages => names(rule::PLACES_MAX).description(about).into(),
        Field::Synopsis => {
            text(Null::Yes).max_length(Some(rule::SYNOPSIS_MAX)).description(about).into()
        }
        Field::Rating => number(rule::RATING_MAX, Null::Yes).description(about).into(),
        Field::Votes => integer((0, rule::VOTES_MAX), Null::Yes).description(about).into(),
        Field::Popularity => number(rule::POPULARITY_MAX, Null::Yes).description(about).into(),
        Field::ImdbId => {
            text(Null::Yes).pattern(Some(super::parameters::IMDB_ID)).description(about).into()
        }
        Field::Id | Field::Version => {
            let number = integer((1, i64::MAX), null_for_writers);
            number.read_only(true).description(about).into()
        }
        Field::CreatedAt | Field::UpdatedAt => {
            moment(null_for_writers).read_only(true).description(about).into()
        }
    }
}

fn date() -> ObjectBuilder {
    let day = utoipa::openapi::SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::Date);
    text(Null::Yes).format(Some(day))
}

fn moment(null: Null) -> ObjectBuilder {
    let time = utoipa::openapi::SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::DateTime);
    text(null).format(Some(time))
}

const fn about(field: Field) -> &'static str {
    match field {
        Field::Id => "The catalogue's number for the movie.",
        Field::Title => "The title; outer spaces are cut off.",
        Field::Year => "Year of the first release.",
        Field::Released => "Day of the first release.",
        Field::RuntimeMinutes => "Running time in minutes.",
        Field::Directors => "Directors, in the given order.",
        Field::Genres => {
            "Genres: outer spaces are cut off, distinct ignoring case, spelled as first stored."
        }
        Field::Cast => "Cast, in the given order.",
        Field::Countries => "Countries of origin.",
        Field::Languages => "Languages.",
        Field::Synopsis => "A few sentences.",
        Field::Rating => "How good it is, from 0 to 10.",
        Field::Votes => "How many votes the rating comes from.",
        Field::Popularity => "How popular it is, from 0 to 100.",
        Field::ImdbId => "IMDb's id; no two movies have the same.",
        Field::Version => "1 when it was created, and one more for each change.",
        Field::CreatedAt => "When it was created.",
        Field::UpdatedAt => "When it last changed.",
    }
}
