//! The ladder beside a sorted map.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mia::book::fuzz_book(data));
