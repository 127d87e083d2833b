//! A few orders in each layout: what is counted, not how long it took.

use dtc::wire::Message;
use simd_json::OwnedValue;
use simd_json::prelude::*;

use super::*;

/// Enough that every limit which looks at the last orders has a full look.
const ORDERS: u32 = 24;

fn args(threads: Layout, journal_first: bool, json: bool) -> LatencyArgs {
    LatencyArgs {
        file: None,
        orders: Some(ORDERS),
        journal_first,
        rate: None,
        speed: None,
        threads,
        events: 1,
        tick: None,
        refresh: None,
        json,
        out: None,
    }
}

#[test]
fn every_order_is_there_in_both_layouts() {
    for (threads, first) in [(Layout::Fused, false), (Layout::Split, true)] {
        let mut printed = Vec::new();
        run(&args(threads, first, true), &mut printed).expect("it runs");
        let report: OwnedValue = simd_json::from_slice(&mut printed).expect("JSON");
        assert_eq!(report["market"].as_str(), Some("SYNTHETIC"));
        assert_eq!((report["buys"].as_u64(), report["sells"].as_u64()), (Some(12), Some(12)));
        assert_eq!(report["tick_to_order_ns"]["count"].as_u64(), Some(24));
        assert_eq!(report["echo_ns"]["count"].as_u64(), Some(48), "before and after");
        // A new order is 304 bytes and its bracket 448; the tick is one trade.
        assert_eq!(report["order_bytes"].as_u64(), Some(752));
        assert_eq!(
            report["tick_bytes"].as_u64(),
            Some(dtc::wire::MarketDataUpdateTradeV2::SIZE as u64)
        );
        let waited = report["waited_for_journal_ns"].get("count").and_then(|c| c.as_u64());
        assert_eq!(waited.is_some(), first);
        // Entry and bracket of each wait.
        assert!(waited.is_none_or(|count| count >= 48), "{waited:?}");
        assert!(report["tick_to_send_p50_ns"].as_u64() > Some(0));
    }
}

#[test]
fn it_is_said_for_people() {
    let mut printed = Vec::new();
    run(&args(Layout::Fused, true, false), &mut printed).expect("it runs");
    let text = String::from_utf8(printed).expect("text");
    for word in ["SYNTHETIC", "bare echo", "tick to order", "waited for the journal", "jitter"] {
        assert!(text.contains(word), "{word} is missing in\n{text}");
    }
}
