//! YCbCr of JFIF (full-range BT.601) to red, green and blue, also where its range was limited for WebP.

use crate::lanczos::Range;
use crate::planes::Planes;

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
