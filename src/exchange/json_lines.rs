//! JSON Lines: an object a line.

use std::{io::BufRead, sync::Arc};

use super::{
    error::ExchangeError,
    lines::{Line, Lines, content, too_long},
    record::{JsonOptions, Record, Verdict, raw},
};

/// The rows of a file of JSON Lines.
pub(super) struct JsonLines<R> {
    file: Arc<str>,
    lines: Lines<R>,
    options: JsonOptions,
    over: bool,
}

impl<R: BufRead> JsonLines<R> {
    pub(super) fn new(file: Arc<str>, input: R, options: JsonOptions) -> Self {
        Self { file, lines: Lines::new(input), options, over: false }
    }

    fn read(&mut self) -> Result<Option<Record>, std::io::Error> {
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
}

impl<R: BufRead> Iterator for JsonLines<R> {
    type Item = Result<Record, ExchangeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        self.read().transpose().map(|record| {
            record.map_err(|source| {
                self.over = true;
                let (file, line) = (Arc::clone(&self.file), self.lines.number());
                ExchangeError::BrokenOff { file, line, source }
            })
        })
    }
}
