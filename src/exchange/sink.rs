//! Where files are written to: whole or not at all.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use flate2::write::GzEncoder;

use super::write::WriteFormat;

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// It is not.
    None,
    /// gzip (`.gz`).
    Gzip,
    /// Zstandard (`.zst`).
    Zstd,
}

/// What the name of a file says about its format and compression.
#[must_use]
pub fn of_name(name: &str) -> (Option<WriteFormat>, Option<Compression>) {
    let path = Path::new(name);
    let extension =
        |path: &Path| path.extension().map(|text| text.to_string_lossy().to_lowercase());
    let outer = extension(path);
    let compression = match outer.as_deref() {
        Some("gz") => Some(Compression::Gzip),
        Some("zst") => Some(Compression::Zstd),
        _ => None,
    };
    let inner = if compression.is_some() { extension(&path.with_extension("")) } else { outer };
    let format = match inner.as_deref() {
        Some("csv") => Some(WriteFormat::Csv),
        Some("jsonl" | "ndjson") => Some(WriteFormat::Jsonl),
        _ => None,
    };
    (format, compression)
}

/// An output. A file is written under another name beside its own, and takes its place when it is
/// whole; dropped before, it leaves nothing.
pub struct Sink {
    encoder: Encoder,
    /// The unfinished file, and where it is to go.
    unfinished: Option<Unfinished>,
}

type Output = Box<dyn Write + Send>;

enum Encoder {
    Plain(BufWriter<Output>),
    Gzip(GzEncoder<Output>),
    Zstd(zstd::Encoder<'static, Output>),
}

struct Unfinished {
    file: File,
    here: PathBuf,
    there: PathBuf,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.here); // not there any more if it is finished
    }
}

impl Sink {
    /// Begins an output: to a file, or to standard output for `-`. What is no regular file (a pipe, a
    /// device) is written to as it is.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(name: &str, compression: Compression) -> io::Result<Self> {
        let there = PathBuf::from(name);
        let (output, unfinished): (Output, _) = if name == "-" {
            (Box::new(io::stdout()), None)
        } else if fs::metadata(&there).is_ok_and(|meta| !meta.is_file()) {
            (Box::new(OpenOptions::new().write(true).open(&there)?), None)
        } else {
            let file_name = there.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
            let process = std::process::id();
            let here = format!(".{}.{process}.part", file_name.to_string_lossy());
            let here = there.with_file_name(here);
            let file = File::create(&here)?;
            (Box::new(file.try_clone()?), Some(Unfinished { file, here, there }))
        };
        let encoder = match compression {
            Compression::None => Encoder::Plain(BufWriter::with_capacity(256 * 1024, output)),
            Compression::Gzip => {
                Encoder::Gzip(GzEncoder::new(output, flate2::Compression::default()))
            }
            Compression::Zstd => Encoder::Zstd(zstd::Encoder::new(output, 0)?),
        };
        Ok(Self { encoder, unfinished })
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.encoder {
            Encoder::Plain(output) => output.write_all(bytes),
            Encoder::Gzip(output) => output.write_all(bytes),
            Encoder::Zstd(output) => output.write_all(bytes),
        }
    }

    /// Ends the output: a file is on the disk and has its name.
    ///
    /// # Errors
    /// When it cannot be written; there is no file then.
    pub fn finish(self) -> io::Result<()> {
        let mut output = match self.encoder {
            Encoder::Plain(output) => {
                output.into_inner().map_err(io::IntoInnerError::into_error)?
            }
            Encoder::Gzip(output) => output.finish()?,
            Encoder::Zstd(output) => output.finish()?,
        };
        output.flush()?;
        if let Some(Unfinished { file, here, there }) = &self.unfinished {
            file.sync_all()?;
            fs::rename(here, there)?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sink")
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Read, sync::Arc};

    use super::*;
    use crate::exchange::source::{Encoding, Source};

    #[test]
    fn a_file_has_its_name_only_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("films.jsonl");
        let name = path.to_str().unwrap();
        fs::write(&path, "old").unwrap();
        let mut sink = Sink::open(name, Compression::None).unwrap();
        sink.write(b"new").unwrap();
        drop(sink);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            let mut sink = Sink::open(name, compression).unwrap();
            sink.write(b"new").unwrap();
            sink.finish().unwrap();
            let source = Source::open(name, Encoding::Utf8, &Arc::default());
            let mut text = String::new();
            source.unwrap().input.read_to_string(&mut text).unwrap();
            assert_eq!(text, "new", "{compression:?}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(
            Sink::open(folder.path().join("no/x").to_str().unwrap(), Compression::None).is_err()
        );
    }

    #[test]
    fn names_tell_formats() {
        assert_eq!(of_name("a.csv"), (Some(WriteFormat::Csv), None));
        assert_eq!(of_name("a.JSONL.gz"), (Some(WriteFormat::Jsonl), Some(Compression::Gzip)));
        assert_eq!(of_name("csv.zst"), (None, Some(Compression::Zstd)));
        assert_eq!(of_name("-"), (None, None));
    }
}
