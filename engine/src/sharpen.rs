//! The detail that scaling down took, given back to brightness: see src/render/effects/unsharp.ts.

use crate::planes::Planes;
use crate::{Failure, zeros};

/// Of libvips' whole numbers for a Gaussian of 0.6 pixels, which are 5, 20 and 5, in both directions.
const MIDDLE: i16 = 4;
const SUM: i16 = (MIDDLE + 2) * (MIDDLE + 2);
const BITS: u32 = 18;

/// Adds `amount` of what that Gaussian takes. The edges go on beyond the picture.
pub fn lift(planes: &mut Planes, amount: f64, limited: bool) -> Result<(), Failure> {
    if amount <= 0.0 {
        return Ok(());
    }
    let factor = (amount / f64::from(SUM) * f64::from(1 << BITS)).round() as i32;
    let (least, most) = if limited { (16, 235) } else { (0, 255) };
    let (width, height, stride) = (planes.width, planes.height, planes.stride);
    let rows = planes.luma.as_mut_slice();
    // Sums across of the row above, of its own, and of the one below.
    let (mut above, mut own, mut below) = (zeros(width)?, zeros(width)?, zeros(width)?);
    across(&rows[..width], &mut own);
    above.copy_from_slice(&own);
    for y in 0..height {
        if y + 1 < height {
            across(&rows[(y + 1) * stride..][..width], &mut below);
        } else {
            below.copy_from_slice(&own);
        }
        let row = &mut rows[y * stride..][..width];
        for (((level, above), own), below) in row.iter_mut().zip(&above).zip(&own).zip(&below) {
            let taken = SUM * i16::from(*level) - (above + MIDDLE * own + below);
            let lifted = i32::from(*level) + ((i32::from(taken) * factor + (1 << (BITS - 1))) >> BITS);
            *level = lifted.clamp(least, most) as u8;
        }
        (above, own, below) = (own, below, above);
    }
    planes.fill_up();
    Ok(())
}

fn across(row: &[u8], sums: &mut [i16]) {
    let last = row.len() - 1;
    let sum = |left: u8, own: u8, right: u8| i16::from(left) + MIDDLE * i16::from(own) + i16::from(right);
    sums[0] = sum(row[0], row[0], row[last.min(1)]);
    sums[last] = sum(row[last.saturating_sub(1)], row[last], row[last]);
    for (sums, three) in sums[last.min(1)..].iter_mut().zip(row.windows(3)) {
        *sums = sum(three[0], three[1], three[2]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planes(width: usize, height: usize, level: impl Fn(usize, usize) -> u8) -> Planes {
        let stride = width.next_multiple_of(16);
        let half = stride / 2 * height.div_ceil(2);
        let mut luma = vec![0; stride * height];
        for (at, to) in luma.iter_mut().enumerate() {
            *to = level((at % stride).min(width - 1), at / stride);
        }
        Planes { width, height, stride, luma, cb: vec![128; half], cr: vec![128; half] }
    }

    /// By its definition, in fractions.
    fn expected(of: &Planes, x: usize, y: usize, amount: f64) -> f64 {
        let at = |x: i64, y: i64| {
            let (x, y) = (x.clamp(0, of.width as i64 - 1), y.clamp(0, of.height as i64 - 1));
            f64::from(of.luma[y as usize * of.stride + x as usize])
        };
        let weight = |step: i64| if step == 0 { 20.0 / 30.0 } else { 5.0 / 30.0 };
        let (x, y) = (x as i64, y as i64);
        let soft: f64 = (-1..=1).flat_map(|v| (-1..=1).map(move |h| weight(h) * weight(v) * at(x + h, y + v))).sum();
        at(x, y) + amount * (at(x, y) - soft)
    }

    #[test]
    fn adds_what_the_gaussian_takes() {
        for (width, height) in [(1, 1), (1, 9), (9, 1), (2, 2), (3, 3), (37, 23)] {
            let noise = |x: usize, y: usize| ((x * 7919 + y * 104_729) % 256) as u8;
            for amount in [0.05, 0.2, 1.0] {
                let before = planes(width, height, noise);
                let mut after = planes(width, height, noise);
                lift(&mut after, amount, false).unwrap();
                for y in 0..height {
                    for x in 0..width {
                        let wished = expected(&before, x, y, amount).clamp(0.0, 255.0);
                        let own = f64::from(after.luma[y * after.stride + x]);
                        assert!((own - wished).abs() <= 0.52, "{x} {y}: {own} {wished}");
                    }
                }
            }
        }
    }

    #[test]
    fn flat_ground_and_the_range_are_kept() {
        let mut flat = planes(20, 20, |_, _| 77);
        lift(&mut flat, 0.2, true).unwrap();
        assert!(flat.luma.iter().all(|level| *level == 77));
        let mut edge = planes(20, 20, |x, _| if x < 10 { 16 } else { 235 });
        lift(&mut edge, 1.0, true).unwrap();
        assert!(edge.luma.iter().all(|level| (16..=235).contains(level)));
    }
}
