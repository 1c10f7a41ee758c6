//! Countries and their languages.

use super::random::Random;

/// Number of a country: of [`COUNTRIES`].
pub(super) type Country = usize;

pub(super) fn first_country(random: &mut Random) -> Country {
    usize::try_from(random.very_skewed(COUNTRIES.len() as u64)).unwrap_or_default()
}

/// The name of its language.
pub(super) fn language(country: Country) -> &'static str {
    COUNTRIES[country].1
}

/// One to three countries.
pub(super) fn countries(random: &mut Random, first: Country) -> Vec<String> {
    let count = match random.below(100) {
        0..80 => 1,
        80..95 => 2,
        _ => 3,
    };
    let mut countries = vec![first];
    while countries.len() < count {
        let other = first_country(random);
        if !countries.contains(&other) {
            countries.push(other);
        }
    }
    countries.into_iter().map(|n| COUNTRIES[n].0.to_owned()).collect()
}

/// The country's language, and sometimes English or another one; none for two in a hundred.
pub(super) fn languages(random: &mut Random, country: Country) -> Vec<String> {
    let other = match random.below(100) {
        0..2 => return Vec::new(),
        2..85 => language(country),
        85..95 => "English",
        _ => language(first_country(random)),
    };
    let mut languages = vec![language(country).to_owned()];
    if other != languages[0] {
        languages.push(other.to_owned());
    }
    languages
}

/// Countries, those with most movies first, each with the language of most of them.
const COUNTRIES: &[(&str, &str)] = &[
    ("United States", "English"),
    ("United Kingdom", "English"),
    ("India", "Hindi"),
    ("France", "French"),
    ("Japan", "Japanese"),
    ("Germany", "German"),
    ("Italy", "Italian"),
    ("Canada", "English"),
    ("Spain", "Spanish"),
    ("China", "Mandarin"),
    ("Hong Kong", "Cantonese"),
    ("South Korea", "Korean"),
    ("Soviet Union", "Russian"),
    ("Russia", "Russian"),
    ("Mexico", "Spanish"),
    ("Brazil", "Portuguese"),
    ("Australia", "English"),
    ("Argentina", "Spanish"),
    ("Turkey", "Turkish"),
    ("Philippines", "Filipino"),
    ("Sweden", "Swedish"),
    ("Iran", "Persian"),
    ("Poland", "Polish"),
    ("Egypt", "Arabic"),
    ("Denmark", "Danish"),
    ("Netherlands", "Dutch"),
    ("Belgium", "French"),
    ("Greece", "Greek"),
    ("Czechoslovakia", "Czech"),
    ("Hungary", "Hungarian"),
    ("Nigeria", "English"),
    ("Indonesia", "Indonesian"),
    ("Finland", "Finnish"),
    ("Norway", "Norwegian"),
    ("Austria", "German"),
    ("Portugal", "Portuguese"),
    ("Taiwan", "Mandarin"),
    ("Switzerland", "German"),
    ("Thailand", "Thai"),
    ("Ireland", "English"),
    ("Israel", "Hebrew"),
    ("Romania", "Romanian"),
    ("Yugoslavia", "Serbian"),
    ("Bangladesh", "Bengali"),
    ("Pakistan", "Urdu"),
    ("Czech Republic", "Czech"),
    ("South Africa", "English"),
    ("Ukraine", "Ukrainian"),
    ("Chile", "Spanish"),
    ("Colombia", "Spanish"),
    ("Bulgaria", "Bulgarian"),
    ("Malaysia", "Malay"),
    ("New Zealand", "English"),
    ("Sri Lanka", "Sinhala"),
    ("Vietnam", "Vietnamese"),
    ("Serbia", "Serbian"),
    ("Croatia", "Croatian"),
    ("Peru", "Spanish"),
    ("Cuba", "Spanish"),
    ("Venezuela", "Spanish"),
    ("Morocco", "Arabic"),
    ("Lebanon", "Arabic"),
    ("Georgia", "Georgian"),
    ("Iceland", "Icelandic"),
    ("Slovakia", "Slovak"),
    ("Slovenia", "Slovenian"),
    ("Estonia", "Estonian"),
    ("Latvia", "Latvian"),
    ("Lithuania", "Lithuanian"),
    ("Singapore", "English"),
    ("Kazakhstan", "Kazakh"),
    ("Algeria", "Arabic"),
    ("Tunisia", "Arabic"),
    ("Ghana", "English"),
    ("Kenya", "Swahili"),
    ("Uruguay", "Spanish"),
    ("Ecuador", "Spanish"),
    ("Bolivia", "Spanish"),
    ("Albania", "Albanian"),
    ("North Macedonia", "Macedonian"),
    ("Bosnia and Herzegovina", "Bosnian"),
    ("Montenegro", "Montenegrin"),
    ("Kosovo", "Albanian"),
    ("Armenia", "Armenian"),
    ("Azerbaijan", "Azerbaijani"),
    ("Uzbekistan", "Uzbek"),
    ("Kyrgyzstan", "Kyrgyz"),
    ("Mongolia", "Mongolian"),
    ("Nepal", "Nepali"),
    ("Cambodia", "Khmer"),
    ("Myanmar", "Burmese"),
    ("Laos", "Lao"),
    ("Afghanistan", "Dari"),
    ("Iraq", "Arabic"),
    ("Syria", "Arabic"),
    ("Jordan", "Arabic"),
    ("Palestine", "Arabic"),
    ("Saudi Arabia", "Arabic"),
    ("United Arab Emirates", "Arabic"),
    ("Qatar", "Arabic"),
    ("Kuwait", "Arabic"),
    ("Ethiopia", "Amharic"),
    ("Tanzania", "Swahili"),
    ("Uganda", "Luganda"),
    ("Rwanda", "Kinyarwanda"),
    ("Senegal", "Wolof"),
    ("Mali", "Bambara"),
    ("Burkina Faso", "Mossi"),
    ("Ivory Coast", "French"),
    ("Cameroon", "French"),
    ("Angola", "Portuguese"),
    ("Mozambique", "Portuguese"),
    ("Zimbabwe", "Shona"),
    ("Luxembourg", "Luxembourgish"),
    ("Malta", "Maltese"),
    ("Cyprus", "Greek"),
    ("Belarus", "Russian"),
    ("Moldova", "Romanian"),
    ("Costa Rica", "Spanish"),
    ("Panama", "Spanish"),
    ("Guatemala", "Spanish"),
    ("Dominican Republic", "Spanish"),
    ("Jamaica", "English"),
    ("Haiti", "Haitian Creole"),
    ("Paraguay", "Guaraní"),
    ("Puerto Rico", "Spanish"),
];
