//! Any bytes as what a venue says of orders, through to the state of every order.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mia::runtime::fuzz::fuzz_orders(data));
