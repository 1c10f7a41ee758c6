//! `marquee synthesise`: a made-up catalogue of any size, for measurements.

use anyhow::Context as _;

use super::{exit::Exit, export::Form};
use crate::{
    domain::{
        clock::Moment,
        movie::{Movie, MovieId},
    },
    exchange::{sink::Sink, synthetic::Synthetic, write::MovieWriter},
};

/// Movies that are written at once.
const CHUNK: usize = 500;

/// Arguments of `marquee synthesise`.
#[derive(Debug, clap::Args)]
pub struct SynthesiseArgs {
    /// The file to write, `-` for standard output. It takes its name when it is whole.
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: String,
    /// How many movies.
    #[arg(long, value_name = "NUMBER")]
    movies: u64,
    /// What they follow from: the same number gives the same movies.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Format and compression.
    #[command(flatten)]
    form: Form,
}

pub(super) fn run(arguments: &SynthesiseArgs) -> anyhow::Result<Exit> {
    let SynthesiseArgs { output, movies, seed, form } = arguments;
    let (format, compression) = form.of(output);
    let writer = MovieWriter::without_read_only(format);
    let mut sink =
        Sink::open(output, compression).with_context(|| format!("cannot write {output}"))?;
    let mut bytes = Vec::new();
    writer.header(&mut bytes)?;
    let catalogue = Synthetic::new(*movies, *seed);
    let mut movies = catalogue.iter().zip(1..).filter_map(|(data, id)| {
        let (id, then) = (MovieId::new(id)?, Moment::from_unix_ms(0)); // neither is written
        Some(Movie { id, data, version: 1, created_at: then, updated_at: then })
    });
    loop {
        let chunk: Vec<_> = movies.by_ref().take(CHUNK).collect();
        writer.movies(&mut bytes, &chunk)?;
        sink.write(&bytes).with_context(|| format!("cannot write {output}"))?;
        bytes.clear();
        if chunk.is_empty() {
            break;
        }
    }
    sink.finish().with_context(|| format!("cannot write {output}"))?;
    Ok(Exit::Ok)
}
