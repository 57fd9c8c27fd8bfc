//! Segment files as they are read: their names, and their lines one after another.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::format::LINE_BYTES_MAX;

/// A segment file.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    pub(crate) number: u64,
    pub(crate) path: PathBuf,
}

impl Segment {
    pub(crate) fn of(directory: &Path, number: u64) -> Self {
        Self { number, path: directory.join(format!("{number:08}.log")) }
    }

    pub(crate) fn file_name(&self) -> String {
        format!("{:08}.log", self.number)
    }

    pub(crate) fn lines(&self) -> io::Result<Lines> {
        let file = BufReader::with_capacity(256 << 10, File::open(&self.path)?);
        Ok(Lines { file, buffer: Vec::new(), number: 0 })
    }

    /// The lines that begin behind so many bytes. Their numbers count from there.
    pub(crate) fn lines_from(&self, bytes: u64) -> io::Result<Lines> {
        let mut lines = self.lines()?;
        if let Some(before) = bytes.checked_sub(1) {
            // What is left of the line in whose middle this begins is passed over.
            lines.file.seek(SeekFrom::Start(before))?;
            lines.next()?;
        }
        Ok(lines)
    }
}

/// The segments of a log, in order.
pub(crate) fn list(directory: &Path) -> io::Result<Vec<Segment>> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(directory)? {
        if let Some(number) = number(&entry?.file_name()) {
            segments.push(Segment::of(directory, number));
        }
    }
    segments.sort_by_key(|segment| segment.number);
    Ok(segments)
}

/// The number in a segment's name; `None` for every other file.
fn number(name: &OsStr) -> Option<u64> {
    number_of(name.to_str()?.strip_suffix(".log")?)
}

/// The number that a name without its ending is.
pub(crate) fn number_of(digits: &str) -> Option<u64> {
    let number =
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??;
    (format!("{number:08}") == digits).then_some(number)
}

/// The lines of one segment, read into one buffer.
#[derive(Debug)]
pub(crate) struct Lines {
    file: BufReader<File>,
    buffer: Vec<u8>,
    number: u64,
}

/// One line with its end, or what stands after the last end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'a> {
    /// From 1.
    pub(crate) number: u64,
    pub(crate) bytes: &'a [u8],
}

impl Line<'_> {
    /// Whether the line has its end. One without was torn, is being written, or is longer than
    /// any line.
    pub(crate) fn is_whole(&self) -> bool {
        self.bytes.ends_with(b"\n")
    }

    pub(crate) fn len(&self) -> u64 {
        u64::try_from(self.bytes.len()).unwrap_or(u64::MAX)
    }
}

impl Lines {
    pub(crate) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.buffer.clear();
        let limit = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX);
        let read = self.file.by_ref().take(limit).read_until(b'\n', &mut self.buffer)?;
        self.number = self.number.saturating_add(1);
        Ok((read > 0).then_some(Line { number: self.number, bytes: &self.buffer }))
    }
}
