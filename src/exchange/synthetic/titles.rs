//! Titles from lists of words, in the script of their country or in English.

use std::sync::LazyLock;

use super::{
    places,
    random::{Random, Words, words},
};

/// The words for titles in a language, and what stands between two of them.
fn local_words(language: &str) -> Option<(&'static Words, &'static str)> {
    Some(match language {
        "Spanish" | "Portuguese" => (&SPANISH, " y "),
        "French" => (&FRENCH, " et "),
        "German" => (&GERMAN, " und "),
        "Japanese" => (&JAPANESE, "の"),
        "Mandarin" | "Cantonese" => (&CHINESE, "与"),
        "Korean" => (&KOREAN, " 속의 "),
        "Russian" | "Ukrainian" | "Bulgarian" | "Serbian" => (&RUSSIAN, " и "),
        "Hindi" => (&HINDI, " और "),
        "Arabic" => (&ARABIC, " و"),
        "Greek" => (&GREEK, " και "),
        "Thai" => (&THAI, ""),
        _ => return None,
    })
}

/// A title of a movie from this country.
pub(super) fn title(random: &mut Random, country: places::Country) -> String {
    let title = match local_words(places::language(country)) {
        Some((words, between)) if random.chance(60) => capital(&local(random, words, between)),
        _ => english(random),
    };
    match random.below(1000) {
        0..60 => format!("{title} {}", random.below(4) + 2),
        60..66 => format!("{title} {}", random.pick(&EMOJI)),
        66..80 => format!("{title}: {}", english(random)),
        80..84 => format!("{}", random.below(3000)),
        _ => title,
    }
}

fn local(random: &mut Random, words: &[&'static str], between: &str) -> String {
    let first = random.pick(words);
    match random.below(10) {
        0..2 => first.to_owned(),
        2..9 => format!("{first}{between}{}", random.pick(words)),
        _ => format!("{first}{between}{}{between}{}", random.pick(words), random.pick(words)),
    }
}

fn english(random: &mut Random) -> String {
    let (adjective, noun) = (random.pick(&ADJECTIVES), random.pick(&NOUNS));
    match random.below(20) {
        0..5 => format!("The {adjective} {noun}"),
        5..8 => format!("{adjective} {noun}"),
        8..10 => format!("The {noun}"),
        10 => format!("{noun}s"),
        11..14 => format!("The {noun} of {}", random.pick(&PLACES)),
        14..16 => format!("A {noun} in {}", random.pick(&PLACES)),
        16 => format!("{} {noun}", random.pick(&PLACES)),
        17 => format!("{noun} & {}", random.pick(&NOUNS)),
        18 => format!("The {adjective} {noun} of {}", random.pick(&PLACES)),
        _ => format!("Don't {} the {noun}", random.pick(&VERBS)),
    }
}

/// One to three sentences.
pub(super) fn synopsis(random: &mut Random) -> String {
    let sentences = (0..=random.below(3)).map(|_| {
        let (adjective, noun) = (random.pick(&ADJECTIVES).to_lowercase(), random.pick(&NOUNS));
        let (place, verb) = (random.pick(&PLACES), random.pick(&VERBS).to_lowercase());
        let other = random.pick(&NOUNS).to_lowercase();
        let noun = noun.to_lowercase();
        match random.below(3) {
            0 => format!("In {place}, one {adjective} {noun} must {verb} the {other}."),
            1 => format!("The {noun} returns to {place} to {verb} the {adjective} {other}."),
            _ => format!("Nobody dares to {verb} the {adjective} {noun}, until the {other} comes."),
        }
    });
    sentences.collect::<Vec<_>>().join(" ")
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// Before nouns.
static ADJECTIVES: Words = LazyLock::new(|| {
    words(
        "Absent|Amber|Ancient|Angry|Bitter|Black|Blind|Blue|Borrowed|Brave|Brief|Broken|\
        Burning|Careless|Cold|Crimson|Crooked|Dark|Dead|Deep|Distant|Double|Empty|Endless|\
        Eternal|Faithful|Fallen|False|Fatal|Final|First|Flying|Forbidden|Forgotten|Frozen|\
        Gentle|Golden|Good|Great|Green|Haunted|Hidden|High|Hollow|Holy|Hungry|Invisible|\
        Iron|Last|Late|Little|Lonely|Long|Lost|Lucky|Mad|Midnight|Naked|New|Nameless|Old|\
        Painted|Pale|Perfect|Quiet|Red|Restless|Sacred|Second|Secret|Silent|Silver|Sleeping|\
        Slow|Stolen|Strange|Sweet|Tender|Third|Tired|True|Unknown|Velvet|Wandering|White|\
        Wicked|Wild|Winter|Wounded|Young",
    )
});

/// What titles are about.
static NOUNS: Words = LazyLock::new(|| {
    words(
        "Affair|Angel|Apartment|Autumn|Beast|Bell|Bird|Boat|Book|Bride|Bridge|Brother|Cage|\
        Captain|Carnival|Castle|Child|Circus|City|Clock|Coast|Color|Country|Crown|Dance|\
        Daughter|Dawn|Desert|Detective|Doctor|Dog|Door|Dream|Dust|Earth|Edge|Empire|Enemy|\
        Engine|Express|Eye|Farewell|Father|Fever|Field|Fire|Flight|Flower|Forest|Fortune|\
        Fox|Friend|Frontier|Game|Garden|Gate|Ghost|Gun|Hand|Harbor|Heart|Heir|Highway|Honor|\
        Horizon|Hotel|Hour|House|Hunter|Idol|Island|Joke|Journey|Judge|Key|Kingdom|Kiss|\
        Lady|Land|Letter|Life|Light|Lion|Lover|Machine|Man|Mask|Memory|Message|Mirror|\
        Monster|Moon|Mother|Mountain|Murder|Music|Neighbor|Night|Ocean|Orchard|Party|Path|\
        Piano|Planet|Poet|Portrait|Prayer|Promise|Queen|Question|Rain|Return|Revenge|Ring|\
        River|Road|Room|Rose|Saint|Sea|Season|Shadow|Ship|Sister|Sky|Smile|Snow|Soldier|\
        Song|Sound|Spring|Spy|Stage|Star|Station|Stone|Storm|Story|Stranger|Street|Summer|\
        Sun|Sword|Teacher|Thief|Thunder|Tide|Tiger|Time|Tower|Town|Train|Traveler|Treasure|\
        Trial|Truth|Valley|Verdict|Village|Voice|Voyage|Wall|War|Watch|Water|Wave|Wedding|\
        Whisper|Widow|Wife|Wind|Window|Wolf|Woman|Wood|World|Year",
    )
});

/// What is done to it.
static VERBS: Words = LazyLock::new(|| {
    words(
        "Bury|Cross|Follow|Forget|Free|Kiss|Lose|Remember|Rob|Save|Sell|Steal|Tell|Touch|\
        Trust|Wake",
    )
});

/// Where it is.
static PLACES: Words = LazyLock::new(|| {
    words(
        "Alaska|Athens|Bangkok|Barcelona|Berlin|Bombay|Boston|Brooklyn|Budapest|Cairo|\
        Casablanca|Chicago|Dakota|Dublin|Havana|Istanbul|Jakarta|Kansas|Kyoto|Lagos|Lisbon|\
        London|Madrid|Manhattan|Manila|Marseille|Mexico|Monterey|Montreal|Moscow|Nairobi|\
        Naples|Nevada|Odessa|Oslo|Paris|Prague|Rio|Rome|Saigon|Santiago|Seoul|Shanghai|\
        Singapore|Sydney|Tangier|Texas|Tokyo|Tripoli|Venice|Vienna|Warsaw|Zanzibar",
    )
});

static SPANISH: Words = LazyLock::new(|| {
    words(
        "el último verano|la niña de|corazón|el río|la canción|mañana|el señor|la montaña|\
        sueños|el jardín|la sombra|el camino|adiós|la habitación|el año|noche|el pájaro|\
        la máscara|fuego|el espejo|la lluvia|el corazón roto|la búsqueda|compañeros|el león|\
        una vez más",
    )
});

static FRENCH: Words = LazyLock::new(|| {
    words(
        "l'été|le château|la forêt|une étoile|le théâtre|la fenêtre|les élèves|\
        à bout de nuit|le garçon|la mémoire|l'âme|le désert|la fièvre|Noël|le père|la mère|\
        hôtel du lac|déjà hier|le crépuscule|la clé|l'île|où est Zoé|les âmes grises|\
        un soir à Besançon|le maître|la bête",
    )
});

static GERMAN: Words = LazyLock::new(|| {
    words(
        "die Straße|der große Traum|das Mädchen|über den Wolken|die Brücke|der Jäger|\
        die Nächte|grüne Wälder|das Geräusch|der König|fünf Tage|die Wölfe|für immer|\
        das Schloss|der Fluss|die Küste|zwölf Stühle|der Spiegel|die Rückkehr|süße Lügen|\
        der Zug|die Stille|Frühling|das letzte Gefühl|die Schöne|der Bär",
    )
});

static JAPANESE: Words = LazyLock::new(|| {
    words(
        "夜|海|東京|物語|風|花|雨|月|少女|少年|影|夢|空|橋|山|駅|秋|春|雪|夏|嵐|犬|猫|列車|手紙|恋|戦場|約束|桜|鬼",
    )
});

static CHINESE: Words = LazyLock::new(|| {
    words(
        "江湖|黄昏|上海|风云|红灯|英雄|长城|故乡|蝴蝶|青春|离别|天堂|城市|明月|刀剑|归来|火车|父亲|春光|秘密|黑夜|白日|少林|旅人|爱情|河流",
    )
});

static KOREAN: Words = LazyLock::new(|| {
    words(
        "밤|바다|서울|기억|겨울|여름|봄날|편지|소녀|형사|도시|눈물|약속|그림자|하늘|기차|사랑|전쟁|아버지|왕|거리|비밀|꽃|바람|달|집",
    )
});

static RUSSIAN: Words = LazyLock::new(|| {
    words(
        "ночь|война|река|зима|весна|дорога|любовь|солнце|тень|город|дом|берег|зеркало|поезд|\
        море|память|мечта|снег|остров|брат|сестра|отец|учитель|степь|звезда|гроза",
    )
});

static HINDI: Words = LazyLock::new(|| {
    words(
        "प्रेम|दिल|रात|सपना|शहर|बारिश|जीवन|दोस्त|माँ|आग|चाँद|सागर|रास्ता|घर|कहानी|फूल|वादा|\
        आँसू|नदी|सितारा",
    )
});

static ARABIC: Words = LazyLock::new(|| {
    words(
        "الليل|البحر|القاهرة|الحب|الطريق|المطر|الصحراء|القمر|الذاكرة|البيت|المدينة|السلام|\
        النهر|الأمل|الورد|الشمس|الغريب|الحلم|الباب|الريح",
    )
});

static GREEK: Words = LazyLock::new(|| {
    words(
        "νύχτα|θάλασσα|δρόμος|αγάπη|σκιά|ουρανός|πόλη|όνειρο|βροχή|φως|άνεμος|σπίτι|θάνατος|\
        ταξίδι|χρόνος",
    )
});

static THAI: Words =
    LazyLock::new(|| words("คืน|ทะเล|รัก|กรุงเทพ|ฝน|ดาว|บ้าน|ความฝัน|เงา|ถนน|ดอกไม้|ลม"));

static EMOJI: Words = LazyLock::new(|| words("🎬|👻|💔|🚀|🌊|🔥|👩‍🚀|🏴‍☠️|🦈|🎄"));
