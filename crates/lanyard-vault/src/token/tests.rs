//! Tokens: what is none, and what is one.

use std::collections::HashSet;

use proptest::prelude::*;

use super::{TokenHash, TokenKind, crc32, mint, sha256};
use crate::{RandomError, fill_random};

#[test]
fn what_is_no_token_has_no_hash() {
    let minted = mint(TokenKind::Agent, &fill_random).unwrap();
    let token = minted.plain.expose();
    assert_eq!(TokenHash::of(token, TokenKind::Operator), None, "another kind");
    let as_operator = token.replace("lyd_a_", "lyd_o_");
    assert_eq!(TokenHash::of(&as_operator, TokenKind::Operator), None, "the kind is checked too");
    for text in [
        "",
        "lyd_a_",
        "lyd_a",
        token.trim_start_matches('l'),
        token.split_at(54).0,
        &format!("{token}0"),
        &format!(" {token}"),
        &format!("{token}\n"),
        &token.to_uppercase(),
        &format!("lyd_a_{}", "\u{e9}".repeat(24)),
        &format!("lyd_a_{}\u{e9}", "0".repeat(47)),
        "lyd_a_0000000000000000000000000000000000000000000000000",
    ] {
        assert_eq!(TokenHash::of(text, TokenKind::Agent), None, "{text}");
    }
    for (index, _) in token.char_indices() {
        for other in ['0', 'z'] {
            let mut damaged: Vec<char> = token.chars().collect();
            if damaged[index] != other {
                damaged[index] = other;
                let damaged: String = damaged.into_iter().collect();
                assert_eq!(TokenHash::of(&damaged, TokenKind::Agent), None, "{index}");
            }
        }
    }
    assert_eq!(TokenHash::of(token, TokenKind::Agent), Some(minted.hash));
}

#[test]
fn a_token_is_what_it_says() {
    for (kind, prefix) in [
        (TokenKind::Agent, "lyd_a_"),
        (TokenKind::Operator, "lyd_o_"),
        (TokenKind::Intake, "lyd_i_"),
    ] {
        let minted = mint(kind, &fill_random).unwrap();
        let token = minted.plain.expose();
        assert!(token.starts_with(prefix));
        assert_eq!(token.len(), 6 + 43 + 6);
        assert_eq!(minted.plain.display_prefix(), token.split_at(10).0);
        assert!(minted.id.as_str().starts_with("tk_"));
        assert_eq!(minted.id.as_str().len(), 15);
        assert!(
            !token.contains(minted.id.as_str().trim_start_matches("tk_")),
            "the id is not taken from the token"
        );
        assert_eq!(minted.hash, sha256(token));
        assert_eq!(format!("{:?}", minted.plain), "PlainToken(..)");
        assert!(!format!("{minted:?}").contains(token.split_at(6).1));
    }
}

#[test]
fn every_token_is_another() {
    let minted: Vec<_> = (0..500).map(|_| mint(TokenKind::Agent, &fill_random).unwrap()).collect();
    let tokens: HashSet<&str> = minted.iter().map(|one| one.plain.expose()).collect();
    let ids: HashSet<&str> = minted.iter().map(|one| one.id.as_str()).collect();
    assert_eq!((tokens.len(), ids.len()), (500, 500));
}

#[test]
fn without_randomness_there_is_no_token() {
    assert!(mint(TokenKind::Agent, &|_bytes| Err(RandomError)).is_err());
}

#[test]
fn known_randomness_gives_a_known_token() {
    // Expected: computed apart from this code, with Python's `binascii.crc32`.
    // Bytes of 248 and more are passed over: they would favour the first characters.
    let random = |bytes: &mut [u8]| {
        for (byte, value) in bytes.iter_mut().zip((0..=255_u8).rev().step_by(3)) {
            *byte = value;
        }
        Ok(())
    };
    let minted = mint(TokenKind::Agent, &random).unwrap();
    assert_eq!(minted.plain.expose(), "lyd_a_yvspmjgdaXUROLIFC9630xurolifcZWTQNKHEB852zw3MuYuX");
    assert_eq!(minted.id.as_str(), "tk_yvspmjgdaXUR");
}

#[test]
fn the_checksum_is_the_common_one() {
    // The check value of CRC-32/ISO-HDLC in the catalogue of parametrised CRC algorithms.
    assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    assert_eq!(crc32(b""), 0);
}

proptest! {
    #[test]
    fn any_text_is_hashed_without_panic(text in any::<String>(), tail in "[0-9A-Za-z]{49}") {
        prop_assert_eq!(TokenHash::of(&text, TokenKind::Agent), None);
        let _outcome = TokenHash::of(&format!("lyd_a_{tail}"), TokenKind::Agent);
    }
}
