//! SQL texts: what reads, what does not, and what nobody can tell.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use proptest::prelude::*;
use sqlparser::dialect::MsSqlDialect;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, Tokenizer};

use super::*;

const ATTACKS: &str = include_str!("tests/attacks.txt");

/// Statements that people have agents run, and that only read.
const READS: &[&str] = &[
    "SELECT 1",
    "select * from users where id = 5;",
    "SELECT u.name, count(*) AS n FROM users u LEFT JOIN orders o ON o.user_id = u.id GROUP BY 1 ORDER BY n DESC LIMIT 10",
    "WITH recent AS (SELECT * FROM orders WHERE at > now() - INTERVAL '1 day') SELECT * FROM recent",
    "SELECT a FROM t UNION ALL SELECT b FROM u EXCEPT SELECT c FROM v",
    "(SELECT 1) UNION (SELECT 2)",
    "VALUES (1, 'a'), (2, 'b')",
    "SELECT 'it''s; DELETE FROM t -- no'",
    "SELECT a -- the first column\nFROM t /* and the only table */",
    "SELECT CASE WHEN a > 1 THEN 'x' ELSE 'y' END FROM t",
    "SELECT replace(name, 'a', 'b'), upper(lower(name)) FROM t",
    "SELECT data ->> 'name' FROM t WHERE data @> '{\"a\": 1}'",
    "SELECT a::text, CAST(b AS integer) FROM t",
    "SELECT * FROM information_schema.columns WHERE table_name = 'users'",
    "SELECT rank() OVER (PARTITION BY a ORDER BY b) FROM t",
    "SELECT * FROM t WHERE a = ANY(ARRAY['x', 'y'])",
    "SELECT * FROM t WHERE a LIKE '%\\_%'",
    "SELECT `a` FROM `my-table`",
    "SELECT [a] FROM [my table]",
    "SELECT * FROM t WHERE a = $1 AND b = ?",
    "SELECT * FROM generate_series(1, 10) AS n",
    "SELECT substring(a FROM 1 FOR 2), extract(year FROM b), position('x' IN a) FROM t",
    "EXPLAIN SELECT * FROM t",
    "EXPLAIN QUERY PLAN SELECT * FROM t",
    "EXPLAIN ANALYZE SELECT * FROM t WHERE a = 1",
    "SHOW TABLES",
    "SHOW COLUMNS FROM t",
    "SHOW CREATE TABLE t",
    "DESCRIBE t",
    "SELECT deleted, updated_at, created, \"set\" FROM t WHERE inserted IS NULL",
    "SELECT date_trunc('month', at), sum(total) FROM sales GROUP BY date_trunc('month', at)",
    "SELECT * FROM größen WHERE name = 'Jürgen – ☃'",
];

fn attacks() -> impl Iterator<Item = String> {
    let lines = ATTACKS.lines().filter(|line| !line.is_empty() && !line.starts_with("# "));
    lines.map(|line| {
        line.replace('⏎', "\n").replace('␍', "\r").replace('␀', "\0").replace('␠', "\u{a0}")
    })
}

#[test]
fn no_attack_only_reads() {
    assert!(attacks().count() >= 200, "{}", attacks().count());
    let passed: Vec<String> = attacks().filter(|it| sql(it).read_only).collect();
    assert!(passed.is_empty(), "{passed:#?}");
}

#[test]
fn an_attack_in_any_dress_does_not_read() {
    // What is but a comment stays one.
    for attack in attacks().filter(|it| !it.starts_with("--") && !it.starts_with("/*")) {
        for dressed in [
            attack.to_lowercase(),
            format!("  {attack}"),
            format!("/* x */ {attack}"),
            format!("-- x\n{attack}"),
            attack.replace(' ', "\n"),
            attack.replace(' ', "/**/"),
            format!("SELECT 1;{attack}"),
            format!("EXPLAIN {attack}"),
        ] {
            // To describe a table is no change, and here an attack may have become a table's name.
            let read = sql(&dressed);
            assert!(!read.read_only || read.verbs == ["explain"], "{dressed}");
        }
    }
}

#[test]
fn ordinary_queries_read() {
    let refused: Vec<_> = READS.iter().filter(|it| !sql(it).read_only).collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[track_caller]
fn check(texts: &[&str], expected: Expect) {
    let mut out = String::new();
    for text in texts {
        let Sql { parsed, read_only, statements, verbs, tables, functions } = sql(text);
        writeln!(
            out,
            "{text}\n  {parsed} {read_only} {statements} {verbs:?} {tables:?} {functions:?}"
        )
        .unwrap();
    }
    expected.assert_eq(&out);
}

#[test]
fn what_a_text_does_is_told() {
    check(
        &[
            "SELECT * FROM Public.Users u JOIN \"Orders\" ON true WHERE u.id IN (SELECT id FROM secrets)",
            "WITH x AS (DELETE FROM t RETURNING *) SELECT count(*) FROM x",
            "DROP TABLE t; SELECT now()",
            "TABLE secrets",
            "SELECT 1 UNION TABLE secrets",
            "EXPLAIN ANALYZE UPDATE t SET a = lower(b)",
            "not sql at all",
            "",
        ],
        expect![[r#"
            SELECT * FROM Public.Users u JOIN "Orders" ON true WHERE u.id IN (SELECT id FROM secrets)
              true true 1 ["select"] ["orders", "public.users", "secrets"] []
            WITH x AS (DELETE FROM t RETURNING *) SELECT count(*) FROM x
              true false 1 ["delete", "select"] ["t", "x"] ["count"]
            DROP TABLE t; SELECT now()
              true false 2 ["drop", "select"] [] ["now"]
            TABLE secrets
              false false 0 [] [] []
            SELECT 1 UNION TABLE secrets
              true true 1 ["select"] ["secrets"] []
            EXPLAIN ANALYZE UPDATE t SET a = lower(b)
              true false 1 ["explain", "update"] ["t"] ["lower"]
            not sql at all
              false false 0 [] [] []

              true false 0 [] [] []
        "#]],
    );
}

#[test]
fn what_is_too_long_or_too_deep_is_not_parsed() {
    assert!(!sql(&format!("SELECT '{}'", "a".repeat(20_000))).parsed);
    assert!(!sql(&format!("SELECT {}1", "1+".repeat(5_000))).parsed);
    assert!(!sql(&format!("SELECT {}1", "a OR ".repeat(1_000))).parsed);
    assert!(!sql(&format!("SELECT 1{}", "::a".repeat(3_000))).parsed);
    assert!(!sql(&format!("SELECT 1{}", " UNION SELECT 1".repeat(900))).parsed);
    assert!(!sql(&format!("SELECT {}1{}", "(".repeat(40), ")".repeat(40))).parsed);
    // Many columns and values are not deep.
    assert!(sql(&format!("SELECT a FROM t WHERE b IN ({}1)", "1, ".repeat(3_000))).read_only);
    assert!(sql(&format!("SELECT a{} FROM t", ", t.b".repeat(300))).read_only);
}

/// What the limits leave is parsed on a stack of an ordinary thread and in a moment.
#[test]
fn nothing_within_the_limits_is_slow_or_deep() {
    let began = std::time::Instant::now();
    for (link, end) in [
        ("1+", "1"),
        ("a OR ", "b"),
        ("NOT ", "a"),
        ("- ", "1"),
        ("(", "1"),
        ("a[1]", ""),
        ("f(", "1"),
        ("CASE WHEN ", "1"),
        ("a ISNULL ", ""),
        ("a IS NULL ", ""),
        ("a.", "b"),
        ("a, ", "b"),
        ("'a' ", ""),
        ("EXISTS (SELECT ", "1"),
        ("a BETWEEN 1 AND ", "2"),
        ("1!", ""),
        ("a::", "b"),
        ("a COLLATE ", "b"),
        ("(SELECT ", "1"),
        ("x IN (", "1"),
        ("CAST(", "1"),
        ("ARRAY[", "1"),
        ("INTERVAL ", "1"),
    ] {
        for count in 1..=LINKS {
            if count > 12 && count % 37 != 0 {
                continue;
            }
            for close in [0, count] {
                let text = format!("{}{end}{}", link.repeat(count), ")".repeat(close));
                for text in [format!("SELECT {text}"), format!("SELECT * FROM {text}"), text] {
                    drop(sql(&text));
                }
            }
        }
    }
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
}

const LINKS: usize = 420;

proptest! {
    #[test]
    fn nothing_makes_it_panic(text in any::<String>()) {
        drop(sql(&text));
    }

    #[test]
    fn nothing_near_sql_makes_it_panic(words in proptest::collection::vec(word(), 0..30)) {
        drop(sql(&words.join(" ")));
        drop(sql(&words.concat()));
    }

    /// The tokens of dialects are another judge of what stands outside of quotes and comments.
    #[test]
    fn a_change_is_never_hidden(words in proptest::collection::vec(word(), 0..12), at in 0..12_usize) {
        let mut words = words;
        words.insert(at.min(words.len()), "; DELETE FROM t ;");
        let text = format!("SELECT 1 {}", words.concat());
        if sql(&text).read_only {
            prop_assert!(!says_delete(&PostgreSqlDialect {}, &text), "Postgres: {text}");
            prop_assert!(!says_delete(&MySqlDialect {}, &text), "MySQL: {text}");
            prop_assert!(!says_delete(&SQLiteDialect {}, &text), "SQLite: {text}");
            prop_assert!(!says_delete(&MsSqlDialect {}, &text), "SQL Server: {text}");
        }
    }
}

fn says_delete(dialect: &dyn Dialect, text: &str) -> bool {
    let tokens = Tokenizer::new(dialect, text).tokenize().unwrap_or_default();
    tokens.iter().any(|it| matches!(it, Token::Word(word) if word.keyword == Keyword::DELETE))
}

fn word() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![
        "SELECT", "FROM", "WHERE", "a", "t", "(", ")", ",", ";", "'", "\"", "`", "--", "/*", "*/",
        "\n", "1", "=", "AND", "DELETE", "INTO", "UNION", "WITH", "AS", "VALUES", "lower(", "f(",
        "[", "]", "::", "$1", "$$", "\\", "#", "CASE", "WHEN", "END", "JOIN", "ON", "EXPLAIN",
        "TABLE", "INTERVAL", "ARRAY", "é",
    ])
}
