//! The type-flip test: a call that a forbid is meant to stop is sent with each argument it reads in
//! every other way in which JSON and Unicode allow it to be written, and is never allowed. What
//! refuses most of these before (the schema) is left out here on purpose.

use serde_json::Number;
use unicode_normalization::UnicodeNormalization as _;

use super::*;

/// A condition on one argument, and a value for which it holds.
struct Atom {
    argument: &'static str,
    condition: String,
    value: Value,
}

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let sides = u64::try_from(sides).unwrap();
        usize::try_from((mixed ^ (mixed >> 31)).checked_rem(sides).unwrap()).unwrap()
    }

    fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.roll(choices.len())].clone()
    }
}

const TEXTS: [&str; 6] = ["prod", "café", "a b", "Straße", "データ", "x\"y"];

fn atom(dice: &mut Dice) -> Atom {
    let text = dice.of(&TEXTS);
    let quoted = format!("{text:?}");
    let whole = dice.of(&[0_i64, 7, 1000, -5, i64::MAX - 1]);
    let decimal = dice.of(&["99.5", "0.0", "-1.25", "52.5200"]);
    let of = |argument, condition: String, value: Value| Atom { argument, condition, value };
    let number = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    match dice.roll(14) {
        0 => of("name", format!("context.args.name == {quoted}"), json!(text)),
        1 => of(
            "name",
            format!(
                "context.args.name like \"*{}*\"",
                quoted.trim_start_matches('"').strip_suffix('"').unwrap()
            ),
            json!(format!("1{text}2")),
        ),
        2 => of("name", format!("[{quoted}, \"other\"].contains(context.args.name)"), json!(text)),
        3 => of("count", format!("context.args.count == {whole}"), json!(whole)),
        4 => of("count", format!("context.args.count >= {whole}"), json!(whole)),
        5 => of(
            "amount",
            format!("context.args.amount.greaterThanOrEqual(decimal(\"{decimal}\"))"),
            number(decimal),
        ),
        6 => {
            of("amount", format!("context.args.amount == decimal(\"{decimal}\")"), number(decimal))
        }
        7 => of("sure", "context.args.sure".to_owned(), json!(true)),
        8 => of(
            "note",
            format!("!(context.args has note && !(context.args.note == {quoted}))"),
            json!(text),
        ),
        9 => of(
            "limit",
            format!("if context.args has limit then context.args.limit <= {whole} else true"),
            json!(whole),
        ),
        10 => of("mode", "context.args.mode == \"fast\"".to_owned(), json!("fast")),
        11 => of(
            "tags",
            format!("!(context.args has tags && !context.args.tags.contains({quoted}))"),
            json!([text, "z"]),
        ),
        12 => of(
            "file",
            "context.path.file.ancestors.contains(\"/etc\")".to_owned(),
            json!("/etc/passwd"),
        ),
        _ => of(
            "query",
            "!(context.sql has query && context.sql.query.read_only)".to_owned(),
            json!("drop table x"),
        ),
    }
}

/// Other ways of writing a value; `None` is to leave it out.
fn flips(value: &Value) -> Vec<Option<Value>> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut all = vec![
        None,
        Some(Value::Null),
        Some(json!(text)),
        Some(json!([value])),
        Some(json!([[value]])),
        Some(json!([])),
        Some(json!({ "x": value })),
        Some(json!({})),
        Some(json!({ "__entity": { "type": "Agent", "id": text } })),
        Some(json!({ "__extn": { "fn": "decimal", "arg": "0.0" } })),
        Some(json!(0)),
        Some(json!(false)),
        Some(serde_json::from_str("1e400").unwrap()),
        Some(serde_json::from_str("-99999999999999999999999.5").unwrap()),
    ];
    if let Value::String(text) = value {
        // What is another text by any reading is another call.
        all.retain(|it| it.as_ref().is_none_or(|it| !it.is_string() || it == value));
        let wide = text.chars().map(|one| match one {
            '!'..='~' => char::from_u32(u32::from(one).checked_add(0xFEE0).unwrap()).unwrap(),
            other => other,
        });
        all.push(Some(Value::String(text.nfd().collect())));
        all.push(Some(Value::String(text.nfkd().collect())));
        all.push(Some(Value::String(wide.collect())));
    }
    if let Value::Number(number) = value {
        for written in [format!("{number}e0"), format!("{number}0e-1"), spelled(number)] {
            all.extend(serde_json::from_str(&written).ok().map(Some));
        }
        // Another number is another call, and a text of the same number is none of them.
        all.retain(|it| it.as_ref().is_none_or(|it| !is_other_number(it, number)));
    }
    if let Value::Bool(_) = value {
        all.retain(|it| *it != Some(json!(false)));
        all.extend([Some(json!("true")), Some(json!(1)), Some(json!("TRUE"))]);
    }
    if let Value::Array(_) = value {
        all.retain(|it| *it != Some(json!([])));
    }
    all
}

fn spelled(number: &Number) -> String {
    let text = number.to_string();
    if text.contains('.') { format!("{text}0") } else { format!("{text}.0") }
}

fn is_other_number(value: &Value, than: &Number) -> bool {
    value.as_number().is_some_and(|number| number.as_f64() != than.as_f64())
}

#[test]
fn no_way_of_writing_an_argument_gets_past_a_forbid() {
    let (mut dice, mut sent) = (Dice(4), 0);
    for number in 0..500 {
        let mut atoms: Vec<Atom> = Vec::new();
        for _ in 0..=dice.roll(3) {
            let atom = atom(&mut dice);
            if atoms.iter().all(|it| it.argument != atom.argument) {
                atoms.push(atom);
            }
        }
        let all: Vec<String> = atoms.iter().map(|it| format!("({})", it.condition)).collect();
        let clause = match dice.roll(2) {
            0 => format!("when {{ {} }}", all.join(" && ")),
            _ => format!("unless {{ !({}) }}", all.join(" && ")),
        };
        let text =
            format!(r#"@id("no") forbid(principal, action in Action::"call", resource) {clause};"#);
        let world = World::new(&text);
        let meant: Map<String, Value> =
            atoms.iter().map(|it| (it.argument.to_owned(), it.value.clone())).collect();
        let told = world.check(Value::Object(meant.clone()));
        assert!(told.starts_with("denied"), "{number}: {text}\n{meant:?}: {told}");
        for atom in &atoms {
            for flip in flips(&atom.value) {
                let mut arguments = changed(Value::Object(meant.clone()));
                match &flip {
                    Some(value) => drop(arguments.insert(atom.argument.to_owned(), value.clone())),
                    None => drop(arguments.remove(atom.argument)),
                }
                let verdict = world.verdict(&arguments, &SessionFacts::default());
                sent += 1;
                assert!(
                    matches!(verdict, Verdict::Denied(_)),
                    "{number}: {text}\n{} as {flip:?}: {}",
                    atom.argument,
                    line(&verdict)
                );
            }
        }
    }
    assert!(sent > 10_000, "{sent} calls");
}
