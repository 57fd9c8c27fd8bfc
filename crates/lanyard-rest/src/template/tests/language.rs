//! Syntax, data, printing, truth and `range`: section by section, refusals first.

use super::super::{REQUEST_VARIABLES, Template};
use super::{Context, check};
use lanyard_core::Limits;

const DATA: &str = r#"{
  "config": {"base": "b"},
  "args": {"a": 1, "list": ["x", "y"], "none": [], "word": "añb", "t": true, "n": null,
           "deep": {"0": "zero", "x": [{"y": 7}]}, "big": 12345678901234567890, "e": 1e21}
}"#;

fn plain(lines: &[(&str, &str)]) {
    check(Context::Plain, DATA, lines);
}

#[track_caller]
fn refused(template: &str, expected: &str) {
    let errors = Template::parse(template, &Limits::standard(), REQUEST_VARIABLES).err();
    let errors = errors.unwrap_or_default();
    let shown: Vec<String> =
        errors.iter().map(|error| format!("{}: {error}", error.offset)).collect();
    assert_eq!(shown.join("; "), expected, "{template}");
}

#[test]
fn bad_templates_are_refused_with_every_error_and_its_place() {
    for (template, expected) in [
        ("{{", "2: unclosed action: `}}` is missing"),
        ("a{{.x", "3: unclosed action: `}}` is missing"),
        ("{{/* x", "2: unclosed comment"),
        ("{{/* x */ y}}", "2: a comment must end directly before `}}`"),
        ("{{\"x}}", "2: unclosed string"),
        ("{{\"\\q\"}}", "3: unknown escape in a string"),
        ("{{`x}}", "2: unclosed raw string"),
        ("{{'ab'}}", "2: a constant in single quotes has exactly one character"),
        ("{{12x}}", "2: bad number \"12x\""),
        ("{{99999999999999999999}}", "2: bad number \"99999999999999999999\""),
        ("{{.a-b}}", "4: unexpected character '-'"),
        ("{{.a.#}}", "5: unexpected character '#'"),
        ("{{}}", "0: a value is missing"),
        ("{{.a |}}", "5: a value is missing"),
        ("{{.a | .b}}", "7: only a function can take a piped value"),
        ("{{.a .b}}", "5: only a function takes arguments"),
        ("{{nil}}", "2: `nil` is only an argument"),
        ("{{(.a}}", "2: `)` is missing"),
        ("{{.a)}}", "4: unexpected token"),
        ("{{\"x\".y}}", "5: this value has no fields"),
        ("{{print \"a\"\"b\"}}", "11: a space is missing between arguments"),
        ("{{upcase .x}}", "2: function `upcase` is not defined"),
        ("{{uper .x}}", "2: function `uper` is not defined; did you mean `upper`?"),
        ("{{env \"HOME\"}}", "2: function `env` is not defined"),
        ("{{index .args}}", "2: `index` takes at least 2 arguments, not 1"),
        ("{{trim}}", "2: `trim` takes 1 arguments, not 0"),
        ("{{.a | replace \"x\"}}", "7: `replace` takes 3 arguments, not 2"),
        ("{{regexMatch \"(\" .x}}", "13: the regular expression is wrong"),
        ("{{$x}}", "2: variable `$x` is not defined"),
        ("{{$x = 1}}", "2: variable `$x` is not defined"),
        ("{{$ := 1}}", "2: `$` cannot be set"),
        ("{{if .a}}{{$x := 1}}{{end}}{{$x}}", "29: variable `$x` is not defined"),
        ("{{$status}}", "2: variable `$status` is not defined"),
        ("{{break}}", "0: `break` outside `range`"),
        ("{{range .a}}{{define \"x\"}}{{end}}{{end}}", "12: `define` inside another action"),
        ("{{if .a}}", "0: `end` is missing"),
        ("{{end}}", "0: `end` closes nothing"),
        ("{{else}}", "0: `else` belongs to nothing"),
        ("{{if .a}}{{else}}{{else}}{{end}}", "17: `else` belongs to nothing"),
        (
            "{{end .a}}{{if}}{{end}}",
            "0: `end` closes nothing; 6: nothing may follow `end` here; 10: a value is missing",
        ),
        ("{{template \"y\"}}", "0: template \"y\" is not defined"),
        ("{{template y}}", "0: `template` needs a name in quotes"),
        (
            "{{define \"y\"}}{{end}}{{define \"y\"}}{{end}}",
            "21: a template of this name is already defined",
        ),
        (
            "{{nope}}\n{{$y}}{{trim 1 2}}",
            "2: function `nope` is not defined; 11: variable `$y` is not defined; 17: `trim` takes 1 arguments, not 2",
        ),
    ] {
        refused(template, expected);
    }
}

#[test]
fn nesting_is_limited() {
    let nested =
        |depth: usize| format!("{}{}", "{{if .args}}".repeat(depth), "{{end}}".repeat(depth));
    refused(&nested(65), "768: nested deeper than template_depth_max (64)");
    assert!(Template::parse(&nested(64), &Limits::standard(), &[]).is_ok());
    let nested = |depth: usize| format!("{{{{{}1{}}}}}", "(".repeat(depth), ")".repeat(depth));
    assert!(Template::parse(&nested(100_000), &Limits::standard(), &[]).is_err());
    assert!(Template::parse(&nested(64), &Limits::standard(), &[]).is_ok());
}

#[test]
fn syntax() {
    plain(&[
        ("a {{- 1 -}} b", "a1b"),
        ("a {{-1}} b", "a -1 b"),
        ("a {{- /* c */ -}} b", "ab"),
        ("{{/* {{ }} */}}", ""),
        ("{{if false}}1{{else if .args.t}}2{{else}}3{{end}}", "2"),
        ("{{with .args.deep}}{{.x.0.y}}{{end}}{{with .args.none}}1{{else}}2{{end}}", "72"),
        ("{{$x := 1}}{{if true}}{{$x = 2}}{{$x := 3}}{{$x}}{{end}}{{$x}}", "32"),
        ("{{$x := .args}}{{$x.a}}{{$.args.a}}", "11"),
        (
            "{{define \"t\"}}<{{.}}{{$}}>{{end}}{{template \"t\" .args.a}}{{template \"t\"}}",
            "<11><>",
        ),
        ("{{block \"t\" .args.a}}[{{.}}]{{end}}{{template \"t\" 5}}", "[1][5]"),
        ("{{(index .args.list 0) | upper}}{{(.args.deep).x.0.y}}", "X7"),
        ("{{\"\\x41\\u00e9\\101\\\"\"}}{{'c'}}{{`\\n`}}", "AéA\"c\\n"),
        ("{{0x1F}} {{0b11}} {{017}} {{1_000}} {{1.50}} {{.5}} {{2e2}}", "31 3 15 1000 1.5 0.5 200"),
        ("{{printf \"%s\" now}}", "2026-11-21T23:05:41Z"),
        ("{{len\n .args.list}}", "2"),
    ]);
}

#[test]
fn printing_and_truth() {
    plain(&[
        (
            "{{.args.big}} {{.args.e}} {{.args.n}} {{.args.gone}}|",
            "12345678901234567890 1e21 null |",
        ),
        ("{{.args.deep}}", r#"{"0": "zero", "x": [{"y": 7}]}"#),
        ("{{toJson .args.deep}}", r#"{"0":"zero","x":[{"y":7}]}"#),
        ("{{list 1 \"<é>\\n\" nil .args.deep.x}}", r#"[1,"<é>\n",null,[{"y":7}]]"#),
        (
            "{{addf 0.1 0.2}} {{mulf 1e-9 1.0}} {{divf 1 3.0}}",
            "0.30000000000000004 0.000000001 0.3333333333333333",
        ),
        (
            "{{if 0}}1{{end}}{{if 0.0}}2{{end}}{{if \"\"}}3{{end}}{{if .args.none}}4{{end}}{{if .args.n}}5{{end}}-{{if \"0\"}}6{{end}}",
            "-6",
        ),
        ("{{.args.deep.0}}{{.args.list.1}}{{.args.list.9}}{{.args.a.b.c}}|", "zeroy|"),
        ("{{$status}} {{$args.q}}{{$body}}{{$headers.x}}", "200 x"),
    ]);
}

#[test]
fn ranges() {
    plain(&[
        (
            "{{range .args.t}}{{end}}",
            "!range over a value that is no list, object, text or number (template 1:1)",
        ),
        ("{{range $i, $x := 3}}{{end}}", "!range over a number gives one variable (template 1:1)"),
        ("{{range 1.5}}{{end}}", "!a whole number is wanted, not a fraction (template 1:1)"),
        ("{{range $i, $x := .args.list}}{{$i}}{{$x}}{{.}}{{end}}", "0xx1yy"),
        ("{{range $k, $v := .args.deep}}{{$k}}={{$v}};{{end}}", r#"0=zero;x=[{"y": 7}];"#),
        ("{{range 3}}{{.}}{{end}}{{range $i := 2}}{{$i}}{{end}}", "01201"),
        ("{{range $i, $c := .args.word}}{{$i}}{{$c}}{{end}}", "0a1ñ2b"),
        (
            "{{range .args.gone}}{{else}}a{{end}}{{range .args.n}}{{else}}b{{end}}{{range \"\"}}{{else}}c{{end}}{{range -1}}{{else}}d{{end}}{{range .args.none}}{{else}}e{{end}}",
            "abcde",
        ),
        (
            "{{range 5}}{{if eq . 1}}{{continue}}{{end}}{{if eq . 3}}{{break}}{{end}}{{.}}{{end}}",
            "02",
        ),
        (
            "{{range until 3}}{{range until 3}}{{if eq . 1}}{{break}}{{end}}{{.}}{{end}};{{end}}",
            "0;0;0;",
        ),
        ("{{$s := \"\"}}{{range .args.list}}{{$s = print $s .}}{{end}}{{$s}}", " x y"),
    ]);
}

#[test]
fn paths_literals_and_origins_are_known_without_rendering() {
    let text = "https://{{.config.host}}/a/{{.args.x.y}}?k={{.config.k | default \"d\"}}{{index .args \"p q\"}}\
                {{gjson \"args.g.#\"}}{{with .args.w}}{{.args.no}}{{$.args.r}}{{end}}";
    let template = Template::parse(text, &Limits::standard(), &[]).expect("a template");
    let paths: Vec<String> = template
        .paths()
        .iter()
        .map(|path| format!("{:?} {} {}", path.root, path.segments.join("/"), path.guarded))
        .collect();
    assert_eq!(
        paths,
        [
            "Config host false",
            "Args x/y false",
            "Config k true",
            "Args p q false",
            "Args g false",
            "Args w false",
            "Args r false"
        ]
    );
    assert_eq!(template.literal_prefix(), "https://");
    assert_eq!(template.literals().count(), 3);
    assert!(!template.is_literal());
    for (url, expected) in [
        ("https://h/{{.args.a}}", None),
        ("{{.config.base}}/{{.args.a}}", None),
        ("{{.config.base}}{{.args.a}}", None),
        ("/{{.args.a}}", None),
        ("{{.args.a}}", Some(0)),
        ("https://{{.args.a}}/", Some(8)),
        ("https://{{.config.a}}{{.args.a}}/", Some(21)),
        ("https://h{{if .args.x}}:{{.args.p}}{{end}}/", Some(24)),
        ("https://h:{{$.args.p | trim}}/", Some(10)),
    ] {
        let template = Template::parse(url, &Limits::standard(), &[]).expect("a template");
        assert_eq!(template.foreign_in_origin(), expected, "{url}");
    }
}
