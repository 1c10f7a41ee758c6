//! Movies as files that can be read again.

use std::io::{self, Write};

use super::cell::of_list;
use crate::domain::{
    field::{Field, FieldSet},
    movie::{Movie, MovieData},
    movie_json::MovieView,
};

/// The formats that are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum WriteFormat {
    /// An object a line.
    Jsonl,
    /// A table with a header. Lists are names between `|`, or JSON where that would be ambiguous.
    Csv,
}

/// Spells movies in one format.
#[derive(Debug)]
pub struct MovieWriter {
    format: WriteFormat,
    fields: FieldSet,
}

impl MovieWriter {
    /// Writes whole movies.
    #[must_use]
    pub fn new(format: WriteFormat) -> Self {
        Self { format, fields: FieldSet::all() }
    }

    /// Writes movies without what the service sets: id, version and times.
    #[must_use]
    pub fn without_read_only(format: WriteFormat) -> Self {
        let writable = Field::ALL.iter().filter(|field| !field.read_only());
        let fields = writable.fold(FieldSet::EMPTY, |set, field| set.with(*field));
        Self { format, fields }
    }

    /// Adds what stands before the first movie.
    ///
    /// # Errors
    /// Not in practice: memory takes everything.
    pub fn header(&self, out: &mut Vec<u8>) -> io::Result<()> {
        match self.format {
            WriteFormat::Jsonl => Ok(()),
            WriteFormat::Csv => {
                let mut row = csv::Writer::from_writer(out);
                row.write_record(self.fields.iter().map(Field::name))?;
                row.flush()
            }
        }
    }

    /// Adds movies.
    ///
    /// # Errors
    /// Not in practice: memory takes everything.
    pub fn movies(&self, out: &mut Vec<u8>, movies: &[Movie]) -> io::Result<()> {
        match self.format {
            WriteFormat::Jsonl => {
                for movie in movies {
                    serde_json::to_writer(&mut *out, &MovieView::new(movie, self.fields))?;
                    out.push(b'\n');
                }
                Ok(())
            }
            WriteFormat::Csv => {
                let mut rows = csv::Writer::from_writer(out);
                for movie in movies {
                    self.fields.iter().try_for_each(|field| cell(&mut rows, field, movie))?;
                    rows.write_record(None::<&[u8]>)?; // ends the row
                }
                rows.flush()
            }
        }
    }
}

fn cell<W: Write>(row: &mut csv::Writer<W>, field: Field, movie: &Movie) -> csv::Result<()> {
    let Movie { id, data, version, created_at, updated_at } = movie;
    match field {
        Field::Id => text(row, Some(id)),
        Field::Version => text(row, Some(version)),
        Field::CreatedAt => text(row, Some(created_at)),
        Field::UpdatedAt => text(row, Some(updated_at)),
        _ => data_cell(row, field, data),
    }
}

fn data_cell<W: Write>(
    row: &mut csv::Writer<W>,
    field: Field,
    data: &MovieData,
) -> csv::Result<()> {
    match field {
        Field::Title => row.write_field(&data.title),
        Field::Year => text(row, data.year),
        Field::Released => text(row, data.released),
        Field::RuntimeMinutes => text(row, data.runtime_minutes),
        Field::Directors => row.write_field(of_list(&data.directors).as_bytes()),
        Field::Genres => row.write_field(of_list(&data.genres).as_bytes()),
        Field::Cast => row.write_field(of_list(&data.cast).as_bytes()),
        Field::Countries => row.write_field(of_list(&data.countries).as_bytes()),
        Field::Languages => row.write_field(of_list(&data.languages).as_bytes()),
        Field::Synopsis => row.write_field(data.synopsis.as_deref().unwrap_or_default()),
        Field::Rating => text(row, data.rating),
        Field::Votes => text(row, data.votes),
        Field::Popularity => text(row, data.popularity),
        Field::ImdbId => text(row, data.imdb_id.as_ref()),
        Field::Id | Field::Version | Field::CreatedAt | Field::UpdatedAt => Ok(()),
    }
}

fn text<W: Write>(row: &mut csv::Writer<W>, value: Option<impl ToString>) -> csv::Result<()> {
    row.write_field(value.map(|value| value.to_string()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        domain::{clock::Moment, movie::MovieId, movie_json::Reading},
        exchange::{
            plan::{Options, plan},
            record::Verdict,
            source::{Encoding, Source},
        },
    };

    fn name() -> impl Strategy<Value = String> {
        prop_oneof![
            r"[ -~éж日🎬]{0,8}[^\s\x00]",
            Just(r#"["x"]"#.to_owned()),
            Just("a|b;c,d".to_owned())
        ]
    }

    fn names() -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec(name(), 0..4)
    }

    fn movie() -> impl Strategy<Value = Movie> {
        let texts = (name(), names(), names(), proptest::option::of("\"?[a-z\n\r,\"]{0,9}é"));
        let numbers =
            (proptest::option::of(0..=100_i32), proptest::option::of(1870..=2100_i16), 0..=10_i64);
        (texts, numbers).prop_map(|((title, directors, cast, synopsis), (rating, year, votes))| {
            Movie {
                id: MovieId::new(votes + 1).expect("positive"),
                data: MovieData {
                    title: title.trim().to_owned(),
                    year,
                    released: year.and_then(|year| jiff::civil::Date::new(year, 2, 28).ok()),
                    directors,
                    cast,
                    synopsis,
                    rating: rating.map(|tenths| f64::from(tenths) / 10.0),
                    votes: Some(votes),
                    imdb_id: format!("tt{votes:07}").parse().ok(),
                    genres: vec!["Film, Noir".to_owned()],
                    ..MovieData::default()
                },
                version: votes + 1,
                created_at: Moment::from_unix_ms(votes * 1001),
                updated_at: Moment::from_unix_ms(votes * 1001),
            }
        })
    }

    proptest! {
        #[test]
        fn every_written_format_is_read_as_it_was(movies in prop::collection::vec(movie(), 0..5)) {
            for format in [WriteFormat::Jsonl, WriteFormat::Csv] {
                let writer = MovieWriter::new(format);
                let mut bytes = Vec::new();
                writer.header(&mut bytes).unwrap();
                writer.movies(&mut bytes, &movies).unwrap();
                let input = io::Cursor::new(bytes);
                let source = Source::new("x".into(), input, Encoding::Utf8, &Arc::default()).unwrap();
                let options = Options { reading: Reading::Strict, ..Options::default() };
                let rows = plan(vec![source], &options).unwrap().pop().unwrap();
                let read: Vec<_> = rows.map(|row| match row.unwrap().verdict {
                    Verdict::Movie(input) => (input.id, input.created_at, input.data),
                    other => panic!("{other:?}"),
                }).collect();
                let expected = movies.iter().map(|movie| {
                    (Some(movie.id), Some(movie.created_at), movie.data.clone())
                });
                prop_assert_eq!(read, expected.collect::<Vec<_>>());
            }
        }
    }
}
