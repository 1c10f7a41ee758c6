//! Collections written as JSON, as their editors know them.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Collection, Definition, MovieRef, Slug};

/// What an editor said of a collection, with what the service sets beside.
#[derive(Debug, Clone, Copy)]
pub struct DefinitionView<'a>(pub &'a Collection);

impl Serialize for DefinitionView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Collection { slug, definition, version, created_at, updated_at, .. } = self.0;
        let mut map = serializer.serialize_map(None)?;
        members(&mut map, slug, definition)?;
        map.serialize_entry("version", version)?;
        map.serialize_entry("created_at", &created_at.to_string())?;
        map.serialize_entry("updated_at", &updated_at.to_string())?;
        map.end()
    }
}

/// The members that writers set.
fn members<M: SerializeMap>(
    map: &mut M,
    slug: &Slug,
    definition: &Definition,
) -> Result<(), M::Error> {
    let Definition { title, description, movies, query, exclude, seasons } = definition;
    map.serialize_entry("slug", slug.as_str())?;
    map.serialize_entry("title", title)?;
    map.serialize_entry("description", description)?;
    map.serialize_entry("movies", movies)?;
    map.serialize_entry("query", &query.as_ref().map(ToString::to_string))?;
    map.serialize_entry("exclude", exclude)?;
    map.serialize_entry("seasons", seasons)
}

impl Serialize for MovieRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Id(id) => id.serialize(serializer),
            Self::Imdb(id) => id.serialize(serializer),
        }
    }
}

impl Collection {
    /// A line of a file that `marquee collections import` reads: what writers set.
    ///
    /// # Panics
    /// Never: a collection has a JSON form.
    #[must_use]
    pub fn to_line(&self) -> String {
        struct Line<'a>(&'a Collection);
        impl Serialize for Line<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(None)?;
                members(&mut map, &self.0.slug, &self.0.definition)?;
                map.end()
            }
        }
        serde_json::to_string(&Line(self)).expect("a collection has a JSON form")
    }
}
