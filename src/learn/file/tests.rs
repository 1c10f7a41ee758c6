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
    let options = Options { created_ms: 7, neighbours: 5, ..Options::default() };
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
    bytes[8] = 2;
    let error = from_bytes(&bytes).unwrap_err().to_string();
    assert_eq!(error, "the model file is refused: it is of another version");
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
