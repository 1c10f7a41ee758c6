//! Movies written as JSON, all of their fields or some.

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::domain::{
    field::{Field, FieldSet},
    movie::{Movie, MovieData},
};

/// A movie with some of its fields, ready to be written as JSON.
#[derive(Debug)]
pub struct MovieView<'a> {
    movie: &'a Movie,
    fields: FieldSet,
}

impl<'a> MovieView<'a> {
    /// The fields of `movie` that are in `fields`.
    #[must_use]
    pub const fn new(movie: &'a Movie, fields: FieldSet) -> Self {
        Self { movie, fields }
    }
}

impl Serialize for MovieView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Movie { id, data, version, created_at, updated_at } = self.movie;
        let mut map = serializer.serialize_map(None)?;
        for field in self.fields.iter() {
            let name = field.name();
            match field {
                Field::Id => map.serialize_entry(name, id)?,
                Field::Version => map.serialize_entry(name, version)?,
                Field::CreatedAt => map.serialize_entry(name, &Text(created_at))?,
                Field::UpdatedAt => map.serialize_entry(name, &Text(updated_at))?,
                _ => entry(&mut map, field, data)?,
            }
        }
        map.end()
    }
}

fn entry<M: SerializeMap>(map: &mut M, field: Field, data: &MovieData) -> Result<(), M::Error> {
    let name = field.name();
    match field {
        Field::Title => map.serialize_entry(name, &data.title),
        Field::Year => map.serialize_entry(name, &data.year),
        Field::Released => map.serialize_entry(name, &data.released.as_ref().map(Text)),
        Field::RuntimeMinutes => map.serialize_entry(name, &data.runtime_minutes),
        Field::Directors => map.serialize_entry(name, &data.directors),
        Field::Genres => map.serialize_entry(name, &data.genres),
        Field::Cast => map.serialize_entry(name, &data.cast),
        Field::Countries => map.serialize_entry(name, &data.countries),
        Field::Languages => map.serialize_entry(name, &data.languages),
        Field::Synopsis => map.serialize_entry(name, &data.synopsis),
        Field::Rating => map.serialize_entry(name, &data.rating),
        Field::Votes => map.serialize_entry(name, &data.votes),
        Field::Popularity => map.serialize_entry(name, &data.popularity),
        Field::ImdbId => map.serialize_entry(name, &data.imdb_id),
        Field::Id | Field::Version | Field::CreatedAt | Field::UpdatedAt => Ok(()),
    }
}

/// A value written as the string that it displays as.
struct Text<'a, T>(&'a T);

impl<T: std::fmt::Display> Serialize for Text<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self.0)
    }
}

impl Serialize for MovieData {
    /// The fields that writers set.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for field in Field::ALL.iter().filter(|field| !field.read_only()) {
            entry(&mut map, *field, self)?;
        }
        map.end()
    }
}
