//! Decodes, classifies and encodes whatever the fuzzer thinks of.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    lanyard_wire::fuzz_decode(data);
});
