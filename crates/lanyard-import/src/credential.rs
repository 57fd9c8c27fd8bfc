//! Finds the credentials of a sample by where they stand, what they stand under and what they look
//! like, and takes them out. What stays in the sample is a place for them.
//!
//! Taken for one by mistake, a value becomes a secret and works as before. Not taken for one, it
//! would stand in a file. So in credential positions doubt is a yes; by its form alone a value is
//! only taken for one where its issuer publishes that form ([`looks_like_live_credential`]).
//!
//! INVARIANT: no note, error or `Debug` text holds a value; a found value is in [`SecretValue`]
//! alone, and overwritten when dropped.

mod beside;
mod find;
mod known;
mod name;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use lanyard_core::SecretName;
use lanyard_core::spelling::words;
use zeroize::{Zeroize as _, Zeroizing};

pub(crate) use beside::speaks_of_one;
pub(crate) use known::Known;
pub use lanyard_core::credential::looks_like_live_credential;
#[cfg(test)]
pub(crate) use lanyard_core::credential::samples_for_test as samples;
pub(crate) use name::{body_holds_credential, names_secret};

use crate::draft::{KeyPlace, Requirement, Scheme, SchemeKind};
use crate::sample::Sample;
use crate::shell::variable::{self, Piece};

/// A credential that stood in what was imported.
#[derive(Debug)]
pub struct FoundSecret {
    /// The name under which it is to be stored, and by which the draft refers to it.
    pub name: SecretName,
    /// The value.
    pub value: SecretValue,
    /// Where it stood, in words: "the header `X-Api-Key`".
    pub place: String,
}

/// The value of a credential on its way to the secret store. It has no `Clone`, prints no value,
/// and is overwritten when dropped.
pub struct SecretValue(String);

impl SecretValue {
    /// Gives the value out, to be sealed.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretValue(..)")
    }
}

impl Drop for SecretValue {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// The credentials of one server, of all its samples.
pub(crate) struct Credentials {
    /// What names of secrets begin with.
    server: String,
    schemes: Vec<Kept>,
    config: Vec<Kept>,
    pub(crate) found: Vec<FoundSecret>,
    names: BTreeSet<SecretName>,
    /// The values of variables that are credentials.
    values: BTreeMap<String, Zeroizing<String>>,
    /// All values that stood somewhere, those too that another took the place of.
    seen: Vec<Zeroizing<String>>,
    /// Which request the value of a secret is from.
    from: BTreeMap<SecretName, String>,
}

/// A credential by its place.
struct Kept {
    place: Place,
    /// The variable that stood for it: two variables are two credentials.
    variable: Option<String>,
    /// The id of its scheme, or its key in `server.config`.
    id: String,
    /// Its reference.
    reference: Option<String>,
}

/// Where a credential goes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Scheme(SchemeKind),
    Config(String),
}

impl Credentials {
    pub(crate) fn new(server: &str, values: BTreeMap<String, Zeroizing<String>>) -> Self {
        Self {
            server: server.to_owned(),
            schemes: Vec::new(),
            config: Vec::new(),
            found: Vec::new(),
            names: BTreeSet::new(),
            values,
            seen: Vec::new(),
            from: BTreeMap::new(),
        }
    }

    /// All values that are credentials.
    pub(crate) fn all_values(&self) -> impl Iterator<Item = &str> {
        self.seen.iter().chain(self.values.values()).map(|value| value.as_str())
    }

    /// Takes the credentials of a sample out, and gives back what its tool asks for.
    pub(crate) fn take(&mut self, sample: &mut Sample) -> Vec<Requirement> {
        find::take(self, sample)
    }

    /// The schemes of the server.
    pub(crate) fn schemes(&self) -> Vec<Scheme> {
        let scheme = |kept: &Kept| match &kept.place {
            Place::Scheme(kind) => Some(Scheme {
                id: kept.id.clone(),
                kind: kind.clone(),
                credential: kept.reference.clone(),
                description: said_of(kind),
            }),
            Place::Config(_) => None,
        };
        self.schemes.iter().filter_map(scheme).collect()
    }

    /// What `server.config` holds: a key and a reference, or nothing yet.
    pub(crate) fn config(&self) -> Vec<(String, Option<String>)> {
        self.config.iter().map(|kept| (kept.id.clone(), kept.reference.clone())).collect()
    }

    /// A credential that a scheme writes. `text` is its value, variables marked; `said` the words
    /// in which it is told.
    fn scheme(
        &mut self,
        sample: &mut Sample,
        kind: SchemeKind,
        text: &str,
        said: &str,
    ) -> Requirement {
        let (id, key) = match &kind {
            SchemeKind::HttpBearer => ("bearer".to_owned(), "token".to_owned()),
            SchemeKind::HttpBasic => ("basic".to_owned(), "login".to_owned()),
            SchemeKind::ApiKey { place: KeyPlace::Cookie, name } => {
                (name.clone(), format!("cookie {name}"))
            }
            SchemeKind::ApiKey { name, .. } => (name.clone(), name.clone()),
        };
        let place = Place::Scheme(kind);
        let id = self.keep(sample, place, id, &key, text, said);
        Requirement { scheme: id, credential: None }
    }

    /// A credential that stands in the path, in a body or behind a word of a header. Gives back
    /// what stays in its place.
    fn config_key(&mut self, sample: &mut Sample, key: &str, text: &str, said: &str) -> String {
        let key = words(key).join("_");
        // A template names it: it begins with a letter.
        let lettered = key.starts_with(|c: char| c.is_ascii_lowercase());
        let key = if lettered { key } else { format!("credential_{key}") };
        let key = key.trim_end_matches('_').to_owned();
        let place = Place::Config(key.clone());
        let id = self.keep(sample, place, key.clone(), &key, text, said);
        variable::secret(&id)
    }

    fn keep(
        &mut self,
        sample: &mut Sample,
        place: Place,
        id: String,
        key: &str,
        text: &str,
        said: &str,
    ) -> String {
        let variable = variable::whole(text).map(str::to_owned);
        let is_scheme = matches!(place, Place::Scheme(_));
        let kept = if is_scheme { &self.schemes } else { &self.config };
        let known = kept.iter().position(|one| {
            one.place == place
                && (one.variable == variable || one.variable.is_none() || variable.is_none())
        });
        let index = known.unwrap_or(kept.len());
        if known.is_none() {
            let taken = |id: &str| kept.iter().any(|one| one.id == id);
            let id = free_id(id, variable.as_deref(), is_scheme, taken);
            let one = Kept { place, variable, id, reference: None };
            let list = if is_scheme { &mut self.schemes } else { &mut self.config };
            list.push(one);
        }
        let list = if is_scheme { &self.schemes } else { &self.config };
        let (id, before) = match list.get(index) {
            Some(one) => (one.id.clone(), one.reference.clone()),
            None => (String::new(), None),
        };
        let reference = self.value(sample, key, text, said, before);
        let list = if is_scheme { &mut self.schemes } else { &mut self.config };
        if let Some(one) = list.get_mut(index) {
            one.reference = reference;
        }
        id
    }

    /// Stores a value, and gives back its reference.
    fn value(
        &mut self,
        sample: &mut Sample,
        key: &str,
        text: &str,
        said: &str,
        before: Option<String>,
    ) -> Option<String> {
        if let Some(Ok(name)) = SecretName::from_reference(text) {
            return Some(name.reference());
        }
        let resolved = self.resolved(text);
        let text = resolved.as_str();
        if name::is_placeholder(text) {
            if before.is_none() {
                sample.info(format!(
                    "{said} is a credential, and only a placeholder or variable stands there: set \
                     its secret before a call"
                ));
            }
            return before;
        }
        self.seen.push(Zeroizing::new(text.to_owned()));
        let known = before.as_deref().and_then(|reference| {
            self.found.iter_mut().find(|found| found.name.reference() == reference)
        });
        if let Some(found) = known {
            if found.value.expose() != text {
                found.value = SecretValue(text.to_owned());
                let message =
                    format!("{said} has another value here than before: this one is kept");
                let place = self.from.insert(found.name.clone(), sample.place.clone());
                // From one request to the next a token is renewed. Two in one are a mistake.
                match place == Some(sample.place.clone()) {
                    true => sample.warn(message),
                    false => sample.info(message),
                }
            }
            return before;
        }
        let Some(name) = self.name_for(key) else {
            sample.warn(format!("{said} is a credential, and no name for its secret was found"));
            return before;
        };
        sample.info(format!("{said} is a credential: it becomes the secret `{name}`"));
        let reference = name.reference();
        self.from.insert(name.clone(), sample.place.clone());
        self.found.push(FoundSecret {
            name,
            value: SecretValue(text.to_owned()),
            place: said.to_owned(),
        });
        Some(reference)
    }

    /// A text with the values of the variables that are known.
    fn resolved(&self, text: &str) -> Zeroizing<String> {
        let mut out = Zeroizing::new(String::new());
        for piece in variable::pieces(text) {
            match piece {
                Piece::Plain(plain) => out.push_str(plain),
                Piece::Variable(name) => match self.values.get(name) {
                    Some(value) => out.push_str(value),
                    None => variable::push(&mut out, name),
                },
                Piece::Secret(name) => out.push_str(&variable::secret(name)),
            }
        }
        out
    }

    /// The server's name and the key's, without what says nothing or is said already.
    fn name_for(&mut self, key: &str) -> Option<SecretName> {
        let server = words(&self.server);
        let all = words(key);
        let mut telling: Vec<&str> = all.iter().map(String::as_str).collect();
        if telling.len() > 1 && telling.first() == Some(&"x") {
            telling.remove(0);
        }
        if telling.len() > server.len() && telling.iter().zip(&server).all(|(a, b)| a == b) {
            telling.drain(..server.len());
        }
        let key: String = telling.join("-").chars().take(40).collect();
        let server: String = server.join("-").chars().take(20).collect();
        let plain = format!("{server}-{key}");
        let numbered = (2..100).map(|number| format!("{plain}-{number}"));
        let name = std::iter::once(plain.clone())
            .chain(numbered)
            .filter_map(|name| SecretName::parse(name.trim_matches('-')).ok())
            .find(|name| !self.names.contains(name))?;
        self.names.insert(name.clone());
        Some(name)
    }
}

/// What a person must know to set the secret.
fn said_of(kind: &SchemeKind) -> Option<String> {
    match kind {
        SchemeKind::HttpBasic => Some("The secret is USER:PASSWORD".to_owned()),
        SchemeKind::ApiKey { place: KeyPlace::Header, name } if name == "Cookie" => {
            Some("The secret is all cookies: NAME=VALUE; NAME=VALUE".to_owned())
        }
        SchemeKind::ApiKey { place: KeyPlace::Header, name }
            if name.eq_ignore_ascii_case("authorization") =>
        {
            Some("The secret is the whole value of the header".to_owned())
        }
        SchemeKind::HttpBearer | SchemeKind::ApiKey { .. } => None,
    }
}

/// An id that no other has: with the variable's name, then with numbers.
fn free_id(
    id: String,
    variable: Option<&str>,
    is_scheme: bool,
    taken: impl Fn(&str) -> bool,
) -> String {
    if !taken(&id) {
        return id;
    }
    let separator = if is_scheme { '-' } else { '_' };
    let named = variable.map(|name| format!("{id}{separator}{}", words(name).join("_")));
    let numbered = (2..u32::MAX).map(|number| format!("{id}{separator}{number}"));
    named.into_iter().chain(numbered).find(|one| !taken(one)).unwrap_or(id)
}
