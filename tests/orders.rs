//! The order state machine against a venue that does what venues do: answers late, twice, not at
//! all, fills while it is asked to cancel, goes away and comes back.

#[path = "orders/venue.rs"]
mod venue;
#[path = "orders/world.rs"]
mod world;

use mia::event::Body;
use mia::execution::{Change, Odd, Order, OrderState, Orders, Params, Position};
use mia::order::{
    BuySell, Detail, ExecutionId, ExitReason, Fill, Gate, Listing, OrderId, OrderKind, OrderUpdate,
    RejectClass, Status, UpdateReason, Veto,
};
use mia::units::{Px, SymbolId, Ts};
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
        3 => prop::sample::select(RejectClass::ALL.to_vec()).prop_map(Step::Refuse),
        2 => Just(Step::EnterAgain),
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
        renames in any::<bool>(),
    ) {
        let manners = if sloppy { Manners::Sloppy } else { Manners::Good };
        let mut world = World::new(manners);
        world.venue.renames = renames;
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

fn symbol() -> SymbolId {
    SymbolId(0)
}

/// Enters, everything arrives, and `filled` of the entry is filled.
fn entered(qty: u32, filled: u32) -> (World, OrderId) {
    let mut world = World::new(Manners::Good);
    let id = world.enter(0, true, qty, false).expect("an entry");
    world.run(&Step::Wait { ms: 1 });
    world.flow();
    fill(&mut world, id, filled);
    (world, id)
}

fn fill(world: &mut World, id: OrderId, qty: u32) {
    let at = world.venue.find(id).expect("an order");
    world.venue.fill(at, qty);
    world.flow();
}

fn state(world: &World, id: OrderId) -> OrderState {
    world.orders.order(id).expect("an order").state
}

fn closed(world: &World) -> Vec<Position> {
    let closed = |c: &Change| if let Change::Closed(p) = c { Some(*p) } else { None };
    world.log.iter().filter_map(closed).collect()
}

fn alerts(world: &World, wanted: Odd) -> usize {
    let is = |c: &&Change| matches!(c, Change::Alert { what, .. } if *what == wanted);
    world.log.iter().filter(is).count()
}

fn seen(world: &World, wanted: impl Fn(&Change) -> bool) -> bool {
    world.log.iter().any(wanted)
}

fn detail(result: Result<OrderId, Veto>) -> Detail {
    result.expect_err("a veto").detail
}

#[test]
fn the_target_closes_and_takes_the_stop_with_it() {
    let (mut world, id) = entered(3, 2);
    assert_eq!(state(&world, id), OrderState::PartFilled);
    assert_eq!(world.orders.entering(symbol()), 1);
    fill(&mut world, id, 1);
    assert_eq!(state(&world, id), OrderState::Filled);
    fill(&mut world, id.plus(2), 1);
    assert_eq!(world.orders.order(id.plus(1)).map(|o| o.remaining()), Some(2), "reduced");
    fill(&mut world, id.plus(2), 2);
    assert_eq!(state(&world, id.plus(1)), OrderState::Canceled);
    let [trip] = closed(&world)[..] else { panic!("one round trip") };
    assert_eq!((trip.trade, trip.way, trip.reason), (id, Some(BuySell::Buy), ExitReason::Target));
    assert_eq!((trip.entered.qty, trip.exited.qty), (3, 3));
    assert_eq!((trip.average(), trip.exited.average()), (Some(100.0), Some(100.0)));
    assert_eq!(world.orders.open_orders().count(), 0);
    assert_eq!(world.venue.ids.len(), 3);
}

#[test]
fn a_stop_names_itself() {
    let (mut world, id) = entered(1, 1);
    fill(&mut world, id.plus(1), 1);
    assert_eq!(closed(&world).first().map(|p| p.reason), Some(ExitReason::Stop));
}

#[test]
fn an_exit_order_awaits_the_end_of_the_bracket() {
    let (mut world, id) = entered(2, 2);
    world.run(&Step::Exit { symbol: 0, hard: false });
    assert_eq!(world.orders.closing(symbol()), Some(ExitReason::Reversal));
    world.run(&Step::Wait { ms: 500 });
    // Both cancels are on their way, and nothing else.
    assert_eq!(world.orders.id_range().0, id.plus(3));
    // The stop fills before its cancel comes: nothing is left to close.
    let stop = world.venue.find(id.plus(1)).expect("stop");
    world.venue.fill(stop, 1);
    world.flow();
    world.run(&Step::Wait { ms: 100 });
    world.flow();
    let exit = id.plus(3);
    assert_eq!(world.orders.order(exit).map(|o| (o.qty, o.way)), Some((1, BuySell::Sell)));
    fill(&mut world, exit, 1);
    let [trip] = closed(&world)[..] else { panic!("one round trip") };
    assert_eq!(trip.reason, ExitReason::Reversal);
    assert!(!world.venue.flipped);
    assert_eq!(world.orders.closing(symbol()), None);
    assert_eq!(world.enter(0, false, 1, false), Ok(id.plus(4)));
}

#[test]
fn a_cancel_without_an_answer_ends_in_a_flatten() {
    let (mut world, id) = entered(2, 2);
    world.run(&Step::Exit { symbol: 0, hard: false });
    // Nothing of it reaches the venue's answers for two seconds.
    world.run(&Step::Wait { ms: 1900 });
    assert_eq!(world.orders.id_range().0, id.plus(3));
    world.run(&Step::Wait { ms: 200 });
    assert_eq!(world.orders.id_range().0, id.plus(4), "the flatten");
    world.flow();
    assert_eq!(world.venue.positions[0], 0);
    assert_eq!(world.orders.position(symbol()).map(|p| p.qty), Some(0));
    assert_eq!(closed(&world).first().map(|p| p.reason), Some(ExitReason::Reversal));
}

/// The first word about a flatten may be its fill. That acknowledges it, but how much it is for the
/// venue alone knows until it says so.
#[test]
fn a_fill_acknowledges_a_flatten_but_not_its_size() {
    let (mut world, id) = entered(2, 2);
    world.run(&Step::Exit { symbol: 0, hard: true });
    let flatten = id.plus(3);
    assert_eq!(state(&world, flatten), OrderState::Handed);
    world.event(symbol(), Body::Sent(flatten));
    world.run(&Step::Wait { ms: 20 });
    let (execution, px) = (ExecutionId::new(u64::MAX), Px::new(100).expect("px"));
    let fill = Fill { id: flatten, execution, px, qty: 2, way: BuySell::Sell };
    world.event(symbol(), Body::Fill(fill));
    let of = |order: &Order| (order.state, order.times[2].since(order.times[1]));
    let told = world.log.iter().find_map(|change| match change {
        Change::Filled { order, .. } if order.id == flatten => Some(*order),
        _ => None,
    });
    assert_eq!(told.map(|order| of(&order).1), Some(20_000_000), "its record says so too");
    let order = world.orders.order(flatten).expect("it lives");
    assert_eq!(of(order), (OrderState::PartFilled, 20_000_000), "nor is it asked to end");
    let again = Orders::restore(Params::default(), 2, id, id.plus(9), &world.orders.to_text());
    let again = again.expect("state").order(flatten).map(|order| order.times[2]);
    assert_eq!(again, Some(Ts::NONE), "nor does the next run know more");
    // It was for one more: no order is filled beyond its size.
    let execution = ExecutionId::new(u64::MAX - 1);
    world.event(symbol(), Body::Fill(Fill { execution, qty: 1, ..fill }));
    let update = OrderUpdate {
        id: flatten,
        status: Status::Filled,
        reason: UpdateReason::Filled,
        way: Some(BuySell::Sell),
        kind: Some(OrderKind::Market),
        qty: 3,
        filled: 3,
        px: None,
        class: RejectClass::Unknown,
    };
    world.event(symbol(), Body::Order(update));
    assert_eq!((state(&world, flatten), alerts(&world, Odd::Overfill)), (OrderState::Filled, 0));
}

#[test]
fn an_order_without_an_answer_is_unknown_and_not_sent_again() {
    let mut world = World::new(Manners::Good);
    let id = world.enter(0, true, 1, false).expect("an entry");
    world.run(&Step::Wait { ms: 1900 });
    assert_eq!(state(&world, id), OrderState::Handed, "nobody said that it has left");
    world.run(&Step::Wait { ms: 150 });
    assert_eq!(state(&world, id), OrderState::Unknown);
    assert_eq!(
        world.orders.reconciled(symbol()),
        Err(Veto::new(Gate::Reconcile, Detail::UnknownOrder))
    );
    assert_eq!(world.orders.reconciled(SymbolId(1)), Ok(()));
    // It had arrived after all: the list shows it, and it is the same order.
    world.flow();
    assert_eq!(state(&world, id), OrderState::Working);
    assert_eq!(world.orders.reconciled(symbol()), Ok(()));
    assert_eq!(world.venue.ids.len(), 3);
}

/// Two seconds from when its bytes left, not from when it was handed on.
#[test]
fn the_time_to_answer_begins_as_the_bytes_leave() {
    let mut world = World::new(Manners::Good);
    let id = world.enter(0, true, 1, false).expect("an entry");
    world.run(&Step::Wait { ms: 1500 });
    world.event(symbol(), Body::Sent(id));
    assert_eq!(state(&world, id), OrderState::Sent);
    assert_eq!(state(&world, id.plus(1)), OrderState::Handed, "its bracket is another message");
    world.event(symbol(), Body::Sent(id.plus(1)));
    let [decided, sent, _] = world.orders.order(id).expect("an order").times;
    assert_eq!(sent.since(decided), 1_500_000_000);
    for child in [1, 2] {
        assert_eq!(state(&world, id.plus(child)), OrderState::Sent, "stop and target are one");
    }
    world.run(&Step::Wait { ms: 1900 });
    assert_eq!(state(&world, id), OrderState::Sent);
    world.run(&Step::Wait { ms: 150 });
    assert_eq!(state(&world, id), OrderState::Unknown);
    // A message that nobody made changes nothing.
    world.event(symbol(), Body::Sent(OrderId::new(20_260_114, 999)));
    world.flow();
    assert_eq!(state(&world, id), OrderState::Working);
}

fn refused(world: &World, id: OrderId) -> RejectClass {
    world.orders.order(id).expect("an order").refused
}

/// Each class of a refused entry: what may be tried again, and that it is only once.
#[test]
fn an_entry_is_tried_again_once_and_only_after_a_disturbance() {
    for class in RejectClass::ALL {
        let mut world = World::new(Manners::Good);
        world.run(&Step::Refuse(class));
        let id = world.enter(0, true, 2, false).expect("an entry");
        world.run(&Step::Wait { ms: 1 });
        assert_eq!(detail(world.enter_again()), Detail::Duplicate, "not refused yet");
        world.flow();
        assert_eq!((state(&world, id), refused(&world, id)), (OrderState::Rejected, class));
        assert!(seen(&world, |c| matches!(c, Change::Refused { order, class: c, .. }
            if order.id == id && *c == class)));
        let again = world.enter_again();
        if class != RejectClass::Transient {
            assert_eq!(detail(again), Detail::Duplicate, "{class:?}");
            assert_eq!(world.venue.ids.len(), 3);
            continue;
        }
        let second = again.expect("a second try");
        assert_eq!(second, id.plus(3), "with ids of its own");
        assert_eq!(detail(world.enter_again()), Detail::Duplicate);
        world.run(&Step::Refuse(class));
        world.run(&Step::Wait { ms: 1 });
        world.flow();
        assert_eq!(state(&world, second), OrderState::Rejected);
        assert_eq!(detail(world.enter_again()), Detail::Duplicate, "there is no third");
        assert_eq!(world.venue.ids.len(), 6);
    }
}

#[test]
fn an_entry_is_not_tried_again_after_its_time() {
    let mut world = World::new(Manners::Good);
    world.run(&Step::Refuse(RejectClass::Transient));
    world.enter(0, true, 2, false).expect("an entry");
    world.run(&Step::Wait { ms: 1 });
    world.flow();
    world.run(&Step::Wait { ms: 29_999 });
    assert_eq!(detail(world.enter_again()), Detail::Duplicate);
    // Nor is one of before a restart.
    let mut world = World::new(Manners::Good);
    world.run(&Step::Refuse(RejectClass::Transient));
    world.enter(0, true, 2, false).expect("an entry");
    world.run(&Step::Wait { ms: 1 });
    world.flow();
    world.run(&Step::Restart { stale: false });
    world.run(&Step::Connect);
    world.flow();
    assert_eq!(world.orders.reconciled(symbol()), Ok(()));
    assert_eq!(detail(world.enter_again()), Detail::Duplicate);
}

/// A bracket that is refused while its entry fills: once more after a disturbance, and what has no
/// stop then is closed.
#[test]
fn a_bracket_is_sent_again_once_and_only_after_a_disturbance() {
    for class in RejectClass::ALL {
        for twice in [false, true] {
            let mut world = World::new(Manners::Good);
            let id = world.enter(0, true, 2, false).expect("an entry");
            world.run(&Step::Wait { ms: 1 });
            world.run(&Step::Out(1));
            let entry = world.venue.find(id).expect("an entry");
            world.venue.fill(entry, 2);
            world.run(&Step::Refuse(class));
            world.run(&Step::Out(1));
            if twice {
                world.run(&Step::In(9));
                world.run(&Step::Refuse(class));
            }
            world.flow();
            let again = id.plus(3);
            let transient = class == RejectClass::Transient;
            assert_eq!(world.orders.order(again).is_some(), transient, "{class:?}");
            if transient {
                let wanted = if twice { OrderState::Rejected } else { OrderState::Working };
                assert_eq!(state(&world, again), wanted);
                assert_eq!(world.orders.order(again).map(|o| (o.qty, o.trade)), Some((2, id)));
                assert_eq!(state(&world, again.plus(1)), wanted, "the target with it");
            }
            world.settle();
            world.check_settled();
            let kept = transient && !twice;
            assert_eq!(world.venue.positions[0], if kept { 2 } else { 0 }, "{class:?}");
            assert_eq!(seen(&world, |c| matches!(c, Change::Naked { .. })), !kept);
            assert_eq!(world.venue.ids.len(), if transient { 5 } else { 3 } + usize::from(!kept));
        }
    }
}

/// An exit that meets a disturbance is tried again at once, one that does not waits for the time
/// between two attempts.
#[test]
fn an_exit_is_tried_again_at_once_after_a_disturbance() {
    for class in RejectClass::ALL {
        let (mut world, id) = entered(2, 2);
        world.run(&Step::Refuse(class));
        world.run(&Step::Exit { symbol: 0, hard: true });
        world.flow();
        world.run(&Step::Wait { ms: 1 });
        world.flow();
        let first = id.plus(3);
        assert_eq!((state(&world, first), refused(&world, first)), (OrderState::Rejected, class));
        let tried = world.orders.order(first.plus(1)).is_some();
        assert_eq!(tried, class == RejectClass::Transient, "{class:?}");
        world.settle();
        assert_eq!(world.venue.positions[0], 0, "a position is closed in the end");
        world.check_settled();
    }
}

#[test]
fn what_the_venue_lacks_has_ended() {
    let mut world = World::new(Manners::Good);
    let id = world.enter(0, true, 1, false).expect("an entry");
    world.run(&Step::Wait { ms: 1 });
    world.run(&Step::Break(0));
    world.run(&Step::In(1));
    assert_eq!(world.orders.reconciled(symbol()).map_err(|v| v.detail), Err(Detail::Venue));
    assert_eq!(detail(world.enter(1, true, 1, false)), Detail::Venue);
    world.run(&Step::Connect);
    world.run(&Step::In(1));
    assert_eq!(state(&world, id), OrderState::Unknown);
    world.run(&Step::In(1));
    assert_eq!(state(&world, id), OrderState::Unknown, "its fills are looked up first");
    world.flow();
    assert_eq!(state(&world, id), OrderState::Canceled);
    assert!(seen(&world, |c| matches!(c, Change::Lost(o) if o.id == id)));
    assert!(seen(&world, |c| matches!(c, Change::Reconciled)));
    assert_eq!(world.venue.ids.len(), 0, "and it was never sent again");
    assert_eq!(world.orders.reconciled(symbol()), Ok(()));
}

#[test]
fn gate_five_needs_every_list() {
    for missing in [Listing::Orders, Listing::Positions, Listing::Fills, Listing::Balance] {
        let mut world = World::new(Manners::Good);
        world.event(symbol(), Body::Link(false));
        world.event(symbol(), Body::Link(true));
        for listing in [Listing::Orders, Listing::Positions, Listing::Fills, Listing::Balance] {
            if listing != missing {
                world.event(symbol(), Body::Listed(listing));
            }
        }
        assert_eq!(world.orders.reconciled(symbol()).map_err(|v| v.detail), Err(Detail::Venue));
        world.event(symbol(), Body::Listed(missing));
        assert_eq!(world.orders.reconciled(symbol()), Ok(()), "{missing:?}");
    }
}

#[test]
fn a_list_that_does_not_come_is_asked_for_again() {
    let mut world = World::new(Manners::Good);
    world.event(symbol(), Body::Link(false));
    world.event(symbol(), Body::Link(true));
    world.run(&Step::Wait { ms: 9900 });
    assert_eq!(alerts(&world, Odd::NoList), 0);
    world.run(&Step::Wait { ms: 200 });
    assert_eq!(alerts(&world, Odd::NoList), 1);
    world.flow();
    assert_eq!(world.orders.reconciled(symbol()), Ok(()));
}

#[test]
fn an_entry_lives_thirty_seconds() {
    let mut world = World::new(Manners::Good);
    let id = world.enter(0, true, 2, true).expect("an entry");
    world.run(&Step::Wait { ms: 1 });
    world.flow();
    fill(&mut world, id, 1);
    world.run(&Step::Wait { ms: 29_900 });
    world.flow();
    assert_eq!(state(&world, id), OrderState::PartFilled);
    world.run(&Step::Wait { ms: 200 });
    assert_eq!(state(&world, id), OrderState::PendingCancel);
    world.flow();
    assert_eq!(state(&world, id), OrderState::Canceled);
    // What it had filled stays, protected.
    assert_eq!(world.orders.position(symbol()).map(|p| p.qty), Some(1));
    assert_eq!(state(&world, id.plus(1)), OrderState::Working);
}

#[test]
fn a_position_without_a_working_stop_is_closed_after_two_seconds() {
    let (mut world, id) = entered(2, 2);
    let stop = world.venue.find(id.plus(1)).expect("stop");
    world.venue.orders[stop].sibling = OrderId::NONE;
    world.venue.end(stop, Status::Canceled);
    world.flow();
    world.run(&Step::Wait { ms: 1900 });
    assert!(!seen(&world, |c| matches!(c, Change::Naked { .. })));
    world.run(&Step::Wait { ms: 200 });
    assert!(seen(&world, |c| matches!(c, Change::Naked { qty: 2, .. })));
    world.flow();
    assert_eq!(world.venue.positions[0], 0);
    assert_eq!(closed(&world).first().map(|p| p.reason), Some(ExitReason::Kill));
}

#[test]
fn the_same_intent_within_five_seconds_is_a_duplicate() {
    let (mut world, id) = entered(1, 1);
    fill(&mut world, id.plus(2), 1);
    world.run(&Step::Wait { ms: 4990 });
    assert_eq!(detail(world.enter(0, true, 1, false)), Detail::Duplicate);
    world.run(&Step::Wait { ms: 10 });
    assert_eq!(world.enter(0, true, 1, false), Ok(id.plus(3)));
    assert_eq!(detail(world.enter(0, false, 1, false)), Detail::PositionOpen);
    assert_eq!(world.enter(1, true, 1, false), Ok(id.plus(6)), "another symbol");
}

#[test]
fn entries_leave_the_last_ids_to_exits() {
    let mut world = World::new(Manners::Good);
    let (next, spare) = (OrderId::new(20_260_114, 0), Params::default().spare_ids);
    world.orders =
        Orders::new(Params { inside: true, ..Params::default() }, 2, next, next.plus(3 + spare));
    assert!(world.orders.has_ids());
    assert_eq!(world.enter(0, true, 1, false), Ok(next));
    assert_eq!(detail(world.enter(1, true, 1, false)), Detail::NoIds);
    world.event(symbol(), Body::Reserved(OrderId::new(20_260_115, spare)));
    assert_eq!(detail(world.enter(1, true, 1, false)), Detail::NoIds, "no later end");
    world.event(symbol(), Body::Reserved(OrderId::new(20_260_115, 2000)));
    // The date of the new block, the counter of the old one.
    assert_eq!(world.enter(1, true, 1, false), Ok(OrderId::new(20_260_115, 3)));
}

#[test]
fn a_fill_counts_once_and_a_late_one_too() {
    let mut world = World::new(Manners::Good);
    let id = world.enter(0, true, 2, true).expect("an entry");
    world.run(&Step::Wait { ms: 1 });
    world.flow();
    world.run(&Step::CancelEntries);
    world.flow();
    assert_eq!(state(&world, id), OrderState::Canceled);
    let execution = ExecutionId::new(77);
    let fill = Fill { id, execution, px: Px::new(100).expect("px"), qty: 1, way: BuySell::Buy };
    for _ in 0..3 {
        world.event(symbol(), Body::Fill(fill));
        assert_eq!(world.orders.position(symbol()).map(|p| p.qty), Some(1));
    }
    assert_eq!((alerts(&world, Odd::LateFill), alerts(&world, Odd::Repeated)), (1, 2));
    assert_eq!(state(&world, id), OrderState::Canceled);
    // Its bracket is gone: the position does not stay.
    world.venue.positions[0] = 1;
    world.settle();
    assert_eq!(world.venue.positions[0], 0);
    world.check_settled();
}

fn update(id: OrderId, status: Status, reason: UpdateReason, filled: u32) -> Body {
    let (way, kind, px) = (Some(BuySell::Buy), Some(OrderKind::Limit), Px::new(100));
    let class = RejectClass::Unknown;
    Body::Order(OrderUpdate { id, status, reason, way, kind, qty: 4, filled, px, class })
}

#[test]
fn the_cumulative_number_counts_and_only_grows() {
    let mut world = World::new(Manners::Good);
    let id = world.enter(0, true, 4, true).expect("an entry");
    world.run(&Step::Wait { ms: 1 });
    let qty = |world: &World| world.orders.position(symbol()).map_or(0, |p| p.qty);
    let part = |filled| update(id, Status::PartiallyFilled, UpdateReason::FilledPartially, filled);
    world.event(symbol(), part(2));
    assert_eq!(qty(&world), 2, "an execution was not told");
    assert!(seen(&world, |c| matches!(c, Change::Unpriced { qty: 2, .. })));
    world.event(symbol(), part(1));
    assert_eq!((qty(&world), alerts(&world, Odd::Shrunk)), (2, 1));
    world.event(symbol(), part(u32::MAX));
    assert_eq!(qty(&world), 2);
    // The executions come later and give it its price.
    for (n, ticks) in [(1, 100), (2, 104)] {
        let (execution, px) = (ExecutionId::new(n), Px::new(ticks).expect("px"));
        let fill = Fill { id, execution, px, qty: 1, way: BuySell::Buy };
        world.event(symbol(), Body::Fill(fill));
        assert_eq!(qty(&world), 2);
    }
    let average = world.orders.position(symbol()).and_then(|p| p.average());
    assert_eq!(average, Some(102.0));
}

fn position(world: &World) -> i32 {
    world.orders.position(symbol()).map_or(0, |p| p.qty)
}

/// Everything that the venue has is listed again.
fn audit(world: &mut World) {
    world.run(&Step::Wait { ms: 60_000 });
    world.flow();
}

/// A fill that a server lists and whose order nobody knows, of yesterday's trading by hand.
fn nobodys(world: &World, n: u64) -> (SymbolId, Fill) {
    let (execution, px) = (ExecutionId::new(7_000_000 + n), Px::new(100).expect("px"));
    assert!(world.up);
    (symbol(), Fill { id: OrderId::NONE, execution, px, qty: 5, way: BuySell::Buy })
}

#[test]
fn listed_fills_of_nobody_do_not_count_where_an_ended_order_lives_again() {
    let (mut world, id) = entered(1, 1);
    // The link is made anew, and the lists lack the stop for a while.
    let at = world.venue.find(id.plus(1)).expect("a stop");
    let stop = world.venue.orders.remove(at);
    world.run(&Step::Break(0));
    world.run(&Step::Connect);
    world.flow();
    assert!(seen(&world, |c| matches!(c, Change::Lost(o) if o.id == id.plus(1))));
    world.venue.orders.push(stop);
    let old = nobodys(&world, 1);
    world.venue.fills.push(old);
    world.event(symbol(), update(id.plus(1), Status::Open, UpdateReason::OpenOrders, 0));
    assert_eq!(alerts(&world, Odd::Risen), 1);
    audit(&mut world);
    assert_eq!(position(&world), world.venue.positions[0]);
    assert!(!seen(&world, |c| matches!(c, Change::Mismatch { .. } | Change::Foreign { .. })));
    // Nor does one that is told by itself.
    world.event(symbol(), Body::Fill(nobodys(&world, 2).1));
    assert_eq!((position(&world), alerts(&world, Odd::Unreadable)), (1, 1));
}

#[test]
fn a_list_that_comes_twice_counts_once() {
    let (mut world, _) = entered(2, 2);
    let old = nobodys(&world, 1);
    let foreign = (symbol(), Fill { id: OrderId::foreign(9), ..nobodys(&world, 2).1 });
    world.venue.fills.extend([old, foreign]);
    for renames in [false, true] {
        world.venue.renames = renames;
        // Nobody answers for ten seconds: it is asked again, and both answers come.
        for ms in [11_000, 60_000, 10_100] {
            world.run(&Step::Wait { ms });
        }
        world.flow();
        assert_eq!((position(&world), world.orders.reconciled(symbol())), (2, Ok(())));
    }
    assert!(alerts(&world, Odd::NoList) >= 2);
    assert!(!seen(&world, |c| matches!(c, Change::Mismatch { .. } | Change::Foreign { .. })));
}

/// More executions than are remembered by their ids, and orders that are remembered longer.
#[test]
fn an_audit_of_many_days_counts_nothing_again() {
    for renames in [false, true] {
        let mut world = World::new(Manners::Good);
        world.venue.renames = renames;
        for n in 0..45 {
            let id = world.enter(0, true, 27, false).expect("an entry");
            world.run(&Step::Wait { ms: 1 });
            world.flow();
            let out = id.plus(1 + n % 2);
            (0..27).for_each(|_| fill(&mut world, id, 1));
            (0..27).for_each(|_| fill(&mut world, out, 1));
            assert_eq!(position(&world), 0);
            world.run(&Step::Wait { ms: 6000 });
            world.flow();
        }
        let counted = world.log.iter().filter(|c| matches!(c, Change::Filled { .. })).count();
        assert_eq!((counted, world.venue.fills.len()), (45 * 54, 45 * 54));
        let id = world.enter(0, true, 2, true).expect("an entry");
        world.run(&Step::Wait { ms: 1 });
        world.flow();
        fill(&mut world, id, 1);
        audit(&mut world);
        audit(&mut world);
        assert_eq!((position(&world), closed(&world).len()), (1, 45));
        let again = world.log.iter().filter(|c| matches!(c, Change::Filled { .. })).count();
        assert_eq!(again, counted + 1);
        assert_eq!(alerts(&world, Odd::LateFill) + alerts(&world, Odd::Overfill), 0);
    }
}

/// A list may know of a fill before it is told, under whichever id.
#[test]
fn a_fill_that_a_list_tells_first_counts_once() {
    for renames in [false, true] {
        let (mut world, id) = entered(4, 1);
        world.venue.renames = renames;
        let at = world.venue.find(id).expect("an entry");
        world.venue.fill(at, 1);
        let late = std::mem::take(&mut world.venue.said);
        world.run(&Step::Wait { ms: 1100 });
        world.event(symbol(), Body::Fill(nobodys(&world, 1).1));
        world.flow();
        assert_eq!(position(&world), 2);
        for (symbol, flags, body) in late {
            world.flagged(symbol, flags, body);
            assert_eq!(position(&world), 2);
        }
        fill(&mut world, id, 1);
        assert_eq!((position(&world), alerts(&world, Odd::Shrunk)), (3, 0));
        assert_eq!(world.orders.order(id).map(|o| (o.priced, o.fills)), Some((3, 3)));
        world.settle();
        world.check_settled();
    }
}

/// What was missed in an outage is priced by the executions that are not known.
#[test]
fn a_missed_fill_is_priced_by_its_own_execution() {
    let (mut world, id) = entered(3, 1);
    let at = world.venue.find(id).expect("an entry");
    world.venue.fill(at, 1);
    world.venue.fills[1].1.px = Px::new(140).expect("px");
    world.venue.said.clear();
    fill(&mut world, id, 1);
    assert!(seen(&world, |c| matches!(c, Change::Unpriced { qty: 1, .. })));
    audit(&mut world);
    let held = world.orders.position(symbol()).copied().expect("a position");
    assert_eq!((held.qty, held.entered.priced, held.entered.ticks), (3, 3, 340));
}

#[test]
fn executions_without_ids_follow_the_cumulative_number() {
    let mut world = World::new(Manners::Good);
    let id = world.enter(0, true, 4, true).expect("an entry");
    world.run(&Step::Wait { ms: 1 });
    let qty = |world: &World| world.orders.position(symbol()).map_or(0, |p| p.qty);
    let (execution, px) = (ExecutionId::NONE, Px::new(100).expect("px"));
    let fill = Body::Fill(Fill { id, execution, px, qty: 1, way: BuySell::Buy });
    let part = |filled| update(id, Status::PartiallyFilled, UpdateReason::FilledPartially, filled);
    for filled in [1, 2, 2, 3] {
        world.event(symbol(), fill);
        world.event(symbol(), part(filled));
        assert_eq!(qty(&world), filled as i32);
    }
    assert_eq!(world.orders.order(id).map(|o| (o.priced, o.fills)), Some((3, 3)));
}

#[test]
fn a_refused_cancel_does_not_kill_an_order() {
    let mut world = World::new(Manners::Good);
    let id = world.enter(0, true, 4, true).expect("an entry");
    world.run(&Step::Wait { ms: 1 });
    world.flow();
    world.run(&Step::CancelEntries);
    assert_eq!(state(&world, id), OrderState::PendingCancel);
    world.event(symbol(), update(id, Status::Open, UpdateReason::CancelRejected, 0));
    assert_eq!(state(&world, id), OrderState::Working);
    world.run(&Step::Wait { ms: 600 });
    world.run(&Step::CancelEntries);
    assert_eq!(state(&world, id), OrderState::PendingCancel, "asked again");
    // "Rejected" is the answer for the cancel, not for the order.
    world.event(symbol(), update(id, Status::Rejected, UpdateReason::CancelRejected, u32::MAX));
    assert_eq!(state(&world, id), OrderState::Unknown);
    world.flow();
    assert_eq!(state(&world, id), OrderState::Canceled, "the first cancel had come");
    let refused = |c: &&Change| matches!(c, Change::Refused { order, .. } if order.id == id);
    assert_eq!(world.log.iter().filter(refused).count(), 2);
}

#[test]
fn a_second_exit_waits_for_the_first() {
    let (mut world, id) = entered(2, 2);
    world.run(&Step::Exit { symbol: 0, hard: false });
    world.flow();
    world.run(&Step::Wait { ms: 100 });
    world.flow();
    let exit = id.plus(3);
    assert_eq!(state(&world, exit), OrderState::Working);
    // The market is halted: both orders would fill when it opens.
    for _ in 0..20 {
        world.run(&Step::Wait { ms: 1000 });
        world.flow();
    }
    assert_eq!(world.orders.id_range().0, exit.plus(1));
    fill(&mut world, exit, 2);
    assert!(!world.venue.flipped);
    assert_eq!(world.venue.positions[0], 0);
}

#[test]
fn a_size_is_not_changed_on_old_news() {
    let (mut world, id) = entered(4, 4);
    let target = world.venue.find(id.plus(2)).expect("target");
    // One contract of the target is heard of, that the stop was reduced is not yet; two more fill.
    world.venue.fill(target, 1);
    world.run(&Step::Wait { ms: 1 });
    world.run(&Step::In(3));
    assert_eq!(world.orders.position(symbol()).map(|p| p.qty), Some(3));
    world.venue.fill(target, 2);
    world.run(&Step::Wait { ms: 1500 });
    world.run(&Step::Out(9));
    let stop = &world.venue.orders[world.venue.find(id.plus(1)).expect("stop")];
    assert_eq!((stop.qty, world.venue.positions[0]), (1, 1));
}

#[test]
fn a_bracket_that_the_venue_leaves_too_large_is_reduced() {
    let mut world = World::new(Manners::Sloppy);
    let id = world.enter(0, true, 4, true).expect("an entry");
    world.run(&Step::Wait { ms: 1 });
    world.flow();
    fill(&mut world, id, 3);
    world.run(&Step::CancelEntries);
    world.flow();
    let size = |world: &World, n| {
        world.venue.find(id.plus(n)).map(|at| world.venue.orders[at].qty).expect("an order")
    };
    assert_eq!((size(&world, 1), size(&world, 2)), (4, 4));
    for _ in 0..30 {
        world.run(&Step::Wait { ms: 100 });
        world.flow();
    }
    assert_eq!((size(&world, 1), size(&world, 2)), (3, 3));
}

#[test]
fn a_position_that_comes_from_nowhere_is_reported() {
    let mut world = World::new(Manners::Good);
    world.venue.positions[0] = -2;
    world.event(symbol(), Body::Position(-2));
    world.run(&Step::Wait { ms: 2100 });
    assert!(seen(&world, |c| matches!(c, Change::Mismatch { ours: 0, venue: -2, .. })));
    world.settle();
    world.check_settled();
    assert_eq!(world.venue.positions[0], 0);
    let reports = world.log.iter().filter(|c| matches!(c, Change::Mismatch { .. })).count();
    assert_eq!(reports, 1);
}

#[test]
fn an_audit_finds_what_nobody_said() {
    let mut world = World::new(Manners::Good);
    world.venue.positions[1] = 1;
    world.run(&Step::Wait { ms: 59_000 });
    world.flow();
    assert!(!seen(&world, |c| matches!(c, Change::Mismatch { .. })));
    world.settle();
    assert!(seen(&world, |c| matches!(c, Change::Mismatch { ours: 0, venue: 1, .. })));
    world.check_settled();
}

#[test]
fn a_position_that_differs_is_reported_and_then_taken_over() {
    let (mut world, _) = entered(1, 1);
    world.venue.positions[0] = 3;
    world.event(symbol(), Body::Position(3));
    world.run(&Step::Wait { ms: 1900 });
    assert!(!seen(&world, |c| matches!(c, Change::Mismatch { .. })));
    world.run(&Step::Wait { ms: 200 });
    assert!(seen(&world, |c| matches!(c, Change::Mismatch { ours: 1, venue: 3, .. })));
    assert_eq!(world.orders.reconciled(symbol()).map_err(|v| v.detail), Err(Detail::Venue));
    world.flow();
    world.run(&Step::Wait { ms: 2500 });
    assert!(seen(&world, |c| matches!(c, Change::Adopted { from: 1, to: 3, .. })));
    world.settle();
    world.check_settled();
}

#[test]
fn a_restart_adopts_what_it_forgot() {
    // The state is older than the entry: the journal's tail was lost.
    let mut world = World::new(Manners::Good);
    world.run(&Step::Save);
    let id = world.enter(0, true, 2, true).expect("an entry");
    world.run(&Step::Wait { ms: 1 });
    world.flow();
    let at = world.venue.find(id).expect("entry");
    world.venue.fill(at, 1);
    world.run(&Step::Restart { stale: true });
    world.run(&Step::Connect);
    world.flow();
    assert!(seen(&world, |c| matches!(c, Change::Orphan(o) if o.id == id)));
    assert!(seen(&world, |c| matches!(c, Change::Adopted { from: 0, to: 1, .. })));
    world.run(&Step::Wait { ms: 100 });
    world.flow();
    assert_eq!(state(&world, id), OrderState::Canceled, "an entry is cancelled");
    assert_eq!(state(&world, id.plus(1)), OrderState::Working, "a stop is kept");
    assert_eq!(state(&world, id.plus(2)), OrderState::Working, "a target is kept");
    world.settle();
    world.check_settled();
    assert_eq!(world.venue.positions[0], 1);
}

#[test]
fn the_kill_switch_wins_over_what_turns_up_later() {
    let mut world = World::new(Manners::Good);
    let id = world.enter(0, true, 1, false).expect("an entry");
    world.run(&Step::Wait { ms: 1 });
    world.run(&Step::Kill);
    assert_eq!(detail(world.enter(1, true, 1, false)), Detail::KillSwitch);
    // The entry fills before its cancel arrives.
    world.run(&Step::Out(2));
    let at = world.venue.find(id).expect("entry");
    world.venue.fill(at, 1);
    world.settle();
    world.check_settled();
    assert_eq!(world.venue.positions[0], 0);
    world.orders.lift();
    assert!(world.enter(1, true, 1, false).is_ok());
}

#[test]
fn a_torn_state_is_none() {
    let (world, _) = entered(2, 1);
    let text = world.orders.to_text();
    let (next, reserved) = (OrderId::new(20_260_114, 0), OrderId::new(20_260_114, 1000));
    let read = |text: &str| Orders::restore(Params::default(), 2, next, reserved, text);
    let back = read(&text).expect("a state");
    assert_eq!(back.position(symbol()), world.orders.position(symbol()));
    assert_eq!(back.id_range().0, world.orders.id_range().0, "ids go on where they were");
    assert!(back.open_orders().all(|o| o.state == OrderState::Unknown));
    for lines in 0..text.lines().count() {
        let torn: String = text.lines().take(lines).flat_map(|line| [line, "\n"]).collect();
        assert!(read(&torn).is_err(), "{lines} lines");
    }
    for wrong in ["live=1 2 3\n", "position=9 1 1\n", "next=-1\n", "x\n", "y=1\n"] {
        assert!(read(&text.replacen("next=", &format!("{wrong}next="), 1)).is_err(), "{wrong}");
    }
    assert!(Orders::restore(Params::default(), 1, next, reserved, &text).is_err(), "symbols");
}
