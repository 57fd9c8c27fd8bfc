//! Pipes: declarations, stages, calls and operands.

use super::super::TemplateError;
use super::super::ast::{Base, Call, Operand, Pipe, Stage};
use super::super::functions::{self, Function};
use super::super::lex::{Lexeme, Token};
use super::super::regexes;
use super::Parser;

type Parsed<T> = Result<T, TemplateError>;

/// The tokens of one action, and the next to read.
pub(super) struct Tokens<'s, 't> {
    list: &'s [Lexeme<'t>],
    at: usize,
}

impl<'s, 't> Tokens<'s, 't> {
    pub(super) fn new(list: &'s [Lexeme<'t>]) -> Self {
        Self { list, at: 0 }
    }

    fn peek(&self) -> Option<&'s Token<'t>> {
        self.list.get(self.at).map(|lexeme| &lexeme.token)
    }

    fn peek_after(&self, count: usize) -> Option<&'s Token<'t>> {
        self.list.get(self.at.saturating_add(count)).map(|lexeme| &lexeme.token)
    }

    fn next(&mut self) -> Option<&'s Lexeme<'t>> {
        let lexeme = self.list.get(self.at)?;
        self.at = self.at.saturating_add(1);
        Some(lexeme)
    }

    fn skip(&mut self, count: usize) {
        self.at = self.at.saturating_add(count);
    }

    fn eat(&mut self, token: &Token<'_>) -> bool {
        let found = self.peek() == Some(token);
        self.skip(usize::from(found));
        found
    }

    fn spaced(&self) -> bool {
        self.list.get(self.at).is_some_and(|lexeme| lexeme.spaced)
    }

    /// Where the next token stands, or the end of the last one.
    fn offset(&self, fallback: usize) -> usize {
        let here = self.list.get(self.at).or_else(|| self.list.last());
        here.map_or(fallback, |lexeme| lexeme.offset)
    }
}

/// The variables on the left of a pipe.
struct Targets<'t> {
    names: Vec<(&'t str, usize)>,
    declares: bool,
}

impl<'t> Parser<'t> {
    /// A pipe that takes all tokens.
    pub(super) fn pipe_whole(
        &mut self,
        offset: usize,
        mut tokens: Tokens<'_, 't>,
        ranges: bool,
    ) -> Parsed<Pipe> {
        let pipe = self.pipe_here(offset, &mut tokens, ranges)?;
        match tokens.next() {
            None => Ok(pipe),
            Some(extra) => Err(error(extra.offset, "unexpected token")),
        }
    }

    fn pipe_here(
        &mut self,
        offset: usize,
        tokens: &mut Tokens<'_, 't>,
        ranges: bool,
    ) -> Parsed<Pipe> {
        let targets = targets(tokens, ranges)?;
        let mut stages = Vec::new();
        loop {
            stages.push(self.stage(offset, tokens, !stages.is_empty())?);
            if !tokens.eat(&Token::Pipe) {
                break;
            }
        }
        let mut guarded = false;
        for stage in stages.iter_mut().rev() {
            if guarded {
                guard(stage);
            }
            guarded = guarded || matches!(stage, Stage::Call(call) if call.function.guards);
        }
        let targets = self.bind(&targets)?;
        Ok(Pipe { offset, targets, stages })
    }

    /// Gives the targets their slots. A declared name is known only after its own pipe.
    fn bind(&mut self, targets: &Targets<'t>) -> Parsed<Vec<usize>> {
        let mut slots = Vec::new();
        for (name, offset) in &targets.names {
            if targets.declares {
                slots.push(self.scope.names.len());
                self.scope.names.push((*name).to_owned());
                self.scope.slots = self.scope.slots.max(self.scope.names.len());
            } else {
                let known = self.scope.names.iter().rposition(|known| known == name);
                slots.push(known.ok_or_else(|| undefined(name, *offset))?);
            }
        }
        Ok(slots)
    }

    fn stage(&mut self, offset: usize, tokens: &mut Tokens<'_, 't>, piped: bool) -> Parsed<Stage> {
        let at = tokens.offset(offset);
        if let Some(Token::Word(word)) = tokens.peek()
            && !matches!(*word, "true" | "false" | "nil")
        {
            return self.call(at, tokens, piped).map(Stage::Call);
        }
        if matches!(tokens.peek(), None | Some(Token::Pipe | Token::Close)) {
            return Err(error(at, "a value is missing"));
        }
        if tokens.peek() == Some(&Token::Word("nil")) {
            return Err(error(at, "`nil` is only an argument"));
        }
        let operand = self.operand(tokens)?;
        if piped {
            return Err(error(at, "only a function can take a piped value"));
        }
        if !matches!(tokens.peek(), None | Some(Token::Pipe | Token::Close)) {
            return Err(error(tokens.offset(at), "only a function takes arguments"));
        }
        Ok(Stage::Operand(operand))
    }

    fn call(&mut self, at: usize, tokens: &mut Tokens<'_, 't>, piped: bool) -> Parsed<Call> {
        let function = function(tokens)?;
        let mut arguments = Vec::new();
        while !matches!(tokens.peek(), None | Some(Token::Pipe | Token::Close)) {
            if !tokens.spaced() {
                return Err(error(tokens.offset(at), "a space is missing between arguments"));
            }
            arguments.push(self.operand(tokens)?);
        }
        call(at, function, arguments, piped)
    }

    fn operand(&mut self, tokens: &mut Tokens<'_, 't>) -> Parsed<Operand> {
        let Some(lexeme) = tokens.next() else {
            return Err(error(tokens.offset(0), "a value is missing"));
        };
        let offset = lexeme.offset;
        let mut fields = Vec::new();
        let base = match &lexeme.token {
            Token::Field(name) => {
                fields.push((*name).into());
                Base::Dot
            }
            Token::Dot => Base::Dot,
            Token::Variable(name) => self.variable(name, offset)?,
            Token::Text(text) => Base::Text(text.as_str().into()),
            Token::Int(number) => Base::Int(*number),
            Token::Float(number) => Base::Float(*number),
            Token::Open => self.parenthesised(offset, tokens)?,
            Token::Word("true") => Base::Bool(true),
            Token::Word("false") => Base::Bool(false),
            Token::Word("nil") => Base::Nil,
            Token::Word(_) => {
                tokens.at = tokens.at.saturating_sub(1);
                let function = function(tokens)?;
                Base::Call(Box::new(call(offset, function, Vec::new(), false)?))
            }
            Token::Pipe | Token::Comma | Token::Declare | Token::Assign | Token::Close => {
                return Err(error(offset, "unexpected token"));
            }
        };
        let readable = matches!(base, Base::Dot | Base::Root | Base::Local(_))
            || matches!(base, Base::Global(_) | Base::Pipe(_));
        while let Some(Token::Field(name)) = tokens.peek()
            && !tokens.spaced()
        {
            if !readable || (matches!(base, Base::Dot) && fields.is_empty()) {
                return Err(error(tokens.offset(offset), "this value has no fields"));
            }
            fields.push((*name).into());
            tokens.skip(1);
        }
        Ok(Operand { offset, base, fields, guarded: false })
    }

    fn parenthesised(&mut self, offset: usize, tokens: &mut Tokens<'_, 't>) -> Parsed<Base> {
        if !self.enter(offset) {
            return Err(error(offset, "nested too deep"));
        }
        let pipe = self.pipe_here(offset, tokens, false);
        self.depth = self.depth.saturating_sub(1);
        let pipe = pipe?;
        if !tokens.eat(&Token::Close) {
            return Err(error(offset, "`)` is missing"));
        }
        if !pipe.targets.is_empty() {
            return Err(error(offset, "a variable is declared inside parentheses"));
        }
        Ok(Base::Pipe(Box::new(pipe)))
    }

    fn variable(&self, name: &str, offset: usize) -> Parsed<Base> {
        if name.is_empty() {
            return Ok(Base::Root);
        }
        if let Some(slot) = self.scope.names.iter().rposition(|known| known == name) {
            return Ok(Base::Local(slot));
        }
        if self.variables.contains(&name) {
            return Ok(Base::Global(name.into()));
        }
        Err(undefined(name, offset))
    }
}

/// `$x :=`, `$x =`, and for `range` also `$i, $x :=`.
fn targets<'t>(tokens: &mut Tokens<'_, 't>, ranges: bool) -> Parsed<Targets<'t>> {
    let mut names = Vec::new();
    let mut ahead: usize = 0;
    while let Some(Token::Variable(name)) = tokens.peek_after(ahead) {
        let offset = tokens.list.get(tokens.at.saturating_add(ahead)).map_or(0, |one| one.offset);
        names.push((*name, offset));
        match tokens.peek_after(ahead.saturating_add(1)) {
            Some(Token::Comma) if ranges && names.len() < 2 => ahead = ahead.saturating_add(2),
            Some(token @ (Token::Declare | Token::Assign)) => {
                if let Some((_, offset)) = names.iter().find(|(name, _)| name.is_empty()) {
                    return Err(error(*offset, "`$` cannot be set"));
                }
                tokens.skip(ahead.saturating_add(2));
                return Ok(Targets { names, declares: *token == Token::Declare });
            }
            _ => break,
        }
    }
    Ok(Targets { names: Vec::new(), declares: false })
}

fn function(tokens: &mut Tokens<'_, '_>) -> Parsed<&'static Function> {
    let at = tokens.offset(0);
    let Some(Lexeme { token: Token::Word(name), .. }) = tokens.next() else {
        return Err(error(at, "a function is missing"));
    };
    if matches!(*name, "if" | "range" | "with" | "else" | "end" | "define" | "template" | "block") {
        return Err(error(at, format!("unexpected `{name}`")));
    }
    functions::named(name).ok_or_else(|| {
        let near = functions::nearest(name).map(|near| format!("; did you mean `{near}`?"));
        error(at, format!("function `{name}` is not defined{}", near.unwrap_or_default()))
    })
}

fn call(
    offset: usize,
    function: &'static Function,
    mut arguments: Vec<Operand>,
    piped: bool,
) -> Parsed<Call> {
    let count = arguments.len().saturating_add(usize::from(piped));
    if count < function.least || function.most.is_some_and(|most| count > most) {
        let wanted = match function.most {
            Some(most) if most == function.least => most.to_string(),
            Some(most) => format!("{} to {most}", function.least),
            None => format!("at least {}", function.least),
        };
        let name = function.name;
        return Err(error(offset, format!("`{name}` takes {wanted} arguments, not {count}")));
    }
    if function.guards {
        arguments.iter_mut().for_each(guard_operand);
    }
    let mut regex = None;
    if let Some(Operand { base: Base::Text(pattern), offset, .. }) = arguments.first()
        && function.name.contains("egex")
    {
        regex = Some(
            regexes::compile(pattern, regexes::Author::Template)
                .map_err(|message| error(*offset, message))?,
        );
    }
    Ok(Call { offset, function, arguments, regex, guarded: function.guards })
}

/// Marks a stage whose missing values something later replaces.
fn guard(stage: &mut Stage) {
    match stage {
        Stage::Operand(operand) => guard_operand(operand),
        Stage::Call(call) => guard_call(call),
    }
}

fn guard_call(call: &mut Call) {
    call.guarded = true;
    call.arguments.iter_mut().for_each(guard_operand);
}

fn guard_operand(operand: &mut Operand) {
    operand.guarded = true;
    match &mut operand.base {
        Base::Pipe(pipe) => pipe.stages.iter_mut().for_each(guard),
        Base::Call(call) => guard_call(call),
        Base::Dot
        | Base::Root
        | Base::Local(_)
        | Base::Global(_)
        | Base::Text(_)
        | Base::Int(_)
        | Base::Float(_)
        | Base::Bool(_)
        | Base::Nil => {}
    }
}

fn undefined(name: &str, offset: usize) -> TemplateError {
    error(offset, format!("variable `${name}` is not defined"))
}

fn error(offset: usize, message: impl Into<String>) -> TemplateError {
    TemplateError { offset, message: message.into() }
}
