//! Volume by price of one session, with point of control and value area.

use crate::units::{Aggressor, Px, Qty};

/// Volume of one price row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Contracts bought by aggressors.
    pub buy: u64,
    /// Contracts sold by aggressors.
    pub sell: u64,
    /// All contracts.
    pub volume: u64,
}

/// Point of control and value area, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueArea {
    /// Row with the most volume; a tie goes to the row nearest the middle of the range, then to
    /// the lower.
    pub poc: Px,
    /// Highest row of the value area.
    pub vah: Px,
    /// Lowest row of the value area.
    pub val: Px,
}

/// Volume per tick row in a window of rows around the first price.
#[derive(Clone, Debug)]
pub struct Profile {
    rows: Vec<Row>,
    /// Price of row 0; meaningful once `total > 0`.
    base: i32,
    /// First and last row in use.
    used: Option<(usize, usize)>,
    total: u64,
    /// Volume whose price lies outside the window.
    outside: u64,
}

impl Profile {
    /// A profile over `rows` ticks, half of them below the first price; allocates here and
    /// nowhere else.
    #[must_use]
    pub fn new(rows: usize) -> Profile {
        Profile { rows: vec![Row::default(); rows], base: 0, used: None, total: 0, outside: 0 }
    }

    /// Adds a trade. Constant work.
    pub fn add(&mut self, px: Px, qty: Qty, aggressor: Aggressor) {
        if self.used.is_none() {
            let half = i64::try_from(self.rows.len() / 2).unwrap_or(0);
            self.base = Px::clamped(i64::from(px.ticks()) - half).ticks();
        }
        let at = usize::try_from(i64::from(px.ticks()) - i64::from(self.base)).ok();
        let Some((at, row)) = at.and_then(|at| Some((at, self.rows.get_mut(at)?))) else {
            self.outside += u64::from(qty);
            return;
        };
        let qty = u64::from(qty);
        row.volume += qty;
        match aggressor {
            Aggressor::Buy => row.buy += qty,
            Aggressor::Sell => row.sell += qty,
            Aggressor::None => {}
        }
        self.total += qty;
        let (lo, hi) = self.used.unwrap_or((at, at));
        self.used = Some((lo.min(at), hi.max(at)));
    }

    /// Empties it; costs the rows in use.
    pub fn clear(&mut self) {
        if let Some((lo, hi)) = self.used.take()
            && let Some(rows) = self.rows.get_mut(lo..=hi)
        {
            rows.fill(Row::default());
        }
        (self.total, self.outside) = (0, 0);
    }

    /// Contracts inside the window.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// Contracts outside the window: above 0 the profile is not to be trusted.
    #[must_use]
    pub const fn outside(&self) -> u64 {
        self.outside
    }

    /// Rows in use from the lowest price, and that price.
    #[must_use]
    pub fn rows(&self) -> (Px, &[Row]) {
        let Some((lo, hi)) = self.used else { return (Px::ZERO, &[]) };
        (self.px(lo), self.rows.get(lo..=hi).unwrap_or_default())
    }

    fn px(&self, row: usize) -> Px {
        Px::clamped(i64::from(self.base) + i64::try_from(row).unwrap_or(0))
    }

    /// Point of control and the area of at least 70 % of the volume around it, by the two-row
    /// rule: the larger of the next two rows above and the next two below joins, both on a tie.
    /// `None` without volume. Costs the rows in use.
    #[must_use]
    pub fn value_area(&self) -> Option<ValueArea> {
        let (low, rows) = self.rows();
        let poc = point_of_control(rows)?;
        let (mut lo, mut hi) = (poc, poc);
        let sum = |from: usize, to: usize| -> u64 {
            rows.get(from..to).unwrap_or_default().iter().map(|r| r.volume).sum()
        };
        let mut inside = sum(poc, poc + 1);
        // Integers: 10·inside < 7·total is "below 70 %" without rounding.
        while u128::from(inside) * 10 < u128::from(self.total) * 7 {
            let below = lo.min(2);
            let above = (rows.len() - 1 - hi).min(2);
            if below + above == 0 {
                break;
            }
            let (down, up) = (sum(lo - below, lo), sum(hi + 1, hi + 1 + above));
            if above > 0 && (below == 0 || up >= down) {
                hi += above;
                inside += up;
            }
            if below > 0 && (above == 0 || down >= up) {
                lo -= below;
                inside += down;
            }
        }
        let at = |row: usize| Px::clamped(i64::from(low.ticks()) + i64::try_from(row).unwrap_or(0));
        Some(ValueArea { poc: at(poc), vah: at(hi), val: at(lo) })
    }
}

fn point_of_control(rows: &[Row]) -> Option<usize> {
    let most = rows.iter().map(|r| r.volume).max().filter(|&v| v > 0)?;
    // Twice the distance to the middle of the range, in integers.
    let last = rows.len() - 1;
    let tied = rows.iter().enumerate().filter(|(_, r)| r.volume == most).map(|(i, _)| i);
    tied.min_by_key(|&i| (2 * i).abs_diff(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(low: i64, volumes: &[u32]) -> (i32, i32, i32) {
        let mut profile = Profile::new(64);
        // The top first, so that the window is not simply aligned with the input.
        for (i, &volume) in volumes.iter().enumerate().rev() {
            let px = Px::clamped(low + i64::try_from(i).expect("small"));
            profile.add(px, volume, Aggressor::Buy);
        }
        let a = profile.value_area().expect("volume");
        (a.poc.ticks(), a.val.ticks(), a.vah.ticks())
    }

    #[test]
    fn golden() {
        assert_eq!(area(10, &[5, 10, 20, 40, 30, 15, 5]), (13, 11, 15));
        assert_eq!(area(100, &[10, 30, 10, 30, 10, 30, 10]), (103, 101, 105));
        assert_eq!(area(200, &[8, 8, 40, 8, 8]), (202, 200, 204));
    }

    #[test]
    fn window_and_clear() {
        let mut profile = Profile::new(8);
        assert_eq!(profile.value_area(), None);
        profile.add(Px::clamped(1000), 5, Aggressor::Sell);
        profile.add(Px::clamped(1010), 7, Aggressor::Sell);
        assert_eq!((profile.total(), profile.outside()), (5, 7));
        profile.clear();
        profile.add(Px::clamped(-1010), 7, Aggressor::None);
        assert_eq!((profile.total(), profile.outside()), (7, 0));
        assert_eq!(profile.rows().0.ticks(), -1010);
    }
}
