//! The transforms of transforms.rs for NEON, four columns at a time: equal bytes. Loads are in ../simd.rs.

use std::arch::aarch64::*;

use super::transforms::*;
use crate::simd::neon::load_rows;

/// Rows of four of a block's columns.
type Columns<const ROWS: usize> = [int16x4_t; ROWS];

/// The sum of products with constants, at 32 bits, which wrap.
#[target_feature(enable = "neon")]
fn sum<const N: usize>(terms: [(int16x4_t, i32); N]) -> int32x4_t {
    terms.into_iter().fold(vdupq_n_s32(0), |sum, (value, by)| vmlal_n_s16(sum, value, by as i16))
}

/// The shift's own rounding would not wrap, as that of other processors does.
#[target_feature(enable = "neon")]
fn rounded<const SHIFT: i32>(sum: int32x4_t) -> int32x4_t {
    vshrq_n_s32::<SHIFT>(vaddq_s32(sum, vdupq_n_s32(1 << (SHIFT - 1))))
}

#[target_feature(enable = "neon")]
fn short<const SHIFT: i32>(sum: int32x4_t) -> int16x4_t {
    vqmovn_s32(rounded::<SHIFT>(sum))
}

#[target_feature(enable = "neon")]
fn eight<const SHIFT: i32>(x: Columns<8>) -> Columns<8> {
    let even = [vadd_s16(x[0], x[4]), vsub_s16(x[0], x[4])].map(|value| vshll_n_s16::<{ FRACTION as i32 }>(value));
    let inner = sum([(x[2], F0_541), (x[6], F0_541 - F1_847)]);
    let outer = sum([(x[2], F0_541 + F0_765), (x[6], F0_541)]);
    let (p, q) = (vadd_s16(x[7], x[3]), vadd_s16(x[5], x[1]));
    let r = sum([(p, F1_175 - F1_961), (q, F1_175)]);
    let s = sum([(p, F1_175), (q, F1_175 - F0_390)]);
    let odd = [
        vaddq_s32(sum([(x[7], -F0_899), (x[1], F1_501 - F0_899)]), s),
        vaddq_s32(sum([(x[5], -F2_562), (x[3], F3_072 - F2_562)]), r),
        vaddq_s32(sum([(x[5], F2_053 - F2_562), (x[3], -F2_562)]), s),
        vaddq_s32(sum([(x[7], F0_298 - F0_899), (x[1], -F0_899)]), r),
    ];
    let even =
        [vaddq_s32(even[0], outer), vaddq_s32(even[1], inner), vsubq_s32(even[1], inner), vsubq_s32(even[0], outer)];
    std::array::from_fn(|at| {
        let nth = if at < 4 { at } else { 7 - at };
        let sum = if at < 4 { vaddq_s32(even[nth], odd[nth]) } else { vsubq_s32(even[nth], odd[nth]) };
        short::<SHIFT>(sum)
    })
}

/// Four of eight, whose fifth is left out.
#[target_feature(enable = "neon")]
fn four<const SHIFT: i32>(x: Columns<8>) -> Columns<4> {
    let first = vshll_n_s16::<{ FRACTION as i32 + 1 }>(x[0]);
    let second = sum([(x[2], F1_847), (x[6], -F0_765)]);
    let even = [vaddq_s32(first, second), vsubq_s32(first, second)];
    let odd = [
        sum([(x[1], F2_562), (x[3], F0_899), (x[5], -F0_601), (x[7], -F0_509)]),
        sum([(x[1], F1_061), (x[3], -F2_172), (x[5], F1_451), (x[7], -F0_211)]),
    ];
    let sums = [
        vaddq_s32(even[0], odd[0]),
        vaddq_s32(even[1], odd[1]),
        vsubq_s32(even[1], odd[1]),
        vsubq_s32(even[0], odd[0]),
    ];
    sums.map(|sum| short::<SHIFT>(sum))
}

/// Rows become columns.
#[target_feature(enable = "neon")]
fn turned([a, b, c, d]: Columns<4>) -> Columns<4> {
    let pairs =
        |a: int16x4_t, b: int16x4_t| [vreinterpret_s32_s16(vtrn1_s16(a, b)), vreinterpret_s32_s16(vtrn2_s16(a, b))];
    let ([e, f], [g, h]) = (pairs(a, b), pairs(c, d));
    [vtrn1_s32(e, g), vtrn1_s32(f, h), vtrn2_s32(e, g), vtrn2_s32(f, h)].map(|row| vreinterpret_s16_s32(row))
}

/// Four of eight rows.
fn quad(rows: &Columns<8>, from: usize) -> Columns<4> {
    std::array::from_fn(|row| rows[from + row])
}

fn both(upper: Columns<4>, lower: Columns<4>) -> Columns<8> {
    std::array::from_fn(|row| if row < 4 { upper[row] } else { lower[row - 4] })
}

#[target_feature(enable = "neon")]
fn levels(row: int16x8_t) -> u64 {
    let signed = vreinterpret_u8_s8(vqmovn_s16(row));
    vget_lane_u64::<0>(vreinterpret_u64_u8(veor_u8(signed, vdup_n_u8(0x80))))
}

/// Whether a first row is so large that columns wrap where they hold nothing else.
#[target_feature(enable = "neon")]
fn wraps(first: int16x8_t) -> bool {
    let kept = vshrq_n_s16::<{ KEPT as i32 }>(vshlq_n_s16::<{ KEPT as i32 }>(first));
    vmaxvq_u16(vreinterpretq_u16_s16(veorq_s16(kept, first))) != 0
}

/// To eight rows of eight samples.
#[target_feature(enable = "neon")]
fn whole(left: Columns<8>, right: Columns<8>) -> [u64; 8] {
    let (left, right) = (eight::<{ EIGHT[0] as i32 }>(left), eight::<{ EIGHT[0] as i32 }>(right));
    let upper = both(turned(quad(&left, 0)), turned(quad(&right, 0)));
    let lower = both(turned(quad(&left, 4)), turned(quad(&right, 4)));
    let (upper, lower) = (eight::<{ EIGHT[1] as i32 }>(upper), eight::<{ EIGHT[1] as i32 }>(lower));
    let left = both(turned(quad(&upper, 0)), turned(quad(&lower, 0)));
    let right = both(turned(quad(&upper, 4)), turned(quad(&lower, 4)));
    std::array::from_fn(|row| levels(vcombine_s16(left[row], right[row])))
}

/// To four rows of four samples, two rows in each number.
#[target_feature(enable = "neon")]
fn half(left: Columns<8>, right: Columns<8>) -> [u64; 2] {
    let (left, right) = (four::<{ FOUR[0] as i32 }>(left), four::<{ FOUR[0] as i32 }>(right));
    let rows = turned(four::<{ FOUR[1] as i32 }>(both(turned(left), turned(right))));
    [levels(vcombine_s16(rows[0], rows[1])), levels(vcombine_s16(rows[2], rows[3]))]
}

/// To two rows of two samples each.
#[target_feature(enable = "neon")]
fn quarter(left: Columns<8>, right: Columns<8>) -> [[u8; 2]; 2] {
    let column = |x: Columns<8>| {
        let odd = sum([(x[1], F3_624), (x[3], -F1_272), (x[5], F0_850), (x[7], -F0_720)]);
        let first = vshll_n_s16::<{ FRACTION as i32 }>(x[0]);
        let first = vshlq_n_s32::<2>(first);
        [vaddq_s32(first, odd), vsubq_s32(first, odd)].map(|sum| rounded::<{ TWO[0] as i32 }>(sum))
    };
    let (left, right) = (column(left), column(right));
    // Of columns 0 to 3 and 4 to 7, of which the odd ones count beside the first.
    let by =
        |constants: [i16; 4]| vcreate_s16(constants.iter().rev().fold(0, |all, c| all << 16 | u64::from(*c as u16)));
    let (low, high) = (by([0, F3_624 as i16, 0, -F1_272 as i16]), by([0, F0_850 as i16, 0, -F0_720 as i16]));
    std::array::from_fn(|row| {
        let odd = vmlal_s16(vmull_s16(vqmovn_s32(left[row]), low), vqmovn_s32(right[row]), high);
        let odd = vaddvq_s32(odd);
        let first = vgetq_lane_s32::<0>(left[row]).wrapping_shl(FRACTION + 2);
        [first.wrapping_add(odd), first.wrapping_sub(odd)].map(|sum| {
            let level = sum.wrapping_add(1 << (TWO[1] - 1)) >> TWO[1];
            (level.clamp(-128, 127) + 128) as u8
        })
    })
}

/// See `transforms::row`.
#[target_feature(enable = "neon")]
pub fn row(side: usize, blocks: &[Block], factors: &Factors, out: &mut [u8], stride: usize) {
    let factors_of = load_rows(factors);
    for (at, block) in blocks.iter().enumerate() {
        let out = &mut out[at * side..];
        let rows = load_rows(block);
        let rows: [int16x8_t; 8] = std::array::from_fn(|row| vmulq_s16(rows[row], factors_of[row]));
        let (left, right) = (rows.map(|row| vget_low_s16(row)), rows.map(|row| vget_high_s16(row)));
        match side {
            8 | 4 if wraps(rows[0]) => row_scalar(side, std::slice::from_ref(block), factors, out, stride),
            8 => {
                for (y, row) in whole(left, right).into_iter().enumerate() {
                    out[y * stride..][..8].copy_from_slice(&row.to_le_bytes());
                }
            }
            4 => {
                for (y, rows) in half(left, right).into_iter().enumerate() {
                    out[2 * y * stride..][..4].copy_from_slice(&rows.to_le_bytes()[..4]);
                    out[(2 * y + 1) * stride..][..4].copy_from_slice(&rows.to_le_bytes()[4..]);
                }
            }
            _ => {
                for (y, row) in quarter(left, right).into_iter().enumerate() {
                    out[y * stride..][..2].copy_from_slice(&row);
                }
            }
        }
    }
}
