//! What an SQL text does: which statements, tables and functions it has, and whether it only reads.
//!
//! Nobody tells which database reads the text, so several readings must agree. First the text is
//! scanned: where databases disagree about where a quoted text or a comment ends, it is not parsed
//! at all. Then it is parsed as four dialects. It only reads if at least one of them parses it, all
//! that do say so, it is one statement, no word in it belongs to a statement that changes
//! something, and every function it calls is known to do nothing but compute.
//!
//! This is about the text. What a database has behind the name of a view, an operator or a cast is
//! not known here; neither is what a function with a well-known name was redefined to.

mod functions;
mod scan;
mod walk;

use std::collections::BTreeSet;

use sqlparser::ast::Statement;
use sqlparser::dialect::{Dialect, GenericDialect, MySqlDialect, PostgreSqlDialect, SQLiteDialect};
use sqlparser::parser::Parser;

/// How deep the parser follows what is nested. In a debug build each step of it takes some 50 KB of
/// a stack of 2 MB.
const DEPTH_MAX: usize = 20;

/// What an SQL text does. Where it is not parsed, everything else is empty and false.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sql {
    /// At least one dialect parses it, and all agree about where its quoted texts end.
    pub parsed: bool,
    /// It changes nothing, in every dialect that parses it.
    pub read_only: bool,
    /// How many statements it has.
    pub statements: i64,
    /// What its statements do, the nested ones too: `select`, `insert`, `create`, …
    pub verbs: Vec<String>,
    /// Every name that stands where a table stands, in lower case and as qualified as written; the
    /// names of its own common table expressions too. Whole where the text only reads.
    pub tables: Vec<String>,
    /// Every function it calls, in lower case. Whole where the text only reads.
    pub functions: Vec<String>,
}

/// What one or several dialects found.
#[derive(Debug, Default)]
struct Found {
    verbs: BTreeSet<String>,
    tables: BTreeSet<String>,
    functions: BTreeSet<String>,
    /// Something that does more than read, or might.
    writes: bool,
}

/// Reads an SQL text.
#[must_use]
pub fn sql(text: &str) -> Sql {
    let Some(scanned) = scan::scan(text) else { return Sql::default() };
    let dialects: [&dyn Dialect; 4] =
        [&GenericDialect {}, &PostgreSqlDialect {}, &MySqlDialect {}, &SQLiteDialect {}];
    let (mut found, mut statements) = (Found::default(), None);
    for dialect in dialects {
        let Some(parsed) = parse(dialect, text) else { continue };
        walk::walk(&parsed, &mut found);
        statements = statements.max(Some(parsed.len()));
    }
    let Some(count) = statements else { return Sql::default() };
    Sql {
        parsed: true,
        read_only: count == 1 && scanned.may_only_read && !found.writes,
        statements: i64::try_from(count).unwrap_or(i64::MAX),
        verbs: found.verbs.into_iter().collect(),
        tables: found.tables.into_iter().collect(),
        functions: found.functions.into_iter().collect(),
    }
}

fn parse(dialect: &dyn Dialect, text: &str) -> Option<Vec<Statement>> {
    let parser = Parser::new(dialect).with_recursion_limit(DEPTH_MAX);
    parser.try_with_sql(text).ok()?.parse_statements().ok()
}

#[cfg(test)]
mod tests;
