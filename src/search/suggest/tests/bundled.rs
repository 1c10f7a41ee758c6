//! What somebody who knows films expects of the bundled catalogue.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
};

use flate2::read::GzDecoder;

use crate::{
    domain::{
        movie::MovieId,
        movie_json::{Reading, read},
        suggest::{SuggestQuery, fold},
    },
    search::suggest::{Options, Suggester},
};

/// What is typed, and what is among the first three rows.
const EXPECTED: [(&str, &str); 54] = [
    ("rocky 2", "Rocky II"),
    ("rocky three", "Rocky III"),
    ("oceans 11", "Ocean's Eleven"),
    ("godfather 2", "The Godfather Part II"),
    ("twelve monk", "12 Monkeys"),
    ("toy story ii", "Toy Story 2"),
    ("star", "Star Trek"),
    ("star w", "Star Wars: Episode III – Revenge of the Sith"),
    ("the god", "The Godfather"),
    ("godf", "The Godfather"),
    ("god father", "The Godfather"),
    ("empire str", "Star Wars: Episode V – The Empire Strikes Back"),
    ("lord", "The Lord of the Rings: The Return of the King"),
    ("potter azkaban", "Harry Potter and the Prisoner of Azkaban"),
    ("dark kni", "The Dark Knight"),
    ("shawshenk redemtion", "The Shawshank Redemption"),
    ("pulp ficton", "Pulp Fiction"),
    ("apocalipse noww", "Apocalypse Now"),
    ("mulholand", "Mulholland Drive"),
    ("lord of the rigns", "The Lord of the Rings: The Two Towers"),
    ("eternal sun", "Eternal Sunshine of the Spotless Mind"),
    ("amelie", "Amélie"),
    ("la dolce", "La Dolce Vita"),
    ("8 1/2", "8½"),
    ("wall-e", "WALL-E"),
    ("2001", "2001: A Space Odyssey"),
    ("la conf", "L.A. Confidential"),
    ("mash", "MASH"),
    ("up", "Up"),
    ("her", "Her"),
    ("xmen", "X-Men"),
    ("spiderman", "Spider-Man"),
    ("kuros", "Akira Kurosawa"),
    ("al pac", "Al Pacino"),
    ("brad", "Brad Pitt"),
    ("scorc", "Martin Scorsese"),
    ("scorse", "Martin Scorsese"),
    ("hitchc", "Alfred Hitchcock"),
    ("tarant", "Quentin Tarantino"),
    ("kubrik", "Stanley Kubrick"),
    ("spielb", "Steven Spielberg"),
    ("penelope c", "Penélope Cruz"),
    ("jk simmons", "J. K. Simmons"),
    ("tom h", "Tom Hanks"),
    ("scott", "Ridley Scott"),
    ("bergm", "Ingmar Bergman"),
    ("deniro", "Robert De Niro"),
    ("robert deniro", "Robert De Niro"),
    ("go", "Go"),
    ("pi", "Pi"),
    ("roma", "Roma"),
    ("z", "Z"),
    ("doctor strangelov", "Dr. Strangelove"),
    ("strangelove doctor", "Dr. Strangelove"),
];

fn bundled() -> (Suggester, Vec<String>) {
    let mut titles = Vec::new();
    let suggester = Suggester::new(Options::default());
    let mut builder = suggester.builder();
    let catalogue = File::open("data/catalog.jsonl.gz").unwrap();
    for (number, line) in (1..).zip(BufReader::new(GzDecoder::new(catalogue)).lines()) {
        let object: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        let film = read(object.as_object().unwrap(), Reading::Strict).unwrap();
        builder.add(MovieId::new(number).unwrap(), &film.data);
        titles.push(film.data.title);
    }
    assert!(builder.publish());
    (suggester, titles)
}

#[test]
fn what_is_meant_is_among_the_first_rows() {
    let (suggester, _) = bundled();
    let missed: Vec<String> = EXPECTED
        .iter()
        .filter_map(|(typed, meant)| {
            let rows = suggester.suggest(&SuggestQuery::new(typed).unwrap());
            let texts: Vec<String> = rows.into_iter().map(|row| row.text).take(3).collect();
            (!texts.iter().any(|text| text == meant)).then(|| format!("{typed}: {texts:?}"))
        })
        .collect();
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn a_title_is_suggested_to_who_types_all_of_it() {
    let (suggester, titles) = bundled();
    // Longer ones are how few others begin.
    for typed in titles.iter().map(|title| fold(title).text).filter(|typed| typed.len() < 9) {
        let Some(query) = SuggestQuery::new(&typed) else { continue };
        let rows = suggester.suggest(&query);
        assert!(
            rows.iter().any(|row| row.id.is_some() && fold(&row.text).text == typed),
            "{typed}: {rows:?}"
        );
    }
}
