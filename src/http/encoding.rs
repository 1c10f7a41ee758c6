//! Content codings: which one, and making it, of a whole body or piece by piece.

use std::io::{self, Write as _};

use brotli::enc::BrotliEncoderParams;
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use hyper::header::{self, HeaderMap, HeaderValue};
use tokio::sync::Semaphore;

use super::exact::exact;

/// Fast levels: the network, not the ratio, is what a stream waits for.
const GZIP_LEVEL: u32 = 4;
const ZSTD_LEVEL: i32 = 3;

/// A content coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// The bytes themselves.
    Identity,
    /// `br`
    Brotli,
    /// `zstd`
    Zstd,
    /// `gzip`
    Gzip,
}

impl Coding {
    /// Every coding, from the one that is worth most.
    pub(super) const ALL: [Self; 4] = [Self::Brotli, Self::Zstd, Self::Gzip, Self::Identity];
    /// Codings of streams.
    pub(super) const OF_STREAMS: [Self; 3] = [Self::Zstd, Self::Gzip, Self::Identity];
    /// Codings that make bodies smaller.
    pub(super) const COMPRESSED: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// Its `Content-Encoding`.
    #[must_use]
    pub(super) const fn header(self) -> Option<HeaderValue> {
        match self {
            Self::Identity => None,
            Self::Brotli | Self::Gzip | Self::Zstd => Some(HeaderValue::from_static(self.name())),
        }
    }

    /// The coding that a client likes best by its `Accept-Encoding` (RFC 9110, 12.5.3), of those that
    /// there are, from the one that is worth most. A client that names none of them gets the bytes
    /// themselves.
    #[must_use]
    pub(super) fn negotiate(headers: &HeaderMap, there_are: &[Self]) -> Self {
        let wishes: Vec<(String, u16)> = headers
            .get_all(header::ACCEPT_ENCODING)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(wish)
            .collect();
        let quality = |coding: Self| {
            let of = |name: &str| {
                wishes.iter().find(|(wish, _)| wish == name).map(|(_, quality)| *quality)
            };
            of(coding.name()).or_else(|| of("*")).unwrap_or(match coding {
                Self::Identity => 1, // acceptable unless refused, but any coding that is named is better
                Self::Brotli | Self::Gzip | Self::Zstd => 0,
            })
        };
        // The first of the best: `max_by_key` would give the last.
        there_are
            .iter()
            .copied()
            .rev()
            .max_by_key(|coding| quality(*coding))
            .filter(|coding| quality(*coding) > 0)
            .unwrap_or(Self::Identity)
    }
}

/// A coding and its quality in thousandths.
fn wish(text: &str) -> Option<(String, u16)> {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().filter(|name| !name.is_empty())?.to_ascii_lowercase();
    let mut quality = 1000;
    for parameter in parts {
        let (key, value) = parameter.split_once('=')?;
        if key.trim().eq_ignore_ascii_case("q") {
            let value: f32 =
                value.trim().parse().ok().filter(|value| (0.0..=1.0).contains(value))?;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "0 to 1000"
            )]
            {
                quality = (value * 1000.0).round() as u16;
            }
        }
    }
    let name = if name == "x-gzip" { "gzip".to_owned() } else { name };
    Some((name, quality))
}

/// Levels for bodies that are coded once and sent often: about where the curves get flat.
const BODY_BROTLI_QUALITY: i32 = 5;
const BODY_ZSTD_LEVEL: i32 = 9;
const BODY_GZIP_LEVEL: u32 = 6;
/// Bodies that are coded at once: coding must not take every core from answering.
static CODERS: Semaphore = Semaphore::const_new(2);

/// A whole body in a coding, made on a thread that may take its time; `None` where that does not make
/// it smaller.
pub(super) async fn compress(coding: Coding, plain: Bytes) -> Option<Bytes> {
    let permit = CODERS.acquire().await.ok()?;
    let work = move || {
        let _permit = permit; // for as long as the thread is at it, whoever waits
        let coded = match coding {
            Coding::Identity => return None,
            Coding::Brotli => {
                let parameters = BrotliEncoderParams {
                    quality: BODY_BROTLI_QUALITY,
                    size_hint: plain.len(),
                    ..BrotliEncoderParams::default()
                };
                let mut coded = Vec::with_capacity(plain.len() / 4);
                brotli::BrotliCompress(&mut &*plain, &mut coded, &parameters).ok()?;
                coded
            }
            Coding::Zstd => zstd::bulk::compress(&plain, BODY_ZSTD_LEVEL).ok()?,
            Coding::Gzip => {
                let mut coder = GzEncoder::new(Vec::new(), Compression::new(BODY_GZIP_LEVEL));
                coder.write_all(&plain).ok()?;
                coder.finish().ok()?
            }
        };
        (coded.len() < plain.len()).then(|| exact(coded.into()))
    };
    tokio::task::spawn_blocking(work).await.ok()?
}

/// Encodes a stream piece by piece. Holds a window of it, never all.
pub(super) enum Encoder {
    /// The bytes themselves.
    Identity,
    /// gzip
    Gzip(GzEncoder<Vec<u8>>),
    /// zstd
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
}

impl Encoder {
    /// An encoder at the beginning of a stream.
    ///
    /// # Errors
    /// Where the coding's library has no memory for it.
    pub(super) fn new(coding: Coding) -> io::Result<Self> {
        Ok(match coding {
            // Streams are not coded by brotli, whose encoder is slow.
            Coding::Identity | Coding::Brotli => Self::Identity,
            Coding::Gzip => Self::Gzip(GzEncoder::new(Vec::new(), Compression::new(GZIP_LEVEL))),
            Coding::Zstd => Self::Zstd(zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL)?),
        })
    }

    /// What can be sent once `plain` is part of the stream; maybe nothing yet.
    ///
    /// # Errors
    /// The coding's.
    pub(super) fn encode(&mut self, plain: Vec<u8>) -> io::Result<Bytes> {
        let ready = match self {
            Self::Identity => plain,
            Self::Gzip(encoder) => {
                encoder.write_all(&plain)?;
                std::mem::take(encoder.get_mut())
            }
            Self::Zstd(encoder) => {
                encoder.write_all(&plain)?;
                std::mem::take(encoder.get_mut())
            }
        };
        Ok(ready.into())
    }

    /// The end of the stream.
    ///
    /// # Errors
    /// The coding's.
    pub(super) fn finish(self) -> io::Result<Bytes> {
        Ok(match self {
            Self::Identity => Bytes::new(),
            Self::Gzip(encoder) => encoder.finish()?.into(),
            Self::Zstd(encoder) => encoder.finish()?.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn the_coding_is_the_one_that_the_client_likes_best() {
        let cases = [
            ("", Coding::Identity),
            ("gzip", Coding::Gzip),
            ("gzip, deflate, br, zstd", Coding::Brotli),
            ("gzip;q=1.0, zstd;q=0.5", Coding::Gzip),
            ("identity, gzip;q=0.5", Coding::Identity),
            ("GZIP ; Q=0.3", Coding::Gzip),
            ("*", Coding::Brotli),
            ("zstd;q=0, br;q=0, *;q=0.1", Coding::Gzip),
            ("br;q=0.2, zstd;q=0.3", Coding::Zstd),
            ("deflate", Coding::Identity),
            ("identity;q=0, *;q=0", Coding::Identity),
            ("gzip;q=7, zstd;q", Coding::Identity),
        ];
        for (text, coding) in cases {
            let value = HeaderValue::from_str(text).unwrap();
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, value)]);
            assert_eq!(Coding::negotiate(&headers, &Coding::ALL), coding, "{text:?}");
        }
        assert_eq!(Coding::negotiate(&HeaderMap::new(), &Coding::ALL), Coding::Identity);
    }

    #[test]
    fn what_is_encoded_decodes_to_the_same_bytes() {
        for coding in Coding::OF_STREAMS {
            let mut encoder = Encoder::new(coding).unwrap();
            let mut sent = Vec::new();
            let mut plain = Vec::new();
            for n in 0..100_u32 {
                let piece = format!("{n} ").repeat(1000).into_bytes();
                plain.extend_from_slice(&piece);
                sent.extend_from_slice(&encoder.encode(piece).unwrap());
            }
            sent.extend_from_slice(&encoder.finish().unwrap());
            let mut decoded = Vec::new();
            match coding {
                Coding::Identity | Coding::Brotli => decoded = sent,
                Coding::Gzip => {
                    flate2::read::GzDecoder::new(&*sent).read_to_end(&mut decoded).unwrap();
                }
                Coding::Zstd => decoded = zstd::stream::decode_all(&*sent).unwrap(),
            }
            assert!(decoded == plain, "{coding:?}");
        }
    }
}
