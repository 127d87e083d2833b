//! A stream cut whole and cut piece by piece.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dtc::frame::fuzz_frame(data));
