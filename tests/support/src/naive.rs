//! Textbook formulas, written for being read and not for speed: what twins are made of.

use std::collections::BTreeMap;

/// Quantile `p` by linear interpolation at (n−1)·p of the sorted sample, which is not empty.
#[must_use]
pub fn quantile(mut values: Vec<f64>, p: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (values.len() - 1) as f64 * p;
    let low = values[rank as usize];
    low + (values[(rank as usize + 1).min(values.len() - 1)] - low) * rank.fract()
}

/// Mean and population deviation.
#[must_use]
pub fn moments(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
    (mean, (squares / values.len() as f64).sqrt())
}

/// Least-squares slope over x = 0, 1, ….
#[must_use]
pub fn slope(y: &[f64]) -> f64 {
    let (mean, _) = moments(y);
    let middle = (y.len() - 1) as f64 / 2.0;
    let up: f64 = y.iter().enumerate().map(|(x, y)| (x as f64 - middle) * (y - mean)).sum();
    up / (0..y.len()).map(|x| (x as f64 - middle).powi(2)).sum::<f64>()
}

/// Point of control, low and high of the value area, over a map of all rows, which is not empty.
///
/// # Panics
/// Without rows.
#[must_use]
pub fn value_area(rows: &BTreeMap<i64, u64>) -> (i64, i64, i64) {
    let (&low, &high) = (rows.keys().next().unwrap(), rows.keys().next_back().unwrap());
    let at = |p: i64| rows.get(&p).copied().unwrap_or(0);
    let most = rows.values().max().unwrap();
    let poc = *rows
        .iter()
        .filter(|(_, v)| *v == most)
        .map(|(p, _)| p)
        .min_by_key(|&&p| ((2 * p - low - high).abs(), p))
        .unwrap();
    let total: u64 = rows.values().sum();
    let (mut lo, mut hi, mut inside) = (poc, poc, at(poc));
    while (inside as f64) < 0.7 * total as f64 - 1e-9 {
        let up: u64 = (hi + 1..=(hi + 2).min(high)).map(at).sum();
        let down: u64 = ((lo - 2).max(low)..lo).map(at).sum();
        let (can_up, can_down) = (hi < high, lo > low);
        if can_up && (!can_down || up >= down) {
            hi = (hi + 2).min(high);
            inside += up;
        }
        if can_down && (!can_up || down >= up) {
            lo = (lo - 2).max(low);
            inside += down;
        }
    }
    (poc, lo, hi)
}
