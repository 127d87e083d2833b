//! Greeks, volatilities and forwards of a real chain against second implementations: the crate
//! `black_scholes` (own error function, Newton) and a plain bisection.

use std::io::Read;

use mia::calendar::Calendar;
use mia::options::chain::Right;
use mia::options::gex::greeks;
use mia::options::price::{PriceParams, SpotMode, price};
use mia::options::priced::{ForwardSource, Group, IvSource, Priced, Strike};
use mia::providers::cboe_csv;
use mia::providers::import::ImportOptions;
use mia_test_support::shared;

fn priced(name: &str) -> Option<Priced> {
    let raw = std::fs::read(shared(&format!("data/options/cboe/{name}"))?).expect("readable");
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(raw.as_slice()).read_to_end(&mut bytes).expect("gzip");
    let calendar = Calendar::bundled().expect("calendar");
    let chain = cboe_csv::read(&bytes, &calendar, &ImportOptions::default()).expect("chain");
    let params = PriceParams { spot_mode: SpotMode::Print, ..PriceParams::default() };
    Some(price(&chain, &calendar, &params).expect("priced"))
}

const FILES: [&str; 2] = ["spx_2022-07-12_quotedata.csv.gz", "ndx_2022-12-12_quotedata.csv.gz"];

/// The strikes with an own volatility, with the right that is out of the money and its
/// undiscounted price.
fn own(group: &Group) -> impl Iterator<Item = (&Strike, Right, f64, f64)> {
    group.strikes.iter().filter_map(|s| {
        let right = if s.strike >= group.forward { Right::Call } else { Right::Put };
        let leg = s.leg(right)?;
        let (sigma, source) = leg.iv?;
        let df = if group.t < 10.0 / 365.0 { group.df.min(1.0) } else { group.df };
        (source == IvSource::Own).then_some((s, right, sigma, leg.mid()? / df))
    })
}

/// Black-76 without discount, by the complementary error function.
fn black(right: Right, forward: f64, strike: f64, d: f64) -> f64 {
    let n = |z: f64| 0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2);
    let d1 = libm::log(forward / strike) / d + 0.5 * d;
    match right {
        Right::Call => forward * n(d1) - strike * n(d1 - d),
        Right::Put => strike * n(d - d1) - forward * n(-d1),
    }
}

#[test]
fn volatilities_agree_with_a_bisection() {
    let mut worst = 0.0_f64;
    let mut seen = 0;
    for priced in FILES.into_iter().filter_map(priced) {
        for group in &priced.groups {
            for (strike, right, sigma, u) in own(group) {
                let (mut low, mut high) = (1e-7, 8.0);
                for _ in 0..80 {
                    let middle = 0.5 * (low + high);
                    if black(right, group.forward, strike.strike, middle) < u {
                        low = middle;
                    } else {
                        high = middle;
                    }
                }
                worst = worst.max((sigma * group.t.sqrt() - low).abs());
                seen += 1;
            }
        }
    }
    println!("{seen} volatilities, worst deviation {worst:e}");
    assert!(worst <= 1e-12, "{worst:e} over {seen}");
}

#[test]
fn greeks_and_volatilities_agree_with_a_crate() {
    let (mut seen, mut solved) = (0, 0);
    let mut worst = [0.0_f64; 5];
    for priced in FILES.into_iter().filter_map(priced) {
        let s = priced.spot.value;
        for group in &priced.groups {
            let (b, t) = (group.carry, group.t);
            for (strike, right, sigma, u) in own(group) {
                let (k, got) = (strike.strike, greeks(group, strike.strike, sigma, s));
                let delta = match right {
                    Right::Call => black_scholes::call_delta(s, k, b, sigma, t),
                    Right::Put => black_scholes::put_delta(s, k, b, sigma, t),
                };
                let want = [
                    (got.delta(right), delta, 1.0),
                    (got.gamma, black_scholes::call_gamma(s, k, b, sigma, t), 0.01),
                    (got.vanna, black_scholes::call_vanna(s, k, b, sigma, t), 1.0),
                    (got.charm, black_scholes::call_charm(s, k, b, sigma, t), 1.0),
                ];
                for (worst, (got, want, scale)) in worst.iter_mut().zip(want) {
                    *worst = worst.max((got - want).abs() / want.abs().max(scale));
                }
                seen += 1;
                let theirs = match right {
                    Right::Call => black_scholes::call_iv(u, group.forward, k, 0.0, t),
                    Right::Put => black_scholes::put_iv(u, group.forward, k, 0.0, t),
                };
                // Newton gives up far from the money, and says so.
                if let Ok(theirs) = theirs
                    && (k / group.forward - 1.0).abs() < 0.05
                {
                    worst[4] = worst[4].max((theirs - sigma).abs());
                    solved += 1;
                }
            }
        }
    }
    println!("{seen} strikes: delta, gamma, vanna, charm, volatility ({solved}): {worst:?}");
    assert!(worst.iter().all(|w| *w <= 1e-8), "{worst:?}");
    assert!(seen == 0 || solved > 1000, "{solved}");
}

#[test]
fn parity_holds_within_the_spreads() {
    for (priced, residual) in FILES.into_iter().filter_map(priced).zip([0.25, 0.5]) {
        let s = priced.spot.value;
        for group in priced.groups.iter().filter(|g| g.forward_source == ForwardSource::Parity) {
            let pairs = group.strikes.iter().filter(|k| (k.strike / s - 1.0).abs() < 0.05);
            let (mut inside, mut all) = (0.0, 0.0);
            for k in pairs {
                let (Some(call), Some(put)) = (k.call, k.put) else { continue };
                let (Some(c), Some(p)) = (call.mid(), put.mid()) else { continue };
                let spread = |l: mia::options::priced::Leg| l.ask.zip(l.bid).map(|(a, b)| a - b);
                let width = spread(call).zip(spread(put)).map_or(0.0, |(a, b)| a + b);
                let error = (c - p) - group.df * (group.forward - k.strike);
                all += 1.0;
                inside += f64::from(u8::from(error.abs() <= residual * width));
            }
            assert!(
                all >= 5.0 && inside == all,
                "{} {:?}: {inside} of {all}",
                group.expiry,
                group.root
            );
        }
    }
}
