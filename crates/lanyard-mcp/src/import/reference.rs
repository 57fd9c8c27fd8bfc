//! References to the environment inside a text: every spelling that the clients know.

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// As it stands.
    Text(&'a str),
    /// The value of a variable.
    Variable {
        name: &'a str,
        /// What stands for it where it is not set.
        default: Option<&'a str>,
    },
    /// The answer to a question (VS Code).
    Input(&'a str),
    /// What the client knows by itself, such as the directory of the project.
    Builtin(&'a str),
}

/// What clients know by themselves.
const BUILTINS: &[&str] = &[
    "/",
    "CLAUDE_PROJECT_DIR",
    "pathSeparator",
    "userHome",
    "workspaceFolder",
    "workspaceFolderBasename",
];

/// Splits a text: `${X}`, `${X:-default}`, `${env:X}` and `{env:X}` anywhere, `$X` and `$env:X` as
/// the whole, also behind a word such as `Bearer`.
pub(super) fn split(text: &str) -> Vec<Piece<'_>> {
    if let Some((before, name)) = whole(text) {
        let text = (!before.is_empty()).then_some(Piece::Text(before));
        return text.into_iter().chain([Piece::Variable { name, default: None }]).collect();
    }
    let (mut pieces, mut rest, mut from) = (Vec::new(), text, 0_usize);
    while let Some((at, opening)) = next_opening(rest, from) {
        let (before, reference) = rest.split_at_checked(at).unwrap_or((rest, ""));
        let found = reference
            .strip_prefix(opening)
            .and_then(|inner| inner.split_once('}'))
            .and_then(|(inner, after)| Some((read(inner, opening)?, after)));
        match found {
            Some((piece, after)) => {
                pieces.extend((!before.is_empty()).then_some(Piece::Text(before)));
                pieces.push(piece);
                (rest, from) = (after, 0);
            }
            // What only looks like the beginning of a reference is text.
            None => from = at.saturating_add(opening.len()),
        }
    }
    pieces.extend((!rest.is_empty()).then_some(Piece::Text(rest)));
    pieces
}

/// `$X` and `$env:X`, and what stands before.
fn whole(text: &str) -> Option<(&str, &str)> {
    let start = text.rfind(' ').map_or(0, |space| space.saturating_add(1));
    let (before, reference) = text.split_at_checked(start)?;
    let name = reference.strip_prefix('$')?;
    let shouted = |name: &str| name.bytes().all(|byte| !byte.is_ascii_lowercase());
    let name = match name.strip_prefix("env:") {
        Some(name) => Some(name),
        // A password may begin with a dollar sign; names of variables are in capitals.
        None => Some(name).filter(|name| shouted(name)),
    };
    let is_scheme = before.trim_end().bytes().all(|byte| byte.is_ascii_alphanumeric());
    name.filter(|name| is_scheme && is_variable(name)).map(|name| (before, name))
}

fn next_opening(text: &str, from: usize) -> Option<(usize, &'static str)> {
    let openings = ["${", "{env:"];
    let found = openings.into_iter().filter_map(|opening| {
        let at = text.get(from..)?.find(opening)?;
        Some((at.saturating_add(from), opening))
    });
    found.min_by_key(|(at, _)| *at)
}

fn read<'a>(inner: &'a str, opening: &str) -> Option<Piece<'a>> {
    let variable =
        |name: &'a str, default| is_variable(name).then_some(Piece::Variable { name, default });
    if opening == "{env:" {
        return variable(inner, None);
    }
    if let Some(id) = inner.strip_prefix("input:") {
        return Some(Piece::Input(id));
    }
    if BUILTINS.contains(&inner) || inner.starts_with("workspaceFolder:") {
        return Some(Piece::Builtin(inner));
    }
    match inner.strip_prefix("env:").unwrap_or(inner).split_once(":-") {
        Some((name, default)) => variable(name, Some(default)),
        None => variable(inner.strip_prefix("env:").unwrap_or(inner), None),
    }
}

fn is_variable(name: &str) -> bool {
    let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    first && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::{Piece, split};

    #[track_caller]
    fn check(text: &str, expected: Expect) {
        let pieces = split(text).into_iter().map(|piece| match piece {
            Piece::Text(text) => format!("{text:?}"),
            Piece::Variable { name, default: None } => name.to_owned(),
            Piece::Variable { name, default: Some(default) } => format!("{name}|{default:?}"),
            Piece::Input(id) => format!("input({id})"),
            Piece::Builtin(name) => format!("builtin({name})"),
        });
        expected.assert_eq(&pieces.collect::<Vec<_>>().join(" "));
    }

    #[test]
    fn what_is_no_reference_stays_text() {
        check("", expect![[""]]);
        check("$", expect![[r#""$""#]]);
        check("pa$$word", expect![[r#""pa$$word""#]]);
        check("$abc", expect![[r#""$abc""#]]);
        check("${", expect![[r#""${""#]]);
        check("${}", expect![[r#""${}""#]]);
        check("${a b}", expect![[r#""${a b}""#]]);
        check("${${A}}", expect![[r#""${" A "}""#]]);
        check("{env:}", expect![[r#""{env:}""#]]);
        check("a $B c", expect![[r#""a $B c""#]]);
        check("x=y $B", expect![[r#""x=y $B""#]]);
        check("${command:x}", expect![[r#""${command:x}""#]]);
    }

    #[test]
    fn references() {
        check("$TOKEN", expect!["TOKEN"]);
        check("Bearer $TOKEN", expect![[r#""Bearer " TOKEN"#]]);
        check("$env:token", expect!["token"]);
        check("Bearer ${TOKEN}", expect![[r#""Bearer " TOKEN"#]]);
        check("${env:A}/{env:B}-${C:-d}", expect![[r#"A "/" B "-" C|"d""#]]);
        check("${input:key} x", expect![[r#"input(key) " x""#]]);
        check("${workspaceFolder}/a", expect![[r#"builtin(workspaceFolder) "/a""#]]);
        check("${A:-}", expect![[r#"A|"""#]]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost(text in "[a-zA-Z:${} -]{0,40}") {
            let mut rest = text.as_str();
            for piece in split(&text) {
                let part = match piece {
                    Piece::Text(part) | Piece::Input(part) | Piece::Builtin(part) => part,
                    Piece::Variable { name, default: _ } => name,
                };
                let after = rest.split_once(part).map(|(_, after)| after);
                prop_assert!(after.is_some());
                rest = after.unwrap_or_default();
            }
        }
    }
}
