//! The transforms of transforms.rs for AVX2, two blocks at a time, one in each half of the registers: equal bytes. Loads and stores are in
//! ../simd.rs. Arrays are written out: the compiler does not inline what is for AVX2 into `map` and `from_fn`, which are not.

use std::arch::x86_64::*;

use super::transforms::*;
use crate::simd::avx2::{load_rows, store};

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

/// Values at 32 bits, from the upper half on `DOWN` bits down.
#[target_feature(enable = "avx2")]
fn widened<const DOWN: i32>(values: __m256i) -> Wide {
    let [low, high] = weave(_mm256_setzero_si256(), values);
    [_mm256_srai_epi32(low, DOWN), _mm256_srai_epi32(high, DOWN)]
}

/// Columns of eight, one in each place of the registers.
#[target_feature(enable = "avx2")]
fn eight<const SHIFT: i32>(x: [__m256i; 8]) -> [__m256i; 8] {
    const UP: i32 = 16 - FRACTION as i32;
    let (a, b) = (widened::<UP>(_mm256_add_epi16(x[0], x[4])), widened::<UP>(_mm256_sub_epi16(x[0], x[4])));
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
    let (mut rows, by) = (load_rows(pair), load_rows([factors; 2]));
    for row in 0..8 {
        rows[row] = _mm256_mullo_epi16(rows[row], by[row]);
    }
    rows
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

/// Constants of the transform to four.
struct ToFour {
    outer: __m256i,
    odd: [__m256i; 4],
}

impl ToFour {
    #[target_feature(enable = "avx2")]
    fn new() -> Self {
        let odd = [pair(F2_562, F0_899), pair(-F0_601, -F0_509), pair(F1_061, -F2_172), pair(F1_451, -F0_211)];
        Self { outer: pair(F1_847, -F0_765), odd }
    }

    /// Of the first, of the second and sixth, of the first and third odd ones, of the other two.
    #[target_feature(enable = "avx2")]
    fn sums(&self, first: Wide, even: Wide, low: Wide, high: Wide) -> [Wide; 4] {
        let even = times(even, self.outer);
        let (a, b) = (plus(first, even), minus(first, even));
        let c = plus(times(low, self.odd[0]), times(high, self.odd[1]));
        let d = plus(times(low, self.odd[2]), times(high, self.odd[3]));
        [plus(a, c), plus(b, d), minus(b, d), minus(a, c)]
    }
}

/// To four rows of 8 samples, two rows in each register.
#[target_feature(enable = "avx2")]
fn half(x: [__m256i; 8]) -> [__m128i; 2] {
    const UP: i32 = 15 - FRACTION as i32;
    const COLUMNS: i32 = FOUR[0] as i32;
    const ROWS: i32 = FOUR[1] as i32;
    let by = ToFour::new();
    let [a, b, c, d] = by.sums(widened::<UP>(x[0]), weave(x[2], x[6]), weave(x[1], x[3]), weave(x[5], x[7]));
    let (a, b) = (weave(short::<COLUMNS>(a), short::<COLUMNS>(b)), weave(short::<COLUMNS>(c), short::<COLUMNS>(d)));
    // Two columns of four in each.
    let (c01, c23) = (_mm256_unpacklo_epi32(a[0], b[0]), _mm256_unpackhi_epi32(a[0], b[0]));
    let (c45, c67) = (_mm256_unpacklo_epi32(a[1], b[1]), _mm256_unpackhi_epi32(a[1], b[1]));
    // A row of the result fills half a register: the other half is the same once more.
    let first = _mm256_srai_epi32(_mm256_unpacklo_epi16(_mm256_setzero_si256(), c01), UP);
    let even = _mm256_unpacklo_epi16(c23, c67);
    let (low, high) = (_mm256_unpackhi_epi16(c01, c23), _mm256_unpackhi_epi16(c45, c67));
    let [a, b, c, d] = by.sums([first; 2], [even; 2], [low; 2], [high; 2]);
    let even = _mm256_packs_epi32(rounded::<ROWS>(a[0]), rounded::<ROWS>(c[0]));
    let odd = _mm256_packs_epi32(rounded::<ROWS>(b[0]), rounded::<ROWS>(d[0]));
    let mixed = weave(even, odd);
    let (low, high) = (_mm256_unpacklo_epi32(mixed[0], mixed[1]), _mm256_unpackhi_epi32(mixed[0], mixed[1]));
    let levels = _mm256_xor_si256(_mm256_packs_epi16(low, high), _mm256_set1_epi8(-128));
    let (a, b) = (_mm256_castsi256_si128(levels), _mm256_extracti128_si256(levels, 1));
    [_mm_unpacklo_epi32(a, b), _mm_unpackhi_epi32(a, b)]
}

/// A row of two samples of each of two blocks, of columns that were transformed: the first as it is, columns 1, 3, 5 and 7 at 16 bits.
#[target_feature(enable = "avx2")]
fn row_of_two([low, high]: Wide) -> __m256i {
    let all = _mm256_packs_epi32(low, high);
    let odd = _mm256_srli_epi32(all, 16);
    let odd = _mm256_packus_epi32(odd, odd);
    let by = _mm256_unpacklo_epi32(pair(F3_624, -F1_272), pair(F0_850, -F0_720));
    let sums = _mm256_madd_epi16(odd, by);
    let sums = _mm256_add_epi32(sums, _mm256_srli_epi64(sums, 32));
    let first = _mm256_slli_epi32(low, FRACTION as i32 + 2);
    let both = _mm256_unpacklo_epi32(_mm256_add_epi32(first, sums), _mm256_sub_epi32(first, sums));
    rounded::<{ TWO[1] as i32 }>(both)
}

#[target_feature(enable = "avx2")]
fn shifted<const SHIFT: i32>([low, high]: Wide) -> Wide {
    [rounded::<SHIFT>(low), rounded::<SHIFT>(high)]
}

/// To two rows of two samples of each of two blocks: 4 bytes a row.
#[target_feature(enable = "avx2")]
fn quarter(x: [__m256i; 8]) -> [u32; 2] {
    const COLUMNS: i32 = TWO[0] as i32;
    let (one, two) = (pair(F3_624, -F1_272), pair(F0_850, -F0_720));
    let odd = plus(times(weave(x[1], x[3]), one), times(weave(x[5], x[7]), two));
    let first = widened::<{ 16 - FRACTION as i32 - 2 }>(x[0]);
    let top = row_of_two(shifted::<COLUMNS>(plus(first, odd)));
    let bottom = row_of_two(shifted::<COLUMNS>(minus(first, odd)));
    let levels = _mm256_packs_epi32(top, bottom);
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
