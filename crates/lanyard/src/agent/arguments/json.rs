//! JSON that somebody typed, read so that nothing of it is lost: a name that stands twice in an object
//! is refused with its place, where the usual reader keeps the last of the two. Pure.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// Reads a JSON text. The error says what is wrong with it, and where.
pub(in crate::agent) fn read(text: &str) -> Result<Value, String> {
    let mut reader = serde_json::Deserializer::from_str(text);
    Unique.deserialize(&mut reader).map_err(|problem| said(&problem))?;
    serde_json::from_str(text).map_err(|problem| said(&problem))
}

fn said(problem: &serde_json::Error) -> String {
    let (line, column) = (problem.line(), problem.column());
    let text = problem.to_string();
    if text.starts_with(TOO_DEEP) {
        return format!("nests too deep at line {line} column {column}: a gateway takes 64 levels");
    }
    if problem.is_data() {
        return text;
    }
    format!("is not valid JSON: {text}")
}

/// How the reader begins to say that it recurses no further.
const TOO_DEEP: &str = "recursion limit exceeded";
/// The most of a name that is repeated, in characters.
const NAME_CHARS_MAX: usize = 60;

/// A value in which no object has a name twice. Nothing of it is kept.
struct Unique;

impl<'de> DeserializeSeed<'de> for Unique {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Self)?.is_some() {}
        Ok(())
    }

    // A number comes as an object with one member, so that it keeps its text.
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut names = BTreeSet::new();
        while let Some(name) = members.next_key::<String>()? {
            if names.contains(&name) {
                let shown: String = name.chars().take(NAME_CHARS_MAX).collect();
                return Err(A::Error::custom(format!("has `{}` twice", shown.escape_debug())));
            }
            names.insert(name);
            members.next_value_seed(Self)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::read;

    #[test]
    fn a_name_that_stands_twice_is_refused_with_its_place() {
        for (text, said) in [
            (r#"{"name":"x","name":"y"}"#, "has `name` twice at line 1 column 18"),
            ("{\"a\": [{}, {\"b\": 1,\n \"b\": 1}]}", "has `b` twice at line 2 column 4"),
            (r#"{"a":1,"\u0061":2}"#, "has `a` twice at line 1 column 15"),
            ("{", "is not valid JSON: EOF while parsing an object at line 1 column 1"),
            ("{} {}", "is not valid JSON: trailing characters at line 1 column 4"),
        ] {
            assert_eq!(read(text), Err(said.to_owned()), "{text}");
        }
        let deep = format!("{}{}", "[".repeat(600), "]".repeat(600));
        let said = read(&deep).unwrap_err();
        assert!(said.starts_with("nests too deep at line 1 column 128"), "{said}");
    }

    #[test]
    fn everything_else_is_read_as_it_stands() {
        for text in [
            r#"{"a":{"b":1},"c":{"b":[null,true,"x",-1.50,12345678901234567890123]}}"#,
            r#"[1e400,"\ud83d\ude00"]"#,
            "5",
            "null",
        ] {
            assert_eq!(
                read(text).unwrap(),
                serde_json::from_str::<serde_json::Value>(text).unwrap()
            );
        }
        assert_eq!(read("{}"), Ok(json!({})));
    }
}
