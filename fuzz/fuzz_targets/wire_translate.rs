//! Reads what the fuzzer thinks of as a message of a server, and passes it on in every way.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    lanyard_wire::fuzz_translate(data);
});
