//! Makes a program of the pieces of a template, and reports everything wrong with it at once:
//! nesting, names of functions, variables and templates, numbers of arguments.

mod pipe;

use std::collections::HashMap;

use lanyard_core::Limits;

use super::TemplateError;
use super::ast::{Body, Node, Pipe, Program};
use super::lex::{Lexeme, Piece, Token, pieces};
use pipe::Tokens;

/// Parses a whole text.
pub(super) fn parse(
    text: &str,
    limits: &Limits,
    variables: &[&str],
) -> Result<Program, Vec<TemplateError>> {
    let mut parser = Parser {
        pieces: pieces(text).into_iter(),
        variables,
        depth_max: Limits::size(limits.template_depth_max),
        errors: Vec::new(),
        names: HashMap::new(),
        bodies: vec![None],
        scope: Scope::default(),
        depth: 0,
        too_deep: false,
    };
    let main = parser.body(Ending::Text);
    parser.define(0, main);
    parser.finish()
}

/// What closes a list of nodes.
enum Ending {
    /// The end of the text.
    Text,
    /// `end`; `else` is an error.
    End { offset: usize },
    /// `end` or `else`.
    EndOrElse { offset: usize },
}

/// How a list of nodes ended: the tokens after `else`, if it was that.
enum Ended<'t> {
    End,
    Else(Vec<Lexeme<'t>>),
}

/// The variables that can be named at a place, and whether `break` can.
#[derive(Default)]
struct Scope {
    names: Vec<String>,
    slots: usize,
    loops: usize,
}

struct Parser<'t> {
    pieces: std::vec::IntoIter<Piece<'t>>,
    variables: &'t [&'t str],
    depth_max: usize,
    errors: Vec<TemplateError>,
    /// Templates by name: their number, and where each was first named.
    names: HashMap<String, (usize, usize)>,
    bodies: Vec<Option<Body>>,
    scope: Scope,
    depth: usize,
    too_deep: bool,
}

impl<'t> Parser<'t> {
    fn finish(mut self) -> Result<Program, Vec<TemplateError>> {
        let names = std::mem::take(&mut self.names);
        for (name, (number, offset)) in names {
            if self.bodies.get(number).is_some_and(Option::is_none) {
                self.error(offset, format!("template {name:?} is not defined"));
            }
        }
        if self.errors.is_empty() {
            let bodies = self.bodies.into_iter().map(Option::unwrap_or_default).collect();
            return Ok(Program { bodies });
        }
        self.errors.sort_by_key(|error| error.offset);
        self.errors.dedup();
        Err(self.errors)
    }

    fn error(&mut self, offset: usize, message: impl Into<String>) {
        self.errors.push(TemplateError { offset, message: message.into() });
    }

    /// A template of its own: the text, or what stands between `define` and `end`.
    fn body(&mut self, ending: Ending) -> Body {
        let outer = std::mem::take(&mut self.scope);
        let (nodes, _) = self.nodes(&ending);
        let scope = std::mem::replace(&mut self.scope, outer);
        Body { nodes, slots: scope.slots }
    }

    fn nodes(&mut self, ending: &Ending) -> (Vec<Node>, Ended<'t>) {
        let mut nodes = Vec::new();
        while let Some(piece) = self.pieces.next() {
            let (offset, tokens, failed) = match piece {
                Piece::Literal { offset, text } => {
                    nodes.push(Node::Literal { offset, text: text.into() });
                    continue;
                }
                Piece::Action { offset, tokens, error } => {
                    let failed = error.is_some();
                    self.errors.extend(error);
                    (offset, tokens, failed)
                }
            };
            match first_word(&tokens) {
                "end" => {
                    self.no_more(&tokens, 1, "end");
                    if !matches!(ending, Ending::Text) {
                        return (nodes, Ended::End);
                    }
                    self.error(offset, "`end` closes nothing");
                }
                "else" => {
                    if matches!(ending, Ending::EndOrElse { .. }) {
                        return (nodes, Ended::Else(tokens.into_iter().skip(1).collect()));
                    }
                    self.error(offset, "`else` belongs to nothing");
                }
                _ => nodes.extend(self.action(offset, tokens, failed)),
            }
        }
        if let Ending::End { offset } | Ending::EndOrElse { offset } = ending
            && !self.too_deep
        {
            self.error(*offset, "`end` is missing");
        }
        (nodes, Ended::End)
    }

    fn action(&mut self, offset: usize, tokens: Vec<Lexeme<'t>>, failed: bool) -> Option<Node> {
        let word = first_word(&tokens);
        let kind = match word {
            "if" => Kind::If,
            "with" => Kind::With,
            "range" => Kind::Range,
            "define" | "block" => return self.named(offset, word == "block", &tokens),
            "template" => return self.template(offset, &tokens),
            "break" | "continue" => return self.jump(offset, word == "break", &tokens),
            _ if failed => return None,
            _ => return self.pipe(offset, &tokens, 0, false).map(Node::Action),
        };
        let rest = tokens.into_iter().skip(1).collect();
        Some(self.control(offset, kind, rest, failed))
    }

    fn jump(&mut self, offset: usize, ends: bool, tokens: &[Lexeme<'t>]) -> Option<Node> {
        let word = if ends { "break" } else { "continue" };
        self.no_more(tokens, 1, word);
        if self.scope.loops == 0 {
            self.error(offset, format!("`{word}` outside `range`"));
            return None;
        }
        Some(if ends { Node::Break } else { Node::Continue })
    }

    /// `if`, `with` and `range` with everything up to their `end`.
    fn control(
        &mut self,
        offset: usize,
        kind: Kind,
        tokens: Vec<Lexeme<'t>>,
        failed: bool,
    ) -> Node {
        let mark = self.scope.names.len();
        let entered = self.enter(offset);
        let pipe =
            if failed { None } else { self.pipe(offset, &tokens, 0, matches!(kind, Kind::Range)) };
        let looping = usize::from(matches!(kind, Kind::Range));
        self.scope.loops = self.scope.loops.saturating_add(looping);
        let (then, ended) = self.nodes(&Ending::EndOrElse { offset });
        self.scope.loops = self.scope.loops.saturating_sub(looping);
        let otherwise = match ended {
            Ended::End => Vec::new(),
            Ended::Else(tokens) => self.otherwise(offset, kind, tokens),
        };
        self.scope.names.truncate(mark);
        if entered {
            self.depth = self.depth.saturating_sub(1);
        }
        // A pipe that could not be read is reported; what stands in its place is never rendered.
        let pipe = pipe.unwrap_or(Pipe { offset, targets: Vec::new(), stages: Vec::new() });
        match kind {
            Kind::If => Node::If { test: pipe, then, otherwise },
            Kind::With => Node::With { test: pipe, then, otherwise },
            Kind::Range => Node::Range { over: pipe, body: then, otherwise },
        }
    }

    fn otherwise(&mut self, offset: usize, kind: Kind, tokens: Vec<Lexeme<'t>>) -> Vec<Node> {
        if first_word(&tokens) == "if" && matches!(kind, Kind::If) {
            let rest = tokens.into_iter().skip(1).collect();
            return vec![self.control(offset, Kind::If, rest, false)];
        }
        self.no_more(&tokens, 0, "else");
        self.nodes(&Ending::End { offset }).0
    }

    /// Counts one level of nesting. Past the limit the error is reported and parsing stops.
    fn enter(&mut self, offset: usize) -> bool {
        if self.depth >= self.depth_max {
            self.error(
                offset,
                format!("nested deeper than template_depth_max ({})", self.depth_max),
            );
            // Nothing after this place is read: the template is refused anyway.
            self.pieces = Vec::new().into_iter();
            self.too_deep = true;
            return false;
        }
        self.depth = self.depth.saturating_add(1);
        true
    }

    /// `define "name"`, and `block "name" pipe`, which also renders it.
    fn named(&mut self, offset: usize, renders: bool, tokens: &[Lexeme<'t>]) -> Option<Node> {
        let word = if renders { "block" } else { "define" };
        if !renders && self.depth > 0 {
            self.error(offset, "`define` inside another action");
        }
        let name = self.name(offset, word, tokens);
        let data = if renders { self.pipe(offset, tokens, 2, false) } else { None };
        if !renders {
            self.no_more(tokens, 2, word);
        }
        let entered = self.enter(offset);
        let body = self.body(Ending::End { offset });
        if entered {
            self.depth = self.depth.saturating_sub(1);
        }
        let number = self.number(name?, offset);
        if self.bodies.get(number).is_some_and(Option::is_some) {
            self.error(offset, "a template of this name is already defined");
        }
        self.define(number, body);
        renders.then_some(Node::Template { body: number, data })
    }

    fn template(&mut self, offset: usize, tokens: &[Lexeme<'t>]) -> Option<Node> {
        let name = self.name(offset, "template", tokens)?;
        let data = if tokens.len() > 2 { Some(self.pipe(offset, tokens, 2, false)?) } else { None };
        Some(Node::Template { body: self.number(name, offset), data })
    }

    fn name(&mut self, offset: usize, word: &str, tokens: &[Lexeme<'t>]) -> Option<String> {
        if let Some(Lexeme { token: Token::Text(name), .. }) = tokens.get(1) {
            return Some(name.clone());
        }
        self.error(offset, format!("`{word}` needs a name in quotes"));
        None
    }

    fn number(&mut self, name: String, offset: usize) -> usize {
        let next = self.bodies.len();
        let number = self.names.entry(name).or_insert((next, offset)).0;
        if number == next {
            self.bodies.push(None);
        }
        number
    }

    fn define(&mut self, number: usize, body: Body) {
        if let Some(place) = self.bodies.get_mut(number) {
            *place = Some(body);
        }
    }

    fn no_more(&mut self, tokens: &[Lexeme<'t>], wanted: usize, word: &str) {
        if let Some(extra) = tokens.get(wanted) {
            self.error(extra.offset, format!("nothing may follow `{word}` here"));
        }
    }

    /// The pipe in the tokens from the `skip`th on.
    fn pipe(
        &mut self,
        offset: usize,
        tokens: &[Lexeme<'t>],
        skip: usize,
        ranges: bool,
    ) -> Option<Pipe> {
        let tokens = Tokens::new(tokens.get(skip..).unwrap_or_default());
        match self.pipe_whole(offset, tokens, ranges) {
            Ok(pipe) => Some(pipe),
            Err(error) => {
                self.errors.push(error);
                None
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    If,
    With,
    Range,
}

fn first_word<'t>(tokens: &[Lexeme<'t>]) -> &'t str {
    match tokens.first() {
        Some(Lexeme { token: Token::Word(word), .. }) => word,
        _ => "",
    }
}
