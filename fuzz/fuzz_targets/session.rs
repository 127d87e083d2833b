//! A session against a server and an owner that do anything.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dtc::session::fuzz_session(data));
