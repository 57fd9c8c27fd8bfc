//! What it costs to look for credentials in the arguments of a call.
//!
//!     cargo run --release -p lanyard-core --example argument_rate
#![expect(clippy::print_stdout, reason = "its result is for a person")]

use std::hint::black_box;
use std::time::Instant;

use lanyard_core::credential::json_may_hold_credential;

/// An invoice with a text, as agents send it.
const PART: &str = r#"{"customer":"cus_NffrFeUfNV2Hib","lines":[{"text":"Consulting, 3 days\nat 1,200","amount":3600.50,"sku":"A-17-3"}],"note":"see https://billing.example.com/i/17?x=1 and mail ann@example.com","at":"2026-11-22T12:30:00Z"},"#;

fn main() {
    for (bytes, rounds) in [(300_u32, 20_000_u32), (10_000, 2000), (100_000, 200)] {
        let text: String = PART.chars().cycle().take(bytes.try_into().unwrap_or(0)).collect();
        assert!(!json_may_hold_credential(&text), "the text holds one");
        let began = Instant::now();
        for _ in 0..rounds {
            black_box(json_may_hold_credential(black_box(&text)));
        }
        let each = began.elapsed().as_secs_f64() * 1e6 / f64::from(rounds);
        println!("{bytes:>7} bytes: {each:>8.2} us a call, {:>5.0} MB/s", f64::from(bytes) / each);
    }
}
