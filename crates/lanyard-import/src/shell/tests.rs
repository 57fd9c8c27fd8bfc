//! Words, as `sh` and `bash` split them, and what is refused.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::{command, goes_on, variable};

/// The words with their places, a variable as `<NAME>`; or the refusal.
fn split(text: &str) -> String {
    match command(text) {
        Err(error) => error.to_string(),
        Ok(command) => {
            let shown = command.words.iter().map(|word| {
                let pieces = variable::pieces(&word.text).into_iter().map(|piece| match piece {
                    variable::Piece::Plain(text) => format!("{text:?}"),
                    variable::Piece::Variable(name) | variable::Piece::Secret(name) => {
                        format!("<{name}>")
                    }
                });
                format!("{}={}", word.mark, pieces.collect::<Vec<_>>().join("+"))
            });
            let mut lines: Vec<String> = shown.collect();
            lines.extend(command.comment.map(|comment| format!("# {comment}")));
            lines.join(" ")
        }
    }
}

#[track_caller]
fn check(texts: &[&str], expected: Expect) {
    let lines: Vec<String> = texts.iter().map(|text| format!("{}\n", split(text))).collect();
    expected.assert_eq(&lines.concat());
}

#[test]
fn words_are_split_as_a_shell_does() {
    check(
        &[
            "curl  -s\thttps://a.example/b",
            "'single \"$X\" \\' \"double 'q' \\\"e\\\" \\$5 \\x\"",
            "a'b'\"c\"d\\ e ''  \"\"",
            "one \\\n  two\\\nthree",
            "one \\\r\n two\r\n",
            "\"two\\\nlines\" 'kept\\\nlines'",
            "# Makes a charge\n$ curl x # rest\n",
            "a#b 'c' #d",
            "$'tab\\t nl\\n q\\' u\\u0021 x\\x41 o\\101 \\U0001F600 \\q' $\"loc\"",
            "$'\\xc3\\xa9' $'\\cA'",
        ],
        expect![[r#"
            1:1="curl" 1:7="-s" 1:10="https://a.example/b"
            1:1="single \"$X\" \\" 1:17="double 'q' \"e\" $5 \\x"
            1:1="abcd e" 1:13= 1:17=
            1:1="one" 2:3="twothree"
            1:1="one" 2:2="two"
            1:1="twolines" 2:8="kept\\\nlines"
            2:3="curl" 2:8="x" # Makes a charge
            1:1="a#b" 1:5="c"
            1:1="tab\t nl\n q' u! xA oA 😀 \\q" 1:53="loc"
            1:1="é" 1:13="\u{1}"
        "#]],
    );
}

#[test]
fn variables_stay_variables() {
    check(
        &[
            "$A ${B_2}x \"pre $C/post\" '$D' \\$E $ a$",
            "\"${FIRST}-$SECOND\" \"cost: $5\"",
            "\"${NAME:-default}\"",
            "${}",
            "$1",
            "\"$$\"",
        ],
        expect![[r#"
            1:1=<A> 1:4=<B_2>+"x" 1:12="pre "+<C>+"/post" 1:26="$D" 1:31="$E" 1:35="$" 1:37="a$"
            1:27: a parameter of a script has no value here: write the value, put the text into single quotes, or write `\$` for a dollar sign
            1:2: only `$NAME` and `${NAME}` are read: write the value, or a name alone
            1:1: only `$NAME` and `${NAME}` are read: write the value, or a name alone
            1:1: a parameter of a script has no value here: write the value, put the text into single quotes, or write `\$` for a dollar sign
            1:2: a parameter of a script has no value here: write the value, put the text into single quotes, or write `\$` for a dollar sign
        "#]],
    );
}

#[test]
fn whatever_would_do_something_is_refused() {
    check(
        &[
            "curl x | jq .",
            "curl \"$(cat key)\"",
            "curl `cat key`",
            "curl https://a.example/?b=1&c=2",
            "curl x > out",
            "curl x <in",
            "curl x; rm y",
            "curl x\ncurl y",
            "curl (x)",
            "curl 'x",
            "curl \"x",
            "curl $'x",
            "curl x \\ \n -H y",
            "curl x \\",
            "curl \u{201c}x\u{201d}",
            "curl ^\"x^\"",
            "curl x ^\n -H y",
            "curl x ^\r\n  -H y",
            "curl x `\n -H y",
            "$ curl x \\\n> -H y",
            "```bash\ncurl x\n```",
            "curl $'\\ud800'",
            "curl $'\\xff'",
            "curl \u{fdd0}",
            "curl $'\\ufdd0'",
        ],
        expect![[r#"
            1:8: a pipe: leave it and what follows out, only the request itself is imported
            1:7: the output of a command: nothing is executed here; write the value, or `$NAME` to make it an argument or a secret
            1:6: the output of a command: nothing is executed here; write the value, or `$NAME` to make it an argument or a secret
            1:28: `&` ends a command unless it is quoted: put the URL or text into quotes
            1:8: a redirection: leave it out, or quote the text if it is one
            1:8: a redirection: leave it out, or quote the text if it is one
            1:9: the command ended at 1:7, and this is more; quote the `;` if it belongs to a text, and import one command at a time
            2:1: the command ended at 1:7, and this is more; put a backslash at the end of that line if this belongs to it, and import one command at a time if it does not
            1:6: a bracket means something to a shell: put the text into quotes
            1:6: this quote is never closed; put the same quote where the text ends
            1:6: this quote is never closed; put the same quote where the text ends
            1:6: this quote is never closed; put the same quote where the text ends
            1:8: white space follows this backslash, so that it does not join the lines: remove what stands after it
            1:8: the command goes on after this backslash, and nothing follows: paste the rest too, or remove it
            1:6: a typographic quote, which a word processor makes of a straight one: write ' or "
            1:6: this is quoted for the Windows command prompt: choose "Copy as cURL (bash)" instead, or write it with straight quotes and `\` at the ends of lines
            1:8: this is quoted for the Windows command prompt: choose "Copy as cURL (bash)" instead, or write it with straight quotes and `\` at the ends of lines
            1:8: this is quoted for the Windows command prompt: choose "Copy as cURL (bash)" instead, or write it with straight quotes and `\` at the ends of lines
            1:8: this joins lines in PowerShell: write `\` at the end of the line instead
            2:1: the sign with which a terminal asks for more: take it away at the beginning of every line
            1:1: the fence of a block of code in Markdown: paste what stands between the fences
            1:8: no character has this escape
            1:6: the escapes of this text make no UTF-8: only text is imported
            1:6: this character stands in no command
            1:6: an escape of this text makes no character
        "#]],
    );
}

#[test]
fn a_byte_order_mark_is_no_word() {
    let words = command("\u{feff}curl x").unwrap().words;
    assert_eq!((words.len(), words[0].text.as_str()), (2, "curl"));
}

/// A text in quotes that a shell reads as that text.
fn quoted(text: &str, style: u8) -> String {
    match style % 3 {
        0 => format!("'{}'", text.replace('\'', "'\\''")),
        1 => {
            let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$");
            format!("\"{}\"", escaped.replace('`', "\\`"))
        }
        _ => format!("$'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
    }
}

proptest! {
    #[test]
    fn what_is_quoted_is_read_back(texts in proptest::collection::vec(("[ -~\\n\\täß😀]{0,30}", any::<u8>()), 1..6)) {
        let line: Vec<String> = texts.iter().map(|(text, style)| quoted(text, *style)).collect();
        let command = command(&line.join(" \\\n ")).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let read: Vec<&str> = command.words.iter().map(|word| word.text.as_str()).collect();
        let given: Vec<&str> = texts.iter().map(|(text, _)| text.as_str()).collect();
        prop_assert_eq!(read, given);
    }

    #[test]
    fn no_text_makes_it_fall(text in "[\\PC\\n\\r'\"\\\\$^`#;&|<>(){}]{0,80}") {
        let _read = command(&text);
    }
}

#[test]
fn a_command_goes_on_while_a_quote_is_open() {
    for open in [
        "curl \\\n",
        "curl \\",
        "curl \\\r\n",
        "curl -d '{\n",
        "curl -d \"a\\\"\n",
        "curl -d $'it\\'s\n",
        "curl 'it'\\''s\n",
    ] {
        assert!(goes_on(open), "{open:?}");
    }
    for whole in [
        "",
        "curl https://a\n",
        "curl -d '{\n}'\n",
        "curl -d \"a\\\"b\"\n",
        "curl -d $'it\\'s'\n",
        "curl 'a\\'\n",
        "curl \\\n https://a\n",
        "curl \"$x\" '$'\n",
    ] {
        assert!(!goes_on(whole), "{whole:?}");
    }
}
