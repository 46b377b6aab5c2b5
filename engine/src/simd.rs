//! The kernels of lanczos.rs, profile.rs and jpeg/transforms.rs for AVX2 and for NEON: all that is done by pointers. Their callers there have
//! checked all lengths.

use crate::jpeg::transforms::{Block, Factors};
use crate::lanczos::{LANES, ROWS, TO_KEPT, TO_LEVEL, Taps};

#[cfg(target_arch = "x86_64")]
pub mod avx2 {
    use std::arch::x86_64::*;

    use super::*;
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

    /// See `lanczos::levels`.
    pub fn levels(from: &[u8], factor: i32, beginning: i32, to: &mut [u8]) {
        #[target_feature(enable = "avx2")]
        fn change(from: &[u8], factor: i32, beginning: i32, to: &mut [u8]) {
            crate::lanczos::change(from, factor, beginning, to);
        }
        // SAFETY: this processor has AVX2, as above.
        unsafe { change(from, factor, beginning, to) }
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
}

/// NEON belongs to every arm64 processor, so what `profile::convert` says is compiled for it anyway.
#[cfg(target_arch = "aarch64")]
pub mod neon {
    use std::arch::aarch64::*;

    use super::*;

    /// See `lanczos::across`; `taps.count` is a multiple of 16.
    pub fn across(rows: [&[u8]; ROWS], taps: &Taps, out: &mut [i16], stride: usize) {
        assert!(taps.count.is_multiple_of(16) && out.len() >= ROWS * stride && stride >= taps.start.len());
        assert!(rows.iter().all(|row| row.len() >= taps.reach));
        // SAFETY: every arm64 processor has NEON; lengths as asserted.
        unsafe { across_rows(rows, taps, out, stride) }
    }

    /// See `lanczos::down`; `whole` is a multiple of 16.
    pub fn down(rows: &[&[i16]], coefficients: &[i16], beginning: i32, whole: usize, out: &mut [u8]) {
        assert!(whole.is_multiple_of(LANES) && out.len() >= whole && coefficients.len() == rows.len());
        assert!(rows.iter().all(|row| row.len() >= whole));
        // SAFETY: as above.
        unsafe { down_rows(rows, coefficients, beginning, whole, out) }
    }

    #[target_feature(enable = "neon")]
    unsafe fn across_rows(rows: [&[u8]; ROWS], taps: &Taps, out: &mut [i16], stride: usize) {
        for (x, &start) in taps.start.iter().enumerate() {
            let coefficients = taps.of(x).as_ptr();
            // Two sums a row: one would wait for itself.
            let mut sums = [[vdupq_n_s32(0); 2]; ROWS];
            for k in (0..taps.count).step_by(16) {
                // SAFETY: `of` gives `count` coefficients, and rows reach `start + count`.
                unsafe {
                    let c = [vld1q_s16(coefficients.add(k)), vld1q_s16(coefficients.add(k + 8))];
                    for ([low, high], row) in sums.iter_mut().zip(rows) {
                        let samples = vld1q_u8(row.as_ptr().add(start + k));
                        let a = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(samples)));
                        let b = vreinterpretq_s16_u16(vmovl_high_u8(samples));
                        *low = vmlal_s16(*low, vget_low_s16(a), vget_low_s16(c[0]));
                        *high = vmlal_high_s16(*high, a, c[0]);
                        *low = vmlal_s16(*low, vget_low_s16(b), vget_low_s16(c[1]));
                        *high = vmlal_high_s16(*high, b, c[1]);
                    }
                }
            }
            let [a, b, c, d] = sums.map(|[low, high]| vaddq_s32(low, high));
            let sums = vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d));
            let kept = vqrshrn_n_s32::<{ TO_KEPT as i32 }>(sums);
            let kept = vget_lane_u64::<0>(vreinterpret_u64_s16(kept));
            for y in 0..ROWS {
                out[y * stride + x] = (kept >> (16 * y)) as i16;
            }
        }
    }

    #[target_feature(enable = "neon")]
    unsafe fn down_rows(rows: &[&[i16]], coefficients: &[i16], beginning: i32, whole: usize, out: &mut [u8]) {
        for x in (0..whole).step_by(LANES) {
            let mut sums = [vdupq_n_s32(beginning); 4];
            for (row, &c) in rows.iter().zip(coefficients) {
                // SAFETY: rows are at least `whole` long.
                let (a, b) = unsafe { (vld1q_s16(row.as_ptr().add(x)), vld1q_s16(row.as_ptr().add(x + 8))) };
                sums[0] = vmlal_n_s16(sums[0], vget_low_s16(a), c);
                sums[1] = vmlal_high_n_s16(sums[1], a, c);
                sums[2] = vmlal_n_s16(sums[2], vget_low_s16(b), c);
                sums[3] = vmlal_high_n_s16(sums[3], b, c);
            }
            let [a, b, c, d] = sums.map(|sum| vqmovn_s32(vshrq_n_s32::<{ TO_LEVEL as i32 }>(sum)));
            let levels = vqmovun_high_s16(vqmovun_s16(vcombine_s16(a, b)), vcombine_s16(c, d));
            // SAFETY: `out` is at least `whole` long.
            unsafe { vst1q_u8(out.as_mut_ptr().add(x), levels) };
        }
    }

    // What jpeg/transforms_neon.rs needs of what is unsafe.

    /// See `transforms::row`.
    pub fn transform_row(side: usize, blocks: &[Block], factors: &Factors, out: &mut [u8], stride: usize) {
        // SAFETY: every arm64 processor has NEON; lengths are checked where it stores.
        unsafe { crate::jpeg::transforms_neon::row(side, blocks, factors, out, stride) }
    }

    /// The rows of a block.
    #[target_feature(enable = "neon")]
    pub fn load_rows(block: &[i16; 64]) -> [int16x8_t; 8] {
        // SAFETY: 8 values lie at 8 times 0 to 7 of 64.
        std::array::from_fn(|row| unsafe { vld1q_s16(block.as_ptr().add(8 * row)) })
    }
}
