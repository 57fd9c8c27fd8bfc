//! The forms in which records are handed on: the log's own lines, CSV, and OCSF events. Made of an
//! export's lines while they come, so that a long log fills no memory.
//!
//! In CSV and OCSF a call is one entry, written when its end is met; a call that did not end is
//! written last. Lines of the log about itself are in neither, nor is what is kept of calls.

mod csv;
mod ocsf;

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::Value;

use super::format::{CALL_CLOSE, CALL_OPEN, CALL_PAYLOAD, LOG_RECOVERED, LOG_SEGMENT};

/// The version of OCSF whose API Activity (class 6003) is written.
pub const OCSF_VERSION: &str = ocsf::VERSION;

/// The form of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The lines of the log themselves: nothing is lost, and the chain can be followed.
    Jsonl,
    /// A table, fit for spreadsheets.
    Csv,
    /// OCSF API Activity, one JSON object a line.
    Ocsf,
}

impl Form {
    /// Reads what the command line calls it.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "jsonl" => Some(Self::Jsonl),
            "csv" => Some(Self::Csv),
            "ocsf" => Some(Self::Ocsf),
            _ => None,
        }
    }
}

/// Turns the bytes of an export into a form.
#[derive(Debug)]
pub struct Exporter {
    form: Form,
    /// What came after the last whole line.
    partial: Vec<u8>,
    /// Calls that are open, by id, which sorts by time.
    open: BTreeMap<String, Value>,
    records: u64,
    began: bool,
}

impl Exporter {
    /// Nothing is written yet.
    pub fn new(form: Form) -> Self {
        Self { form, partial: Vec::new(), open: BTreeMap::new(), records: 0, began: false }
    }

    /// How many lines of the log came.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Takes bytes of an export, in pieces of any size.
    pub fn take(&mut self, bytes: &[u8], out: &mut dyn Write) -> io::Result<()> {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end.saturating_add(1));
            rest = after;
            if self.partial.is_empty() {
                self.line(line, out)?;
            } else {
                self.partial.extend_from_slice(line);
                let whole = std::mem::take(&mut self.partial);
                self.line(&whole, out)?;
            }
        }
        self.partial.extend_from_slice(rest);
        Ok(())
    }

    /// Writes what was held back: calls without an end.
    pub fn finish(mut self, out: &mut dyn Write) -> io::Result<()> {
        self.begin(out)?;
        for (_, open) in std::mem::take(&mut self.open) {
            self.entry(&open, None, out)?;
        }
        Ok(())
    }

    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if !std::mem::replace(&mut self.began, true) && self.form == Form::Csv {
            csv::head(out)?;
        }
        Ok(())
    }

    fn line(&mut self, line: &[u8], out: &mut dyn Write) -> io::Result<()> {
        self.records = self.records.saturating_add(1);
        if self.form == Form::Jsonl {
            return out.write_all(line);
        }
        self.begin(out)?;
        let record: Value = serde_json::from_slice(line)?;
        let id = text(&record, "id").to_owned();
        match text(&record, "kind") {
            LOG_SEGMENT | LOG_RECOVERED | CALL_PAYLOAD => Ok(()),
            CALL_OPEN => {
                self.open.insert(id, record);
                Ok(())
            }
            CALL_CLOSE => match self.open.remove(&id) {
                Some(open) => self.entry(&open, Some(&record), out),
                // Ends alone were asked for.
                None => self.entry(&record, Some(&record), out),
            },
            _ => self.entry(&record, None, out),
        }
    }

    fn entry(&self, record: &Value, close: Option<&Value>, out: &mut dyn Write) -> io::Result<()> {
        match self.form {
            Form::Jsonl => Ok(()),
            Form::Csv => csv::row(record, close, out),
            Form::Ocsf => {
                serde_json::to_writer(&mut *out, &ocsf::event(record, close))?;
                out.write_all(b"\n")
            }
        }
    }
}

/// A member that is a text; empty where there is none.
fn text<'a>(record: &'a Value, key: &str) -> &'a str {
    record.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A member that is a text or a list of them: the texts.
fn texts<'a>(record: &'a Value, key: &str) -> Vec<&'a str> {
    match record.get(key) {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => {
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests;
