//! Nothing grows without end, and what would is refused before it takes memory.

use std::time::{Duration, Instant};

use lanyard_core::Limits;
use serde_json::json;

use super::{Context, render_value};

fn limited(template: &str, limits: &Limits) -> Result<String, String> {
    let root = json!({"config": {}, "args": {"s": "x".repeat(100_000), "n": 999_999_999}});
    render_value(template, &root, None, Context::Plain, limits)
}

#[test]
fn growing_fails_fast() {
    let started = Instant::now();
    for template in [
        "{{repeat 1000000000 \"x\"}}",
        "{{repeat .args.n .args.s}}",
        "{{until 999999999}}",
        "{{until 9223372036854775807}}",
        "{{untilStep 0 9223372036854775807 1}}",
        "{{seq 0 9999999999}}",
        "{{seq -9223372036854775807 1 9223372036854775806}}",
        "{{indent 999999999 \"x\"}}",
        "{{nindent 99999999 .args.s}}",
        "{{printf \"%999999999d\" 1}}",
        "{{printf \"%.999999999s%9999999999999999999999999d\" \"x\" 1}}",
        "{{replace \"x\" .args.s .args.s}}",
        "{{replace \"\" .args.s .args.s}}",
        "{{regexReplaceAll \"x\" .args.s .args.s}}",
        "{{regexReplaceAll \"(x+)\" .args.s (repeat 1000 \"$1\")}}",
        "{{regexReplaceAllLiteral \"x\" .args.s .args.s}}",
        "{{join .args.s (splitList \"\" .args.s)}}",
        "{{range .args.n}}{{end}}",
        "{{range .args.n}}{{$.args.s}}{{end}}",
        "{{$s := .args.s}}{{range until 1000}}{{$s = print $s $s}}{{end}}",
        "{{$s := .args.s}}{{range until 1000}}{{$s = cat $s $s}}{{end}}",
        "{{$s := .args.s}}{{range until 1000}}{{$s = toJson (list $s $s)}}{{end}}",
        "{{$s := \"\\\"\"}}{{range until 1000}}{{$s = quote $s}}{{end}}",
        "{{$s := .args.s}}{{range until 1000}}{{$s = html $s \"&\" $s}}{{end}}",
        "{{$l := list 1}}{{range until 1000}}{{$l = concat $l $l}}{{end}}",
        "{{$l := list 1}}{{range until 1000}}{{$l = list $l $l}}{{end}}",
        "{{$d := dict \"a\" 1}}{{range until 1000}}{{$d = dict \"a\" $d}}{{end}}",
        "{{define \"r\"}}{{template \"r\" .}}{{end}}{{template \"r\" .}}",
        "{{define \"r\"}}{{template \"r\" .}}{{template \"r\" .}}{{end}}{{template \"r\" .}}",
        "{{range until 9999}}{{range until 9999}}{{end}}{{end}}",
        "{{range until 9999}}{{if contains \"y\" $.args.s}}{{end}}{{end}}",
        "{{range until 9999}}{{regexMatch \"(x+x+)+y\" $.args.s}}{{end}}",
        "{{range until 9999}}{{regexMatch (print \"a\" .) \"x\"}}{{end}}",
        "{{range until 9999}}{{gjson \"args.*.*.*\"}}{{toJson $.args}}{{end}}",
        "{{trimAll .args.s .args.s}}",
    ] {
        let failure = limited(template, &Limits::standard()).expect_err(template);
        assert!(failure.starts_with("limit template_"), "{template}: {failure}");
    }
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

#[test]
fn regexes_are_limited() {
    for template in [
        "{{regexMatch \"((a{1000}){1000}){1000}\" \"x\"}}",
        "{{regexMatch \"\\\\pL{1000}\\\\pL{1000}\" \"x\"}}",
    ] {
        let failure = limited(template, &Limits::standard()).expect_err(template);
        assert_eq!(failure, "parse 13: the regular expression is too large", "{template}");
    }
    let computed = limited("{{regexMatch (print \"(\" .args.s) \"x\"}}", &Limits::standard());
    assert_eq!(computed, Err("regexMatch: the pattern is wrong (template 1:3)".to_owned()));
}

#[test]
fn each_limit_holds_at_its_value_and_not_one_past_it() {
    let limits = Limits { template_output_bytes_max: 4, ..Limits::standard() };
    assert_eq!(limited("{{\"ab\"}}cd", &limits), Ok("abcd".to_owned()));
    assert_eq!(
        limited("{{\"ab\"}}cde", &limits),
        Err("limit template_output_bytes_max".to_owned())
    );
    let limits = Limits { template_steps_max: 3, ..Limits::standard() };
    assert_eq!(limited("{{1}}{{2}}{{3}}", &limits), Ok("123".to_owned()));
    assert_eq!(
        limited("{{1}}{{2}}{{3}}{{4}}", &limits),
        Err("limit template_steps_max".to_owned())
    );
    let limits = Limits { template_depth_max: 2, ..Limits::standard() };
    assert_eq!(limited("{{if 1}}{{if 1}}x{{end}}{{end}}", &limits), Ok("x".to_owned()));
    let deeper = limited("{{if 1}}{{if 1}}{{if 1}}x{{end}}{{end}}{{end}}", &limits);
    assert_eq!(deeper, Err("parse 16: nested deeper than template_depth_max (2)".to_owned()));
    let called = "{{define \"t\"}}{{if 1}}{{if 1}}x{{end}}{{end}}{{end}}{{template \"t\"}}";
    let limits = Limits { template_depth_max: 3, ..limits };
    assert_eq!(limited(called, &limits), Ok("x".to_owned()));
    let called = called.replace("{{template \"t\"}}", "{{if 1}}{{template \"t\"}}{{end}}");
    assert_eq!(limited(&called, &limits), Err("limit template_depth_max".to_owned()));
}

#[test]
fn failures_show_no_value() {
    let root = json!({"config": {"k": "tst_setting"}, "args": {"s": "tst_argument", "l": ["tst_argument"]}});
    for template in [
        "{{fail .args.s}}",
        "{{index .args .args.s | fail}}",
        "{{index .args.l .args.s}}",
        "{{date .args.s .args.s}}",
        "{{fromJson .args.s}}",
        "{{b64dec (print .args.s \"!\")}}",
        "{{regexMatch (print \"(\" .args.s) .args.s}}",
        "{{printf (print \"%z\" .args.s) 1}}",
        "{{dateModify .args.s now}}",
        "{{slice .args.s 1}}",
        "{{index .config .args.s}}",
        "{{gjson (print \"config.\" .args.s)}}",
        "{{div 1 .args.s}}",
    ] {
        let failure = render_value(template, &root, None, Context::Plain, &Limits::standard());
        let failure = failure.expect_err(template);
        assert!(!failure.contains("tst_"), "{template}: {failure}");
    }
}
