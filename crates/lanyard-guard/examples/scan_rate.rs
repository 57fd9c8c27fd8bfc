//! How fast texts are searched for what has the form of a common credential.
//!
//! `cargo run --release -p lanyard-guard --example scan_rate`
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program that measures")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use lanyard_guard::scrub::{FORMS, Forms};

const MEGABYTE: usize = 1 << 20;
const MEASURED: Duration = Duration::from_millis(700);

fn main() {
    let rows = r#"{"id":104729,"name":"Ada Lovelace","mail":"ada@example.com","tags":["a","b"]},"#;
    let prose = "It was a bright cold day in April, and the clocks were striking thirteen. ";
    let base64 = "dGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcyBvdmVyIHRoZSBsYXp5IGRvZyAwMTIzNDU2Nzg5Kys";
    println!("{} forms", FORMS.len());
    for (name, piece) in [("JSON", rows), ("prose", prose), ("base64", base64)] {
        let text = piece.repeat(MEGABYTE.div_ceil(piece.len()));
        let forms = Forms::common().unwrap();
        let (mut passes, began) = (0_u32, Instant::now());
        while began.elapsed() < MEASURED {
            let mut found = Vec::new();
            forms.find(black_box(text.as_bytes()), &mut found);
            assert!(found.is_empty());
            passes = passes.saturating_add(1);
        }
        let each = began.elapsed().as_secs_f64() / f64::from(passes);
        let bytes = u32::try_from(text.len()).unwrap_or(u32::MAX);
        println!("1 MB of {name:<10} {:>7.0} MB/s", f64::from(bytes) / each / 1e6);
    }
}
