//! The evidence that the stages of a call consume can neither be made nor copied outside of the
//! crates that vouch for it. So a stage cannot be left out by making up what it would yield.

#[test]
fn evidence_is_neither_forged_nor_copied() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
