//! Credentials that are written into a definition: found, named, and taken out.

use std::collections::BTreeSet;
use std::fmt;

use lanyard_core::credential::names_credential;
use lanyard_core::spelling::words;
use lanyard_core::{SecretName, ServerName};

use super::credential::{is_credential, looks_like_one, split_scheme};
use super::{Definition, Part, Remote, Template, Transport, rules};
use crate::Problem;

/// The longest name of a secret.
const NAME_BYTES_MAX: usize = 64;

/// A credential that is written where a reference could stand.
#[derive(Debug)]
pub struct Literal {
    /// Where: `headers.authorization`, `env.TOKEN`, `query.key`, `url`.
    pub place: String,
    /// The name under which it would be stored, made of the server's name and the key's.
    pub secret: SecretName,
    /// The value, without a scheme word before it.
    pub value: LiteralValue,
}

/// The value of a credential on its way to the secret store. It has no `Clone`, prints no value,
/// and is overwritten when dropped.
pub struct LiteralValue(String);

impl LiteralValue {
    /// Gives the value out, to be sealed.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for LiteralValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("LiteralValue(..)")
    }
}

impl Drop for LiteralValue {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}

impl Definition {
    /// The credentials that are written where a reference could stand.
    pub fn literals(&self, server: &ServerName) -> Vec<Literal> {
        self.clone().extract(server)
    }

    /// Takes them out: each is replaced by a reference, and given back to be stored. `Bearer`
    /// before one stays. A credential in the URL's own query moves to `query`.
    pub fn take_literals(&mut self, server: &ServerName) -> Vec<(SecretName, LiteralValue)> {
        let found = self.extract(server);
        found.into_iter().map(|literal| (literal.secret, literal.value)).collect()
    }

    /// What looks like a credential and cannot be taken out: arguments of a process, which every
    /// user of the machine can read, and the path of a URL.
    pub fn exposed(&self) -> Vec<Problem> {
        match &self.transport {
            Transport::Stdio(stdio) => exposed_arguments(&stdio.args),
            Transport::Http(remote) | Transport::Sse(remote) => {
                let path = remote.target.split('?').next().unwrap_or("");
                let is_one = path.split('/').any(looks_like_one);
                let message = "the path holds what looks like a credential; it is stored as it \
                               stands and shown to operators";
                is_one.then(|| Problem::new("url", message)).into_iter().collect()
            }
        }
    }

    fn extract(&mut self, server: &ServerName) -> Vec<Literal> {
        let mut taker = Taker { server, used: self.secrets(), found: Vec::new() };
        match &mut self.transport {
            Transport::Stdio(stdio) => taker.pairs("env", &mut stdio.env),
            Transport::Http(remote) | Transport::Sse(remote) => {
                taker.pairs("headers", &mut remote.headers);
                taker.pairs("query", &mut remote.query);
                taker.url(remote);
            }
        }
        taker.found
    }
}

fn exposed_arguments(args: &[String]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut before = "";
    for (index, argument) in args.iter().enumerate() {
        let (name, value) = argument.split_once(['=', ':']).unwrap_or(("", argument));
        let follows =
            before.starts_with('-') && !argument.starts_with('-') && names_credential(before);
        let named = !name.is_empty() && names_credential(name) && !name.contains(['/', '@']);
        let is_one = looks_like_one(argument)
            || looks_like_one(value.trim())
            || (follows && is_credential(before, argument))
            || (named && is_credential(name, value));
        if is_one {
            let message = "looks like a credential, and every user of the machine can read the \
                           arguments of a process; use `env` if the program allows it";
            problems.push(Problem::new(format!("args[{index}]"), message));
        }
        before = if argument.contains('=') { "" } else { argument };
    }
    problems
}

/// Takes credentials out of one definition.
struct Taker<'a> {
    server: &'a ServerName,
    used: BTreeSet<SecretName>,
    found: Vec<Literal>,
}

impl Taker<'_> {
    fn pairs(&mut self, place: &str, pairs: &mut [(String, Template)]) {
        for (name, template) in pairs {
            if !template.is_plain() {
                continue;
            }
            let text = template.to_string();
            if is_credential(name, &text)
                && let Some(replaced) = self.take(format!("{place}.{name}"), name, &text)
            {
                *template = replaced;
            }
        }
    }

    /// The parts of the URL's own query that are credentials.
    fn url(&mut self, remote: &mut Remote) {
        let Some((path, query)) = remote.target.split_once('?') else { return };
        let mut kept: Vec<&str> = Vec::new();
        let mut moved = Vec::new();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let taken = match (rules::decoded(name), rules::decoded(value)) {
                (Some(name), Some(value)) if is_credential(&name, &value) => {
                    self.take("url".to_owned(), &name, &value).map(|template| (name, template))
                }
                (_, _) => None,
            };
            match taken {
                Some(pair) => moved.push(pair),
                None => kept.push(pair),
            }
        }
        if moved.is_empty() {
            return;
        }
        let mark = if kept.is_empty() { "" } else { "?" };
        remote.target = format!("{path}{mark}{}", kept.join("&"));
        remote.query.extend(moved);
    }

    fn take(&mut self, place: String, key: &str, text: &str) -> Option<Template> {
        let (scheme, value) = split_scheme(text.trim());
        let secret = self.name_for(key)?;
        self.found.push(Literal {
            place,
            secret: secret.clone(),
            value: LiteralValue(value.to_owned()),
        });
        let mut template = Template::text(scheme);
        template.parts.push(Part::Secret(secret));
        Some(template)
    }

    /// The server's name and the key's, without words that say nothing or are said already.
    fn name_for(&mut self, key: &str) -> Option<SecretName> {
        let server = words(self.server.as_str());
        let all = words(key);
        let mut telling: Vec<&str> = all.iter().map(String::as_str).collect();
        if telling.len() > 1 && telling.first() == Some(&"x") {
            telling.remove(0);
        }
        if telling == ["authorization"] {
            telling = vec!["token"];
        }
        let said = said_already(&telling, &server.concat());
        telling.drain(..said);
        let name = telling.join("-");
        let numbered = (2..100).map(|number| format!("{name}-{number}"));
        let name = std::iter::once(name.clone())
            .chain(numbered)
            .filter_map(|key| SecretName::parse(&slug(&server.join("-"), &key)).ok())
            .find(|name| !self.used.contains(name))?;
        self.used.insert(name.clone());
        Some(name)
    }
}

/// The name under which a credential of a server is stored, unlike those that are used.
pub(crate) fn secret_name(
    server: &ServerName,
    key: &str,
    used: &mut BTreeSet<SecretName>,
) -> Option<SecretName> {
    let mut taker = Taker { server, used: std::mem::take(used), found: Vec::new() };
    let name = taker.name_for(key);
    *used = taker.used;
    name
}

/// How many words at the start of a key are the server's name, written apart or together. Never
/// all of them.
fn said_already(key: &[&str], server: &str) -> usize {
    let mut rest = server;
    for (index, word) in key.iter().enumerate() {
        if rest.is_empty() {
            return index;
        }
        match rest.strip_prefix(word) {
            Some(after) => rest = after,
            None => return 0,
        }
    }
    0
}

/// `server-key`, the server's part cut so that the key's fits.
fn slug(server: &str, key: &str) -> String {
    let key: String = key.chars().take(NAME_BYTES_MAX).collect();
    let room = NAME_BYTES_MAX.saturating_sub(key.len().saturating_add(1));
    let server: String = server.chars().take(room).collect();
    format!("{server}-{key}").trim_matches('-').to_owned()
}
