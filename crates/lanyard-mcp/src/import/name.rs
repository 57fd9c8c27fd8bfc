//! Names of files, made into names of ours.

use std::collections::BTreeSet;

use lanyard_core::ServerName;

/// The longest name. Source: `ServerName`.
const NAME_CHARS_MAX: usize = 64;

/// The name of a server, made valid and unlike those that are used: lower case, and one hyphen
/// for all that is neither letter nor digit.
pub(super) fn server_name(
    prefix: &str,
    original: &str,
    used: &mut BTreeSet<ServerName>,
) -> Option<ServerName> {
    let plain = slug(&format!("{prefix}{original}"));
    let plain = if plain.is_empty() { "server".to_owned() } else { plain };
    let numbered = (2..1000).map(|number| {
        let end = format!("-{number}");
        let room = NAME_CHARS_MAX.saturating_sub(end.len());
        let start: String = plain.chars().take(room).collect();
        format!("{}{end}", start.trim_end_matches('-'))
    });
    let name = std::iter::once(plain.clone())
        .chain(numbered)
        .filter_map(|name| ServerName::parse(&name).ok())
        .find(|name| !used.contains(name))?;
    used.insert(name.clone());
    Some(name)
}

fn slug(text: &str) -> String {
    let mut slug = String::new();
    for character in text.chars().flat_map(char::to_lowercase) {
        if character.is_ascii_alphanumeric() {
            slug.push(character);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let cut: String = slug.chars().take(NAME_CHARS_MAX).collect();
    cut.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::server_name;

    #[test]
    fn names_become_valid_and_stay_apart() {
        let mut used = BTreeSet::new();
        let mut check = |prefix: &str, original: &str, expected: &str| {
            let name = server_name(prefix, original, &mut used).unwrap();
            assert_eq!(name.as_str(), expected);
        };
        check("", "github", "github");
        check("", "GitHub", "github-2");
        check("", "My Files (work)", "my-files-work");
        check("", "my_files-work", "my-files-work-2");
        check("team-", "@acme/wiki", "team-acme-wiki");
        check("", "日本", "server");
        check("", "", "server-2");
        check("", &"a".repeat(80), &"a".repeat(64));
        check("", &"a".repeat(90), &format!("{}-2", "a".repeat(62)));
    }
}
