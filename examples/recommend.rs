//! How many answers a second a model gives on one core: `cargo run --release --example recommend -- FILE [KEEP]`,
//! with a file of interactions as `marquee evaluate` takes them (not compressed), and the neighbours to keep.
#![expect(clippy::print_stdout, reason = "it is a measurement")]
#![expect(clippy::cast_precision_loss, reason = "for people to read")]

use std::{env, fs::File, io::BufReader, time::Instant};

use marquee::learn::{
    interactions::Interactions,
    parameters::Options,
    read,
    recommend::{Desk, Prior, Question},
    train,
};

const ANSWERS: usize = 200_000;

fn main() -> anyhow::Result<()> {
    let mut arguments = env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let input = BufReader::new(File::open(name)?);
    let rows = read::interactions(input).collect::<Result<Vec<_>, _>>()?;
    let data = Interactions::with_minimum(rows, 5);
    let neighbours = arguments.next().map_or(Ok(Options::default().neighbours), |n| n.parse())?;
    let options = Options { neighbours, ..Options::default() };
    let began = Instant::now();
    let model = train::train(&data, None, &options, &|| {})?;
    println!(
        "trained in {:.1?}: {} items, {} bytes",
        began.elapsed(),
        model.items.len(),
        model.bytes()
    );
    println!("{:?}", model.parameters);

    let (prior, mut desk) = (Prior::at_training(&model), Desk::default());
    let events: usize = data.histories.iter().map(Vec::len).sum();
    println!("{:.1} events in a history", events as f64 / data.histories.len() as f64);
    let began = Instant::now();
    let mut shown = 0;
    for history in data.histories.iter().cycle().take(ANSWERS) {
        let question = Question { history, prior: &prior, count: 10, allowed: None };
        shown += model.recommend(question, &mut desk).len();
    }
    let rate = ANSWERS as f64 / began.elapsed().as_secs_f64();
    println!("recommend: {rate:.0} answers a second, {shown} rows");

    let began = Instant::now();
    let mut shown = 0;
    for item in (0..u32::try_from(model.items.len())?).cycle().take(ANSWERS) {
        shown += model.similar(item, 10, None).len();
    }
    let rate = ANSWERS as f64 / began.elapsed().as_secs_f64();
    println!("similar: {rate:.0} answers a second, {shown} rows");
    Ok(())
}
