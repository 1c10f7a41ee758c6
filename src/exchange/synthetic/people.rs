//! People: a name for each of any number of them.

use std::sync::LazyLock;

use super::random::{Random, Words, words};

/// One to three directors; three in a hundred movies have none. There are as many directors as an
/// eighth of the movies.
pub(super) fn directors(random: &mut Random, movies: u64) -> Vec<String> {
    let count = match random.below(100) {
        0..3 => 0,
        3..90 => 1,
        90..98 => 2,
        _ => 3,
    };
    names(random, count, movies / 8)
}

/// Up to a dozen players, of as many as half of the movies.
pub(super) fn cast(random: &mut Random, movies: u64) -> Vec<String> {
    let count = random.below(13);
    names(random, count, movies / 2)
}

fn names(random: &mut Random, count: u64, people: u64) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for _ in 0..count {
        let name = name(random.skewed(people.max(1)));
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The name of a person; two people never share one.
fn name(person: u64) -> String {
    let (firsts, lasts) = (FIRST.len() as u64, LAST.len() as u64);
    let plain = firsts * lasts;
    // Neighbours in fame are to have names that are far apart: a step that has no divisor in common
    // with the number of names visits each of them once.
    let place = (person % plain).wrapping_mul(STEP) % plain;
    let first = FIRST[usize::try_from(place / lasts).unwrap_or_default()];
    let last = LAST[usize::try_from(place % lasts).unwrap_or_default()];
    match person / plain {
        0 => format!("{first} {last}"),
        round @ 1..=26 => {
            let letter = char::from(b'A' + u8::try_from(round - 1).unwrap_or_default());
            format!("{first} {letter}. {last}")
        }
        round => format!("{first} {last} ({round})"),
    }
}

/// A prime, and so without a divisor in common with any smaller number.
const STEP: u64 = 1_000_003;

/// Given names.
static FIRST: Words = LazyLock::new(|| {
    words(
        "Aaliyah|Aino|Akira|Alejandro|Amara|Amélie|Anders|Anna|Antonio|Astrid|Béla|Benoît|\
        Björn|Bruno|Carlos|Carmen|Chloé|Chinedu|Clara|Daniel|David|Diego|Dmitri|Edith|Elena|\
        Emma|Erik|Esther|Fatima|Felix|Fernando|François|Frida|Gabriel|Giulia|Grace|Greta|\
        Hana|Hannah|Hans|Hassan|Helen|Henry|Hiroshi|Ibrahim|Ingrid|Isabel|Ivan|Jack|James|\
        Jana|Jean|Joan|John|José|Joseph|Julia|Kenji|Karim|Katarzyna|Kofi|Kwame|Lars|Laura|\
        Layla|Leila|Liam|Lucía|Luis|Łukasz|Madeleine|Marcel|Margaret|María|Mark|Martha|\
        Martin|Mehmet|Mei|Michael|Mikael|Min-jun|Mohamed|Nadia|Naomi|Ngozi|Nikolai|Noor|\
        Olga|Oscar|Pablo|Paul|Pedro|Peter|Priya|Rachel|Rafael|Raj|Robert|Rosa|Ruth|Samuel|\
        Sarah|Satoshi|Sofia|Sophie|Stefan|Sven|Tadeusz|Thomas|Tomás|Ursula|Víctor|Vera|\
        William|Xavier|Yasmin|Yuki|Yusuf|Zoë|Zsófia",
    )
});

/// Surnames.
static LAST: Words = LazyLock::new(|| {
    words(
        "Abe|Adeyemi|Ahmed|Åkesson|Almeida|Andersson|Antonioni|Bauer|Becker|Bergman|Bianchi|\
        Björk|Blanchard|Borges|Brown|Campbell|Cárdenas|Castro|Chen|Clark|Costa|Cruz|Cukor|\
        Dąbrowski|Davies|Demir|Diallo|Diaz|Dubois|Duarte|Edwards|Eriksen|Evans|Farouk|\
        Fellini|Fernández|Fischer|Fleming|Ford|Foster|Fournier|García|Gómez|González|Grant|\
        Green|Gupta|Hall|Hansen|Harris|Hawks|Hernández|Hoffmann|Horvat|Hughes|Huston|Ibáñez|\
        Ivanov|Jackson|Jansen|Johansson|Johnson|Jones|Jung|Kang|Kapoor|Kaya|Keller|Khan|Kim|\
        King|Kobayashi|Kovács|Kowalski|Kumar|Kurosawa|Lang|Larsen|Lean|Leblanc|Lee|Lefèvre|\
        Leone|Lewis|Lindqvist|López|Losey|Lumet|MacDonald|Mahfouz|Malik|Mancini|Marković|\
        Martin|Martínez|Mendes|Meyer|Mizoguchi|Moore|Moreau|Morris|Müller|Murphy|Murray|\
        Nakamura|Nascimento|Nielsen|Nguyen|Novák|O'Brien|Okafor|Okonkwo|Oliveira|Olsen|Ozu|\
        Papadopoulos|Park|Patel|Pérez|Petrov|Popescu|Powell|Pressburger|Quinn|Ramírez|Ray|\
        Reed|Renoir|Ribeiro|Richter|Rivera|Robinson|Rodríguez|Rossi|Roy|Ruiz|Russo|Saito|\
        Sánchez|Santos|Sato|Schmidt|Schneider|Scott|Sharma|Silva|Singh|Smirnov|Smith|\
        Söderberg|Sokolov|Stewart|Sturges|Suzuki|Svensson|Takahashi|Tanaka|Taylor|Thompson|\
        Torres|Tóth|Truffaut|Tsui|Turner|Varda|Varga|Vidor|Vogel|Volkov|Walker|Walsh|Wang|\
        Watanabe|Weber|Welles|White|Wilder|Williams|Wilson|Wolf|Wong|Wright|Wu|Wyler|\
        Yamamoto|Yang|Yılmaz|Young|Zhang|Zieliński|Zimmermann",
    )
});

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_people_share_a_name() {
        let names: HashSet<String> = (0..800_000).map(name).collect();
        assert_eq!(names.len(), 800_000);
    }
}
