//! YCbCr of JFIF (full-range BT.601) to red, green and blue, and to the limited range of WebP.

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

/// The pixels of 4:2:0 planes.
pub fn pixels_of(planes: &Planes, pixels: &mut [u8]) {
    for (y, row) in pixels.chunks_exact_mut(3 * planes.width).enumerate() {
        let luma = &planes.luma[y * planes.stride..][..planes.width];
        let chroma = y / 2 * (planes.stride / 2);
        let (cb, cr) = (&planes.cb[chroma..], &planes.cr[chroma..]);
        for ((pair, luma), (cb, cr)) in row.chunks_mut(6).zip(luma.chunks(2)).zip(cb.iter().zip(cr)) {
            for (out, luma) in pair.chunks_exact_mut(3).zip(luma) {
                out.copy_from_slice(&pixel(*luma, *cb, *cr));
            }
        }
    }
}

/// To 16 to 235, and 16 to 240 for chroma: what VP8 holds.
pub fn limit(planes: &mut Planes) {
    let table = |middle: f64, range: f64, from: f64| -> [u8; 256] {
        std::array::from_fn(|level| (from + (level as f64 - middle) * range / 255.0).round() as u8)
    };
    let luma = table(0.0, 219.0, 16.0);
    let chroma = table(128.0, 224.0, 128.0);
    for (plane, table) in [(&mut planes.luma, &luma), (&mut planes.cb, &chroma), (&mut planes.cr, &chroma)] {
        for level in plane {
            *level = table[usize::from(*level)];
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
        }
    }
}
