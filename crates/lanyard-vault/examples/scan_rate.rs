//! How fast what servers say is searched for secrets: 1, 10 and 1,000 of them, over 1 MB of clean
//! texts of several kinds, and over a small answer.
//!
//! `cargo run --release -p lanyard-vault --example scan_rate`
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program that measures")]

use std::borrow::Cow;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lanyard_core::{SecretName, TenantName};
use lanyard_vault::{
    Masker, MasterKey, SealedVersion, SecretEntry, SecretPlace, SecretText, Vault,
};

const MEGABYTE: usize = 1 << 20;
const MEASURED: Duration = Duration::from_millis(700);

fn main() {
    println!("{:>8}  {:<34} {:>12} {:>14}", "secrets", "text", "rate", "each");
    for count in [1, 10, 1000] {
        let masker = masker(count);
        for (name, text) in texts() {
            let (rate, each) = measure(&masker, &text);
            println!("{count:>8}  {name:<34} {rate:>7.0} MB/s {:>11.1} us", each * 1e6);
        }
    }
}

/// Keys as issuers make them: 20 to 60 characters, some behind a word that all of a kind begin with.
fn masker(count: u32) -> Masker {
    let master = Arc::new(MasterKey::ephemeral().unwrap());
    let tenant = TenantName::default_tenant();
    let names: Vec<_> =
        (0..count).map(|n| SecretName::parse(&format!("secret-{n}")).unwrap()).collect();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let entries = names.iter().map(|name| {
        let mut value = String::from("tst-api03-");
        for _ in 0..30 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let number = u32::try_from(state % 36).unwrap_or_default();
            value.push(char::from_digit(number, 36).unwrap_or('x'));
        }
        let place = SecretPlace { tenant: &tenant, name, version: 1 };
        let text = SecretText::from_input(value.as_bytes()).unwrap();
        let current =
            Some(SealedVersion { number: 1, sealed: master.seal(&place, &text).unwrap() });
        let (tenant, name) = (tenant.clone(), name.clone());
        SecretEntry { tenant, name, bound: Vec::new(), current, retained: Vec::new() }
    });
    let entries = entries.collect();
    let own = names.get(..1).unwrap_or_default();
    Vault::build(&master, entries).unwrap().masker(&tenant, own)
}

fn texts() -> Vec<(&'static str, String)> {
    let rows = r#"{"id":104729,"name":"Ada Lovelace","mail":"ada@example.com","tags":["a","b"]},"#;
    let prose = "It was a bright cold day in April, and the clocks were striking thirteen. ";
    let escaped = r#"{\"path\":\"/srv/a\",\"text\":\"line one\\nline two\\n\",\"n\":17},\n"#;
    let letters = r#"\u00fcber \u4f60\u597d %C3%A9 &eacute; "#;
    let base64 = "dGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcyBvdmVyIHRoZSBsYXp5IGRvZyAwMTIzNDU2Nzg5Kys";
    let megabyte = |piece: &str| piece.repeat(MEGABYTE.div_ceil(piece.len()));
    vec![
        ("1 MB of JSON", format!("[{}0]", megabyte(rows))),
        ("1 MB of prose", format!("\"{}\"", megabyte(prose))),
        ("1 MB of base64", format!("\"{}\"", megabyte(base64))),
        ("1 MB of JSON within JSON", format!("\"{}\"", megabyte(escaped))),
        ("1 MB of escaped letters", format!("\"{}\"", megabyte(letters))),
        ("an answer of 1 kB", format!("[{}0]", rows.repeat(12))),
    ]
}

/// Megabytes in a second, and seconds for each text.
fn measure(masker: &Masker, text: &str) -> (f64, f64) {
    let (mut passes, began) = (0_u32, Instant::now());
    while began.elapsed() < MEASURED {
        let (clean, count) = black_box(masker.mask_json(black_box(text)));
        assert!(count == 0 && matches!(clean, Cow::Borrowed(_)), "clean text is not copied");
        passes = passes.saturating_add(1);
    }
    let each = began.elapsed().as_secs_f64() / f64::from(passes);
    let bytes = u32::try_from(text.len()).unwrap_or(u32::MAX);
    (f64::from(bytes) / each / 1e6, each)
}
