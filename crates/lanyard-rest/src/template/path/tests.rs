//! Every construct of the path syntax that the reference names. What is expected follows gjson's
//! own description of its syntax.

use super::super::tests::{Context, check};

const DATA: &str = r#"{
  "name": {"first": "Ana", "last": "Sá"},
  "age": 37, "big": 12345678901234567890, "null": null,
  "children": ["Rui", "Eva", "Ivo"],
  "fav.movie": "Metropolis", "fav*": "star", "": "nameless",
  "friends": [
    {"first": "Dale", "last": "Murphy", "age": 44, "on": true, "nets": ["ig", "fb"]},
    {"first": "Roger", "last": "Craig", "age": 68, "on": false, "nets": ["fb", "tw"]},
    {"first": "Jane", "last": "Murphy", "age": 47.5, "nets": ["ig", "tw"], "x": null}
  ],
  "nested": [[1, 2], [3, [4]], 5],
  "wild": {"a1": {"no": 1}, "a2": {"yes": 2}},
  "text": "{\"a\": [1, 2]}",
  "columns": {"id": [1, 2], "n": ["x", "y", "z"], "s": 5},
  "v": ["yes", "true", "0", 1, 0, null, true, false, "F"]
}"#;

#[track_caller]
fn paths(lines: &[(&str, &str)]) {
    let templates: Vec<(String, &str)> = lines
        .iter()
        .map(|(path, expected)| (format!("{{{{gjson `{path}`}}}}"), *expected))
        .collect();
    let lines: Vec<(&str, &str)> =
        templates.iter().map(|(template, expected)| (template.as_str(), *expected)).collect();
    check(Context::Plain, DATA, &lines);
}

#[test]
fn paths_that_lead_nowhere() {
    for path in [
        "gone",
        "name.gone",
        "age.x",
        "children.9",
        "children.x",
        "children.-1",
        "friends.#(first==\"Nobody\")",
        "friends.#(first",
        "friends.#(first!x)",
        "{name.first",
        "@gone",
        "name.@gone",
        "!nope",
        "gone|@this",
        "gone.#",
        "friends.#(x==null)",
        "age.#(a==1)",
        "friends.#(nets==\"ig\")",
    ] {
        paths(&[(path, "")]);
    }
}

#[test]
fn keys_positions_and_counts() {
    paths(&[
        ("name.last", "Sá"),
        ("age", "37"),
        ("big", "12345678901234567890"),
        ("null", "null"),
        ("children.1", "Eva"),
        ("children.#", "3"),
        ("friends.#.first", r#"["Dale","Roger","Jane"]"#),
        ("friends.#.on", "[true,false]"),
        ("friends.#.nets.0", r#"["ig","fb","ig"]"#),
        ("friends.#.nets.#", "[2,2,2]"),
        ("friends.0.nets.#", "2"),
        ("fav\\.movie", "Metropolis"),
        ("fav\\*", "star"),
        ("nested.1.1.0", "4"),
    ]);
}

#[test]
fn wildcards() {
    paths(&[
        ("child*.2", "Ivo"),
        ("c?ildren.0", "Rui"),
        ("a?e", "37"),
        ("*e.first", "Ana"),
        // The first key that matches leads nowhere; the next one does.
        ("wild.a*.yes", "2"),
        ("wild.a?.no", "1"),
        ("fav\\*x", ""),
        ("f*\\*", "star"),
    ]);
}

#[test]
fn queries() {
    paths(&[
        (r#"friends.#(last=="Murphy").first"#, "Dale"),
        (r#"friends.#(last=="Murphy")#.first"#, r#"["Dale","Jane"]"#),
        ("friends.#(last==Murphy)#.age", "[44,47.5]"),
        ("friends.#(last=Craig).first", "Roger"),
        (r#"friends.#(last!="Murphy").first"#, "Roger"),
        ("friends.#(age>45)#.first", r#"["Roger","Jane"]"#),
        ("friends.#(age>=47.5)#.first", r#"["Roger","Jane"]"#),
        ("friends.#(age<4.5e1).first", "Dale"),
        ("friends.#(age<=44)#.first", r#"["Dale"]"#),
        (r#"friends.#(first>"F")#.first"#, r#"["Roger","Jane"]"#),
        (r#"friends.#(first%"D*").last"#, "Murphy"),
        (r#"friends.#(first!%"D*")#.first"#, r#"["Roger","Jane"]"#),
        (r#"friends.#(first%"?a?e")#.first"#, r#"["Dale","Jane"]"#),
        ("friends.#(on==true).first", "Dale"),
        ("friends.#(on!=true)#.first", r#"["Roger"]"#),
        ("friends.#(on)#.first", r#"["Dale","Roger"]"#),
        (r#"friends.#(nets.#(=="ig"))#.first"#, r#"["Dale","Jane"]"#),
        ("friends.#(nets.#>1)#.age", "[44,68,47.5]"),
        (r#"friends.#[last=="Craig"].first"#, "Roger"),
        (r#"children.#(=="Eva")"#, "Eva"),
        (r#"children.#(!="Eva")#"#, r#"["Rui","Ivo"]"#),
        (r#"children.#(%"*v*")#"#, r#"["Eva","Ivo"]"#),
        ("friends.#(age>100)#", "[]"),
        ("friends.#(age>100)#.first", "[]"),
        (r#"friends.#(last=="Murphy" && age>45).first"#, "Jane"),
        (r#"friends.#(last=="Murphy"&&first!="Jane"&&on)#.first"#, r#"["Dale"]"#),
        (r#"friends.#(first=="a && b")#"#, "[]"),
        (r#"friends.#(name.first!="x").first"#, ""),
    ]);
}

#[test]
fn tilde_operators() {
    paths(&[
        ("v.#(==~true)#", r#"["true",1,true]"#),
        ("v.#(==~false)#", r#"["0",0,null,false,"F"]"#),
        ("v.#(==~null)#", "[null]"),
        ("v.#(!=~null)#.#", "[]"),
        ("v.#(!=~null)#|#", "8"),
        ("friends.#(on==~*)#.first", r#"["Dale","Roger"]"#),
        ("friends.#(on!=~*)#.first", r#"["Jane"]"#),
        ("friends.#(x==~null)#.first", r#"["Dale","Roger","Jane"]"#),
        ("friends.#(on==~false)#.first", r#"["Roger","Jane"]"#),
        ("v.#(==~odd)#", "[]"),
    ]);
}

#[test]
fn dots_and_bars() {
    paths(&[
        ("friends.#(last==Murphy)#|0.first", "Dale"),
        ("friends.#(last==Murphy)#.0", "[]"),
        ("friends.#(last==Murphy)#|#", "2"),
        ("friends.#.first|1", "Roger"),
        ("friends.#.nets.#|2", "2"),
        ("friends|0|first", "Dale"),
        ("name|first", "Ana"),
        ("friends.#.nets|@flatten|#", "6"),
    ]);
}

#[test]
fn multipaths_and_literals() {
    paths(&[
        ("{name.first,age}", r#"{"first":"Ana","age":37}"#),
        (r#"{name.first,"years":age,who:name.last}"#, r#"{"first":"Ana","years":37,"who":"Sá"}"#),
        ("[name.first,age,gone]", r#"["Ana",37]"#),
        ("{children.#,gone}", r#"{"_":3}"#),
        (
            "friends.#.{first,n:nets.#}",
            r#"[{"first":"Dale","n":2},{"first":"Roger","n":2},{"first":"Jane","n":2}]"#,
        ),
        ("friends.0.[first,age].1", "44"),
        ("{a:{b:name.first},c:[age]}|a.b", "Ana"),
        (
            r#"{name.first,"kind":!"person","n":!5,"b":!true}"#,
            r#"{"first":"Ana","kind":"person","n":5,"b":true}"#,
        ),
        ("!\"x\"", "x"),
        ("!{\"a\":[1]}.a.0", "1"),
        (
            "{name.@keys,x:children.@reverse}",
            r#"{"@keys":["first","last"],"x":["Ivo","Eva","Rui"]}"#,
        ),
    ]);
}

#[test]
fn modifiers() {
    paths(&[
        ("name.@this", r#"{"first": "Ana", "last": "Sá"}"#),
        ("@this.age", "37"),
        ("children.@reverse", r#"["Ivo","Eva","Rui"]"#),
        ("children|@reverse|0", "Ivo"),
        ("name.@reverse", r#"{"last":"Sá","first":"Ana"}"#),
        ("age.@reverse", "37"),
        ("name.@keys", r#"["first","last"]"#),
        ("children.@keys", "[null,null,null]"),
        ("name.@values", r#"["Ana","Sá"]"#),
        ("nested.@flatten", "[1,2,3,[4],5]"),
        ("nested.@flatten:{\"deep\":true}", "[1,2,3,4,5]"),
        ("nested.@flatten:{\"deep\":true}|#", "5"),
        ("friends.#.{first,age}|@join", r#"{"first":"Jane","age":47.5}"#),
        ("nested.@join", "{}"),
        ("name.@ugly", r#"{"first":"Ana","last":"Sá"}"#),
        ("name.@pretty", "{\n  \"first\": \"Ana\",\n  \"last\": \"Sá\"\n}"),
        ("name.@pretty.first", "Ana"),
        ("name.@valid.first", "Ana"),
        ("children.@tostr", r#"["Rui","Eva","Ivo"]"#),
        ("name.first.@tostr", r#""Ana""#),
        ("text.@fromstr.a.1", "2"),
        ("name.first.@fromstr", ""),
        ("name.@tostr.@fromstr.last", "Sá"),
        ("columns.@group", r#"[{"id":1,"n":"x"},{"id":2,"n":"y"},{"n":"z"}]"#),
        ("@dig:first", r#"["Ana","Dale","Roger","Jane"]"#),
        ("friends.@dig:nets.#", "[2,2,2]"),
        ("friends.@dig:age|@reverse", "[47.5,68,44]"),
    ]);
}

#[test]
fn paths_are_relative_to_dot() {
    check(
        Context::Plain,
        DATA,
        &[
            ("{{range .friends}}{{gjson \"nets.#\"}}{{gjson \"age\"}};{{end}}", "244;268;247.5;"),
            ("{{with .name}}{{gjson \"@keys|0\"}}{{end}}", "first"),
            ("{{index . \"friends.#\"}}{{index .name \"last\"}}", "3Sá"),
            ("{{index . \"fav.movie\"}}{{index . \"\"}}", "Metropolisnameless"),
            ("{{range gjson \"friends.#(on).nets\"}}{{.}},{{end}}", "ig,fb,"),
        ],
    );
}

#[test]
fn nesting_and_size_are_limited() {
    let deep = format!("{{{{gjson `{}age{}`}}}}", "[".repeat(100), "]".repeat(100));
    let queries = format!("{{{{gjson `{}a{}`}}}}", "nested.#(".repeat(100), ")".repeat(100));
    check(Context::Plain, DATA, &[(&deep, "!limit template_depth_max"), (&queries, "")]);
}
