//! A `SKILL.md` as parts: blocks that Lanyard writes, between marks, and everything else, which is a
//! person's and stays as it is. Pure.
//!
//! A mark holds a digest of its block as it was written, so that a block which a person changed is
//! known as theirs and left alone. The front matter has no room for a mark of its own; its digest
//! stands in the first line behind it.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::HEXLOWER;
use ring::digest::{SHA256, digest};

/// A block as it is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    /// What it is about: letters, digits and `._:%-`.
    pub(super) id: String,
    /// Its lines, each with its end.
    pub(super) body: String,
}

/// What a file is to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    /// The front matter, with its lines of dashes.
    pub(super) front: String,
    /// The blocks, in their order.
    pub(super) blocks: Vec<Block>,
    /// What a new file ends with, for a person to go on.
    pub(super) closing: String,
}

/// A file, and what became of its blocks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Merged {
    pub(super) text: String,
    /// Blocks that were not there before.
    pub(super) added: Vec<String>,
    /// Blocks that say something else now.
    pub(super) changed: Vec<String>,
    /// Blocks that are about what is gone.
    pub(super) removed: Vec<String>,
    /// Blocks that a person changed, and that were left as they are.
    pub(super) kept: Vec<String>,
}

/// What front matter is called among blocks.
pub(super) const FRONT: &str = "front";

const BYTE_ORDER_MARK: char = '\u{feff}';
const BEGIN: &str = "<!-- lanyard:begin ";
const END: &str = "<!-- lanyard:end ";
const FRONT_MARK: &str = "<!-- lanyard:front ";
const CLOSE: &str = " -->";

/// A name as a part of a block's id: no name can end a mark or look like another's.
pub(super) fn id_part(name: &str) -> String {
    let mut id = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
            id.push(char::from(byte));
        } else {
            id.push_str(&format!("%{byte:02X}"));
        }
    }
    id
}

/// Brings a file up to a page. The error says which line of the file cannot be read, and why.
pub(super) fn merge(old: Option<&str>, page: &Page) -> Result<Merged, String> {
    let mut merged = Merged::default();
    let Some(old) = old else {
        merged.added = page.blocks.iter().map(|block| block.id.clone()).collect();
        merged.text = fresh(page);
        return Ok(merged);
    };
    // Some editors begin a file with a mark that nobody sees: it stays, and begins no front matter.
    let unmarked = old.strip_prefix(BYTE_ORDER_MARK);
    let (front, rest) = split_front(unmarked.unwrap_or(old));
    let mut parts = parse(rest, front.lines().count())?;
    let front = merge_front(front, page, &mut parts, &mut merged);
    replace(&mut parts, page, &mut merged);
    insert(&mut parts, page, &mut merged);
    merged.text = unmarked.map(|_| BYTE_ORDER_MARK.to_string()).unwrap_or_default() + &front;
    for part in &parts {
        match part {
            Part::Text(text) => merged.text.push_str(text),
            Part::Block { id, digest, body } => {
                merged.text.push_str(&marked(id, digest, body));
            }
        }
    }
    Ok(merged)
}

/// The lines of commands in each block of a file that ran: what stands in `sh` fences.
pub(super) fn fenced(text: &str) -> BTreeMap<String, Vec<String>> {
    let (front, rest) = split_front(text);
    let parts = parse(rest, front.lines().count()).unwrap_or_default();
    let mut found = BTreeMap::new();
    for part in parts {
        let Part::Block { id, body, digest: _ } = part else { continue };
        let (mut within, mut lines) = (false, Vec::new());
        for line in body.lines().map(str::trim_end) {
            match line {
                "```sh" => within = true,
                "```" => within = false,
                line if within => lines.push(line.to_owned()),
                _ => {}
            }
        }
        found.insert(id, lines);
    }
    found
}

/// A file that was not there.
fn fresh(page: &Page) -> String {
    let mut text = format!("{}{}", page.front, front_mark(&page.front));
    for Block { id, body } in &page.blocks {
        text.push_str(&format!("\n{}", marked(id, &digest_of(body), body)));
    }
    text.push_str(&format!("\n{}", page.closing));
    text
}

fn front_mark(front: &str) -> String {
    format!("{FRONT_MARK}{}{CLOSE}\n", digest_of(front))
}

fn marked(id: &str, digest: &str, body: &str) -> String {
    format!("{BEGIN}{id} {digest}{CLOSE}\n{body}{END}{id}{CLOSE}\n")
}

/// Sixteen digits that stand for a text, whatever an editor did to the ends of its lines.
pub(super) fn digest_of(text: &str) -> String {
    let lines = text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    let full = HEXLOWER.encode(digest(&SHA256, lines.as_bytes()).as_ref());
    full.chars().take(16).collect()
}

/// A part of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// A person's lines.
    Text(String),
    /// A block, with the digest that its mark holds.
    Block { id: String, digest: String, body: String },
}

impl Part {
    fn is_block(&self, wanted: &str) -> bool {
        match self {
            Self::Block { id, .. } => id == wanted,
            Self::Text(_) => false,
        }
    }
}

/// The front matter with its lines of dashes, and the rest. Nothing where a file has none.
fn split_front(text: &str) -> (&str, &str) {
    let mut length = 0_usize;
    for (place, line) in text.split_inclusive('\n').enumerate() {
        let is_dashes = line.trim_end() == "---";
        if place == 0 && !is_dashes {
            break;
        }
        length = length.saturating_add(line.len());
        if place > 0 && is_dashes {
            return text.split_at_checked(length).unwrap_or(("", text));
        }
    }
    ("", text)
}

/// Reads the parts of a file behind its front matter, which has so many lines.
fn parse(text: &str, lines_before: usize) -> Result<Vec<Part>, String> {
    let (mut parts, mut own, mut seen) = (Vec::new(), String::new(), BTreeSet::new());
    let mut open: Option<(usize, String, String, String)> = None;
    for (place, line) in text.split_inclusive('\n').enumerate() {
        let number = place.saturating_add(lines_before).saturating_add(1);
        match (&mut open, mark(line)) {
            (None, None | Some(Mark::Front)) => own.push_str(line),
            (None, Some(Mark::Begin(id, digest))) => {
                if !seen.insert(id.to_owned()) {
                    return Err(format!(
                        "line {number}: the block `{id}` is there twice; delete one of the two"
                    ));
                }
                parts.push(Part::Text(std::mem::take(&mut own)));
                open = Some((number, id.to_owned(), digest.to_owned(), String::new()));
            }
            (None, Some(Mark::End(id))) => {
                return Err(format!(
                    "line {number}: the block `{id}` ends and never began; delete this line"
                ));
            }
            (Some((_, id, ..)), Some(Mark::End(ended))) if *id == ended => {
                if let Some((_, id, digest, body)) = open.take() {
                    parts.push(Part::Block { id, digest, body });
                }
            }
            (Some((began, id, ..)), Some(Mark::Begin(other, _) | Mark::End(other))) => {
                return Err(format!(
                    "line {number}: `{other}` within the block `{id}` of line {began}; put back the line \
                     `{END}{id}{CLOSE}` where that block ends"
                ));
            }
            (Some((.., body)), None | Some(Mark::Front)) => body.push_str(line),
        }
    }
    if let Some((began, id, ..)) = open {
        return Err(format!(
            "line {began}: the block `{id}` never ends; put back the line `{END}{id}{CLOSE}`, or delete \
             the line that begins it"
        ));
    }
    parts.push(Part::Text(own));
    Ok(parts)
}

/// What a line marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark<'a> {
    Begin(&'a str, &'a str),
    End(&'a str),
    Front,
}

/// A mark stands at the beginning of its line and is all of it.
fn mark(line: &str) -> Option<Mark<'_>> {
    let line = line.trim_end().strip_suffix(CLOSE)?;
    if line.starts_with(FRONT_MARK) {
        return Some(Mark::Front);
    }
    if let Some(id) = line.strip_prefix(END) {
        return Some(Mark::End(id.trim()));
    }
    let (id, digest) = line.strip_prefix(BEGIN)?.trim().split_once(' ')?;
    Some(Mark::Begin(id, digest))
}

/// The front matter that a file is to have. Its mark is the first line of the first part.
fn merge_front(front: &str, page: &Page, parts: &mut [Part], merged: &mut Merged) -> String {
    let Some(Part::Text(text)) = parts.first_mut() else { return front.to_owned() };
    let marked = text.split_inclusive('\n').next().filter(|line| mark(line) == Some(Mark::Front));
    let Some(line) = marked.map(str::to_owned) else {
        if front.is_empty() {
            // A file without any is no skill yet.
            *text = format!("{}\n{text}", front_mark(&page.front));
            merged.added.push(FRONT.to_owned());
            return page.front.clone();
        }
        merged.kept.push(FRONT.to_owned());
        return front.to_owned();
    };
    if !front.is_empty() && !line.contains(&digest_of(front)) {
        merged.kept.push(FRONT.to_owned());
        return front.to_owned();
    }
    if front != page.front {
        merged.changed.push(FRONT.to_owned());
    }
    *text = text.replacen(&line, &front_mark(&page.front), 1);
    page.front.clone()
}

/// Writes the blocks anew that are there, and takes out those that are about what is gone.
fn replace(parts: &mut Vec<Part>, page: &Page, merged: &mut Merged) {
    let mut left = Vec::with_capacity(parts.len());
    let blocks: BTreeMap<&str, &Block> =
        page.blocks.iter().map(|block| (block.id.as_str(), block)).collect();
    for part in parts.drain(..) {
        let Part::Block { id, digest, body } = part else {
            left.push(part);
            continue;
        };
        let new = blocks.get(id.as_str()).copied();
        if digest != digest_of(&body) {
            merged.kept.push(id.clone());
            left.push(Part::Block { id, digest, body });
        } else if let Some(new) = new {
            if digest != digest_of(&new.body) {
                merged.changed.push(id.clone());
            }
            left.push(Part::Block { id, digest: digest_of(&new.body), body: new.body.clone() });
        } else {
            merged.removed.push(id);
        }
    }
    *parts = left;
}

/// Puts in the blocks that are not there: behind the one that comes before, else at the end.
fn insert(parts: &mut Vec<Part>, page: &Page, merged: &mut Merged) {
    let mut before: Option<&str> = None;
    for Block { id, body } in &page.blocks {
        if !parts.iter().any(|part| part.is_block(id)) {
            let place = before.and_then(|before| parts.iter().position(|it| it.is_block(before)));
            let place = place.map_or(parts.len(), |place| place.saturating_add(1));
            let block = Part::Block { id: id.clone(), digest: digest_of(body), body: body.clone() };
            parts.splice(place..place, [Part::Text("\n".to_owned()), block]);
            merged.added.push(id.clone());
        }
        before = Some(id);
    }
}

#[cfg(test)]
mod tests;
