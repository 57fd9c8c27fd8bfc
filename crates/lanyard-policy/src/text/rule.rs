//! One rule of a policy file: whom it is for, what it says, and what its annotations add.

use std::collections::BTreeSet;
use std::str::FromStr as _;
use std::time::Duration;

use cedar_policy::{Effect as CedarEffect, Expression, Policy};
use serde_json::Value;
use unicode_normalization::UnicodeNormalization as _;

use super::expression::{Leaf, Literal, Read, Tree};
use super::scope::Scope;

/// What a rule does where it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It allows, unless something forbids.
    Permit,
    /// It forbids, whatever allows.
    Forbid,
}

impl Effect {
    /// The word of the policy file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::Forbid => "forbid",
        }
    }
}

/// What a rule is, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleInfo {
    /// Its name: `@id("...")`.
    pub id: String,
    /// What it does.
    pub effect: Effect,
    /// Whether it is decided and recorded, and not enforced.
    pub shadow: bool,
    /// Whether a human's yes lifts it.
    pub approval: Option<ApprovalTerms>,
    /// What the agent is told when it forbids: `@message("...")`.
    pub message: Option<String>,
    /// The line on which it begins, from 1.
    pub line: usize,
}

/// On what terms a human's yes lifts a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalTerms {
    /// Why a human is asked.
    pub reason: String,
    /// How long a yes can be used, and a question stands.
    pub ttl: Duration,
}

/// How long a yes holds where the rule does not say: long enough to fetch somebody, and no longer.
const APPROVAL_TTL: Duration = Duration::from_secs(600);

/// The longest that a rule may say.
const APPROVAL_TTL_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// A rule, ready to be evaluated.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) info: RuleInfo,
    pub(crate) principal: Scope,
    pub(crate) action: Scope,
    pub(crate) resource: Scope,
    /// All of its conditions as one: an `unless` is a `when` that is turned round.
    pub(crate) condition: Option<Condition>,
    /// As Cedar knows it, for the check of types.
    pub(crate) policy: Policy,
}

/// The condition of a rule: whole, and by its parts.
#[derive(Debug)]
pub(crate) struct Condition {
    pub(crate) whole: Expression,
    pub(crate) tree: Tree<(Leaf, Expression)>,
    pub(crate) reads: BTreeSet<Read>,
}

/// A problem of one rule, and what to do.
pub(crate) type Fault = (String, Option<String>);

impl Rule {
    /// Reads a rule of which Cedar has made sense. All that is wrong with it comes at once.
    pub(crate) fn read(policy: &Policy, line: usize, all_shadow: bool) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let form = policy.to_json().map_err(|error| vec![(error.to_string(), None)])?;
        let info = info(policy, line, all_shadow, &mut faults);
        let condition = match condition(&form) {
            Ok(condition) => condition,
            Err(fault) => {
                faults.push((fault, None));
                None
            }
        };
        if let Some(condition) = &condition {
            literals(condition, &mut faults);
        }
        let scope = |name| form.get(name).and_then(Scope::read);
        let scopes = (scope("principal"), scope("action"), scope("resource"));
        let (Some(principal), Some(action), Some(resource)) = scopes else {
            faults.push(("its head is of a kind that is not known here".to_owned(), None));
            return Err(faults);
        };
        if let Some(condition) = &condition {
            placed(condition, &action, &mut faults);
        }
        if action.names().iter().any(|name| name.id == "call") && matches!(action, Scope::Is(_)) {
            let help =
                "write `action in Action::\"call\"`: each tool has an action of its own in it";
            faults.push((
                "`action == Action::\"call\"` is never true".to_owned(),
                Some(help.to_owned()),
            ));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let policy = policy.clone();
        Ok(Self { info, principal, action, resource, condition, policy })
    }

    /// What it reads of a call.
    pub(crate) fn reads(&self) -> impl Iterator<Item = &Read> {
        self.condition.iter().flat_map(|condition| &condition.reads)
    }
}

const KNOWN: [&str; 5] = ["id", "message", "shadow", "approval", "approval_ttl"];

fn info(policy: &Policy, line: usize, all_shadow: bool, faults: &mut Vec<Fault>) -> RuleInfo {
    let effect = match policy.effect() {
        CedarEffect::Permit => Effect::Permit,
        CedarEffect::Forbid => Effect::Forbid,
    };
    for (key, _) in policy.annotations() {
        if !KNOWN.contains(&key) {
            let known = KNOWN.map(|it| format!("@{it}")).join(", ");
            faults.push((format!("@{key} is not known"), Some(format!("known are {known}"))));
        }
    }
    let id = policy.annotation("id").unwrap_or_default();
    if !is_id(id) {
        let help = "begin it with @id(\"no-push\"): letters, digits, `-`, `_` and `.`, at most 64";
        faults.push(("it has no usable name".to_owned(), Some(help.to_owned())));
    }
    let message = policy.annotation("message").map(str::to_owned);
    let approval = approval(policy, effect, faults);
    let shadow = all_shadow || policy.annotation("shadow").is_some();
    RuleInfo { id: id.to_owned(), effect, shadow, approval, message, line }
}

fn is_id(text: &str) -> bool {
    let known = |one: char| one.is_ascii_alphanumeric() || matches!(one, '-' | '_' | '.');
    (1..=64).contains(&text.len()) && text.chars().all(known)
}

fn approval(policy: &Policy, effect: Effect, faults: &mut Vec<Fault>) -> Option<ApprovalTerms> {
    let ttl = match policy.annotation("approval_ttl") {
        None => APPROVAL_TTL,
        Some(text) => span(text).filter(|it| *it <= APPROVAL_TTL_MAX).unwrap_or_else(|| {
            let help = "write a number and s, m, h or d, at most 7d: @approval_ttl(\"10m\")";
            faults.push((format!("`{text}` is no span of time"), Some(help.to_owned())));
            APPROVAL_TTL
        }),
    };
    let reason = policy.annotation("approval");
    match (reason, effect) {
        (Some(reason), Effect::Forbid) => Some(ApprovalTerms { reason: reason.to_owned(), ttl }),
        (Some(_), Effect::Permit) => {
            let help = "write it as a forbid: it holds until somebody says yes";
            faults.push(("@approval stands on a permit".to_owned(), Some(help.to_owned())));
            None
        }
        (None, _) => {
            if policy.annotation("approval_ttl").is_some() {
                faults.push(("@approval_ttl stands without @approval".to_owned(), None));
            }
            None
        }
    }
}

fn span(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let count: u64 = text.strip_suffix(unit)?.parse().ok().filter(|count| *count > 0)?;
    let seconds: u64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    count.checked_mul(seconds).map(Duration::from_secs)
}

fn condition(form: &Value) -> Result<Option<Condition>, String> {
    let clauses = form.get("conditions").and_then(Value::as_array);
    let mut whole: Option<Tree> = None;
    for clause in clauses.into_iter().flatten() {
        let body = clause.get("body").ok_or("a condition of it has no body")?;
        let tree = Tree::read(body)?;
        let tree = match clause.get("kind").and_then(Value::as_str) {
            Some("when") => tree,
            Some("unless") => Tree::Not(Box::new(tree)),
            Some(_) | None => return Err("a condition of it is of no known kind".to_owned()),
        };
        whole = Some(match whole {
            Some(before) => Tree::And(Box::new(before), Box::new(tree)),
            None => tree,
        });
    }
    let Some(tree) = whole else { return Ok(None) };
    let reads = tree.leaves().into_iter().flat_map(|leaf| leaf.reads.clone()).collect();
    let whole = parse(&tree.text())?;
    Ok(Some(Condition { whole, tree: compiled(tree)?, reads }))
}

fn compiled(tree: Tree) -> Result<Tree<(Leaf, Expression)>, String> {
    let boxed = |tree: Box<Tree>| compiled(*tree).map(Box::new);
    Ok(match tree {
        Tree::And(left, right) => Tree::And(boxed(left)?, boxed(right)?),
        Tree::Or(left, right) => Tree::Or(boxed(left)?, boxed(right)?),
        Tree::Not(inner) => Tree::Not(boxed(inner)?),
        Tree::If(one, two, three) => Tree::If(boxed(one)?, boxed(two)?, boxed(three)?),
        Tree::Leaf(leaf) => {
            let expression = parse(&leaf.text)?;
            Tree::Leaf((leaf, expression))
        }
    })
}

fn parse(text: &str) -> Result<Expression, String> {
    Expression::from_str(text).map_err(|error| format!("it cannot be read again: {error}"))
}

/// A rule that reads arguments is for what has arguments.
fn placed(condition: &Condition, action: &Scope, faults: &mut Vec<Fault>) {
    let reads = condition.reads.iter().any(Read::is_of_arguments);
    let calls = |id: &str| id == "call" || id.starts_with("call:");
    let names = action.names();
    if reads && (names.is_empty() || names.iter().any(|name| !calls(&name.id))) {
        let help = "write `action in Action::\"call\"` in its head";
        let problem = "it reads arguments, and is not for calls alone";
        faults.push((problem.to_owned(), Some(help.to_owned())));
    }
}

/// Literals that could not be held against every way in which an argument can be written.
fn literals(condition: &Condition, faults: &mut Vec<Fault>) {
    let leaves = condition.tree.parts();
    for literal in leaves.iter().flat_map(|(leaf, _)| &leaf.literals) {
        let text = match literal {
            Literal::Whole(i64::MAX | i64::MIN) => {
                faults.push((
                    "the largest and the smallest whole number stand for all that lie beyond"
                        .to_owned(),
                    Some("use one that is a little smaller".to_owned()),
                ));
                continue;
            }
            Literal::Whole(_) => continue,
            Literal::Decimal(text) if is_last_decimal(text) => {
                faults.push((
                    "the largest and the smallest decimal stand for all that lie beyond".to_owned(),
                    Some("use one that is a little smaller".to_owned()),
                ));
                continue;
            }
            Literal::Decimal(_) | Literal::Action(_) => continue,
            Literal::Text(text) => text.clone(),
            Literal::Pattern(pattern) => pattern.iter().flatten().collect(),
        };
        let folded: String = text.nfkc().collect();
        if folded != text {
            faults.push((
                format!("\"{text}\" can be written in other characters that look the same"),
                Some(format!("write \"{folded}\", which stands for all of them")),
            ));
        }
    }
}

fn is_last_decimal(text: &str) -> bool {
    let digits = text.trim_start_matches('-').trim_start_matches('0');
    digits.starts_with("922337203685477.580")
}

impl<L> Tree<L> {
    /// Every part, in order.
    pub(crate) fn parts(&self) -> Vec<&L> {
        match self {
            Self::And(left, right) | Self::Or(left, right) => {
                left.parts().into_iter().chain(right.parts()).collect()
            }
            Self::Not(inner) => inner.parts(),
            Self::If(one, two, three) => {
                one.parts().into_iter().chain(two.parts()).chain(three.parts()).collect()
            }
            Self::Leaf(leaf) => vec![leaf],
        }
    }
}
