//! What can be known of a template without rendering it: the paths it names, its literal text, and
//! whether a URL's origin depends on more than settings. For the checks when a server is added.

use super::ast::{Base, Call, Node, Operand, Pipe, Program, Stage};
use super::sink::{Buffer, Url};
use super::{PathRoot, PathUse};

/// The facts of one template.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) paths: Vec<PathUse>,
    pub(super) literals: Vec<(usize, Box<str>)>,
    pub(super) prefix: String,
    pub(super) has_actions: bool,
    pub(super) foreign_in_origin: Option<usize>,
}

pub(super) fn facts(program: &Program) -> Facts {
    let mut facts = Facts::default();
    for body in &program.bodies {
        // A defined template is nearly always rendered over the root; where it is not, what it
        // names counts as used all the same.
        facts.nodes(&body.nodes, true);
    }
    let main = program.bodies.first().map(|body| body.nodes.as_slice()).unwrap_or_default();
    for node in main {
        let Node::Literal { text, .. } = node else { break };
        facts.prefix.push_str(text);
    }
    facts.foreign_in_origin = foreign(main, &mut Url::new(Buffer::new(usize::MAX))).err().flatten();
    facts.paths.sort_by_key(|path| path.offset);
    facts.literals.sort_by_key(|(offset, _)| *offset);
    facts
}

impl Facts {
    fn nodes(&mut self, nodes: &[Node], dot_is_root: bool) {
        for node in nodes {
            self.has_actions = self.has_actions || !matches!(node, Node::Literal { .. });
            match node {
                Node::Literal { offset, text } => self.literals.push((*offset, text.clone())),
                Node::Action(pipe) => self.pipe(pipe, dot_is_root),
                Node::If { test, then, otherwise } => {
                    self.pipe(test, dot_is_root);
                    self.nodes(then, dot_is_root);
                    self.nodes(otherwise, dot_is_root);
                }
                Node::With { test: pipe, then: inside, otherwise }
                | Node::Range { over: pipe, body: inside, otherwise } => {
                    self.pipe(pipe, dot_is_root);
                    self.nodes(inside, false);
                    self.nodes(otherwise, dot_is_root);
                }
                Node::Template { data, .. } => {
                    // Handing on the whole data names nothing yet.
                    if let Some(pipe) = data
                        && !is_bare(pipe)
                    {
                        self.pipe(pipe, dot_is_root);
                    }
                }
                Node::Break | Node::Continue => {}
            }
        }
    }

    fn pipe(&mut self, pipe: &Pipe, dot_is_root: bool) {
        for stage in &pipe.stages {
            match stage {
                Stage::Operand(operand) => self.operand(operand, &[], dot_is_root),
                Stage::Call(call) => self.call(call, dot_is_root),
            }
        }
    }

    fn call(&mut self, call: &Call, dot_is_root: bool) {
        let mut arguments = call.arguments.iter();
        if matches!(call.function.name, "index" | "get" | "hasKey")
            && let Some(first) = arguments.next()
        {
            let keys = call.arguments.iter().skip(1).map_while(literal);
            self.operand(first, &keys.collect::<Vec<_>>(), dot_is_root);
        }
        if call.function.name == "gjson"
            && dot_is_root
            && let Some(path) = call.arguments.first().and_then(literal)
        {
            let plain = |part: &&str| {
                part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
            };
            let parts: Vec<&str> = path.split('.').take_while(plain).collect();
            self.path(call.offset, &parts, call.guarded);
        }
        for argument in arguments {
            self.operand(argument, &[], dot_is_root);
        }
    }

    fn operand(&mut self, operand: &Operand, keys: &[&str], dot_is_root: bool) {
        match &operand.base {
            Base::Pipe(pipe) => self.pipe(pipe, dot_is_root),
            Base::Call(call) => self.call(call, dot_is_root),
            Base::Root => self.rooted(operand, keys),
            Base::Dot if dot_is_root => self.rooted(operand, keys),
            Base::Dot
            | Base::Local(_)
            | Base::Global(_)
            | Base::Text(_)
            | Base::Int(_)
            | Base::Float(_)
            | Base::Bool(_)
            | Base::Nil => {}
        }
    }

    fn rooted(&mut self, operand: &Operand, keys: &[&str]) {
        let fields = operand.fields.iter().map(|field| &**field);
        let path: Vec<&str> = fields.chain(keys.iter().copied()).collect();
        if path.is_empty() {
            self.path(operand.offset, &["args"], true);
            self.path(operand.offset, &["config"], true);
        } else {
            self.path(operand.offset, &path, operand.guarded);
        }
    }

    fn path(&mut self, offset: usize, path: &[&str], guarded: bool) {
        let (root, segments) = match path {
            ["args", segments @ ..] => (PathRoot::Args, segments),
            ["config", segments @ ..] => (PathRoot::Config, segments),
            _ => return,
        };
        let segments = segments.iter().map(|&segment| segment.to_owned()).collect();
        self.paths.push(PathUse { offset, root, segments, guarded });
    }
}

fn literal(operand: &Operand) -> Option<&str> {
    if let Base::Text(text) = &operand.base { Some(text) } else { None }
}

/// Whether a pipe is just `.` or `$`.
fn is_bare(pipe: &Pipe) -> bool {
    match pipe.stages.as_slice() {
        [Stage::Operand(operand)] => {
            operand.fields.is_empty() && matches!(operand.base, Base::Dot | Base::Root)
        }
        _ => false,
    }
}

/// Follows the literal text up to the URL's path. Ends early with the offset of an action that
/// reads `.args` before it, or with nothing where no more can be known.
fn foreign(nodes: &[Node], url: &mut Url) -> Result<(), Option<usize>> {
    for node in nodes {
        if !url.is_in_origin() {
            return Err(None);
        }
        match node {
            Node::Literal { text, .. } => url.literal(text).map_err(|_| None)?,
            Node::Action(pipe) if !pipe.targets.is_empty() => {}
            Node::Action(pipe) => {
                let mut facts = Facts::default();
                facts.pipe(pipe, true);
                if facts.paths.iter().any(|path| path.root == PathRoot::Args) {
                    return Err(Some(pipe.offset));
                }
                if url.is_at_start() {
                    // The setting may hold the whole origin and more.
                    return Err(None);
                }
                url.literal("x").map_err(|_| None)?;
            }
            Node::If { then, otherwise, .. } => {
                foreign(otherwise, &mut url.clone())?;
                foreign(then, url)?;
            }
            Node::With { .. } | Node::Range { .. } | Node::Template { .. } => return Err(None),
            Node::Break | Node::Continue => {}
        }
    }
    Ok(())
}
