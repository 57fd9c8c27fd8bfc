//! A parsed template. Names are resolved: a function is its entry in the table, a variable its
//! slot, a `template` its number.

use regex::Regex;

use super::functions::Function;

/// The templates of one text: the main one first, then the defined ones.
#[derive(Debug, Default)]
pub(super) struct Program {
    pub(super) bodies: Vec<Body>,
}

/// One template: its nodes and how many variables it has at a time.
#[derive(Debug, Default)]
pub(super) struct Body {
    pub(super) nodes: Vec<Node>,
    pub(super) slots: usize,
}

/// A part of a template.
#[derive(Debug)]
pub(super) enum Node {
    Literal { offset: usize, text: Box<str> },
    Action(Pipe),
    If { test: Pipe, then: Vec<Self>, otherwise: Vec<Self> },
    With { test: Pipe, then: Vec<Self>, otherwise: Vec<Self> },
    Range { over: Pipe, body: Vec<Self>, otherwise: Vec<Self> },
    Template { body: usize, data: Option<Pipe> },
    Break,
    Continue,
}

/// `$x := a | b`
#[derive(Debug)]
pub(super) struct Pipe {
    pub(super) offset: usize,
    /// What is declared or assigned; empty for a pipe that only gives a value.
    pub(super) targets: Vec<usize>,
    /// A pipe has at least one stage.
    pub(super) stages: Vec<Stage>,
}

/// One stage of a pipe.
#[derive(Debug)]
pub(super) enum Stage {
    Operand(Operand),
    Call(Call),
}

/// A function and its written arguments.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) offset: usize,
    pub(super) function: &'static Function,
    pub(super) arguments: Vec<Operand>,
    /// The pattern of a regex function, compiled if it is written in the template.
    pub(super) regex: Option<Regex>,
    /// Whether `default` or `coalesce` follows.
    pub(super) guarded: bool,
}

/// Something that has a value, and the fields read from it.
#[derive(Debug)]
pub(super) struct Operand {
    pub(super) offset: usize,
    pub(super) base: Base,
    pub(super) fields: Vec<Box<str>>,
    /// Whether `default` or `coalesce` gives a value in its place if it is missing.
    pub(super) guarded: bool,
}

/// What an operand starts from.
#[derive(Debug)]
pub(super) enum Base {
    Dot,
    Root,
    Local(usize),
    Global(Box<str>),
    Text(Box<str>),
    Int(i64),
    Float(f64),
    Bool(bool),
    Nil,
    Pipe(Box<Pipe>),
    Call(Box<Call>),
}
