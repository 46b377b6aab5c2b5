//! The transforms of transforms.rs for AVX2, two blocks at a time, one in each half of the registers: equal bytes. Loads and stores are in
//! ../lanczos_avx2.rs.

use std::arch::x86_64::*;

use super::transforms::*;
use crate::lanczos_avx2::{load_rows, store};

/// Two constants for `_mm256_madd_epi16`.
#[target_feature(enable = "avx2")]
fn pair(first: i32, second: i32) -> __m256i {
    _mm256_set1_epi32(first & 0xFFFF | second << 16)
}

#[target_feature(enable = "avx2")]
fn rounded<const SHIFT: i32>(sum: __m256i) -> __m256i {
    _mm256_srai_epi32(_mm256_add_epi32(sum, _mm256_set1_epi32(1 << (SHIFT - 1))), SHIFT)
}

/// Both halves of values that were worked on at 32 bits.
type Wide = [__m256i; 2];

#[target_feature(enable = "avx2")]
fn weave(a: __m256i, b: __m256i) -> Wide {
    [_mm256_unpacklo_epi16(a, b), _mm256_unpackhi_epi16(a, b)]
}

#[target_feature(enable = "avx2")]
fn times([low, high]: Wide, by: __m256i) -> Wide {
    [_mm256_madd_epi16(low, by), _mm256_madd_epi16(high, by)]
}

#[target_feature(enable = "avx2")]
fn plus(a: Wide, b: Wide) -> Wide {
    [_mm256_add_epi32(a[0], b[0]), _mm256_add_epi32(a[1], b[1])]
}

#[target_feature(enable = "avx2")]
fn minus(a: Wide, b: Wide) -> Wide {
    [_mm256_sub_epi32(a[0], b[0]), _mm256_sub_epi32(a[1], b[1])]
}

#[target_feature(enable = "avx2")]
fn short<const SHIFT: i32>(sums: Wide) -> __m256i {
    _mm256_packs_epi32(rounded::<SHIFT>(sums[0]), rounded::<SHIFT>(sums[1]))
}

/// Columns of eight, one in each place of the registers.
#[target_feature(enable = "avx2")]
fn eight<const SHIFT: i32>(x: [__m256i; 8]) -> [__m256i; 8] {
    let zero = _mm256_setzero_si256();
    let wide = |value: __m256i| weave(zero, value).map(|half| _mm256_srai_epi32(half, 16 - FRACTION as i32));
    let (a, b) = (wide(_mm256_add_epi16(x[0], x[4])), wide(_mm256_sub_epi16(x[0], x[4])));
    let even = weave(x[2], x[6]);
    let outer = times(even, pair(F0_541 + F0_765, F0_541));
    let inner = times(even, pair(F0_541, F0_541 - F1_847));
    let even = [plus(a, outer), plus(b, inner), minus(b, inner), minus(a, outer)];
    let cross = weave(_mm256_add_epi16(x[7], x[3]), _mm256_add_epi16(x[5], x[1]));
    let r = times(cross, pair(F1_175 - F1_961, F1_175));
    let s = times(cross, pair(F1_175, F1_175 - F0_390));
    let (seven, five) = (weave(x[7], x[1]), weave(x[5], x[3]));
    let odd = [
        plus(times(seven, pair(-F0_899, F1_501 - F0_899)), s),
        plus(times(five, pair(-F2_562, F3_072 - F2_562)), r),
        plus(times(five, pair(F2_053 - F2_562, -F2_562)), s),
        plus(times(seven, pair(F0_298 - F0_899, -F0_899)), r),
    ];
    [
        short::<SHIFT>(plus(even[0], odd[0])),
        short::<SHIFT>(plus(even[1], odd[1])),
        short::<SHIFT>(plus(even[2], odd[2])),
        short::<SHIFT>(plus(even[3], odd[3])),
        short::<SHIFT>(minus(even[3], odd[3])),
        short::<SHIFT>(minus(even[2], odd[2])),
        short::<SHIFT>(minus(even[1], odd[1])),
        short::<SHIFT>(minus(even[0], odd[0])),
    ]
}

#[target_feature(enable = "avx2")]
fn transposed(x: [__m256i; 8]) -> [__m256i; 8] {
    let [a, b, c, d] = [weave(x[0], x[1]), weave(x[2], x[3]), weave(x[4], x[5]), weave(x[6], x[7])];
    let four = |a: __m256i, b: __m256i| [_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b)];
    let [e, f, g, h] = [four(a[0], b[0]), four(a[1], b[1]), four(c[0], d[0]), four(c[1], d[1])];
    let all = |a: __m256i, b: __m256i| [_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b)];
    let [i, j, k, l] = [all(e[0], g[0]), all(e[1], g[1]), all(f[0], h[0]), all(f[1], h[1])];
    [i[0], i[1], j[0], j[1], k[0], k[1], l[0], l[1]]
}

/// Whether a first row is so large that columns wrap where they hold nothing else.
#[target_feature(enable = "avx2")]
fn wraps(first: __m256i) -> bool {
    let beyond = _mm256_xor_si256(_mm256_srai_epi16(_mm256_slli_epi16(first, KEPT as i32), KEPT as i32), first);
    _mm256_testz_si256(beyond, beyond) == 0
}

#[target_feature(enable = "avx2")]
fn dequantised(pair: [&Block; 2], factors: &Factors) -> [__m256i; 8] {
    let (of, by) = (load_rows(pair), load_rows([factors; 2]));
    std::array::from_fn(|row| _mm256_mullo_epi16(of[row], by[row]))
}

/// To eight rows of 16 samples: of both blocks.
#[target_feature(enable = "avx2")]
fn whole(x: [__m256i; 8]) -> [__m128i; 8] {
    let columns = eight::<{ EIGHT[0] as i32 }>(x);
    let rows = transposed(eight::<{ EIGHT[1] as i32 }>(transposed(columns)));
    let two = |a: __m256i, b: __m256i| {
        let levels = _mm256_xor_si256(_mm256_packs_epi16(a, b), _mm256_set1_epi8(-128));
        let levels = _mm256_permute4x64_epi64(levels, 0b11_01_10_00);
        [_mm256_castsi256_si128(levels), _mm256_extracti128_si256(levels, 1)]
    };
    let [a, b, c, d] = [two(rows[0], rows[1]), two(rows[2], rows[3]), two(rows[4], rows[5]), two(rows[6], rows[7])];
    [a[0], a[1], b[0], b[1], c[0], c[1], d[0], d[1]]
}

/// To four rows of 8 samples, two rows in each register.
#[target_feature(enable = "avx2")]
fn half(x: [__m256i; 8]) -> [__m128i; 2] {
    let zero = _mm256_setzero_si256();
    let one = pair(F2_562, F0_899);
    let two = pair(-F0_601, -F0_509);
    let three = pair(F1_061, -F2_172);
    let four = pair(F1_451, -F0_211);
    let outer = pair(F1_847, -F0_765);
    let wide = |value: __m256i| _mm256_srai_epi32(value, 15 - FRACTION as i32);
    let sums = |first: Wide, even: Wide, low: Wide, high: Wide| {
        let even = times(even, outer);
        let (a, b) = (plus(first, even), minus(first, even));
        let (c, d) = (plus(times(low, one), times(high, two)), plus(times(low, three), times(high, four)));
        [plus(a, c), plus(b, d), minus(b, d), minus(a, c)]
    };
    let first = weave(zero, x[0]).map(wide);
    let columns = sums(first, weave(x[2], x[6]), weave(x[1], x[3]), weave(x[5], x[7]));
    let y = columns.map(|sums| short::<{ FOUR[0] as i32 }>(sums));
    let (a, b) = (weave(y[0], y[1]), weave(y[2], y[3]));
    // Two columns of four in each.
    let by_column = |a: __m256i, b: __m256i| [_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b)];
    let ([c01, c23], [c45, c67]) = (by_column(a[0], b[0]), by_column(a[1], b[1]));
    let first = wide(_mm256_unpacklo_epi16(zero, c01));
    let twice = |half: __m256i| [half, half];
    let rows = sums(
        twice(first),
        twice(_mm256_unpacklo_epi16(c23, c67)),
        twice(_mm256_unpackhi_epi16(c01, c23)),
        twice(_mm256_unpackhi_epi16(c45, c67)),
    )
    .map(|sums| rounded::<{ FOUR[1] as i32 }>(sums[0]));
    let (even, odd) = (_mm256_packs_epi32(rows[0], rows[2]), _mm256_packs_epi32(rows[1], rows[3]));
    let mixed = weave(even, odd);
    let (low, high) = (_mm256_unpacklo_epi32(mixed[0], mixed[1]), _mm256_unpackhi_epi32(mixed[0], mixed[1]));
    let levels = _mm256_xor_si256(_mm256_packs_epi16(low, high), _mm256_set1_epi8(-128));
    let (a, b) = (_mm256_castsi256_si128(levels), _mm256_extracti128_si256(levels, 1));
    [_mm_unpacklo_epi32(a, b), _mm_unpackhi_epi32(a, b)]
}

/// To two rows of two samples of each of two blocks: 4 bytes a row.
#[target_feature(enable = "avx2")]
fn quarter(x: [__m256i; 8]) -> [u32; 2] {
    let (one, two) = (pair(F3_624, -F1_272), pair(F0_850, -F0_720));
    let odd = plus(times(weave(x[1], x[3]), one), times(weave(x[5], x[7]), two));
    let first = weave(_mm256_setzero_si256(), x[0]).map(|half| _mm256_srai_epi32(half, 16 - FRACTION as i32 - 2));
    let rows = [plus(first, odd), minus(first, odd)].map(|sums| sums.map(|sums| rounded::<{ TWO[0] as i32 }>(sums)));
    // Of each row: the first column as it is, and columns 1, 3, 5 and 7 at 16 bits.
    let of_row = |[low, high]: Wide| {
        let all = _mm256_packs_epi32(low, high);
        let odd = _mm256_srli_epi32(all, 16);
        let odd = _mm256_packus_epi32(odd, odd);
        let sums = _mm256_madd_epi16(odd, _mm256_unpacklo_epi32(one, two));
        let sums = _mm256_add_epi32(sums, _mm256_srli_epi64(sums, 32));
        let first = _mm256_slli_epi32(low, FRACTION as i32 + 2);
        let both = _mm256_unpacklo_epi32(_mm256_add_epi32(first, sums), _mm256_sub_epi32(first, sums));
        rounded::<{ TWO[1] as i32 }>(both)
    };
    let levels = _mm256_packs_epi32(of_row(rows[0]), of_row(rows[1]));
    let levels = _mm256_xor_si256(_mm256_packs_epi16(levels, levels), _mm256_set1_epi8(-128));
    // Of each block: two samples of the first row at 0, two of the second at 4.
    let (a, b) = (_mm256_castsi256_si128(levels), _mm256_extracti128_si256(levels, 1));
    let both = _mm_unpacklo_epi16(a, b);
    [_mm_cvtsi128_si32(both) as u32, _mm_extract_epi32(both, 2) as u32]
}

/// See `transforms::row`.
#[target_feature(enable = "avx2")]
pub fn row(side: usize, blocks: &[Block], factors: &Factors, out: &mut [u8], stride: usize) {
    for (at, blocks) in blocks.chunks(2).enumerate() {
        let out = &mut out[2 * side * at..];
        let (one, other) = (&blocks[0], &blocks[blocks.len() - 1]);
        let x = dequantised([one, other], factors);
        let width = blocks.len() * side;
        match side {
            8 | 4 if wraps(x[0]) => row_scalar(side, blocks, factors, out, stride),
            8 => {
                for (y, row) in whole(x).into_iter().enumerate() {
                    store(row, &mut out[y * stride..][..width]);
                }
            }
            4 => {
                for (y, rows) in half(x).into_iter().enumerate() {
                    store(rows, &mut out[2 * y * stride..][..width]);
                    store(_mm_srli_si128(rows, 8), &mut out[(2 * y + 1) * stride..][..width]);
                }
            }
            _ => {
                for (y, row) in quarter(x).into_iter().enumerate() {
                    out[y * stride..][..width].copy_from_slice(&row.to_le_bytes()[..width]);
                }
            }
        }
    }
}
