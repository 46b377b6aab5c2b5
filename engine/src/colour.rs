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

#[inline]
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
}
