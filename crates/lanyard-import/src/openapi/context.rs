//! What every part of one import shares: the document, the options and the notes so far.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};

use super::OpenApiOptions;
use super::document::{Document, Version};
use super::expand::{Direction, Expanded};
use super::graph::Graph;
use crate::{Note, Severity};

/// How many notes of one text are kept with their places.
const SAME_MAX: usize = 100;

/// The state of one import.
pub(crate) struct Context<'d> {
    pub(crate) document: &'d Document,
    pub(crate) options: &'d OpenApiOptions<'d>,
    pub(crate) notes: Notes,
    /// Which references lead back to themselves.
    pub(crate) graph: RefCell<Graph>,
    /// How much of a schema is written, in hundredths: less where there are very many tools.
    pub(crate) scale: Cell<usize>,
    /// What references became.
    pub(crate) expanded: RefCell<HashMap<(String, Direction), Expanded>>,
    /// The patterns that were looked at, and whether they can be enforced.
    pub(crate) patterns: RefCell<HashMap<String, bool>>,
    /// The variables of servers that were met.
    pub(crate) variables: RefCell<HashSet<String>>,
    refusals: RefCell<Vec<String>>,
}

impl<'d> Context<'d> {
    pub(crate) fn new(
        document: &'d Document,
        options: &'d OpenApiOptions<'d>,
        notes: Vec<Note>,
    ) -> Self {
        Self {
            document,
            options,
            notes: Notes { list: RefCell::new(notes), ..Notes::default() },
            graph: RefCell::default(),
            scale: Cell::new(100),
            expanded: RefCell::default(),
            patterns: RefCell::default(),
            variables: RefCell::default(),
            refusals: RefCell::default(),
        }
    }

    /// What was asked for and cannot be had: nothing is imported then, for a mistyped word must not
    /// let in what it was to keep out.
    pub(crate) fn refuse(&self, text: String) {
        self.refusals.borrow_mut().push(text);
    }

    /// The same of a word that fitted once: an API that is imported again may have lost what it was
    /// about, and that is told.
    pub(crate) fn refuse_first(&self, place: &str, text: String) {
        if self.options.names.is_empty() {
            self.refuse(text);
        } else {
            self.notes.warning(place, text);
        }
    }

    /// Everything that was refused, in one line.
    pub(crate) fn refused(&self) -> Option<String> {
        let refusals = self.refusals.borrow();
        (!refusals.is_empty()).then(|| refusals.join("; "))
    }

    pub(crate) fn version(&self) -> Version {
        self.document.version
    }
}

/// Notes, each place and text once.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    list: RefCell<Vec<Note>>,
    seen: RefCell<HashSet<(String, String)>>,
    /// How often each text was said, whatever the place.
    counts: RefCell<HashMap<String, usize>>,
}

impl Notes {
    pub(crate) fn info(&self, place: &str, text: impl Into<String>) {
        self.push(Note::info(place, text));
    }

    pub(crate) fn warning(&self, place: &str, text: impl Into<String>) {
        self.push(Note::warning(place, text));
    }

    pub(crate) fn skipped(&self, place: &str, text: impl Into<String>) {
        self.push(Note::skipped(place, text));
    }

    fn push(&self, note: Note) {
        if !self.seen.borrow_mut().insert((note.place.clone(), note.text.clone())) {
            return;
        }
        // What is only worth knowing is told once, with how often it holds.
        let most = if note.severity == Severity::Info { 1 } else { SAME_MAX };
        let mut counts = self.counts.borrow_mut();
        let count = counts.entry(note.text.clone()).or_default();
        *count = count.saturating_add(1);
        if *count <= most || note.severity == Severity::Skipped {
            self.list.borrow_mut().push(note);
        }
    }

    /// All of them; those of which there were more say so.
    pub(crate) fn finish(self) -> Vec<Note> {
        let counts = self.counts.into_inner();
        let mut list = self.list.into_inner();
        let mut told: HashMap<String, usize> = HashMap::new();
        for note in &list {
            let count = told.entry(note.text.clone()).or_default();
            *count = count.saturating_add(1);
        }
        for note in list.iter_mut().rev() {
            let said = counts.get(&note.text).copied().unwrap_or_default();
            let more = said.saturating_sub(told.remove(&note.text).unwrap_or(said));
            if more > 0 {
                note.text.push_str(&format!(" (and {more} times more)"));
            }
        }
        list
    }
}
