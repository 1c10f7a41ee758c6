//! JSON Lines: an object a line.

use std::{
    io::{self, BufRead},
    sync::Arc,
};

use super::{
    lines::{Line, Lines, content, too_long},
    record::{JsonOptions, Record, Verdict, raw},
    until_broken::ReadRows,
};

/// The rows of a file of JSON Lines.
pub(super) struct JsonLines<R> {
    file: Arc<str>,
    lines: Lines<R>,
    options: JsonOptions,
}

impl<R: BufRead> JsonLines<R> {
    pub(super) fn new(file: Arc<str>, input: R, options: JsonOptions) -> Self {
        Self { file, lines: Lines::new(input), options }
    }
}

impl<R: BufRead> ReadRows for JsonLines<R> {
    fn read(&mut self) -> io::Result<Option<Record>> {
        let most = self.lines.most();
        loop {
            let (line, verdict) = match self.lines.next()? {
                None => return Ok(None),
                Some(Line::TooLong(start, length)) => {
                    (raw(start), Verdict::Rejected(too_long(length, most)))
                }
                Some(Line::Whole(line)) => {
                    let line = content(line);
                    if line.trim_ascii().is_empty() {
                        continue;
                    }
                    (raw(line), Verdict::of_json(line, self.options))
                }
            };
            let number = self.lines.number();
            let file = Arc::clone(&self.file);
            return Ok(Some(Record { file, line: number, raw: line, verdict }));
        }
    }

    fn place(&self) -> (&Arc<str>, u64) {
        (&self.file, self.lines.number())
    }
}
