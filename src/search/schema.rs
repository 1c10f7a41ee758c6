//! The fields of the index.

use tantivy::schema::{
    BytesOptions, FAST, Field, INDEXED, IndexRecordOption, NumericOptions, Schema,
    TextFieldIndexing, TextOptions,
};

use super::tokens::Terms;

/// Raised with each change to what is indexed or stored: an index of another version is rebuilt.
pub(super) const VERSION: u32 = 3;

/// A field whose words are searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum TextField {
    Title,
    Directors,
    Cast,
    Genres,
    Synopsis,
}

impl TextField {
    pub(super) const ALL: [Self; 5] =
        [Self::Title, Self::Directors, Self::Cast, Self::Genres, Self::Synopsis];
}

/// The fields by name.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    pub(super) schema: Schema,
    /// The movie's number; what a change finds it by.
    pub(super) id: Field,
    text: [Field; TextField::ALL.len()],
    /// Beginnings of the title's words.
    pub(super) title_starts: Field,
    /// Beginnings of the directors' and the cast's names.
    pub(super) name_starts: Field,
    /// Keys of names, for filters.
    pub(super) genre: Field,
    pub(super) director: Field,
    pub(super) country: Field,
    pub(super) language: Field,
    /// What movies are sorted and counted by; 0 is none, or the value is one more.
    pub(super) year: Field,
    pub(super) rating: Field,
    pub(super) votes: Field,
    pub(super) popularity: Field,
    pub(super) created: Field,
    pub(super) title_length: Field,
    pub(super) title_key: Field,
    /// A movie's distinct names as one value: few movies have a combination to themselves.
    pub(super) genre_set: Field,
    pub(super) country_set: Field,
    pub(super) language_set: Field,
    /// The movie, as rows of lists have it, and the rest of it.
    pub(super) row: Field,
    pub(super) rest: Field,
}

impl Fields {
    pub(super) fn new() -> Self {
        let mut schema = Schema::builder();
        let positions = IndexRecordOption::WithFreqsAndPositions;
        let title = schema.add_text_field("title", text(Terms::Words, positions));
        let directors = schema.add_text_field("directors", text(Terms::Names, positions));
        let cast = schema.add_text_field("cast", text(Terms::Names, positions));
        let genres = schema.add_text_field("genres", text(Terms::Names, positions));
        let synopsis = schema.add_text_field("synopsis", text(Terms::Words, positions));
        let starts = || text(Terms::Starts, IndexRecordOption::Basic);
        let number = || NumericOptions::from(FAST);
        let set = || TextOptions::default().set_fast("raw");
        Self {
            id: schema.add_u64_field("id", number() | INDEXED),
            text: [title, directors, cast, genres, synopsis],
            title_starts: schema.add_text_field("title_starts", starts()),
            name_starts: schema.add_text_field("name_starts", starts()),
            genre: schema.add_text_field("genre", key()),
            director: schema.add_text_field("director", key()),
            country: schema.add_text_field("country", key()),
            language: schema.add_text_field("language", key()),
            year: schema.add_u64_field("year", number() | INDEXED),
            rating: schema.add_u64_field("rating", number()),
            votes: schema.add_u64_field("votes", number()),
            popularity: schema.add_u64_field("popularity", number()),
            created: schema.add_u64_field("created", number()),
            title_length: schema.add_u64_field("title_length", number()),
            title_key: schema.add_bytes_field("title_key", BytesOptions::default().set_fast()),
            genre_set: schema.add_text_field("genre_set", set()),
            country_set: schema.add_text_field("country_set", set()),
            language_set: schema.add_text_field("language_set", set()),
            row: schema.add_bytes_field("row", BytesOptions::default().set_stored()),
            rest: schema.add_bytes_field("rest", BytesOptions::default().set_stored()),
            schema: schema.build(),
        }
    }

    pub(super) const fn text(&self, field: TextField) -> Field {
        self.text[field as usize]
    }

    /// Every field that has terms.
    pub(super) fn indexed(&self) -> impl Iterator<Item = Field> + '_ {
        self.schema.fields().filter(|(_, entry)| entry.is_indexed()).map(|(field, _)| field)
    }
}

fn text(terms: Terms, record: IndexRecordOption) -> TextOptions {
    let indexing = TextFieldIndexing::default();
    let indexing =
        indexing.set_tokenizer(terms.name()).set_index_option(record).set_fieldnorms(false);
    TextOptions::default().set_indexing_options(indexing)
}

/// A name's key, found as a whole.
fn key() -> TextOptions {
    let indexing = TextFieldIndexing::default().set_tokenizer("raw").set_fieldnorms(false);
    let indexing = indexing.set_index_option(IndexRecordOption::Basic);
    TextOptions::default().set_indexing_options(indexing)
}
