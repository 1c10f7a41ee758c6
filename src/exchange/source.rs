//! Bytes of a file, whatever it is compressed with.

use std::{
    fmt,
    fs::File,
    io::{self, BufRead, BufReader, Cursor, Read},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use flate2::bufread::MultiGzDecoder;

use super::{encoding::FromLatin1, error::ExchangeError, lines::ROW_MAX_BYTES};

pub use super::encoding::Encoding;

/// How much is read at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// How much of a file is looked at to tell its format: enough for any header line.
const HEAD_MAX_BYTES: usize = 64 * 1024;

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
const BOM: &[u8] = &[0xef, 0xbb, 0xbf];
const UTF_16: [&[u8]; 2] = [&[0xff, 0xfe], &[0xfe, 0xff]];

/// How many bytes were read of how many, over all files. Bytes are counted as they are on the disk.
#[derive(Debug, Default)]
pub struct Progress {
    read: AtomicU64,
    total: AtomicU64,
    endless: AtomicU64,
}

impl Progress {
    /// Bytes that were read.
    #[must_use]
    pub fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Bytes that there are; `None` if an input has no known length.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        let known = self.endless.load(Ordering::Relaxed) == 0;
        known.then(|| self.total.load(Ordering::Relaxed))
    }

    fn expect(&self, bytes: Option<u64>) {
        match bytes {
            Some(bytes) => _ = self.total.fetch_add(bytes, Ordering::Relaxed),
            None => _ = self.endless.fetch_add(1, Ordering::Relaxed),
        }
    }
}

/// An open file: uncompressed, in UTF-8 as far as it is text, without byte order mark.
pub struct Source {
    /// The file, as the user named it.
    pub file: Arc<str>,
    /// Its beginning: a whole line, unless that is longer than any header.
    pub head: Vec<u8>,
    /// All of it, the beginning included.
    pub input: Box<dyn BufRead + Send>,
    /// Where it can be read a second time.
    again: Option<PathBuf>,
    encoding: Encoding,
    progress: Arc<Progress>,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Source {
    /// Opens a file, or standard input for `-`.
    ///
    /// # Errors
    /// [`ExchangeError::Open`]; [`ExchangeError::Format`] for UTF-16.
    pub fn open(
        name: &str,
        encoding: Encoding,
        progress: &Arc<Progress>,
    ) -> Result<Self, ExchangeError> {
        let file: Arc<str> = name.into();
        let fail = |source| ExchangeError::Open { file: Arc::clone(&file), source };
        if name == "-" {
            progress.expect(None);
            return Self::new(file, io::stdin(), encoding, progress);
        }
        let opened = File::open(name).map_err(fail)?;
        let meta = opened.metadata().map_err(fail)?;
        if meta.is_dir() {
            return Err(fail(io::ErrorKind::IsADirectory.into()));
        }
        progress.expect(meta.is_file().then_some(meta.len()));
        let mut source = Self::new(file, opened, encoding, progress)?;
        source.again = meta.is_file().then(|| Path::new(name).to_owned());
        Ok(source)
    }

    /// Reads from anything.
    ///
    /// # Errors
    /// [`ExchangeError::Format`] for UTF-16.
    pub fn new(
        file: Arc<str>,
        input: impl Read + Send + 'static,
        encoding: Encoding,
        progress: &Arc<Progress>,
    ) -> Result<Self, ExchangeError> {
        let counted = Counted { input, progress: Arc::clone(progress) };
        let fail = |source| ExchangeError::Open { file: Arc::clone(&file), source };
        let mut plain = uncompressed(counted).map_err(fail)?;
        let (mut head, error) = head(&mut *plain);
        if UTF_16.iter().any(|mark| head.starts_with(mark)) {
            let detail = "is in UTF-16: convert it to UTF-8".to_owned();
            return Err(ExchangeError::Format { file, detail });
        }
        if head.starts_with(BOM) {
            head.drain(..BOM.len());
        }
        let whole = Cursor::new(head.clone()).chain(Failing(error)).chain(plain);
        let input: Box<dyn BufRead + Send> = match encoding {
            Encoding::Utf8 => Box::new(BufReader::with_capacity(CHUNK_BYTES, whole)),
            Encoding::Latin1 => {
                Box::new(BufReader::with_capacity(CHUNK_BYTES, FromLatin1::new(whole)))
            }
        };
        let progress = Arc::clone(progress);
        Ok(Self { file, head, input, again: None, encoding, progress })
    }

    /// Opens the file a second time; `None` for a pipe.
    ///
    /// # Errors
    /// [`ExchangeError::Open`].
    pub fn again(&self) -> Result<Option<Self>, ExchangeError> {
        let again = self.again.as_ref();
        again.map(|_| Self::open(&self.file, self.encoding, &self.progress)).transpose()
    }

    /// The first line that is not blank, or the beginning of it.
    #[must_use]
    pub fn first_line(&self) -> &[u8] {
        let mut lines = self.head.split(|byte| *byte == b'\n');
        lines.find(|line| !line.trim_ascii().is_empty()).unwrap_or_default()
    }
}

/// The decompressed bytes; compression is told by the first bytes, never by the file's name.
fn uncompressed<R: Read + Send + 'static>(mut input: R) -> io::Result<Box<dyn Read + Send>> {
    let mut start = Vec::with_capacity(ZSTD.len());
    input.by_ref().take(ZSTD.len() as u64).read_to_end(&mut start)?; // a pipe may give less at once
    let (gzip, zstd) = (start.starts_with(GZIP), start.starts_with(ZSTD));
    let whole = BufReader::with_capacity(CHUNK_BYTES, Cursor::new(start).chain(input));
    if gzip {
        Ok(Box::new(MultiGzDecoder::new(whole)))
    } else if zstd {
        Ok(Box::new(zstd::Decoder::with_buffer(whole)?))
    } else {
        Ok(Box::new(whole))
    }
}

/// The beginning of a file up to a whole line that is not blank, and the error that broke it off.
fn head(input: &mut dyn Read) -> (Vec<u8>, Option<io::Error>) {
    let mut head = Vec::new();
    let mut chunk = vec![0; HEAD_MAX_BYTES.min(ROW_MAX_BYTES)];
    loop {
        match input.read(&mut chunk) {
            Ok(0) => return (head, None),
            Ok(count) => head.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return (head, Some(error)),
        }
        let line_ends = head.trim_ascii_start().contains(&b'\n');
        if line_ends || head.len() >= HEAD_MAX_BYTES {
            return (head, None);
        }
    }
}

/// Fails once, if it has an error to fail with.
struct Failing(Option<io::Error>);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// Counts what is read.
struct Counted<R> {
    input: R,
    progress: Arc<Progress>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(into)?;
        self.progress.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn read(bytes: Vec<u8>) -> (String, Option<io::ErrorKind>) {
        let progress = Arc::default();
        let source = Source::new("x".into(), Cursor::new(bytes), Encoding::Utf8, &progress);
        let mut input = source.unwrap().input;
        let mut text = Vec::new();
        let error = input.read_to_end(&mut text).err();
        (String::from_utf8(text).unwrap(), error.map(|error| error.kind()))
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn plain_gzip_and_zstd_are_told_by_their_bytes() {
        let text = "one\ntwo\n";
        assert_eq!(read(text.into()), (text.to_owned(), None));
        assert_eq!(read(gzip(text)), (text.to_owned(), None));
        assert_eq!(read([gzip("one\n"), gzip("two\n")].concat()), (text.to_owned(), None));
        assert_eq!(read(zstd::encode_all(text.as_bytes(), 1).unwrap()), (text.to_owned(), None));
        assert_eq!(read(Vec::new()), (String::new(), None));
    }

    #[test]
    fn a_truncated_gzip_gives_what_it_has_and_then_an_error() {
        let numbers: Vec<_> = (0..50_000).map(|n| (n * 7919 % 104_729).to_string()).collect();
        let text = numbers.join("\n");
        for cut in [2_usize, 5, 1000] {
            let mut bytes = gzip(&text);
            bytes.truncate(bytes.len() - bytes.len() / cut);
            let (given, error) = read(bytes);
            assert!(text.starts_with(&given) && (cut == 2 || given.len() > 100_000), "{cut}");
            assert_eq!(error, Some(io::ErrorKind::UnexpectedEof));
        }
        let mut short = gzip("one\ntwo\n");
        short.truncate(short.len() - 9);
        assert_eq!(read(short).1, Some(io::ErrorKind::UnexpectedEof));
    }

    #[test]
    fn a_byte_order_mark_is_dropped_and_utf_16_is_named() {
        assert_eq!(read(b"\xef\xbb\xbftitle\n".to_vec()), ("title\n".to_owned(), None));
        let utf_16 = Cursor::new(b"\xff\xfet\0".to_vec());
        let error = Source::new("x".into(), utf_16, Encoding::Utf8, &Arc::default()).unwrap_err();
        assert!(error.to_string().contains("UTF-16"), "{error}");
    }
}
