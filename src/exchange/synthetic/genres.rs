//! Genres: how often, and which with which.

use super::random::Random;

/// A genre and how often it is a movie's first, in a thousand.
const GENRES: [(&str, u32); 27] = [
    ("Drama", 268),
    ("Comedy", 170),
    ("Documentary", 110),
    ("Romance", 55),
    ("Thriller", 62),
    ("Action", 68),
    ("Horror", 58),
    ("Crime", 44),
    ("Adventure", 34),
    ("Family", 20),
    ("Mystery", 16),
    ("Fantasy", 16),
    ("Sci-Fi", 20),
    ("Biography", 10),
    ("Animation", 18),
    ("History", 8),
    ("Music", 8),
    ("Musical", 7),
    ("War", 7),
    ("Sport", 4),
    ("Western", 8),
    ("Silent", 5),
    ("Film-Noir", 3),
    ("Experimental", 3),
    ("Superhero", 2),
    ("News", 2),
    ("Anthology", 1),
];

/// Genres that come together more often than by chance, and how many times.
const TOGETHER: [(&str, &str, u32); 22] = [
    ("Action", "Adventure", 6),
    ("Action", "Sci-Fi", 5),
    ("Action", "Thriller", 4),
    ("Action", "Superhero", 20),
    ("Adventure", "Animation", 5),
    ("Adventure", "Fantasy", 4),
    ("Adventure", "Western", 3),
    ("Animation", "Family", 8),
    ("Biography", "Documentary", 5),
    ("Biography", "History", 5),
    ("Comedy", "Romance", 4),
    ("Crime", "Film-Noir", 20),
    ("Crime", "Mystery", 5),
    ("Crime", "Thriller", 5),
    ("Documentary", "News", 20),
    ("Documentary", "Sport", 6),
    ("Drama", "Romance", 3),
    ("Drama", "War", 3),
    ("Fantasy", "Sci-Fi", 3),
    ("Horror", "Mystery", 5),
    ("Horror", "Thriller", 6),
    ("Music", "Documentary", 4),
];

/// Running sums of weights, by which one is chosen.
type Sums = [u32; GENRES.len()];

#[derive(Debug)]
pub(super) struct Genres {
    first: Sums,
    /// For each first genre, the weights of the others.
    beside: Vec<Sums>,
}

impl Genres {
    pub(super) fn new() -> Self {
        let weight = |first: &str, (genre, weight): &(&str, u32)| {
            if *genre == first {
                return 0;
            }
            let pair = TOGETHER
                .iter()
                .find(|(a, b, _)| (*a == first && b == genre) || (*b == first && a == genre));
            weight * pair.map_or(1, |(.., times)| *times)
        };
        let beside = GENRES.iter().map(|(first, _)| sums(|genre| weight(first, genre))).collect();
        Self { first: sums(|(_, weight)| *weight), beside }
    }

    /// One to four genres; none in one of a hundred cases.
    pub(super) fn some(&self, random: &mut Random) -> Vec<String> {
        let count = match random.below(100) {
            0 => return Vec::new(),
            1..36 => 1,
            36..71 => 2,
            71..95 => 3,
            _ => 4,
        };
        let first = choose(&self.first, random);
        let mut chosen = vec![first];
        while chosen.len() < count {
            let other = choose(&self.beside[first], random);
            if !chosen.contains(&other) {
                chosen.push(other);
            }
        }
        chosen.into_iter().map(|n| GENRES[n].0.to_owned()).collect()
    }
}

fn sums(weight: impl Fn(&(&str, u32)) -> u32) -> Sums {
    let mut sum = 0;
    GENRES.each_ref().map(|genre| {
        sum += weight(genre);
        sum
    })
}

fn choose(sums: &Sums, random: &mut Random) -> usize {
    let point = random.below(u64::from(sums[GENRES.len() - 1]));
    sums.partition_point(|sum| u64::from(*sum) <= point)
}
