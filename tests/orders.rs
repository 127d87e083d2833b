//! The order state machine against a venue that does what venues do: answers late, twice, not at
//! all, fills while it is asked to cancel, goes away and comes back.

#[path = "orders/venue.rs"]
mod venue;
#[path = "orders/world.rs"]
mod world;

use proptest::prelude::*;

use venue::Manners;
use world::{Step, World};

fn step() -> impl Strategy<Value = Step> {
    let symbol = || 0..2_u8;
    prop_oneof![
        6 => (symbol(), any::<bool>(), 1..6_u8, any::<bool>())
            .prop_map(|(symbol, buy, qty, limit)| Step::Enter { symbol, buy, qty, limit }),
        3 => (symbol(), any::<bool>()).prop_map(|(symbol, hard)| Step::Exit { symbol, hard }),
        1 => Just(Step::CancelEntries),
        8 => (1..6_u8).prop_map(Step::Out),
        10 => (1..9_u8).prop_map(Step::In),
        8 => (any::<u8>(), 1..6_u8).prop_map(|(pick, qty)| Step::Fill { pick, qty }),
        1 => Just(Step::Refuse),
        4 => (1..3000_u16).prop_map(|ms| Step::Wait { ms }),
    ]
}

fn fault() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Again),
        2 => Just(Step::Lose),
        2 => any::<u8>().prop_map(Step::VenueCancels),
        1 => (0..2_u8, any::<bool>()).prop_map(|(symbol, buy)| Step::Foreign { symbol, buy }),
        3 => (0..4_u8).prop_map(Step::Break),
        4 => Just(Step::Connect),
        2 => any::<bool>().prop_map(|stale| Step::Restart { stale }),
        2 => Just(Step::Save),
        1 => Just(Step::Kill),
    ]
}

fn cases() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    /// Whatever happens, in the end both sides agree, what is open is protected, nothing was sent
    /// twice and a killed account is flat.
    #[test]
    fn both_sides_agree_in_the_end(
        steps in prop::collection::vec(prop_oneof![3 => step(), 1 => fault()], 1..120),
        sloppy in any::<bool>(),
    ) {
        let manners = if sloppy { Manners::Sloppy } else { Manners::Good };
        let mut world = World::new(manners);
        for step in &steps {
            world.run(step);
        }
        world.settle();
        world.check_settled();
    }

    /// A venue that does what the protocol says never has its position turned round.
    #[test]
    fn an_orderly_venue_is_never_turned_round(
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut world = World::new(Manners::Good);
        for step in &steps {
            world.run(step);
            prop_assert!(!world.venue.flipped);
        }
        world.settle();
        world.check_settled();
        prop_assert!(!world.venue.flipped);
    }
}

#[test]
fn dbg_case() {
    let mut world = World::new(Manners::Sloppy);
    for step in [
        Step::Enter { symbol: 0, buy: false, qty: 2, limit: false },
        Step::Out(2), Step::In(1), Step::Fill { pick: 0, qty: 1 }, Step::In(3), Step::Wait { ms: 2000 },
        Step::Fill { pick: 7, qty: 2 },
    ] {
        world.run(&step);
        println!("{step:?}");
    }
    world.settle();
    world.check_settled();
}
