//! Any page that a provider of option chains may send.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mia::providers::massive::fuzz_page(data));
