//! A box with round corners, as src/render/effects/shape.ts draws it, cut out of planes.

use crate::colour::Weights;
use crate::planes::{NO_COLOUR, Planes};
use crate::{Failure, filled};

/// In pixels, about the middle of the picture.
#[derive(Clone, Copy, Debug)]
pub struct Outline {
    /// Half of its width and height.
    pub half: [f64; 2],
    pub radius: f64,
    /// What is seen outside of it; `None`: nothing.
    pub ground: Option<[u8; 3]>,
}

/// Colours are kept under transparent pixels so far outside, because encoders mix those of neighbours.
const KEPT_COLOURS: f64 = 2.0;

impl Outline {
    /// What a stranger's numbers could not make of it.
    pub fn is_sound(&self, width: usize, height: usize) -> bool {
        let [across, down] = self.half;
        let within = |half: f64, side: usize| half > 0.0 && half <= side as f64 / 2.0;
        within(across, width) && within(down, height) && self.radius >= 0.0 && self.radius <= across.min(down)
    }

    /// Puts the ground outside of it, or blackens what is not seen: then with the alpha of each pixel.
    pub fn cut(&self, planes: &mut Planes, limited: bool) -> Result<Option<Vec<u8>>, Failure> {
        let alpha = self.alpha(planes.width, planes.height)?;
        match self.ground {
            Some(colour) => lay(planes, &alpha, colour, limited),
            None => self.blacken(planes, limited),
        }
        planes.fill_up();
        Ok(self.ground.is_none().then_some(alpha))
    }

    fn alpha(&self, width: usize, height: usize) -> Result<Vec<u8>, Failure> {
        let mut alpha = filled(u8::MAX, width * height)?;
        for (y, row) in alpha.chunks_exact_mut(width).enumerate() {
            let (from, to) = self.part(width, height, y, 0.5);
            for x in (0..from).chain(to..width) {
                let inside = (self.depth(width, height, x, y) + 0.5).clamp(0.0, 1.0);
                row[x] = (255.0 * inside + 0.5).floor() as u8;
            }
        }
        Ok(alpha)
    }

    /// How far the middle of a pixel is inside of it; negative outside.
    fn depth(&self, width: usize, height: usize, x: usize, y: usize) -> f64 {
        let beyond =
            |at: usize, side: usize, half: f64| (at as f64 + 0.5 - side as f64 / 2.0).abs() - half + self.radius;
        let (across, down) = (beyond(x, width, self.half[0]), beyond(y, height, self.half[1]));
        if across > 0.0 && down > 0.0 {
            return self.radius - (across * across + down * down).sqrt();
        }
        self.radius - across.max(down)
    }

    /// The columns of a row that lie at least so deep inside; an empty part at the right end where none does.
    fn part(&self, width: usize, height: usize, y: usize, depth: f64) -> (usize, usize) {
        let down = (y as f64 + 0.5 - height as f64 / 2.0).abs() - self.half[1] + self.radius;
        let within = self.radius - depth;
        let reach = if down > within {
            -1.0
        } else if down > 0.0 {
            self.half[0] - self.radius + (within * within - down * down).sqrt()
        } else {
            self.half[0] - depth
        };
        let middle = width as f64 / 2.0;
        let from = (middle - reach - 0.5).ceil().max(0.0) as usize;
        let to = ((middle + reach + 0.5).floor().max(0.0) as usize).min(width);
        if reach < 0.0 || to <= from { (width, width) } else { (from, to) }
    }

    /// Far outside, where nothing is seen, nothing is left that would take bytes.
    fn blacken(&self, planes: &mut Planes, limited: bool) {
        let (width, height, stride) = (planes.width, planes.height, planes.stride);
        let black = if limited { 16 } else { 0 };
        for (pair, luma) in planes.luma.chunks_mut(2 * stride).enumerate().take(height.div_ceil(2)) {
            let (mut left, mut right) = (width, 0);
            for (row, y) in luma.chunks_mut(stride).zip(2 * pair..height) {
                let (from, to) = self.part(width, height, y, -KEPT_COLOURS);
                row[..from].fill(black);
                row[to..width].fill(black);
                if from < to {
                    (left, right) = (left.min(from), right.max(to));
                }
            }
            let half = stride / 2;
            let (seen, end) = (left / 2, right.div_ceil(2).max(left / 2));
            for plane in [&mut planes.cb, &mut planes.cr] {
                let row = &mut plane[pair * half..][..half];
                row[..seen].fill(NO_COLOUR);
                row[end..].fill(NO_COLOUR);
            }
        }
    }
}

/// Mixes a colour with what is transparent. Rows of chroma stand for two of luma, the last one of an odd number for itself.
fn lay(planes: &mut Planes, alpha: &[u8], colour: [u8; 3], limited: bool) {
    let weights = Weights::of(limited);
    let under = (weights.luma(colour), weights.chroma(colour.map(|level| 4 * i32::from(level))));
    let (width, height, stride) = (planes.width, planes.height, planes.stride);
    let mixed = |own: u8, under: u8, share: u32, all: u32| {
        ((u32::from(own) * share + u32::from(under) * (all - share) + all / 2) / all) as u8
    };
    let is_whole = |rows: &[u8]| rows.iter().all(|share| *share == u8::MAX);
    for (row, alphas) in planes.luma.chunks_exact_mut(stride).zip(alpha.chunks_exact(width)) {
        if is_whole(alphas) {
            continue;
        }
        for (own, share) in row.iter_mut().zip(alphas) {
            *own = mixed(*own, under.0, u32::from(*share), 255);
        }
    }
    for y in 0..height.div_ceil(2) {
        let rows = [2 * y, (2 * y + 1).min(height - 1)];
        if rows.iter().all(|row| is_whole(&alpha[row * width..][..width])) {
            continue;
        }
        for x in 0..width.div_ceil(2) {
            let columns = [2 * x, (2 * x + 1).min(width - 1)];
            let share = |row: usize| columns.iter().map(|x| u32::from(alpha[row * width + x])).sum::<u32>();
            let four = rows.iter().map(|row| share(*row)).sum();
            let at = y * (stride / 2) + x;
            planes.cb[at] = mixed(planes.cb[at], under.1.0, four, 4 * 255);
            planes.cr[at] = mixed(planes.cr[at], under.1.1, four, 4 * 255);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planes(width: usize, height: usize) -> Planes {
        let stride = width.next_multiple_of(16);
        let half = stride / 2 * height.div_ceil(2);
        Planes { width, height, stride, luma: vec![100; stride * height], cb: vec![60; half], cr: vec![200; half] }
    }

    fn outline(width: usize, height: usize, radius: f64, ground: Option<[u8; 3]>) -> Outline {
        Outline { half: [width as f64 / 2.0, height as f64 / 2.0], radius, ground }
    }

    #[test]
    fn corners_are_transparent_and_the_middle_is_not() {
        for (width, height) in [(40, 30), (41, 31), (33, 64)] {
            let mut own = planes(width, height);
            let alpha = outline(width, height, 12.0, None).cut(&mut own, true).unwrap().unwrap();
            for (x, y) in [(0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1)] {
                assert_eq!(alpha[y * width + x], 0);
                assert_eq!(own.luma[y * own.stride + x], 16);
                assert_eq!(own.cb[y / 2 * own.stride / 2 + x / 2], NO_COLOUR);
            }
            assert_eq!(alpha[height / 2 * width + width / 2], 255);
            assert_eq!(alpha[12], 255);
            assert_eq!(own.luma[height / 2 * own.stride + width / 2], 100);
            assert!(alpha.iter().any(|share| (1..255).contains(share)));
            // All four corners alike.
            let mirrored: Vec<u8> = alpha.iter().rev().copied().collect();
            assert_eq!(alpha, mirrored);
        }
    }

    #[test]
    fn corners_show_the_ground() {
        for limited in [false, true] {
            let (width, height) = (41, 31);
            let mut own = planes(width, height);
            assert!(outline(width, height, 12.0, Some([255; 3])).cut(&mut own, limited).unwrap().is_none());
            assert_eq!(own.luma[0], if limited { 235 } else { 255 });
            assert_eq!((own.cb[0], own.cr[0]), (128, 128));
            // What rows are filled up with as well.
            assert_eq!(own.luma[own.stride - 1], own.luma[width - 1]);
            assert_eq!(own.luma[15 * own.stride + 20], 100);
            assert_eq!(own.cb[7 * own.stride / 2 + 10], 60);
        }
    }

    #[test]
    fn a_circle_leaves_its_sides_out() {
        let mut own = planes(60, 20);
        let circle = Outline { half: [10.0, 10.0], radius: 10.0, ground: None };
        let alpha = circle.cut(&mut own, true).unwrap().unwrap();
        assert_eq!((alpha[10 * 60 + 5], alpha[10 * 60 + 30], alpha[10 * 60 + 55]), (0, 255, 0));
    }

    #[test]
    fn numbers_that_are_none_are_refused() {
        let sound = |half, radius| Outline { half, radius, ground: None }.is_sound(40, 30);
        assert!(sound([20.0, 15.0], 15.0) && sound([15.0, 15.0], 0.0));
        for (half, radius) in [
            ([20.5, 15.0], 4.0),
            ([20.0, 16.0], 4.0),
            ([20.0, 15.0], 16.0),
            ([20.0, 15.0], -1.0),
            ([0.0, 15.0], 0.0),
            ([f64::NAN, 15.0], 4.0),
            ([20.0, 15.0], f64::NAN),
            ([20.0, f64::INFINITY], 4.0),
        ] {
            assert!(!sound(half, radius), "{half:?} {radius}");
        }
    }
}
