//! The rows of a file as an iterator that ends with the file, or where the file breaks off.

use std::{io, sync::Arc};

use super::{error::ExchangeError, record::Record};

/// What reads the rows of a file, one after the other.
pub(super) trait ReadRows {
    /// The next row; `None` at the end of the file.
    ///
    /// # Errors
    /// The file ends too early or cannot be read on. It is not asked for another row then.
    fn read(&mut self) -> io::Result<Option<Record>>;

    /// The file and the line that was read last.
    fn place(&self) -> (&Arc<str>, u64);
}

/// The rows up to the first failure.
#[derive(Debug)]
pub(super) struct UntilBroken<T> {
    reader: T,
    over: bool,
}

impl<T: ReadRows> UntilBroken<T> {
    pub(super) const fn new(reader: T) -> Self {
        Self { reader, over: false }
    }
}

impl<T: ReadRows> Iterator for UntilBroken<T> {
    type Item = Result<Record, ExchangeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let record = self.reader.read().transpose()?;
        Some(record.map_err(|source| {
            self.over = true;
            let (file, line) = self.reader.place();
            ExchangeError::BrokenOff { file: Arc::clone(file), line, source }
        }))
    }
}
