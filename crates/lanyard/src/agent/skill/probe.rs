//! Which arguments a tool is tried with: what its schema gives, what another tool's answer held, and
//! only then what is made up. Pure.

use lanyard_guard::{Example, check_value, example};
use serde_json::{Map, Value, json};

use super::pool::Pool;

/// Optional arguments that are shown beside the required ones.
const OPTIONAL_MAX: usize = 2;

/// Arguments to try, and how much of them is known.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Candidate {
    pub(super) arguments: Map<String, Value>,
    /// Whether a value is made up: neither the schema nor an answer gives one.
    pub(super) invented: bool,
    /// The values that are out of answers.
    pub(super) borrowed: Vec<Value>,
}

/// What to try a tool with. `None` where nothing that fits its schema can be thought of.
pub(super) fn candidate(schema: &Value, pool: &Pool) -> Option<Candidate> {
    let made = example(schema)?;
    let mut arguments = made.value.as_object()?.clone();
    let (mut invented, mut borrowed) = (false, Vec::new());
    let names: Vec<String> = arguments.keys().cloned().collect();
    for name in names {
        let Some(one) = alone(schema, &name) else { continue };
        if let Some(item) = item_of_empty(schema, &name, arguments.get(&name)) {
            arguments.insert(name, json!([item.value]));
            invented |= item.invented;
            continue;
        }
        if !example(&one).is_some_and(|made| made.invented) {
            continue;
        }
        let fits = |value: &&Value| check_value(&one, &json!({ name.as_str(): value })).is_ok();
        let known = pool.values(&name).filter(|_| !is_hidden(&one, &name)).find(fits).cloned();
        match known {
            Some(value) => {
                borrowed.push(value.clone());
                arguments.insert(name, value);
            }
            None => invented = true,
        }
    }
    arguments.extend(exemplary(schema, &arguments));
    if arguments.is_empty() {
        arguments.extend(choice(schema));
    }
    check_value(schema, &Value::Object(arguments.clone())).ok()?;
    Some(Candidate { arguments, invented, borrowed })
}

/// Whether the schema says that an argument is not shown when it is typed.
fn is_hidden(schema: &Value, name: &str) -> bool {
    let property = schema.get("properties").and_then(|all| all.get(name));
    property.and_then(|it| it.get("format")).is_some_and(|format| format == "password")
}

/// The schema with one argument alone, which is required.
fn alone(schema: &Value, name: &str) -> Option<Value> {
    let property = schema.get("properties")?.get(name)?.clone();
    let mut alone = schema.as_object()?.clone();
    alone.insert("properties".to_owned(), json!({ name: property }));
    alone.insert("required".to_owned(), json!([name]));
    Some(Value::Object(alone))
}

/// An item for a list that was made empty: many APIs take one for none at all.
fn item_of_empty(schema: &Value, name: &str, made: Option<&Value>) -> Option<Example> {
    if !made?.as_array()?.is_empty() {
        return None;
    }
    let items = schema.get("properties")?.get(name)?.get("items")?;
    example(items).filter(|item| !item.value.is_object() && !item.value.is_array())
}

/// Optional arguments that the schema itself gives an example of.
fn exemplary(schema: &Value, given: &Map<String, Value>) -> Vec<(String, Value)> {
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let example = |property: &Value| {
        let first = property.get("examples").and_then(Value::as_array).and_then(|all| all.first());
        first.or_else(|| property.get("example")).cloned()
    };
    let optional = properties.filter(|(name, _)| !given.contains_key(*name));
    optional
        .filter_map(|(name, property)| Some((name.clone(), example(property)?)))
        .take(OPTIONAL_MAX)
        .collect()
}

/// The first value of the first argument that has a list of them: a call without any shows little.
fn choice(schema: &Value) -> Option<(String, Value)> {
    let properties = schema.get("properties")?.as_object()?;
    properties.iter().find_map(|(name, property)| {
        let value = property.get("enum")?.as_array()?.first()?.clone();
        Some((name.clone(), value))
    })
}

/// What an answer looks like, in names of members and not in values.
pub(super) fn shape(answer: &Value) -> Shape {
    match answer {
        Value::Object(members) => Shape::Object(members.keys().cloned().collect()),
        Value::Array(items) => match items.first() {
            Some(Value::Object(members)) => Shape::List(members.keys().cloned().collect()),
            Some(_) => Shape::Values,
            None => Shape::Empty,
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Shape::Text,
    }
}

/// The form of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    /// An object with these members.
    Object(Vec<String>),
    /// A list of objects with these members.
    List(Vec<String>),
    /// A list of something else.
    Values,
    /// A list without items.
    Empty,
    /// Text.
    Text,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Pool, Shape, candidate, shape};

    fn by_id(property: Value) -> Value {
        json!({"type": "object", "properties": {"petId": property}, "required": ["petId"]})
    }

    fn tried(schema: &Value, pool: &Pool) -> Option<(Value, bool)> {
        candidate(schema, pool).map(|it| (Value::Object(it.arguments), it.invented))
    }

    #[test]
    fn what_the_schema_gives_comes_first_then_answers_then_what_is_made_up() {
        let mut pool = Pool::default();
        let number = by_id(json!({"type": "integer"}));
        assert_eq!(tried(&number, &pool), Some((json!({"petId": 1}), true)));
        let given = by_id(json!({"type": "integer", "examples": [7]}));
        assert_eq!(tried(&given, &pool), Some((json!({"petId": 7}), false)));
        pool.add("list_orders", &json!([{"id": 99}]));
        assert_eq!(tried(&number, &pool), Some((json!({"petId": 1}), true)), "an order is no pet");
        pool.add("findPetsByStatus", &json!([{"category": {"id": "c"}, "id": 12, "name": "rex"}]));
        assert_eq!(tried(&number, &pool), Some((json!({"petId": 12}), false)));
        pool.add("x", &json!({"pet_id": 13}));
        assert_eq!(tried(&number, &pool), Some((json!({"petId": 13}), false)));
        assert_eq!(tried(&given, &pool), Some((json!({"petId": 7}), false)));
    }

    #[test]
    fn an_answers_text_is_passed_on_only_where_it_fits() {
        let mut pool = Pool::default();
        let evil = "x".repeat(101);
        pool.add("pets", &json!([{"petId": evil}, {"petId": "a\nb"}, {"petId": "rex"}]));
        let text = by_id(json!({"type": "string"}));
        assert_eq!(tried(&text, &pool), Some((json!({"petId": "rex"}), false)));
        let hidden = by_id(json!({"type": "string", "format": "password"}));
        assert_eq!(tried(&hidden, &pool).map(|it| it.1), Some(true));
        let short = by_id(json!({"type": "string", "maxLength": 2}));
        assert_eq!(tried(&short, &pool).map(|it| it.1), Some(true));
    }

    #[test]
    fn lists_and_examples_are_shown() {
        let schema = json!({"type": "object", "required": ["status"], "properties": {
            "status": {"type": "array", "items": {"type": "string", "enum": ["new", "old"]}},
            "limit": {"type": "integer", "examples": [5]},
            "page": {"type": "integer", "default": 1},
        }});
        let tags = json!({"type": "object", "required": ["tags"], "properties": {
            "tags": {"type": "array", "items": {"type": "string"}},
        }});
        let made_up = json!({"tags": ["example"]});
        assert_eq!(tried(&tags, &Pool::default()), Some((made_up, true)));
        let choice = json!({"type": "object", "properties": {
            "page": {"type": "integer"}, "status": {"type": "string", "enum": ["new", "old"]},
        }});
        assert_eq!(tried(&choice, &Pool::default()), Some((json!({"status": "new"}), false)));
        let expected = json!({"status": ["new"], "limit": 5});
        assert_eq!(tried(&schema, &Pool::default()), Some((expected, false)));
        assert_eq!(
            tried(&by_id(json!({"type": "string", "pattern": "^x$"})), &Pool::default()),
            None
        );
    }

    #[test]
    fn shapes() {
        assert_eq!(shape(&json!({"a": 1})), Shape::Object(vec!["a".to_owned()]));
        assert_eq!(shape(&json!([{"a": 1}])), Shape::List(vec!["a".to_owned()]));
        assert_eq!(
            (shape(&json!([1])), shape(&json!([])), shape(&json!("x"))),
            (Shape::Values, Shape::Empty, Shape::Text)
        );
    }
}
