//! What an import tells people: what could not be expressed, and how much became tools.

use lanyard_core::Limits;
use lanyard_core::credential::{live_credential, live_credential_under};
use lanyard_import::{Counts, Note, Severity};
use lanyard_rest::{ParseOptions, parse};

use crate::failure::Failure;
use crate::output;
use crate::schemas::GuardSchemas;

/// The most notes that are shown unless all are asked for.
const SHOWN_MAX: usize = 20;

/// Tells notes: what was left out first, then what matters. What is only worth knowing is counted.
pub(super) fn notes(notes: &[Note], all: bool) {
    let mut sorted: Vec<&Note> = notes.iter().collect();
    sorted.sort_by_key(|note| std::cmp::Reverse(note.severity));
    if !all {
        sorted.retain(|note| note.severity > Severity::Info);
        sorted.truncate(SHOWN_MAX);
    }
    for note in &sorted {
        output::aside(&output::plain(&note.to_string()));
    }
    let left = notes.len().saturating_sub(sorted.len());
    if left > 0 {
        let noun = if left == 1 { "note" } else { "notes" };
        output::aside(&format!("{left} more {noun}: --notes shows all"));
    }
}

/// Tells what became of operations.
pub(super) fn counts(counts: &Counts) {
    let Counts { operations, tools, filtered, deprecated, skipped } = *counts;
    let mut text = format!("{tools} of {operations} operations are tools");
    for (count, what) in [
        (filtered, "not chosen"),
        (deprecated, "deprecated (--deprecated takes them)"),
        (skipped, "left out, as noted"),
    ] {
        if count > 0 {
            text.push_str(&format!(", {count} {what}"));
        }
    }
    output::aside(&text);
}

/// Refuses a definition that would keep a credential in the clear, and says which tool it is of: the
/// example of a description may be a key that works.
pub(super) fn credential(definition: &str) -> Result<(), Failure> {
    if live_credential_under("", definition).is_none() {
        return Ok(());
    }
    let mut tool = None;
    for (number, line) in (1_usize..).zip(definition.lines()) {
        // Where tools begin is as `Draft::to_yaml` writes it.
        if let Some(name) =
            line.strip_prefix("- name: ").or_else(|| line.strip_prefix("  - name: "))
        {
            tool = Some(name.trim_matches(['"', '\'']));
        }
        let Some(kind) = live_credential(line) else { continue };
        let (whose, way) = match tool {
            Some(tool) => {
                (format!("`{tool}`"), format!("leave it out with --exclude id:{tool}, or "))
            }
            None => ("the definition".to_owned(), String::new()),
        };
        return Err(Failure::other(output::plain(&format!(
            "{whose} holds what looks like a credential ({kind}), in line {number} of what --dry-run prints, and would keep it in the clear; {way}take it out: --dry-run > FILE, edit it, add it with --yaml FILE; nothing was changed"
        ))));
    }
    Ok(())
}

/// Tells what a gateway would refuse of a definition that was printed, by its own lines: templates
/// come from a file that is read by them for the first time.
pub(super) fn unusable(definition: &str) {
    let options = ParseOptions {
        name: None,
        base_url: None,
        secrets: &[],
        secret_known: &|_| true,
        schemas: &GuardSchemas,
        limits: &Limits::standard(),
        servers: &|_| None,
    };
    let problems = parse("the definition", definition, &options).err().unwrap_or_default();
    for problem in problems.iter().take(SHOWN_MAX) {
        output::aside(&output::plain(&problem.to_string()));
    }
    if !problems.is_empty() {
        output::notice("a gateway would refuse this definition; what is wrong stands above");
    }
}

/// A place as the beginning of a sentence.
pub(super) fn begun(place: &str) -> String {
    let mut letters = place.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}
