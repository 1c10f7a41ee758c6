use proptest::prelude::*;

use super::*;
use crate::learn::{
    interactions::{Interaction, Interactions},
    parameters::Options,
    train,
};

fn model() -> Model {
    let rows = (0..60_i64).flat_map(|user| {
        (0..6).map(move |step| Interaction {
            user: user.to_string(),
            item: format!("m{}", (user * 3 + step * step) % 14),
            value: (user + step) as f32 % 5.0,
            time: user * 10 + step,
        })
    });
    let options = Options { neighbours: 5, ..Options::default() };
    train::train(&Interactions::new(rows), None, &options, &|| {}).unwrap()
}

#[test]
fn a_model_is_read_as_it_was_written() {
    let model = model();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.model");
    write(&model, &path).unwrap();
    assert_eq!(read(&path).unwrap(), model);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no unfinished file stays");
    assert!(matches!(read(&folder.path().join("none")), Err(LearnError::File { .. })));
}

#[test]
fn a_file_of_another_version_is_refused_as_such() {
    let mut bytes = to_bytes(&model()).unwrap();
    bytes[8] = 3;
    let error = from_bytes(&bytes).unwrap_err().to_string();
    assert_eq!(error, "the model file is refused: it is of another version");
}

#[test]
fn a_file_of_the_first_version_is_read() {
    let model = model();
    let now = to_bytes(&model).unwrap();
    let length = u32::from_le_bytes([now[12], now[13], now[14], now[15]]) as usize;
    let header = std::str::from_utf8(&now[16..16 + length]).unwrap();
    let header = header.replacen('{', r#"{"created_ms":1700000000000,"#, 1);
    let mut first = now[..8].to_vec();
    first.extend(1_u32.to_le_bytes());
    first.extend((header.len() as u32).to_le_bytes());
    first.extend(header.as_bytes());
    first.extend(&now[16 + length..now.len() - DIGEST_BYTES]);
    let digest = Sha256::digest(&first);
    first.extend(digest);
    assert_eq!(from_bytes(&first).unwrap(), model);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_file_with_any_byte_changed_or_missing_is_refused(at: prop::sample::Index, bit in 0_u32..8) {
        static BYTES: std::sync::LazyLock<Vec<u8>> =
            std::sync::LazyLock::new(|| to_bytes(&model()).unwrap());
        let mut bytes = BYTES.clone();
        let at = at.index(bytes.len());
        prop_assert!(from_bytes(&bytes[..at]).is_err());
        bytes[at] ^= 1 << bit;
        prop_assert!(from_bytes(&bytes).is_err());
    }
}
