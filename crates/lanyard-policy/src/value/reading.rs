//! Arguments as policies see them. A value that Cedar cannot hold, or that others may read in
//! another way, has several readings; a call is allowed only where every one of them is.
//!
//! INVARIANT: no reading depends on a schema having been enforced: a value that does not fit its
//! kind is a [`Misfit`], and what reads it is a no.

use std::collections::BTreeSet;

use cedar_policy::RestrictedExpression;
use serde_json::{Map, Value};
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick, is_nfkc_quick};

use super::kind::{Field, Kind, unreadable};
use super::number::{self, Fit};
use crate::text::scope::{Name, uid};

/// In which form texts are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form {
    /// As they came.
    Raw,
    /// Composed.
    Nfc,
    /// With what only looks different made the same.
    Nfkc,
}

impl Form {
    pub(crate) const OTHERS: [Self; 2] = [Self::Nfc, Self::Nfkc];

    pub(crate) fn of(self, text: &str) -> String {
        match self {
            Self::Raw => text.to_owned(),
            Self::Nfc => text.nfc().collect(),
            Self::Nfkc => text.nfkc().collect(),
        }
    }
}

/// At which neighbour numbers are read that Cedar cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound {
    Low,
    High,
}

/// Why a value cannot be read: where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Misfit(pub(crate) String);

/// What was noticed of a value while it was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Noticed {
    /// A text has other forms.
    pub(crate) forms: bool,
    /// A number lies between two that Cedar can hold.
    pub(crate) between: bool,
    /// A number lies beyond all that Cedar can hold.
    pub(crate) beyond: bool,
}

/// Reads values in one way.
#[derive(Debug)]
pub(crate) struct ValueReader {
    pub(crate) form: Form,
    pub(crate) bound: Bound,
    pub(crate) noticed: Noticed,
    /// Where the value stands, as the types have it.
    place: String,
}

impl ValueReader {
    pub(crate) fn new(form: Form, bound: Bound) -> Self {
        Self { form, bound, noticed: Noticed::default(), place: String::new() }
    }

    /// Reads one named value; `None` where it is absent. Null is absent, and what is not there counts
    /// as the schema's default.
    pub(crate) fn field(
        &mut self,
        name: &str,
        field: &Field,
        values: &Map<String, Value>,
    ) -> Result<Option<RestrictedExpression>, Misfit> {
        match present(name, field, values) {
            Some(Value::Null) => {
                Err(Misfit(format!("`{name}` is null, which its schema does not allow")))
            }
            Some(value) => {
                let depth = self.place.len();
                self.place.push('.');
                self.place.push_str(name);
                let read = self.value(&field.kind, value);
                self.place.truncate(depth);
                read.map(Some).map_err(|it| it.below(name))
            }
            None if field.required => Err(Misfit(format!("`{name}` is missing"))),
            None => Ok(None),
        }
    }

    fn value(&mut self, kind: &Kind, value: &Value) -> Result<RestrictedExpression, Misfit> {
        let misfit = || Misfit(String::new());
        match (kind, value) {
            (Kind::Text, Value::String(_)) | (Kind::Mixed, _) => {
                let text = self.text(value).ok_or_else(misfit)?;
                Ok(RestrictedExpression::new_string(text))
            }
            (Kind::Bool, Value::Bool(yes)) => Ok(RestrictedExpression::new_bool(*yes)),
            (Kind::Whole, Value::Number(number)) => {
                let fit = number::whole(number.as_str()).ok_or_else(misfit)?;
                Ok(RestrictedExpression::new_long(self.chosen(fit)))
            }
            (Kind::Decimal, Value::Number(number)) => {
                let fit = number::decimal(number.as_str()).ok_or_else(misfit)?;
                Ok(RestrictedExpression::new_decimal(self.chosen(fit)))
            }
            (Kind::Set(element) | Kind::Several(element), Value::Array(members)) => {
                self.place.push('.');
                let read: Result<Vec<_>, _> =
                    members.iter().map(|it| self.value(element, it)).collect();
                self.place.pop();
                Ok(RestrictedExpression::new_set(read?))
            }
            (Kind::Several(element), single) => {
                self.place.push('.');
                let read = self.value(element, single);
                self.place.pop();
                Ok(RestrictedExpression::new_set([read?]))
            }
            (Kind::Record(fields), Value::Object(members)) => {
                let mut attributes = Vec::with_capacity(fields.len());
                for (name, field) in fields {
                    if let Some(value) = self.field(name, field, members)? {
                        attributes.push((name.clone(), value));
                    }
                }
                RestrictedExpression::new_record(attributes).map_err(|_| misfit())
            }
            (Kind::Unreadable(_), _) => {
                let stands = Name::new(&unreadable(&self.place), "");
                let stands = uid(&stands).map_err(|_| misfit())?;
                Ok(RestrictedExpression::new_entity_uid(stands))
            }
            (
                Kind::Text
                | Kind::Bool
                | Kind::Whole
                | Kind::Decimal
                | Kind::Set(_)
                | Kind::Record(_),
                _,
            ) => Err(misfit()),
        }
    }

    /// The text of a single value.
    pub(crate) fn text(&mut self, value: &Value) -> Option<String> {
        match value {
            Value::String(text) => {
                if has_forms(text) {
                    self.noticed.forms = true;
                }
                Some(self.form.of(text))
            }
            Value::Number(number) => number::canonical(number.as_str()),
            Value::Bool(yes) => Some(yes.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    fn chosen<T>(&mut self, fit: Fit<T>) -> T {
        match fit {
            Fit::Exact(value) => value,
            Fit::Between(low, high) => {
                self.noticed.between = true;
                match self.bound {
                    Bound::Low => low,
                    Bound::High => high,
                }
            }
            Fit::Beyond(last) => {
                self.noticed.beyond = true;
                last
            }
        }
    }
}

impl Misfit {
    fn below(self, name: &str) -> Self {
        if self.0.is_empty() {
            Self(format!("`{name}` is not of the type that its schema says"))
        } else {
            self
        }
    }
}

/// The value of a field; `None` where nothing stands for it.
pub(crate) fn present<'a>(
    name: &str,
    field: &'a Field,
    values: &'a Map<String, Value>,
) -> Option<&'a Value> {
    match values.get(name) {
        Some(Value::Null) if field.nullable => None,
        Some(value) => Some(value),
        None => field.default.as_ref(),
    }
}

/// Whether somebody may read other characters than those that came.
fn has_forms(text: &str) -> bool {
    !text.is_ascii()
        && (is_nfc_quick(text.chars()) != IsNormalized::Yes
            || is_nfkc_quick(text.chars()) != IsNormalized::Yes)
}

/// The names of arguments that the schema does not declare.
pub(crate) fn undeclared(
    declared: impl Fn(&str) -> bool,
    values: &Map<String, Value>,
) -> RestrictedExpression {
    let names: BTreeSet<&String> = values.keys().filter(|name| !declared(name)).collect();
    RestrictedExpression::new_set(
        names.into_iter().map(|name| RestrictedExpression::new_string(name.clone())),
    )
}
