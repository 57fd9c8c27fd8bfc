//! The arguments of `call`, a line of data each: what is typed, what is sent.

use expect_test::{Expect, expect};
use serde_json::{Map, Value, json};

use super::{Base, Flags, Raw, Selector, Texts, coerce, parse};

/// The tool of the reference: one parameter of each kind.
fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {"type": "string"},
            "n": {"type": "integer"},
            "flag": {"type": "boolean"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "obj": {"type": "object"},
            "id": {"type": "string"},
            "z": {"type": "string"},
            "ratio": {"type": "number"},
            "mode": {"enum": ["fast", 3, true]},
            "counts": {"type": "array", "items": {"type": "integer"}},
            "note": {"type": ["string", "null"]},
            "either": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "is_draft": {"type": "boolean"},
            "dueDate": {"type": "string"},
            "ref": {"$ref": "#/$defs/count"},
            "free": {}
        },
        "$defs": {"count": {"type": "integer"}}
    })
}

/// What a line becomes, or why it is refused. `{}` as schema means that none is known.
#[track_caller]
fn sent(schema: Option<&Value>, words: &[&str]) -> String {
    let words = words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let (flags, selector, given) = match parse(Flags::default(), &words) {
        Ok(line) => line,
        Err(problem) => return format!("refused: {problem}"),
    };
    let selector = match selector {
        Some(Selector::ServerTool(server, tool)) => format!("{server} {tool}"),
        Some(Selector::Tool(tool)) => format!("? {tool}"),
        None => "nothing".to_owned(),
    };
    let base = match &flags.base {
        Some(Base::Text(text)) => serde_json::from_str(text).unwrap(),
        Some(Base::Stdin) | None => Map::new(),
    };
    let coercion = coerce(base, &given, schema, flags.texts);
    if coercion.problems.is_empty() {
        format!("{selector} {}", Value::from(coercion.arguments))
    } else {
        format!("{selector} refused: {}", coercion.problems.join("; "))
    }
}

#[track_caller]
fn check(words: &[&str], expected: Expect) {
    let mut line = vec!["s.t"];
    line.extend(words);
    expected.assert_eq(sent(Some(&schema()), &line).strip_prefix("s t ").unwrap());
}

/// As [`check`], with `name=x` taken care of.
#[track_caller]
fn check_value(word: &str, expected: &str) {
    let sent = sent(Some(&schema()), &["s.t", "name=x", word]);
    assert_eq!(sent.strip_prefix("s t ").unwrap(), expected, "{word}");
}

#[test]
fn what_breaks_the_schema_is_refused_before_it_is_sent() {
    check(&["n=1"], expect!["refused: `name` is required"]);
    check_value("n=5.5", "refused: `n` must be a whole number, not text");
    check_value("n=many", "refused: `n` must be a whole number, not text");
    check_value("flag=yes", "refused: `flag` must be true or false, not text");
    check_value("obj=[1]", "refused: `obj` must be a JSON object, not text");
    check_value("ratio=1.2.3", "refused: `ratio` must be a number, not text");
    check_value("ratio=NaN", "refused: `ratio` must be a number, not text");
    check_value(r#"mode=slow"#, r#"refused: `mode` must be one of "fast", 3, true"#);
    check_value(
        "counts=1,two",
        "refused: `counts` has an item that must be a whole number, not text",
    );
    check_value("either=x", "refused: `either` must be a whole number or null, not text");
    check_value("ref=x", "refused: `ref` must be a whole number, not text");
    let closed = json!({"additionalProperties": false, "properties": {"a": {"type": "string"}}});
    assert_eq!(
        sent(Some(&closed), &["s.t", "b=1"]),
        "s t refused: `b` is no parameter of this tool"
    );
    assert_eq!(
        sent(Some(&closed), &["s.t", "one", "two", "three"]),
        "s t refused: 2 values have no parameter left to go to"
    );
    assert_eq!(
        sent(None, &["s.t", "bare"]),
        "s t refused: values without a name need the tool's schema"
    );
}

#[test]
fn a_name_that_stands_there_several_times_loses_no_value() {
    check(&["name=x", "tags=a", "tags=b"], expect![[r#"{"name":"x","tags":["a","b"]}"#]]);
    check(
        &["name=x", "--tags", "a", "tags=b,c", r#"tags=["d"]"#],
        expect![[r#"{"tags":["a","b","c","d"],"name":"x"}"#]],
    );
    check(&["name=x", "counts=1", "counts=2"], expect![[r#"{"name":"x","counts":[1,2]}"#]]);
    check(
        &["name=x", "tags=a", "tags=b", "--no-coerce"],
        expect![[r#"{"name":"x","tags":["a","b"]}"#]],
    );
    check(
        &["tags=a", "tags=b", "--args", r#"{"name":"x","tags":["z"]}"#],
        expect![[r#"{"name":"x","tags":["a","b"]}"#]],
    );
    check(
        &["name=x", "name=y"],
        expect!["refused: `name` is given more than once, and is no list"],
    );
    check(
        &["name=x", "--is-draft=true", "is_draft=false"],
        expect!["refused: `is_draft` is given more than once, and is no list"],
    );
    check(
        &["name=x", "free=1", "free=2"],
        expect!["refused: `free` is given more than once, and is no list"],
    );
    check(
        &["name=x", "counts=1", "counts=two"],
        expect!["refused: `counts` has an item that must be a whole number, not text"],
    );
    assert_eq!(
        sent(None, &["s.t", "a=1", "a=2"]),
        "s t refused: `a` is given more than once, and is no list"
    );
    assert_eq!(
        sent(Some(&schema()), &["s.t", "--args", "{}", "--params", "{}"]),
        "refused: --args is given twice"
    );
    assert_eq!(
        sent(Some(&schema()), &[r#"s.t(name: "x", tags: "a", tags: "b")"#]),
        r#"s t {"name":"x","tags":["a","b"]}"#
    );
    assert_eq!(
        sent(Some(&schema()), &[r#"s.t(name: "x", obj: {a: 1, a: 2})"#]),
        "refused: Unable to parse function-style call.\nReason: An object has the property 'a' twice."
    );
    check_value(r#"obj={"a":1,"a":2}"#, "refused: `obj` must be a JSON object, not text");
}

#[test]
fn the_schema_decides_what_a_text_becomes() {
    check(&["name=123", "n=5", "flag=true"], expect![[r#"{"name":"123","n":5,"flag":true}"#]]);
    check(&["name=1.50", "n=007"], expect![[r#"{"name":"1.50","n":7}"#]]);
    check(&["name=none", "z=null"], expect![[r#"{"name":"none","z":"null"}"#]]);
    check(&["name=true"], expect![[r#"{"name":"true"}"#]]);
    check(&["name=  padded  "], expect![[r#"{"name":"  padded  "}"#]]);
    check(&["name="], expect![[r#"{"name":""}"#]]);
    for (word, expected) in [
        (r#"tags=["a","b"]"#, r#"{"name":"x","tags":["a","b"]}"#),
        ("tags=a", r#"{"name":"x","tags":["a"]}"#),
        ("tags=a,b", r#"{"name":"x","tags":["a","b"]}"#),
        ("tags=", r#"{"name":"x","tags":[]}"#),
        ("counts=1,2", r#"{"name":"x","counts":[1,2]}"#),
        ("id=12345678901234567890", r#"{"name":"x","id":"12345678901234567890"}"#),
        ("n=12345678901234567890123", r#"{"name":"x","n":12345678901234567890123}"#),
        ("n=-3", r#"{"name":"x","n":-3}"#),
        ("n=+3", r#"{"name":"x","n":3}"#),
        ("n=0", r#"{"name":"x","n":0}"#),
        ("ratio=1.50", r#"{"name":"x","ratio":1.50}"#),
        ("ratio=.5", r#"{"name":"x","ratio":0.5}"#),
        ("ratio=1e-7", r#"{"name":"x","ratio":1e-7}"#),
        (r#"obj={"a":1.0}"#, r#"{"name":"x","obj":{"a":1.0}}"#),
        ("mode=3", r#"{"name":"x","mode":3}"#),
        ("mode=true", r#"{"name":"x","mode":true}"#),
        ("mode=fast", r#"{"name":"x","mode":"fast"}"#),
        ("note=null", r#"{"name":"x","note":null}"#),
        ("note=5", r#"{"name":"x","note":"5"}"#),
        ("either=null", r#"{"name":"x","either":null}"#),
        ("either=5", r#"{"name":"x","either":5}"#),
        ("ref=5", r#"{"name":"x","ref":5}"#),
    ] {
        check_value(word, expected);
    }
}

#[test]
fn without_a_type_looks_decide_as_in_mcporter() {
    for (text, expected) in [
        ("5", "5"),
        ("1.5", "1.5"),
        ("-2", "-2"),
        ("007", r#""007""#),
        ("1.50", r#""1.50""#),
        ("1e5", r#""1e5""#),
        ("-0", r#""-0""#),
        ("12345678901234567890", r#""12345678901234567890""#),
        ("inf", r#""inf""#),
        ("true", "true"),
        ("none", "null"),
        ("null", "null"),
        ("", r#""""#),
        (" x ", r#""x""#),
        (r#"{"a":[1]}"#, r#"{"a":[1]}"#),
        ("[1", r#""[1""#),
    ] {
        check_value(&format!("free={text}"), &format!(r#"{{"name":"x","free":{expected}}}"#));
        assert_eq!(
            sent(None, &["s.t", &format!("k={text}")]),
            format!(r#"s t {{"k":{expected}}}"#)
        );
    }
}

#[test]
fn every_spelling_of_an_argument_means_the_same() {
    let schema = json!({"properties": {"a": {"type": "number"}, "b": {"type": "number"}}});
    for words in [
        &["e.sum", "a=2", "b=3"][..],
        &["e.sum", "a:2", "b:3"],
        &["e.sum", "a:", "2", "b:", "3"],
        &["e.sum", "a:=2", "b:=3"],
        &["e.sum", "--a", "2", "--b=3"],
        &["e.sum", "2", "3"],
        &["e.sum", "b=3", "2"],
        &["e.sum", "--", "2", "3"],
        &["e", "sum", "a=2", "b=3"],
        &["--server", "e", "--tool", "sum", "a=2", "b=3"],
        &["--mcp=e", "sum", "a=2", "b=3"],
        &["server=e", "tool=sum", "a=2", "b=3"],
        &["e.sum(a: 2, b: 3)"],
        &["e.sum(2, 3)"],
        &["e.sum(2, b: 3,)"],
        &["e.sum", "--args", r#"{"a":2,"b":3}"#],
        &["e.sum", "--json", r#"{"a":2,"b":3}"#],
        &["e.sum", r#"--params={"a":2}"#, "b=3"],
        &["--output", "json", "e.sum", "b=3", "--timeout=5", "--a", "2"],
    ] {
        let sent = sent(Some(&schema), words).replace(r#"{"b":3,"a":2}"#, r#"{"a":2,"b":3}"#);
        assert_eq!(sent, r#"e sum {"a":2,"b":3}"#, "{words:?}");
    }
}

#[test]
fn flags_find_the_property_they_stand_for() {
    check(
        &["--name-x", "1", "name=x", "--is-draft", "true", "--due-date", "today"],
        expect![[r#"{"nameX":1,"is_draft":true,"dueDate":"today","name":"x"}"#]],
    );
    check(&["name=x", "--flag", "--z", "-5"], expect![[r#"{"flag":true,"z":"-5","name":"x"}"#]]);
    assert_eq!(sent(None, &["s.t", "--is-draft", "true"]), r#"s t {"isDraft":true}"#);
}

#[test]
fn values_keep_later_separators() {
    for (word, expected) in [
        ("name=a=b=c", r#"{"name":"a=b=c"}"#),
        ("name=http://x.y/z", r#"{"name":"http://x.y/z"}"#),
        ("name:http://x.y/z", r#"{"name":"http://x.y/z"}"#),
        ("name:http://x.y/?a=b", r#"{"name":"http://x.y/?a=b"}"#),
        ("http://x.y/?a=b", r#"{"name":"http://x.y/?a=b"}"#),
        ("12:30", r#"{"name":"12:30"}"#),
        ("two words: here", r#"{"name":"two words: here"}"#),
        ("name=@@handle", r#"{"name":"@handle"}"#),
    ] {
        assert_eq!(sent(Some(&schema()), &["s.t", word]), format!("s t {expected}"), "{word}");
    }
    let (_, _, given) = parse(Flags::default(), &["s.t".into(), "a=@note.txt".into()]).unwrap();
    assert_eq!(given.named[0].1, Raw::File("note.txt".to_owned()));
}

#[test]
fn numbers_can_be_kept_as_texts() {
    check(
        &["--raw-strings", "name=x", "n=5"],
        expect!["refused: `n` must be a whole number, not text"],
    );
    assert_eq!(
        sent(None, &["s.t", "--raw-strings", "n=5", "flag=true"]),
        r#"s t {"n":"5","flag":true}"#
    );
    assert_eq!(
        sent(None, &["s.t", "--no-coerce", "n=5", "flag=true"]),
        r#"s t {"n":"5","flag":"true"}"#
    );
}

#[test]
fn literals_of_the_call_form_say_their_type() {
    for (expression, expected) in [
        (r#"s.t("x")"#, r#"{"name":"x"}"#),
        ("s.t(name: 'it\\'s \\u00e9\\n')", r#"{"name":"it's é\n"}"#),
        ("s.t(name: \"\\ud83d\\ude00\")", r#"{"name":"😀"}"#),
        ("s.t(name: 5)", r#"{"name":"5"}"#),
        (
            "s.t('x', -3, true, ['a', 'b',], {k: {'l-m': null}})",
            r#"{"name":"x","n":-3,"flag":true,"tags":["a","b"],"obj":{"k":{"l-m":null}}}"#,
        ),
        ("s.t( name : \"a)b\" )", r#"{"name":"a)b"}"#),
    ] {
        assert_eq!(sent(Some(&schema()), &[expression]), format!("s t {expected}"), "{expression}");
    }
}

#[test]
fn an_expression_that_does_not_hold_is_refused() {
    for (expression, reason) in [
        ("s.t(message: foo)", "Unsupported argument expression: Identifier."),
        ("s.t(foo)", "Unsupported argument expression: Identifier."),
        ("s.t(a: `x`)", "Unsupported argument expression: TemplateLiteral."),
        ("s.t(a: \"x)", "Unterminated string constant."),
        ("s.t(a: \"\\ud800\")", "Bad escape sequence in a string."),
        ("s.t(1 2)", "Unexpected character '2'."),
        ("s.t(a: )", "A value is missing."),
        ("s.t(a: -)", "'-' is no number."),
        ("s.t(a: [1)", "']' is missing."),
        ("s.t(a: {1: 2})", "A property needs a name."),
    ] {
        let expected = format!("refused: Unable to parse function-style call.\nReason: {reason}");
        assert_eq!(sent(None, &[expression]), expected, "{expression}");
    }
    let deep = format!("s.t(a: {})", "[".repeat(100_000));
    assert!(sent(None, &[&deep]).ends_with("The arguments nest too deep."));
}

#[test]
fn a_line_that_means_nothing_is_refused() {
    for (words, reason) in [
        (
            &["s.t", "--name", "x"][..],
            "--name is a reserved flag and not available here; an argument of the tool with this name is written name=x",
        ),
        (&["s.t", "a:"], "`a:` needs a value after it"),
        (&["s.t", "--timeout", "soon"], "--timeout takes milliseconds, not `soon`"),
        (&["s.t", "--timeout", "0"], "--timeout takes milliseconds, not `0`"),
        (
            &["s.t", "--output", "xml"],
            "--output takes auto, text, markdown, json or raw, not `xml`",
        ),
        (&["s.t", "--args"], "--args needs a value"),
        (&["--server", "s"], "which tool of `s`? write --tool TOOL"),
        (&["s.t(1)", "--tool", "t"], "both `s.t` and --tool t name a tool"),
    ] {
        assert_eq!(sent(None, words), format!("refused: {reason}"), "{words:?}");
    }
}

#[test]
fn the_selector_is_split_at_the_first_dot() {
    assert_eq!(sent(None, &["s.a.b"]), "s a.b {}");
    assert_eq!(sent(None, &["echo"]), "? echo {}");
    assert_eq!(sent(None, &[]), "nothing {}");
    assert_eq!(sent(None, &["--tool", "a.b"]), "? a.b {}");
}

#[test]
fn flags_are_taken_from_anywhere() {
    let words = ["s.t", "a=1", "--raw", "--timeout=5", "--no-coerce", "--yes", "-h", "--", "--raw"];
    let words = words.map(str::to_owned);
    let (flags, _, given) = parse(Flags::default(), &words).unwrap();
    assert_eq!((flags.timeout_ms, flags.texts, flags.help), (Some(5), Texts::Strings, true));
    assert!(flags.output.is_some_and(super::OutputKind::is_json));
    assert_eq!(given.positional, [Raw::Text("--raw".to_owned())]);
}
