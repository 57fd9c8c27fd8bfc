//! A first look at an SQL text: where quoted texts and comments end, and which words stand outside.
//!
//! Databases disagree about this more than about anything else, and whoever disagrees with the
//! parser runs another statement than the one that was looked at. So a text is scanned only if all
//! of them agree.

/// The longest text that is looked at, in bytes.
const TEXT_BYTES_MAX: usize = 16_384;

/// Words and operators that may build on each other, and so on the stack.
const LINKS_MAX: usize = 400;

/// Open brackets: the parser tries several readings of each.
const NESTED_MAX: usize = 10;

/// Words of statements that change something, wherever they stand outside of quotes.
const CHANGING: &[&str] = &[
    "alter",
    "attach",
    "call",
    "copy",
    "create",
    "delete",
    "detach",
    "drop",
    "dumpfile",
    "exec",
    "execute",
    "grant",
    "insert",
    "into",
    "lock",
    "merge",
    "outfile",
    "pragma",
    "procedure",
    "revoke",
    "set",
    "truncate",
    "update",
    "upsert",
    "vacuum",
];

/// How a statement that only reads begins.
const READING: &[&str] =
    &["select", "with", "values", "table", "explain", "describe", "desc", "show"];

/// What the words of a text allow.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scanned {
    /// It begins with a word that reads, and no word belongs to a change.
    pub(super) may_only_read: bool,
}

/// Looks at a text; none where databases read it in different ways, or where it is too much.
pub(super) fn scan(text: &str) -> Option<Scanned> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let mut scan = Scan { rest: text, ..Scan::default() };
    while let Some(char) = scan.rest.chars().next() {
        scan.step(char)?;
        let is_sound = scan.links <= LINKS_MAX && scan.nested <= NESTED_MAX;
        is_sound.then_some(())?;
    }
    let first = scan.first.unwrap_or_default();
    let may_only_read = READING.contains(&first.as_str()) && !scan.changes;
    Some(Scanned { may_only_read })
}

#[derive(Debug, Default)]
struct Scan<'a> {
    rest: &'a str,
    first: Option<String>,
    changes: bool,
    links: usize,
    nested: usize,
    /// The last thing was a comma or a dot: what follows builds on nothing.
    listed: bool,
}

impl Scan<'_> {
    fn step(&mut self, char: char) -> Option<()> {
        let rest = self.rest;
        match char {
            '\'' | '"' | '`' => self.quoted(char),
            '-' if rest.starts_with("--") => self.line_comment(),
            '/' if rest.starts_with("/*") => self.block_comment(),
            '[' => self.bracket(),
            // A comment or an operator; an escape; a quoted text of its own kind; a call escape.
            '#' | '\\' | '{' | '}' => None,
            '&' if rest.starts_with("&'") || rest.starts_with("&\"") => None,
            '$' => self.dollar(),
            ' ' | '\t' | '\n' | '\r' => self.skip(1),
            ',' | '.' => {
                self.listed = true;
                self.skip(1)
            }
            '(' => {
                self.nested = self.nested.saturating_add(1);
                self.skip(1)
            }
            ')' => {
                self.nested = self.nested.saturating_sub(1);
                self.skip(1)
            }
            _ if char.is_alphanumeric() || char == '_' => self.word(),
            _ if char.is_ascii_graphic() => {
                self.links = self.links.saturating_add(1);
                self.skip(1)
            }
            _ => None,
        }
    }

    fn skip(&mut self, bytes: usize) -> Option<()> {
        self.rest = self.rest.get(bytes..)?;
        Some(())
    }

    fn word(&mut self) -> Option<()> {
        let is_part = |it: char| it.is_alphanumeric() || it == '_';
        let end = self.rest.find(|it| !is_part(it)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(end)?;
        let word = word.to_lowercase();
        // A prefix gives a quoted text rules of its own; these four keep the common ones.
        if rest.starts_with('\'') || rest.starts_with('"') {
            matches!(word.as_str(), "e" | "n" | "b" | "x").then_some(())?;
        }
        let is_call = rest.trim_start().starts_with('(');
        let is_shown = word == "create" && self.first.as_deref() == Some("show");
        self.changes |=
            (CHANGING.contains(&word.as_str()) && !is_shown) || (word == "replace" && !is_call);
        let listed = std::mem::take(&mut self.listed);
        self.links = self.links.saturating_add(usize::from(!listed));
        self.first.get_or_insert(word);
        self.rest = rest;
        Some(())
    }

    /// A quote ends a quoted text everywhere, unless a backslash stands before it: that is an
    /// escape to some. Two quotes are one to all, but three open a text of its own kind to some.
    fn quoted(&mut self, quote: char) -> Option<()> {
        let inside = self.rest.strip_prefix(quote)?;
        if inside.starts_with(&[quote, quote][..].iter().collect::<String>()) {
            return None;
        }
        let (mut escaped, mut end) = (false, None);
        for (at, char) in inside.char_indices() {
            let is_quote = matches!(char, '\'' | '"' | '`');
            if is_quote && escaped {
                return None;
            }
            if char == quote {
                end = Some(at);
                break;
            }
            // To some databases a backtick is an operator, and what it seems to quote is not.
            let is_plain = char.is_alphanumeric() || matches!(char, '_' | ' ' | '-' | '.');
            if char == '\0' || (quote == '`' && !is_plain) {
                return None;
            }
            escaped = char == '\\' && !escaped;
        }
        self.links = self.links.saturating_add(1);
        self.listed = false;
        self.rest = inside.get(end?.checked_add(1)?..)?;
        Some(())
    }

    /// Without a space after it, two minus signs are two minus signs to some.
    fn line_comment(&mut self) -> Option<()> {
        let inside = self.rest.get(2..)?;
        (inside.is_empty() || inside.starts_with([' ', '\t', '\n'])).then_some(())?;
        // To some a comment ends at a carriage return, to others it does not.
        let end = inside.find('\n').unwrap_or(inside.len());
        let (comment, rest) = inside.split_at_checked(end)?;
        let is_plain = !comment.contains(|it: char| it.is_control() && it != '\t');
        is_plain.then_some(())?;
        self.rest = rest;
        Some(())
    }

    /// Some run what stands in `/*! */`, obey what stands in `/*+ */`, or nest comments.
    fn block_comment(&mut self) -> Option<()> {
        let inside = self.rest.get(2..)?;
        let (comment, rest) = inside.split_once("*/")?;
        let is_code = inside.starts_with(['!', '+', 'M', 'm', '/', '*']);
        (!is_code && !comment.contains("/*") && !comment.contains('\0')).then_some(())?;
        self.rest = rest;
        Some(())
    }

    /// A subscript to some, a quoted name to others: nothing may stand in it that either could
    /// take for the end of something.
    fn bracket(&mut self) -> Option<()> {
        let (inside, rest) = self.rest.get(1..)?.split_once(']')?;
        let is_plain = |it: char| it.is_alphanumeric() || matches!(it, '_' | ' ' | ',' | '.' | ':');
        let mut quotes = 0_usize;
        for char in inside.chars() {
            quotes = quotes.saturating_add(usize::from(char == '\''));
            (is_plain(char) || char == '\'').then_some(())?;
        }
        (quotes.is_multiple_of(2) && !inside.contains("''")).then_some(())?;
        self.links = self.links.saturating_add(1);
        self.rest = rest;
        Some(())
    }

    /// A parameter; everything else may open a quoted text.
    fn dollar(&mut self) -> Option<()> {
        let rest = self.rest.get(1..)?;
        let end = rest.find(|it: char| !it.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, rest) = rest.split_at_checked(end)?;
        let goes_on = rest.starts_with(|it: char| it.is_alphanumeric() || matches!(it, '$' | '_'));
        (!digits.is_empty() && !goes_on).then_some(())?;
        self.rest = rest;
        Some(())
    }
}
