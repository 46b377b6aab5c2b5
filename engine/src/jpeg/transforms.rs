//! Inverse transforms of blocks (T.81, A.3.3), to the byte those of libjpeg-turbo's kernels for x86-64: "islow" at 8 × 8, its reduced
//! forms at 4 × 4 and 2 × 2, and the mean at 1 × 1. So what is beyond 16 bits wraps or saturates where it does there. The algorithm is that of
//! Loeffler, Ligtenberg and Moschytz (1989); reduced, it leaves out the coefficients of what is too fine.

use crate::lanczos::Kernels;

/// Coefficients in rows.
pub type Block = [i16; 64];
/// What they are multiplied by, in rows.
pub type Factors = [i16; 64];

/// Bits of the fraction of constants, and of what is handed on from columns to rows.
pub const FRACTION: u32 = 13;
pub const KEPT: u32 = 2;

/// A constant of a transform.
const fn fixed(number: f64) -> i32 {
    (number * (1 << FRACTION) as f64 + 0.5) as i32
}

pub const F0_211: i32 = fixed(0.211164243);
pub const F0_298: i32 = fixed(0.298631336);
pub const F0_390: i32 = fixed(0.390180644);
pub const F0_509: i32 = fixed(0.509795579);
pub const F0_541: i32 = fixed(0.541196100);
pub const F0_601: i32 = fixed(0.601344887);
pub const F0_720: i32 = fixed(0.720959822);
pub const F0_765: i32 = fixed(0.765366865);
pub const F0_850: i32 = fixed(0.850430095);
pub const F0_899: i32 = fixed(0.899976223);
pub const F1_061: i32 = fixed(1.061594337);
pub const F1_175: i32 = fixed(1.175875602);
pub const F1_272: i32 = fixed(1.272758580);
pub const F1_451: i32 = fixed(1.451774981);
pub const F1_501: i32 = fixed(1.501321110);
pub const F1_847: i32 = fixed(1.847759065);
pub const F1_961: i32 = fixed(1.961570560);
pub const F2_053: i32 = fixed(2.053119869);
pub const F2_172: i32 = fixed(2.172734803);
pub const F2_562: i32 = fixed(2.562915447);
pub const F3_072: i32 = fixed(3.072711026);
pub const F3_624: i32 = fixed(3.624509785);

/// How many bits sums are shifted by after columns and after rows.
pub const EIGHT: [u32; 2] = [FRACTION - KEPT, FRACTION + KEPT + 3];
pub const FOUR: [u32; 2] = [FRACTION - KEPT + 1, FRACTION + KEPT + 4];
pub const TWO: [u32; 2] = [FRACTION - KEPT + 2, FRACTION + KEPT + 5];

/// Rounded, and no longer than 16 bits.
fn scaled(sum: i32, shift: u32) -> i16 {
    rounded(sum, shift).clamp(i16::MIN.into(), i16::MAX.into()) as i16
}

fn rounded(sum: i32, shift: u32) -> i32 {
    sum.wrapping_add(1 << (shift - 1)) >> shift
}

fn sum<const N: usize>(terms: [(i16, i32); N]) -> i32 {
    terms.iter().fold(0, |sum: i32, (value, by)| sum.wrapping_add(i32::from(*value) * by))
}

fn level(value: i16) -> u8 {
    (value.clamp(-128, 127) + 128) as u8
}

/// One column or row of eight.
fn eight(x: [i16; 8], shift: u32) -> [i16; 8] {
    let even = [x[0].wrapping_add(x[4]), x[0].wrapping_sub(x[4])].map(|value| i32::from(value) << FRACTION);
    let inner = sum([(x[2], F0_541), (x[6], F0_541 - F1_847)]);
    let outer = sum([(x[2], F0_541 + F0_765), (x[6], F0_541)]);
    let (p, q) = (x[7].wrapping_add(x[3]), x[5].wrapping_add(x[1]));
    let r = sum([(p, F1_175 - F1_961), (q, F1_175)]);
    let s = sum([(p, F1_175), (q, F1_175 - F0_390)]);
    let odd = [
        sum([(x[7], -F0_899), (x[1], F1_501 - F0_899)]).wrapping_add(s),
        sum([(x[5], -F2_562), (x[3], F3_072 - F2_562)]).wrapping_add(r),
        sum([(x[5], F2_053 - F2_562), (x[3], -F2_562)]).wrapping_add(s),
        sum([(x[7], F0_298 - F0_899), (x[1], -F0_899)]).wrapping_add(r),
    ];
    let even = [
        even[0].wrapping_add(outer),
        even[1].wrapping_add(inner),
        even[1].wrapping_sub(inner),
        even[0].wrapping_sub(outer),
    ];
    std::array::from_fn(|at| {
        let sum = if at < 4 { even[at].wrapping_add(odd[at]) } else { even[7 - at].wrapping_sub(odd[7 - at]) };
        scaled(sum, shift)
    })
}

/// Four of a column or row of eight, whose fifth is left out.
fn four(x: [i16; 8], shift: u32) -> [i16; 4] {
    let first = i32::from(x[0]) << (FRACTION + 1);
    let second = sum([(x[2], F1_847), (x[6], -F0_765)]);
    let even = [first.wrapping_add(second), first.wrapping_sub(second)];
    let odd = [
        sum([(x[1], F2_562), (x[3], F0_899), (x[5], -F0_601), (x[7], -F0_509)]),
        sum([(x[1], F1_061), (x[3], -F2_172), (x[5], F1_451), (x[7], -F0_211)]),
    ];
    let sums = [
        even[0].wrapping_add(odd[0]),
        even[1].wrapping_add(odd[1]),
        even[1].wrapping_sub(odd[1]),
        even[0].wrapping_sub(odd[0]),
    ];
    sums.map(|sum| scaled(sum, shift))
}

/// Two of a column or row of eight, of which the first and the odd ones count.
fn two(first: i32, odd: [i16; 4], shift: u32) -> [i32; 2] {
    let odd = sum([(odd[0], F3_624), (odd[1], -F1_272), (odd[2], F0_850), (odd[3], -F0_720)]);
    let first = first.wrapping_shl(FRACTION + 2);
    [first.wrapping_add(odd), first.wrapping_sub(odd)].map(|sum| rounded(sum, shift))
}

/// Columns that hold nothing but their first row are not transformed, and what is too large wraps there. `rows`: of those that count.
fn is_flat(block: &Block, rows: &[usize]) -> bool {
    rows.iter().all(|row| block[8 * row..][..8].iter().all(|value| *value == 0))
}

fn column(block: &Block, factors: &Factors, x: usize) -> [i16; 8] {
    std::array::from_fn(|y| block[8 * y + x].wrapping_mul(factors[8 * y + x]))
}

/// Columns and then rows, by a transform that leaves `SIDE` of eight. `rows`: of a block, those that count behind the first.
fn square<const SIDE: usize>(
    [block, factors]: [&Block; 2],
    rows: &[usize],
    transform: impl Fn([i16; 8], u32) -> [i16; SIDE],
    shifts: [u32; 2],
    out: &mut [u8],
    stride: usize,
) {
    let flat = is_flat(block, rows);
    let columns: [[i16; SIDE]; 8] = std::array::from_fn(|x| {
        let column = column(block, factors, x);
        if flat { [column[0] << KEPT; SIDE] } else { transform(column, shifts[0]) }
    });
    for y in 0..SIDE {
        let row = transform(std::array::from_fn(|x| columns[x][y]), shifts[1]);
        out[y * stride..][..SIDE].copy_from_slice(&row.map(level));
    }
}

fn quarter(block: &Block, factors: &Factors, out: &mut [u8], stride: usize) {
    let short = |value: i32| value.clamp(i16::MIN.into(), i16::MAX.into()) as i16;
    let columns = [0, 1, 3, 5, 7].map(|x| {
        let column = column(block, factors, x);
        two(i32::from(column[0]), [column[1], column[3], column[5], column[7]], TWO[0])
    });
    for y in 0..2 {
        let row = two(columns[0][y], std::array::from_fn(|x| short(columns[x + 1][y])), TWO[1]);
        out[y * stride..][..2].copy_from_slice(&row.map(|value| level(short(value))));
    }
}

/// The mean of a block by its first coefficient. What is far beyond levels wraps, as libjpeg's table of levels does.
pub fn mean(first: i16, factor: i16) -> u8 {
    let value = (i32::from(first) * i32::from(factor) + 4) >> 3 & 1023;
    match value {
        0..128 => (value + 128) as u8,
        128..512 => 255,
        512..896 => 0,
        _ => (value - 896) as u8,
    }
}

/// Blocks that lie beside one another, to `side` × `side` samples each (2, 4 or 8), in rows that lie `stride` apart.
pub fn row(kernels: Kernels, side: usize, blocks: &[Block], factors: &Factors, out: &mut [u8], stride: usize) {
    match kernels {
        Kernels::Scalar => row_scalar(side, blocks, factors, out, stride),
        #[cfg(target_arch = "x86_64")]
        Kernels::Avx2 => crate::simd::avx2::transform_row(side, blocks, factors, out, stride),
        #[cfg(target_arch = "aarch64")]
        Kernels::Neon => crate::simd::neon::transform_row(side, blocks, factors, out, stride),
    }
}

pub fn row_scalar(side: usize, blocks: &[Block], factors: &Factors, out: &mut [u8], stride: usize) {
    for (at, block) in blocks.iter().enumerate() {
        let out = &mut out[at * side..];
        match side {
            8 => square([block, factors], &[1, 2, 3, 4, 5, 6, 7], eight, EIGHT, out, stride),
            4 => square([block, factors], &[1, 2, 3, 5, 6, 7], four, FOUR, out, stride),
            _ => quarter(block, factors, out, stride),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks of a picture, blocks of a mean alone, and what no picture holds: all 16 bits, and the ends of their range.
    #[test]
    fn the_kernels_of_all_processors_give_equal_samples() {
        let mut seed = 88_172_645_463_325_252_u64;
        let mut noise = || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed >> 24) as i16
        };
        for nth in 0..3000 {
            let count = 1 + nth % 5;
            let mut blocks = vec![[0; 64]; count];
            for value in blocks.as_flattened_mut() {
                let far = noise();
                *value = match nth % 6 {
                    0 => far >> 9,
                    1 => far,
                    2 => [i16::MIN, i16::MAX, 0, 1][far as usize & 3],
                    3 if far & 7 == 0 => noise() >> 4,
                    _ => 0,
                };
            }
            if nth % 6 > 3 {
                // Rows below the first hold nothing: what is too large wraps there.
                blocks.iter_mut().for_each(|block| block[..8].fill_with(|| noise() >> (nth % 5)));
            }
            let mut factors = [1; 64];
            factors.fill_with(|| if nth % 2 == 0 { 1 } else { noise() & 255 });
            for side in [2, 4, 8] {
                let of = |kernels| {
                    let stride = side * count + 3;
                    let mut out = vec![0; stride * side];
                    row(kernels, side, &blocks, &factors, &mut out, stride);
                    out
                };
                assert_eq!(of(Kernels::Scalar), of(Kernels::best()), "{side} samples a side, round {nth}");
            }
        }
    }
}
