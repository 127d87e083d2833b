//! Any bytes as a journal, and as packed events.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mia::journal::reader::fuzz_journal(data));
