//! Values out of answers that other tools may be tried with: ids of things, and nothing that may be a
//! credential or tells of a person, for what is tried stands in a file and in a command line. Pure.

use lanyard_core::credential::{live_credential, looks_random, names_credential};
use lanyard_core::spelling::words;
use serde_json::Value;

/// Values that are remembered of all answers together, and how deep they are looked for.
const VALUES_MAX: usize = 1000;
const DEPTH_MAX: usize = 8;
/// The longest text that is passed on to another call.
const TEXT_BYTES_MAX: usize = 100;

/// Words of names, and ends of those written without separators, whose values are no ids: they open
/// something, tell of a person, or may be anything.
const HELD: &[&str] = &[
    "address",
    "birth",
    "birthdate",
    "birthday",
    "dob",
    "email",
    "fax",
    "firstname",
    "fullname",
    "iban",
    "lastname",
    "mail",
    "mobile",
    "otp",
    "passport",
    "phone",
    "pin",
    "session",
    "ssn",
    "street",
    "surname",
    "telephone",
    "value",
];

/// Values out of answers, for tools that ask for them.
#[derive(Debug, Default)]
pub(super) struct Pool {
    values: Vec<(String, String, Value)>,
}

impl Pool {
    /// Remembers what a tool's answer holds.
    pub(super) fn add(&mut self, tool: &str, answer: &Value) {
        self.walk(&tool.to_lowercase(), answer, 0);
    }

    fn walk(&mut self, tool: &str, value: &Value, depth: usize) {
        if depth > DEPTH_MAX {
            return;
        }
        let deeper = depth.saturating_add(1);
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.walk(tool, item, deeper)),
            Value::Object(members) => {
                // What stands below such a name may be one as well, whatever its own name is.
                for (name, value) in members.iter().filter(|(name, _)| may_be_passed_on(name)) {
                    let is_id = value.as_str().is_some_and(|text| is_id(name, text));
                    if (is_id || value.is_number()) && self.values.len() < VALUES_MAX {
                        self.values.push((tool.to_owned(), name.clone(), value.clone()));
                    }
                    self.walk(tool, value, deeper);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// Values for an argument: those of its very name, then ids of what it is named after.
    pub(super) fn values<'a>(&'a self, argument: &str) -> impl Iterator<Item = &'a Value> {
        let wanted = flat(argument);
        let stem = stem(argument).unwrap_or_default();
        let same = self.values.iter().filter(move |(_, name, _)| flat(name) == wanted);
        let ids = self.values.iter().filter(move |(tool, name, _)| {
            !stem.is_empty() && flat(name) == "id" && flat(tool).contains(&stem)
        });
        let may = may_be_passed_on(argument);
        same.chain(ids).filter(move |_| may).map(|(_, _, value)| value)
    }
}

/// Whether a value of that name is passed on. Doubt is a no: a value is made up then.
fn may_be_passed_on(name: &str) -> bool {
    let plain = flat(name);
    let is_held = HELD.iter().any(|held| plain.ends_with(held))
        || words(name).iter().any(|word| HELD.contains(&word.as_str()));
    !is_held && !names_credential(name)
}

/// Whether a text can be an id: one word without what an address of mail, a person's name, a sentence
/// or a query has.
fn is_id(name: &str, text: &str) -> bool {
    let is_word = text.chars().all(|letter| letter.is_alphanumeric() || "-_.:/".contains(letter));
    !text.is_empty()
        && text.len() <= TEXT_BYTES_MAX
        && is_word
        && live_credential(text).is_none()
        && (!looks_random(text) || is_long_id(name, text))
}

/// Ids that look as random as credentials do: of MongoDB (24 digits), UUIDs without hyphens (32) and
/// digests (40, 64), in hexadecimal digits under a name of an id. UUIDs with hyphens do not.
fn is_long_id(name: &str, text: &str) -> bool {
    let name = flat(name);
    (name.ends_with("id") || name.ends_with("sha"))
        && [24, 32, 40, 64].contains(&text.len())
        && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// What an argument is the id of: `pet` of `petId`.
pub(super) fn stem(argument: &str) -> Option<String> {
    let name = flat(argument);
    name.strip_suffix("id").filter(|stem| stem.len() > 1).map(str::to_owned)
}

/// `pet_id` and `petId` are `petid`.
pub(super) fn flat(name: &str) -> String {
    let letters = name.chars().filter(|letter| letter.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

/// A text without a value, where the value stands in it as a word of its own.
pub(super) fn without(text: &str, value: &Value) -> String {
    let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if value.is_empty() {
        return text.to_owned();
    }
    let (mut kept, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once(value.as_str()) {
        kept.push_str(before);
        let joins = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
        let is_part = joins(kept.chars().next_back()) || joins(after.chars().next());
        kept.push_str(if is_part && value.len() < WORD_BYTES_MIN { &value } else { "..." });
        rest = after;
    }
    kept.push_str(rest);
    kept
}

/// From this length on a value is taken out of longer words too: nothing else has it by chance.
const WORD_BYTES_MIN: usize = 8;

#[cfg(test)]
mod tests {
    use lanyard_core::credential::samples_for_test;
    use serde_json::{Value, json};

    use super::{Pool, without};

    fn taken(answer: &Value, argument: &str) -> Vec<Value> {
        let mut pool = Pool::default();
        pool.add("list_pets", answer);
        pool.values(argument).cloned().collect()
    }

    #[test]
    fn ids_of_every_kind_are_taken() {
        let hex = |digits: usize| "01234567".repeat(digits / 16) + &"89abcdef".repeat(digits / 16);
        for id in [
            json!(7),
            json!("INV-7"),
            json!("rex"),
            json!("octo/hello-world"),
            json!("6f1c0a52-9d1b-4f7e-8a3c-2b5d6e7f8091"),
            json!("507f1f77bcf86cd799439011"),
            json!(hex(32)),
            json!(format!("{}89abcdef", hex(32))),
            json!(hex(64)),
        ] {
            assert_eq!(taken(&json!([{ "id": id }]), "pet_id"), std::slice::from_ref(&id));
            assert_eq!(taken(&json!({ "petId": id }), "petId"), [id]);
        }
        assert_eq!(taken(&json!([{ "sha": hex(64) }]), "sha"), [json!(hex(64))]);
    }

    #[test]
    fn no_credential_is_taken_under_any_name() {
        for (kind, text) in samples_for_test() {
            for name in ["id", "petId", "name", "note"] {
                assert_eq!(taken(&json!([{ name: text }]), name), Vec::<Value>::new(), "{kind}");
            }
        }
        let random = "a8f3kQ9xLm2Zp7RwT4vB";
        let hex = "0123456789abcdef0123456789abcdef";
        for (name, text) in [
            ("id", random),
            ("ref", random),
            ("ref", hex),
            ("id", "https://user:hunter2hunter@db.example"),
            ("link", "https://shop.example/reset?code=4711"),
        ] {
            assert_eq!(taken(&json!({ name: text }), name), Vec::<Value>::new(), "{name} {text}");
        }
    }

    #[test]
    fn names_of_credentials_and_of_people_give_and_take_nothing() {
        for name in ["token", "tokenId", "apikey", "DB_PASSWORD", "sessionId", "pin", "value"]
            .into_iter()
            .chain(["email", "userEmail", "phoneNumber", "last_name", "ssn", "birthDate"])
        {
            for value in [json!("hunter2"), json!(4711)] {
                assert_eq!(taken(&json!({ name: value }), name), Vec::<Value>::new(), "{name}");
                let below = json!({ name: { "petId": value } });
                assert_eq!(taken(&below, "petId"), Vec::<Value>::new(), "{name}");
            }
        }
        let mut pool = Pool::default();
        pool.add("list_tokens", &json!([{ "id": "hunter2" }]));
        assert_eq!(pool.values("tokenId").count(), 0);
        for text in ["ann@example.com", "Ann Miller", "+49-30-1234567"] {
            assert_eq!(taken(&json!({ "pet": text }), "pet"), Vec::<Value>::new(), "{text}");
        }
    }

    #[test]
    fn a_value_is_taken_out_of_a_text() {
        assert_eq!(without("no pet INV-7, \"INV-7\"", &json!("INV-7")), "no pet ..., \"...\"");
        assert_eq!(without("HTTP 404: no pet 4", &json!(4)), "HTTP 404: no pet ...");
        assert_eq!(without("idlong-enough-idx", &json!("long-enough-id")), "id...x");
        assert_eq!(without("none", &json!("")), "none");
    }
}
