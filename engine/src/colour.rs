//! YCbCr of JFIF (full-range BT.601) to red, green and blue, also where its range was limited for WebP.

use crate::lanczos::Range;
use crate::planes::Planes;
use crate::{Failure, Sheet, zeros};

const BITS: i32 = 16;
const HALF: i32 = 1 << (BITS - 1);
const fn fixed(value: f64) -> i32 {
    (value * 65_536.0 + 0.5) as i32
}
/// JFIF 1.02, "Conversion to and from RGB".
const RED: i32 = fixed(1.402);
const GREEN_OF_CB: i32 = fixed(0.344_136);
const GREEN_OF_CR: i32 = fixed(0.714_136);
const BLUE: i32 = fixed(1.772);

#[inline(always)]
pub fn pixel(luma: u8, cb: u8, cr: u8) -> [u8; 3] {
    let (y, cb, cr) = (i32::from(luma), i32::from(cb) - 128, i32::from(cr) - 128);
    let red = y + ((RED * cr + HALF) >> BITS);
    let green = y + ((HALF - GREEN_OF_CB * cb - GREEN_OF_CR * cr) >> BITS);
    let blue = y + ((BLUE * cb + HALF) >> BITS);
    [red, green, blue].map(|level| level.clamp(0, 255) as u8)
}

/// Planes of one size.
pub fn to_pixels(luma: &[u8], cb: &[u8], cr: &[u8], pixels: &mut [u8]) {
    for (((out, luma), cb), cr) in pixels.chunks_exact_mut(3).zip(luma).zip(cb).zip(cr) {
        out.copy_from_slice(&pixel(*luma, *cb, *cr));
    }
}

/// How red, green and blue become brightness, and the sums of four pixels become colour. BT.601, JFIF 1.02.
pub struct Weights {
    luma: [i32; 3],
    luma_begin: i32,
    cb: [i32; 3],
    cr: [i32; 3],
    chroma_begin: i32,
}

impl Weights {
    pub fn of(limited: bool) -> Self {
        let scaled = |range: Range, weights: [f64; 2]| {
            let scale = if limited { range.scale } else { 1.0 };
            weights.map(|weight| (weight * scale * 65_536.0).round() as i32)
        };
        let (whole, black) = if limited { (219 * 65_536 / 255, 16) } else { (65_536, 0) };
        let [red, blue] = scaled(Range::LIMITED_LUMA, [0.299, 0.114]);
        // Greys have no colour, so what is left of each sum is the third.
        let [cb_red, cb_blue] = scaled(Range::LIMITED_CHROMA, [-0.168_736, 0.5]);
        let [cr_red, cr_blue] = scaled(Range::LIMITED_CHROMA, [0.5, -0.081_312]);
        Self {
            luma: [red, whole - red - blue, blue],
            luma_begin: (black << BITS) + HALF,
            cb: [cb_red, -cb_red - cb_blue, cb_blue],
            cr: [cr_red, -cr_red - cr_blue, cr_blue],
            // By one less than a half, so that 255 stays 255.
            chroma_begin: (128 << (BITS + 2)) + (HALF << 2) - 1,
        }
    }

    #[inline(always)]
    pub fn luma(&self, rgb: [u8; 3]) -> u8 {
        ((dot(self.luma, rgb.map(i32::from)) + self.luma_begin) >> BITS) as u8
    }

    #[inline(always)]
    pub fn chroma(&self, four: [i32; 3]) -> (u8, u8) {
        let level = |weights| ((dot(weights, four) + self.chroma_begin) >> (BITS + 2)) as u8;
        (level(self.cb), level(self.cr))
    }
}

#[inline(always)]
fn dot([a, b, c]: [i32; 3], [x, y, z]: [i32; 3]) -> i32 {
    a * x + b * y + c * z
}

/// Levels of a plane as those of full range.
pub struct Levels {
    luma: [u8; 256],
    chroma: [u8; 256],
}

impl Levels {
    pub fn of(limited: bool) -> Self {
        let table = |range: Range| -> [u8; 256] {
            let range = if limited { range } else { Range::FULL };
            std::array::from_fn(|level| ((level as f64 - range.offset) / range.scale).round().clamp(0.0, 255.0) as u8)
        };
        Self { luma: table(Range::LIMITED_LUMA), chroma: table(Range::LIMITED_CHROMA) }
    }

    /// A plane of brightness.
    pub fn widen(&self, luma: &mut [u8]) {
        for level in luma {
            *level = self.luma[usize::from(*level)];
        }
    }

    #[inline]
    pub fn pixel(&self, luma: u8, cb: u8, cr: u8) -> [u8; 3] {
        pixel(self.luma[usize::from(luma)], self.chroma[usize::from(cb)], self.chroma[usize::from(cr)])
    }
}

/// The pixels of 4:2:0 planes.
pub fn pixels_of(planes: &Planes, levels: &Levels, pixels: &mut [u8]) {
    for (y, row) in pixels.chunks_exact_mut(3 * planes.width).enumerate() {
        let luma = &planes.luma[y * planes.stride..][..planes.width];
        let chroma = y / 2 * (planes.stride / 2);
        let (cb, cr) = (&planes.cb[chroma..], &planes.cr[chroma..]);
        for ((pair, luma), (cb, cr)) in row.chunks_mut(6).zip(luma.chunks(2)).zip(cb.iter().zip(cr)) {
            for (out, luma) in pair.chunks_exact_mut(3).zip(luma) {
                out.copy_from_slice(&levels.pixel(*luma, *cb, *cr));
            }
        }
    }
}

/// Planes of pixels, and their alpha where any is not opaque. Colours are halved as means of four, by their alpha where it differs.
pub fn planes_of(sheet: &Sheet, limited: bool) -> Result<(Planes, Option<Vec<u8>>), Failure> {
    let &Sheet { pixels, width, height, channels } = sheet;
    let stride = width.next_multiple_of(16);
    let half = stride / 2 * height.div_ceil(2);
    let (luma, cb, cr) = (zeros(stride * height)?, zeros(half)?, zeros(half)?);
    let mut planes = Planes { width, height, stride, luma, cb, cr };
    let weights = Weights::of(limited);
    let transparent = channels == 4 && pixels.iter().skip(3).step_by(4).any(|alpha| *alpha != u8::MAX);
    match (channels, transparent) {
        (3, _) => fill::<3, false>(&mut planes, &weights, pixels),
        (_, false) => fill::<4, false>(&mut planes, &weights, pixels),
        _ => fill::<4, true>(&mut planes, &weights, pixels),
    }
    planes.fill_up();
    let mut alpha = None;
    if transparent {
        let mut plane = zeros(width * height)?;
        for (to, pixel) in plane.iter_mut().zip(pixels.chunks_exact(4)) {
            *to = pixel[3];
        }
        alpha = Some(plane);
    }
    Ok((planes, alpha))
}

fn fill<const CHANNELS: usize, const TRANSPARENT: bool>(planes: &mut Planes, weights: &Weights, pixels: &[u8]) {
    let (width, stride) = (planes.width, planes.stride);
    let rows = pixels.as_chunks::<CHANNELS>().0.chunks_exact(width);
    for (luma, row) in planes.luma.chunks_exact_mut(stride).zip(rows.clone()) {
        for (to, pixel) in luma.iter_mut().zip(row) {
            *to = weights.luma([pixel[0], pixel[1], pixel[2]]);
        }
    }
    let halves = planes.cb.chunks_exact_mut(stride / 2).zip(planes.cr.chunks_exact_mut(stride / 2));
    for (y, (cb, cr)) in halves.enumerate() {
        let upper = &pixels.as_chunks::<CHANNELS>().0[2 * y * width..][..width];
        let lower = rows.clone().nth(2 * y + 1).unwrap_or(upper);
        let samples = cb.iter_mut().zip(cr).zip(upper.chunks(2).zip(lower.chunks(2)));
        for ((cb, cr), (above, below)) in samples {
            // The last column of an odd number stands for the one beside it too.
            let four = [above[0], above[above.len() - 1], below[0], below[below.len() - 1]];
            let sum =
                if TRANSPARENT { seen(four) } else { [0, 1, 2].map(|at| four.iter().map(|p| i32::from(p[at])).sum()) };
            (*cb, *cr) = weights.chroma(sum);
        }
    }
}

/// Four times the mean of four colours by their alpha.
fn seen<const CHANNELS: usize>(four: [[u8; CHANNELS]; 4]) -> [i32; 3] {
    let alphas = four.map(|pixel| i32::from(pixel[3]));
    let all: i32 = alphas.iter().sum();
    [0, 1, 2].map(|at| {
        let levels = four.map(|pixel| i32::from(pixel[at]));
        if all == 0 || alphas == [alphas[0]; 4] {
            return levels.iter().sum();
        }
        let weighed: i32 = levels.iter().zip(alphas).map(|(level, alpha)| level * alpha).sum();
        (4 * weighed + all / 2) / all
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_those_of_jfif() {
        assert_eq!(pixel(76, 85, 255), [254, 0, 0]);
        assert_eq!(pixel(255, 128, 128), [255, 255, 255]);
        assert_eq!(pixel(0, 128, 128), [0, 0, 0]);
        for level in 0..=255 {
            assert_eq!(pixel(level, 128, 128), [level; 3]);
            assert_eq!(Levels::of(false).pixel(level, 128, 128), [level; 3]);
        }
        assert_eq!(Levels::of(true).pixel(16, 128, 128), [0; 3]);
        assert_eq!(Levels::of(true).pixel(235, 128, 128), [255; 3]);
    }

    #[test]
    fn pixels_come_back_from_planes() {
        for (width, height) in [(1, 1), (2, 3), (17, 5)] {
            for channels in [3, 4] {
                // Two by two of one colour.
                let color = |x: usize, y: usize| [(40 * (x / 2)) as u8, 200, (60 * (y / 2)) as u8, 255];
                let pixels: Vec<u8> =
                    (0..width * height).flat_map(|at| color(at % width, at / width)[..channels].to_vec()).collect();
                let sheet = Sheet { pixels: &pixels, width, height, channels };
                for limited in [false, true] {
                    let (planes, alpha) = planes_of(&sheet, limited).unwrap();
                    assert!(alpha.is_none() && planes.is_whole());
                    let mut back = vec![0; 3 * width * height];
                    pixels_of(&planes, &Levels::of(limited), &mut back);
                    for (back, own) in back.chunks_exact(3).zip(pixels.chunks_exact(channels)) {
                        assert!(back.iter().zip(own).all(|(a, b)| a.abs_diff(*b) <= 2), "{back:?} {own:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn hidden_colours_do_not_mix_with_seen_ones() {
        let pixels: Vec<u8> = [[255, 0, 0, 255], [0, 255, 0, 0], [0, 255, 0, 0], [0, 255, 0, 0]].concat();
        let (planes, alpha) = planes_of(&Sheet { pixels: &pixels, width: 2, height: 2, channels: 4 }, false).unwrap();
        assert_eq!(alpha.unwrap(), [255, 0, 0, 0]);
        assert_eq!((planes.cb[0], planes.cr[0]), (85, 255));
    }

    #[test]
    fn colours_come_back_from_planes() {
        for limited in [false, true] {
            let (weights, levels) = (Weights::of(limited), Levels::of(limited));
            let back = |rgb: [u8; 3]| {
                let (cb, cr) = weights.chroma(rgb.map(|level| 4 * i32::from(level)));
                levels.pixel(weights.luma(rgb), cb, cr)
            };
            let (black, white) = if limited { (16, 235) } else { (0, 255) };
            assert_eq!((weights.luma([0; 3]), weights.luma([255; 3])), (black, white));
            for at in 0..=255u8 {
                assert_eq!(weights.chroma([4 * i32::from(at); 3]), (128, 128));
                let rgb = [at, 255 - at, at.wrapping_mul(37)];
                let most = back(rgb).iter().zip(rgb).map(|(one, other)| one.abs_diff(other)).max();
                assert!(most <= Some(2), "{rgb:?} {:?}", back(rgb));
            }
        }
    }
}
