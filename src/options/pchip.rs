//! Monotone piecewise cubic interpolation (PCHIP), constant beyond the nodes.
//!
//! Hermite cubics with the slopes of Fritsch and Butland, "A method for constructing local
//! monotone piecewise cubic interpolants" (1984): a harmonic mean of the neighbouring chords,
//! 0 where they change sign, a three-point formula at the ends that keeps the shape. It never
//! overshoots its nodes. Building is linear in the nodes, a value costs one binary search.

/// A curve through points ascending in x.
#[derive(Clone, Debug, PartialEq)]
pub struct Pchip {
    nodes: Vec<Node>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Node {
    x: f64,
    y: f64,
    slope: f64,
}

/// A value of a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Value {
    /// In the unit of y.
    pub y: f64,
    /// x lies beyond the nodes: the value of the nearest.
    pub flat: bool,
}

impl Pchip {
    /// The curve through `points` (x, y). `None` below two points, where x does not ascend, or
    /// where a number or a chord is not finite.
    #[must_use]
    pub fn new(points: &[(f64, f64)]) -> Option<Pchip> {
        let chords: Vec<Chord> = points.windows(2).map(Chord::new).collect::<Option<_>>()?;
        if chords.is_empty() {
            return None;
        }
        let slope = |i: usize| {
            let before = i.checked_sub(1).and_then(|j| chords.get(j));
            match (before, chords.get(i)) {
                (Some(a), Some(b)) => inner(a, b),
                (None, Some(a)) => end(a, chords.get(1)),
                (Some(a), None) => end(a, i.checked_sub(2).and_then(|j| chords.get(j))),
                (None, None) => 0.0,
            }
        };
        let nodes = points.iter().enumerate().map(|(i, &(x, y))| Node { x, y, slope: slope(i) });
        Some(Pchip { nodes: nodes.collect() })
    }

    /// The value at `x`; `None` for NaN.
    #[must_use]
    pub fn at(&self, x: f64) -> Option<Value> {
        let (first, last) = (self.nodes.first()?, self.nodes.last()?);
        if x.is_nan() {
            return None;
        }
        if x < first.x {
            return Some(Value { y: first.y, flat: true });
        }
        if x >= last.x {
            return Some(Value { y: last.y, flat: x > last.x });
        }
        let right = self.nodes.partition_point(|n| n.x <= x);
        let (a, b) = (self.nodes.get(right.checked_sub(1)?)?, self.nodes.get(right)?);
        Some(Value { y: hermite(a, b, x), flat: false })
    }

    /// The points it goes through.
    pub fn points(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.nodes.iter().map(|n| (n.x, n.y))
    }

    /// Least and greatest x of the nodes.
    #[must_use]
    pub fn range(&self) -> Option<(f64, f64)> {
        Some((self.nodes.first()?.x, self.nodes.last()?.x))
    }
}

/// The straight line between two neighbours.
#[derive(Clone, Copy)]
struct Chord {
    width: f64,
    slope: f64,
}

impl Chord {
    fn new(pair: &[(f64, f64)]) -> Option<Chord> {
        let &[(x0, y0), (x1, y1)] = pair else { return None };
        let width = x1 - x0;
        let slope = (y1 - y0) / width;
        (width > 0.0 && width.is_finite() && slope.is_finite()).then_some(Chord { width, slope })
    }
}

/// Slope at a node between two chords.
fn inner(a: &Chord, b: &Chord) -> f64 {
    if a.slope.signum() != b.slope.signum() || a.slope == 0.0 || b.slope == 0.0 {
        return 0.0;
    }
    let (wa, wb) = (2.0 * b.width + a.width, b.width + 2.0 * a.width);
    (wa + wb) / (wa / a.slope + wb / b.slope)
}

/// Slope at the outer node of chord `a`, whose neighbour is `b`.
fn end(a: &Chord, b: Option<&Chord>) -> f64 {
    let Some(b) = b else { return a.slope };
    let slope = ((2.0 * a.width + b.width) * a.slope - a.width * b.slope) / (a.width + b.width);
    if slope.signum() != a.slope.signum() || a.slope == 0.0 {
        0.0
    } else if a.slope.signum() != b.slope.signum() && slope.abs() > 3.0 * a.slope.abs() {
        3.0 * a.slope
    } else {
        slope
    }
}

fn hermite(a: &Node, b: &Node, x: f64) -> f64 {
    let h = b.x - a.x;
    let s = (x - a.x) / h;
    let r = 1.0 - s;
    let values = r * r * (1.0 + 2.0 * s) * a.y + s * s * (1.0 + 2.0 * r) * b.y;
    values + h * s * r * (r * a.slope - s * b.slope)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn straight_lines_and_ends() {
        let line = Pchip::new(&[(0.0, 1.0), (1.0, 3.0), (4.0, 9.0)]).expect("ascending");
        let flat = |y| Some(Value { y, flat: true });
        assert_eq!((line.at(-0.1), line.at(4.1)), (flat(1.0), flat(9.0)));
        assert_eq!(line.at(4.0), Some(Value { y: 9.0, flat: false }));
        assert!((line.at(2.5).expect("inside").y - 6.0).abs() < 1e-12);
        assert_eq!(line.at(f64::NAN), None);
        let two = Pchip::new(&[(0.0, 0.0), (2.0, 1.0)]).expect("two");
        assert!((two.at(0.5).expect("inside").y - 0.25).abs() < 1e-15);
    }

    #[test]
    fn slopes_by_hand() {
        let curve = Pchip::new(&[(0.0, 0.0), (1.0, 1.0), (3.0, 2.0), (4.0, 1.0)]).expect("nodes");
        let slopes: Vec<f64> = curve.nodes.iter().map(|n| n.slope).collect();
        // Chords 1, 0.5, −1 with widths 1, 2, 1.
        let second = (5.0 + 4.0) / (5.0 / 1.0 + 4.0 / 0.5);
        let first = ((2.0 + 2.0) - 0.5) / 3.0;
        let last = (-(2.0 + 2.0) - 0.5) / 3.0;
        for (got, want) in slopes.into_iter().zip([first, second, 0.0, last]) {
            assert!((got - want).abs() < 1e-15, "{got} {want}");
        }
        let middle = 0.5 + (first - second) / 8.0;
        assert!((curve.at(0.5).expect("inside").y - middle).abs() < 1e-15);
    }

    #[test]
    fn what_is_no_curve() {
        assert_eq!(Pchip::new(&[]), None);
        assert_eq!(Pchip::new(&[(0.0, 1.0)]), None);
        assert_eq!(Pchip::new(&[(0.0, 1.0), (0.0, 1.0)]), None);
        assert_eq!(Pchip::new(&[(0.0, 1.0), (1.0, f64::NAN)]), None);
        assert_eq!(Pchip::new(&[(f64::NEG_INFINITY, 1.0), (1.0, 1.0)]), None);
    }

    proptest! {
        /// Between two neighbours the curve stays between their values, and it meets every node.
        #[test]
        fn it_never_overshoots(
            steps in prop::collection::vec((0.001..3.0_f64, -5.0..5.0_f64), 2..12),
            share in 0.0..1.0_f64,
        ) {
            let mut x = 0.0;
            let points: Vec<(f64, f64)> = steps
                .iter()
                .map(|&(dx, y)| {
                    x += dx;
                    (x, y)
                })
                .collect();
            let curve = Pchip::new(&points).expect("ascending");
            for pair in points.windows(2) {
                let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
                let y = curve.at(x0 + share * (x1 - x0)).expect("inside").y;
                prop_assert!(y >= y0.min(y1) - 1e-12 && y <= y0.max(y1) + 1e-12);
                prop_assert!((curve.at(x0).expect("node").y - y0).abs() < 1e-12);
            }
        }
    }
}
