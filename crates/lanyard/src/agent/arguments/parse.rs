//! Finds selector, flags and raw arguments among the words of `call`. Pure.

use std::iter::Peekable;
use std::path::PathBuf;
use std::slice;

use thiserror::Error;

use super::expression::{ExpressionError, parse_expression};
use super::{Name, Raw};

/// How a result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::agent) enum OutputKind {
    /// JSON where there is some, else text
    Auto,
    /// The text of the answer
    Text,
    /// The Markdown of the answer, else its text
    Markdown,
    /// Always JSON
    Json,
    /// The whole MCP result as JSON
    Raw,
}

impl OutputKind {
    fn parse(text: &str) -> Result<Self, ParseError> {
        match text {
            "auto" => Ok(Self::Auto),
            "text" => Ok(Self::Text),
            "markdown" => Ok(Self::Markdown),
            "json" => Ok(Self::Json),
            "raw" => Ok(Self::Raw),
            _ => Err(ParseError::Usage(format!(
                "--output takes auto, text, markdown, json or raw, not `{text}`"
            ))),
        }
    }

    /// Whether failures are printed as JSON too.
    pub(in crate::agent) fn is_json(self) -> bool {
        match self {
            Self::Json | Self::Raw => true,
            Self::Auto | Self::Text | Self::Markdown => false,
        }
    }
}

/// Where the arguments of `--args` come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::agent) enum Base {
    /// The command line.
    Text(String),
    /// `-`: standard input.
    Stdin,
}

/// The flags of `call`, wherever on the line they stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::agent) struct Flags {
    /// `--args`, `--json`, `--params`.
    pub(in crate::agent) base: Option<Base>,
    /// `--output`, `--raw`.
    pub(in crate::agent) output: Option<OutputKind>,
    /// `--timeout`, in milliseconds.
    pub(in crate::agent) timeout_ms: Option<u64>,
    /// `--save-images`.
    pub(in crate::agent) save_images: Option<PathBuf>,
    /// `--raw-strings`, `--no-coerce`.
    pub(in crate::agent) texts: Texts,
    /// `--config`.
    pub(in crate::agent) config: Option<PathBuf>,
    /// `--server`, `--mcp`.
    pub(in crate::agent) server: Option<String>,
    /// `--tool`.
    pub(in crate::agent) tool: Option<String>,
    /// `--help`, `-h`.
    pub(in crate::agent) help: bool,
}

/// What texts become.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::agent) enum Texts {
    /// What the schema says.
    #[default]
    Coerced,
    /// `--raw-strings`: no numbers.
    NoNumbers,
    /// `--no-coerce`: strings, all of them.
    Strings,
}

/// Which tool is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::agent) enum Selector {
    /// `server.tool`, `server tool`, or both by flag.
    ServerTool(String, String),
    /// One word without a dot: a tool, where only one server can be meant.
    Tool(String),
}

impl Selector {
    /// Server and tool as typed; an empty server where none was named.
    pub(in crate::agent) fn names(&self) -> (String, String) {
        match self {
            Self::ServerTool(server, tool) => (server.clone(), tool.clone()),
            Self::Tool(tool) => (String::new(), tool.clone()),
        }
    }
}

/// The arguments as typed.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::agent) struct Given {
    /// Those with a name, in the order of the line.
    pub(in crate::agent) named: Vec<(Name, Raw)>,
    /// Those without one.
    pub(in crate::agent) positional: Vec<Raw>,
}

/// Why a command line is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(in crate::agent) enum ParseError {
    /// For this reason.
    #[error("{0}")]
    Usage(String),
    /// The function-call form does not hold.
    #[error(transparent)]
    Expression(#[from] ExpressionError),
}

/// Long flags of mcporter that are never arguments of a tool and that `call` does not have.
const RESERVED: &[&str] = &[
    "name",
    "description",
    "env",
    "header",
    "cwd",
    "persist",
    "root",
    "http-url",
    "sse",
    "allow-http",
    "insecure",
    "stdio",
    "stdio-arg",
    "log-level",
    "oauth-timeout",
    "version",
];

/// Flags that mcporter has and that change nothing here.
const WITHOUT_EFFECT: &[&str] = &["yes", "no-oauth", "tail-log"];

/// Reads the words of `call`. `flags` are those that stood before the first word.
pub(in crate::agent) fn parse(
    flags: Flags,
    words: &[String],
) -> Result<(Flags, Option<Selector>, Given), ParseError> {
    let mut line = Line { flags, ..Line::default() };
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        match word.strip_prefix("--") {
            Some("") => line.literal.extend(words.by_ref().cloned()),
            Some(flag) => line.flag(flag, &mut words)?,
            None if word == "-h" => line.flags.help = true,
            None => line.bare.push(word.to_owned()),
        }
    }
    line.finish()
}

#[derive(Default)]
struct Line {
    flags: Flags,
    bare: Vec<String>,
    literal: Vec<String>,
    given: Given,
}

impl Line {
    fn flag(
        &mut self,
        flag: &str,
        words: &mut Peekable<slice::Iter<'_, String>>,
    ) -> Result<(), ParseError> {
        let (name, written) = match flag.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (flag, None),
        };
        let mut value = || {
            written
                .or_else(|| words.next().map(String::as_str))
                .map(str::to_owned)
                .ok_or_else(|| ParseError::Usage(format!("--{name} needs a value")))
        };
        match name {
            "help" => self.flags.help = true,
            "raw" => self.flags.output = Some(OutputKind::Raw),
            "raw-strings" => self.flags.texts = Texts::NoNumbers,
            "no-coerce" => self.flags.texts = Texts::Strings,
            "args" | "json" | "params" if self.flags.base.is_some() => {
                return Err(ParseError::Usage("--args is given twice".to_owned()));
            }
            "args" | "json" | "params" => self.flags.base = Some(Base::read(value()?)),
            "output" => self.flags.output = Some(OutputKind::parse(&value()?)?),
            "timeout" => self.flags.timeout_ms = Some(millis(&value()?)?),
            "save-images" => self.flags.save_images = Some(PathBuf::from(value()?)),
            "config" => self.flags.config = Some(PathBuf::from(value()?)),
            "server" | "mcp" => self.flags.server = Some(value()?),
            "tool" => self.flags.tool = Some(value()?),
            _ if WITHOUT_EFFECT.contains(&name) => {}
            _ if RESERVED.contains(&name) => {
                let value = value().unwrap_or_else(|_| "VALUE".to_owned());
                return Err(ParseError::Usage(format!(
                    "--{name} is a reserved flag and not available here; an argument of the tool \
                     with this name is written {name}={value}"
                )));
            }
            _ => {
                // A flag before another flag, or at the end, is a switch.
                let next_is_value = words.peek().is_some_and(|next| !next.starts_with("--"));
                let value = match written {
                    Some(value) => value,
                    None if next_is_value => words.next().map_or("true", String::as_str),
                    None => "true",
                };
                self.given.named.push((Name::Flag(name.to_owned()), text(value)));
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(Flags, Option<Selector>, Given), ParseError> {
        let mut bare = std::mem::take(&mut self.bare).into_iter().peekable();
        let selector = match bare.next_if(|word| is_expression(word)) {
            Some(expression) => {
                let (selector, arguments) = parse_expression(&expression)?;
                self.given.positional.extend(arguments.positional);
                self.given.named.extend(arguments.named);
                Some(selector)
            }
            None => self.selector_word(&mut bare),
        };
        while let Some(word) = bare.next() {
            match split_pair(&word) {
                Some((key, "")) if word.ends_with(':') => {
                    let value = bare.next().ok_or_else(|| {
                        ParseError::Usage(format!("`{key}:` needs a value after it"))
                    })?;
                    self.given.named.push((Name::Exact(key.to_owned()), text(&value)));
                }
                Some((key, value)) => {
                    self.given.named.push((Name::Exact(key.to_owned()), text(value)));
                }
                None => self.given.positional.push(Raw::Text(word)),
            }
        }
        self.given.positional.extend(self.literal.drain(..).map(Raw::Text));
        let selector = self.selector(selector)?;
        Ok((self.flags, selector, self.given))
    }

    /// The first bare word, unless the flags name the tool already or it is an argument.
    fn selector_word(&self, bare: &mut Peekable<impl Iterator<Item = String>>) -> Option<String> {
        if self.flags.tool.is_some() {
            return None;
        }
        let word = bare.next_if(|word| split_pair(word).is_none())?;
        if self.flags.server.is_some() || word.contains('.') {
            return Some(word);
        }
        // `server tool`: a second bare word right behind the first.
        match bare.next_if(|next| split_pair(next).is_none()) {
            Some(tool) => Some(format!("{word}.{tool}")),
            None => Some(word),
        }
    }

    fn selector(&mut self, word: Option<String>) -> Result<Option<Selector>, ParseError> {
        let mut server = self.flags.server.take();
        let mut tool = self.flags.tool.take();
        if word.is_none() {
            server = server.or_else(|| self.take_key("server"));
            tool = tool.or_else(|| self.take_key("tool"));
        }
        let selector = match (word, server, tool) {
            (None, None, None) => return Ok(None),
            (Some(word), None, None) => match word.split_once('.') {
                // At the first dot only: a tool's name may hold more of them.
                Some((server, tool)) => Selector::ServerTool(server.to_owned(), tool.to_owned()),
                None => Selector::Tool(word),
            },
            (Some(tool), Some(server), None) | (None, Some(server), Some(tool)) => {
                Selector::ServerTool(server, tool)
            }
            (None, None, Some(tool)) => Selector::Tool(tool),
            (None, Some(server), None) => {
                return Err(ParseError::Usage(format!(
                    "which tool of `{server}`? write --tool TOOL"
                )));
            }
            (Some(word), _, Some(tool)) => {
                return Err(ParseError::Usage(format!(
                    "both `{word}` and --tool {tool} name a tool"
                )));
            }
        };
        Ok(Some(selector))
    }

    fn take_key(&mut self, key: &str) -> Option<String> {
        let found = self.given.named.iter().position(
            |(name, raw)| matches!((name, raw), (Name::Exact(name), Raw::Text(_)) if name == key),
        )?;
        match self.given.named.remove(found) {
            (_, Raw::Text(value)) => Some(value),
            (_, Raw::File(_) | Raw::Literal(_)) => None,
        }
    }
}

impl Base {
    /// `-` means standard input.
    pub(in crate::agent) fn read(text: String) -> Self {
        if text == "-" { Self::Stdin } else { Self::Text(text) }
    }
}

fn is_expression(word: &str) -> bool {
    word.trim_end().ends_with(')')
        && word.split_once('(').is_some_and(|(selector, _)| {
            !selector.is_empty() && !selector.contains(['=', ':', ' ', '"', '\''])
        })
}

/// `key=value`, `key:=value` or `key:value`, at whichever separator comes first; `None` for a
/// word that is no such pair.
fn split_pair(word: &str) -> Option<(&str, &str)> {
    let at = word.find(['=', ':'])?;
    let (key, rest) = word.split_at_checked(at)?;
    let is_key = !key.is_empty()
        && key.chars().all(|letter| letter.is_alphanumeric() || "_-.$@[]/".contains(letter));
    if !is_key {
        return None;
    }
    if let Some(value) = rest.strip_prefix(":=").or_else(|| rest.strip_prefix('=')) {
        return Some((key, value));
    }
    let value = rest.strip_prefix(':')?;
    // `http://x` and `12:30` are values that somebody gave without a name.
    let is_value =
        value.starts_with("//") || key.starts_with(|letter: char| letter.is_ascii_digit());
    (!is_value).then_some((key, value))
}

/// `@path` is a file's text; `@@` is an `@`.
fn text(value: &str) -> Raw {
    match value.strip_prefix('@') {
        Some(rest) if rest.starts_with('@') => Raw::Text(rest.to_owned()),
        Some("") | None => Raw::Text(value.to_owned()),
        Some(path) => Raw::File(path.to_owned()),
    }
}

/// A span of milliseconds as a flag gives it.
pub(in crate::agent) fn millis(text: &str) -> Result<u64, ParseError> {
    match text.parse::<u64>() {
        Ok(millis) if millis > 0 => Ok(millis),
        Ok(_) | Err(_) => {
            Err(ParseError::Usage(format!("--timeout takes milliseconds, not `{text}`")))
        }
    }
}
