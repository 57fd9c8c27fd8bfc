//! The functions, subject by subject, refusals first. What is expected was worked out by hand from
//! the rules of the reference and sprig's documentation.

use super::{Context, check};

const DATA: &str = r#"{
  "s": "Hello, World", "u": "añb", "n": 7, "f": 2.5, "neg": -3, "t": true, "z": null, "e": "",
  "l": ["b", "a", "b", 1, null], "o": {"b": 1, "a": {"x": "y"}}, "os": [{"k": 1}, {"k": 2}, {"j": 3}],
  "ts": 1700000000, "html": "<a href='x'>\"&</a>", "big": 12345678901234567890, "j": "{\"a\":[1,2.50]}"
}"#;

fn lines(lines: &[(&str, &str)]) {
    let wrapped: Vec<(String, &str)> =
        lines.iter().map(|(call, expected)| (format!("{{{{{call}}}}}"), *expected)).collect();
    let lines: Vec<(&str, &str)> =
        wrapped.iter().map(|(template, expected)| (template.as_str(), *expected)).collect();
    check(Context::Plain, DATA, &lines);
}

#[test]
fn comparing() {
    lines(&[
        ("eq .gone nil", "false"),
        ("eq .gone .none", "true"),
        ("eq .z nil", "true"),
        ("eq .z .gone", "false"),
        ("eq 1 1.0", "true"),
        ("eq \"7\" .n", "true"),
        ("eq .n \"x\"", "false"),
        ("eq 1 true", "false"),
        ("eq .n 1 2 7", "true"),
        ("eq .l .l", "true"),
        ("eq .o (dict \"a\" (dict \"x\" \"y\") \"b\" 1)", "true"),
        ("eq .big 12345678901234567891.0", "false"),
        ("eq 0.1 1e-1", "true"),
        ("eq -0.0 0", "true"),
        ("ne 1 \"1\"", "false"),
        ("ne .s \"x\"", "true"),
        ("lt 2 10", "true"),
        ("lt \"2\" \"10\"", "false"),
        ("lt .neg 0", "true"),
        ("le 2.5 .f", "true"),
        ("gt .big 9223372036854775807", "true"),
        ("ge \"b\" \"a\"", "true"),
        ("lt -2 -1", "true"),
        ("gt 0.01 0.001", "true"),
        ("and 1 0 (fail \"x\")", "0"),
        ("or 0 \"a\" (fail \"x\")", "a"),
        ("and 1 2", "2"),
        ("or 0 \"\"", ""),
        ("not .gone", "true"),
        ("1 | and 0", "0"),
        ("5 | or 0", "5"),
        ("\"x\" | eq \"x\"", "true"),
    ]);
}

#[test]
fn reaching() {
    lines(&[
        ("index .l 5", "!index: the key is out of range (template 1:3)"),
        ("index .l -1", "!index: the key is out of range (template 1:3)"),
        ("index .l 1.5", "!index: a whole number is wanted, not a fraction (template 1:3)"),
        ("index .o 1", "!index: the key of an object is a text (template 1:3)"),
        ("index .s 1", "!index: only lists and objects have keys (template 1:3)"),
        ("index .gone \"x\"", "!index: only lists and objects have keys (template 1:3)"),
        ("index .o \"a\" \"x\"", "y"),
        ("index .o \"a.x\"", "y"),
        ("index .os 1 \"k\"", "2"),
        ("0 | index .l", "b"),
        ("index .o \"gone\"", ""),
        ("len .l", "5"),
        ("len .o", "2"),
        ("len .u", "4"),
        ("len .n", "0"),
        ("len .gone", "0"),
        ("len (list 1 2)", "2"),
        ("default \"d\" .e", "d"),
        ("default \"d\" .n", "7"),
        ("default \"d\"", "d"),
        ("0 | default 3", "3"),
        ("coalesce .gone .e .n", "7"),
        ("coalesce .e", "null"),
        ("ternary 1 2 .e", "2"),
        ("empty .l", "false"),
        ("empty 0", "true"),
        ("fail \"no\"", "!fail: no (template 1:3)"),
        ("fail .s", "!fail: the template refuses these values (template 1:3)"),
        ("uuidv4", "a5a5a5a5-a5a5-45a5-a5a5-a5a5a5a5a5a5"),
        ("getRealIP", "192.0.2.7"),
        ("getSocketIP", "192.0.2.7"),
    ]);
}

#[test]
fn text() {
    lines(&[
        ("substr 3 1 .s", "!substr: the start is behind the end (template 1:3)"),
        ("substr -1 99 .s", "!substr: the end is behind the text (template 1:3)"),
        ("substr 0 5 .s", "Hello"),
        ("substr 7 -1 .s", "World"),
        ("substr 7 99 .s", "World"),
        ("substr -1 5 .s", "Hello"),
        ("substr 0 2 .u", "a"),
        ("trunc 5 .s", "Hello"),
        ("trunc -5 .s", "World"),
        ("trunc 99 .s", "Hello, World"),
        ("trunc 2 .u", "a"),
        ("trunc -99 .s", "Hello, World"),
        ("trim \" \\n a \"", "a"),
        ("trimAll \"$!\" \"$5!$\"", "5"),
        ("trimall \"x\" \"xax\"", "a"),
        ("trimPrefix \"He\" .s", "llo, World"),
        ("trimSuffix \"ld\" .s", "Hello, Wor"),
        ("upper .u", "AÑB"),
        ("lower .s", "hello, world"),
        ("title \"ab cd-ef é_g\"", "Ab Cd-Ef É_g"),
        ("nospace \" a b\\t\"", "ab"),
        ("repeat 3 \"ab\"", "ababab"),
        ("repeat -1 \"ab\"", ""),
        ("repeat 9 \"\"", ""),
        ("contains \"lo\" .s", "true"),
        ("hasPrefix \"He\" .s", "true"),
        ("hasSuffix \"x\" .s", "false"),
        ("replace \"l\" \"L\" .s", "HeLLo, WorLd"),
        ("replace \"\" \"-\" \"ab\"", "-a-b-"),
        ("quote .s \"a\\\"b\" .z .gone 5", "\"Hello, World\" \"a\\\"b\" \"5\""),
        ("squote .s 5", "'Hello, World' '5'"),
        ("cat .s .z 1 true", "Hello, World 1 true"),
        ("indent 2 \"a\\nb\"", "  a\n  b"),
        ("nindent 1 \"a\\nb\"", "\n a\n b"),
        ("plural \"one\" \"many\" 1", "one"),
        ("plural \"one\" \"many\" 2", "many"),
        ("(split \",\" .s)._1", " World"),
        ("split \",\" \"a,b\"", r#"{"_0":"a","_1":"b"}"#),
        ("splitList \",\" \"a,b,\"", r#"["a","b",""]"#),
        ("splitList \"\" .u", r#"["a","ñ","b"]"#),
        ("join \"-\" .l", "b-a-b-1"),
        ("join .l \"-\"", "b-a-b-1"),
        ("join \",\" .s", "Hello, World"),
        ("join ',' .l", "b,a,b,1"),
        ("list 1 2 | join \"+\"", "1+2"),
        ("toString .n | len", "1"),
        ("toStrings .l", r#"["b","a","b","1"]"#),
        ("sortAlpha .l", r#"["1","a","b","b"]"#),
        ("trim .gone | len", "0"),
        ("upper .z", ""),
        ("print .s .n .z", "Hello, World 7 "),
        ("print", ""),
        ("println 1 2", "1 2\n"),
    ]);
}

#[test]
fn formats() {
    lines(&[
        ("printf \"%z\" 1", "!printf: the format has an unknown verb (template 1:3)"),
        ("printf \"%d\"", "!printf: the format asks for more values than there are (template 1:3)"),
        ("printf \"x\" 1", "!printf: the format uses fewer values than there are (template 1:3)"),
        ("printf \"%d\" 1.5", "!printf: %d wants a whole number (template 1:3)"),
        ("printf \"%t\" 1", "!printf: %t wants a boolean (template 1:3)"),
        ("printf \"%f\" \"x\"", "!printf: %f wants a number (template 1:3)"),
        (
            "printf \"%s-%d-%v-%q-%t-%%\" .s .n .o .s .t",
            "Hello, World-7-{\"b\": 1, \"a\": {\"x\": \"y\"}}-\"Hello, World\"-true-%",
        ),
        (
            "printf \"[%5s|%-5s|%05d|%+d|%5.1f|%-6d|%x|%X]\" \"ab\" \"ab\" 42 42 .f 42 255 \"hi\"",
            "[   ab|ab   |00042|+42|  2.5|42    |ff|6869]",
        ),
        (
            "printf \"%f %.2f %e %g %g %g\" 3 .f 12345.678 .f 1e21 0.00001",
            "3.000000 2.50 1.234568e+04 2.5 1e+21 1e-05",
        ),
        ("printf \"%d %d %05d\" 3.0 .big .neg", "3 12345678901234567890 -0003"),
        ("printf \"%.3s|%.2s\" .u .s", "añb|He"),
        ("printf \"%3.1f%%\" 99.96", "100.0%"),
        ("printf \"%s%v\" .gone nil", ""),
        ("printf \"%c%b%o\" 65 5 8", "A10110"),
        ("\"x\" | printf \"<%s>\"", "<x>"),
        ("sprintf \"%v\" 1.0", "1"),
    ]);
}

#[test]
fn numbers() {
    lines(&[
        ("add 9223372036854775807 1", "!add: the result does not fit into 64 bits (template 1:3)"),
        ("mul 9223372036854775807 2", "!mul: the result does not fit into 64 bits (template 1:3)"),
        ("div 1 0", "!div: division by zero (template 1:3)"),
        ("mod 1 \"x\"", "!mod: division by zero (template 1:3)"),
        (
            "div -9223372036854775808 -1",
            "!div: the result does not fit into 64 bits (template 1:3)",
        ),
        (
            "mod -9223372036854775808 -1",
            "!mod: the result does not fit into 64 bits (template 1:3)",
        ),
        ("int .big", "!int: the number does not fit into 64 bits (template 1:3)"),
        ("divf 1 0.0", "!divf: the result is not a number, or has no end (template 1:3)"),
        ("add 1 2 3", "6"),
        ("add1 \"4\"", "5"),
        ("sub 5 7", "-2"),
        ("mul 2 3 4", "24"),
        ("div 7 2", "3"),
        ("div -7 2", "-3"),
        ("mod 7 3", "1"),
        ("max 1 5 3", "5"),
        ("biggest 1 2", "2"),
        ("min 4 .neg", "-3"),
        ("add \"x\" 1.9", "1"),
        ("int \"1.9\"", "1"),
        ("int64 .t", "1"),
        ("atoi \"12x\"", "0"),
        ("atoi \"-5\"", "-5"),
        ("float64 \"1.50\"", "1.5"),
        ("addf 1.5 2", "3.5"),
        ("subf 5 1.5 1", "2.5"),
        ("mulf 1.5 2", "3"),
        ("divf 1 4", "0.25"),
        ("maxf 1 2.5", "2.5"),
        ("minf 1 2.5", "1"),
        ("floor -1.5", "-2"),
        ("ceil 1.2", "2"),
        ("round 2.345 2", "2.35"),
        ("round 123.4 -2", "100"),
        ("round 1.4 0 0.3", "2"),
        ("round -1.5 0", "-2"),
        ("seq", ""),
        ("seq 3", "1 2 3"),
        ("seq -1", "1 0 -1"),
        ("seq 2 4", "2 3 4"),
        ("seq 4 2", "4 3 2"),
        ("seq 1 2 6", "1 3 5"),
        ("seq 5 -2 1", "5 3 1"),
        ("seq 5 2 1", ""),
        ("until 3", "[0,1,2]"),
        ("until -2", "[0,-1]"),
        ("untilStep 3 9 3", "[3,6]"),
        ("untilStep 3 0 -1", "[3,2,1]"),
        ("untilStep 0 3 0", "[]"),
        ("untilStep 0 3 -1", "[]"),
    ]);
}

#[test]
fn lists_and_objects() {
    lines(&[
        ("first .s", "!first: a list is wanted (template 1:3)"),
        ("rest .o", "!rest: a list is wanted (template 1:3)"),
        ("slice .l 2 9", "!slice: the bounds are outside the list (template 1:3)"),
        ("slice .l -1", "!slice: the bounds are outside the list (template 1:3)"),
        ("keys .l", "!keys: an object is wanted (template 1:3)"),
        ("get .s \"x\"", "!get: an object is wanted (template 1:3)"),
        ("hasKey .l \"x\"", "!hasKey: an object is wanted (template 1:3)"),
        ("first .l", "b"),
        ("last .l", "null"),
        ("first list", "null"),
        ("rest .l", r#"["a","b",1,null]"#),
        ("initial .l", r#"["b","a","b",1]"#),
        ("append .l 2 | len", "6"),
        ("push .l 2 | last", "2"),
        ("prepend .l 2 | first", "2"),
        ("concat .l (list 1) | len", "6"),
        ("reverse .l", r#"[null,1,"b","a","b"]"#),
        ("uniq .l", r#"["b","a",1,null]"#),
        ("without .l \"b\" nil", r#"["a",1]"#),
        ("has \"a\" .l", "true"),
        ("has 9 .l", "false"),
        ("has 9 .gone", "false"),
        ("compact .l", r#"["b","a","b",1]"#),
        ("slice .l 1", r#"["a","b",1,null]"#),
        ("slice .l 1 3", r#"["a","b"]"#),
        ("tuple 1 2", "[1,2]"),
        ("mustFirst .l", "b"),
        ("dict \"a\" 1 \"b\"", r#"{"a":1,"b":""}"#),
        ("dict \"a\" 1 \"a\" 2", r#"{"a":2}"#),
        ("get .o \"b\"", "1"),
        ("get .o \"x\"", ""),
        ("set .o \"c\" 3 | keys", r#"["b","a","c"]"#),
        ("hasKey .o \"a\"", "true"),
        ("keys .o (dict \"z\" 1)", r#"["b","a","z"]"#),
        ("values .o", r#"[1,{"x":"y"}]"#),
        ("pick .o \"a\" \"z\"", r#"{"a":{"x":"y"}}"#),
        ("omit .o \"a\"", r#"{"b":1}"#),
        ("pluck \"k\" (index .os 0) (index .os 1) (index .os 2)", "[1,2]"),
        ("dig \"a\" \"x\" \"d\" .o", "y"),
        ("dig \"a\" \"z\" \"d\" .o", "d"),
        ("dig \"b\" \"z\" \"d\" .o", "d"),
    ]);
    check(
        Context::Plain,
        DATA,
        &[
            (
                "{{$d := dict \"a\" 1}}{{$_ := set $d \"b\" 2}}{{$d}}{{range $k, $v := $d}}{{$k}}{{$v}}{{end}}",
                r#"{"a":1,"b":2}a1b2"#,
            ),
            ("{{slice .l}}", r#"["b","a","b",1,null]"#),
            ("{{range list 1 (dict \"x\" 2)}}{{.}};{{end}}", "1;{\"x\":2};"),
        ],
    );
}

#[test]
fn json_escapes_and_encodings() {
    lines(&[
        ("fromJson \"{\"", "!fromJson: the text is not JSON (template 1:3)"),
        ("b64dec \"!\"", "!b64dec: the text is not encoded text (template 1:3)"),
        ("b64dec \"/w==\"", "!b64dec: the text is not encoded text (template 1:3)"),
        ("toJson .html", r#""\u003ca href='x'\u003e\"\u0026\u003c/a\u003e""#),
        ("toRawJson .html", r#""<a href='x'>\"&</a>""#),
        ("toJson \"\\u2028\"", r#""\u2028""#),
        ("toPrettyJson .o", "{\n  \"b\": 1,\n  \"a\": {\n    \"x\": \"y\"\n  }\n}"),
        ("toPrettyJson list", "[]"),
        ("toJson .gone", "null"),
        ("toJson (list .gone now)", "[null,\"2026-11-21T23:05:41Z\"]"),
        ("(fromJson .j).a.1", "2.50"),
        ("fromJson .j", r#"{"a":[1,2.50]}"#),
        ("fromJson .o | len", "2"),
        ("mustToJson .n", "7"),
        ("html .html", "&lt;a href=&#39;x&#39;&gt;&#34;&amp;&lt;/a&gt;"),
        ("js \"a'b\\\"<=>&\\n\\\\\"", "a\\'b\\\"\\u003C\\u003D\\u003E\\u0026\\u000A\\\\"),
        ("urlquery .s", "Hello%2C+World"),
        ("urlquery \"a\" \"b\"", "a+b"),
        ("urlqueryescape \"é~\"", "%C3%A9~"),
        ("b64enc .u", "YcOxYg=="),
        ("b64enc .u | b64dec", "añb"),
        ("b32enc \"hi\"", "NBUQ===="),
        ("b32dec \"NBUQ====\"", "hi"),
        ("sha1sum \"abc\"", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("sha256sum \"abc\" | trunc 16", "ba7816bf8f01cfea"),
        ("sha512sum \"abc\" | trunc 16", "ddaf35a193617aba"),
    ]);
}

#[test]
fn regular_expressions() {
    lines(&[
        ("regexMatch \"^\\\\d+$\" \"12\"", "true"),
        ("regexMatch \"^\\\\d$\" \"٣\"", "false"),
        ("regexMatch `^[\\w&&x[]+$` \"a&x[\"", "true"),
        ("regexMatch `^\\Qa.b\\E$` \"a.b\"", "true"),
        ("regexMatch `^[[:alpha:]]+$` \"ab\"", "true"),
        ("regexMatch `[]a]` \"]\"", "true"),
        ("regexMatch `[^]a]` \"]\"", "false"),
        ("regexMatch `\\bb` \"a b\"", "true"),
        ("regexFind \"[a-z]+\" \"12ab3c\"", "ab"),
        ("regexFind \"x\" .s", ""),
        ("regexFindAll \"l\" .s -1", r#"["l","l","l"]"#),
        ("regexFindAll \"l\" .s 2", r#"["l","l"]"#),
        ("regexReplaceAll \"(\\\\w+), (\\\\w+)\" .s \"${2} $1\"", "World Hello"),
        ("regexReplaceAll \"l\" .s \"$1x\"", "Heo, Word"),
        ("regexReplaceAllLiteral \"l\" .s \"$1\"", "He$1$1o, Wor$1d"),
        ("regexSplit \", \" .s -1", r#"["Hello","World"]"#),
        ("regexSplit \"l\" .s 2", r#"["He","lo, World"]"#),
        ("regexSplit \"l\" .s 0", "[]"),
        ("\"12\" | mustRegexMatch \"2\"", "true"),
        ("regexMatch (print \"H\" \"e\" | nospace) .s", "true"),
    ]);
}

#[test]
fn times() {
    lines(&[
        (
            "date \"2006\" .s",
            "!date: a time is wanted: a result of `now` or seconds since 1970 (template 1:3)",
        ),
        ("date \"2006\" .big", "!date: the number does not fit into 64 bits (template 1:3)"),
        ("date \"2006\" 9223372036854775", "!date: the time is out of range (template 1:3)"),
        (
            "dateModify \"2x\" now",
            "!dateModify: the span is no duration such as 2h45m (template 1:3)",
        ),
        ("now", "2026-11-21T23:05:41Z"),
        ("date \"2006-01-02 15:04:05\" now", "2026-11-21 23:05:41"),
        ("dateFormat \"2006\" 0", "1970"),
        (
            "date \"Mon Monday Jan January _2 2 02 002 06 1 01\" .ts",
            "Tue Tuesday Nov November 14 14 14 318 23 11 11",
        ),
        (
            "date \"3:4:5PM 03 04 05 pm .000 05.00 05.999x\" .ts",
            "10:13:20PM 10 13 20 pm .000 20.00 20x",
        ),
        ("date \"Z07:00 -0700 -07:00 -07 MST Z07\" .ts", "Z +0000 +00:00 +00 UTC Z"),
        (
            "dateInZone \"2006-01-02T15:04:05Z07:00 MST\" .ts \"America/New_York\"",
            "2023-11-14T17:13:20-05:00 EST",
        ),
        ("dateInZone \"15:04\" .ts \"No/Where\"", "22:13"),
        ("date_in_zone \"15:04\" .ts \"Asia/Kolkata\"", "03:43"),
        ("dateModify \"-1.5h\" now | date \"15:04\"", "21:35"),
        ("dateModify \"2h45m10s\" .ts | unixEpoch", "1700009910"),
        ("now | unixEpoch", "1795302341"),
        ("date \"Janet Monk\" .ts", "Janet Monk"),
    ]);
}
