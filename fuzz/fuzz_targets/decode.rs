//! Any bytes as every message of the protocol.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dtc::wire::fuzz_decode(data));
