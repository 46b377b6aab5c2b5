//! Pixels of an original whose profile says curves and a matrix, as sRGB. In integers, and in the steps in which Little CMS converts 8 bits
//! for libvips: curves into 14 bits of linear light, the matrix, the curve of sRGB. So the same pixels become the same bytes.

use std::sync::LazyLock;

use crate::colour::{self, Weights};
use crate::lanczos::Kernels;
use crate::planes::Planes;
use crate::{Failure, zeros};

const BITS: u32 = 14;
const ONE: i32 = 1 << BITS;
/// Three products of it and `ONE` are within 32 bits.
const MOST_FACTOR: i32 = 5 << (BITS - 1);
const LEVELS: usize = 256;

type Srgb = [u8; ONE as usize + 1];

/// From linear light in `ONE`ths to levels of sRGB, by the rounded numbers of the profile that libvips converts to.
static SRGB: LazyLock<Box<Srgb>> = LazyLock::new(|| {
    let part = |number: i32| f64::from(number) / 65_536.0;
    let (gamma, scale, offset) = (part(157_289), part(62_119), part(3_417));
    let (slope, from) = (part(5_072), part(2_651));
    let mut levels = Box::new([0; ONE as usize + 1]);
    for (light, level) in levels.iter_mut().enumerate() {
        let light = light as f64 / f64::from(ONE);
        let value = if light < from * slope { light / slope } else { (light.powf(1.0 / gamma) - offset) / scale };
        // To 16 bits, and from these to 8.
        let deep = (value.clamp(0.0, 1.0) * 65_535.0 + 0.5).floor();
        *level = ((deep * 65_281.0 + 8_388_608.0) / 16_777_216.0).floor() as u8;
    }
    levels
});

/// How red, green and blue of an original become those of sRGB.
#[derive(Clone, Debug)]
pub struct Conversion {
    curves: Box<[[u16; LEVELS]; 3]>,
    matrix: [[i32; 3]; 3],
}

impl Conversion {
    /// `matrix` from linear light of the original to that of sRGB, row by row, and `curves` from its levels to linear light, 256 for
    /// each of red, green and blue; all in 16384ths. None where these are no such numbers.
    pub fn new(matrix: &[i32], curves: &[u16]) -> Option<Self> {
        let sound = matrix.iter().all(|factor| (-MOST_FACTOR..=MOST_FACTOR).contains(factor))
            && curves.iter().all(|light| i32::from(*light) <= ONE);
        if !sound || matrix.len() != 9 || curves.len() != 3 * LEVELS {
            return None;
        }
        let mut own = Box::new([[0; LEVELS]; 3]);
        for (to, from) in own.iter_mut().zip(curves.chunks_exact(LEVELS)) {
            to.copy_from_slice(from);
        }
        let row = |at: usize| [matrix[3 * at], matrix[3 * at + 1], matrix[3 * at + 2]];
        Some(Self { curves: own, matrix: [row(0), row(1), row(2)] })
    }

    #[inline(always)]
    fn pixel(&self, srgb: &Srgb, [red, green, blue]: [u8; 3]) -> [u8; 3] {
        let [reds, greens, blues] = &*self.curves;
        let (red, green, blue) = (reds[usize::from(red)], greens[usize::from(green)], blues[usize::from(blue)]);
        let (red, green, blue) = (i32::from(red), i32::from(green), i32::from(blue));
        self.matrix.map(|[r, g, b]| {
            let light = (r * red + g * green + b * blue + (1 << (BITS - 1))) >> BITS;
            srgb[light.clamp(0, ONE) as usize]
        })
    }

    /// Red, green and blue of each pixel.
    pub fn pixels(&self, pixels: &mut [u8]) {
        let srgb = &**SRGB;
        for pixel in pixels.as_chunks_mut::<3>().0 {
            *pixel = self.pixel(srgb, *pixel);
        }
    }

    /// Three planes of one size and full range, whose rows lie `stride` apart and are filled up with their last sample, as planes of 4:2:0.
    pub fn planes(
        &self,
        kernels: Kernels,
        [luma, cb, cr]: [Vec<u8>; 3],
        (width, height, stride): (usize, usize, usize),
        limited: bool,
    ) -> Result<Planes, Failure> {
        assert!(stride.is_multiple_of(2) && [&luma, &cb, &cr].iter().all(|plane| plane.len() == stride * height));
        let half = stride / 2 * height.div_ceil(2);
        let mut planes = Planes { width, height, stride, luma, cb: zeros(half)?, cr: zeros(half)? };
        let mut work = Work { weights: Weights::of(limited), pixels: zeros(6 * stride)?, stride };
        let pairs = planes.luma.chunks_mut(2 * stride).zip(cb.chunks(2 * stride).zip(cr.chunks(2 * stride)));
        let halves = planes.cb.chunks_exact_mut(stride / 2).zip(planes.cr.chunks_exact_mut(stride / 2));
        for ((luma, (cb, cr)), (half_cb, half_cr)) in pairs.zip(halves) {
            let pair = Pair { luma, cb, cr, half_cb, half_cr };
            match kernels {
                #[cfg(target_arch = "x86_64")]
                Kernels::Avx2 => crate::simd::avx2::convert(self, &mut work, pair),
                #[cfg(target_arch = "aarch64")]
                Kernels::Neon => self.convert(&mut work, pair),
                Kernels::Scalar => self.convert(&mut work, pair),
            }
        }
        Ok(planes)
    }

    /// Compiled for each processor: see simd.rs.
    #[inline(always)]
    pub fn convert(&self, Work { weights, pixels, stride }: &mut Work, pair: Pair) {
        let Pair { luma, cb, cr, half_cb, half_cr } = pair;
        let srgb = &**SRGB;
        let length = luma.len();
        let (red, rest) = pixels.split_at_mut(2 * *stride);
        let (green, blue) = rest.split_at_mut(2 * *stride);
        let samples = luma.iter().zip(cb).zip(cr);
        for (((red, green), blue), ((luma, cb), cr)) in
            red.iter_mut().zip(green.iter_mut()).zip(blue.iter_mut()).zip(samples)
        {
            [*red, *green, *blue] = colour::pixel(*luma, *cb, *cr);
        }
        for ((red, green), blue) in red.iter_mut().zip(green.iter_mut()).zip(blue.iter_mut()).take(length) {
            [*red, *green, *blue] = self.pixel(srgb, [*red, *green, *blue]);
        }
        for (((luma, red), green), blue) in luma.iter_mut().zip(red.iter()).zip(green.iter()).zip(blue.iter()) {
            *luma = weights.luma([*red, *green, *blue]);
        }
        // The last row of an odd number stands for the one below it too.
        for plane in [&mut *red, &mut *green, &mut *blue] {
            plane.copy_within(..2 * *stride - length, length);
        }
        let four = |plane: &[u8], x: usize| -> i32 {
            let (upper, lower) = (&plane[2 * x..][..2], &plane[*stride + 2 * x..][..2]);
            i32::from(upper[0]) + i32::from(upper[1]) + i32::from(lower[0]) + i32::from(lower[1])
        };
        for (x, (cb, cr)) in half_cb.iter_mut().zip(half_cr).enumerate() {
            (*cb, *cr) = weights.chroma([four(red, x), four(green, x), four(blue, x)]);
        }
    }
}

/// What two rows are converted in.
pub struct Work {
    weights: Weights,
    /// Two rows of red, two of green, two of blue.
    pixels: Vec<u8>,
    stride: usize,
}

/// Two rows of full planes, or the last one, and the row of halved ones that is made of them. Brightness is replaced.
pub struct Pair<'a> {
    luma: &'a mut [u8],
    cb: &'a [u8],
    cr: &'a [u8],
    half_cb: &'a mut [u8],
    half_cr: &'a mut [u8],
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of an original in sRGB itself.
    fn unchanged() -> Conversion {
        let light = |level: usize| {
            let value = level as f64 / 255.0;
            let light = if value < 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) };
            (light * f64::from(ONE)).round() as u16
        };
        let curves: Vec<u16> = (0..3 * LEVELS).map(|at| light(at % LEVELS)).collect();
        Conversion::new(&[ONE, 0, 0, 0, ONE, 0, 0, 0, ONE], &curves).unwrap()
    }

    #[test]
    fn levels_of_srgb_come_back() {
        let mut pixels: Vec<u8> = (0..=255).flat_map(|level| [level, 255 - level, level ^ 0x55]).collect();
        let before = pixels.clone();
        unchanged().pixels(&mut pixels);
        assert_eq!(pixels, before);
    }

    #[test]
    fn numbers_that_are_none_are_refused() {
        let (matrix, curves) = ([ONE, 0, 0, 0, ONE, 0, 0, 0, ONE], vec![0; 3 * LEVELS]);
        assert!(Conversion::new(&matrix, &curves).is_some());
        assert!(Conversion::new(&matrix[1..], &curves).is_none());
        assert!(Conversion::new(&matrix, &curves[1..]).is_none());
        assert!(Conversion::new(&matrix, &vec![ONE as u16 + 1; 3 * LEVELS]).is_none());
        for factor in [MOST_FACTOR + 1, -MOST_FACTOR - 1, i32::MIN, i32::MAX] {
            assert!(Conversion::new(&[factor; 9], &curves).is_none());
        }
        // The largest of all sums stays within 32 bits.
        let most = Conversion::new(&[MOST_FACTOR; 9], &vec![ONE as u16; 3 * LEVELS]).unwrap();
        let mut pixel = [255; 3];
        most.pixels(&mut pixel);
        assert_eq!(pixel, [255; 3]);
    }

    #[test]
    fn the_kernels_of_all_processors_give_equal_planes() {
        let curves: Vec<u16> = (0..3 * LEVELS).map(|at| ((at % LEVELS) * (at % LEVELS) / 4) as u16).collect();
        let conversion =
            Conversion::new(&[22_000, -5_000, -600, -300, 16_800, -116, 7, -1_200, 17_577], &curves).unwrap();
        let mut seed = 88_172_645_463_325_252u64;
        for (width, height) in [(1, 1), (16, 2), (33, 7), (640, 3)] {
            let stride = usize::next_multiple_of(width, 16);
            let mut plane = || -> Vec<u8> {
                let mut noise = || {
                    seed ^= seed << 13;
                    seed ^= seed >> 7;
                    seed ^= seed << 17;
                    (seed >> 24) as u8
                };
                (0..stride * height).map(|_| noise()).collect()
            };
            let of = |kernels, planes: &[Vec<u8>; 3], limited| {
                let planes = conversion.planes(kernels, planes.clone(), (width, height, stride), limited).ok().unwrap();
                (planes.luma, planes.cb, planes.cr)
            };
            let planes = [plane(), plane(), plane()];
            for limited in [false, true] {
                assert_eq!(of(Kernels::Scalar, &planes, limited), of(Kernels::best(), &planes, limited));
            }
        }
    }
}
