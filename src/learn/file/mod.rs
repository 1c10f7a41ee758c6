//! Model files: written whole, checked whole.
//!
//! `MARQUEE\0`, the version, the length of a JSON header, the header, arrays in little endian (starts, links,
//! popularity, trend, keys), and the SHA-256 of all before it. A file that is not exactly that is refused, so a
//! damaged one never replaces the model that is there.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::Path,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    error::LearnError,
    model::{Link, Model},
    parameters::Parameters,
};

const MAGIC: &[u8; 8] = b"MARQUEE\0";
/// Raised whenever the bytes of the same model change.
const VERSION: u32 = 2;
/// The oldest version that is read. The header of the first one told when the model was made, too, so that two
/// models that were the same differed.
const OLDEST: u32 = 1;
const DIGEST_BYTES: usize = 32;
/// Largest file that is read: 16 GiB.
const FILE_MAX_BYTES: u64 = 16 << 30;

#[derive(Serialize, Deserialize)]
struct Header {
    items: usize,
    links: usize,
    key_bytes: usize,
    parameters: Parameters,
}

/// The bytes of a model: the same model has the same bytes.
///
/// # Errors
/// [`LearnError::File`] where numbers are not finite.
pub fn to_bytes(model: &Model) -> Result<Vec<u8>, LearnError> {
    let keys: usize = model.items.iter().map(|key| 4 + key.len()).sum();
    let header = Header {
        items: model.items.len(),
        links: model.links.len(),
        key_bytes: keys,
        parameters: model.parameters.clone(),
    };
    let header = serde_json::to_vec(&header)
        .map_err(|error| LearnError::File { doing: "write", source: error.into() })?;
    let mut bytes = Vec::with_capacity(header.len() + model.links.len() * 12 + keys + 1_024);
    bytes.extend(MAGIC);
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend((header.len() as u32).to_le_bytes());
    bytes.extend(header);
    bytes.extend(model.starts.iter().flat_map(|start| start.to_le_bytes()));
    for link in &model.links {
        bytes.extend(link.to.to_le_bytes());
        bytes.extend(link.together.to_le_bytes());
        bytes.extend(link.next.to_le_bytes());
    }
    bytes.extend(model.popularity.iter().flat_map(|users| users.to_le_bytes()));
    bytes.extend(model.trend.iter().flat_map(|count| count.to_le_bytes()));
    for key in &model.items {
        bytes.extend((key.len() as u32).to_le_bytes());
        bytes.extend(key.as_bytes());
    }
    let digest = Sha256::digest(&bytes);
    bytes.extend(digest);
    Ok(bytes)
}

/// The model that bytes are of.
///
/// # Errors
/// [`LearnError::Damaged`] for anything but what [`to_bytes`] made.
pub fn from_bytes(bytes: &[u8]) -> Result<Model, LearnError> {
    let refuse = LearnError::Damaged;
    if !bytes.starts_with(MAGIC) {
        return Err(refuse("it is no model file"));
    }
    let Some((body, digest)) = bytes.split_last_chunk::<DIGEST_BYTES>() else {
        return Err(refuse("it is too short"));
    };
    let mut rest = Rest(body.get(MAGIC.len()..).ok_or(refuse("it is too short"))?);
    if !(OLDEST..=VERSION).contains(&rest.number()?) {
        return Err(refuse("it is of another version"));
    }
    if Sha256::digest(body).as_slice() != digest {
        return Err(refuse("its checksum is wrong"));
    }
    let length = rest.number()? as usize;
    let header: Header = serde_json::from_slice(rest.take(length)?)
        .map_err(|_| refuse("its header makes no sense"))?;
    let starts = rest.numbers(header.items.saturating_add(1))?;
    let links = rest.take(header.links.saturating_mul(12))?;
    let (links, _) = links.as_chunks::<12>();
    let links: Vec<Link> = links
        .iter()
        .map(|[a, b, c, d, e, f, g, h, i, j, k, l]| Link {
            to: u32::from_le_bytes([*a, *b, *c, *d]),
            together: f32::from_le_bytes([*e, *f, *g, *h]),
            next: f32::from_le_bytes([*i, *j, *k, *l]),
        })
        .collect();
    let popularity = rest.numbers(header.items)?;
    let trend: Vec<f32> = rest.numbers(header.items)?.into_iter().map(f32::from_bits).collect();
    let mut keys = Rest(rest.take(header.key_bytes)?);
    let mut items = Vec::with_capacity(header.items);
    for _ in 0..header.items {
        let length = keys.number()? as usize;
        let key = std::str::from_utf8(keys.take(length)?);
        items.push(key.map_err(|_| refuse("a key is not in UTF-8"))?.to_owned());
    }
    if !rest.0.is_empty() || !keys.0.is_empty() {
        return Err(refuse("it is too long"));
    }
    let rises = starts.is_sorted() && starts.first() == Some(&0);
    let in_bounds = links.iter().all(|link| (link.to as usize) < items.len());
    if !rises || starts.last().map(|end| *end as usize) != Some(links.len()) || !in_bounds {
        return Err(refuse("its links make no sense"));
    }
    let finite = links.iter().all(|link| link.together.is_finite() && link.next.is_finite());
    if !finite || !trend.iter().all(|count| count.is_finite()) {
        return Err(refuse("a weight is no number"));
    }
    let Header { parameters, .. } = header;
    Ok(Model::from_links(parameters, items, popularity, trend, starts, links))
}

/// Bytes that are left.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], LearnError> {
        let (taken, rest) =
            self.0.split_at_checked(count).ok_or(LearnError::Damaged("it is too short"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u32, LearnError> {
        Ok(self.numbers(1)?[0])
    }

    fn numbers(&mut self, count: usize) -> Result<Vec<u32>, LearnError> {
        let (numbers, _) = self.take(count.saturating_mul(4))?.as_chunks::<4>();
        Ok(numbers.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect())
    }
}

/// Writes a model to a file that takes its name when it is whole.
///
/// # Errors
/// [`LearnError::File`].
pub fn write(model: &Model, path: &Path) -> Result<(), LearnError> {
    let bytes = to_bytes(model)?;
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let whole = || -> io::Result<()> {
        let mut file = File::create(&unfinished)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)
    };
    whole().map_err(|source| {
        let _ = fs::remove_file(&unfinished); // the error at hand says more than a second one
        LearnError::File { doing: "write", source }
    })
}

/// Reads a model.
///
/// # Errors
/// [`LearnError::File`], [`LearnError::Damaged`].
pub fn read(path: &Path) -> Result<Model, LearnError> {
    let fail = |source| LearnError::File { doing: "read", source };
    let mut bytes = Vec::new();
    File::open(path).map_err(fail)?.take(FILE_MAX_BYTES).read_to_end(&mut bytes).map_err(fail)?;
    from_bytes(&bytes)
}

#[cfg(test)]
mod tests;
