//! The kernels of lanczos.rs and profile.rs for AVX2. Their callers there have checked all lengths.

use std::arch::x86_64::*;

use crate::jpeg::transforms::{Block, Factors};
use crate::lanczos::{LANES, ROWS, TO_KEPT, TO_LEVEL, Taps};
use crate::profile::{Conversion, Pair, Work};

/// See `lanczos::across`; `taps.count` is a multiple of 16.
pub fn across(rows: [&[u8]; ROWS], taps: &Taps, out: &mut [i16], stride: usize) {
    assert!(taps.count.is_multiple_of(16) && out.len() >= ROWS * stride && stride >= taps.start.len());
    assert!(rows.iter().all(|row| row.len() >= taps.reach));
    // SAFETY: this processor has AVX2, or `Kernels::Avx2` would not have been chosen; lengths as asserted.
    unsafe { across_rows(rows, taps, out, stride) }
}

/// See `lanczos::down`; `whole` is a multiple of 16.
pub fn down(rows: &[&[i16]], coefficients: &[i16], beginning: i32, whole: usize, out: &mut [u8]) {
    assert!(whole.is_multiple_of(LANES) && out.len() >= whole && coefficients.len() == rows.len());
    assert!(rows.iter().all(|row| row.len() >= whole));
    // SAFETY: as above.
    unsafe { down_rows(rows, coefficients, beginning, whole, out) }
}

/// See `Conversion::convert`, whose arithmetic the compiler does in this processor's registers.
pub fn convert(conversion: &Conversion, work: &mut Work, pair: Pair) {
    #[target_feature(enable = "avx2")]
    fn convert_rows(conversion: &Conversion, work: &mut Work, pair: Pair) {
        conversion.convert(work, pair);
    }
    // SAFETY: this processor has AVX2, as above.
    unsafe { convert_rows(conversion, work, pair) }
}

#[target_feature(enable = "avx2")]
unsafe fn across_rows(rows: [&[u8]; ROWS], taps: &Taps, out: &mut [i16], stride: usize) {
    let round = _mm_set1_epi32(1 << (TO_KEPT - 1));
    for (x, &start) in taps.start.iter().enumerate() {
        let coefficients = taps.of(x).as_ptr();
        let mut sums = [_mm256_setzero_si256(); ROWS];
        for k in (0..taps.count).step_by(16) {
            // SAFETY: `of` gives `count` coefficients, and rows reach `start + count`.
            unsafe {
                let c = _mm256_loadu_si256(coefficients.add(k).cast());
                for (sum, row) in sums.iter_mut().zip(rows) {
                    let samples = _mm256_cvtepu8_epi16(_mm_loadu_si128(row.as_ptr().add(start + k).cast()));
                    *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(samples, c));
                }
            }
        }
        let sums = _mm256_hadd_epi32(_mm256_hadd_epi32(sums[0], sums[1]), _mm256_hadd_epi32(sums[2], sums[3]));
        let sums = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
        let kept = _mm_srai_epi32(_mm_add_epi32(sums, round), TO_KEPT as i32);
        let kept = _mm_cvtsi128_si64(_mm_packs_epi32(kept, kept));
        for y in 0..ROWS {
            out[y * stride + x] = (kept >> (16 * y)) as i16;
        }
    }
}

#[target_feature(enable = "avx2")]
unsafe fn down_rows(rows: &[&[i16]], coefficients: &[i16], beginning: i32, whole: usize, out: &mut [u8]) {
    let beginning = _mm256_set1_epi32(beginning);
    let zero = _mm256_setzero_si256();
    for x in (0..whole).step_by(LANES) {
        let (mut low, mut high) = (beginning, beginning);
        for k in (0..rows.len()).step_by(2) {
            let second = coefficients.get(k + 1).copied().unwrap_or(0);
            let c = _mm256_set1_epi32(i32::from(coefficients[k]) & 0xFFFF | i32::from(second) << 16);
            // SAFETY: rows and `out` are at least `whole` long.
            unsafe {
                let a = _mm256_loadu_si256(rows[k].as_ptr().add(x).cast());
                let b = rows.get(k + 1).map_or(zero, |row| _mm256_loadu_si256(row.as_ptr().add(x).cast()));
                low = _mm256_add_epi32(low, _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), c));
                high = _mm256_add_epi32(high, _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), c));
            }
        }
        let levels =
            _mm256_packs_epi32(_mm256_srai_epi32(low, TO_LEVEL as i32), _mm256_srai_epi32(high, TO_LEVEL as i32));
        let levels = _mm256_permute4x64_epi64(_mm256_packus_epi16(levels, levels), 0b1000);
        // SAFETY: as above.
        unsafe { _mm_storeu_si128(out.as_mut_ptr().add(x).cast(), _mm256_castsi256_si128(levels)) };
    }
}

// What jpeg/transforms_avx2.rs needs of what is unsafe.

/// See `transforms::row`.
pub fn transform_row(side: usize, blocks: &[Block], factors: &Factors, out: &mut [u8], stride: usize) {
    // SAFETY: this processor has AVX2, or `Kernels::Avx2` would not have been chosen; its lengths are checked where it stores.
    unsafe { crate::jpeg::transforms_avx2::row(side, blocks, factors, out, stride) }
}

/// Rows of two blocks, one in each half.
#[target_feature(enable = "avx2")]
pub fn load_rows(pair: [&[i16; 64]; 2]) -> [__m256i; 8] {
    let mut rows = [_mm256_setzero_si256(); 8];
    for (at, row) in rows.iter_mut().enumerate() {
        // SAFETY: 8 values lie at 8 times 0 to 7 of 64.
        let (low, high) = unsafe {
            let [one, other] = pair;
            (_mm_loadu_si128(one.as_ptr().add(8 * at).cast()), _mm_loadu_si128(other.as_ptr().add(8 * at).cast()))
        };
        *row = _mm256_set_m128i(high, low);
    }
    rows
}

/// The first 4, 8 or 16 samples, as many as there is room for.
#[target_feature(enable = "avx2")]
pub fn store(samples: __m128i, to: &mut [u8]) {
    match to.len() {
        // SAFETY: there is room for all.
        16 => unsafe { _mm_storeu_si128(to.as_mut_ptr().cast(), samples) },
        8 => to.copy_from_slice(&_mm_cvtsi128_si64(samples).to_le_bytes()),
        _ => to.copy_from_slice(&_mm_cvtsi128_si32(samples).to_le_bytes()),
    }
}
