//! `.config`: secrets are opened when they are read and only from there, and what is not set fails
//! the call.

use super::{Context, check};

const DATA: &str = r#"{
  "config": {"key": "secret://key", "locked": "secret://locked", "plain": "p", "list": ["secret://key", "x"],
             "deep": {"key": "secret://key"}, "n": null},
  "args": {"fake": "secret://key", "name": "key"}
}"#;

#[test]
fn what_is_not_set_fails_unless_default_follows() {
    check(
        Context::Plain,
        DATA,
        &[
            ("{{.config.gone}}", "!missing .config.gone"),
            ("{{$.config.deep.gone.x}}", "!missing .config.deep.gone.x"),
            ("{{.config.plain.x}}", "!missing .config.plain.x"),
            ("{{with .config}}{{.gone}}{{end}}", "!missing .config .. .gone"),
            ("{{if .config.gone}}{{end}}", "!missing .config.gone"),
            ("{{index .config \"gone\"}}", "!missing .config .."),
            ("{{index .config .args.fake}}", "!missing .config .."),
            ("{{get .config \"gone\"}}", "!missing .config .."),
            ("{{gjson \"config.gone\"}}", "!missing .config .."),
            ("{{.config.gone | trim}}", "!missing .config.gone"),
            ("{{.config.gone | default \"d\"}}", "d"),
            ("{{.config.gone | trim | default \"d\" | upper}}", "D"),
            ("{{default \"d\" .config.gone}}{{coalesce .config.gone \"c\"}}", "dc"),
            ("{{printf \"%s\" (.config.gone) | default \"d\"}}", "d"),
            (
                "{{index .config \"gone\" | default \"d\"}}{{gjson \"config.gone\" | default \"d\"}}",
                "dd",
            ),
            ("{{if hasKey .config \"gone\"}}1{{else}}2{{end}}", "2"),
            ("{{.config.n}}{{.args.gone}}", "null"),
            (
                "{{$d := dict \"a\" .config.plain}}{{$d.gone}}{{get $d \"gone\"}}{{index $d \"gone\"}}|",
                "|",
            ),
        ],
    );
}

#[test]
fn secrets_are_opened_where_they_are_read() {
    let key = super::KEY;
    check(
        Context::Plain,
        DATA,
        &[
            ("{{.config.locked}}", "!secret secret://locked is not set"),
            ("{{toJson .config}}", "!secret secret://locked is not set"),
            ("{{.config.plain}}", "p"),
            ("{{.config.key}}", key),
            ("{{.config.key | b64enc}}", "dHN0X2tleSImLyA/"),
            ("{{index .config \"key\"}}{{index $ \"config\" \"key\"}}", &format!("{key}{key}")),
            ("{{index .config .args.name}}", key),
            ("{{(index . \"config\").key}}", key),
            ("{{gjson \"config.key\"}}{{gjson \"config.deep|@values|0\"}}", &format!("{key}{key}")),
            ("{{with .config.deep}}{{.key}}{{gjson \"key\"}}{{end}}", &format!("{key}{key}")),
            ("{{range .config.list}}{{.}};{{end}}", &format!("{key};x;")),
            ("{{first .config.list}}{{get .config.deep \"key\"}}", &format!("{key}{key}")),
            ("{{toRawJson .config.deep}}", r#"{"key":"tst_key\"&/ ?"}"#),
            ("{{$c := default .args.none .config.deep}}{{$c.key}}", key),
            ("{{len .config.key}}{{if eq .config.key \"secret://key\"}}same{{end}}", "12"),
        ],
    );
    check(
        Context::Url,
        DATA,
        &[(
            "https://h/{{.config.key}}?k={{.config.key}}",
            "https://h/tst_key%22%26/%20%3F?k=tst_key%22%26%2F%20%3F",
        )],
    );
    check(Context::Json, DATA, &[("{\"k\": \"{{.config.key}}\"}", r#"{"k": "tst_key\"&/ ?"}"#)]);
}

#[test]
fn a_reference_in_an_argument_is_text() {
    let key = "secret://key";
    check(
        Context::Plain,
        DATA,
        &[
            ("{{.args.fake}}{{index .args \"fake\"}}{{gjson \"args.fake\"}}", &key.repeat(3)),
            ("{{range list .args.fake}}{{.}}{{end}}", key),
            ("{{(dict \"config\" (dict \"x\" .args.fake)).config.x}}", key),
            ("{{(set .config \"y\" .args.fake).y}}", "!secret secret://locked is not set"),
            ("{{(set .config.deep \"y\" .args.fake).y}}", key),
            ("{{printf \"secret://%s\" .args.name}}", key),
            ("{{$x := .args}}{{$x.fake}}{{$args.q}}", &format!("{key}x")),
        ],
    );
}
