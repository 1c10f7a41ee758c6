//! `IMDb`'s own tables (<https://developer.imdb.com/non-commercial-datasets/>): tabs between cells,
//! no quotes, `\N` for null.
//!
//! `title.basics` has the movies. `title.ratings` beside it adds ratings and votes; `title.crew` with
//! `name.basics` adds directors. Those side tables are held in memory while the movies are read:
//! numbers and one text for all names, of movies that are wanted only, so that the full tables of
//! 2026 (11 million titles, 14 million people) need about 40 MB. When `title.basics` cannot be read
//! twice, which is so for a pipe, they are held whole, which takes some 600 MB.

mod side;
mod table;
mod titles;

pub use self::{
    table::Table,
    titles::{TitleTypes, Titles},
};
