//! A digest of a body that costs less than reading it from a socket.

/// 128 bits. Nobody tries to make two bodies agree, so it needs no cryptography.
pub(crate) type Digest = u128;

const KEYS: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xd6e8_feb8_6659_fd93];

/// Folds each eight bytes into two lanes by wide multiplication.
pub(crate) fn digest(bytes: &[u8]) -> Digest {
    let mut lanes = KEYS;
    let mut fold = |word: u64| {
        for (lane, key) in lanes.iter_mut().zip(KEYS) {
            let wide = u128::from(*lane ^ word) * u128::from(key | 1);
            #[expect(clippy::cast_possible_truncation, reason = "both halves are used")]
            {
                *lane = (wide as u64) ^ ((wide >> 64) as u64).rotate_left(23) ^ key;
            }
        }
    };
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        fold(u64::from_le_bytes(chunk.try_into().expect("eight bytes")));
    }
    let mut rest = [0; 8];
    rest[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
    fold(u64::from_le_bytes(rest));
    fold(bytes.len() as u64);
    u128::from(lanes[0]) << 64 | u128::from(lanes[1])
}

#[test]
fn bodies_that_differ_by_one_byte_have_other_digests() {
    let body: Vec<u8> = (0..=255).cycle().take(5_000).collect();
    let mut seen = std::collections::HashSet::from([digest(&body)]);
    for at in 0..body.len() {
        let mut other = body.clone();
        other[at] ^= 1;
        assert!(seen.insert(digest(&other)), "byte {at}");
    }
    assert!(seen.insert(digest(&body[..4_999])) && seen.insert(digest(&[])));
}
